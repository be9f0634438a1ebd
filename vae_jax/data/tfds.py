"""Image sets of the TensorFlow Datasets catalogue, read without TensorFlow.

`set` names the dataset: "mnist", "emnist/letters", "cifar10", "mnist:3.0.1". The data folder
has it as `tfds/<set>/<version>` or `<set>/<version>`, prepared in the array_record format;
`vae-jax data <set> --data_dir=...` does that on a machine with a network.
Images are decoded once, into a cache (`_cache`). With `side` they are cut to their middle square
and brought to that size first. A feature `attributes` of yes and no, as CelebA has it, is the
`factors`.
"""

import json
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.data import _binarise, _cache, _files, _pictures, _split
from vae_jax.types import Dataset, Factor, Spec, UserError

OPTIONS = {"set": "mnist", "binarise": "none", "side": 0}
NAMES = {"train": ("train",), "valid": ("validation", "valid"), "test": ("test",)}
CHUNK = 1024  # images decoded at a time
# Splits by their sizes that are known not to be the published ones.
NOTES = {
  ("fashion_mnist", 59_160, 9_680): (
    "A class-balanced rebuild of Fashion-MNIST: the order differs from the original and "
    "1,160 images of uncertain split are left out."
  )
}


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [H, W, C] uint8 and, where the set has them, its label and its attributes as factors.

  Validation is the set's own, or else the last `valid` examples of train.

  Raises:
    UserError: the set is not in the data folder, or its images are not uint8 of one size.
  """
  name, mode = config["set"], config["binarise"]
  _binarise.check_mode(mode)
  if mode == "larochelle" and name.split(":")[0] == "mnist":
    return _binarise.larochelle(data_dir)
  folder = _folder(name, data_dir)
  with _files.told(f"{folder}/dataset_info.json", "prepare the set again"):
    info = (folder / "dataset_info.json").read_text(encoding="utf-8")
    rows, source_names = _sizes(json.loads(info), name)
  if config["side"] and not 4 <= config["side"] <= 1024:
    raise UserError(f"data.side is {config['side']}; expected 4 to 1024 pixels, or 0.")
  reader = _Reader(folder, source_names, config["side"])
  key = f"tfds/{name.split(':')[0].replace('/', '_')}-{folder.name}"
  key += f"-{config['side']}" if config["side"] else ""
  with _files.told(f"The set in {folder}", "prepare it again"):
    about, splits = _cache.fetch(
      f"{key}-{zlib.crc32(info.encode()):08x}", rows, reader.chunks, reader.about
    )
  splits, notes = _complete(splits, config["valid"])
  known = NOTES.get((name.split(":")[0], rows["train"], rows.get("test", 0)))
  domain = "unit"
  if all(_two_valued(fields["x"]) for fields in splits.values()):
    domain = "binary"
    splits = {k: {**v, "x": v["x"].view(np.bool_)} for k, v in splits.items()}
  dataset = Dataset(
    name.split(":")[0],
    Spec(
      splits["train"]["x"].shape[1:],
      "image",
      domain,
      classes=tuple(about["classes"]),
      factors=tuple(Factor(n, (0.0, 1.0)) for n in about.get("attributes", ())),
    ),
    splits,
    " ".join(
      [f"TensorFlow Datasets {name} {folder.name}.", *notes, *([known] if known else [])]
    ),
  )
  return _binarise.apply(dataset, mode)


def prepared(name: str, data_dir: str) -> bool:
  """Whether the data folder has the set ready to be read."""
  try:
    _folder(name, data_dir)
  except UserError:
    return False
  return True


def prepare(name: str, data_dir: str) -> None:
  """Downloads a set and writes it as array_record to `data_dir/<set>/<version>`.

  Raises:
    UserError: the catalogue has no such set, or what preparing needs is not installed.
  """
  import tensorflow_datasets as tfds

  extra = "Preparing a set needs more than reading it: pip install 'vae-jax[tfds-prepare]'"
  try:
    import tensorflow  # noqa: F401
  except ImportError as error:
    raise UserError(f"{extra} ({error}).") from error
  try:
    builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
    builder.download_and_prepare()
  except tfds.core.registered.DatasetNotFoundError as error:
    hint = registry.nearest(name, tfds.list_builders()).split(" Known:")[0]
    raise UserError(f"TensorFlow Datasets has no set {name!r}.{hint}") from error
  except ImportError as error:
    raise UserError(f"{extra} ({error}).") from error


class _Reader:
  """Decodes the images of a prepared folder; the library is loaded when first needed."""

  def __init__(self, folder: pathlib.Path, names: dict[str, str], side: int):
    self.folder, self.names, self.side = folder, names, side
    self._builder = None

  @property
  def builder(self) -> Any:
    if self._builder is None:
      import tensorflow_datasets as tfds

      self._builder = tfds.builder_from_directory(self.folder)
    return self._builder

  def about(self) -> dict[str, Any]:
    """The names of the classes, in the order of the labels, and of the attributes, where any."""
    features = dict(self.builder.info.features.items())
    count = getattr(features.get("label"), "num_classes", None)
    found = {"classes": []}
    if count is not None:
      found["classes"] = list(features["label"].names or map(str, range(count)))
    known = getattr(features.get("attributes"), "items", dict)()
    if names := [name for name, feature in known if feature.np_dtype == np.bool_]:
      found["attributes"] = sorted(names)
    return found

  def chunks(self, split: str) -> Iterator[dict[str, np.ndarray]]:
    """Rows of a split in the order of its files."""
    features = self.builder.info.features
    images = [k for k, v in features.items() if type(v).__name__ == "Image"]
    if not images:
      raise UserError(f"The set in {self.folder} has no image; expected a set of images.")
    image = "image" if "image" in images else images[0]
    about = self.about()
    labelled, attributes = bool(about["classes"]), about.get("attributes", [])
    source, shape = self._open(self.names[split]), None
    for first in range(0, len(source), CHUNK):
      rows = source.__getitems__(list(range(first, min(first + CHUNK, len(source)))))
      found = [self._fitted(row[image]) for row in rows]
      shape = shape or found[0].shape
      for at, x in enumerate(found):
        if x.shape != shape or x.dtype != np.uint8:
          raise UserError(
            f"Image {first + at} of {split} is {x.shape} {x.dtype}; expected uint8 of "
            f"{shape} as the first: bring them to one size and load them with data=arrays."
          )
      chunk = {"x": np.stack(found)}
      if labelled:
        chunk["label"] = np.array([row["label"] for row in rows], np.int32)
      if attributes:
        own = [[row["attributes"][name] for name in attributes] for row in rows]
        chunk["factors"] = np.array(own, np.int32)
      yield chunk

  def _fitted(self, x: np.ndarray) -> np.ndarray:
    """An image at the size that is asked for."""
    return _pictures.resized(x, self.side) if self.side and x.dtype == np.uint8 else x

  def _open(self, split: str) -> Any:
    try:
      return self.builder.as_data_source(split)
    except NotImplementedError as error:
      raise UserError(
        f"The set in {self.folder} is prepared in a format without random access; prepare "
        "it with file_format array_record, as `vae-jax data` does."
      ) from error


def _folder(name: str, data_dir: str | None) -> pathlib.Path:
  """`<set>/<version>` under the data folder; the newest version unless `set` names one."""
  stem, _, version = name.partition(":")
  root = pathlib.Path(data_dir or ".")
  for base in (root / "tfds", root):
    found = [p.parent for p in (base / stem).glob(f"{version or '*'}/dataset_info.json")]
    if stem and found:
      return max(found, key=_version)
  beside = [
    str(p.parent.parent.relative_to(base))
    for base in (root / "tfds", root)
    for depth in ("*/*", "*/*/*")
    for p in base.glob(f"{depth}/dataset_info.json")
    if base == root / "tfds" or p.relative_to(root).parts[0] != "tfds"
  ]
  hint = registry.nearest(stem, sorted(set(beside))) if beside else ""
  raise UserError(
    f"There is no prepared set {name!r} in the folder given by --data_dir ({data_dir}), "
    f"neither as tfds/{stem}/<version> nor as {stem}/<version>; prepare it with "
    f"vae-jax data {name} --data_dir=<folder>.{hint}"
  )


def _version(folder: pathlib.Path) -> tuple[int, ...]:
  parts = folder.name.split(".")
  return tuple(int(p) if p.isdigit() else -1 for p in parts)


def _sizes(info: dict[str, Any], name: str) -> tuple[dict[str, int], dict[str, str]]:
  """Examples of each split, and what the set calls it."""
  stored = {s["name"]: sum(map(int, s["shardLengths"])) for s in info["splits"]}
  calls = {
    ours: theirs for ours, known in NAMES.items() for theirs in known if theirs in stored
  }
  if "train" not in calls:
    raise UserError(
      f"The set {name!r} has the splits {', '.join(stored)}; expected a train."
    )
  return {ours: stored[theirs] for ours, theirs in calls.items()}, calls


def _complete(
  splits: dict[str, _split.Fields], valid: float
) -> tuple[dict[str, _split.Fields], list[str]]:
  """Takes the splits a set lacks from the end of train, and says so."""
  train, notes = splits["train"], []
  made = {}
  for split, held_out in (("test", 0.1), ("valid", valid)):
    if split in splits:
      made[split] = splits[split]
      continue
    train, made[split] = _split.last(train, held_out, split)
    notes.append(f"Its {split} split is the last {len(made[split]['x']):,} of train.")
  return {"train": train, "valid": made["valid"], "test": made["test"]}, notes


def _two_valued(x: np.ndarray) -> bool:
  """Whether a set is stored as 0 and 1 rather than 0 and 255."""
  return not (x[:256] > 1).any() and not (x > 1).any()
