"""The linear VAE: its optimum is known exactly, so training has to find it.

Data x ~ N(b, W W' + s^2 I) is modelled by a linear encoder and decoder and a Gaussian of
fixed standard deviation s. At β = 1 the ELBO's maximum is the exact log-evidence under the
maximum-likelihood model, probabilistic PCA (Lucas et al., 2019, "Don't Blame the ELBO!",
section 4; Tipping & Bishop, 1999).
"""

import jax
import numpy as np
import pytest
from scipy import stats

from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.data import load
from vae_jax.training import loop

STD = 0.5
DATA = {"name": "linear_gaussian", "dims": 8, "latents": 3, "noise": STD, "n": 4000}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  config = configuration.resolve(
    {
      "data": DATA,
      "model": {"name": "linear", "latents": 5},
      "likelihood": {"name": "gaussian", "std": STD},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 0.02, "learning_rate_steps": 10.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "sweep": {"beta": [1, 4, 400]},
      "train": {"steps": 3000, "batch_size": 256, "log_every": 1000, "eval_every": 1000},
    }
  )
  folder = tmp_path_factory.mktemp("linear")
  loop.train(config, folder, None)
  return runs.open_run(folder, "latest")


def optimum(x: np.ndarray, beta: float, latents: int) -> tuple[np.ndarray, int]:
  """The decoder's covariance W W' that the β-ELBO is maximal at, and its active latents.

  With fixed noise s^2 a principal direction of variance v is used when v > β s^2, and then
  W W' has v - β s^2 along it... at β = 1 the PPCA solution v - s^2.
  """
  variance, direction = np.linalg.eigh(np.cov(x.T, bias=True))
  variance, direction = variance[::-1][:latents], direction[:, ::-1][:, :latents]
  kept = np.maximum(variance - beta * STD**2, 0.0)
  return direction * kept @ direction.T, int((kept > 0).sum())


def test_at_beta_one_the_elbo_is_the_exact_evidence(run):
  data = run.dataset
  train, test = data.splits["train"]["x"], data.splits["test"]
  low_rank, _ = optimum(train, 1.0, 5)
  covariance = low_rank + STD**2 * np.eye(8)
  exact = stats.multivariate_normal.logpdf(test["x"], train.mean(0), covariance)
  elbo = runs.terms(run, test)["elbo"][0]
  error = elbo.std() / len(elbo) ** 0.5
  assert (
    abs(elbo.mean() - exact.mean()) < 0.03 + 3 * (elbo - exact).std() / len(elbo) ** 0.5
  )
  assert error > 0


def test_the_truth_is_the_datasets_own(run):
  from vae_jax.data import linear_gaussian

  truth = linear_gaussian.truth(run.config["data"])
  test = load(run.config["data"], None).splits["test"]["x"]
  expected = stats.multivariate_normal.logpdf(test, truth.bias, truth.covariance)
  np.testing.assert_allclose(truth.evidence(test), expected, rtol=1e-4)


def test_active_latents_switch_off_where_theory_says(run):
  split = run.dataset.splits["test"]
  posterior = runs.apply(
    run,
    lambda params, hyper, e, key: run.vae.posterior(params, e),
    split,
    jax.random.key(0),
  )
  active = (posterior.mean.var(axis=1) > 0.01).sum(axis=1)
  train = run.dataset.splits["train"]["x"]
  expected = [optimum(train, beta, 5)[1] for beta in run.hyper["beta"]]
  assert expected[0] >= expected[1] >= expected[2] == 0
  # the fourth and fifth latents at β = 1 model sampling noise of variance just above s^2
  assert abs(active[0] - 3) <= 2
  assert active[1] == expected[1]
  assert active[2] == 0
