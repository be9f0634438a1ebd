"""Adversarial objectives, WAE and RAE: each player's own gradient, closed forms, training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny

from vae_jax import data, noise, registry
from vae_jax import vae as models
from vae_jax.metrics import aggregate
from vae_jax.objectives import _adversary
from vae_jax.training import step
from vae_jax.types import Batch, Sizes, UserError

X = jnp.asarray(np.random.default_rng(0).random((8, 8, 1)), jnp.float32)


def parts(name, **options):
  config = tiny(objective={"name": name, "units": 8, "layers": 2, **options})
  vae = models.build(config, data.load(config["data"], None).spec)
  state = jax.jit(lambda seed: step.init(vae, config, seed))(jnp.int32(0))
  hyper = {k: jnp.float32(v) for k, v in config["hyper"].items()} | {"seed": jnp.int32(0)}
  objective = registry.find("objectives", name)
  terms = step.example_terms(vae, objective, config)
  example = {"x": X, "id": jnp.int32(3)}
  return vae, state, hyper, lambda params, h=hyper: terms(params, example, h, 0, "train")


def zero(tree):
  return all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(tree))


def test_r1_is_the_slope_at_the_data():
  drawn = jax.jit(lambda key: _adversary.parameters(key, Sizes((8, 8, 1), 3), 8, 2))
  own = drawn(jax.random.key(0))
  judge = jax.jit(lambda weight: _adversary.judge(own, X, X * 0, weight))
  gap = float(judge(3.0)) - float(judge(0.0))
  logit = jax.jit(lambda x: _adversary.logit(own, x))
  numeric = []
  for at in np.ndindex(8, 8, 1):
    moved = [np.array(X), np.array(X)]
    moved[0][at] += 1e-2
    moved[1][at] -= 1e-2
    apart = [float(logit(x)) for x in moved]
    numeric.append((apart[0] - apart[1]) / 2e-2)
  assert float(gap) == pytest.approx(1.5 * np.square(numeric).sum(), rel=1e-2)


def test_each_player_of_a_gan_has_the_gradient_of_its_own_loss():
  vae, state, _, terms = parts("gan")
  gradient = jax.jit(jax.grad(lambda p: terms(p).loss))(state.params)
  own = state.params["objective"]
  # The generator's: through a discriminator that is held, from the same draw.
  draw = noise.key(jnp.int32(0), 0, "train/latent", jnp.int32(3))
  z = vae.prior.sample(draw)
  made = lambda params: vae.mean(params, z)

  fooled = lambda p: jax.nn.softplus(-_adversary.logit(own, made(p)))
  generator = jax.jit(jax.grad(fooled))(state.params)
  judged = lambda own: _adversary.judge(own, X, made(state.params), 1.0)
  judge = jax.jit(jax.grad(judged))(own)
  close = lambda a, b: jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6), a, b
  )
  close(gradient["model"], generator["model"])
  close(gradient["objective"], judge)
  encoder = {
    k: v for k, v in gradient["model"].items() if k.startswith(("down", "mean", "logvar"))
  }
  assert encoder
  assert zero(encoder)


def test_the_adversary_of_a_vae_gan_does_not_reach_the_encoder():
  _, state, hyper, terms = parts("vae_gan")
  loss = lambda p, weight: terms(p, {**hyper, "adversary": weight}).loss
  slopes = jax.jit(jax.grad(loss))
  at = lambda weight: slopes(state.params, weight)
  off, on = at(jnp.float32(0)), at(jnp.float32(5))
  moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), off, on)
  for name, change in moved["model"].items():
    most = max(jax.tree.leaves(change))
    assert (most < 1e-6) == name.startswith(("down", "mean", "logvar")), name
  assert max(jax.tree.leaves(moved["objective"])) < 1e-6
  found = jax.jit(terms)(state.params)
  assert float(found.rate) > 0
  of_beta = lambda b: terms(state.params, {**hyper, "beta": b}).loss
  slope = jax.jit(jax.grad(of_beta))(jnp.float32(1))
  assert float(slope) == pytest.approx(float(found.rate), rel=1e-5)


def test_the_wae_is_an_autoencoder_and_an_mmd():
  config = tiny(objective={"name": "wae"})
  vae = models.build(config, data.load(config["data"], None).spec)
  params = jax.jit(lambda seed: step.init(vae, config, seed).params)(jnp.int32(0))
  example = {"x": X, "id": jnp.int32(3)}
  wae, plain = (registry.find("objectives", n) for n in ("wae", "autoencoder"))
  keys = jax.random.split(jax.random.key(0), 2)
  one, other = (
    jax.jit(lambda p, k, o=o: o.loss(vae, p, example, k, {}))(params, k)
    for o, k in zip((wae, plain), keys, strict=True)
  )
  np.testing.assert_allclose(one.loss, other.loss)
  z = jax.random.normal(jax.random.key(1), (64, 3)) * 0.1
  batch = Batch(jnp.ones(64), jax.random.key(2), {}, 100)
  found = wae.batch_loss(one.posterior, z, {"lambda": 10.0, "bandwidth": 1.0}, batch)
  rows = aggregate.row_keys(jax.random.key(2), jnp.ones(64))
  prior = jax.vmap(lambda key: jax.random.normal(key, (3,)))(rows)
  want = 10 * aggregate.squared_mmd(z, prior, jnp.ones(64), "inverse_multiquadratic")
  np.testing.assert_allclose(found, want, rtol=1e-6)
  assert found > 0  # codes that are too narrow


def test_the_rae_charges_its_code_and_its_decoder_alone():
  config = tiny(objective={"name": "rae"})
  vae = models.build(config, data.load(config["data"], None).spec)
  params = jax.jit(lambda seed: step.init(vae, config, seed).params)(jnp.int32(0))
  rae, plain = (registry.find("objectives", n) for n in ("rae", "autoencoder"))
  example, key = {"x": X, "id": jnp.int32(3)}, lambda: jax.random.key(0)
  asked = lambda p, a, b: rae.loss(
    vae, p, example, key(), {"code_penalty": a, "decoder_penalty": b}
  )
  both = jax.jit(jax.value_and_grad(lambda p, a, b: asked(p, a, b).loss))
  bare = jax.jit(jax.value_and_grad(lambda p: plain.loss(vae, p, example, key(), {}).loss))
  (free, slope), (want, plain_slope) = both(params, 0.0, 0.0), bare(params)
  np.testing.assert_allclose(free, want, rtol=1e-6)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), slope, plain_slope)
  z = np.asarray(jax.jit(vae.posterior)(params, example).mean)
  np.testing.assert_allclose(
    both(params, 4.0, 0.0)[0] - free, 2.0 * np.square(z).sum(), rtol=1e-3
  )
  _, pulled = both(params, 0.0, 0.25)
  for name, layer in params["model"].items():
    encodes = name.startswith(("down", "mean", "logvar"))
    for leaf in layer:
      change = np.asarray(pulled["model"][name][leaf] - slope["model"][name][leaf])
      pull = 0.0 if encodes else 0.5 * np.asarray(layer[leaf])
      np.testing.assert_allclose(change, np.broadcast_to(pull, change.shape), atol=1e-4)
      assert encodes or leaf == "bias" or np.abs(change).max() > 0.01


def test_a_gan_learns_where_a_point_lies():
  """Data that are one image: the generator ends near it."""
  config = tiny(objective={"name": "gan", "units": 16, "layers": 1}, optimizer={"b1": 0.5},
                hyper={"learning_rate": 3e-3})  # fmt: skip
  vae = models.build(config, data.load(config["data"], None).spec)
  train = jax.jit(step.make(vae, config, 400, 16))
  hyper = {k: jnp.float32(v) for k, v in config["hyper"].items()} | {"seed": jnp.int32(0)}
  state = jax.jit(lambda seed: step.init(vae, config, seed))(jnp.int32(0))
  batch = {
    "x": jnp.broadcast_to(X, (16, *X.shape)),
    "id": jnp.arange(16),
    "mask": jnp.ones(16),
  }
  shown = jax.jit(lambda params: vae.mean(params, jnp.zeros(3)))
  far = lambda state: float(np.square(shown(state.params) - np.asarray(X)).mean())
  before = far(state)
  for _ in range(400):
    state, _ = train(state, hyper, batch)
  assert far(state) < 0.35 * before


def test_what_does_not_fit_is_one_sentence():
  with pytest.raises(UserError, match=r"objective\.units is 0"):
    parts("gan", units=0)
  config = tiny(objective={"name": "gan"}, prior={"name": "mixture"})
  vae = models.build(config, data.load(config["data"], None).spec)
  params = jax.eval_shape(lambda: step.init(vae, config, jnp.int32(0)).params)
  loss = registry.find("objectives", "gan").loss
  with pytest.raises(UserError, match="draws of N"):
    jax.eval_shape(
      lambda p: loss(vae, p, {"x": X, "id": 0}, jax.random.key(0), {"penalty": 1.0}), params
    )
