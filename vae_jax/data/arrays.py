"""A user's own arrays: one .npy or .npz file of images, tables or sequences.

.npz keys: `x`, or `x_train` / `x_valid` / `x_test`, or `train` / `valid` / `test`, or
`train_images` / `val_images` / `test_images` (MedMNIST); labels under `label`, `labels` or
`y` with the split before or after. A split that is not given is drawn from train.
"""

import math
import os
import pathlib
from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.data import _binarise, _files, _split
from vae_jax.types import Dataset, Spec, UserError

# kind and domain are inferred when empty; valid and test are fractions or counts.
OPTIONS = {"path": "", "kind": "", "domain": "", "test": 0.1, "binarise": "none"}
SPLITS = ("train", "valid", "test")
LABELS = ("label", "labels", "y")
AXES = {"image": (3, 4), "table": (2,), "sequence": (3,)}
SPREAD_ROWS = 10_000  # that tell the spread of the data
LAYOUTS = "images [N, H, W] or [N, H, W, C], tables [N, D], sequences [N, T, F]"


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """The arrays of `path` with an inferred spec.

  kind: 2 axes a table, 3 or 4 an image; a sequence is asked for with `kind`. domain: uint8
  is grey levels 0 ... 255 ("unit"), or "binary" when it holds only 0 and 1; floats are
  "binary" when all are 0 or 1, "unit" within [0, 1], else "real".

  Raises:
    UserError: the file is missing, holds Python objects, or has no array that fits.
  """
  path = find_file(config["path"], data_dir)
  arrays = read_arrays(path)
  parts, unused = _parts(arrays, path.name)
  note = f"From {path.name}."
  if unused:
    note += f" Not used: {', '.join(unused)}."
  parts, classes = _labels(parts, path.name)
  for split in ("test", "valid"):
    if split not in parts:
      parts["train"], parts[split] = _split.shuffled(
        parts["train"], config[split], split, config["seed"]
      )
  spec = _spec({k: v["x"] for k, v in parts.items()}, config, classes)
  splits = {k: {**parts[k], "x": _store(parts[k]["x"], spec)} for k in SPLITS}
  spec = spec._replace(spread=_spread(splits["train"]["x"], spec.domain))
  return _binarise.apply(Dataset(path.stem, spec, splits, note), config["binarise"])


def find_file(name: str, data_dir: str | None) -> pathlib.Path:
  """The path of a .npy or .npz file: as named, or under the folder of data files.

  Raises:
    UserError: no name, or no such file; the message suggests the nearest one beside it.
  """
  if not name:
    raise UserError("data.path is empty; expected the name of a .npy or .npz file.")
  tried = [pathlib.Path(name)]
  if data_dir is not None:
    tried.append(pathlib.Path(data_dir) / name)
  for path in tried:
    if os.path.isfile(path):  # False also for a name that no file can have
      return path
  beside = [
    p.name for t in tried if t.parent.is_dir() for p in sorted(t.parent.glob("*.np[yz]"))
  ]
  hint = registry.nearest(tried[0].name, beside) if beside else ""
  raise UserError(f"There is no file {' or '.join(map(str, tried))}.{hint}")


