"""The disentanglement of a sweep as pictures: what latents know, scores over β, traversals."""

from typing import Any

import jax
import numpy as np

from vae_jax.applications import _latents, _members, _pictures
from vae_jax.applications._disentanglement_baselines import CEILING
from vae_jax.applications._disentanglement_report import (
  Context,
  collapsed,
  name_of,
  values,
)
from vae_jax.applications._disentanglement_scores import LABELS, Member, settings_of
from vae_jax.asking import apply_latents
from vae_jax.metrics import latent
from vae_jax.run import Run, select
from vae_jax.training import sweep
from vae_jax.types import Array, Dataset, Figure

CURVES = ("mig", "factor", "beta", "sap", "d", "i")
SPAN, STEPS = 2.0, 9  # of a traversal, in standard deviations of the prior
ROWS = 10  # latents that are walked along at most
KNOWS = (
  "What each latent knows of each factor, in shares of the factor's entropy. One bright cell in"
  " each column and at most one in each row is a disentangled code."
)
SERVES = (
  "How much each latent serves the classifier of each factor that DCI fits, of the member with"
  " the highest MIG; columns sum to 1."
)


def figures(
  c: Context, runs: list[Run], data: Dataset, examples: dict, key: Array
) -> list[Figure]:
  """Heat maps and traversals of a few members, and the scores over what is swept."""
  drawn = _drawn(c)
  found = [*_curves(c)]
  for at, member in enumerate(drawn):
    found.append(_map(c, member, f"information_{at + 1}", member.found.information, KNOWS))
  if drawn:
    found.append(_map(c, drawn[0], "importance", drawn[0].found.importance, SERVES))
  base = _middle(c, examples)
  for at, member in enumerate(drawn):
    run = select(runs[member.run], member.place)
    found.append(_walk(c, run, data, member, base, at, key))
  return found


def _drawn(c: Context) -> list[Member]:
  """The member of the highest MIG, then members as different as the sweep has them."""
  whole = [m for m in c.members if np.isfinite(m.means).all()]
  groups = settings_of(whole)
  firsts = [group[0] for group in groups.values()] if len(groups) > 1 else whole
  count = min(_members.SHOWN, len(firsts))
  spread = [firsts[i] for i in np.linspace(0, len(firsts) - 1, count).round().astype(int)]
  best = sorted(whole, key=lambda m: (collapsed(m), -m.found.scores["mig"]))[:1]
  chosen = {member.number: member for member in [*best, *spread]}
  return list(chosen.values())[: _members.SHOWN]


def _order(member: Member) -> np.ndarray:
  """The latents by what they carry, the most first."""
  moved = latent.activity(member.means)
  return np.argsort(-(member.rates if np.isfinite(member.rates).all() else moved))


def _map(c: Context, member: Member, name: str, matrix: np.ndarray, caption: str) -> Figure:
  """A matrix [L, F] as colours, the latents by what they carry."""
  order = _order(member)
  rates = member.rates[order]
  names = [f"z{i + 1}" for i in order]
  if np.isfinite(rates).all():
    names = [f"{n} · {rate:.1f} nats" for n, rate in zip(names, rates, strict=True)]
  data = {
    "values": matrix[order],
    "rows": names,
    "columns": [factor.name for factor in c.factors],
    "title": member.title,
    "limits": (0.0, 1.0),
    "form": ".2f",
    "y_label": "latent · its rate",
  }
  return Figure(name, "heatmap", data, caption)


