"""Examples made by a class-conditional model, near the training rows or from the prior."""

import csv
import pathlib
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, columns, distributions, registry
from vae_jax.baselines import augmenting
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra
from vae_jax.evaluation.source import Source
from vae_jax.inputs import rows
from vae_jax.metrics import closest_record
from vae_jax.run import Run, select
from vae_jax.types import Array, Example, Figure, Hyper, Params, Spec, Table, UserError

FEW = 100  # rows of the smallest class below which samples are drawn near them
SHOWN = 4  # made pictures of each class
LABEL = "label"  # the column of classes in a file of one's own


def fold(source: Source) -> augmenting.Fold:
  """The training rows as a classifier reads them."""

  def make() -> augmenting.Fold:
    train = source.split("train")
    x = features(source, source.train, train)
    return augmenting.Fold(x, train["label"], len(source.spec.classes))

  return source.once("fold", make)


def features(source: Source, x: np.ndarray, examples: dict[str, np.ndarray]) -> np.ndarray:
  """Pictures as they are, rows of a table with categories as one-hots."""
  spec = source.spec
  if spec.kind == "image":
    return x
  if spec.domain != "mixed":
    return x.reshape(len(x), -1)
  seen = np.asarray(examples.get("observed", np.ones_like(x)), np.float32)
  of_row = lambda x, seen: columns.features(spec.columns, x, seen)[: -spec.size]
  return np.asarray(jax.jit(jax.vmap(of_row))(jnp.asarray(x), jnp.asarray(seen)))


def draws(source: Source, name: str) -> np.random.Generator:
  """The random numbers of one arm, of the draw of the fold and the arm's name."""
  return np.random.default_rng(
    [source.run.config["data"]["draw"], zlib.crc32(name.encode())]
  )


