"""The linear VAE: its optimum is known exactly, so theory, training and evaluation must meet.

Data x ~ N(b, W W' + s^2 I) is modelled by a linear encoder and decoder. The optimum of
distortion + β rate is in `metrics.linear_theory`; first the formulas are held to a numerical
minimisation, then one β sweep is held to the formulas.
"""

import numpy as np
import pytest
from helpers import evaluated, scored
from scipy import stats
from scipy.optimize import minimize

from vae_jax import asking, plots
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.data import linear_gaussian, load
from vae_jax.metrics import linear_theory as theory
from vae_jax.training import loop
from vae_jax.types import Posterior, UserError

STD, DIMS, L = 0.5, 8, 5
DATA = {"name": "linear_gaussian", "dims": DIMS, "latents": 3, "noise": STD, "n": 4000}
TOLERANCE = 0.03  # nats, or 1 % where that is more
VARIANCES = np.array([6.0, 2.5, 1.2, 0.7, 0.4])


def moments(variances=VARIANCES):
  return theory.Moments(variances, variances)


def minimum(beta, noise, latents=2, seed=0):
  """The least distortion + β rate by BFGS over W, V, d, and s^2 where noise is None."""
  size = len(VARIANCES)
  C = np.diag(VARIANCES)
  shapes = (size * latents, size * latents, latents, noise is None)
  cuts = np.cumsum(shapes)[:-1]

  def parts(theta):
    W, V, logvar, log_noise = np.split(theta, cuts)
    W, V = W.reshape(size, latents), V.reshape(latents, size)
    s2 = np.exp(log_noise[0]) if noise is None else noise
    rest = np.eye(size) - W @ V
    error = np.trace(rest @ C @ rest.T) + ((W**2) * np.exp(logvar)[None]).sum()
    distortion = 0.5 * (error / s2 + size * np.log(2 * np.pi * s2))
    mean = np.diag(V @ C @ V.T)
    rate = 0.5 * (mean + np.exp(logvar) - 1 - logvar).sum()
    return rate, distortion

  def loss(theta):
    rate, distortion = parts(theta)
    return distortion + beta * rate

  draw = np.random.default_rng(seed)
  best = minimize(loss, 0.3 * draw.normal(size=sum(shapes)), method="BFGS")
  return parts(best.x)


@pytest.mark.parametrize("noise", [0.5, None])
@pytest.mark.parametrize("beta", [0.5, 1.0, 1.6, 2.6, 9.0])
def test_the_formulas_are_the_numerical_minimum(beta, noise):
  rate, distortion = minimum(beta, noise)
  exact = theory.optimum(moments(), beta, 2, noise)
  assert exact.rate == pytest.approx(rate, abs=2e-3)
  assert exact.distortion == pytest.approx(distortion, abs=4e-3)
  known = exact.distortion + beta * exact.rate
  assert known == pytest.approx(distortion + beta * rate, abs=1e-4)


def test_at_beta_one_the_optimum_is_probabilistic_pca():
  """Tipping & Bishop (1999), eq. 7 and 8, and their likelihood under scipy's normal."""
  exact = theory.optimum(moments(), 1.0, 2, None)
  assert exact.noise == pytest.approx(VARIANCES[2:].mean())
  covariance = np.diag([6.0, 2.5, *[VARIANCES[2:].mean()] * 3])
  x = np.concatenate([np.diag(np.sqrt(5 * VARIANCES)), -np.diag(np.sqrt(5 * VARIANCES))])
  log_p = stats.multivariate_normal(np.zeros(5), covariance).logpdf(x).mean()
  assert exact.evidence == pytest.approx(log_p)
  assert exact.elbo == pytest.approx(exact.evidence)
  assert theory.optimum(moments(), 2.0, 2, 0.5).elbo < exact.elbo


