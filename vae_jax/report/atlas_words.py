"""The β atlas in sentences, and as tables for csv and LaTeX."""

import math

from vae_jax.evaluation import numbers
from vae_jax.report.atlas import LEVEL, Cell, Row
from vae_jax.report.formatting import value_text
from vae_jax.types import Table

SCALE = (
  "0 is the worst β of a row and 100 the best one, by their means on the scored split."
)


def name(row: Row) -> str:
  """The words "noise reduction, 25 %"."""
  return ", ".join(filter(None, (row.application.replace("_", " "), row.condition)))


def sentence(row: Row) -> str:
  """Which β to take, how it stands against β = 1, and where β does not matter."""
  who, best = name(row).capitalize(), value_text(row.best.beta)
  seeds = numbers.counted(row.best.score.seeds, "seed")
  if row.best.score.seeds < 2:
    return (
      f"{who}: β = {best} is the best on validation; with one seed nothing can be said of"
      " whether β matters."
    )
  if row.verdict == "better":
    said = f"take β = {best}. It is better than β = 1 by {gain(row)}"
  elif row.verdict == "worse":
    said = f"β = {best} is the best on validation, but worse than β = 1 by {gain(row)}"
  elif row.verdict == "open":
    said = (
      f"β = {best} is the best on validation; it is not shown to be better than β = 1:"
      f" {gain(row)}"
    )
  elif row.verdict == "β = 1":
    said = "take β = 1, which is the best on validation"
  elif row.verdict == "no β = 1":
    said = f"take β = {best}, the best on validation; no β = 1 is there to compare with"
  elif row.verdict == "one seed":
    said = (
      f"β = {best} is the best on validation; it shares one seed with β = 1, too few to say"
    )
  else:
    said = f"β = {best} is the best on validation; against β = 1 nothing can be said (NaN)"
  told = f"{who}: {said}. {flat(row, seeds)}".strip()
  return f"{told} Chosen by {row.by}." if row.by else told


def flat(row: Row, seeds: str) -> str:
  """Between which β the choice does not matter, and what is lost there at most."""
  near = [cell for cell in row.cells if cell.near]
  others = [cell for cell in row.cells if cell.beta != row.best.beta]
  if len(near) < 2:
    worse = others and all(cell.p < LEVEL and cell.lost.mean > 0 for cell in others)
    return "Every other β is worse." if worse else ""
  most = max(cell.lost.mean + cell.lost.half for cell in near if cell.beta != row.best.beta)
  first, last = (value_text(cell.beta) for cell in (near[0], near[-1]))
  bound = f"at most {size(row, max(most, 0.0))} lost" if math.isfinite(most) else "no bound"
  return f"Between β = {first} and {last} β does not matter as far as {seeds} can tell ({bound})."


def gain(row: Row) -> str:
  """The gain over β = 1 with its interval, its unit and its p-value."""
  metric, found = row.metric, row.gain
  sign = row.verdict == "open"
  value = found if row.verdict != "worse" else found._replace(mean=-found.mean)
  words = numbers.plus_minus(value, metric["digits"], sign=sign)
  return f"{words} {metric['unit']}".rstrip() + f" (Holm p {numbers.p_value(row.p)})"


def size(row: Row, value: float) -> str:
  """A score with its unit, where it has one."""
  return f"{numbers.text(value, row.metric['digits'])} {row.metric['unit']}".rstrip()


def own(row: Row, cell: Cell) -> str:
  """A cell in the unit of its metric, "19.31 ± 0.20"."""
  return numbers.plus_minus(cell.score, row.metric["digits"])


def wide(rows: list[Row], betas: list[float], title: str) -> Table:
  """A row for each application: every β on the row's scale, the best β and the verdict."""
  columns = ["application", "condition", "metric"]
  for beta in betas:
    columns += [f"β {value_text(beta)}", f"± β {value_text(beta)}"]
  columns += ["baseline", "best β", "over β = 1", "± over β = 1", "Holm p", "verdict"]
  columns += ["score at 0", "score at 100"]
  lines, marks = [], []
  for place, row in enumerate(rows):
    known = {cell.beta: cell for cell in row.cells}
    line = [row.application.replace("_", " "), row.condition, _titled(row)]
    for beta in betas:
      marks += [(place, len(line))] if beta == row.best.beta else []
      one = known.get(beta)
      line += [one.scaled, _known(one.scaled_half)] if one else [None, None]
    found = row.gain
    line += [_known(row.baseline_scaled), row.best.beta]
    line += [found.mean, _known(found.half)] if found else [None, None]
    lines.append([*line, _known(row.p), row.verdict, *map(_known, row.ends)])
  note = (
    f"{SCALE} ± is the half width of a 95 % interval over seeds. Marked: the best β, chosen on"
    " validation. Over β = 1: of the best β, in the metric's unit, paired over seeds; positive"
    f" is better; Holm's p is over the {len(rows)} rows."
  )
  return Table(title, tuple(columns), lines, note, marks)


def long(rows: list[Row]) -> Table:
  """A row for each application, condition and β, in the unit of its metric."""
  columns = ("application", "condition", "metric", "unit", "beta", "method", "seeds")
  columns += ("mean", "half", "scaled", "scaled_half", "lost", "lost_half", "holm_p")
  columns += ("best", "near")
  lines = []
  for row in rows:
    metric = row.metric
    who = [row.application, row.condition, metric["title"], metric["unit"]]
    for cell in row.cells:
      line = [*who, cell.beta, cell.method, cell.score.seeds, cell.score.mean]
      line += [cell.score.half, cell.scaled, cell.scaled_half, cell.lost.mean]
      line += [cell.lost.half, cell.p, int(cell.beta == row.best.beta), int(cell.near)]
      lines.append(line)
  return Table("cells", columns, lines)


def markdown(rows: list[Row], betas: list[float]) -> str:
  """The table for a document, and the sentences below it; the best β is bold."""
  head = ["application", *map(value_text, betas), "baseline", "over β = 1", "Holm p"]
  lines = [[*head, "0 and 100"], ["---"] * (len(head) + 1)]
  whole = lambda value: numbers.text(value, 0) if math.isfinite(value) else "–"
  for row in rows:
    known, digits = {cell.beta: cell for cell in row.cells}, row.metric["digits"]
    cells = [whole(known[b].scaled) if b in known else "–" for b in betas]
    at = betas.index(row.best.beta)
    cells[at] = f"**{cells[at]}**"
    line = [f"{name(row)}: {_titled(row)}", *cells, whole(row.baseline_scaled)]
    compared = row.gain is not None
    line.append(numbers.plus_minus(row.gain, digits, sign=True) if compared else "–")
    line.append(numbers.p_value(row.p).removeprefix("= ") if math.isfinite(row.p) else "–")
    lines.append([*line, " and ".join(numbers.text(end, digits) for end in row.ends)])
  table = "".join(f"| {' | '.join(w.replace('|', '∣') for w in one)} |\n" for one in lines)
  return table + "\n" + "".join(f"- {sentence(row)}\n" for row in rows)


def _titled(row: Row) -> str:
  return ", ".join(filter(None, (row.metric["title"], row.metric["unit"])))


def _known(value: float) -> float | None:
  return value if math.isfinite(value) else None
