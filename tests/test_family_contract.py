"""Every application asked of every kind of posterior, prior and hierarchy.

It answers with finite scores, or refuses in a sentence that names what it needs of a code. What
the scores of the plain model are was stored from before other families were asked.
"""

import itertools
import json
import pathlib

import family_runs
import jax
import jax.numpy as jnp
import made
import numpy as np
import pytest
from family_runs import APPLICATIONS, FAMILIES
from helpers import evaluated

from vae_jax import distributions, registry
from vae_jax.families.continuous import Mixture
from vae_jax.inference import anomaly_scores, damage
from vae_jax.inference.joint import Joint
from vae_jax.latents import OtherPrior
from vae_jax.objectives import recvae
from vae_jax.studies import rates
from vae_jax.studies import restoration as shared
from vae_jax.types import Posterior, UserError

STORED = pathlib.Path(__file__).parent / "standard_scores.json"
SEARCHES = {
  "noise_reduction", "inpainting", "super_resolution", "imputation", "editing",
  "disentanglement", "model_comparison",
}  # fmt: skip
OTHERS = [name for name in FAMILIES if name != "standard"]
QUICK = {("sweep_comparison", "vq"), ("inpainting", "vq")}
CASES = [
  pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow)
  for case in itertools.product(APPLICATIONS, OTHERS)
  if case != ("text", "two_layers")  # a hierarchy writes no sentences
]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
  """(data, family) -> the programs of one small run, trained once."""
  folder = tmp_path_factory.mktemp("families")
  return lambda data, family: family_runs.trained(folder / f"{data}_{family}", data, family)


READS = {
  name: getattr(registry.find("applications", name), "FAMILIES", False)
  for name in registry.names("applications")
}


def test_every_application_that_reads_other_families_has_its_cases():
  own = {"video"}  # its one model brings its prior over frames: tests/test_video.py
  assert {name for name, reads in READS.items() if reads} == set(APPLICATIONS) | own


def test_the_others_refuse_before_anything_else(trained):
  for application, reads in READS.items():
    if not reads:
      with pytest.raises(UserError, match=f"{application} reads codes as Gaussians"):
        evaluated(application, trained("digits", "vq"), {})


@pytest.mark.parametrize(("application", "family"), CASES)
def test_an_application_answers_or_says_what_it_needs(application, family, trained):
  data, settings = APPLICATIONS[application]
  runs = trained(data, family)
  if application in SEARCHES and family == "vq":
    with pytest.raises(UserError, match=r"points of the whole space.*'vq' draws codebook"):
      evaluated(application, runs, settings)
    return
  found = evaluated(application, runs, settings)
  at = found.scores.columns.index
  mine = [row for row in found.scores.rows if row[at("member")] is not None]
  assert {row[at("member")] for row in mine} == {0, 1}
  lost = [row for row in mine if not np.isfinite(row[at("mean")])]
  lost = [row for row in lost if row[at("metric")] != "precision"]  # of nothing flagged
  assert not lost


@pytest.mark.slow
@pytest.mark.parametrize("application", json.loads(STORED.read_text()))
def test_scores_of_the_plain_model_are_those_of_before(application, trained):
  """To what another machine's sums change: a search amplifies that, a bound does not.

  Scores that count right answers of a few examples are not stored: one may turn over.
  """
  stored = json.loads(STORED.read_text())[application]
  found = family_runs.numbers(
    application, trained(APPLICATIONS[application][0], "standard")
  )
  for name, value in stored.items():
    assert found[name] == pytest.approx(value, rel=2e-2, abs=2e-3), name


def one_part(mean, logvar):
  """A Gaussian written as a mixture of one component."""
  return Mixture(jnp.zeros(1), Posterior(jnp.asarray([mean]), jnp.asarray([logvar])))


def test_a_gaussian_written_as_a_mixture_has_the_same_mode():
  """The exact linear model: the mode is its posterior mean under both, in closed form."""
  data = made.table_data()
  vae, _ = made.exact_linear(data)
  x = jnp.asarray(data.splits["test"]["x"][0])
  plain = made.open_with(data, vae)
  mixed = lambda params, example: one_part([0.0, 0.0], [0.0, 0.0])
  mixed = plain._replace(vae=vae._replace(prior=OtherPrior(mixed), standard=False))
  params = {"scale": jnp.ones(())}
  settings = {**shared.SETTINGS, "map_steps": 4, "draws": 1}
  observed = jnp.ones((1, made.SIZE, 1))
  modes, floors = [], []
  for run in (plain, mixed):
    decode = shared.decoder(run, params)
    log_y = lambda z, decode=decode: damage.observed_gaussian(
      x[None, :, None], decode(z)[None, :, None], observed, made.STD
    )
    joint = shared.joint(run, params, log_y)
    search = lambda key, joint=joint: shared.search(settings, joint, [jnp.ones(2)], key)
    modes.append(jax.jit(search)(jax.random.key(3)).z)
    floors.append(float(joint.floor(jax.random.key(4))))
  exact = vae.posterior(params, {"x": x}).mean
  np.testing.assert_allclose(modes[0], exact, atol=1e-4)
  np.testing.assert_allclose(modes[1], exact, atol=1e-4)
  assert floors[0] == 1
  assert 0.4 < floors[1] < 2  # of 32 draws


