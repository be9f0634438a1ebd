"""Which learning rate each contestant is given: one rule for all, on validation."""

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Setting
from vae_jax.types import Table

RATE = "learning_rate"
BUDGET = (RATE, "train.steps")  # what a contestant is given, and not what it is


def tables(outcome: Outcome) -> list[Table]:
  """For each contestant the distance on validation at each learning rate; none of one rate each.

  A contestant is what is left of a setting without the rate. The distance at a rate is that of
  its best way of sampling, the mean over its seeds.
  """
  found = _distances(outcome)
  if all(len(of_rate) < 2 for of_rate in found.values()):
    return []
  rates = sorted({rate for of_rate in found.values() for rate in of_rate})
  rows = [
    [name, *(of_rate.get(rate) for rate in rates), best(of_rate)]
    for name, of_rate in found.items()
  ]
  columns = ("contestant", *(f"at {rate:g}" for rate in rates), "chosen")
  note = (
    "Fréchet distance on validation, of samples of the prior or of a mixture, whichever is less."
    " Chosen: the rate of the least. A dash: no seed ended with finite samples."
  )
  return [Table("Learning rates", columns, rows, note)]


def contestant(setting: Setting) -> str:
  """A setting in words without its budget, the objective first: "beta · β 1 · prior mixture"."""
  known = {k: v for k, v in setting if k not in BUDGET}
  first = str(known.pop("objective.name", ""))
  if known.get("prior.name") == "standard":
    del known["prior.name"]
  return " · ".join(filter(None, (first, of_members.name(known))))


def budget(member: Member) -> tuple[float, int]:
  """The learning rate of a member and its steps."""
  rate = float(f"{member.run.hyper[RATE][member.place]:.7g}")  # what float32 holds of it
  return rate, member.run.config["train"]["steps"]


def _distances(outcome: Outcome) -> dict[str, dict[float, float | None]]:
  """Contestant -> {rate: its distance on validation, None where it is not finite}."""
  metric, found = outcome.application.metrics["frechet"], {}
  at = lambda setting: (contestant(setting), dict(setting).get(RATE))
  for member in outcome.members:
    name, rate = at(member.setting)
    found.setdefault(name, {}).setdefault(rate, None)
  for line in outcome.known:
    name, rate = at(line.setting)
    value = of_results.mean(line, "frechet", metric, "")
    before = found[name][rate]
    if np.isfinite(value) and (before is None or value < before):
      found[name][rate] = value
  return found


def best(of_rate: dict[float, float | None]) -> float | None:
  """The rate of the least distance; None where none is known."""
  known = {rate: value for rate, value in of_rate.items() if value is not None}
  return min(known, key=known.get, default=None)
