"""The contract every file of vae_jax/models keeps, and what each model is known to be."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import registry
from vae_jax.models import _cells
from vae_jax.models.conv1d import TimeConv
from vae_jax.types import UserError

SHAPES = [(8, 8, 1), (9, 6, 3), (12,), (6, 3), (28, 28, 1)]
FIELDS = {"shape": inspect.Parameter.empty, "outputs": inspect.Parameter.empty}
DEFAULTS = {"dtype": "float32", "lowering": "xla"}
L, P = 3, 2
FLAT = [  # hierarchies have no posterior of two arrays: test_hierarchies.py
  name
  for name in registry.names("models")
  if not hasattr(registry.find("models", name).Model, "group")
]


def build(name, shape, **options):
  return registry.find("models", name).Model(
    shape, **{"outputs": P, "latents": L, **options}
  )


def example(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).random(shape), jnp.float32)


@functools.cache  # drawing a million weights takes longer than anything done with them here
def init(model, seed=0):
  return drawing(model)(jax.random.key(seed))


def drawn(model):
  return jax.jit(lambda key: model.init(key, jnp.zeros(model.shape)))


drawing = functools.cache(drawn)


def apply(model, params, x):
  return jax.jit(model.apply)(params, x)


def accepted():
  """Every model with every shape it takes; a model takes one at least."""
  cases = []
  for name in FLAT:
    taken = []
    for shape in SHAPES:
      try:
        jax.eval_shape(build(name, shape).init, jax.random.key(0), jnp.zeros(shape))
      except UserError:
        continue
      taken.append((name, shape))
    assert taken, f"{name} takes none of {SHAPES}"
    cases += taken
  return cases


CASES = accepted()
FIRST = list({name: (name, shape) for name, shape in reversed(CASES)}.values())


def loss(model, params, x):
  posterior = model.apply(params, x, method="encode")
  outputs = model.apply(params, posterior.mean, method="decode")
  return jnp.mean(outputs**2) + jnp.sum(jnp.exp(posterior.logvar) + posterior.mean**2)


def close(got, want, tolerance=1e-5):
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=tolerance), got, want
  )


@pytest.mark.parametrize("name", FLAT)
def test_fields(name):
  parameters = inspect.signature(registry.find("models", name).Model).parameters
  assert [*parameters][:3] == ["shape", "outputs", "latents"]
  for field, default in DEFAULTS.items():
    assert parameters[field].default == default


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_shapes_and_dtypes_of_one_example(name, shape):
  model = build(name, shape)
  params = init(model)
  x = example(0, *shape)

  @jax.jit
  def of(params, x):
    encode = lambda v: model.apply(params, v, method="encode")
    decode = lambda z: model.apply(params, z, method="decode")
    return *model.apply(params, x), encode(x), decode(encode(x).mean)

  posterior, outputs, alone, decoded = of(params, x)
  assert posterior.mean.shape == posterior.logvar.shape == (L,)
  assert outputs.shape == (*shape, P)
  for array in (*posterior, outputs, *jax.tree.leaves(params)):
    assert array.dtype == jnp.float32
  close(alone, posterior)
  close(decoded, outputs)


@pytest.mark.parametrize(("name", "shape"), FIRST)
def test_deterministic(name, shape):
  """Two calls agree bit for bit, no random stream is asked for, nothing is mutable."""
  model = build(name, shape)
  params = init(model)
  assert set(params) == {"params"}
  x = example(0, *shape)
  twice = [jax.jit(model.apply)(params, x) for _ in range(2)]
  jax.tree.map(np.testing.assert_array_equal, *twice)
  jax.tree.map(np.testing.assert_array_equal, params, drawn(model)(jax.random.key(0)))


@pytest.mark.parametrize("lowering", ["xla", "dense"])
@pytest.mark.parametrize(("name", "shape"), FIRST)
def test_vmap_over_batch_and_members_is_the_loop(name, shape, lowering):
  model = build(name, shape, lowering=lowering)
  usual = build(name, shape)  # its parameters are those of either lowering
  members = [init(usual, seed) for seed in range(2)]
  batch = example(0, 3, *shape)
  stacked = jax.tree.map(lambda *a: np.stack(a), *members)
  both = jax.jit(jax.vmap(jax.vmap(model.apply, (None, 0)), (0, None)))(stacked, batch)
  one = jax.jit(model.apply)  # by a program of its own
  loop = [[one(params, x) for x in np.asarray(batch)] for params in members]
  rows = [jax.tree.map(lambda *a: np.stack(a), *row) for row in loop]
  close(both, jax.tree.map(lambda *a: np.stack(a), *rows))


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_gradient_is_finite_and_reaches_every_parameter(name, shape):
  model = build(name, shape)
  gradient = jax.jit(jax.grad(functools.partial(loss, model)))
  grads = jax.device_get(gradient(init(model), example(0, *shape)))
  for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
    assert np.isfinite(leaf).all(), path
    assert np.any(leaf != 0), path


@pytest.mark.parametrize("name", FLAT)
def test_lowerings_agree(name):
  shape = dict(FIRST)[name]
  x = example(0, *shape)
  xla, dense = (build(name, shape, lowering=lowering) for lowering in ("xla", "dense"))
  params = init(xla)
  jax.tree.map(np.testing.assert_array_equal, params, init(dense))

  @functools.partial(jax.jit, static_argnums=0)
  def of(model, params):
    return model.apply(params, x), jax.grad(functools.partial(loss, model))(params, x)

  close(of(dense, params), of(xla, params))


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_bfloat16_is_close(name, shape):
  params = init(build(name, shape))
  half = build(name, shape, dtype="bfloat16")
  x = example(0, *shape)
  shapes = jax.eval_shape(drawing(half), jax.random.key(0))
  assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {np.dtype("float32")}
  if (name, shape) in FIRST:
    jax.tree.map(np.testing.assert_array_equal, init(half), params)
  both = jax.jit(lambda params: [m.apply(params, x) for m in (half, build(name, shape))])
  got, want = both(params)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
    assert a.dtype == jnp.float32
    np.testing.assert_allclose(a, b, atol=0.05 * (1 + np.abs(b).max()))


def count(params):
  return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_conv_has_the_parameters_of_its_layers():
  """Layer by layer, weights and biases of its PyTorch code with latent_dim = 10."""
  layers = [
    9 * 1 * 32 + 32,  # conv1
    9 * 32 * 64 + 64,  # conv2
    64 * 7 * 7 * 400 + 400,  # fc1
    2 * (400 * 10 + 10),  # fc21, fc22
    10 * 400 + 400,  # fc3
    400 * 64 * 7 * 7 + 64 * 7 * 7,  # fc4
    9 * 64 * 32 + 32,  # conv2_t
    9 * 32 * 1 + 1,  # conv1_t
  ]
  model = build("conv", (28, 28, 1), outputs=1, latents=10)
  params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(model.shape))
  assert count(params) == sum(layers) == 2_562_325


def test_conv_options():
  model = build("conv", (9, 6, 3), channels=(4, 5, 6), dense=7, kernel=5)
  params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((9, 6, 3)))["params"]
  assert params["down_0"]["kernel"].shape == (5, 5, 3, 4)
  assert params["up_2"]["kernel"].shape == (5, 5, 4, 3 * P)
  assert params["encode_dense"]["kernel"].shape == (2 * 1 * 6, 7)
  outputs = jax.eval_shape(model.apply, {"params": params}, example(0, 9, 6, 3))[1]
  assert outputs.shape == (9, 6, 3, P)


def test_mlp_options():
  model = build("mlp", (12,), hidden=(7, 5), activation="tanh")
  params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(12))["params"]
  shapes = {name: leaf["kernel"].shape for name, leaf in params.items()}
  assert shapes["down_0"] == (12, 7)
  assert shapes["down_1"] == (7, 5)
  assert shapes["up_0"] == (L, 5)
  assert shapes["up_1"] == (5, 7)
  assert shapes["out"] == (7, 12 * P)


def test_linear_is_linear_and_its_logvar_does_not_read_x():
  model = build("linear", (12,), outputs=1)
  params = init(model)
  x, y = example(0, 12), example(1, 12)
  encode = lambda v: model.apply(params, v, method="encode")
  close(encode(x + y).mean, encode(x).mean + encode(y).mean - encode(jnp.zeros(12)).mean)
  np.testing.assert_array_equal(encode(x).logvar, params["params"]["logvar"])
  assert count(params) == 12 * L + L + L + L * 12 + 12


def naive_lstm(params, x):
  sigmoid = lambda v: 1 / (1 + np.exp(-v))
  u, b, w = (np.asarray(a, np.float64) for a in (*_input(params), params["cell"]["kernel"]))
  c = h = np.zeros(w.shape[0])
  for row in np.asarray(x, np.float64):
    i, f, g, o = np.split(row @ u + h @ w + b, 4)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    yield h


def _input(params):
  return params["input"]["kernel"], params["input"]["bias"]


def test_lstm_is_the_recurrence():
  model = build("lstm", (6, 3), hidden=5)
  params = init(model)
  x, weights = example(0, 6, 3), params["params"]
  last = list(naive_lstm(weights["reader"], x))[-1]
  want = last @ np.asarray(weights["mean"]["kernel"]) + np.asarray(weights["mean"]["bias"])
  posterior, outputs = apply(model, params, x)
  np.testing.assert_allclose(posterior.mean, want, atol=1e-5)
  hidden = np.stack(list(naive_lstm(weights["writer"], [posterior.mean] * 6)))
  want = hidden @ np.asarray(weights["out"]["kernel"]) + np.asarray(weights["out"]["bias"])
  np.testing.assert_allclose(outputs.reshape(6, -1), want, atol=1e-5)


@pytest.mark.parametrize("lowering", ["xla", "dense"])
def test_residual_blocks_stand_at_every_size_and_can_be_the_identity(lowering):
  options = {"channels": (2, 3), "dense": 6, "lowering": lowering}
  plain, deep = (
    build("conv", (9, 6, 3), **options),
    build("conv", (9, 6, 3), blocks=2, **options),
  )
  params, x = init(deep), example(0, 9, 6, 3)
  names = [name for name in params["params"] if "blocks" in name]
  assert sorted(names) == ["down_blocks_0", "down_blocks_1", "up_blocks_0", "up_blocks_1"]
  assert set(params["params"]["down_blocks_1"]) == {"Block_0", "Block_1"}
  grads = jax.jit(jax.grad(functools.partial(loss, deep)))(params, x)
  assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(grads))
  own = {k: v for k, v in params["params"].items() if k not in names}
  still = {k: jax.tree.map(jnp.zeros_like, params["params"][k]) for k in names}
  got, want = apply(deep, {"params": own | still}, x), apply(plain, {"params": own}, x)
  close(got, want)


@pytest.mark.parametrize(("steps", "kernel", "stride"), [(9, 5, 2), (8, 3, 2), (6, 4, 1)])
def test_a_convolution_over_time_is_that_of_lax(steps, kernel, stride):
  layer = TimeConv(4, kernel, stride)
  x = example(0, steps, 3)
  params = layer.init(jax.random.key(0), x)
  weights = params["params"]["Dense_0"]["kernel"].reshape(kernel, 3, 4)
  out, before = -(-steps // stride), (kernel - 1) // 2
  after = stride * (out - 1) + kernel - steps - before
  want = jax.lax.conv_general_dilated(
    x[None], weights, (stride,), [(before, after)], dimension_numbers=("NWC", "WIO", "NWC")
  )
  np.testing.assert_allclose(layer.apply(params, x), want[0], atol=1e-5)


@pytest.mark.parametrize(
  ("name", "shape"),
  [
    ("conv", (12,)),
    ("conv", (3, 8, 1)),
    ("lstm", (12,)),
    ("lstm", (8, 8, 1)),
    ("conv1d", (3, 2)),
    ("pixel_vae", (12,)),
  ],
)
def test_wrong_shapes_are_told(name, shape):
  with pytest.raises(UserError, match=f"The model '{name}' reads"):
    init(build(name, shape))


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 6, 3)], ids=str)
@pytest.mark.parametrize("name", ["conv", "mlp"])
def test_the_mask_is_a_second_input_where_it_is_asked_for(name, shape):
  model = build(name, shape, observes=True)
  params, x = init(model), example(0, *shape)
  encode = jax.jit(lambda x, *seen: model.apply(params, x, *seen, method="encode"))
  seen = jnp.ones((*shape[:2], 1)).at[:3].set(0.0)
  masked, other = encode(x, seen), encode(x.at[:3].set(0.7), seen)
  jax.tree.map(np.testing.assert_array_equal, masked, other)  # what is hidden is not read
  assert (
    np.abs(masked.mean - encode(x * seen).mean).max() > 1e-4
  )  # a zero and a hole differ
  close(encode(x, jnp.ones(shape)), encode(x))
  wide = jnp.broadcast_to(seen, shape)
  close(encode(x, wide), masked)
  off, on = init(build(name, shape))["params"], params["params"]
  sizes = jax.tree.map(lambda a, b: b.size / a.size, off, on)
  grown = [s for s in jax.tree.leaves(sizes) if s != 1]
  assert grown == [2.0]  # the first matrix alone
  assert not build(name, shape).OBSERVES
  assert model.OBSERVES


def test_the_kernel_of_a_cell_starts_with_the_orthonormal_rows_of_flax():
  normal = np.asarray(jax.random.normal(jax.random.key(3), (24, 6)), float)
  q, r = np.linalg.qr(normal)  # as nn.initializers.orthogonal, with its choice of the signs
  np.testing.assert_allclose(
    _cells._orthogonal(jax.random.key(3), (6, 24)),
    (q * np.sign(np.diagonal(r))[None]).T,
    atol=1e-5,
  )


def pixels(**options):
  small = {"hidden": (8,), "features": 2, "width": 5, "reach": 2}
  model = build("pixel_vae", (5, 6, 2), **small | options)
  return model, init(model)


def test_a_pixel_sees_only_what_is_written_before_it():
  """In every order: nothing at or behind a pixel's own step moves its outputs."""
  model, params = pixels()
  z, x = example(1, L), example(2, 5, 6, 2)
  decode = jax.jit(lambda x: model.apply(params, z, x, method="decode"))
  jacobian = np.abs(jax.jacfwd(decode)(x)).sum((2, 3, -1))  # [H, W, H, W]
  step = np.zeros(30, int)
  for s, row in enumerate(model.order):
    step[row[row >= 0]] = s
  depends = jacobian.reshape(30, 30) > 0
  assert not depends[step[:, None] <= step[None]].any()
  assert depends[14, [13, 12, 8, 2]].all()  # left, left of it, above, two above
  assert not depends[14, [11, 5]].any()  # three to the left, and a row's end above
  np.testing.assert_array_equal(np.sort(model.order[model.order >= 0]), np.arange(30))


def test_pixels_in_steps_are_the_pixels_at_once():
  model, params = pixels()
  z, x = example(1, L), example(2, 5, 6, 2)
  whole = model.apply(params, z, x, method="decode").reshape(30, 2, P)
  trunk = model.apply(params, z, method="trunk")
  for row in model.order:
    row = jnp.asarray(row[row >= 0])
    close(model.apply(params, trunk, x, row, method="at"), whole[row])


def test_a_written_picture_is_one_that_its_own_outputs_chose():
  model, params = pixels()
  z = example(1, L)
  choose = lambda theta, t: jax.nn.sigmoid(theta[0] + 0.1 * t)
  x, theta = model.apply(params, z, choose, method="generate")
  close(theta, model.apply(params, z, x, method="decode"))
  t = np.arange(60).reshape(5, 6, 2)
  close(x, jax.nn.sigmoid(theta[..., 0] + 0.1 * t))


def test_what_pixels_cannot_be_is_a_sentence():
  for options, match in (({"reach": 0}, "at least 1"), ({"shape": (12,)}, "reads images")):
    model = build("pixel_vae", options.pop("shape", (5, 6, 2)), **options)
    with pytest.raises(UserError, match=match):
      jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(model.shape))
