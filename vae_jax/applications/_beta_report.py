"""The comparison as tables, figures and arrays."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications import _beta_scores
from vae_jax.applications import _beta_settings as groups
from vae_jax.applications import _beta_verdicts as verdicts
from vae_jax.applications._beta_scores import SCORES, Member
from vae_jax.applications._beta_settings import Design, Pair, Setting
from vae_jax.metrics import latent
from vae_jax.metrics.comparison import Interval
from vae_jax.metrics.summary import mean_and_error
from vae_jax.training import sweep
from vae_jax.types import Figure, Table

LINES = 8  # curves of a figure
NAN = Interval(np.nan, np.nan, np.nan)


class Context(NamedTuple):
  """What the tables and figures are made of."""

  members: list[Member]
  found: Design
  pairs: list[Pair]
  averages: list[dict[str, Interval]]  # of each setting by score; empty without members
  names: dict[str, str]  # of the scores, in words of the likelihood
  notes: list[str]  # of the likelihood, the corruption, the split
  settings: dict[str, Any]


def tables(c: Context) -> list[Table]:
  """Settings, pairs, members."""
  return [_settings(c), *([_pairs(c)] if c.pairs else []), _members(c)]


def _members(c: Context) -> Table:
  swept = [*c.found.names, *(k for k in c.members[0].row if k not in c.found.names)]
  ended = ["ended"] if any(member.ended for member in c.members) else []
  weighted = c.names["nll"]
  columns = ("member", *swept, *ended, "active", "rate", "distortion", "elbo", "± elbo")
  columns += (f"{weighted} (K={c.settings['samples']})", f"± {weighted}", "ess")
  columns += ("information", "KL(q(z)‖p)", "total correlation", "dimension-wise KL")
  rows = []
  for m in c.members:
    loss, nll = mean_and_error(m.loss), mean_and_error(m.nll)
    row = [m.number, *(m.row[k] for k in swept), *([m.ended or None] if ended else [])]
    row += [m.verdict, float(m.rate.mean()), float(m.distortion.mean())]
    row += [-loss.mean, loss.error, nll.mean, nll.error, m.ess]
    parts = m.information, m.aggregate, m.total_correlation, m.dimension_wise
    rows.append(row + [float(v[0]) for v in parts])
  first = c.members[0]
  note = (
    f"Nats per example on all {len(first.rate):,} of {c.settings['split']}, ± the standard"
    f" error over examples; elbo = −rate − distortion at β = 1, whatever β it was trained"
    f" with. {weighted}: importance-weighted with K samples on {len(first.nll):,} of them; ess,"
    f" the effective number of the K. active: latents with Var(E[z|x]) > {latent.THRESHOLD}."
    " The rate is made of the information I(x; z) and of KL(q(z)‖p(z)), which is the total"
    " correlation and the dimension-wise KL; the information cannot be seen above the log of"
    " the number of examples."
  )
  return Table("Every member", columns, rows, " ".join([note, *c.notes]))


def _settings(c: Context) -> Table:
  columns = (*c.found.names, "seeds", "left out", "active")
  shown = [name for name in SCORES if name != "active"]
  columns += tuple(c.names[name] for name in shown)
  rows = []
  for setting, averages in zip(c.found.settings, c.averages, strict=True):
    row = [*setting.values.values(), len(setting.members), len(setting.left_out)]
    word = groups.collapse(setting).strip(" ()")
    row.append(f"{verdicts.interval(averages.get('active', NAN))} {word}".strip())
    rows.append(row + [verdicts.interval(averages.get(name, NAN)) for name in shown])
    if not averages:
      rows[-1][-len(shown) - 1 :] = [None] * (len(shown) + 1)
  note = (
    "Means over seeds and test examples with 95 % intervals of a two-level bootstrap:"
    " seeds and examples are resampled, with the same resamples for every setting. active and"
    " the last four are one number for each model, so that theirs are of seeds alone; with"
    " one seed an interval is of the test examples alone, and those four have none."
    " left out: members that died or were stopped early."
  )
  return Table("The settings", columns, rows, " ".join([note, *c.notes]))


def _pairs(c: Context) -> Table:
  score = SCORES[c.found.score]
  columns = ("lower", "than", "seeds", f"by, {score.unit}", "p", "Holm p", "settled")
  rows = []
  for pair in c.pairs:
    d = pair.difference
    by = verdicts.interval(Interval(-d.mean, -d.high, -d.low))
    p = [None if d.seeds == 1 else v for v in (d.p, pair.p)]
    row = [groups.label(pair.a), groups.label(pair.b), d.seeds, by, *p]
    rows.append([*row, verdicts.verdict(pair)])
  better = "; lower is better" if score.lower_is_better else ""
  note = (
    f"On {c.names[c.found.score]}{better}, paired by seed and by test example, with the 95 %"
    " interval of this pair alone. p: Student's paired t over seeds and examples; Holm p is"
    f" corrected for {len(c.pairs)} pairs. More seeds: for a chance of 80 % to find a"
    " difference as large as this one with as large a spread between seeds, which with few"
    " seeds is an order of magnitude."
  )
  return Table("Is one better than another?", columns, rows, note)


def figures(c: Context) -> list[Figure]:
  """Rate against distortion, and every score against the axis."""
  drawn = [_rate_distortion(c)]
  if not c.found.axis or len({s.values[c.found.axis] for s in c.found.settings}) < 2:
    return drawn
  bound = f"{c.names['elbo']} and {c.names['nll']}"
  drawn.append(_against(c, "scores", ("elbo", "nll"), f"{bound}: lower is better.", "nats"))
  drawn.append(
    _against(c, "active", ("active",), "How many latents are active.", "latents")
  )
  parts = ("rate", "information", "aggregate", "total_correlation", "dimension_wise")
  caption = (
    "What the rate is made of: the information about x, and what q(z) is off the prior."
  )
  made = _against(c, "information", parts, caption, "nats")
  if len(groups.groups(c.found)) == 1:
    _add_ceiling(c, made.data)
  drawn.append(made)
  return [*drawn, _latents(c)]


def _rate_distortion(c: Context) -> Figure:
  series: dict[str, Any] = {}
  averages = {id(s): a for s, a in zip(c.found.settings, c.averages, strict=True)}
  for name, line in list(groups.groups(c.found).items())[:LINES]:
    alive = [s for s in line if s.members]
    if not alive:
      continue
    means = [averages[id(s)] for s in alive]
    distortion = [a["distortion"] for a in means]
    series[name or "mean over seeds"] = {
      "x": [float(a["rate"].mean) for a in means],
      "y": [float(i.mean) for i in distortion],
      "low": [float(i.low) for i in distortion],
      "high": [float(i.high) for i in distortion],
      "bars": True,
      "labels": [_value(c, s) for s in alive],
      "points": [[m.rate.mean(), m.distortion.mean()] for s in alive for m in s.members],
    }
  losses = [float(a["elbo"].mean) for a in c.averages if a]
  if series and np.isfinite(losses).any():
    least = float(np.nanmin(losses))
    x = np.concatenate([np.asarray(one["points"])[:, 0] for one in series.values()])
    ends = np.linspace(np.nanmin(x), np.nanmax(x), 2)
    bound = {"x": ends, "y": least - ends, "style": "dashed"}
    series[f"D + R = {least:.1f}"] = bound
  caption = (
    "Rate against distortion: a dot for each member, a mean with the 95 % interval of the"
    " distortion for each setting. Along the dashed line −ELBO is that of the best."
  )
  data = {"series": series, "x_label": "rate, nats", "y_label": "distortion, nats"}
  return Figure("rate_distortion", "lines", data | {"square": True}, caption)


def _against(
  c: Context, name: str, scores: tuple[str, ...], caption: str, unit: str
) -> Figure:
  """Scores over the axis with their intervals, a curve for each group of settings."""
  series: dict[str, Any] = {}
  averages = {id(s): a for s, a in zip(c.found.settings, c.averages, strict=True)}
  lines = list(groups.groups(c.found).items())
  scores = scores if len(lines) == 1 else scores[-1:]
  places = _places(c)
  for score in scores:
    for group, line in lines[:LINES]:
      alive = [s for s in line if s.members and _value(c, s) in places]
      found = [averages[id(s)][score] for s in alive]
      title = ", ".join(filter(None, (c.names[score] if len(lines) == 1 else "", group)))
      series[title] = {
        "x": [places[_value(c, s)] for s in alive],
        "y": [float(i.mean) for i in found],
        "low": [float(i.low) for i in found],
        "high": [float(i.high) for i in found],
        "points": [
          [places[_value(c, s)], getattr(m, SCORES[score].field).mean()]
          for s in alive
          for m in s.members
        ],
      }
  if len(lines) > 1:
    caption = f"{c.names[scores[0]]}, for each of the other settings."
  data = {"series": series, "x_label": _symbol(c), "y_label": unit, "ticks": places}
  label = f"{caption} Bands are 95 % intervals over seeds and examples, dots are members."
  return Figure(name, "lines", data | {"log": _log(places)}, label)


def _add_ceiling(c: Context, data: dict[str, Any]) -> None:
  """The most information that the examples can show, as a dashed line."""
  examples, places = len(c.members[0].rate), data["ticks"].values()
  ends = np.asarray([min(places), max(places)], float)
  y = np.full(2, _beta_scores.ceiling(examples))
  data["series"]["most that can be seen"] = {"x": ends, "y": y, "style": "dashed"}


def _latents(c: Context) -> Figure:
  alive = [s for s in c.found.settings if s.members]
  most = max(len(m.latents) for s in alive for m in s.members) if alive else 1
  values = np.full((most, max(1, len(alive))), np.nan)
  for j, setting in enumerate(alive):
    short = min(len(m.latents) for m in setting.members)
    values[:short, j] = np.mean([m.latents[:short] for m in setting.members], 0)
  shown = min(most, 32)
  data = {"values": values[:shown], "rows": [str(i + 1) for i in range(shown)]}
  data["columns"] = [
    ", ".join(sweep.text(v) for v in s.values.values() if v is not None) for s in alive
  ] or [""]
  data |= {"x_label": ", ".join(groups.short(n) for n in c.found.names)}
  caption = (
    "The KL of each latent in nats, mean over examples and seeds. Each member's latents are"
    " ordered from the largest, because latent 3 of one seed is not latent 3 of another."
    + (f" The first {shown} of {most}." if shown < most else "")
  )
  return Figure("latents", "heatmap", data | {"y_label": "latent by its KL"}, caption)


def arrays(c: Context) -> dict[str, np.ndarray]:
  """Per-example scores of every member, and the averages with their intervals."""
  most = max(len(m.latents) for m in c.members)
  pad = lambda x: np.pad(x, (0, most - len(x)), constant_values=np.nan)
  found = {"member": np.asarray([m.number for m in c.members])}
  for name in ("rate", "distortion", "nll"):
    found[name] = np.stack([getattr(m, name) for m in c.members])
  for name in ("active", "information", "total_correlation", "dimension_wise"):
    found[name] = np.concatenate([getattr(m, name) for m in c.members])
  found["latents"] = np.stack([pad(m.latents) for m in c.members])
  group = {id(s): i for i, line in enumerate(groups.groups(c.found).values()) for s in line}
  found["setting_group"] = np.asarray([group[id(s)] for s in c.found.settings])
  found["setting_axis"] = np.asarray([_value(c, s) for s in c.found.settings])
  for name in SCORES:
    each = [averages.get(name, NAN) for averages in c.averages]
    found[f"setting_{name}"] = np.asarray(each, np.float64)  # [C, 3]: mean, low, high
  return found


def _symbol(c: Context) -> str:
  return groups.short(c.found.axis)


def _value(c: Context, setting: Setting) -> str:
  value = setting.values.get(c.found.axis)
  return "" if value is None else sweep.text(value)


def _places(c: Context) -> dict[str, float]:
  """Where each value of the axis is drawn: at itself, or one after the other for words."""
  every = dict.fromkeys(s.values[c.found.axis] for s in c.found.settings)
  values = [v for v in every if v is not None]
  scale = groups.is_number(values)
  return {sweep.text(v): float(v) if scale else float(i) for i, v in enumerate(values)}


def _log(places: dict[str, float]) -> str:
  """A logarithmic axis where the values span a decade and all are above 0."""
  low, high = min(places.values()), max(places.values())
  return "x" if low > 0 and high / low >= 8 else ""