def read_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The arrays of a file by key; a .npy is the key `x`. Nothing is unpickled.

  Raises:
    UserError: the file holds no arrays of numbers.
  """
  return _files.arrays(path)


def _parts(
  arrays: dict[str, np.ndarray], name: str
) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
  """Splits found by their keys, and the keys that mean nothing here."""
  used, parts = set(), {}
  for split in SPLITS:
    data, labels = _keys(split, arrays)
    found = [next((k for k in keys if k in arrays), None) for keys in (data, labels)]
    if found[0] is None:
      continue
    parts[split] = {"x": arrays[found[0]]}
    if found[1] is not None:
      label = arrays[found[1]]
      parts[split]["label"] = label[:, 0] if label.shape[1:] == (1,) else label
    used.update(found)
  if "train" not in parts:
    raise UserError(
      f"{name} has the keys {', '.join(arrays) or 'none'}; expected x, x_train or train."
    )
  for split, fields in parts.items():
    _check_shape(fields, parts["train"]["x"], f"{name}, {split}")
  return parts, sorted(set(arrays) - used)


def _keys(split: str, arrays: dict[str, np.ndarray]) -> tuple[list[str], list[str]]:
  """The keys that x and labels of a split may have, in the order they are looked for."""
  names = (split, "val") if split == "valid" else (split,)
  data = [k for n in names for k in (f"x_{n}", n, f"{n}_images")]
  labels = [k for n in names for label in LABELS for k in (f"{label}_{n}", f"{n}_{label}")]
  if split == "train":
    data += ["x", *(arrays if len(arrays) == 1 else ())]
    labels += LABELS
  return data, labels


def _check_shape(fields: dict[str, np.ndarray], train: np.ndarray, where: str) -> None:
  x = fields["x"]
  if x.ndim not in (2, 3, 4) or 0 in x.shape:
    raise UserError(f"{where}: x has shape {x.shape}; expected {LAYOUTS}, none empty.")
  if x.dtype.kind not in "biuf":
    raise UserError(f"{where}: x is of type {x.dtype}; expected real numbers.")
  if x.shape[1:] != train.shape[1:] or x.dtype != train.dtype:
    raise UserError(
      f"{where}: one example is {x.shape[1:]} {x.dtype} and in train {train.shape[1:]} "
      f"{train.dtype}; expected the same."
    )
  _files.check_finite(x, where)
  if "label" in fields and fields["label"].shape != x.shape[:1]:
    raise UserError(
      f"{where}: labels have shape {fields['label'].shape} and x has {len(x)} rows; "
      "expected one label a row."
    )


def _labels(
  parts: dict[str, dict[str, np.ndarray]], name: str
) -> tuple[dict[str, dict[str, np.ndarray]], tuple[str, ...]]:
  """Labels as int32 and the class names; strings are numbered in sorted order."""
  if not any("label" in fields for fields in parts.values()):
    return parts, ()
  if missing := [split for split, fields in parts.items() if "label" not in fields]:
    raise UserError(
      f"{name} has labels, but none for {', '.join(missing)}; add or drop them."
    )
  every = np.concatenate([fields["label"] for fields in parts.values()])
  if every.dtype.kind == "U":
    names = np.unique(every)
    parts = {
      k: {**v, "label": np.searchsorted(names, v["label"]).astype(np.int32)}
      for k, v in parts.items()
    }
    return parts, tuple(names.tolist())
  if every.dtype.kind not in "iu":
    raise UserError(
      f"{name}: labels are {every.dtype}; expected integers from 0, or strings."
    )
  if every.min() < 0 or every.max() > 1_000_000:
    raise UserError(
      f"{name}: labels are {every.dtype}, {every.min()} to {every.max()}; expected integers "
      "from 0 to 1,000,000, or strings."
    )
  parts = {k: {**v, "label": v["label"].astype(np.int32)} for k, v in parts.items()}
  return parts, tuple(str(i) for i in range(int(every.max()) + 1))


def _spec(
  every: dict[str, np.ndarray], config: dict[str, Any], classes: tuple[str, ...]
) -> Spec:
  x, domain = every["train"], config["domain"]
  kind = config["kind"] or ("table" if x.ndim == 2 else "image")
  if kind not in AXES or x.ndim not in AXES[kind]:
    raise UserError(
      f"data.kind is {kind!r} and x has shape {x.shape}; expected one of {LAYOUTS}."
    )
  if kind == "image":
    _check_image(every, config)
  shape = (*x.shape[1:], 1) if kind == "image" and x.ndim == 3 else x.shape[1:]
  domain = domain or _domain(every)
  largest = max(float(v.max()) for v in every.values())
  most = {"category": 2**31 - 2, "count": 2**24}.get(domain, math.inf)
  if largest > most:
    raise UserError(
      f"x reaches {largest:.0f} and data.domain is {domain!r}, whose numbers are kept exactly up"
      f" to {most:,}: number the categories from 0, or scale the counts."
    )
  top = int(largest) + 1 if domain == "category" else 0
  return Spec(shape, kind, domain, categories=top, classes=classes)


def _check_image(every: dict[str, np.ndarray], config: dict[str, Any]) -> None:
  """Refuses what is an image in another program's layout, unless the options insist."""
  x = every["train"]
  if not config["kind"] and x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
    raise UserError(
      f"x has shape {x.shape}, which looks like [N, C, H, W]; expected [N, H, W, C]: save"
      " x.transpose(0, 2, 3, 1), or set data.kind=image if the last axis is channels."
    )
  low, high = (float(f([f(v) for v in every.values()])) for f in (np.min, np.max))
  if not config["domain"] and x.dtype.kind == "f" and low >= 0 and 1 < high <= 255:
    raise UserError(
      f"x is {x.dtype} from {low:g} to {high:g}; grey levels are uint8 from 0 to 255 or floats"
      " from 0 to 1: divide them by 255, or set data.domain=real for numbers of another kind."
    )


def _domain(every: dict[str, np.ndarray]) -> str:
  values = list(every.values())
  dtype = values[0].dtype
  if dtype == np.bool_ or all(_two_valued(v) for v in values):
    return "binary"
  if dtype == np.uint8:
    return "unit"
  if dtype.kind == "f":
    return "unit" if all((v >= 0).all() and (v <= 1).all() for v in values) else "real"
  raise UserError(
    f"x is of type {dtype}; expected uint8 for grey levels 0 to 255, a float type for "
    "numbers, or data.domain set to count or category."
  )


def _store(x: np.ndarray, spec: Spec) -> np.ndarray:
  """As the domain is stored: bool, uint8, int32 or float32, without changing a value."""
  x = x.reshape(len(x), *spec.shape)
  if spec.domain == "category":
    return x.astype(np.int32) if x.dtype.kind in "iu" else x
  if spec.domain == "binary" and _two_valued(x):
    return x.astype(np.bool_)
  if spec.domain == "unit" and x.dtype == np.uint8:
    return x
  return x.astype(np.float32)


def _spread(x: np.ndarray, domain: str) -> float:
  """The standard deviation of an element about its mean, over all elements; 0 of symbols.

  Of the first rows of train: where a learned scale starts, which needs no third digit.
  """
  if domain in ("binary", "category"):
    return 0.0
  rows = x[:SPREAD_ROWS].astype(np.float32) / (255 if x.dtype == np.uint8 else 1)
  return float(np.sqrt(rows.var(0, dtype=np.float64).mean()))


def _two_valued(x: np.ndarray) -> bool:
  return bool(((x == 0) | (x == 1)).all())
