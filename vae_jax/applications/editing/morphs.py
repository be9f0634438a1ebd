"""From one example to another: in the code, in a linear code, and as a pixel cross-fade."""

from collections.abc import Callable

import numpy as np

from vae_jax.applications.editing import judging, own, spaces
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures, reporting
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Result, Task
from vae_jax.inference import walks
from vae_jax.metrics import editing
from vae_jax.run import select
from vae_jax.types import Figure

MODEL, LINEAR, FADE = "line in the code", "line in PCA", "pixel cross-fade"
METRICS = {
  "natural": Metric("Inner pictures among real images", digits=3),
  "length": Metric("Path length ÷ straight line", better=0, digits=2),
  "jump": Metric("Largest step ÷ mean step", better=0, digits=2),
}
PAIRS = "pairs"
DRAWN = 4  # pairs in the figure


def further(outcome: Outcome) -> Extra:
  """Scores of morphs between held-out examples, and a picture of a few."""
  pairs = {m.part: _pairs(outcome.tasks[m.part]) for m in outcome.members}
  results, drawn = [], {}
  for member in outcome.members:
    task, (a, b) = outcome.tasks[member.part], pairs[member.part]
    run = select(member.run, member.place)
    codes = task.source.posterior(run, task.examples).mean[0]
    line = walks.linear(codes[a], codes[b], outcome.settings["steps"])
    label = task.examples.get("label")
    label = None if label is None else _nearer(label[a], label[b], line.shape[1])
    x = own.written(task.source, run, line, label)
    found = _scores(task, x)
    results.append(Result(member, MODEL, PAIRS, found, part=member.part))
    drawn |= {MODEL: x[:DRAWN]} if member.number == outcome.lead.number else {}
  for part, task in enumerate(outcome.tasks):
    for name, make in others(task, outcome.settings["steps"]).items():
      a, b = pairs.get(part, _pairs(task))
      x = make(task.truth.x[a], task.truth.x[b])
      results.append(Result(None, name, PAIRS, _scores(task, x), part=part))
      drawn |= {name: x[:DRAWN]} if part == outcome.lead.part else {}
  found = reporting.part(outcome, "Morphs", METRICS, (PAIRS,), results)
  return found._replace(figures=[figure(outcome, drawn, "morphs")])


def others(task: Task, steps: int) -> dict[str, Callable]:
  """(a, b) [P, *shape] -> paths [P, S, *shape] of the baselines."""

  def through(space: spaces.Space, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    z = walks.linear(space.encode(a), space.encode(b), steps)
    x = space.decode(z.reshape(-1, z.shape[-1]))
    return np.clip(x.reshape(*z.shape[:2], *a.shape[1:]), 0, 1)

  source = task.source
  return {
    LINEAR: lambda a, b: through(spaces.linear(source), a, b),
    FADE: lambda a, b: through(spaces.plain(source), a, b),
  }


def figure(outcome: Outcome, drawn: dict[str, np.ndarray], name: str) -> Figure:
  """Paths [P, S, *shape] of every method below one another, with the share p of each end.

  Under each picture is whether it lies among real images.
  """
  task = outcome.tasks[outcome.lead.part]
  order = [(p, method) for p in range(len(drawn[MODEL])) for method in drawn]
  images = np.stack([drawn[method][p] for p, method in order])
  inside = _inside(task, images)
  words = [["real" if v else "–" for v in row] for row in inside]
  data = {"images": images, "rows": [method.replace(" ", "\n", 1) for _, method in order]}
  data |= {"under": words, "title": of_members.title(outcome.lead, outcome.members)}
  data |= pictures.style(task.source.data, outcome.settings)
  text = (
    "From one picture to another. Under each: whether it lies among real images, within the"
    " ball of one to its fifth neighbour in the judge's hidden layer."
  )
  return Figure(name, "strips", data, text)


def _pairs(task: Task) -> tuple[np.ndarray, np.ndarray]:
  """Rows of examples that are joined, of two values of the first attribute where they can be."""
  count = min(task.settings["pairs"], len(task.truth.x) // 2)
  value = task.truth.value[0]
  rng = np.random.default_rng(task.settings["mask_seed"])
  a = rng.permutation(len(value))[:count]
  b = np.array([_other(value, i, rng) for i in a])
  return a, b


def _other(value: np.ndarray, i: int, rng: np.random.Generator) -> int:
  apart = np.flatnonzero(value != value[i])
  return int(rng.choice(apart if len(apart) else np.delete(np.arange(len(value)), i)))


def _nearer(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
  """The label of the nearer end, [P, S]."""
  first = np.arange(steps) < steps / 2
  return np.where(first[None], a[:, None], b[:, None])


def _features(task: Task, x: np.ndarray) -> np.ndarray:
  flat = judging.judge(task.source).features(x.reshape(-1, *x.shape[2:]))
  return flat.reshape(*x.shape[:2], -1)


def _inside(task: Task, x: np.ndarray) -> np.ndarray:
  return editing.inside(judging.region(task.source), _features(task, x))


def _scores(task: Task, x: np.ndarray) -> dict[str, np.ndarray]:
  """Of paths [P, S, *shape]."""
  f = _features(task, x)
  inner = editing.inside(judging.region(task.source), f[:, 1:-1]).mean(-1)
  return {"natural": inner, "length": editing.path_length(f), "jump": editing.jump(f)}
