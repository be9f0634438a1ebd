"""A residual block of convolutions, for models of images."""

from flax import linen as nn

from vae_jax import layers
from vae_jax.types import Array


class Block(nn.Module):
  """h + f(h): two convolutions of stride 1 behind activations; the last one starts small."""

  kernel: int = 3
  dtype: str = "float32"
  lowering: str = "xla"

  @nn.compact
  def __call__(self, h: Array) -> Array:
    """[H, W, C] -> [H, W, C]."""
    options = {"kernel": self.kernel, "stride": 1, "dtype": self.dtype}
    options["lowering"] = self.lowering
    f = layers.Conv(h.shape[-1], **options)(nn.silu(h))
    return h + 0.1 * layers.Conv(h.shape[-1], **options)(nn.silu(f))


class Blocks(nn.Module):
  """So many blocks, one after the other; none changes nothing."""

  count: int
  kernel: int = 3
  dtype: str = "float32"
  lowering: str = "xla"

  @nn.compact
  def __call__(self, h: Array) -> Array:
    """[H, W, C] -> [H, W, C]."""
    for _ in range(self.count):
      h = Block(self.kernel, self.dtype, self.lowering)(h)
    return h
