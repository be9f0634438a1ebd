"""Sets of faces as their origins publish them.

| set | what | held out |
|---|---|---|
| smiles | SMILEs: 3,690 smiling and 3,690 other faces of 64 x 64, `smiles_balanced.zip` | faces |
| orl | ORL: 40 people, 10 pictures of 112 x 92 each, `orl_faces.zip` | people |
| frey | 1,965 frames of 28 x 20, `freyfaces.npz` or its `.mat` | the last ones, or drawn |

Source: github.com/hromi/SMILEsmileD; Samaria and Harter (1994); Roweis (2000).
"""

import functools
import pathlib
from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.data import _files, _pictures, _split
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {
  "set": "smiles",
  "side": 64,  # of smiles and orl, whose pictures are cut to the square in their middle
  "test": 0.1,
  "frames": "last",  # of frey: which are held out, the "last" of the film or "drawn" ones
}
FILES = {
  "smiles": ("smiles_faces", "smiles_balanced.zip"),
  "orl": ("orl_faces", "orl_faces.zip"),
  "frey": ("freyfaces", "freyfaces.npz", "frey_rawface.mat"),
}  # of each set: the folder under raw, and what the file may be called
FREY = (28, 20)


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [H, W, 1] uint8, and `label`: smiling or not, or the person; none of frey.

  Raises:
    UserError: an unknown set, no file, or one of another layout.
  """
  name = config["set"]
  if name not in FILES:
    raise UserError(f"data.set is {name!r}.{registry.nearest(name, list(FILES))}")
  path = _path(name, data_dir)
  return _frey(path, config) if name == "frey" else _folders(name, path, config)


def _folders(name: str, path: pathlib.Path, config: dict[str, Any]) -> Dataset:
  if not 8 <= config["side"] <= 256:
    raise UserError(f"data.side is {config['side']}; expected 8 to 256 pixels.")
  source = _pictures.find(path)
  frame = _pictures.Frame(config["side"], config["side"], 1, "crop")
  of = [one.split("/")[-2 if name == "orl" else 0] for one in source.names if "/" in one]
  if len(of) < len(source.names) or len(set(of)) < 2:
    raise UserError(
      f"{path.name} has pictures outside of folders; expected one for each class."
    )
  known = sorted(set(of), key=_pictures.natural)
  fields = {"x": _pictures.decoded(source, frame)}
  fields["label"] = np.array([known.index(one) for one in of], np.int32)
  classes, note = tuple(known), "Held-out people are in no picture of train."
  if name == "smiles":
    classes = tuple({"negatives": "neutral", "positives": "smile"}.get(k, k) for k in known)
    note = "Who is who is not known, so that a person may be in train and in test."
  split = {**config, "seed": 0, "hold_out": "classes" if name == "orl" else "examples"}
  parts = _split.divided(fields, np.full(len(of), ""), split)
  spec = Spec(fields["x"].shape[1:], "image", "unit", classes=classes)
  return Dataset(f"faces_{name}", spec, parts, f"{len(of):,} faces of {path.name}. {note}")


def _frey(path: pathlib.Path, config: dict[str, Any]) -> Dataset:
  """Frames of a film; test is its end and valid what comes before that, or both are drawn.

  Published numbers are of drawn frames. Then nearly each of them has a neighbour in train.
  """
  frames = config["frames"]
  if frames not in ("last", "drawn"):
    raise UserError(f"data.frames is {frames!r}; expected 'last' or 'drawn'.")
  if path.suffix == ".mat":
    import scipy.io

    with _files.told(path.name, "download it again"):
      x = scipy.io.loadmat(path)["ff"].T
  else:
    x = next(iter(_files.arrays(path).values()))
  if x.dtype != np.uint8 or x.size % (FREY[0] * FREY[1]) or len(x) * 560 != x.size:
    raise UserError(f"{path.name} is {x.shape} {x.dtype}; expected uint8 [N, 28, 20].")
  x = np.ascontiguousarray(x.reshape(-1, *FREY, 1))
  part, note = _split.last, "valid and test are its end, so that no neighbour is in train."
  if frames == "drawn":
    part = functools.partial(_split.shuffled, seed=0)
    note = "valid and test are drawn from it, so that neighbours of them are in train."
  rest, test = part({"x": x}, config["test"], "test")
  train, valid = part(rest, config["valid"], "valid")
  note = f"Frames of one film: {note}"
  spec = Spec((*FREY, 1), "image", "unit")
  return Dataset("faces_frey", spec, {"train": train, "valid": valid, "test": test}, note)


def _path(name: str, data_dir: str | None) -> pathlib.Path:
  folder, *files = FILES[name]
  root = pathlib.Path(data_dir or ".")
  places = (root / "raw" / folder, root / folder, root)
  for place in places:
    for path in (*(place / file for file in files), *([place] if name != "frey" else [])):
      if path.is_file() or (place != root and path.is_dir()):
        return path
  raise UserError(
    f"There is no {' or '.join(files)} in {', '.join(map(str, places))}: put the file there, or"
    " pass --data_dir."
  )
