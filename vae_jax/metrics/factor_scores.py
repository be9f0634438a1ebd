"""Every disentanglement score of a code at once, on the same batches and votes for all codes."""

from typing import NamedTuple

import numpy as np

from vae_jax.metrics import disentanglement, fixed_factor

SETTINGS = {
  "bins": disentanglement.BINS,  # of a latent's histogram
  "sampled": 1000,  # examples that the MIG without bins compares: the cost is their square
  "votes": 10_000,  # of the FactorVAE and the β-VAE score, to learn from
  "test_votes": 5_000,  # of the same, that are scored
  "batch": 64,  # examples or pairs behind a vote
  "dci": "forest",  # or boosting, the published setting: minutes for one code
  "trees": 10,  # of the forest
}
TITLES = {
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


class Scored(NamedTuple):
  """What is said of one code."""

  scores: dict[str, float]  # of TITLES
  information: np.ndarray  # [L, F] in shares of the factor's entropy
  importance: np.ndarray  # [L, F] of DCI
  accuracy: np.ndarray  # [F] of DCI


def of(
  codes: np.ndarray,
  logvars: np.ndarray | None,
  factors: np.ndarray,
  seed: int,
  settings: dict,
) -> Scored:
  """Every score of one code [N, L] of examples with factors [N, F].

  Args:
    codes: posterior means; where one is not finite, every score is NaN.
    logvars: [N, L], or None for a code that is no distribution: it has no sampled MIG.
    factors: [N, F].
    seed: of the batches, votes and trees, the same for every code.
    settings: with all of SETTINGS.
  """
  rng, s = lambda: np.random.default_rng(seed), settings
  shape = codes.shape[1], factors.shape[1]
  if not np.isfinite(codes).all():
    nothing = np.full(shape, np.nan)
    return Scored(dict.fromkeys(TITLES, np.nan), nothing, nothing, nothing[0])
  information = disentanglement.mutual_information(codes, factors, s["bins"])
  entropy = disentanglement.entropies(factors)
  trees = disentanglement.dci(codes, factors, rng(), s["dci"], s["trees"])
  votes = s["batch"], s["votes"], s["test_votes"]
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
    rows = s["sampled"]
    sampled = disentanglement.sampled_information(codes, logvars, factors, rng(), rows)
    scores["mig_sampled"] = disentanglement.gap(sampled, entropy)
  return Scored(scores, information / entropy, trees.importance, trees.accuracy)
