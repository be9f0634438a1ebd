"""Strided convolutions over time down to a dense layer and back up, for sequences."""

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.types import Array, Posterior, UserError


class TimeConv(nn.Module):
  """A convolution over time, [T, C] -> [ceil(T / stride), width]: windows times a matrix.

  Zeros stand before the first and after the last step. As a product of matrices it is one for
  all members of a population too.
  """

  width: int
  kernel: int
  stride: int
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """The windows [T', kernel C] through one dense layer."""
    steps = -(-x.shape[0] // self.stride)
    before = (self.kernel - 1) // 2
    last = self.stride * (steps - 1)
    padded = jnp.pad(x, ((before, self.kernel + self.stride), (0, 0)))
    windows = [padded[i : i + last + 1 : self.stride] for i in range(self.kernel)]
    return nn.Dense(self.width, dtype=self.dtype)(jnp.concatenate(windows, -1))


class Model(nn.Module):
  """Convolutions of stride 2 over time and two dense layers; the decoder mirrors them.

    h_0 = x,  h_{k+1} = relu(conv(h_k)), half as many steps each
    mean, logvar = heads of relu(dense(h_K))
    back up: every step twice, then a convolution of stride 1

  Each step is doubled before it is convolved, as in Odena et al. (2016), "Deconvolution and
  checkerboard artifacts", so that no step is written more often than its neighbour.
  """

  shape: tuple[int, ...]  # of x: (T, F), T at least 4
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # products of matrices either way: accepted and not used
  channels: tuple[int, ...] = (32, 64)  # one halving of the steps for each
  dense: int = 128  # width of the layer between the steps and the latents
  kernel: int = 5  # steps

  def setup(self):
    """The layers; a UserError where the shape is not that of a sequence."""
    if len(self.shape) != 2 or self.shape[0] < 4:
      raise UserError(
        f"The model 'conv1d' reads sequences (T, F) of 4 steps or more, not the shape"
        f" {tuple(self.shape)}; take 'mlp' for it, or give the data a time axis."
      )
    sizes = [self.shape[0]]
    for _ in self.channels:
      sizes.append(-(-sizes[-1] // 2))
    self.sizes = tuple(sizes)
    options = {"kernel": self.kernel, "dtype": self.dtype}
    self.down = [TimeConv(n, stride=2, **options) for n in self.channels]
    widths = (self.shape[1] * self.outputs, *self.channels[:-1])
    self.up = [TimeConv(n, stride=1, **options) for n in reversed(widths)]
    self.encode_dense = nn.Dense(self.dense, dtype=self.dtype)
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype)
    self.decode_dense = nn.Dense(self.dense, dtype=self.dtype)
    self.decode_top = nn.Dense(sizes[-1] * self.channels[-1], dtype=self.dtype)

  def encode(self, x: Array) -> Posterior:
    """[T, F] -> mean, logvar [L], float32."""
    h = x
    for layer in self.down:
      h = nn.relu(layer(h))
    h = nn.relu(self.encode_dense(h.reshape(-1)))
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array) -> Array:
    """[L] -> [T, F, P], float32."""
    h = nn.relu(self.decode_dense(z))
    h = nn.relu(self.decode_top(h)).reshape(self.sizes[-1], self.channels[-1])
    for place, layer in enumerate(self.up):
      h = layer(jnp.repeat(h, 2, axis=0)[: self.sizes[-2 - place]])
      h = nn.relu(h) if place + 1 < len(self.up) else h
    return h.reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)
