"""Pictures of another kind as the anomalies of a test split: letters, clothes, other scripts.

The option `strangers` of every set of pictures names them. "letters" are A to Z in the fonts that
matplotlib brings; "tfds:fashion_mnist" and the like are a dataset's name and the value of its
option `set` or `path`; other options may follow, as in "images:omniglot.zip,invert=True". Train and
valid stay as they are, all of them normal. Test gets as many strangers as it has examples, in a
fixed mixed order, brought to the size of the others.
"""

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.data import _pictures
from vae_jax.types import Dataset, UserError

OPTIONS = {"strangers": ""}
LETTERS = "letters"
FIELD = "stranger"  # the kind of a stranger, of `Spec.strangers`; -1: none


def beside(
  dataset: Dataset,
  config: dict[str, Any],
  read: Callable[[dict[str, Any]], Dataset],
) -> Dataset:
  """The dataset with strangers in test, as the option says; as it is without one.

  Args:
    dataset: pictures of numbers in [0, 1].
    config: with OPTIONS, and what `_normal` reads.
    read: a configuration of data -> its dataset.

  Raises:
    UserError: what is normal is said otherwise too, no pictures, or no such strangers.
  """
  if not (asked := config["strangers"]):
    return dataset
  if config["normal"] or config["left_out"] or config["contamination"]:
    raise UserError(
      "Give data.strangers, or data.normal and data.left_out, not both: each says what is normal."
    )
  spec = dataset.spec
  if spec.kind != "image" or spec.domain != "unit" or len(spec.shape) != 3:
    raise UserError(
      f"data.strangers puts other pictures beside pictures of grey levels or colours;"
      f" {dataset.name} has {spec.domain} values of the kind {spec.kind}."
    )
  other = read(_options(asked, spec.shape[0]))
  if other.spec.kind != "image" or other.spec.shape[-1] != spec.shape[-1]:
    raise UserError(
      f"data.strangers is {asked!r}, which has examples {other.spec.shape}; expected pictures of"
      f" {spec.shape[-1]} channel(s)."
    )
  names, kinds, x = _all(other, len(dataset.splits["test"]["x"]))
  splits = {name: _known(fields) for name, fields in dataset.splits.items()}
  splits["test"] = _mixed(splits["test"], _sized(x, spec.shape), kinds)
  note = f"Test has {len(x):,} strangers of {other.name}, which are the anomalies."
  spec = spec._replace(classes=(), strangers=names)
  return dataset._replace(spec=spec, splits=splits, note=f"{dataset.note} {note}".strip())


def _options(asked: str, side: int) -> dict[str, Any]:
  if asked == LETTERS:
    letters = {"characters": string.ascii_uppercase, "side": side, "pairs": 0.0}
    return {"name": "glyphs", **letters}
  name, _, rest = asked.partition(":")
  value, *more = rest.split(",")
  known = registry.find("data", name).OPTIONS
  given = {"side": side} if "side" in known else {}
  for word in more:
    option, _, said = word.partition("=")
    given[option] = _value(said, known.get(option, ""))
  if not value:
    return {"name": name, **given}
  if option := next((option for option in ("set", "path") if option in known), ""):
    return {"name": name, option: value, **given}
  raise UserError(f"data.strangers is {asked!r}, and the dataset {name!r} reads no files.")


def _value(said: str, default: Any) -> Any:
  """An option as written, of the type of its default.

  Raises:
    UserError: it is no value of that type.
  """
  words = {"True": True, "False": False}
  try:
    return words[said] if isinstance(default, bool) else type(default)(said)
  except (KeyError, ValueError) as error:
    raise UserError(
      f"data.strangers has the option value {said!r}; expected a {type(default).__name__}."
    ) from error


def _all(other: Dataset, most: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
  """Names of kinds, and at most so many pictures of all splits, evenly spaced, with their kind."""
  sizes = [len(fields["x"]) for fields in other.splits.values()]
  rows = np.unique(np.linspace(0, sum(sizes) - 1, most).round().astype(int))
  x, kinds, first = [], [], 0
  labelled = bool(other.spec.classes) and all("label" in f for f in other.splits.values())
  for fields, size in zip(other.splits.values(), sizes, strict=True):
    own = rows[(rows >= first) & (rows < first + size)] - first
    x.append(np.asarray(fields["x"][own]))
    kinds.append(np.asarray(fields["label"][own]) if labelled else np.zeros(len(own)))
    first += size
  names = other.spec.classes if labelled else (other.name,)
  return names, np.concatenate(kinds).astype(np.int32), np.concatenate(x)


def _sized(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  levels = x if x.dtype == np.uint8 else np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)
  if levels.shape[1:] == shape:
    return levels
  return np.stack([_pictures.resized(one, shape[0]) for one in levels])


def _known(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Examples that are normal, without what a stranger has none of."""
  count = len(fields["x"])
  none, zero = np.full(count, -1, np.int32), np.zeros(count, np.int32)
  return {"x": fields["x"], "anomaly": zero, FIELD: none}


def _mixed(
  fields: dict[str, np.ndarray], x: np.ndarray, kinds: np.ndarray
) -> dict[str, np.ndarray]:
  own = fields["x"]
  stored = x if own.dtype == np.uint8 else x.astype(own.dtype) / 255
  both = {
    "x": np.concatenate([own, stored]),
    "anomaly": np.repeat([0, 1], [len(own), len(x)]).astype(np.int32),
    FIELD: np.concatenate([fields[FIELD], kinds]),
  }
  order = np.random.RandomState(0).permutation(len(both["x"]))
  return {name: values[order] for name, values in both.items()}
