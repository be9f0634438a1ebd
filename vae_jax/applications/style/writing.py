"""Codes that examples share."""

from collections.abc import Callable

import numpy as np

from vae_jax import distributions
from vae_jax.applications.style.asked import Asked
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.evaluation.source import Source
from vae_jax.run import Run, select
from vae_jax.types import Posterior

MEAN, PRODUCT = "mean of codes", "product of experts"


# What makes one code [..., L] of several posteriors [..., K, L].
WAYS: dict[str, Callable[[Posterior], np.ndarray]] = {
  MEAN: lambda q: q.mean.mean(-2),
  PRODUCT: lambda q: np.asarray(distributions.product(q).mean),
}


def posterior(source: Source, run: Run, found: Asked) -> Posterior:
  """q(z|x, y) of everything that is shown, [M, N, K, L] each."""
  rows = {"x": found.x.reshape(-1, *found.x.shape[2:]), "label": found.label.ravel()}
  rows["id"] = np.arange(len(rows["x"]), dtype=np.int32)
  q = source.posterior(run, rows)
  return Posterior(*(part.reshape(len(part), *found.label.shape, -1) for part in q))


def shared(outcome: Outcome, lead: Member, source: Source, found: Asked) -> np.ndarray:
  """The code [N, L] of all that is shown, by the method chosen, of the member in pictures."""
  run = select(lead.run, lead.place)
  method = MEAN if outcome.chosen is None else outcome.chosen.method
  return WAYS[method](posterior(source, run, found))[0]
