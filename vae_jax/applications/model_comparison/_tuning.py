"""Which learning rate each contestant is given: one rule for all, on validation."""

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Setting
from vae_jax.types import Table

RATE = "learning_rate"


def tables(outcome: Outcome) -> list[Table]:
  """For each contestant the distance on validation at each learning rate; none of one rate each.

  A contestant is what is left of a setting without the rate. The distance at a rate is that of
  its best way of sampling, the mean over its seeds.
  """
  found = distances(outcome)
  if all(len(of_rate) < 2 for of_rate in found.values()):
    return []
  rates = sorted({rate for of_rate in found.values() for rate in of_rate})
  rows = [
    [of_members.name(setting), *(of_rate.get(rate) for rate in rates), best(of_rate)]
    for setting, of_rate in found.items()
  ]
  columns = ("contestant", *(f"at {rate:g}" for rate in rates), "chosen")
  note = (
    "Fréchet distance on validation, of samples of the prior or of a mixture, whichever is less."
    " Chosen: the rate of the least. A dash: no seed ended with finite samples."
  )
  return [Table("Learning rates", columns, rows, note)]


def distances(outcome: Outcome) -> dict[Setting, dict[float, float | None]]:
  """Contestant -> {rate: its distance on validation, None where it is not finite}."""
  metric, found = outcome.application.metrics["frechet"], {}
  for member in outcome.members:
    setting, rate = divided(member.setting)
    found.setdefault(setting, {}).setdefault(rate, None)
  for line in outcome.known:
    setting, rate = divided(line.setting)
    value = of_results.mean(line, "frechet", metric, "")
    before = found[setting][rate]
    if np.isfinite(value) and (before is None or value < before):
      found[setting][rate] = value
  return found


def divided(setting: Setting) -> tuple[Setting, float | None]:
  """A setting without its learning rate, and the rate; None where none is swept."""
  rest = tuple(pair for pair in setting if pair[0] != RATE)
  return rest, dict(setting).get(RATE)


def best(of_rate: dict[float, float | None]) -> float | None:
  """The rate of the least distance; None where none is known."""
  known = {rate: value for rate, value in of_rate.items() if value is not None}
  return min(known, key=known.get, default=None)
