"""Figures of edits: pictures over α with their numbers, and flips against identity over β."""

import jax
import numpy as np

from vae_jax.applications.editing import judging, traits
from vae_jax.applications.editing.spaces import ALPHAS
from vae_jax.baselines import judges
from vae_jax.evaluation import figures, pictures
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Result, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import editing
from vae_jax.types import Figure

ROWS = 6  # examples of a strip
STAY = ALPHAS.index(0.0)
SIGNS = [f"α {a:+g}".replace("-", "−") if a else "rebuilt" for a in ALPHAS]
UNDER = (
  " Under each: p, the judge's probability of the target; id, the cosine of identity with the"
  " reconstruction (under the original: of the reconstruction with it)."
)


def further(outcome: Outcome) -> Extra:
  """Strips of the chosen method and of the hardest baseline, curves, and what judges can do."""
  found = [s for c in range(len(outcome.conditions)) for s in _strips(outcome, c)]
  return Extra(
    figures=[*found, *_over_alpha(outcome), *_trade(outcome)],
    findings=[*told(outcome.tasks[outcome.lead.part]), *_bought(outcome)],
  )


def told(task: Task) -> list[str]:
  """What the judges are worth on real held-out images."""
  source, truth = task.source, task.truth
  seen = judging.judge(source).probabilities(truth.x)
  right = [
    f"{trait.name} {100 * np.mean(p.argmax(-1) == value):.1f} %"
    for trait, p, value in zip(truth.traits, seen, truth.value, strict=True)
  ]
  embed = judging.identity(source)
  view = judges.view(judges.reduced(truth.x), jax.random.key(0))
  own, other = embed(truth.x), embed(np.asarray(view))
  again = editing.recognised(other, own).mean()
  apart = editing.cosine(own, np.roll(own, 1, 0)).mean()
  same = editing.cosine(own, other).mean()
  return [
    f"On real held-out images the judge is right: {', '.join(right)}.",
    f"The network of identity knows {100 * again:.0f} % of {len(own)} held-out images again"
    f" in other light and noise (mean cosine {same:.2f}; of two different images {apart:.2f}).",
  ]


def numbers(
  source: Source, x: np.ndarray, condition: int, target: np.ndarray
) -> list[list[str]]:
  """The words under edits [n, A, *shape], whose images at STAY are the reconstructions."""
  flat = x.reshape(-1, *x.shape[2:])
  p = judging.judge(source).probabilities(flat)[condition]
  p = p.reshape(*x.shape[:2], -1)[np.arange(len(x)), :, target]
  who = judging.identity(source)(flat).reshape(*x.shape[:2], -1)
  same = editing.cosine(who, who[:, STAY : STAY + 1])
  return [
    [f"p {a:.2f}\nid {b:.2f}".replace("-", "−") for a, b in zip(*row, strict=True)]
    for row in zip(p, same, strict=True)
  ]


def strip(
  source: Source,
  original: np.ndarray,
  x: np.ndarray,
  condition: int,
  value: np.ndarray,
  target: np.ndarray,
) -> dict:
  """The data of a figure: originals [n, *shape] and their edits [n, A, *shape] in rows."""
  trait = traits.known(source)[condition][0]
  embed = judging.identity(source)
  first = editing.cosine(embed(original), embed(x[:, STAY]))
  p = judging.judge(source).probabilities(original)[condition][np.arange(len(x)), target]
  under = [
    [f"p {a:.2f}\nid {b:.2f}".replace("-", "−"), *rest]
    for a, b, rest in zip(p, first, numbers(source, x, condition, target), strict=True)
  ]
  return {
    "images": np.concatenate([original[:, None], x], 1),
    "rows": [
      f"{trait.words[a]}\n→ {trait.words[b]}" for a, b in zip(value, target, strict=True)
    ],
    "columns": ["original", *SIGNS],
    "under": under,
    "wide_after": (0,),
  }


def _strips(outcome: Outcome, c: int) -> list[Figure]:
  """One attribute: the chosen method of one member, and the hardest baseline."""
  lead, condition = outcome.lead, outcome.conditions[c]
  task = outcome.tasks[lead.part]
  rows = _rows(task, c)
  sides = [(lead.number, outcome.chosen.method)] if outcome.chosen else []
  sides += [(None, v.theirs.method) for v in outcome.verdicts if v.condition == condition]
  found = []
  for number, method in sides:
    result = _result(outcome, number, method, condition)
    if result is None or not np.isfinite(result.answer["x"]).all():
      continue
    truth = task.truth
    those = truth.x[rows], result.answer["x"][rows], c
    data = strip(task.source, *those, truth.value[c][rows], truth.target[c][rows])
    who = f" ({of_members.title(lead, outcome.members)})" if number is not None else ""
    data |= {"title": f"{condition}: {method}{who.replace(' ()', '')}"}
    data |= pictures.style(task.source.data, outcome.settings)
    name = f"strip_{c}" + ("" if number is not None else "_baseline")
    caption = f"Held-out examples changed in one thing, {condition}, by {method}.{UNDER}"
    found.append(Figure(name, "image_grid", data, caption))
  return found


