"""Strided convolutions down to a dense layer and back up, for images of any size."""

import math

from flax import linen as nn

from vae_jax import layers
from vae_jax.models._block import Blocks
from vae_jax.models._condition import joined
from vae_jax.types import Array, Posterior, UserError


class Model(nn.Module):
  """Convolutions of stride 2, a dense layer, the two heads; the decoder mirrors them, relu.

  With shape (28, 28, 1), one output and 10 latents this is the network of
  `configs/mnist.py`: conv 32 and 64, dense 400, heads of 10; dense 400, dense 7 7 64,
  transposed conv 32, transposed conv 1. Departures from PyTorch's usual form: this one flattens
  [H, W, C] and not [C, H, W], which changes the order of the entries of two matrices. It has no
  sigmoid at the end, as a likelihood follows. Kernels start from LeCun's normal, and biases at 0.
  PyTorch's kernels start from a uniform distribution of a third of its variance: `initial`
  "third_uniform".

  With `blocks` a residual block, h + f(h), stands so many times behind each halving of the encoder
  and before each doubling of the decoder (He et al. 2016, with the activation first).

  With `condition` "label" it is p(x|z, y) and q(z|x, y): one-hot(y) stands beside what the
  first dense layer of each half reads. Kingma et al. (2014), eq. 2; Sohn et al. (2015), eq. 4.
  """

  shape: tuple[int, ...]  # of x: (H, W, C), H and W at least 4
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # "xla" or "dense", see layers.choose_lowering
  channels: tuple[int, ...] = (32, 64)  # one halving of the image for each
  dense: int = 400  # width of the layer between image and latents
  kernel: int = 3
  initial: str = "lecun_normal"  # of kernels outside the blocks: a name in layers.INITIALS
  blocks: int = 0  # residual blocks at each size below the image's own
  observes: bool = False  # the encoder reads which pixels are missing, as further channels
  condition: str = "none"  # or "label": one-hot(y) beside the dense layers' inputs
  classes: int = 0  # C of the condition: of the data, not an option; 0: none

  OBSERVES = property(lambda self: self.observes)

  def setup(self):
    """The layers; a UserError where the shape is not that of an image."""
    if len(self.shape) != 3 or min(self.shape[:2]) < 4:
      raise UserError(
        f"The model 'conv' reads images (H, W, C) with H and W at least 4, not the shape "
        f"{tuple(self.shape)}; take 'mlp' for it."
      )
    sizes = [tuple(self.shape[:2])]
    for _ in self.channels:
      sizes.append(tuple(layers.conv_size(n, self.kernel) for n in sizes[-1]))
    self.top = (*sizes[-1], self.channels[-1])
    options = {"kernel": self.kernel, "dtype": self.dtype, "lowering": self.lowering}
    start = {"initial": self.initial}
    self.down = [layers.Conv(n, **options, **start) for n in self.channels]
    residual = {**options, "count": self.blocks}
    self.down_blocks = [Blocks(**residual) for _ in self.channels]
    self.up_blocks = [Blocks(**residual) for _ in self.channels]
    widths = (self.shape[2] * self.outputs, *self.channels[:-1])
    self.up = [
      layers.ConvTranspose(width, size, **options, **start)
      for width, size in reversed(list(zip(widths, sizes[:-1], strict=True)))
    ]
    dense = lambda n: nn.Dense(
      n, dtype=self.dtype, kernel_init=layers.initial(self.initial)
    )
    self.encode_dense = dense(self.dense)
    self.mean, self.logvar = dense(self.latents), dense(self.latents)
    self.decode_dense, self.decode_top = dense(self.dense), dense(math.prod(self.top))

  def encode(
    self, x: Array, observed: Array | None = None, label: Array | None = None
  ) -> Posterior:
    """x [H, W, C], observed [H, W, C or 1], label [] -> mean, logvar [L], float32."""
    h = layers.beside(x, observed) if self.observes else x
    for layer, blocks in zip(self.down, self.down_blocks, strict=True):
      h = blocks(nn.relu(layer(h)))
    h = nn.relu(self.encode_dense(joined(h.reshape(-1), label, self.classes)))
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array, label: Array | None = None) -> Array:
    """z [L], label [] of a conditional model -> [H, W, C, P], float32."""
    h = nn.relu(self.decode_dense(joined(z, label, self.classes)))
    h = nn.relu(self.decode_top(h)).reshape(self.top)
    for layer, blocks in zip(self.up[:-1], self.up_blocks, strict=False):
      h = nn.relu(layer(blocks(h)))
    return (
      self.up[-1](self.up_blocks[-1](h))
      .reshape(*self.shape, self.outputs)
      .astype("float32")
    )

  def __call__(self, x: Array, label: Array | None = None) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x, label=label)
    return posterior, self.decode(posterior.mean, label=label)
