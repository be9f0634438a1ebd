"""The two lowerings against each other, a naive loop and scipy; im2col and its adjoint."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from vae_jax import layers
from vae_jax.types import UserError

# (kernel, stride, (H, W), Cin, Cout): odd and even sizes, a stride above the kernel, one
# pixel, an even kernel, no stride.
CASES = [
  (3, 2, (28, 28), 1, 4),
  (3, 2, (7, 8), 2, 3),
  (3, 2, (5, 9), 4, 1),
  (3, 1, (6, 5), 2, 2),
  (5, 2, (7, 8), 2, 3),
  (4, 2, (9, 12), 2, 2),
  (1, 2, (7, 6), 2, 3),
  (2, 3, (8, 10), 2, 3),
  (5, 3, (10, 7), 1, 2),
  (3, 2, (1, 2), 2, 2),
]


def normal(seed: int, *shape: int) -> jax.Array:
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def small_size(size, kernel, stride) -> tuple[int, int]:
  return tuple(layers.conv_size(n, kernel, stride) for n in size)


def conv_inputs(case):
  kernel, _, size, inputs, outputs = case
  return (
    normal(0, *size, inputs),
    normal(1, kernel, kernel, inputs, outputs),
    normal(2, outputs),
  )


def transpose_inputs(case):
  kernel, stride, size, inputs, outputs = case
  x = normal(3, *small_size(size, kernel, stride), inputs)
  return x, normal(4, kernel, kernel, inputs, outputs), normal(5, outputs)


def naive_conv(x, w, bias, stride):
  x, w, bias = (np.asarray(a, np.float64) for a in (x, w, bias))
  k, p = w.shape[0], w.shape[0] // 2
  h, width = small_size(x.shape[:2], k, stride)
  padded = np.pad(x, ((p, k), (p, k), (0, 0)))
  y = np.zeros((h, width, w.shape[-1]))
  for i in range(h):
    for j in range(width):
      patch = padded[i * stride : i * stride + k, j * stride : j * stride + k]
      y[i, j] = np.einsum("abc,abco->o", patch, w) + bias
  return y


def naive_transpose(x, w, bias, size, stride):
  x, w, bias = (np.asarray(a, np.float64) for a in (x, w, bias))
  k, p = w.shape[0], w.shape[0] // 2
  y = np.zeros((*size, w.shape[-1]))
  for i, j, a, b in np.ndindex(*x.shape[:2], k, k):
    row, column = i * stride + a - p, j * stride + b - p
    if 0 <= row < size[0] and 0 <= column < size[1]:
      y[row, column] += x[i, j] @ w[a, b]
  return y + bias


def value_and_gradients(function, lowering, inputs):
  """y of `function(lowering, *inputs)` and the gradients of mean(sin(y)), one program."""

  def loss(*args):
    y = function(lowering, *args)
    return jnp.mean(jnp.sin(y)), y

  grads, y = jax.jit(jax.grad(loss, tuple(range(len(inputs))), has_aux=True))(*inputs)
  return y, *grads


def assert_equal(function, inputs, want):
  """Both lowerings give `want`, and agree to 1e-5 of the largest entry, gradients too."""
  dense, xla = (value_and_gradients(function, low, inputs) for low in ("dense", "xla"))
  np.testing.assert_allclose(xla[0], want, rtol=1e-4, atol=1e-4)
  for a, b in zip(dense, xla, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * float(np.abs(b).max()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_conv_is_the_naive_loop(case):
  x, w, bias = conv_inputs(case)
  want = naive_conv(x, w, bias, case[1])
  assert_equal(lambda low, *args: layers.conv(*args, case[1], low), (x, w, bias), want)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_conv_transpose_is_the_naive_loop(case):
  x, w, bias = transpose_inputs(case)
  size, stride = case[2], case[1]
  want = naive_transpose(x, w, bias, size, stride)
  assert_equal(
    lambda low, *args: layers.conv_transpose(*args, size, stride, low), (x, w, bias), want
  )


@pytest.mark.parametrize("lowering", layers.LOWERINGS)
def test_conv_is_scipys_correlation(lowering):
  x, w = normal(0, 28, 28, 1), normal(1, 3, 3, 1, 1)
  want = signal.correlate2d(np.asarray(x[..., 0]), np.asarray(w[..., 0, 0]), "same")[
    ::2, ::2
  ]
  got = layers.conv(x, w, jnp.zeros(1), 2, lowering)
  np.testing.assert_allclose(got[..., 0], want, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_im2col_and_col2im_are_adjoint(case):
  kernel, stride, size, channels, _ = case
  x = normal(0, *size, channels)
  y = normal(1, *small_size(size, kernel, stride), kernel**2 * channels)
  products = jax.jit(
    lambda x, y: (
      jnp.vdot(layers.im2col(x, kernel, stride), y),
      jnp.vdot(x, layers.col2im(y, size, kernel, stride)),
    )
  )
  left, right = products(x, y)
  np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-4)


def test_second_derivative_passes_through_both():
  x, w, bias = conv_inputs(CASES[2])

  def loss(lowering, x):
    return jnp.sum(layers.conv(x, w, bias, 2, lowering) ** 3)

  second = [
    jax.grad(lambda x, low=low: jnp.sum(jax.grad(loss, 1)(low, x) ** 2))(x)
    for low in layers.LOWERINGS
  ]
  np.testing.assert_allclose(second[0], second[1], rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("members", [None, 3])
def test_no_weight_gradient_per_example(members):
  """Under grad(mean(vmap(loss))) no array of batch x kernel size appears in the program."""
  B, inputs, outputs = 13, 5, 7
  x, w, v = (
    normal(0, B, 8, 8, inputs),
    normal(1, 3, 3, inputs, outputs),
    normal(2, 3, 3, 7, 5),
  )

  def loss(params, x):
    h = layers.conv(x, params[0], jnp.zeros(outputs), 2, "dense")
    return jnp.sum(
      layers.conv_transpose(h, params[1], jnp.zeros(5), (8, 8), 2, "dense") ** 2
    )

  def mean(params, x):
    return jnp.mean(jax.vmap(loss, (None, 0))(params, x))

  grad, params = jax.grad(mean), (w, v)
  if members:
    grad = jax.vmap(grad, (0, None))
    params = jax.tree.map(lambda a: jnp.stack([a] * members), params)
  sizes = {tuple(var.aval.shape) for var in every_variable(jax.make_jaxpr(grad)(params, x))}
  weights = 9 * inputs * outputs
  per_example = [s for s in sizes if B in s and np.prod(s) % (B * weights) == 0]
  assert not per_example, per_example
  assert any(np.prod(s) == weights * (members or 1) for s in sizes)


def every_variable(jaxpr):
  """Every output of every equation, also inside nested programs."""
  for eqn in jaxpr.eqns:
    yield from eqn.outvars
    for value in eqn.params.values():
      inner = getattr(value, "jaxpr", value)
      if hasattr(inner, "eqns"):
        yield from every_variable(inner)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (7, 8)])
def test_modules_share_one_layout(size):
  x = normal(0, *size, 3)
  params = None
  results = []
  for lowering in layers.LOWERINGS:
    down = layers.Conv(4, lowering=lowering)
    up = layers.ConvTranspose(2, size, lowering=lowering)
    params = params or (
      down.init(jax.random.key(0), x),
      up.init(jax.random.key(1), x[:4, :4]),
    )
    assert params[0]["params"]["kernel"].shape == (3, 3, 3, 4)
    h = down.apply(params[0], x)
    assert h.shape == (4, 4, 4)
    results.append((h, up.apply(params[1], x[:4, :4])))
    assert results[-1][1].shape == (*size, 2)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), *results)


@pytest.mark.parametrize("lowering", layers.LOWERINGS)
def test_bfloat16_is_close_and_parameters_stay_float32(lowering):
  x = normal(0, 8, 8, 3)
  module = layers.Conv(4, lowering=lowering, dtype="bfloat16")
  params = module.init(jax.random.key(0), x)
  assert {a.dtype for a in jax.tree.leaves(params)} == {jnp.dtype("float32")}
  y = module.apply(params, x)
  assert y.dtype == jnp.bfloat16
  want = layers.Conv(4).apply(params, x)
  np.testing.assert_allclose(y.astype("float32"), want, atol=0.05, rtol=0.05)


def test_sizes():
  assert [layers.conv_size(n) for n in (28, 14, 7, 8, 1)] == [14, 7, 4, 4, 1]
  x, w = normal(0, 4, 4, 2), normal(1, 3, 3, 2, 2)
  with pytest.raises(UserError, match=r"cannot give \(9, 8\)"):
    layers.conv_transpose(x, w, jnp.zeros(2), (9, 8), 2, "dense")


def test_unknown_names():
  x, w, bias = conv_inputs(CASES[0])
  with pytest.raises(UserError, match="Did you mean 'dense'"):
    layers.conv(x, w, bias, 2, "dens")
  with pytest.raises(UserError, match="Did you mean 'relu'"):
    layers.activation("rellu")
  with pytest.raises(UserError, match="Did you mean 'he_normal'"):
    layers.initial("he_norml")


@pytest.mark.parametrize(
  ("name", "variance"),
  [
    ("lecun_normal", 1 / 90),
    ("he_normal", 2 / 90),
    ("glorot_uniform", 2 / (90 + 360)),
    ("third_uniform", 1 / 3 / 90),
  ],
)
def test_kernels_start_with_the_variance_of_their_name(name: str, variance: float):
  module = layers.Conv(40, initial=name)  # 3 x 3 places of 10 channels: 90 inputs
  kernel = module.init(jax.random.key(0), jnp.zeros((8, 8, 10)))["params"]["kernel"]
  assert kernel.shape == (3, 3, 10, 40)
  np.testing.assert_allclose(float(kernel.var()), variance, rtol=0.1)


def test_choice_of_lowering():
  assert layers.choose_lowering("cpu", 1) == "dense"
  assert layers.choose_lowering("gpu", 1) == layers.choose_lowering("tpu", 1) == "xla"
  assert layers.choose_lowering("gpu", 16) == "dense"
  assert layers.choose_lowering("tpu", 16) == "xla"  # fewer bytes by the compiler
