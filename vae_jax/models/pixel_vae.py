"""Images whose pixels are written one after another, each given z and its neighbours."""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from vae_jax import layers
from vae_jax.types import Array, Posterior, UserError


class Model(nn.Module):
  """p(x|z) = prod_i p(x_i | z, c_i), c_i the pixels before i that are at most `reach` away.

    encoder  h = f(W1 x + b1), one for each of `hidden`;  mean = Wm h + bm,  logvar = Wv h + bv
    trunk    t = g(z), dense layers of `hidden` in reverse, then `features` numbers a pixel
    head     u = a(A t_i + B c_i),  u <- u + a(C u),  theta_i = D u

  z says what the picture is and c_i what a stroke does next. Gulrajani et al. (2017), whose
  masked convolutions are many; here one layer looks at neighbours, so that pixels far enough
  apart depend on no common unknown and are written at once (`order`). Channels of one pixel
  are independent given z and c_i.
  """

  shape: tuple[int, ...]  # of x: (H, W, C)
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no strided convolution here: accepted and not used
  hidden: tuple[int, ...] = (400,)  # widths of the encoder; the trunk has them reversed
  features: int = 8  # of a pixel, made of z
  reach: int = 3  # how far away a pixel's neighbours are at most
  width: int = 32  # of the head
  activation: str = "silu"  # a name in layers.ACTIVATIONS

  def setup(self):
    """The layers; a UserError where the shape is not that of an image."""
    _ = self.order
    if self.reach < 1:
      raise UserError(f"model.reach is {self.reach}; a pixel looks at least 1 away.")
    dense = lambda n: nn.Dense(n, dtype=self.dtype)
    self.act = layers.activation(self.activation)
    self.down = [dense(n) for n in self.hidden]
    self.mean, self.logvar = dense(self.latents), dense(self.latents)
    self.up = [dense(n) for n in reversed(self.hidden)]
    self.spread = dense(math.prod(self.shape[:2]) * self.features)
    self.from_z, self.from_pixels = dense(self.width), dense(self.width)
    self.again, self.out = dense(self.width), dense(self.shape[2] * self.outputs)

  @property
  def order(self) -> np.ndarray:
    """Which pixels are written at each step: [S, A] places i W + j, -1 where there is none.

    A pixel sees `reach` columns to the right in the rows above: row i is reach + 1 columns
    behind row i - 1.

    Raises:
      UserError: the shape is not that of an image.
    """
    if len(self.shape) != 3:
      raise UserError(
        f"The model 'pixel_vae' reads images (H, W, C), not the shape {tuple(self.shape)}; take"
        " 'mlp' for it."
      )
    height, width = self.shape[:2]
    rows, columns = np.divmod(np.arange(height * width), width)
    step = columns + (self.reach + 1) * rows
    groups = [np.flatnonzero(step == s) for s in range(step.max() + 1)]
    found = np.full((len(groups), max(map(len, groups))), -1)
    for s, group in enumerate(groups):
      found[s, : len(group)] = group
    return found

  def encode(self, x: Array) -> Posterior:
    """x [H, W, C] -> mean, logvar [L], float32."""
    h = x.reshape(-1)
    for layer in self.down:
      h = self.act(layer(h))
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def trunk(self, z: Array) -> Array:
    """z [L] -> what every pixel is told of it, [H W, features]."""
    h = z
    for layer in self.up:
      h = self.act(layer(h))
    return self.act(self.spread(h)).reshape(-1, self.features)

  def at(self, trunk: Array, x: Array, places: Array) -> Array:
    """theta [A, C, P] of some pixels [A], of what `trunk` made and the pixels before them."""
    padded, wide = self._padded(x), self.shape[1] + 2 * self.reach
    rows, columns = jnp.divmod(places, self.shape[1])
    start = rows * wide + columns
    steps = jnp.asarray([a * wide + b for a, b in self._offsets()])
    seen = padded.reshape(-1, padded.shape[-1])[start[:, None] + steps[None]]
    return self._head(trunk[places], seen.reshape(len(places), -1))

  def decode(self, z: Array, x: Array | None = None) -> Array:
    """z [L] and the picture x that is written -> [H, W, C, P], float32.

    A pixel's outputs depend on pixels before it alone. Without x every pixel reads black.
    """
    height, width = self.shape[:2]
    padded = self._padded(jnp.zeros(self.shape) if x is None else x)
    seen = [padded[a : a + height, b : b + width] for a, b in self._offsets()]
    context = jnp.concatenate(seen, -1).reshape(height * width, -1)
    return self._head(self.trunk(z), context).reshape(*self.shape, self.outputs)

  def generate(
    self, z: Array, choose: Callable[[Array, Array], Array]
  ) -> tuple[Array, Array]:
    """Writes a picture pixel by pixel: x [H, W, C], and theta [H, W, C, P] along the way.

    Args:
      z: [L].
      choose: (theta [P], t []) -> [] the value of element t.
    """
    trunk, channels = self.trunk(z), self.shape[2]

    def step(x: Array, i: Array) -> tuple[Array, Array]:
      theta = self.at(trunk, x.reshape(self.shape), i[None])[0]
      own = [choose(theta[c], i * channels + c) for c in range(channels)]
      return lax.dynamic_update_slice(
        x, jnp.stack(own)[None].astype(x.dtype), (i, 0)
      ), theta

    pixels = math.prod(self.shape[:2])
    x, theta = lax.scan(step, jnp.zeros((pixels, channels)), jnp.arange(pixels))
    return x.reshape(self.shape), theta.reshape(*self.shape, self.outputs)

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean and with black pixels before: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)

  def _offsets(self) -> list[tuple[int, int]]:
    """Where the neighbours lie in the padded picture, from a pixel's own place in x."""
    r = self.reach
    above = [(a, b) for a in range(r) for b in range(2 * r + 1)]
    return above + [(r, b) for b in range(r)]

  def _padded(self, x: Array) -> Array:
    """x and which pixels are black, with `reach` zeros around: [H + r, W + 2 r, 2 C]."""
    both = jnp.concatenate([x, (x <= 0.0).astype(x.dtype)], -1).astype(self.dtype)
    return jnp.pad(both, ((self.reach, 0), (self.reach, self.reach), (0, 0)))

  def _head(self, told: Array, seen: Array) -> Array:
    """[A, features] of z and [A, 2 C K] of neighbours -> theta [A, C, P], float32."""
    u = self.act(self.from_z(told) + self.from_pixels(seen))
    u = u + self.act(self.again(u))
    theta = self.out(u).reshape(-1, self.shape[2], self.outputs)
    return theta.astype("float32")
