"""Where numbers go in a run: metrics.jsonl, TensorBoard, trackers, a progress bar."""

import contextlib
import math
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator

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


class Log:
  """Metric rows of a run, cut back to the step that a resumed run starts from.

  The rows have the members' places in the run, TensorBoard their numbers in the whole sweep.
  """

  def __init__(self, workdir: pathlib.Path, start: int, numbers: list[int]):
    self._numbers = numbers
    self._path = workdir / "metrics.jsonl"
    rows = files.read_rows(self._path, len(numbers))
    kept = [row for row in rows if row["step"] <= start]
    files.write_text(self._path, "".join(line(row) for row in kept))
    self._file = self._path.open("a", encoding="utf-8")
    self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=start or None)
    self._trackers = trackers.start(workdir)

  def write(self, rows: Iterable[dict]) -> None:
    """Adds rows {"step", "split", "member", name: number, ...}."""
    for row in rows:
      self._file.write(line(row))
      number = self._numbers[row["member"]]
      # TensorBoard complains of every NaN, and a dead member has nothing else.
      values = {
        f"{row['split']}/{name}/member_{number}": value
        for name, value in row.items()
        if name not in ("step", "split", "member") and math.isfinite(value)
      }
      for tag, value in values.items():
        self._board.add_scalar(tag, value, row["step"])
      for tracker in self._trackers:
        tracker.write(values, row["step"])
    self._file.flush()

  def sync(self) -> None:
    """Makes the rows last that were written so far, also where power is lost."""
    self._file.flush()
    os.fsync(self._file.fileno())

  def close(self) -> None:
    """Flushes and closes all of them."""
    self._file.close()
    self._board.close()
    for tracker in self._trackers:
      tracker.close()


def progress(total: int, start: int, unit: str, title: str) -> tqdm:
  """A bar with rate and time left, on a terminal only."""
  quiet = not sys.stderr.isatty()
  return tqdm(total=total, initial=start, unit=unit, desc=title, disable=quiet, leave=True)


def validation(at: int, rows: list[dict], numbers: list[int]) -> str:
  """The sentence of a validation: its best member."""
  finite = [row for row in rows if math.isfinite(row["elbo"])] or rows
  lead = max(finite, key=lambda row: row["elbo"])
  which = (
    f" (best of {len(rows)}: member {numbers[lead['member']]})" if len(rows) > 1 else ""
  )
  return (
    f"step {at}: validation ELBO {lead['elbo']:.2f}, rate {lead['rate']:.2f},"
    f" distortion {lead['distortion']:.2f} nats{which}"
  )


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
