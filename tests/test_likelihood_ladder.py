"""The likelihood ladder on a model whose evidence is known, and its baselines."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means, scored
from made import bind, exact_linear, identity, open_with, table_data
from scipy import special, stats

from vae_jax import config, vae
from vae_jax import data as datasets
from vae_jax.baselines import bernoulli_mixture
from vae_jax.evaluation import pictures
from vae_jax.training import sweep
from vae_jax.types import UserError

FEW = {
  "limit": 8, "tune": 4, "samples": 20, "chunk": 20, "ais": "yes", "annealed": 3,
  "temperatures": 150, "chains": 8,
}  # fmt: skip


def test_a_model_with_its_exact_posterior_has_the_exact_evidence():
  data = table_data()
  exact_vae, p = exact_linear(data)
  found = evaluated("likelihood_ladder", open_with(data, exact_vae), FEW)
  rows = pictures.spread(len(data.splits["test"]["x"]), 8)
  exact = -p.logpdf(data.splits["test"]["x"][rows])
  assert means(found, "nll")["model", ""] == pytest.approx(exact.mean(), abs=1e-2)
  assert means(found, "gap")["model", ""] == pytest.approx(0, abs=0.6)  # one sample each
  assert means(found, "ess")["model", ""] == pytest.approx(20, rel=1e-3)
  every = -p.logpdf(data.splits["test"]["x"]).mean()
  assert means(found, "whole")["model", ""] == pytest.approx(every, abs=0.6)
  assert means(found, "beside")["model", ""] == pytest.approx(exact[:3].mean(), abs=1e-2)
  assert means(found, "ais")["model", ""] == pytest.approx(exact[:3].mean(), abs=0.2)
  assert scored(found, "nll") == pytest.approx([exact.mean()], abs=1e-2)


def test_bits_of_grey_levels_are_those_of_the_logistic_in_scipy():
  """All parameters 0: q is the prior, and each pixel is a logistic with mean 0."""
  data = datasets.load({"name": "digits"}, None)
  given = {"name": "discretised_logistic", "levels": 17, "std": 0.3}
  settings = config.resolve({
    "data": {"name": "digits"}, "likelihood": given, "objective": {"name": "beta"},
    "model": {"name": "mlp", "hidden": [4], "latents": 2},
  })  # fmt: skip
  model = vae.build(settings, data.spec)
  params = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0)))
  start = math.log(0.3 * 3**0.5 / math.pi)
  params["shared"] = jnp.array([start])
  run = open_with(data, model)._replace(
    params=jax.tree.map(lambda v: v[None], params),
    likelihood=vae.build_likelihood(settings["likelihood"], data.spec),
  )
  found = evaluated("likelihood_ladder", run, FEW | {"ais": "no"})
  rows = pictures.spread(len(data.splits["test"]["x"]), 8)
  x = np.asarray(data.splits["test"]["x"][rows], float)
  x = x / 255 if x.max() > 1 else x
  of = stats.logistic(0, math.exp(start))
  low = np.where(x < 1 / 32, 0, of.cdf(x - 1 / 32))
  high = np.where(x > 31 / 32, 1, of.cdf(x + 1 / 32))
  exact = -np.log2(high - low).sum((1, 2, 3)).mean() / 64
  assert means(found, "bits")["model", ""] == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_sharpness_of_noise_is_its_variance(scale):
  """Data are white noise of variance 1, and the images of the prior white noise of scale^2."""
  data = table_data((8, 8, 1), "image", labels=False)
  encode = identity(data).posterior
  decode = lambda params, z: scale * z.reshape(8, 8, 1)
  made = bind(data, lambda params, x: encode(params, {"x": x}), decode, 64)
  few = FEW | {"limit": 30, "samples": 2, "chunk": 2, "ais": "no"}
  found = evaluated("likelihood_ladder", open_with(data, made), few)
  assert means(found, "sharpness")["model", ""] == pytest.approx(scale**2, rel=0.15)


def test_what_has_no_likelihood_is_refused():
  data = table_data()
  with pytest.raises(UserError, match="this run has none"):
    evaluated(
      "likelihood_ladder", open_with(data, identity(data), objective="autoencoder"), FEW
    )
  with pytest.raises(UserError, match="expected yes or no"):
    evaluated("likelihood_ladder", open_with(data, identity(data)), FEW | {"ais": "maybe"})


@pytest.mark.parametrize(
  ("words", "programs", "expected"),
  [
    ("", 7, {"data.binarise": "larochelle"}),
    ("dynamic", 7, {"data.binarise": "dynamic"}),
    ("deep", 2, {"prior.name": "vamp", "prior.centre": 0.1, "train.epochs": 30.0}),
    ("k1", 1, {"objective.name": "beta", "train.eval_every": 3000}),
    ("omniglot", 7, {"train.epochs": 100.0, "train.eval_every": 0}),
    ("two,k5", 1, {"model.name": "two_layers", "objective.samples": 5}),
    ("k50", 1, {"objective.samples": 50, "data.binarise": "larochelle"}),
    ("pixels", 1, {"model.name": "pixel_vae", "hyper.clip_norm": 100.0}),
    ("ladder", 1, {"model.name": "ladder", "hyper.clip_norm": 100.0}),
    ("ladder,omniglot", 1, {"data.name": "images", "data.invert": True}),
  ],
)
def test_a_word_of_the_configuration_is_a_step_of_the_ladder(words, programs, expected):
  parts = sweep.parts(config.load(f"mnist_likelihoods:{words}", {}))
  assert len(parts) == programs
  first = parts[0].config
  for name, value in expected.items():
    section, field = name.split(".")
    assert first[section][field] == value


def test_a_mixture_of_bernoullis_finds_its_components():
  rng = np.random.default_rng(0)
  p = np.array([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
  which = rng.choice(2, 3000, p=[0.7, 0.3])
  x = (rng.random((3000, 4)) < p[which]).astype(np.float32)
  found = bernoulli_mixture.fit(x, 2, 1)
  order = np.argsort(-found.log_weights)
  np.testing.assert_allclose(np.exp(found.log_weights[order]), [0.7, 0.3], atol=0.03)
  np.testing.assert_allclose(found.p[order], p, atol=0.04)
  joint = (
    np.log(0.7)
    + special.xlogy(x[:5], p[0]).sum(1)
    + special.xlogy(1 - x[:5], 1 - p[0]).sum(1)
  )
  other = (
    np.log(0.3)
    + special.xlogy(x[:5], p[1]).sum(1)
    + special.xlogy(1 - x[:5], 1 - p[1]).sum(1)
  )
  exact = bernoulli_mixture.Mixture(np.log([0.7, 0.3]), p)
  np.testing.assert_allclose(
    bernoulli_mixture.log_prob(exact, x[:5]), np.logaddexp(joint, other), rtol=1e-5
  )


def test_one_component_is_a_coin_for_each_pixel():
  x = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], np.float32)
  found = bernoulli_mixture.fit(x, 1, 0, 1)
  np.testing.assert_allclose(found.p, [[3.5 / 5, 1.5 / 5]])
