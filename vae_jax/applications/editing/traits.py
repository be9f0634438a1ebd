"""What can be changed of an example: its class, its attributes, and what its pixels say."""

from typing import NamedTuple

import numpy as np

from vae_jax.evaluation.source import Source
from vae_jax.metrics import strokes
from vae_jax.types import Factor, UserError

MOST = 6  # traits that are edited unless the setting names others
DARK = 0.1  # grey levels: of the border of a drawing on a black ground
Values = dict[str, np.ndarray]  # of each split [N], int32


class Trait(NamedTuple):
  """One attribute: its name, and the words of its values."""

  name: str
  words: tuple[str, ...]


def known(source: Source) -> list[tuple[Trait, Values]]:
  """The traits of the data with their values in every split, those that the setting names.

  A number, of a table or of the pixels, is "low" or "high", cut at the median of train.

  Raises:
    UserError: there are none, or the setting names one that is not there.
  """
  return source.once("traits", lambda: _known(source))


def who(source: Source) -> np.ndarray | None:
  """The label of train where test has others: whole classes, people, were held out."""
  label = {s: f.get("label") for s, f in source.data.splits.items()}
  if label["train"] is None or set(label["test"]) <= set(label["train"]):
    return None
  return label["train"]


def targets(values: np.ndarray, trait: Trait, seed: int) -> np.ndarray:
  """Another value for each [n]: of several, one that is drawn."""
  step = np.random.default_rng(seed).integers(1, len(trait.words), len(values))
  return ((values + step) % len(trait.words)).astype(np.int32)


def _known(source: Source) -> list[tuple[Trait, Values]]:
  spec, splits = source.spec, source.data.splits
  found = []
  if "label" in splits["train"] and who(source) is None and len(spec.classes) > 1:
    label = {name: fields["label"] for name, fields in splits.items()}
    if len(set(label["train"])) == len(spec.classes):
      name = " or ".join(spec.classes) if len(spec.classes) == 2 else "class"
      found.append((Trait(name, spec.classes), label))
  for at, factor in enumerate(spec.factors):
    index = {name: fields["factors"][:, at] for name, fields in splits.items()}
    found += _of_factor(factor, index)
  if not spec.factors:
    found += _of_pixels(source)
  if named := [word.strip() for word in source.settings["attributes"].split(",") if word]:
    by_name = {trait.name: (trait, values) for trait, values in found}
    if missing := [name for name in named if name not in by_name]:
      raise UserError(
        f"The setting attributes names {missing[0]!r}; this data has {', '.join(by_name)}."
      )
    return [by_name[name] for name in named]
  return found[:MOST]


def _of_factor(factor: Factor, index: Values) -> list[tuple[Trait, Values]]:
  """A column of a table; none where train has one value of it only."""
  there = np.unique(index["train"])
  if len(there) < 2:
    return []
  if len(factor.values) == 2:
    words = factor.names or ("no", "yes")
    return [(Trait(factor.name, words), {k: v.astype(np.int32) for k, v in index.items()})]
  if factor.names and len(there) == len(factor.names):
    return [(Trait(factor.name, factor.names), index)]
  numbers = np.asarray(factor.values)
  return _cut(factor.name, ("low", "high"), {k: numbers[v] for k, v in index.items()})


def _of_pixels(source: Source) -> list[tuple[Trait, Values]]:
  """Slant and thickness of drawings on black; where the light is, of other pictures."""
  images = {name: pixels(source, name) for name in source.data.splits}
  train = images["train"]
  border = np.concatenate([train[:, 0].ravel(), train[:, -1].ravel()])
  of = lambda measure: {name: measure(x) for name, x in images.items()}
  if train.shape[-1] == 1 and np.median(border) < DARK:
    return [
      *_cut("slant", ("left", "right"), of(strokes.slant)),
      *_cut("thickness", ("thin", "thick"), of(strokes.thickness)),
    ]
  half = train.shape[2] // 2
  side = lambda x: x[:, :, :half].mean((1, 2, 3)) - x[:, :, half:].mean((1, 2, 3))
  return [
    *_cut("brightness", ("dark", "bright"), of(lambda x: x.mean((1, 2, 3)))),
    *_cut("light", ("from the right", "from the left"), of(side)),
  ]


def pixels(source: Source, split: str) -> np.ndarray:
  """The images [N, H, W, C] of a split within [0, 1], made once."""
  make = lambda: np.clip(source.inputs(source.split(split)), 0, 1)
  return source.once(f"pixels {split}", make)


def _cut(name: str, words: tuple[str, str], of: Values) -> list[tuple[Trait, Values]]:
  middle = np.median(of["train"])
  values = {split: (number > middle).astype(np.int32) for split, number in of.items()}
  return [(Trait(name, words), values)] if len(np.unique(values["train"])) == 2 else []
