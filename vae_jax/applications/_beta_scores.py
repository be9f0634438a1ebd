"""Every score of every member of a sweep, on the same examples and with the same noise."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking
from vae_jax.applications import _pictures
from vae_jax.applications._members import posterior
from vae_jax.metrics import aggregate, latent
from vae_jax.run import Run
from vae_jax.types import Array, Posterior

MIXTURE = 10_000  # posteriors at most that stand for q(z): log of it bounds the information


class Score(NamedTuple):
  """What can be compared: where its numbers are in a Member, and how to speak of it."""

  field: str
  label: str
  unit: str
  lower_is_better: bool  # False: it is neither good nor bad to be low


SCORES = {
  "nll": Score("nll", "−log p(x)", "nats", True),
  "elbo": Score("loss", "−ELBO", "nats", True),
  "rate": Score("rate", "rate", "nats", False),
  "distortion": Score("distortion", "distortion", "nats", False),
  "active": Score("active", "active latents", "latents", False),
  "information": Score("information", "mutual information", "nats", False),
  "aggregate": Score("aggregate", "KL(q(z) ‖ p(z))", "nats", False),
  "total_correlation": Score("total_correlation", "total correlation", "nats", False),
  "dimension_wise": Score("dimension_wise", "dimension-wise KL", "nats", False),
}


class Member(NamedTuple):
  """One trained model: what it is and how it scores, nats per example."""

  number: int  # in the whole sweep
  row: dict[str, Any]  # what distinguishes it
  ended: str  # "", "dead at 120", "stopped at 500"
  rate: np.ndarray  # [N]
  distortion: np.ndarray  # [N]
  loss: np.ndarray  # [N] rate + distortion
  nll: np.ndarray  # [R] importance-weighted, on some of the N
  ess: float  # of its K samples
  active: np.ndarray  # [1] latents with Var(E[z|x]) above the threshold
  verdict: str  # "8 of 10", "0 of 10 COLLAPSED"
  information: np.ndarray  # [1]
  aggregate: np.ndarray  # [1] KL(q(z) || p(z))
  total_correlation: np.ndarray  # [1]
  dimension_wise: np.ndarray  # [1]
  latents: np.ndarray  # [L] KL of each latent, largest first
  order: np.ndarray  # [L] which latent each of these is
  codes: np.ndarray  # [R, L] posterior means of the R examples

  @property
  def collapsed(self) -> bool:
    """Whether no latent is active."""
    return "COLLAPSED" in self.verdict


def measure(
  run: Run,
  examples: dict[str, np.ndarray],
  rows: np.ndarray,
  key: Array,
  settings: dict[str, Any],
) -> list[Member]:
  """All scores of the members of one program.

  Args:
    run: its members.
    examples: [N] of the split, every one scored by the training loss's own terms.
    rows: [R] those that the importance-weighted estimate is made of.
    key: of everything drawn here; the same for every member, so that they are paired.
    settings: samples, chunk, codes.
  """
  drawn, q = asking.terms(run, examples), posterior(run, examples, key)
  subset = {name: values[rows] for name, values in examples.items()}

  sizes = settings["samples"], settings["chunk"]
  evidence = asking.evidence(run, subset, key, *sizes)
  parts = decomposed(q, settings["codes"], jax.random.fold_in(key, 1))
  each = latent.rates(q.mean, q.logvar)
  order = np.argsort(-each, axis=-1, kind="stable")
  found = []
  for m, row in enumerate(run.members):
    rate, distortion = drawn["rate"][m], drawn["distortion"][m]
    one = lambda values, m=m: np.asarray(values[m : m + 1], np.float64)
    found.append(
      Member(
        number=run.numbers[m],
        row=row,
        ended=run.ended[m],
        rate=rate,
        distortion=distortion,
        loss=rate + distortion,
        nll=-evidence.log_evidence[m],
        ess=float(evidence.ess[m].mean()),
        active=np.asarray([latent.active_units(q.mean[m]).sum()], np.float64),
        verdict=latent.verdict(q.mean[m]),
        information=one(parts.information),
        aggregate=one(parts.total_correlation + parts.dimension_wise),
        total_correlation=one(parts.total_correlation),
        dimension_wise=one(parts.dimension_wise),
        latents=each[m][order[m]],
        order=order[m],
        codes=q.mean[m][rows],
      )
    )
  return found


def ceiling(examples: int) -> float:
  """The most information that so many examples can show: the log of their number."""
  return float(np.log(min(examples, MIXTURE)))


def decomposed(q: Posterior, codes: int, key: Array) -> aggregate.Decomposition:
  """What the rate is made of, [M] each: the exact mixture of up to MIXTURE posteriors.

  Args:
    q: [M, N, L] each.
    codes: of the N, evenly spaced, that a z is drawn for.
    key: of those z; the noise of every member is the same.
  """
  count = q.mean.shape[1]
  chosen = _pictures.spread(count, codes)
  rest = np.setdiff1d(_pictures.spread(count, MIXTURE), chosen, assume_unique=True)
  order = np.concatenate([chosen, rest])
  noise = jax.random.normal(key, (len(chosen), q.mean.shape[2]))

  @jax.jit
  def of_member(q: Posterior) -> aggregate.Decomposition:
    z = q.mean[: len(chosen)] + jnp.exp(0.5 * q.logvar[: len(chosen)]) * noise
    return aggregate.decompose(aggregate.of_all(q, z))

  members = [
    jax.device_get(of_member(Posterior(mean[order], logvar[order])))
    for mean, logvar in zip(q.mean, q.logvar, strict=True)
  ]
  return jax.tree.map(lambda *parts: np.stack(parts), *members)