def _rows(task: Task, c: int) -> np.ndarray:
  """Examples of as many values of an attribute as there are, evenly spaced."""
  value = task.truth.value[c]
  order = np.argsort(value, kind="stable")
  return order[pictures.spread(len(order), ROWS)]


def _result(
  outcome: Outcome, number: int | None, method: str, condition: str
) -> Result | None:
  for one in outcome.results:
    who = None if one.member is None else one.member.number
    if (who, one.method, one.condition) == (number, method, condition):
      return one if one.part == outcome.lead.part else None
  return None


def _over_alpha(outcome: Outcome) -> list[Figure]:
  """The judge's probability of the target and the identity over α, of both sides."""
  if outcome.chosen is None:
    return []
  lead, task = outcome.lead, outcome.tasks[outcome.lead.part]
  found = []
  for c, condition in enumerate(outcome.conditions):
    series, truth = {}, task.truth
    sides = [(lead.number, outcome.chosen.method, "solid")]
    sides += [
      (None, v.theirs.method, "dashed")
      for v in outcome.verdicts
      if v.condition == condition
    ]
    for number, method, style in sides:
      one = _result(outcome, number, method, condition)
      if one is None:
        continue
      x = one.answer["x"]
      flat = x.reshape(-1, *x.shape[2:])
      p = judging.judge(task.source).probabilities(flat)[c].reshape(*x.shape[:2], -1)
      p = p[np.arange(len(x)), :, truth.target[c]].mean(0)
      who = judging.identity(task.source)(flat).reshape(*x.shape[:2], -1)
      same = editing.cosine(who, who[:, STAY : STAY + 1]).mean(0)
      for word, y in (("target seen", p), ("identity", same)):
        series[f"{method}: {word}"] = {"x": np.asarray(ALPHAS), "y": y, "style": style}
    data = {"series": series, "x_label": "α", "y_label": "mean", "title": condition}
    caption = (
      f"{condition}: the judge's probability of the target and the identity kept, over α. At"
      " α = 0 is the reconstruction; below it the example is moved away from the target."
    )
    found.append(Figure(f"alpha_{c}", "lines", data, caption))
  return found


def _trade(outcome: Outcome) -> list[Figure]:
  """Identity against flip rate along the sweep, an interval for each point; and both over it."""
  axis = figures.axis_of([line.setting for line in outcome.ours])
  if not axis or outcome.chosen is None:
    return []
  method, metrics = outcome.chosen.method, outcome.application.metrics
  own = {line.setting: line for line in outcome.ours if line.method == method}
  short, series, over = of_members.short(axis), {}, {}
  for rest, settings in figures.along([*own], axis).items():
    for condition in outcome.conditions:
      lines = [own[setting] for setting in settings]
      at = {
        name: [of_results.interval(one, name, metrics[name], condition) for one in lines]
        for name in ("flip", "identity")
      }
      title = ", ".join(filter(None, (condition, rest)))
      words = [f"{short} {dict(setting)[axis]:g}" for setting in settings]
      x = [one.mean for one in at["flip"]]
      series[title] = figures.curve(x, at["identity"]) | {"labels": words, "bars": True}
      places = [float(dict(setting)[axis]) for setting in settings]
      over[f"{title}: flip rate"] = figures.curve(places, at["flip"])
      over[f"{title}: identity"] = figures.curve(places, at["identity"])
  data = {"series": series, "x_label": "flip rate at α = 1", "y_label": "identity kept"}
  caption = (
    f"What {short} buys and costs: up and to the right is better. Bars: 95 % intervals."
  )
  log = figures.log_scale([v for line in over.values() for v in line["x"]])
  both = {"series": over, "x_label": short, "y_label": "share, and cosine", "log": log}
  told = f"Flip rate and identity kept at α = 1 over {short}, with 95 % intervals."
  return [
    Figure("trade", "lines", data, caption),
    Figure("trade_over", "lines", both, told),
  ]


def _bought(outcome: Outcome) -> list[str]:
  """The ends of the sweep in numbers."""
  axis = figures.axis_of([line.setting for line in outcome.ours])
  if axis != "beta" or outcome.chosen is None:
    return []
  method, metrics = outcome.chosen.method, outcome.application.metrics
  own = {line.setting: line for line in outcome.ours if line.method == method}
  ends = [s for some in figures.along([*own], axis).values() for s in (some[0], some[-1])][
    :2
  ]
  said = []
  for condition in outcome.conditions:
    pairs = []
    for name in ("flip", "identity"):
      a, b = (of_results.mean(own[s], name, metrics[name], condition) for s in ends)
      pairs.append(f"{metrics[name].title.lower()} from {a:.2f} to {b:.2f}")
    said.append(f"{condition}: {', '.join(pairs)}")
  low, high = (dict(s)["beta"] for s in ends)
  return [f"From β = {low:g} to {high:g}, by {method}: {'; '.join(said)}."]
