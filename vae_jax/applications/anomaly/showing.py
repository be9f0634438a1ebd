"""What only anomaly detection shows: distributions, the strangest examples, rows of one's own."""

from typing import Any

import numpy as np

from vae_jax.applications.anomaly import points
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.metrics import detection
from vae_jax.run import Run, select
from vae_jax.types import Figure, Table

SHOWN = 10  # of the strangest examples
WORD = 3  # letters of a name that fits into a histogram
# Options of the data whose values tell several kinds of it apart.
VARYING = ("series", "left_out", "normal", "strangers", "contamination")


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
  figures += _where(task, lead, result) + _dirt(outcome)
  table, said = _strangers(task, result)
  if task.own is not None:
    steps = task.source.spec.shape[0]
    figures += points.over_time(task.own, steps, result.answer, method)
  return Extra(table, figures, [*_hindsight(outcome), *said])


def _histogram(outcome: Outcome, lead: Member, result: Any) -> Figure:
  """Scores of both kinds, the threshold, and where the kinds of strangers have their mean."""
  task = outcome.tasks[result.part]
  label = np.asarray(task.truth)
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
  flagged = values[np.asarray(result.answer["p"]) <= task.settings["alarms"]]
  if len(flagged):
    data["marks"] = {"flagged from here": float(np.clip(flagged.min(), low, high))}
  names, kind = task.source.spec.strangers, task.examples.get("stranger")
  if kind is not None and len(names) >= 2 and max(map(len, names)) <= WORD:
    means = {name: values[kind == i] for i, name in enumerate(names) if (kind == i).any()}
    data["words"] = {n: float(np.clip(v.mean(), low, high)) for n, v in means.items()}
    caption += " Each kind of anomaly stands at its mean score."
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


def _where(task: Task, lead: Member, result: Any) -> list[Figure]:
  """The strangest anomalies, what the model makes of them, and where the two differ."""
  spec, label = task.source.spec, np.asarray(task.truth)
  values, own = np.asarray(result.answer["score"]), np.flatnonzero(label == 1)
  if spec.kind != "image" or spec.domain == "category" or len(own) < SHOWN:
    return []
  rows = own[np.argsort(-values[own])][:SHOWN]
  picked = {k: v[rows] for k, v in task.examples.items()}
  x, run = task.source.inputs(picked), select(lead.run, lead.place)
  z = task.source.posterior(run, picked).mean
  made = pictures.decoded(run, z, task.source.key)[0].reshape(x.shape)
  apart = np.abs(x - made)
  apart /= np.maximum(apart.max((1, 2, 3), keepdims=True), 1e-12)
  data = {"images": np.stack([x, made, apart]), "palette": task.settings["palette"]}
  data["rows"] = ["anomalies,\nstrangest", "rebuilt", "where they\ndiffer"]
  caption = (
    f"The anomalies of the highest {result.method}, and the absolute difference to what the model"
    " rebuilds, as a share of the picture's largest one."
  )
  return [Figure("where", "image_grid", data, caption)]


def swept(run: Run) -> bool:
  """Whether the share of anomalies in train is an axis of the run's sweep."""
  return any("data.contamination" in member for member in run.members)


def dirt(run: Run) -> str:
  """The share of anomalies in train as a condition."""
  return f"{100 * float(run.config['data']['contamination']):g} % in train"


def _dirt(outcome: Outcome) -> list[Figure]:
  """The headline of every method over the share of anomalies in train, where it is swept."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  shares = [
    float(task.source.run.config["data"]["contamination"]) for task in outcome.tasks
  ]
  if len(set(shares)) < 2:
    return []
  at, found = sorted(set(shares)), {}
  for r in outcome.results:
    if name in r.scores:
      value = (metric.reduce or np.mean)(r.scores[name])
      kind = found.setdefault(r.method, (r.member is not None, {}))
      kind[1].setdefault(shares[r.part], []).append(value)
  kept = {outcome.chosen.method} | {m for m, (ours, _) in found.items() if not ours}
  series = {
    method: {
      "x": [100 * share for share in at if share in values],
      "y": [float(np.mean(values[share])) for share in at if share in values],
      "style": "solid" if ours else "dashed",
    }
    for method, (ours, values) in found.items()
    if method in kept
  }
  data = {"series": series, "x_label": "anomalies in train, %", "y_label": metric.title}
  caption = f"{metric.title} where some training examples are anomalies that nobody marked."
  return [Figure("contamination", "lines", data, caption)]


def _strangers(task: Task, result: Any) -> tuple[list[Table], list[str]]:
  """How well each kind of stranger is found: letter by letter, or garment by garment."""
  names, kind = task.source.spec.strangers, task.examples.get("stranger")
  if len(names) < 2 or kind is None:
    return [], []
  values, p = (np.asarray(result.answer[k]) for k in ("score", "p"))
  normal, alarms, rows = kind < 0, task.settings["alarms"], []
  for number, name in enumerate(names):
    own = kind == number
    if own.any():
      label = np.repeat([0.0, 1.0], [normal.sum(), own.sum()])
      scored = np.concatenate([values[normal], values[own]])
      found = detection.auroc(np.stack([scored, label], -1))
      rows.append([name, int(own.sum()), found, float((p[own] <= alarms).mean())])
  rows.sort(key=lambda row: row[2])
  note = (
    f"By {result.method}, each kind against all normal examples; the hardest one first."
  )
  table = Table(
    "Strangers, kind by kind", ("kind", "examples", "auroc", "flagged"), rows, note
  )
  named = lambda picked: ", ".join(f"{row[0]} ({row[2]:.2f})" for row in picked)
  said = (
    f"Hardest to tell by {result.method}: {named(rows[:3])}; easiest: {named(rows[-3:])}."
  )
  return [table], [said]


def _short(value: Any) -> str:
  """What an option of the data says, without the folders and settings of a set of strangers."""
  return str(value).partition(",invert")[0].rpartition("/")[2].removeprefix("tfds:")


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
  options = [task.source.run.config["data"] for task in outcome.tasks]
  varying = [k for k in VARYING if len({str(one.get(k, "")) for one in options}) > 1]
  words = [", ".join(_short(one.get(k, "")) for k in varying) for one in options]
  head = [of_results.label(line, outcome.ours) for line in lines]
  data = {"values": np.array(values), "rows": head, "columns": words, "form": ".2f"}
  data |= {"x_label": ", ".join(varying).replace("_", " "), "title": metric.title}
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
