"""How much training data there is as the condition: "100 labels", "600 labels", "10 a class".

Members of one sweep are trained on different amounts, and data of each amount has a task of
its own with one condition, whose name begins with the number.
"""

from typing import Any

from vae_jax.evaluation import figures
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.types import Figure

LEAST = 2  # amounts of which a curve is drawn


def of(condition: str) -> float:
  """The number at the beginning of a condition's name."""
  return float(condition.split()[0])


def lead(outcome: Outcome) -> Member:
  """The chosen line's first seed under the largest amount; what a user's own input is given to."""
  if outcome.chosen is None:
    return outcome.lead
  cells = outcome.chosen.cells
  return cells[max(cells, key=of)][0].member


def curve(outcome: Outcome) -> list[Figure]:
  """The headline of the chosen line and of every baseline over the amount, with intervals.

  It takes the place of the kit's figure of the best three; none where there is one amount.
  """
  conditions = sorted(outcome.conditions, key=of)
  if len(conditions) < LEAST:
    return []
  name = outcome.application.headline
  metric, series = outcome.application.metrics[name], {}
  ours = [line for line in outcome.ours if outcome.chosen is None or line == outcome.chosen]
  for line in [*ours, *outcome.baselines]:
    found = {c: of_results.interval(line, name, metric, c) for c in conditions}
    known = {of(c): one for c, one in found.items() if one is not None}
    if known:
      drawn = figures.curve([*known], [*known.values()])
      style = {"style": "dashed"} if line.setting is None else {}
      series[of_results.label(line, outcome.ours)] = drawn | style
  places = {condition.split()[0]: of(condition) for condition in conditions}
  unit = " ".join(conditions[0].split()[1:])
  label = f"{metric.title}, {metric.unit}" if metric.unit else metric.title
  data: dict[str, Any] = {"series": series, "x_label": unit, "y_label": label}
  ends = [v for one in series.values() for v in one.get("low", one["y"])]
  ends += [v for one in series.values() for v in one.get("high", one["y"])]
  tall = "y" if figures.log_scale(ends) else ""  # errors that fall by a decade
  data |= {"ticks": places, "log": figures.log_scale([*places.values()]) + tall}
  caption = (
    f"{metric.title} over the number of {unit}: the model and, dashed, every baseline. Bands are"
    " 95 % intervals over draws and examples."
  )
  return [Figure("conditions", "lines", data, caption)]
