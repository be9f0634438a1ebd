"""Linear theory: what a linear β-VAE has learned against the optimum that is known exactly."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.applications import _linear_report, _members
from vae_jax.asking import apply
from vae_jax.data import linear_gaussian
from vae_jax.metrics import linear_theory as theory
from vae_jax.run import Run
from vae_jax.types import (
  Array,
  Dataset,
  Example,
  Hyper,
  Params,
  Posterior,
  Report,
  UserError,
)

QUESTION = "Does training find the optimum that theory knows, at every β?"
SETTINGS = {"split": "test"}
REGULARISERS = ("free_bits", "weight_decay", "corruption_rate")


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Rate, distortion, ELBO and evidence against their closed forms, and when latents go off.

  Everything is an expectation: the decoder is linear, so the mean of the distortion over z is
  known without a draw, and log p(x) is a Gaussian's. The theory is of the training split's
  principal variances and is scored on the split of the settings; see `metrics.linear_theory`.

  Args:
    run: an opened run of the model `linear` on `linear_gaussian`.
    data: the dataset it was trained on.
    key: nothing is drawn.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting or split, or a run that the theory does not speak of.
  """
  settings = _members.resolve(SETTINGS, settings)
  _refuse(run, data)
  c = _measure(run, data, _members.split(data, settings["split"]), key)
  arrays = {
    name: np.asarray([getattr(scores, name) for scores in c.learned])
    for name in ("rate", "distortion", "elbo", "evidence", "noise", "active", "rates")
  }
  exact = {f"exact_{name}": [getattr(s, name) for s in c.exact] for name in arrays}
  return Report(
    "linear_theory",
    QUESTION,
    _linear_report.tables(c),
    _linear_report.figures(c),
    _findings(c),
    arrays | {name: np.asarray(values) for name, values in exact.items()},
  )


def _refuse(run: Run, data: Dataset) -> None:
  config, likelihood = run.config, run.config["likelihood"]
  parts = {
    "data": (data.name, "linear_gaussian"),
    "model": (config["model"]["name"], "linear"),
    "objective": (config["objective"]["name"], "beta"),
    "likelihood": (likelihood["name"], "gaussian"),
    "corruption": (config["corruption"]["name"], "none"),
  }
  for part, (name, known) in parts.items():
    if name != known:
      raise UserError(
        f"The optimum is known for {part}.name={known} and this run has {name!r}: train with"
        " --config=configs/linear_gaussian.py."
      )
  if likelihood["scale"] == "predicted":
    raise UserError(
      "The optimum is not known where the decoder predicts the noise: train with"
      " likelihood.scale fixed or shared."
    )
  for name in REGULARISERS:
    if np.any(run.hyper[name] > 0):
      raise UserError(f"The optimum is known without {name}: train with hyper.{name}=0.")


def _measure(run: Run, data: Dataset, examples: dict, key: Array) -> _linear_report.Context:
  """The learned and the exact scores of every member."""
  fixed = run.config["likelihood"]["scale"] == "fixed"
  noise = float(run.config["likelihood"]["std"]) ** 2 if fixed else None
  train, x = data.splits["train"]["x"], examples["x"]
  moments = theory.moments(train, x)
  q = _members.posterior(run, examples, key)
  one = {name: values[:1] for name, values in examples.items()}
  weights, bias, noises = apply(run, _decoder(run), one, key)
  learned = [
    theory.measured(x, Posterior(mean, logvar), W[0], b[0], float(s2[0]))
    for mean, logvar, W, b, s2 in zip(*q, weights, bias, noises, strict=True)
  ]
  exact = [
    theory.optimum(moments, float(beta), run.vae.latents, noise)
    for beta in run.hyper["beta"]
  ]
  truth = float(linear_gaussian.truth(run.config["data"]).evidence(x).mean())
  return _linear_report.Context(run, moments, noise, learned, exact, q.logvar[:, 0], truth)


def _decoder(run: Run) -> Any:
  """W [D, L], b [D] and s^2 [] of one member, read off the functions of the model."""
  vae, size = run.vae, run.spec.size

  def read(params: Params, hyper: Hyper, example: Example, key: Array) -> tuple:
    del hyper, key
    zero = jnp.zeros(vae.latents)
    bias = vae.mean(params, zero)
    columns = jax.vmap(lambda z: vae.mean(params, z) - bias)(jnp.eye(vae.latents))
    # at x = its mean a Gaussian is -D/2 log(2 pi s^2)
    peak = vae.log_likelihood(params, zero, {**example, "x": bias})
    return columns.T, bias, jnp.exp(-2 * peak / size - theory.LOG_2PI)

  return read


def _findings(c: _linear_report.Context) -> list[str]:
  betas = c.run.hyper["beta"]
  found = []
  for m in np.flatnonzero(betas == 1)[:1]:
    learned, exact = c.learned[m], c.exact[m]
    found.append(
      f"At β = 1 the ELBO is {learned.elbo:.3f} nats, where the exact evidence of the optimum"
      f" is {exact.evidence:.3f} and that of the parameters behind the data {c.truth:.3f}."
    )
  for title, name in _linear_report.SCORES.items():
    gaps = np.abs([getattr(a, name) - getattr(b, name) for a, b in _pairs(c)])
    worst = int(np.nanargmax(gaps)) if np.isfinite(gaps).any() else 0
    found.append(
      f"The {title} is within {gaps[worst]:.3f} nats of the exact one everywhere, least so at"
      f" β = {betas[worst]:g}."
    )
  agree = sum(a.active == b.active for a, b in _pairs(c))
  found.append(
    f"{agree} of {len(betas)} members have as many active latents as the optimum."
  )
  lost = sum(not np.isfinite(s.elbo) for s in c.learned)
  if lost:
    found.append(
      f"{lost} of {len(betas)} members have no finite scores: their rows show it."
    )
  return found


def _pairs(c: _linear_report.Context) -> list[tuple[theory.Scores, theory.Scores]]:
  return list(zip(c.learned, c.exact, strict=True))
