"""Where numbers go while a run is under way: metrics.jsonl, TensorBoard, a progress bar."""

import contextlib
import json
import math
import pathlib
import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm


@contextlib.contextmanager
def _without(*packages: str) -> Iterator[None]:
  """Hides packages from imports in the block; one that is loaded already stays as it is."""
  hidden = [name for name in packages if name not in sys.modules]
  sys.modules.update(
    dict.fromkeys(hidden)
  )  # `import name` raises where sys.modules has None
  try:
    yield
  finally:
    for name in hidden:
      del sys.modules[name]


# tensorboardX imports PyTorch, comet and boto3 wherever they are installed: seconds of every
# start, for tensors and services that no row of numbers needs. It does without them.
with _without("torch", "comet_ml", "boto3"):
  from tensorboardX import SummaryWriter


def read_rows(path: pathlib.Path) -> list[dict]:
  """The rows of a metrics.jsonl; a last line cut short by a kill is left out."""
  if not path.is_file():
    return []
  rows = []
  for line in path.read_text().splitlines():
    try:
      rows.append(json.loads(line))
    except json.JSONDecodeError:
      break
  return rows


def merge_rows(workdir: pathlib.Path, parts: list[tuple[pathlib.Path, list[int]]]) -> None:
  """One metrics.jsonl from those of the parts, the members numbered as in the whole sweep.

  Args:
    workdir: of the whole run.
    parts: the folder of each part, and the numbers of its members.
  """
  path = workdir / "metrics.jsonl"
  scratch = path.with_suffix(".tmp")
  with scratch.open("w") as file:
    for folder, numbers in parts:
      for row in read_rows(folder / "metrics.jsonl"):
        file.write(_line({**row, "member": numbers[row["member"]]}))
  scratch.replace(path)


class Log:
  """Metric rows of a run, cut back to the step that a resumed run starts from.

  The rows have the members' places in the run, TensorBoard their numbers in the whole sweep.
  """

  def __init__(self, workdir: pathlib.Path, start: int, numbers: list[int]):
    self._numbers = numbers
    self._path = workdir / "metrics.jsonl"
    kept = [row for row in read_rows(self._path) if row["step"] <= start]
    scratch = self._path.with_suffix(".tmp")
    scratch.write_text("".join(_line(row) for row in kept))
    scratch.replace(self._path)
    self._file = self._path.open("a")
    self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=start or None)

  def write(self, rows: Iterable[dict]) -> None:
    """Adds rows {"step", "split", "member", name: number, ...}."""
    for row in rows:
      self._file.write(_line(row))
      for name, value in row.items():
        # TensorBoard complains of every NaN, and a dead member has nothing else.
        if name not in ("step", "split", "member") and math.isfinite(value):
          tag = f"{row['split']}/{name}/member_{self._numbers[row['member']]}"
          self._board.add_scalar(tag, value, row["step"])
    self._file.flush()

  def close(self) -> None:
    """Flushes and closes both."""
    self._file.close()
    self._board.close()


def progress(total: int, start: int, unit: str, title: str) -> tqdm:
  """A bar with rate and time left, on a terminal only."""
  quiet = not sys.stderr.isatty()
  return tqdm(total=total, initial=start, unit=unit, desc=title, disable=quiet, leave=True)


def _line(row: dict) -> str:
  # A NaN stays visible, and the file stays JSON for readers stricter than Python.
  row = {
    k: str(v) if isinstance(v, float) and not math.isfinite(v) else v
    for k, v in row.items()
  }
  return json.dumps(row) + "\n"