def test_the_floor_of_a_proposal_is_the_widest_latent_of_the_prior():
  wide = Posterior(jnp.zeros(2), jnp.log(jnp.array([9.0, 0.5])))
  assert float(Joint(jnp.sum, wide).floor(jax.random.key(0))) == pytest.approx(1 / 9)


def test_draws_of_the_standard_prior_are_the_plain_normal_ones():
  key = lambda: jax.random.key(5)
  joint = Joint(jnp.sum, distributions.standard(3))
  starts = jax.jit(lambda z, key: joint.starts([z], 2, key))(jnp.ones(3), key())
  np.testing.assert_array_equal(starts[0], 1)
  np.testing.assert_array_equal(starts[1], 0)
  np.testing.assert_array_equal(starts[2:], jax.random.normal(key(), (2, 3)))


def test_the_kl_of_codes_from_another_prior_is_that_of_two_gaussians():
  """All x have one posterior: q(z) is that one, and there is no information."""
  own = Posterior(jnp.array([0.5, -1.0]), jnp.array([0.0, -1.0]))
  p = Posterior(jnp.array([0.2, 0.3]), jnp.array([0.7, 0.4]))
  q = Posterior(*(jnp.broadcast_to(part, (1, 4000, 2)) for part in own))
  log_prior = lambda params, z: distributions.log_prob(Posterior(*params), z)
  params = tuple(part[None] for part in p)
  found = rates.decomposed(q, 4000, jax.random.key(0), log_prior, params)
  total = found.total_correlation + found.dimension_wise
  assert float(found.information[0]) == pytest.approx(0, abs=1e-3)
  assert float(total[0]) == pytest.approx(float(distributions.kl_between(own, p)), abs=0.06)


def test_an_anomaly_score_is_the_kl_from_the_models_own_prior():
  q = Posterior(jnp.array([1.0, 0.3]), jnp.array([-1.0, 0.2]))
  p = one_part([0.5, -0.5], [0.4, -0.2])
  eps = anomaly_scores.antithetic(jax.random.key(0), 4000, 2)
  drawn = anomaly_scores.draws(q, eps, jax.random.key(1))
  exact = distributions.kl_between(q, jax.tree.map(lambda part: part[0], p.parts))
  found = anomaly_scores.divergence(q, p, drawn)
  assert float(found) == pytest.approx(float(exact), rel=0.03)
  plain = anomaly_scores.divergence(q, distributions.standard(2), drawn)
  assert float(plain) == float(distributions.kl(q))


def test_the_composite_prior_is_the_one_that_recvae_charges():
  data = made.table_data()
  vae, _ = made.exact_linear(data)
  params, z = {"scale": jnp.ones(())}, jnp.array([0.3, -1.0])
  example = {"x": jnp.asarray(data.splits["test"]["x"][1])}
  hyper = {"old": jnp.float32(0.6), "wide": jnp.float32(0.1)}
  found = recvae.prior(vae, params, example, hyper).log_prob(z)
  old = vae.posterior(params, example)
  np.testing.assert_allclose(found, recvae.log_prior(z, old, hyper), rtol=1e-5)


def test_walks_of_another_prior_are_in_units_of_its_codes():
  data = made.table_data()
  vae, _ = made.exact_linear(data)
  run = made.open_with(data, vae)
  mean = np.random.default_rng(0).normal(3, 2, (1, 50, 2)).astype(np.float32)
  q = Posterior(mean, np.zeros_like(mean))
  plain = rates.described(run, q)
  np.testing.assert_array_equal(plain["unit"][0], [[0, 0], [1, 1]])
  np.testing.assert_allclose(plain["latents"], plain["carried"])
  other = rates.described(run._replace(vae=vae._replace(standard=False)), q)
  np.testing.assert_allclose(other["unit"][0], [mean[0].mean(0), mean[0].std(0)], rtol=1e-5)
  assert np.isnan(other["latents"]).all()
  np.testing.assert_allclose(other["carried"][0], mean[0].var(0), rtol=1e-5)
