"""Where numbers go in a run: metrics.jsonl, TensorBoard, trackers, a progress bar."""

import contextlib
import math
import os
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from vae_jax import files
from vae_jax.training import step, trackers
from vae_jax.training.summary import line


@contextlib.contextmanager
def _without(*packages: str) -> Iterator[None]:
  """Hides packages from imports in the block; one that is loaded already stays as it is."""
  hidden = [name for name in packages if name not in sys.modules]
  # `import name` raises where sys.modules has None.
  sys.modules.update(dict.fromkeys(hidden))
  try:
    yield
  finally:
    for name in hidden:
      del sys.modules[name]


# tensorboardX imports PyTorch, comet and boto3 wherever they are installed: seconds of every
# start, for tensors and services that no row of numbers needs. It does without them.
with _without("torch", "comet_ml", "boto3"):
  from tensorboardX import SummaryWriter


MOST = 100  # members that TensorBoard's table of hyperparameters has a row for


class Log:
  """Metric rows of a run, cut back to the step that a resumed run starts from.

  The rows have the members' places in the run. TensorBoard and trackers have what distinguishes
  a member: train/loss/beta_4_seed_1.
  """

  def __init__(self, workdir: pathlib.Path, start: int, members: Sequence[dict[str, Any]]):
    """Opens all of them.

    Args:
      workdir: the run directory.
      start: the step that the run starts or resumes at.
      members: what distinguishes each member, and its β.
    """
    self._members = members
    self._names = [tag(row) for row in members]
    self._last: dict[int, dict[str, float]] = {}  # the last validation of each member
    self._path = workdir / "metrics.jsonl"
    rows = files.read_rows(self._path, len(members))
    kept = [row for row in rows if row["step"] <= start]
    files.write_text(self._path, "".join(line(row) for row in kept))
    self._file = self._path.open("a", encoding="utf-8")
    self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=start or None)
    self._trackers = trackers.start(workdir)

  def write(self, rows: Iterable[dict]) -> None:
    """Adds rows {"step", "split", "member", name: number, ...}."""
    for row in rows:
      self._file.write(line(row))
      # TensorBoard complains of every NaN, and a dead member has nothing else.
      finite = {
        name: value
        for name, value in row.items()
        if name not in ("step", "split", "member") and math.isfinite(value)
      }
      if row["split"] == "valid":
        self._last[row["member"]] = finite
      name = self._names[row["member"]]
      values = {f"{row['split']}/{k}/{name}": value for k, value in finite.items()}
      for at, value in values.items():
        self._board.add_scalar(at, value, row["step"])
      for tracker in self._trackers:
        tracker.write(values, row["step"])
    self._file.flush()

  def _write_hyperparameters(self) -> None:
    """A row for each member in TensorBoard's table HPARAMS: settings and last validation."""
    for member, last in list(self._last.items())[:MOST]:
      plain = {
        k: v if isinstance(v, bool | int | float | str) else str(v)
        for k, v in self._members[member].items()
      }
      results = {f"last/{name}": value for name, value in last.items()}
      self._board.add_hparams(plain, results, name=self._names[member])

  def sync(self) -> None:
    """Makes the rows last that were written so far, also where power is lost."""
    self._file.flush()
    os.fsync(self._file.fileno())

  def close(self) -> None:
    """Flushes and closes all of them."""
    self._file.close()
    self._write_hyperparameters()
    self._board.close()
    for tracker in self._trackers:
      tracker.close()


def tag(row: dict[str, Any]) -> str:
  """A member's name as TensorBoard allows it: beta_4_seed_1."""
  order = [*(["beta"] if "beta" in row else []), "seed", *row]
  parts = [f"{name}_{_short(row[name])}" for name in dict.fromkeys(order) if name in row]
  return re.sub(r"[^-/\w.]", "_", "_".join(parts))


def _short(value: Any) -> str:
  return f"{value:g}" if isinstance(value, float) else str(value)


def show_pictures(folder: pathlib.Path, pictures: dict[str, pathlib.Path]) -> None:
  """Adds PNG files to TensorBoard, by their tags.

  Args:
    folder: the run directory, or the folder of its reports.
    pictures: tag -> file.
  """
  import numpy as np
  from PIL import Image

  if not pictures:
    return
  with SummaryWriter(str(folder / "tensorboard"), filename_suffix=".pictures") as board:
    for name, path in pictures.items():
      with Image.open(path) as image:
        board.add_image(name, np.asarray(image.convert("RGB")), dataformats="HWC")


def progress(total: int, start: int, unit: str, title: str) -> tqdm:
  """A bar with rate and time left, on a terminal only."""
  quiet = not sys.stderr.isatty()
  # Not left behind: the table of the training says the same.
  return tqdm(total=total, initial=start, unit=unit, desc=title, disable=quiet, leave=False)


def averages(parts: list[tuple[int, dict]]) -> dict:
  """The metrics of several chunks as those of one, from (steps, metrics) of each."""
  total = sum(steps for steps, _ in parts)
  share = lambda name, steps: 1 if name == "skipped" else steps / total
  return {
    name: sum(metrics[name] * share(name, steps) for steps, metrics in parts)
    for name in step.METRICS
  }


def rows_of(
  about: dict, members: np.ndarray, going: np.ndarray, means: dict, extra: dict
) -> list[dict]:
  """A row for each member that is going, [m]: what it is about, its means [m], and the rest."""
  return [
    {**about, "member": int(member)}
    | {name: float(values[i]) for name, values in means.items()}
    | extra
    for i, member in enumerate(members)
    if going[i]
  ]


def described(members: list[dict], hyper: dict) -> list[dict]:
  """What distinguishes each member, and the β of every member of an objective that has one."""
  if "beta" not in hyper:
    return members
  return [{"beta": float(b), **row} for b, row in zip(hyper["beta"], members, strict=True)]