def pool(source: Source, run: Run, place: int, size: int) -> augmenting.Pool:
  """Half of a pool's rows, made by one member, each near a row of the fold in turn."""
  at = augmenting.cycle(fold(source), size // 2)
  train = source.split("train")
  near = {name: values[at] for name, values in train.items()}
  x = made(source, run, place, near)
  seen = {name: values for name, values in near.items() if name == "observed"}
  label = augmenting.onehot(near["label"], len(source.spec.classes))
  return features(source, x, seen), label


def made(source: Source, run: Run, place: int, near: dict[str, np.ndarray]) -> np.ndarray:
  """An example of the class of each row, [N, *shape]: E[x|z, y] of pictures, else a draw.

  z ~ q(z|x, y) of that row: all of them together are draws of the mixture over the codes of a
  class. For large classes, or if the setting says so, z ~ p(z).
  """
  vae, spec, asked = run.vae, source.spec, source.settings["near"]
  smallest = np.bincount(fold(source).label, minlength=len(spec.classes)).min()
  around = asked == "posterior" or (asked == "auto" and smallest < FEW)

  def of_one(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper
    given = vae.given(example["label"])
    own, noise = jax.random.split(key)
    q = given.posterior(params, example) if around else given.prior(params, example)
    z = distributions.draw(q, own).z
    return given.mean(params, z) if spec.kind == "image" else given.sample(params, z, noise)

  near = {**near, "id": np.arange(len(near["x"]), dtype=np.int32)}  # a draw of its own each
  return asking.apply(select(run, place), of_one, near, source.key)[0]


def read(path: str, spec: Spec) -> tuple[rows.Given, np.ndarray]:
  """Rows of a .csv and their classes, of its column `label`.

  Raises:
    UserError: no table, no such column, or a class that the model does not know.
  """
  given = rows.read(path, spec)
  if pathlib.Path(path).suffix != ".csv":
    raise UserError(f"{path} is no .csv; augmentation makes rows near those of a table.")
  with open(path, newline="", encoding="utf-8") as file:
    mark = ";" if file.readline().count(";") else ","
    file.seek(0)
    found = [
      {k.strip(): v for k, v in row.items()} for row in csv.DictReader(file, delimiter=mark)
    ]
  if LABEL not in found[0]:
    raise UserError(
      f"{given.name} has no column {LABEL!r}; expected the class of each row there."
    )
  words = [row[LABEL].strip() for row in found]
  for word in words:
    if word not in spec.classes:
      hint = registry.nearest(word, list(spec.classes))
      raise UserError(f"{given.name} has the class {word!r}.{hint}")
  return given, np.array([spec.classes.index(word) for word in words], np.int32)


def written(outcome: Outcome) -> Extra:
  """Made examples in a figure or a file, and how far they are from what was learned from."""
  lead = outcome.lead
  source, spec = outcome.tasks[lead.part].source, outcome.task.source.spec
  train, count = source.split("train"), outcome.settings["make"]
  at = augmenting.cycle(fold(source), max(count, len(spec.classes) * SHOWN))
  near = {name: values[at] for name, values in train.items()}
  if outcome.settings["input"]:
    given, label = read(outcome.settings["input"], spec)
    turn = np.arange(count) % len(label)
    near = {"x": given.x[turn], "label": label[turn]}
  x = made(source, lead.run, lead.place, near)
  valid = source.split("valid", 2000)
  seen = {"observed": np.ones_like(x)} if "observed" in train else {}
  code = features(source, x, seen)
  known = code, fold(source).x, features(source, source.inputs(valid), valid)
  distance, copy = closest_record.check(*known), closest_record.copies(*known)
  title = of_members.title(lead, outcome.members) or "the model"
  table = Table(
    "Distance to the closest training row",
    ("rows", "median", "copies", "closer than 95 % of held-out rows"),
    [
      [f"made by {title}", distance["made"], distance["copies"], distance["closer"]],
      ["held out", distance["held_out"], None, 0.05],
    ],
    "A generator that repeats what it saw has copies, or far more than 0.05 in the last column.",
  )
  kept = np.flatnonzero(~copy)[:count]
  said = [
    f"{len(kept):,} made rows are written; {int(copy.sum())} that were copies of a training row are"
    " left out."
  ]
  return Extra([table], _shown(source, x, near), said, _files(spec, x[kept], near, kept))


def _shown(source: Source, x: np.ndarray, near: dict[str, np.ndarray]) -> list[Figure]:
  """For each class the real row and what was made near it."""
  spec = source.spec
  if not pictures.drawable(spec):
    return []
  real = pictures.plain(near["x"], spec)
  rows = [np.flatnonzero(near["label"] == c)[:SHOWN] for c in range(len(spec.classes))]
  width = min(len(own) for own in rows if len(own))  # a file of one's own may have few
  images = [np.concatenate([real[r[:width]], x[r[:width]]]) for r in rows if len(r)]
  names = tuple(name for name, own in zip(spec.classes, rows, strict=True) if len(own))
  data = {"images": np.stack(images), "rows": names, "wide_after": [width - 1]}
  data |= pictures.style(source.data, source.settings)
  return [Figure("made", "image_grid", data, "Training rows, and what was made near each.")]


def _files(
  spec: Spec, x: np.ndarray, near: dict[str, np.ndarray], kept: np.ndarray
) -> dict[str, Any]:
  """The made rows as synthetic.csv, in the numbers and the words of the file; or as .npy."""
  names = [spec.classes[int(c)] for c in near["label"][kept]]
  if spec.kind != "table":
    label = np.array(near["label"][kept], np.int32)
    return {"synthetic.npy": x, "synthetic_label.npy": label}
  known = columns.columns_of(spec)
  natural = columns.natural(known, x)
  head = [*(column.name for column in known), LABEL]
  body = [
    [*(_word(c, v) for c, v in zip(known, row, strict=True)), name]
    for row, name in zip(natural, names, strict=True)
  ]
  return {"synthetic.csv": np.array([head, *body])}


def _word(column: Any, value: float) -> str:
  if column.names:
    return column.names[int(value)]
  whole = column.kind in ("category", "ordinal", "count")
  return str(round(value)) if whole else f"{value:.6g}"