def _curves(c: Context) -> list[Figure]:
  """Scores over β, or over the first number that is swept; nothing where none is."""
  groups = settings_of(c.members)
  swept = {
    name
    for name in c.columns
    if name not in (*sweep.SEEDS, "ended")
    and all(isinstance(m.row.get(name), int | float) for m in c.members)
    and len({m.row[name] for m in c.members}) > 1
  }
  axis = "beta" if "beta" in swept else next((n for n in c.columns if n in swept), "")
  if not axis or not groups:
    return []
  others = {g: tuple(kv for kv in g if kv[0] != axis) for g in groups}  # of one curve
  label = _members.SYMBOLS.get(axis, axis)
  ticks = sorted({group[0].row[axis] for group in groups.values()})
  style: dict[str, Any] = {"x_label": label, "log": "x" if min(ticks) > 0 else ""}
  style |= {"ticks": ticks, "y_label": "score"}
  lines = [
    [g for g in groups if others[g] == other] for other in dict.fromkeys(others.values())
  ]
  found = []
  if len(lines) == 1:
    series = {LABELS[n]: _line([groups[g] for g in lines[0]], axis, n) for n in CURVES}
    caption = (
      f"The median over seeds of each score over {label}, and the range between seeds. Each"
      " score has a ceiling and a floor of its own: compare shapes, not heights."
    )
    found.append(Figure("scores", "lines", {"series": series, **style}, caption))
  series = {}
  for curve in lines:
    group = groups[curve[0]]
    own = f"{label} {sweep.text(group[0].row[axis])}"
    parts = [part for part in name_of(group).split(" · ") if part != own]
    series[" · ".join(parts) or "model"] = _line(
      [groups[g] for g in curve], axis, "mig", dots=True
    )
  rivals = {k: v.scores["mig"] for k, v in c.baselines.items() if k != CEILING}
  if rivals:
    best = max(rivals, key=lambda name: rivals[name])
    height = [rivals[best]] * len(ticks)
    series[best] = {"x": ticks, "y": height, "style": "dashed"}
  caption = f"The mutual information gap over {label}: medians, and a dot for each seed."
  data = {"series": series, **style, "y_label": "MIG"}
  return [*found, Figure("mig", "lines", data, caption)]


def _line(
  groups: list[list[Member]], axis: str, name: str, dots: bool = False
) -> dict[str, Any]:
  groups = sorted(groups, key=lambda group: group[0].row[axis])
  x = [group[0].row[axis] for group in groups]
  every = [values(group, name) for group in groups]
  line: dict[str, Any] = {"x": x, "y": [float(np.median(v)) for v in every]}
  if dots:
    return line | {"points": [(a, v) for a, row in zip(x, every, strict=True) for v in row]}
  return line | {"low": [v.min() for v in every], "high": [v.max() for v in every]}


def _middle(c: Context, examples: dict) -> int:
  """The example whose factors are nearest to the middle of their values, a large one first."""
  sizes = np.array([len(factor.values) for factor in c.factors])
  aim = np.array([1.0 if f.name == "scale" else 0.5 for f in c.factors])
  return int(np.argmin(np.abs(examples["factors"] / (sizes - 1) - aim).sum(1)))


def _walk(
  c: Context, run: Run, data: Dataset, member: Member, base: int, at: int, key: Array
) -> Figure:
  """One latent varies in each row, the others stay at the code of one example."""
  order, active = _order(member), latent.active_units(member.means)
  axes = order[active[order]][:ROWS]
  axes = axes if len(axes) else order[:1]
  ticks = np.linspace(-SPAN, SPAN, STEPS)
  z = _latents.walks(member.means[base], axes, ticks)

  def show(params: Any, z: Array, key: Array) -> Array:
    del key
    return _pictures.shown(run.vae, run.spec, params, z)

  flat = z.reshape(-1, z.shape[-1])
  images = apply_latents(run, show, flat, jax.random.fold_in(key, 9))[0]
  known = member.found.information
  names = []
  for axis in axes:
    factor = int(np.argmax(known[axis]))
    names.append(f"z{axis + 1} · {c.factors[factor].name} {known[axis, factor]:.2f}")
  pictures = {
    "images": images.reshape(len(axes), STEPS, *run.spec.shape),
    "rows": names,
    "columns": [f"{v:g}".replace("-", "−") for v in ticks],
    "title": member.title,
  }
  caption = (
    "Each row walks along one latent, the others held at the code of one example. Beside it: the"
    " factor it knows most of, and that information in shares of the factor's entropy."
  )
  return Figure(
    f"traversal_{at + 1}", "strips", pictures | _pictures.style(data, c.settings), caption
  )
