"""Rate against distortion, every score over the axis, and the KL of each latent."""

from typing import Any

import numpy as np

from vae_jax.evaluation import figures, results
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.results import Line
from vae_jax.training import sweep
from vae_jax.types import Figure

LINES, LATENTS = 8, 32  # curves of a figure, rows of the matrix
PARTS = ("information", "rate", "aggregate", "total_correlation", "dimension_wise")


def all_of(outcome: Outcome, axis: str, most: float, kl: np.ndarray) -> list[Figure]:
  """The figures; `most`: information, nats, that can be seen; kl: of latents, [M, L] sorted."""
  lines = {line.setting: line for line in outcome.ours}
  groups = list(figures.along([*lines], axis).items())
  if not groups:
    return []
  rows = {name: [lines[setting] for setting in own] for name, own in groups[:LINES]}
  made = _over(outcome, rows, axis, "information", PARTS, "What the rate is made of")
  places = sorted(made.data["ticks"].values())
  bound = {"x": [places[0], places[-1]], "y": [most, most], "style": "dashed"}
  made.data["series"] |= {"most that can be seen": bound} if made.data["series"] else {}
  found = [
    _rate_distortion(outcome, rows, axis),
    _over(outcome, rows, axis, "sweep", ("nll", "elbo"), "Lower is better"),
    _over(outcome, rows, axis, "active", ("active",), "How many latents are active"),
    made,
  ]
  found = [figure for figure in found if figure.data["series"]]
  return found + ([_latents(outcome, axis, kl)] if np.isfinite(kl).any() else [])


def _curve(outcome: Outcome, own: list[Line], x: Any, name: str) -> dict[str, Any]:
  """A score of those settings that have it over x, of a result, with a dot for each member."""
  metric, own = outcome.application.metrics[name], [o for o in own if results.has(o, name)]
  known = [results.interval(line, name, metric, "") for line in own]
  curve = figures.curve([np.mean([*map(x, line.cells[""])]) for line in own], known)
  dots = [(x(r), r.scores[name].mean()) for line in own for r in line.cells[""]]
  return curve | {"points": dots}


def _rate_distortion(outcome: Outcome, rows: dict, axis: str) -> Figure:
  rate, series = lambda result: result.scores["rate"].mean(), {}
  for name, own in rows.items():
    labels = [sweep.text(dict(line.setting)[axis]) for line in own]
    curve = _curve(outcome, own, rate, "distortion")
    series[name or "mean over seeds"] = curve | {"bars": True, "labels": labels}
  elbo = outcome.application.metrics["elbo"]
  least = np.nanmin([results.mean(line, "elbo", elbo, "") for line in outcome.ours])
  x = [point[0] for one in series.values() for point in one["points"]]
  ends = np.asarray([np.nanmin(x), np.nanmax(x)])
  bound = {"x": ends, "y": least - ends, "style": "dashed"}
  data = {"series": series | {f"D + R = {least:.1f}": bound}, "square": True}
  data |= {"x_label": "rate, nats", "y_label": "distortion, nats"}
  caption = (
    "Rate against distortion: a dot for each member, a mean with the 95 % interval of the"
    " distortion for each setting. Along the dashed line −ELBO is that of the best."
  )
  return Figure("rate_distortion", "lines", data, caption)


def _over(
  outcome: Outcome, rows: dict, axis: str, name: str, scores: tuple[str, ...], caption: str
) -> Figure:
  """Scores over the axis; the first one, a curve for each row, where there are several."""
  metrics, several = outcome.application.metrics, len(rows) > 1
  values = [dict(line.setting)[axis] for own in rows.values() for line in own]
  places = figures.axis_places([*dict.fromkeys(values)])
  at = lambda result: places[dict(result.member.setting)[axis]]
  first, scores = metrics[scores[0]], scores[:1] if several else scores
  series = {
    row if several else metrics[score].title: _curve(outcome, own, at, score)
    for score in scores
    for row, own in rows.items()
    if any(results.has(line, score) for line in own)
  }
  caption = f"{first.title}, for each of the other settings" if several else caption
  data = {"series": series, "y_label": first.unit or first.title}
  data |= {"x_label": of_members.short(axis), "log": figures.log_scale([*places.values()])}
  data |= {"ticks": {sweep.text(value): place for value, place in places.items()}}
  text = f"{caption}. Bands are 95 % intervals over seeds and examples, dots are members."
  return Figure(name, "lines", data, text)


def _latents(outcome: Outcome, axis: str, kl: np.ndarray) -> Figure:
  of = {r.member.number: own for r, own in zip(outcome.results, kl, strict=True)}
  means = [np.mean([of[r.member.number] for r in o.cells[""]], 0) for o in outcome.ours]
  names = figures.differing([line.setting for line in outcome.ours])
  names = sorted(names, key=lambda name: name != axis)
  own = [[dict(line.setting).get(name) for name in names] for line in outcome.ours]
  columns = [", ".join(sweep.text(v) for v in words if v is not None) for words in own]
  values = np.stack(means, -1)[:LATENTS]
  data = {"values": values, "rows": [str(i + 1) for i in range(len(values))]}
  data |= {"columns": columns, "x_label": ", ".join(map(of_members.short, names))}
  caption = (
    "The KL of each latent in nats, mean over examples and seeds. Each member's latents are"
    " ordered from the largest, because latent 3 of one seed is not latent 3 of another."
    f" The first {len(values)} of {kl.shape[1]}."
  )
  return Figure("latents", "heatmap", data | {"y_label": "latent by its KL"}, caption)