@pytest.mark.parametrize("noise", [0.5, None])
def test_each_latent_is_on_up_to_its_own_beta(noise):
  off = theory.switch_off(VARIANCES, 3, noise)
  assert (np.diff(off) < 0).all()
  for place, beta in enumerate(off):
    below, above = (theory.optimum(moments(), beta * f, 3, noise) for f in (0.999, 1.001))
    assert (below.active, above.active) == (place + 1, place)
    assert below.rates[place] > 0
    assert above.rates[place] == 0
    assert below.distortion == pytest.approx(above.distortion, rel=2e-3)


def test_the_fixed_curve_is_the_rate_distortion_function():
  """Along it the slope of the distortion against the rate is -β."""
  for beta in (0.7, 1.5, 3.0, 6.0):
    a, b = (theory.optimum(moments(), beta * f, 4, 0.5) for f in (0.9999, 1.0001))
    slope = (b.distortion - a.distortion) / (b.rate - a.rate)
    assert slope == pytest.approx(-beta, rel=1e-3)


def test_another_split_is_scored_by_its_own_moments():
  """`optimum` on scored data against `measured` of the optimal model written out."""
  draw = np.random.default_rng(0)
  mix = draw.normal(size=(4, 4))
  train, test = draw.normal(size=(300, 4)) @ mix, draw.normal(size=(50, 4)) @ mix + 0.3
  beta, noise = 2.0, 0.4
  exact = theory.optimum(theory.moments(train, test), beta, 2, noise)
  v, U = np.linalg.eigh(np.cov(train.T, bias=True))
  v, U = v[::-1][:2], U[:, ::-1][:, :2]
  assert (v > beta * noise).all()
  w = np.sqrt(v - beta * noise)
  mean = (test - train.mean(0)) @ U * w / v
  logvar = np.broadcast_to(np.log(beta * noise / v), mean.shape)
  found = theory.measured(test, Posterior(mean, logvar), U * w, train.mean(0), noise)
  np.testing.assert_allclose(found.rates, exact.rates, rtol=1e-10)
  assert found.distortion == pytest.approx(exact.distortion)
  assert found.evidence == pytest.approx(exact.evidence)
  covariance = (U * w**2) @ U.T + noise * np.eye(4)
  log_p = stats.multivariate_normal(train.mean(0), covariance).logpdf(test).mean()
  assert found.evidence == pytest.approx(log_p)


def test_what_has_no_optimum_is_refused():
  with pytest.raises(UserError, match="no optimum"):
    theory.optimum(moments(), 1.0, 5, None)
  with pytest.raises(UserError, match="above 0"):
    theory.optimum(moments(), 0.0, 2, 0.5)
  with pytest.raises(UserError, match="6 latents in 5 dimensions"):
    theory.optimum(moments(), 1.0, 6, 0.5)
  assert theory.optimum(moments(), 2.0, 5, None).noise > 0


def configure(**parts):
  given = {
    "data": DATA,
    "model": {"name": "linear", "latents": L},
    "likelihood": {"name": "gaussian", "std": STD},
    "objective": {"name": "beta"},
    "hyper": {"learning_rate": 0.02, "learning_rate_steps": 10.0},
    "schedule": {"learning_rate": "warmup_cosine"},
    "train": {"steps": 3000, "batch_size": 256, "log_every": 3000, "eval_every": 3000},
  }
  return configuration.resolve({**given, **parts})


def exact_switches(noise):
  train = load(configure()["data"], None).splits["train"]["x"]
  return theory.switch_off(theory.moments(train).variances, L, noise)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """β around the switch of each of the three latents of the data, and between."""
  off = exact_switches(STD**2)[:3]
  betas = sorted([0.5, 1.0, 2.0, 10.0, 25.0, 64.0, *(0.9 * off), *(1.1 * off)])
  folder = tmp_path_factory.mktemp("linear")
  loop.train(configure(sweep={"beta": [float(b) for b in betas]}), folder, None)
  return runs.open_run(folder, "latest")


