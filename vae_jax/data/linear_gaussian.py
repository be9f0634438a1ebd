"""Data of a linear Gaussian model whose evidence is known exactly: x = W z + b + noise.

z ~ N(0, I), noise ~ N(0, std² I), so x ~ N(b, W Wᵀ + std² I). A linear VAE is optimal here,
and its evidence, and its active latents as a function of β, have closed forms: the singular
values of W are distinct, 3 down to 1.

Source: Tipping and Bishop 1999, equations 2 and 3; Lucas et al. 2019 for the linear VAE.
"""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import _split
from vae_jax.types import Dataset, Spec, UserError

# `truth` seeds W, b and the samples; the common `seed` chooses the order of batches alone,
# so runs of several data seeds are scored on the same test set. `n` is train and valid.
OPTIONS = {"dims": 10, "latents": 3, "noise": 0.5, "n": 10_000, "test": 2_000, "truth": 0}


MOST = 10**9  # numbers of x


class Truth(NamedTuple):
  """The parameters the data was drawn from; float64."""

  weights: np.ndarray  # W [D, L], with singular values 3 ... 1
  bias: np.ndarray  # b [D]
  noise_std: float

  @property
  def covariance(self) -> np.ndarray:
    """The covariance of x, W Wᵀ + std² I: [D, D]."""
    return self.weights @ self.weights.T + self.noise_std**2 * np.eye(len(self.bias))

  def evidence(self, x: np.ndarray) -> np.ndarray:
    """log p(x) = log N(x; b, W Wᵀ + std² I): [..., D] -> [...], in nats, float64."""
    factor = np.linalg.cholesky(self.covariance)
    white = np.linalg.solve(factor, np.moveaxis(np.asarray(x, float) - self.bias, -1, 0))
    log_det = 2 * np.log(np.diag(factor)).sum()
    return -0.5 * ((white**2).sum(0) + log_det + len(self.bias) * np.log(2 * np.pi))


def truth(config: dict[str, Any]) -> Truth:
  """The W, b and noise of a configuration; what is left out takes its default.

  W = U diag(s) Vᵀ with U, V random orthonormal and s evenly spaced from 3 to 1.

  Raises:
    UserError: latents is not in [1, dims], or the noise is not positive.
  """
  full = {**OPTIONS, **config}
  dims, latents, noise = full["dims"], full["latents"], full["noise"]
  if not 1 <= latents <= dims:
    raise UserError(
      f"data.latents is {latents}; expected between 1 and data.dims = {dims}."
    )
  if not 0 < noise < 1e9:
    raise UserError(f"data.noise is {noise}; expected a positive standard deviation.")
  if dims > 10_000 or full["truth"] < 0:
    raise UserError(
      f"data.dims is {dims} and data.truth {full['truth']}; expected up to 10,000, and a seed"
      " that is not negative."
    )
  draw = np.random.default_rng(full["truth"])
  left, _ = np.linalg.qr(draw.normal(size=(dims, latents)))
  right, _ = np.linalg.qr(draw.normal(size=(latents, latents)))
  weights = left * np.linspace(3.0, 1.0, latents) @ right.T
  return Truth(weights, draw.normal(size=dims), float(noise))


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [D] float32, no labels; the latents that made it are the field `latent` [L].

  Raises:
    UserError: an option is out of its range.
  """
  del data_dir
  known = truth(config)
  if config["n"] < 2 or config["test"] < 1:
    raise UserError(
      f"data.n is {config['n']} and data.test {config['test']}; expected at least 2 and 1."
    )
  if (config["n"] + config["test"]) * config["dims"] > MOST:
    raise UserError(
      f"data.n and data.test times data.dims are beyond {MOST:,} numbers; make one smaller."
    )
  draw = np.random.default_rng([config["truth"], 1])
  rest = _sample(known, draw, config["n"])
  train, valid = _split.last(rest, config["valid"], "valid")
  return Dataset(
    "linear_gaussian",
    Spec((config["dims"],), "table", "real"),
    {"train": train, "valid": valid, "test": _sample(known, draw, config["test"])},
    f"Drawn from a linear Gaussian model with {config['latents']} latents and noise of "
    f"standard deviation {config['noise']:g}.",
  )


def _sample(known: Truth, draw: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
  z = draw.normal(size=(rows, known.weights.shape[1]))
  noise = known.noise_std * draw.normal(size=(rows, len(known.bias)))
  x = z @ known.weights.T + known.bias + noise
  return {"x": x.astype(np.float32), "latent": z.astype(np.float32)}
