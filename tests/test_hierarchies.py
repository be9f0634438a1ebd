"""Models of several groups of latents: every parameter is reached, both lowerings agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import config as configuration
from vae_jax import distributions, registry
from vae_jax import vae as models
from vae_jax.types import Spec, UserError

SHAPES = {"two_layers": (5,), "ladder": (6, 5, 2), "frames": (3, 4)}
SMALL = {
  "two_layers": {"hidden": [6], "between": 4, "latents": 3},
  "ladder": {"channels": [3, 4], "blocks": [2, 1], "latents": 1},
  "frames": {"hidden": 5, "widths": [6], "latents": 2},
}


def build(name, lowering="xla", **options):
  config = {
    "data": {"name": "digits"},
    "model": {"name": name, **SMALL[name], **options},
    "likelihood": {"name": "gaussian"},
    "objective": {"name": "beta"},
  }
  shape = SHAPES[name]
  spec = Spec(shape, {1: "table", 2: "sequence", 3: "image"}[len(shape)], "real")
  return models.build(configuration.resolve(config), spec, lowering)


def example(vae):
  return {
    "x": jnp.asarray(np.random.default_rng(0).normal(size=vae.sizes.shape), "float32")
  }


def loss(vae, params, key):
  objective = registry.find("objectives", "beta")
  return objective.loss(vae, params, example(vae), key, objective.HYPER).loss


@pytest.mark.parametrize("name", SHAPES)
def test_every_parameter_is_reached_and_both_lowerings_agree(name):
  one, other = build(name), build(name, "dense")
  params = jax.jit(one.init)(jax.random.key(0))
  # away from the start, where the last layers are 0 and hide what is before them
  params = jax.tree.map(lambda x: np.asarray(x) + np.float32(0.1), params)
  found = [
    jax.jit(jax.value_and_grad(lambda p, v=vae: loss(v, p, jax.random.key(1))))(params)
    for vae in (one, other)
  ]
  found = jax.device_get(found)
  for path, leaf in jax.tree_util.tree_leaves_with_path(found[0][1]):
    assert np.isfinite(leaf).all(), path
    assert np.any(leaf != 0), path
  for a, b in zip(*map(jax.tree.leaves, found), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_q_starts_near_p_and_is_told_group_by_group(name):
  vae = build(name)
  params = jax.jit(vae.init)(jax.random.key(0))

  @jax.jit
  def of(params):
    q, p = vae.posterior(params, example(vae)), vae.prior(params)
    drawn = distributions.draw(q, jax.random.key(1))
    densities = q.log_prob(drawn.z), p.log_prob(drawn.z)
    means = [
      vae.mean(params, z) for z in (p.draw(jax.random.key(2)).z, distributions.code(q))
    ]
    sizes.append(q.walk.sizes)
    rates, ratio = distributions.rates(q, p, drawn), distributions.log_ratio(q, p, drawn)
    return drawn, densities, rates, ratio, means

  sizes = []
  drawn, (log_q, log_p), each, ratio, means = of(params)
  assert each.shape == (len(sizes[0]),)
  assert vae.latents == sum(sizes[0]) == drawn.z.size
  assert (vae.family, vae.standard) == ("hierarchy", False)
  np.testing.assert_allclose(log_q, drawn.log_prob, rtol=1e-4)
  np.testing.assert_allclose(ratio, drawn.log_prob - log_p, atol=1e-3)
  assert [mean.shape for mean in means] == [vae.sizes.shape] * 2


def test_a_pseudo_input_that_is_the_example_leaves_the_upper_layer_nothing_to_tell():
  """p(z_2) = q(z_2|u) with u = x is q(z_2|x); with a second input it is at least half of it."""
  vae = build("two_layers", components=1)
  params = jax.jit(vae.init)(jax.random.key(0))
  params["model"]["inputs"] = example(vae)["x"][None]
  both = build("two_layers", components=2)
  inputs = jnp.stack([example(vae)["x"], -9 * example(vae)["x"]])
  two = {"model": {**params["model"], "inputs": inputs}}

  def upper(vae, params):
    q, p = vae.posterior(params, example(vae)), vae.prior(params)
    drawn = distributions.draw(q, jax.random.key(1))
    return distributions.rates(q, p, drawn)[0], p.draw(jax.random.key(2)).z

  rate, z = jax.jit(lambda params: upper(vae, params))(params)
  assert float(rate) == pytest.approx(0, abs=1e-5)
  assert z.shape == (3,)
  rate, _ = jax.jit(lambda params: upper(both, params))(two)
  assert abs(float(rate)) > 1e-3
  assert float(rate) <= np.log(2) + 1e-5  # p is nowhere below half of q


def test_the_ladder_has_its_groups_from_the_coarsest_picture_to_the_finest():
  vae = build("ladder")
  assert vae.prior(jax.jit(vae.init)(jax.random.key(0))).walk.sizes == (4, 4, 9)


def test_only_what_inference_does_not_need_is_the_decoders():
  vae = build("two_layers")
  params = jax.eval_shape(vae.init, jax.random.key(0))
  marks = vae.decodes(params)["model"]
  decoder = {name for name, leaves in marks.items() if leaves["bias"]}
  assert decoder == {"up_0", "out"}


@pytest.mark.parametrize(
  ("name", "options", "told"),
  [
    ("two_layers", {"latents": 1}, "each of the two layers needs one"),
    ("ladder", {"blocks": [1]}, "number of groups, 1 or more, for each halving"),
  ],
)
def test_groups_that_cannot_be_are_told(name, options, told):
  with pytest.raises(UserError, match=told):
    jax.eval_shape(build(name, **options).init, jax.random.key(0))


def test_a_hierarchy_takes_no_other_prior():
  config = {
    "data": {"name": "digits"}, "model": {"name": "two_layers"}, "prior": {"name": "vamp"},
    "likelihood": {"name": "gaussian"}, "objective": {"name": "beta"},
  }  # fmt: skip
  with pytest.raises(UserError, match="is a hierarchy and brings its own prior"):
    models.build(configuration.resolve(config), Spec((5,), "table", "real"))


def test_a_conditional_convolution_reads_the_label_in_both_halves():
  config = {
    "data": {"name": "digits"}, "likelihood": {"name": "gaussian"},
    "model": {"name": "conv", "condition": "label", "channels": [2], "dense": 5, "latents": 2},
    "objective": {"name": "beta"}, "prior": {"name": "vamp", "components": 3},
  }  # fmt: skip
  spec = Spec((4, 4, 1), "image", "real", classes=("a", "b", "c"))
  vae = models.build(configuration.resolve(config), spec)
  params = jax.jit(vae.init)(jax.random.key(0))
  x, z = jnp.full((4, 4, 1), 0.3), jnp.ones(2)
  row = lambda label: {"x": x, "label": jnp.int32(label)}
  for of in (
    lambda label: vae.posterior(params, row(label)).mean,
    lambda label: vae.mean and vae.given(label).mean(params, z),
    lambda label: vae.log_likelihood(params, z, row(label)),
    lambda label: vae.given(label).prior(params).log_prob(z),
  ):
    each = [np.asarray(jax.jit(lambda of=of, y=label: of(y))()) for label in (0, 1)]
    assert np.abs(each[0] - each[1]).max() > 1e-4
  with pytest.raises(UserError, match="conditional on the label"):
    vae.prior(params)
  plain = models.build(configuration.override(configuration.resolve(config), {
    "model.condition": "none"}), spec)  # fmt: skip
  sizes = [
    jax.eval_shape(v.init, jax.random.key(0))["model"]["encode_dense"]["kernel"].shape
    for v in (plain, vae)
  ]
  assert sizes[1][0] - sizes[0][0] == 3
