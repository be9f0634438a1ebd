"""A top-down ladder of convolutional latents, of any depth, for images."""

import math

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import layers
from vae_jax.models import _halves
from vae_jax.models._block import Block
from vae_jax.types import Array, Posterior, UserError


class Model(nn.Module):
  """Groups of feature maps of latents from the coarsest picture to the finest, top-down.

    p(z) = prod_g p(z_g | z_<g),   q(z|x) = prod_g q(z_g | z_<g, f_g(x))
    h <- h + W z_g, a residual block, and a transposed convolution where the picture grows
    p_g = N(m(h), v(h)),   q_g = N(m(h) + d(h, f), log v(h) + e(h, f))

  The features f of x are made on the way up, the path h on the way down is shared by q and p: the
  ladder of Sønderby et al. (2016) in the residual form of Vahdat & Kautz (2020), section 3.2, and
  Child (2021), section 3. A group has `latents` numbers at each place of its picture.
  """

  shape: tuple[int, ...]  # of x: (H, W, C), H and W at least 4
  outputs: int  # P
  latents: int  # of each place of each group; L is the sum over groups of places times this
  dtype: str = "float32"
  lowering: str = "xla"  # "xla" or "dense", see layers.choose_lowering
  channels: tuple[int, ...] = (32, 64)  # of the path, one halving of the image for each
  blocks: tuple[int, ...] = (2, 2)  # groups on each size of the picture, the coarsest first
  kernel: int = 3

  @property
  def sizes(self) -> list[tuple[int, int]]:
    """(H, W) of the image and after each halving."""
    found = [tuple(self.shape[:2])]
    for _ in self.channels:
      found.append(tuple(layers.conv_size(n, self.kernel) for n in found[-1]))
    return found

  @property
  def levels(self) -> tuple[int, ...]:
    """Which size each group is of, the top first: its number of halvings."""
    found = []
    for halvings, count in zip(range(len(self.channels), 0, -1), self.blocks, strict=True):
      found += [halvings] * count
    return tuple(found)

  @property
  def groups(self) -> tuple[int, ...]:
    """Latents of each group, the top first; raises as `setup` does."""
    self._check()
    return tuple(self.latents * math.prod(self.sizes[level]) for level in self.levels)

  def setup(self):
    """The way up, the way down, the heads.

    Raises:
      UserError: x is no image, or the groups are not those of the halvings.
    """
    self._check()  # of a module that nobody asked for its groups
    options = {"kernel": self.kernel, "dtype": self.dtype, "lowering": self.lowering}
    flat = {"kernel": 1, "stride": 1, "dtype": self.dtype, "lowering": self.lowering}
    same = {**options, "stride": 1}
    self.halve = [layers.Conv(n, **options) for n in self.channels]
    self.read = [Block(**options) for _ in self.channels]
    width = {h + 1: n for h, n in enumerate(self.channels)}
    top = (*self.sizes[-1], self.channels[-1])
    self.start = self.param("start", nn.initializers.normal(0.02), top)
    heads = lambda: [layers.Conv(2 * self.latents, **flat) for _ in self.levels]
    self.p_heads, self.q_heads = heads(), heads()
    self.q_joins = [layers.Conv(width[level], **same) for level in self.levels]
    self.enters = [layers.Conv(width[level], **flat) for level in self.levels]
    self.steps = [Block(**options) for _ in self.levels]
    widths = (self.shape[2] * self.outputs, *self.channels[:-1])
    self.grow = [
      layers.ConvTranspose(n, size, **options)
      for n, size in zip(widths, self.sizes[:-1], strict=True)
    ]

  def _check(self) -> None:
    if len(self.shape) != 3 or min(self.shape[:2]) < 4:
      raise UserError(
        f"The model 'ladder' reads images (H, W, C) with H and W at least 4, not the shape"
        f" {tuple(self.shape)}; take 'two_layers' for it."
      )
    if len(self.blocks) != len(self.channels) or min(self.blocks) < 1:
      raise UserError(
        f"model.blocks is {tuple(self.blocks)} and model.channels {tuple(self.channels)}: one"
        " number of groups, 1 or more, for each halving of the image."
      )

  def encode(self, x: Array) -> tuple[Array, ...]:
    """[H, W, C] -> the features of each size, the finest first."""
    h, found = x, []
    for halve, read in zip(self.halve, self.read, strict=True):
      h = read(halve(h))
      found.append(h)
    return tuple(found)

  def top(self) -> tuple[int, Array]:
    """Before the first group: a learned picture."""
    return 0, self.start

  def group(
    self, where: tuple[int, Array], features: tuple[Array, ...] | None = None
  ) -> tuple[Posterior | None, Posterior]:
    """q and p of the group that the way down stands at, [H W latents] each."""
    g, h = where
    p = _halves.gaussian(self.p_heads[g](nn.silu(h)))
    if features is None:
      return None, p
    beside = jnp.concatenate([h, features[self.levels[g] - 1]], -1)
    d, e = _halves.gaussian(self.q_heads[g](nn.silu(self.q_joins[g](nn.silu(beside)))))
    return Posterior(p.mean + d, p.logvar + e), p

  def down(self, where: tuple[int, Array], z: Array) -> tuple[int, Array]:
    """With the draws of a group added, and grown where the next group is of a finer picture."""
    g, h = where
    level = self.levels[g]
    z = z.reshape(*self.sizes[level], self.latents).astype(h.dtype)
    h = self.steps[g](h + self.enters[g](z))
    last = g + 1 == len(self.levels)
    if last or self.levels[g + 1] != level:
      h = self.grow[level - 1](nn.silu(h))
    return g + 1, h

  def decode(self, z: Array) -> Array:
    """[L] -> [H, W, C, P], float32."""
    where, start = self.top(), 0
    for size in self.groups:
      where = self.down(where, z[start : start + size])
      start += size
    return where[1].reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> Array:
    """Down through the codes of q, and decoded: touches every parameter."""
    features, where, codes = self.encode(x), self.top(), []
    for _ in self.groups:
      codes.append(self.group(where, features)[0].mean)
      where = self.down(where, codes[-1])
    return self.decode(jnp.concatenate(codes))
