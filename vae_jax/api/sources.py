"""What `fit` is handed: the name of a configuration, or data of one's own as a file."""

import io
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from vae_jax import data, files, own
from vae_jax.types import NOTHING, UserError


class Data(NamedTuple):
  """Data of one's own for a configuration."""

  fields: Mapping[str, Any] = NOTHING  # of the configuration
  file: str = ""  # in the run directory, that `content` is written to; empty: none
  content: Callable[[], bytes] = bytes


def named(source: Any) -> tuple[str, Data]:
  """The name of a configuration and the data of one's own, from what `fit` is handed.

  Raises:
    UserError: it is nothing that can be trained on.
  """
  if isinstance(source, str | pathlib.Path):
    return _path(source)
  if hasattr(source, "columns") and hasattr(source, "to_csv"):
    words = source.rename(columns=str)
    fields = {
      f"data.{k}": v for k, v in data.of_table(_csv(words), "data.csv").fields.items()
    }
    name = "sequences" if fields else "tables"
    return name, Data(fields or {"data.set": "own"}, "data.csv", lambda: _csv(words))
  arrays = dict(source) if isinstance(source, Mapping) else {"x": source}
  arrays = {name: np.asarray(values) for name, values in arrays.items()}
  for name, values in arrays.items():
    if values.dtype == object:
      raise UserError(
        f"The data {name!r} has values that are no numbers: give arrays of numbers, a data"
        " frame, or the path of a file."
      )
  x = arrays.get("x")
  holes = x is not None and x.ndim == 2 and x.dtype.kind == "f" and np.isnan(x).any()
  fields = {"data.set": "own", "data.rate": 0.0} if holes else {}
  if x is not None and data.of_array(x).config:
    fields = {"data.kind": "sequence"}
  return "tables" if holes else "arrays", Data(fields, "data.npz", lambda: _npz(arrays))


def keep(given: Data, path: pathlib.Path) -> None:
  """Writes data that was in memory into the run directory, which then needs no other file.

  Raises:
    UserError: other data is there already.
  """
  content = given.content()
  path.parent.mkdir(parents=True, exist_ok=True)
  if not path.is_file():
    files.write_whole(path, lambda to: to.write_bytes(content))
  elif path.read_bytes() != content:
    raise UserError(
      f"{path.parent} was trained on other data: choose another workdir, or remove that one."
    )


def _path(source: str | pathlib.Path) -> tuple[str, Data]:
  """A folder or a data file by its path, else the name of a configuration."""
  path = pathlib.Path(source)
  if path.is_dir() or (path.is_file() and path.suffix != ".py"):
    return "arrays", Data({"data.path": str(path.resolve())})
  if own.is_table(path.name) or path.suffix in (".npz", ".npy"):
    raise UserError(f"There is no file {path}.")
  return str(source), Data()


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
  content = io.BytesIO()
  np.savez(content, **arrays)
  return content.getvalue()


def _csv(frame: Any) -> bytes:
  return frame.to_csv(index=False).encode()
