"""Strided convolution and its transpose for ONE example, in two lowerings with one layout.

The geometry is PyTorch's: kernel k, stride s, padding p = k // 2. Both read a kernel
[k, k, Cin, Cout] and a bias [Cout]:

  conv         y[i, j, o] = bias[o] + sum_abc x[i s + a - p, j s + b - p, c] w[a, b, c, o]
  transposed   y[i s + a - p, j s + b - p, o] += sum_c x[i, j, c] w[a, b, c, o], plus bias

"xla" is `lax.conv_general_dilated`. "dense" writes the same as one matrix product beside a
map without weights: im2col gathers the k k patches, col2im, its adjoint, scatters them.
Each is the other's derivative, so only the product is left to ordinary differentiation,
and under grad(mean(vmap(loss))) the gradient of w is one contraction over batch and space.
On a CPU that is many times faster than the convolution of XLA, which runs on one thread inside a
loop. Under a vmap over kernels it stays a batched product, and the convolution becomes a
grouped one. The dense lowering has no forward-mode derivative (`custom_vjp`).
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from vae_jax.registry import nearest
from vae_jax.types import Array, UserError

LOWERINGS = ("xla", "dense")
ACTIVATIONS = {
  "relu": nn.relu,
  "gelu": nn.gelu,
  "silu": nn.silu,
  "elu": nn.elu,
  "tanh": nn.tanh,
  "softplus": nn.softplus,
  "leaky_relu": nn.leaky_relu,
}
INITIALS = {  # of kernels, by the variance of an entry
  "lecun_normal": nn.initializers.lecun_normal(),  # 1 / inputs
  "he_normal": nn.initializers.he_normal(),  # 2 / inputs
  "glorot_uniform": nn.initializers.glorot_uniform(),  # 2 / (inputs + outputs)
  "third_uniform": nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
}


def activation(name: str) -> Callable[[Array], Array]:
  """The elementwise function of a name in ACTIVATIONS; a UserError for another name."""
  if name not in ACTIVATIONS:
    raise UserError(f"There is no activation {name!r}.{nearest(name, list(ACTIVATIONS))}")
  return ACTIVATIONS[name]


def initial(name: str) -> Callable[..., Array]:
  """What draws a kernel at the start, of a name in INITIALS; a UserError for another name."""
  if name not in INITIALS:
    raise UserError(f"There is no initialisation {name!r}.{nearest(name, list(INITIALS))}")
  return INITIALS[name]


def beside(x: Array, observed: Array | None) -> Array:
  """x with 0 where it is missing, and the mask beside it along the last axis.

  Args:
    x: [..., C].
    observed: 1 or 0, [..., C] or [..., 1]; everything is observed without it.

  Returns:
    [..., 2 C].
  """
  seen = jnp.ones_like(x) if observed is None else jnp.broadcast_to(observed, x.shape)
  return jnp.concatenate([x * seen, seen.astype(x.dtype)], -1)


def choose_lowering(backend: str, members: int) -> str:
  """The faster lowering for `jax.default_backend()` and a number of members under vmap.

  XLA's convolution on a CPU is slow even for one member. A vmap over parameters turns it into a
  grouped one. For a TPU the compiler counts fewer bytes for that than for the dense form, at 1
  to 64 members (docs/benchmarks.md). On a GPU it has not been measured and is not taken.
  """
  if backend == "tpu":
    return "xla"
  return "dense" if backend == "cpu" or members > 1 else "xla"


def conv_size(size: int, kernel: int = 3, stride: int = 2) -> int:
  """Length of one axis after `conv`: floor((size + 2 (k // 2) - k) / s) + 1."""
  return (size + 2 * (kernel // 2) - kernel) // stride + 1


def conv(x: Array, w: Array, bias: Array, stride: int, lowering: str) -> Array:
  """Strided cross-correlation of one example, as torch.nn.Conv2d(padding=k // 2).

  Args:
    x: [H, W, Cin]; its dtype is that of the computation.
    w: [k, k, Cin, Cout].
    bias: [Cout].
    stride: s.
    lowering: "xla" or "dense".

  Returns:
    [conv_size(H), conv_size(W), Cout].
  """
  _check_lowering(lowering)
  kernel, w, bias = w.shape[0], w.astype(x.dtype), bias.astype(x.dtype)
  if lowering == "dense":
    y = im2col(x, kernel, stride) @ w.reshape(-1, w.shape[-1])
  else:
    pad = (kernel // 2, kernel // 2)
    y = _convolve(x, w, strides=(stride, stride), padding=(pad, pad))
  return y + bias[None, None]


def conv_transpose(
  x: Array, w: Array, bias: Array, size: tuple[int, int], stride: int, lowering: str
) -> Array:
  """The transpose of `conv`, as torch.nn.ConvTranspose2d(padding=k // 2, output_padding).

  The size of the result is given, since s sizes share one image under `conv`: with kernel
  3 and stride 2 both 7 and 8 come from 4. That takes the place of output_padding.

  Args:
    x: [h, w, Cin]; its dtype is that of the computation.
    w: [k, k, Cin, Cout].
    bias: [Cout].
    size: (H, W) with conv_size(H) = h and conv_size(W) = w.
    stride: s.
    lowering: "xla" or "dense".

  Returns:
    [H, W, Cout].

  Raises:
    UserError: no transpose of x has this size.
  """
  _check_lowering(lowering)
  kernel, w, bias = w.shape[0], w.astype(x.dtype), bias.astype(x.dtype)
  _check_size(x.shape[:2], size, kernel, stride)
  if lowering == "dense":
    w = w.transpose(2, 0, 1, 3).reshape(w.shape[2], -1)
    y = col2im(x @ w, size, kernel, stride)
  else:
    low = kernel - 1 - kernel // 2
    pads = [
      (low, big - 1 - (small - 1) * stride + kernel // 2)
      for small, big in zip(x.shape[:2], size, strict=True)
    ]
    y = _convolve(x, w[::-1, ::-1], padding=pads, lhs_dilation=(stride, stride))
  return y + bias[None, None]


def im2col(x: Array, kernel: int, stride: int) -> Array:
  """The patches a convolution sees: [H, W, C] -> [h, w, k k C], linear, zero outside x."""
  return _gather(x, x.shape[:2], kernel, stride)


def col2im(cols: Array, size: tuple[int, int], kernel: int, stride: int) -> Array:
  """The adjoint of `im2col`: patches [h, w, k k C] are added where they lie, [H, W, C]."""
  return _scatter(cols, tuple(size), kernel, stride)


class Conv(nn.Module):
  """`conv` and its parameters: kernel [k, k, Cin, Cout], bias [Cout]; float32."""

  features: int  # Cout
  kernel: int = 3
  stride: int = 2
  dtype: str = "float32"  # of the computation
  lowering: str = "xla"
  initial: str = "lecun_normal"  # a name in INITIALS

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """[H, W, Cin] -> [conv_size(H), conv_size(W), Cout]."""
    w, bias = _parameters(self, x.shape[-1])
    return conv(x.astype(self.dtype), w, bias, self.stride, self.lowering)


class ConvTranspose(nn.Module):
  """`conv_transpose` and its parameters: kernel [k, k, Cin, Cout], bias [Cout]; float32."""

  features: int  # Cout
  size: tuple[int, int]  # (H, W) of the result
  kernel: int = 3
  stride: int = 2
  dtype: str = "float32"  # of the computation
  lowering: str = "xla"
  initial: str = "lecun_normal"  # a name in INITIALS

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """[conv_size(H), conv_size(W), Cin] -> [H, W, Cout]."""
    w, bias = _parameters(self, x.shape[-1])
    x = x.astype(self.dtype)
    return conv_transpose(x, w, bias, self.size, self.stride, self.lowering)


def _parameters(module: Conv | ConvTranspose, inputs: int) -> tuple[Array, Array]:
  shape = (module.kernel, module.kernel, inputs, module.features)
  w = module.param("kernel", initial(module.initial), shape)
  return w, module.param("bias", nn.initializers.zeros, (module.features,))


def _convolve(x: Array, w: Array, strides: tuple[int, int] = (1, 1), **options) -> Array:
  numbers = ("NHWC", "HWIO", "NHWC")
  return lax.conv_general_dilated(
    x[None], w, strides, dimension_numbers=numbers, **options
  )[0]


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _gather(x: Array, size: tuple[int, int], kernel: int, stride: int) -> Array:
  h, w = (conv_size(n, kernel, stride) for n in size)
  pads = [_pad(big, small, kernel, stride) for big, small in zip(size, (h, w), strict=True)]
  x = lax.pad(x, jnp.zeros((), x.dtype), [(*pad, 0) for pad in pads] + [(0, 0, 0)])
  rows = [slice(a, a + (h - 1) * stride + 1, stride) for a in range(kernel)]
  columns = [slice(b, b + (w - 1) * stride + 1, stride) for b in range(kernel)]
  return jnp.concatenate([x[row, column] for row in rows for column in columns], axis=-1)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _scatter(cols: Array, size: tuple[int, int], kernel: int, stride: int) -> Array:
  h, w, channels = *cols.shape[:2], cols.shape[-1] // kernel**2
  patches = cols.reshape(h, w, kernel, kernel, channels)
  high, wide = (-(-n // stride) for n in size)  # rows and columns of one output phase

  def phase(r: int, c: int) -> Array:
    terms = [
      _shift(patches[:, :, a, b], (d, e), (high, wide))
      for a, d in _taps(r, kernel, stride)
      for b, e in _taps(c, kernel, stride)
    ]
    return (
      sum(terms[1:], terms[0]) if terms else jnp.zeros((high, wide, channels), cols.dtype)
    )

  rows = [
    jnp.stack([phase(r, c) for c in range(stride)], axis=2).reshape(high, -1, channels)
    for r in range(stride)
  ]
  return jnp.stack(rows, axis=1).reshape(-1, wide * stride, channels)[: size[0], : size[1]]


# Each map is the derivative of the other, and linear: nothing is kept for the way back.
_gather.defvjp(
  lambda x, *static: (_gather(x, *static), None),
  lambda size, kernel, stride, _, g: (_scatter(g, size, kernel, stride),),
)
_scatter.defvjp(
  lambda cols, *static: (_scatter(cols, *static), None),
  lambda size, kernel, stride, _, g: (_gather(g, size, kernel, stride),),
)


def _pad(big: int, small: int, kernel: int, stride: int) -> tuple[int, int]:
  """Zeros before and after an axis so that exactly `small` patches fit; may be negative."""
  low = kernel // 2
  return low, (small - 1) * stride + kernel - big - low


def _taps(r: int, kernel: int, stride: int) -> list[tuple[int, int]]:
  """(a, d): kernel row a of patch q + d is on output row q s + r."""
  low = kernel // 2
  return [
    (a, (r + low - a) // stride) for a in range(kernel) if (r + low - a) % stride == 0
  ]


def _shift(x: Array, offset: tuple[int, int], size: tuple[int, int]) -> Array:
  """y[i, j] = x[i + d, j + e], zero outside x, of the given size."""
  pads = [(-d, n - m + d, 0) for d, n, m in zip(offset, size, x.shape[:2], strict=True)]
  return lax.pad(x, jnp.zeros((), x.dtype), [*pads, (0, 0, 0)])


def _check_lowering(lowering: str) -> None:
  if lowering not in LOWERINGS:
    raise UserError(
      f"There is no lowering {lowering!r}.{nearest(lowering, list(LOWERINGS))}"
    )


def _check_size(
  small: tuple[int, ...], size: tuple[int, int], kernel: int, stride: int
) -> None:
  images = tuple(conv_size(n, kernel, stride) for n in size)
  if images != tuple(small):
    raise UserError(
      f"A transposed convolution of {tuple(small)} cannot give {tuple(size)}, which with "
      f"kernel {kernel} and stride {stride} needs {images}; pass a size that fits."
    )
