"""What a training prints: a table with a line for each validation, and for each setting."""

import math
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

from tqdm import tqdm

from vae_jax.training import sweep

SHOWN = 10  # settings of a sweep that have a line each
WIDEST = 40  # letters of a setting's name
MARK = "*"
ONE = f"{MARK}: the least validation loss so far; its parameters are kept."
SEVERAL = f"{MARK}: the highest mean ELBO of the step. ±: standard deviation between seeds."


def beside_bar(say: Callable[[str], None]) -> Callable[[str], None]:
  """`say` that takes a progress bar away before it prints, and draws it again afterwards."""

  def said(line: str) -> None:
    with tqdm.external_write_mode():
      say(line)

  return said


class Table:
  """The lines of one training; each validation is one line, or one for each setting."""

  def __init__(
    self,
    say: Callable[[str], None],
    members: list[dict],
    total: int,
    start: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
  ):
    """Nothing is printed before the first validation.

    Args:
      say: gets each line.
      members: what distinguishes each member, its seeds among it.
      total: steps of the training.
      start: the step that it begins or resumes at.
      seconds: trained before, where it resumes.
      clock: seconds, for tests.
    """
    self._say, self._total, self._start = say, total, start
    self._seconds, self._clock, self._began = seconds, clock, clock()
    self._settings = [_setting(row) for row in members]
    self._names = list(dict.fromkeys(self._settings))
    self._several = len(members) > 1
    self._width = min(WIDEST, max(7, *(len(name) for name in self._names)))
    self._headed = False

  def add(self, step: int, rows: Iterable[dict], dead: set[int], kept: bool) -> None:
    """Prints a validation.

    Args:
      step: at which it was made.
      rows: {"member", "elbo", "rate", "distortion"} of each member in training.
      dead: members whose gradient stayed infinite or NaN.
      kept: whether it is the best one so far of a training of one member.
    """
    if not self._headed:
      self._head()
    if self._several:
      self._lines(step, list(rows), dead)
    else:
      (row,) = rows
      cells = [_number(row[name]) for name in ("elbo", "rate", "distortion")]
      mark = MARK if kept else " "
      self._say(f"{step:8,}{mark}" + "".join(f"{c:>12}" for c in cells) + self._times(step))

  def _head(self) -> None:
    name = f"  {'setting':{self._width}}" if self._several else ""
    wide, dead = (18, f"{'dead':>8}") if self._several else (12, "")
    titles = f"{'ELBO':>{wide}}{'rate':>12}{'distortion':>12}{dead}"
    self._say(f"Validation, nats. {SEVERAL if self._several else ONE}")
    self._say(f"{'step':>8} {name}{titles}{'elapsed':>10}{'left':>10}")
    self._headed = True

  def _lines(self, step: int, rows: list[dict], dead: set[int]) -> None:
    of_setting: dict[str, list[dict]] = {name: [] for name in self._names}
    for row in rows:
      if row["member"] not in dead:
        of_setting[self._settings[row["member"]]].append(row)
    means = {name: _mean(found, "elbo") for name, found in of_setting.items()}
    lost = {self._settings[member] for member in dead}
    # A setting of which no member is in training any more has no line, unless one is dead.
    known = [name for name in self._names if of_setting[name] or name in lost]
    order = sorted(known, key=lambda n: (math.isnan(means[n]), -means[n]))
    shown = [name for name in self._names if name in order[:SHOWN]]
    for place, name in enumerate(shown):
      mark = MARK if name == order[0] and len(self._names) > 1 else " "
      times = self._times(step) if place == 0 else ""
      first = f"{step:8,}" if place == 0 else " " * 8
      self._say(f"{first}{mark}  {self._line(name, of_setting[name], dead)}{times}")
    if hidden := len(order) - len(shown):
      lowest = min((means[n] for n in order[SHOWN:] if means[n] == means[n]), default=None)
      down = f", down to an ELBO of {_number(lowest)}" if lowest is not None else ""
      self._say(f"{'':8}   and {hidden} more settings{down}")

  def _line(self, name: str, found: list[dict], dead: set[int]) -> str:
    width = self._width
    label = name if len(name) <= width else name[: width - 1] + "…"
    all_of = [i for i, setting in enumerate(self._settings) if setting == name]
    lost = f"{sum(i in dead for i in all_of)} of {len(all_of)}"
    values = [row["elbo"] for row in found]
    elbo = _number(_mean(found, "elbo"))
    if len(values) > 1 and all(map(math.isfinite, values)):
      elbo += f" ± {statistics.stdev(values):.2f}"
    rest = f"{_number(_mean(found, 'rate')):>12}{_number(_mean(found, 'distortion')):>12}"
    return f"{label:{width}}{elbo:>18}{rest}{lost:>8}"

  def _times(self, step: int) -> str:
    elapsed = self._clock() - self._began
    left = elapsed / max(1, step - self._start) * (self._total - step)
    return f"{duration(self._seconds + elapsed):>10}{duration(left):>10}"


def duration(seconds: float) -> str:
  """Seconds for the eye: 42 s, 12 min, 3 h 05."""
  if seconds < 99.5:
    return f"{seconds:.0f} s"
  minutes = round(seconds / 60)
  return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d}"


def counted(count: int, noun: str) -> str:
  """A number with its noun: 1 member, 2 members."""
  return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _setting(row: dict[str, Any]) -> str:
  """The setting of a member in the table."""
  own = {k: v for k, v in sweep.setting(row).items() if v is not None}
  return ", ".join(f"{name} {sweep.text(value)}" for name, value in own.items()) or "all"


def _mean(rows: list[dict], name: str) -> float:
  return statistics.fmean(row[name] for row in rows) if rows else math.nan


def _number(value: float) -> str:
  if not math.isfinite(value):
    return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
  return f"{value:,.2f}".replace("-", "−")