@pytest.fixture(scope="module")
def report(run):
  return evaluated("linear_theory", run)


def learned(report, metric):
  """Of every member, in order."""
  return np.array(scored(report, metric, method="learned"))


def test_the_sweep_reproduces_the_exact_rate_distortion_curve(run, report):
  """Every β of one program: rate, distortion, ELBO and evidence within the tolerance."""
  splits = run.dataset.splits
  data = theory.moments(splits["train"]["x"], splits["test"]["x"])
  assert len(run.members) == 12
  for m, beta in enumerate(run.hyper["beta"]):
    exact = theory.optimum(data, float(beta), L, STD**2)
    # log p(x) of a decoder whose latent is all but off hangs on what is left of its column
    for name, share in (
      ("rate", 0.01),
      ("distortion", 0.01),
      ("elbo", 0.01),
      ("evidence", 0.02),
    ):
      found, known = learned(report, name)[m], getattr(exact, name)
      assert found == pytest.approx(known, abs=TOLERANCE, rel=share), f"{name} at β {beta}"
      beside = scored(report, name, method="exact", member=m)
      assert beside == [pytest.approx(known)]
    np.testing.assert_allclose(report.arrays["rates"][m], exact.rates, atol=TOLERANCE)


def test_at_beta_one_the_elbo_is_the_exact_evidence(run, report):
  """Of each test example drawn by the engine's own terms, and of the split by scipy."""
  one = run.hyper["beta"].tolist().index(1.0)
  test = run.dataset.splits["test"]
  truth = linear_gaussian.truth(run.config["data"])
  train = run.dataset.splits["train"]["x"]
  variances, U = np.linalg.eigh(np.cov(train.T, bias=True))
  top = np.argsort(variances)[::-1][:L]
  kept = np.maximum(variances[top] - STD**2, 0)
  model = (U[:, top] * kept) @ U[:, top].T + STD**2 * np.eye(DIMS)
  exact = stats.multivariate_normal.logpdf(test["x"], train.mean(0), model)
  elbo = asking.terms(run, test)["elbo"][one]
  error = (elbo - exact).std() / len(elbo) ** 0.5
  assert error < 0.05
  assert abs(elbo.mean() - exact.mean()) < TOLERANCE + 3 * error
  assert learned(report, "elbo")[one] == pytest.approx(exact.mean(), abs=TOLERANCE)
  # and the model of 3,600 examples is all but the truth
  assert exact.mean() == pytest.approx(truth.evidence(test["x"]).mean(), abs=0.02)


def test_the_terms_that_are_drawn_agree_with_the_expectations(run, report):
  drawn = asking.terms(run, run.dataset.splits["test"])
  rate, distortion = learned(report, "rate"), learned(report, "distortion")
  np.testing.assert_allclose(drawn["rate"].mean(1), rate, atol=1e-4)
  error = drawn["distortion"].std(1) / drawn["distortion"].shape[1] ** 0.5
  assert (abs(drawn["distortion"].mean(1) - distortion) < 4 * error).all()


def test_each_latent_switches_off_at_its_beta(run, report):
  """On at 0.9 and off at 1.1 of it; and the posterior that is left says where, within 3 %."""
  off = exact_switches(STD**2)
  active, betas = learned(report, "active"), run.hyper["beta"]
  for place in range(3):
    assert active[np.argmin(abs(betas - 0.9 * off[place]))] == place + 1
    assert active[np.argmin(abs(betas - 1.1 * off[place]))] == place
  table = report.tables[-1]
  estimate = [row[table.columns.index("β from the posterior")] for row in table.rows]
  np.testing.assert_allclose(estimate[:3], off[:3], rtol=0.03)


