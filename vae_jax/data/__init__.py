"""Datasets: `load` finds one by its name, reads it and checks every value it holds."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax import registry
from vae_jax.data import _check, _labels, _normal, _strangers
from vae_jax.data._bits import unpack
from vae_jax.data._kinds import kind_of, of_array, of_table
from vae_jax.data._labels import drawn as labelled_rows
from vae_jax.types import Array, Dataset, UserError

__all__ = [
  "CHOOSING",
  "COMMON",
  "decode",
  "describe",
  "kind_of",
  "labelled_rows",
  "load",
  "marked",
  "normal_rows",
  "of_array",
  "of_table",
  "options",
  "shares_rows",
  "unpack",
]

# Options of every dataset. `valid` is what is held out of train: below 1 a fraction, else
# a count; what `_normal` and `_strangers` read says which examples are normal, what `_labels`
# reads which are labelled. A dataset may name another default for them in its own OPTIONS.
COMMON = {
  "seed": 0,
  "valid": 0.1,
  **_normal.OPTIONS,
  **_strangers.OPTIONS,
  **_labels.OPTIONS,
}
CHOOSING = _normal.OPTIONS  # of COMMON, those that choose rows of train and of valid


def options(name: str) -> dict[str, Any]:
  """The options of a dataset with their defaults; a default's type is the option's type.

  Raises:
    UserError: there is no dataset of that name.
  """
  return {**COMMON, **registry.find("data", name).OPTIONS}


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """Reads and checks the dataset `config["name"]`; never downloads.

  Args:
    config: `name` and any of `options(name)`; what is left out takes its default.
    data_dir: the folder of data files, or None for datasets that need none.

  Returns:
    A dataset whose every value is finite and within `spec.domain`.

  Raises:
    UserError: an unknown name or option, a missing file, or a value that does not fit.
  """
  known = options(config["name"])
  for key in config:
    if key != "name" and key not in known:
      hint = registry.nearest(key, list(known))
      raise UserError(f"The dataset {config['name']!r} has no option {key!r}.{hint}")
  full = {**known, **config}
  if not 0 <= full["seed"] < 2**31:
    raise UserError(f"data.seed is {full['seed']}; expected an integer in [0, 2^31).")
  try:
    dataset = registry.find("data", config["name"]).load(full, data_dir)
  except MemoryError as error:
    raise UserError(
      f"The dataset {config['name']!r} does not fit the memory of this machine ({error}): make"
      " it smaller."
    ) from error
  read = lambda other: load(other, data_dir)
  dataset = _strangers.beside(dataset, full, read)
  dataset = _labelled(marked(dataset, full), full)
  _check.dataset(dataset)
  _check.transformed(dataset, decode)
  return dataset


def shares_rows(name: str) -> bool:
  """Whether a dataset has the same examples whichever of them are normal.

  Its loader says FITS_NORMAL = True where it chooses normal rows itself, before it fits a scale.
  """
  return not getattr(registry.find("data", name), "FITS_NORMAL", False)


def normal_rows(dataset: Dataset, config: dict[str, Any]) -> dict[str, np.ndarray]:
  """The rows of "train" and "valid" [n] int32 that options of what is normal leave.

  Args:
    dataset: as it is without such options, of a loader that `shares_rows`.
    config: complete options of the dataset.

  Raises:
    UserError: as `load` does of them.
  """
  known = dataset.splits, dataset.spec.classes, config, dataset.name
  if _normal.asked(config):
    return _normal.chosen(*known).rows
  _normal.apply(*known)  # refuses contamination of what has no anomalies
  sizes = {name: len(dataset.splits[name]["x"]) for name in ("train", "valid")}
  return {name: np.arange(size, dtype=np.int32) for name, size in sizes.items()}


def marked(dataset: Dataset, config: dict[str, Any]) -> Dataset:
  """The dataset with its anomalies in test alone, where its options say what is normal."""
  if not (_normal.asked(config) or config["contamination"]):
    return dataset
  splits = dataset.splits
  if shares_rows(config["name"]):
    splits = _normal.apply(splits, dataset.spec.classes, config, dataset.name)
  note = f"{dataset.note} {_normal.note(splits, config)}".strip()
  return dataset._replace(splits=splits, note=note)


def _labelled(dataset: Dataset, config: dict[str, Any]) -> Dataset:
  """The dataset with the few labels that its options leave in train, and their mark."""
  splits = _labels.apply(dataset.splits, dataset.spec.classes, config, dataset.name)
  note = f"{dataset.note} {_labels.note(config)}".strip()
  return dataset._replace(splits=splits, note=note)


def decode(x: Any) -> Array:
  """What is stored as numbers: uint8 grey levels to x / 255, int32 as it is, else float32.

  Shape is kept. int32 holds labels and categories; everything else is a number.
  """
  if x.dtype == np.uint8:
    return jnp.asarray(x).astype(jnp.float32) / 255
  if x.dtype == np.int32:
    return jnp.asarray(x)
  return jnp.asarray(x).astype(jnp.float32)


def describe(dataset: Dataset) -> str:
  """One sentence on a dataset: sizes, shape, domain, labels, origin."""
  spec = dataset.spec
  sizes = ", ".join(f"{len(v['x']):,} {k}" for k, v in dataset.splits.items())
  shape = "×".join(str(s) for s in spec.shape)
  stored = dataset.splits["train"]["x"].dtype
  labels = f", {len(spec.classes)} classes" if spec.classes else ", no labels"
  note = f" {dataset.note}" if dataset.note else ""
  return (
    f"{dataset.name}: {spec.kind} {shape}, domain {spec.domain}, stored as {stored}{labels}; "
    f"{sizes}.{note}"
  )
