"""The disentanglement scores of every member of a sweep, and of codes to compare them with."""

import sys
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from vae_jax.applications import _members
from vae_jax.asking import terms
from vae_jax.metrics import disentanglement, fixed_factor, latent, udr
from vae_jax.run import Run
from vae_jax.training import sweep
from vae_jax.types import Array

LABELS = {
  "mig": "MIG",
  "mig_sampled": "MIG, sampled",
  "factor": "FactorVAE",
  "beta": "β-VAE",
  "sap": "SAP",
  "d": "DCI D",
  "c": "DCI C",
  "i": "DCI I",
  "modularity": "modularity",
}
UDR = {"udr": "UDR", "udr_lasso": "UDR, Lasso"}


class Scored(NamedTuple):
  """One code of the examples and what is said of it."""

  scores: dict[str, float]  # of LABELS and, of members of several seeds, of UDR
  information: np.ndarray  # [L, F] in shares of the factor's entropy
  importance: np.ndarray  # [L, F] of DCI
  accuracy: np.ndarray  # [F] of DCI


class Member(NamedTuple):
  """A member of a sweep, its codes and their scores."""

  run: int  # the program
  place: int  # among the members of the program
  number: int  # in the whole sweep
  row: dict[str, Any]  # the values of its columns
  setting: tuple  # what it shares with members that differ in the seed alone
  title: str
  ended: str
  means: np.ndarray  # [N, L]
  rates: np.ndarray  # [L] nats; NaN where the model has no posterior
  elbo: dict[str, float]  # rate, distortion, elbo, nats per example
  found: Scored


def score(
  codes: np.ndarray,
  logvars: np.ndarray | None,
  factors: np.ndarray,
  seed: int,
  settings: dict[str, Any],
) -> Scored:
  """Every score of one code [N, L] of examples with factors [N, F].

  Args:
    codes: posterior means; where one is not finite, every score is NaN.
    logvars: [N, L], or None for a code that is no distribution.
    factors: [N, F].
    seed: of the batches, votes and trees, the same for every code.
    settings: of the application.
  """
  rng = lambda: np.random.default_rng(seed)
  shape = codes.shape[1], factors.shape[1]
  if not np.isfinite(codes).all():
    nothing = np.full(shape, np.nan)
    return Scored(dict.fromkeys(LABELS, np.nan), nothing, nothing, nothing[0])
  information = disentanglement.mutual_information(codes, factors, settings["bins"])
  entropy = disentanglement.entropies(factors)
  trees = disentanglement.dci(codes, factors, rng(), settings["dci"], settings["trees"])
  votes = settings["batch"], settings["votes"], settings["test_votes"]
  scores = {
    "mig": disentanglement.gap(information, entropy),
    "mig_sampled": np.nan,
    "factor": fixed_factor.factor_vae_score(codes, factors, rng(), *votes),
    "beta": fixed_factor.beta_vae_score(codes, factors, rng(), *votes),
    "sap": disentanglement.sap(codes, factors, rng()),
    "d": trees.disentanglement,
    "c": trees.completeness,
    "i": trees.informativeness,
    "modularity": disentanglement.modularity_of(information),
  }
  if logvars is not None:
    rows = settings["sampled"]
    sampled = disentanglement.sampled_information(codes, logvars, factors, rng(), rows)
    scores["mig_sampled"] = disentanglement.gap(sampled, entropy)
  return Scored(scores, information / entropy, trees.importance, trees.accuracy)


def measure(
  runs: list[Run], examples: dict, key: Array, seed: int, settings: dict[str, Any]
) -> list[Member]:
  """All members of all programs, scored; UDR over the seeds of each setting."""
  found = []
  total = sum(len(run.members) for run in runs)
  silent = not sys.stderr.isatty()
  with tqdm(total=total, desc="members", disable=silent, leave=False) as bar:
    for number, run in enumerate(runs):
      means, logvars = _members.posterior(run, examples, key)
      nats = terms(run, examples)
      for m in range(len(run.members)):
        spread = logvars[m] if run.stochastic else None
        scored = score(means[m], spread, examples["factors"], seed, settings)
        rates = latent.rates(means[m], logvars[m])
        member = _member(run, number, m, means[m], rates, nats, scored)
        found.append(member if total > 1 else member._replace(title=""))
        bar.update()
  return _with_udr(sorted(found, key=lambda member: member.number), settings)


def _member(
  run: Run,
  number: int,
  m: int,
  means: np.ndarray,
  rates: np.ndarray,
  nats: dict[str, np.ndarray],
  scored: Scored,
) -> Member:
  row = dict(zip(_members.columns(run), _members.cells(run, m), strict=True))
  ended = run.ended[m] if run.ended else ""
  names = ("rate", "distortion", "elbo") if run.stochastic else ("distortion",)
  return Member(
    run=number,
    place=m,
    number=run.numbers[m] if run.numbers else m,
    row=row,
    setting=tuple(
      (k, sweep.text(v)) for k, v in row.items() if k not in (*sweep.SEEDS, "ended")
    ),
    title=" · ".join(
      f"{_members.SYMBOLS.get(k, k)} {sweep.text(v)}"
      for k, v in row.items()
      if v is not None and k != "ended"
    ),
    ended=ended,
    means=means,
    rates=rates if run.stochastic else np.full_like(rates, np.nan),
    elbo={name: float(nats[name][m].mean()) for name in names},
    found=scored,
  )


def settings_of(members: list[Member]) -> dict[tuple, list[Member]]:
  """The members that trained to their end and have numbers, by setting, in order."""
  groups: dict[tuple, list[Member]] = {}
  for member in members:
    if not member.ended and np.isfinite(member.means).all():
      groups.setdefault(member.setting, []).append(member)
  return groups


def _with_udr(members: list[Member], settings: dict[str, Any]) -> list[Member]:
  scores: dict[int, dict[str, float]] = {}
  for group in settings_of(members).values():
    if len(group) < 2:
      continue
    codes = np.stack([member.means for member in group])
    # An autoencoder has no rate: its latents are informative where they move.
    rates = np.stack([_informative(member) for member in group])
    for name, similarity in (("udr", "spearman"), ("udr_lasso", "lasso")):
      values = udr.udr(codes, rates, similarity, settings["penalty"])
      for member, value in zip(group, values, strict=True):
        scores.setdefault(member.number, {})[name] = float(value)
  return [
    m._replace(found=m.found._replace(scores=m.found.scores | scores.get(m.number, {})))
    for m in members
  ]


def _informative(member: Member) -> np.ndarray:
  known = np.isfinite(member.rates).all()
  return member.rates if known else latent.active_units(member.means).astype(float)