def test_the_report_has_the_numbers_of_every_member_and_draws_its_figures(report, tmp_path):
  gaps, beside, members, switches = report.tables
  assert len(gaps.rows) == 12
  assert [row[:2] for row in beside.rows[:2]] == [[0.5, "learned"], [0.5, "exact"]]
  assert members.rows[-1][members.columns.index("active")] == f"0 of {L} COLLAPSED"
  assert len(switches.rows) == L
  assert any("At β = 1 the ELBO" in finding for finding in report.findings)
  # No β is better than another here: the first stands for all.
  gap = learned(report, "elbo") - np.array(scored(report, "elbo", method="exact"))
  np.testing.assert_allclose(learned(report, "gap"), gap)
  assert report.headline["mean"] == pytest.approx(gap[0])
  worst = np.abs(gap).max()
  assert any(f"The ELBO is within {worst:.3f} nats" in line for line in report.block)
  drawn = {figure.name: figure for figure in report.figures}
  names = ["sweep", "rate_distortion", "rate_per_latent", "elbo_and_evidence"]
  assert [*drawn] == names
  # the two latents of sampling noise leave together, under one mark
  assert [*drawn["rate_per_latent"].data["marks"]] == ["1", "2", "3", "4, 5"]
  for figure in report.figures:
    plots.draw(figure, tmp_path / f"{figure.name}.png")
    assert (tmp_path / f"{figure.name}.png").stat().st_size > 5000


REFUSED = [
  ({"objective": {"name": "tc"}}, r"objective\.name=beta"),
  ({"model": {"name": "mlp"}}, r"model\.name=linear"),
  ({"likelihood": {"name": "student_t"}}, r"likelihood\.name=gaussian"),
  ({"likelihood": {"name": "gaussian", "scale": "predicted"}}, "fixed or shared"),
  ({"corruption": {"name": "mask"}}, r"corruption\.name=none"),
]


@pytest.mark.parametrize(("parts", "said"), REFUSED)
def test_a_run_that_the_theory_does_not_speak_of_is_refused(run, parts, said):
  other = run._replace(config={**run.config, **parts})
  with pytest.raises(UserError, match=said):
    evaluated("linear_theory", other)


def test_other_data_and_regularisers_are_refused(run):
  other = run._replace(dataset=run.dataset._replace(name="digits"))
  with pytest.raises(UserError, match=r"data\.name=linear_gaussian"):
    evaluated("linear_theory", other)
  decayed = run._replace(hyper={**run.hyper, "weight_decay": np.full(12, 0.1)})
  with pytest.raises(UserError, match="without weight_decay"):
    evaluated("linear_theory", decayed)


def test_the_truth_is_the_datasets_own():
  config = configure()
  truth = linear_gaussian.truth(config["data"])
  test = load(config["data"], None).splits["test"]["x"]
  expected = stats.multivariate_normal.logpdf(test, truth.bias, truth.covariance)
  np.testing.assert_allclose(truth.evidence(test), expected, rtol=1e-4)


def test_a_learned_noise_reaches_its_optimum_too(tmp_path):
  config = configure(
    likelihood={"name": "gaussian", "std": STD, "scale": "shared"},
    sweep={"beta": [0.5, 1.0, 2.0, 4.0]},
  )
  loop.train(config, tmp_path, None)
  run = runs.open_run(tmp_path, "latest")
  report = evaluated("linear_theory", run)
  names = ("std", "elbo", "rate", "distortion")
  found = {name: learned(report, name) for name in names}
  splits = run.dataset.splits
  data = theory.moments(splits["train"]["x"], splits["test"]["x"])
  for m, beta in enumerate(run.hyper["beta"]):
    exact = theory.optimum(data, float(beta), L, None)
    assert found["std"][m] ** 2 == pytest.approx(exact.noise, rel=0.05)
    assert found["elbo"][m] == pytest.approx(exact.elbo, abs=TOLERANCE)
    total = found["distortion"][m] + beta * found["rate"][m]
    assert total == pytest.approx(exact.distortion + beta * exact.rate, abs=TOLERANCE)
