"""Codes in files: how many bits a point takes and what is left of the shape; a user's own shape."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax.applications.shape import _solids
from vae_jax.baselines import draco, octree
from vae_jax.codec import numbers
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Task
from vae_jax.inputs import shapes as own
from vae_jax.metrics import shapes
from vae_jax.run import Run, select
from vae_jax.studies.sections import Part
from vae_jax.types import Figure, Table, UserError

STEPS = (1.6, 0.8, 0.4, 0.2, 0.1)  # of the rounding, in deviations of a code
DEPTHS = (2, 3, 4, 5, 6)
BUDGET = 64  # bytes a shape


class File(NamedTuple):
  """A real file of all shapes, and what comes back from it."""

  method: str
  setting: str
  content: bytes
  distance: float  # Chamfer


def all_of(outcome: Outcome, linear: _solids.Linear) -> Extra:
  """A table of files, the curve of distance over bytes, and the file of the model's codes."""
  part = Part(outcome, outcome.lead.part)
  task, member = part.task, outcome.lead
  run = select(member.run, member.place)
  method = outcome.chosen.method if outcome.chosen is not None else part.results[0].method
  mine = next(
    r for r in part.results
    if r.member is not None and r.member.number == member.number and r.method == method
  )  # fmt: skip
  train = task.source.posterior(run, task.source.spread("train", 1000)).mean[0]
  back = lambda z: _solids.answer(run.spec, _decoded(run, z, task))
  found = _rounded("model", mine.answer["z"], train, back, task)
  known = next(r for r in part.results if r.member is None and r.method == "PCA")
  codes = linear.encode(task.source.inputs(task.source.spread("train", 200)))
  found += _rounded("PCA", known.answer["z"], codes, linear.decode, task)
  found += [_tree(task, depth) for depth in DEPTHS]
  said = []
  try:
    found += [_draco(task, depth) for depth in DEPTHS]
  except UserError as error:  # the extra is a choice: its absence is told
    said.append(f"Draco is left out: {error}")
  bin_ = [f for f in found if f.method == "model" and _each(f, task) <= BUDGET]
  best = bin_[-1] if bin_ else found[0]
  arrays = {"codes.bin": np.frombuffer(best.content, np.uint8)}
  said.append(_said(found, best, task))
  return Extra([_table(found, task)], [_curve(found, task)], said, arrays)


def of_input(outcome: Outcome) -> tuple[str, dict[str, np.ndarray]]:
  """The shape of the setting `input`, rebuilt by the leading member: a sentence, and its file."""
  lead = outcome.lead
  task, run = outcome.tasks[lead.part], select(lead.run, lead.place)
  given = own.read(outcome.settings["input"], run.spec, task.truth.shape[1])
  plain = run._replace(dataset=run.dataset._replace(transform=None))
  fields = {"x": given.x, "id": np.zeros(1, np.int32)}
  z = task.source.posterior(plain, fields).mean[0]
  x = _decoded(run, z, task)
  answer = _solids.points(_solids.answer(run.spec, x), len(given.surface))
  distance = 1e4 * float(shapes.chamfer(given.surface, answer[0]))
  if run.spec.kind == "points":
    name, made = "rebuilt.ply", own.back(given, x[0])
  else:
    name, made = "rebuilt.stl", own.back(given, own.mesh(x[0]))
  said = (
    f"{given.name}: rebuilt from {z.shape[1]} numbers in {name} beside this report, in the"
    f" place and the unit of the file. Chamfer distance {distance:.1f} ×10⁴ of its longest side"
    f" squared; the floor of the held-out shapes is {1e4 * task.own['floor']:.1f}. The model"
    " knows shapes that stand upright along the third axis."
  )
  return said, {name: made, "code_input": z[0]}


def _decoded(run: Run, z: np.ndarray, task: Task) -> np.ndarray:
  """E[x|z] of codes [n, L] of one member."""
  return pictures.decoded(run, np.asarray(z, np.float32)[None], task.source.key)[0]


def _rounded(
  method: str, z: np.ndarray, train: np.ndarray, back: Callable, task: Task
) -> list[File]:
  """Files of codes [n, L], rounded ever finer; what is decoded is what the file holds."""
  mean, std = train.mean(0), train.std(0)
  found = []
  for step in STEPS:
    content = numbers.pack(z, mean, std, step * float(std.mean()))
    x = back(numbers.unpack(content))
    found.append(File(method, f"step {step:g}", content, _distance(task, x)))
  return found


def _tree(task: Task, depth: int) -> File:
  content = octree.encode(task.own["again"], depth)
  many = task.truth.shape[1]
  x = np.stack([np.resize(one, (many, 3)) for one in octree.decode(content)])
  return File("octree + lzma", f"depth {depth}", content, _distance(task, x))


def _draco(task: Task, depth: int) -> File:
  files = draco.encode(task.own["again"], depth)
  many = task.truth.shape[1]
  x = np.stack([np.resize(one, (many, 3)) for one in draco.decode(files, depth)])
  return File("Draco", f"depth {depth}", b"".join(files), _distance(task, x))


def _distance(task: Task, x: np.ndarray) -> float:
  x = _solids.points(x, task.truth.shape[1])
  return float(shapes.each_chamfer(task.truth, x).mean())


def _each(file: File, task: Task) -> float:
  """Bytes a shape."""
  return len(file.content) / len(task.truth)


def _table(found: list[File], task: Task) -> Table:
  count, many = task.truth.shape[:2]
  rows = [
    [f.method, f.setting, len(f.content), _each(f, task), 8 * len(f.content) / count / many,
     1e4 * f.distance, f.distance / task.own["floor"]]
    for f in found
  ]  # fmt: skip
  columns = ("method", "setting", "bytes", "bytes a shape", "bits a point")
  note = (
    f"Real files of {count} shapes of {many} points, decoded again. The network and PCA's axes are"
    " not in them; the steps are in mean deviations of a code over train. Draco: a file for each"
    " shape, headers included, the smallest of three levels of effort."
  )
  columns += ("Chamfer distance ×10⁴", "÷ floor")
  return Table("Files", columns, rows, note)


def _curve(found: list[File], task: Task) -> Figure:
  series = {}
  for name in dict.fromkeys(f.method for f in found):
    own = [f for f in found if f.method == name]
    series[name] = {
      "x": [_each(f, task) for f in own],
      "y": [1e4 * f.distance for f in own],
    }
    series[name] |= {} if name == "model" else {"style": "dashed"}
  ends = [x for line in series.values() for x in line["x"]]
  level = {"x": [min(ends), max(ends)], "y": [1e4 * task.own["floor"]] * 2}
  series["floor"] = level | {"style": "dashed"}
  data = {"series": series, "x_label": "bytes a shape", "log": "xy"}
  data["y_label"] = "Chamfer distance ×10⁴"
  caption = (
    "What is left of a shape in a file of so many bytes: lower and further left is better."
  )
  return Figure("files", "lines", data, caption)


def _said(found: list[File], best: File, task: Task) -> str:
  rival = [f for f in found if f.method == "octree + lzma" and _each(f, task) <= BUDGET]
  near = min((f.distance for f in rival), default=None)
  beside = (
    "has no file as small" if near is None else f"has {near / task.own['floor']:.2f} times"
  )
  return (
    f"In {_each(best, task):.0f} bytes a shape, a real file, the model's codes have a Chamfer"
    f" distance {best.distance / task.own['floor']:.2f} times the floor; the octree with at most"
    f" {BUDGET} bytes {beside}. The file is codes.bin beside this report."
  )
