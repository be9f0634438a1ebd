"""Style: content from a label and style from a few examples, each learned apart."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.applications.style import beside, mixing, own, showing
from vae_jax.applications.style.asked import asked, judge
from vae_jax.applications.style.writing import MEAN, PRODUCT, code, ways
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.metrics import styles as metrics
from vae_jax.run import Run
from vae_jax.studies import latent_pictures, sections
from vae_jax.types import UserError

QUESTION = "Can content be taken from a label, and style from a few examples?"
REAL = "the real one"
SHOWN = (1, 4, 12)  # examples of a style that are shown, where there are so many
SETTINGS = {
  **COMMON,
  "limit": 300,  # examples that are written, evenly spaced in the split
  "tune": 120,
  "judge_steps": 1500,  # of training of the judge of content
  "map_steps": 100,  # of the search for the most probable code
  "input": "",  # a font file, a picture or a folder of pictures of one's own
  "letters": "",  # of the font: what is shown of it; empty: twelve of its characters
  "mask_seed": 1,  # of what is shown, of the targets and of the judge
  "palette": "gray",
}
METRICS = {
  "worked": Metric("Content and style right", digits=3),
  "content": Metric("Content right", digits=3),
  "style": Metric("Style right", digits=3),
  "error": Metric("Squared error", better=-1, digits=4),
  "variety": Metric("Variety within a class", better=0, reduce=metrics.variety),
}
CONTRASTS = ((MEAN, PRODUCT),)
REFERENCES = (REAL,)
NOTE = (
  "Each held-out example is written anew: its content is given as the label, its style by other"
  " examples of the same style, that it is not among. Content is right where a network of real"
  " training images reads the label. Style is right where, of the real examples of that label in"
  " all styles, the nearest one in pixels has the right style. Where styles are not known, every"
  " example is a style of its own, and it is written as another class; variety is then the spread"
  " within a class of what is written over that of real examples, 0 where the style is ignored."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no picture, a model without a label, and an input that does not fit."""
  for run in runs:
    spec = run.spec
    if spec.kind != "image" or spec.domain not in ("unit", "binary") or not spec.classes:
      raise UserError(
        f"style needs images in [0, 1] with labels, and {run.dataset.name!r} is not that:"
        " evaluate a run on glyphs, or on pictures with classes."
      )
    if run.vae.given is None:
      raise UserError(
        "style takes content from the label, and this model is not told it: train with"
        " config.model.condition=label."
      )
    if run.config["data"].get("hold_out") == "classes":
      raise UserError("style writes known classes, and whole classes were held out here.")
  own.check(runs[0], settings)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Examples of a split, evenly spaced, and what is shown for each."""
  examples, found = asked(source, split, limit, SHOWN)
  names = tuple(f"{count} shown" for count in found.counts)
  return Task(source, split, examples, names, truth=found)


def model(task: Task, run: Run) -> dict[str, Any]:
  """The examples written by every member, [M, C, N, *shape], by each way to share a code."""
  found = task.truth
  code_of = lambda name, count: code(task.source, run, found, count, name)
  write = lambda z: latent_pictures.under(task.source, run, z, found.target)
  return {
    name: np.stack([write(code_of(name, count)) for count in found.counts], 1)
    for name in ways(found)
  }


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """Bilinear, nearest and averaged answers, and where it is known the real example."""
  found = beside.answers(task)
  if task.truth.real is not None:
    found[REAL] = lambda c: task.truth.real
  return found


def score(task: Task, answer: np.ndarray, condition: int) -> dict[str, np.ndarray]:
  """What is right of each example that was written, [N]."""
  found, source = task.truth, task.source
  x = np.asarray(answer, np.float32)
  if not np.isfinite(x).all():
    return {"worked": np.full(len(x), np.nan), "content": np.full(len(x), np.nan)}
  content = (judge(source).probabilities(x)[0].argmax(-1) == found.target).astype(float)
  if found.style is None:
    features = judge(source).features
    spread = source.once("spread", lambda: metrics.spread(*beside.real_features(source)))
    rows = metrics.rows(features(x), found.target, spread)
    return {"worked": content, "content": content, "variety": rows}
  right = metrics.style_read(x, found.target, beside.bank(source)) == found.style
  error = np.square(x - found.real).reshape(len(x), -1).mean(-1)
  scores = {"worked": content * right, "content": content, "style": right.astype(float)}
  return scores | {"error": error}


def pictures(task: Task, condition: int) -> dict[str, np.ndarray]:
  """What is shown first, and the real example where it is known."""
  found = task.truth
  return {"shown": found.x[:, 0]} | ({} if found.real is None else {"real": found.real})


def shown(task: Task, answer: np.ndarray, condition: int) -> np.ndarray:
  """The picture itself."""
  return answer


def further(outcome: Outcome) -> Extra:
  """Whole alphabets, blends, samples, nearest training examples, and a user's own style."""
  return sections.gathered([mod.further(outcome) for mod in (showing, mixing, own)])
