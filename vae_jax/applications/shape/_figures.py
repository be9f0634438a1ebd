"""Figures of shapes: rebuilt, sampled, and one turning into another."""

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Task
from vae_jax.run import select
from vae_jax.studies import turntable
from vae_jax.types import Figure

DRAWN, STEPS, PATHS = 8, 9, 3
DEGREES = 20.0  # that the camera goes on from one picture to the next
SHOWN = ("encode and decode", "latent MAP", "PCA", "nearest in train")


def all_of(outcome: Outcome) -> list[Figure]:
  """Rebuilt shapes beside their originals, samples, and paths between shapes."""
  return [_rebuilt(outcome), *_samples(outcome), _paths(outcome)]


def _points(shape: np.ndarray) -> np.ndarray:
  """What is drawn of a shape."""
  return turntable.surface(shape > 0.5) if shape.shape[-1] != 3 else shape


def _answers(outcome: Outcome) -> dict[str, dict]:
  """The answers of the leading member and of the baselines on its data, by method."""
  lead = outcome.lead
  mine = lambda r: r.part == lead.part and (r.member or lead).number == lead.number
  return {r.method: r.answer for r in outcome.results if mine(r)}


def _rebuilt(outcome: Outcome) -> Figure:
  task = outcome.tasks[outcome.lead.part]
  rows = _rows(task, DRAWN)
  draw = lambda x: np.stack([turntable.picture(_points(one)) for one in x])
  images = {"original": draw(task.own["x"][rows])}
  answers = _answers(outcome)
  images |= {m: draw(answers[m]["x"][rows]) for m in SHOWN if m in answers}
  data = {"images": np.stack(list(images.values())), "rows": [*images]}
  data["columns"] = pictures.names(task.examples, task.source.spec, rows)
  caption = "Held-out shapes above what each side made of them."
  return _figure(outcome, "side_by_side", data, caption)


def _samples(outcome: Outcome) -> list[Figure]:
  found = {m: a["samples"] for m, a in _answers(outcome).items() if "samples" in a}
  if not found:
    return []
  draw = lambda x: np.stack([turntable.picture(_points(one)) for one in x[:DRAWN]])
  data = {"images": np.stack([draw(x) for x in found.values()])}
  data["rows"] = [name.replace(" of ", "\nof ").replace(" (", "\n(") for name in found]
  caption = "Drawn shapes; the last rows are shapes of train, and PCA's."
  return [_figure(outcome, "samples", data, caption)]


def _paths(outcome: Outcome) -> Figure:
  """Straight lines between the codes of shapes, seen by a camera that goes around."""
  lead = outcome.lead
  task, run = outcome.tasks[lead.part], select(lead.run, lead.place)
  rows = _rows(task, 2 * PATHS)
  pairs = [(rows[i], rows[(i + 1) % len(rows)]) for i in range(0, len(rows), 2)]
  codes = task.source.posterior(run, task.examples).mean[0]
  share = np.linspace(0, 1, STEPS)[:, None]
  z = np.stack([(1 - share) * codes[a] + share * codes[b] for a, b in pairs])
  x = pictures.decoded(run, z[None].astype(np.float32), task.source.key)[0]
  images = [turntable.around([_points(one) for one in path], DEGREES) for path in x]
  names = pictures.names(task.examples, task.source.spec, np.array(pairs).ravel())
  labels = [f"{a}\nto {b}" for a, b in zip(names[::2], names[1::2], strict=True)]
  data = {"images": np.stack(images), "rows": labels}
  caption = (
    "From the code of one held-out shape to that of another along a straight line; the camera"
    f" goes {DEGREES:g} degrees further in each picture."
  )
  return _figure(outcome, "turntable", data, caption, "strips")


def _rows(task: Task, count: int) -> np.ndarray:
  """Shapes to draw: of each class in turn, at most `count`."""
  label = task.examples.get("label", np.zeros(len(task.truth), int))
  turn = np.array([(label[:i] == c).sum() for i, c in enumerate(label)])
  return np.lexsort((label, turn))[:count]


def _figure(
  outcome: Outcome, name: str, data: dict, caption: str, kind: str = "image_grid"
) -> Figure:
  data |= {"palette": outcome.settings["palette"], "limits": (0.0, 1.0)}
  data["title"] = of_members.title(outcome.lead, outcome.members)
  return Figure(name, kind, data, caption)
