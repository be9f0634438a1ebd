"""What only anomaly detection shows: distributions, the strangest examples, rows of one's own."""

from typing import Any

import numpy as np

from vae_jax.applications.anomaly import points
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member
from vae_jax.run import Run
from vae_jax.types import Figure

SHOWN = 10  # of the strangest examples


def note(runs: list[Run], settings: dict[str, Any], chosen: str, labelled: bool) -> str:
  """What the numbers mean: the base rate, the judged score, the threshold."""
  rates = []
  for run in runs:
    fields = run.dataset.splits[settings["split"]]
    fields = {name: values[: settings["limit"]] for name, values in fields.items()}
    if points.FIELD in fields:
      rates.append(points.base_rate(fields))
    elif "anomaly" in fields:
      rates.append(float(fields["anomaly"].mean()))
  said = []
  if rates:
    low, high = min(rates), max(rates)
    span = (
      f"{100 * low:.1f} %"
      if high - low < 5e-4
      else f"{100 * low:.1f} to {100 * high:.1f} %"
    )
    said.append(f"Base rate of anomalies: {span}, the AUPRC and the precision of a guess.")
  why = (
    "Validation has labelled anomalies: the score is chosen there"
    if labelled
    else f"Validation has normal examples alone, so that no score can be chosen: judged is"
    f" {chosen}, fixed beforehand; the other scores are there to look at"
  )
  said.append(f"{why}.")
  said.append(
    f"Flagged: what at most {100 * settings['alarms']:g} % of normal validation examples exceed."
  )
  return " ".join(said)


def further(outcome: Outcome) -> Extra:
  """The distributions of the judged score, and what it finds strangest."""
  if outcome.chosen is None or outcome.task.truth is None:
    return Extra()
  lead, method = outcome.lead, outcome.chosen.method
  result = next(
    r for r in outcome.results if r.member is not None
    and r.member.number == lead.number and r.method == method
  )  # fmt: skip
  figures = [_histogram(outcome, lead, result)]
  figures += _strangest(outcome, lead, result) + _by_data(outcome)
  task = outcome.tasks[result.part]
  if task.own is not None:
    steps = task.source.spec.shape[0]
    figures += points.over_time(task.own, steps, result.answer, method)
  return Extra(figures=figures, findings=_hindsight(outcome))


def _histogram(outcome: Outcome, lead: Member, result: Any) -> Figure:
  label = np.asarray(outcome.tasks[result.part].truth)
  values = np.asarray(result.answer["score"], np.float64)
  low, high = np.nanquantile(values, [0.001, 0.99])
  shown = np.clip(values, low, high)
  series = {"normal": shown[label == 0], "anomaly": shown[label == 1]}
  kept = {name: v for name, v in series.items() if len(v)}
  data = {"series": kept, "x_label": result.method}
  data["title"] = of_members.title(lead, outcome.members)
  caption = (
    "The score of test examples; the last bar holds all that is above the 99 % quantile."
  )
  return Figure("scores", "histogram", data, caption)


def _strangest(outcome: Outcome, lead: Member, result: Any) -> list[Figure]:
  """Normal examples and anomalies of the highest and the lowest score."""
  task = outcome.tasks[result.part]
  if task.source.spec.kind != "image":
    return []
  label, values = np.asarray(task.truth), np.asarray(result.answer["score"])
  rows, names = [], []
  for kind, name in ((1, "anomalies"), (0, "normal")):
    own = np.flatnonzero(label == kind)
    order = own[np.argsort(values[own])]
    if len(order) < 2 * SHOWN:
      return []
    rows += [order[::-1][:SHOWN], order[:SHOWN]]
    names += [f"{name},\nstrangest", f"{name},\nleast strange"]
  every = np.concatenate(rows)
  picked = {k: v[every] for k, v in task.examples.items()}
  images = task.source.inputs(picked).reshape(len(rows), SHOWN, *task.source.spec.shape)
  data = {"images": images, "rows": names, "palette": task.settings["palette"]}
  caption = f"Test examples of the highest and the lowest {result.method}."
  return [Figure("strangest", "image_grid", data, caption)]


def _by_data(outcome: Outcome) -> list[Figure]:
  """AUROC of every method on every kind of data, where there are several."""
  if len(outcome.tasks) < 2:
    return []
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  lines = [line for line in outcome.lines if of_results.has(line, name)]
  parts, values = range(len(outcome.tasks)), []
  for line in lines:
    own = {
      r.part: (metric.reduce or np.mean)(r.scores[name])
      for c in line.cells.values()
      for r in c
    }
    values.append([own.get(part, np.nan) for part in parts])
  words = []
  for task in outcome.tasks:
    data = task.source.run.config["data"]
    words.append(str(data["left_out"] or data["normal"] or data.get("series", "")))
  head = [of_results.label(line, outcome.ours) for line in lines]
  data = {"values": np.array(values), "rows": head, "columns": words, "form": ".2f"}
  data |= {"x_label": "normal, left out, or the series", "title": metric.title}
  caption = f"{metric.title} of every method on each kind of data."
  return [Figure("by_data", "heatmap", data, caption)]


def _hindsight(outcome: Outcome) -> list[str]:
  """The score that would have been best on test: known afterwards only, and never chosen."""
  name = outcome.application.headline
  metric, conditions = outcome.application.metrics[name], outcome.conditions
  ours = [
    line for line in outcome.lines
    if line.setting == outcome.chosen.setting and of_results.has(line, name)
  ]  # fmt: skip
  best = of_results.choose(ours, name, metric, conditions)
  line = next((one for one in ours if (one.setting, one.method) == best), None)
  if line is None or line.method == outcome.chosen.method:
    return []
  value = np.mean([of_results.mean(line, name, metric, c) for c in conditions])
  return [
    f"With the labels of test in hand, {line.method} would have been the best score of the same"
    f" networks ({metric.title} {value:.{metric.digits}f}); nobody has them."
  ]
