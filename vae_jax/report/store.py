"""A report in a run directory: JSON for the numbers, npz for the arrays, PNG for pictures."""

import csv
import functools
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from vae_jax import files
from vae_jax.report import exports, sounds, trusted
from vae_jax.types import Report, UserError

FIRST = ("reconstruction", "generation")  # every reader asks these before the others


def save(report: Report, workdir: str | pathlib.Path) -> pathlib.Path:
  """Writes a report; each file whole or not at all, the JSON last.

  reports/<application>/report.json and arrays.npz; figures/<application>_<name>.png; all scores
  in long form as scores.csv; the validation means that a setting was chosen by as choice.csv;
  every table as tables/<number>_<title>.csv and .tex. A number that is no number is the string
  "NaN", "inf" or "-inf" in the JSON, and `nans` counts them. Pictures of an earlier report of
  the application that are no longer among its figures are removed. An array whose name has one
  of these endings is a file beside arrays.npz: .csv, words [R, C] with a head line; .npy; .png,
  uint8 [H, W, 1 or 3]; .sdf, one text; .mid or .bin, bytes; .ply, points [P, 3]; .stl, triangles
  [T, 3, 3]. Every sound is written as <name>.wav. Such files of an earlier report are
  removed.

  Args:
    report: what an application returned.
    workdir: the run directory.

  Returns:
    The path of report.json.
  """
  from vae_jax import (
    plots,
  )  # matplotlib takes a second to import, and a page does not need it

  workdir = pathlib.Path(workdir)
  folder = files.inside(workdir, "reports", report.application)
  files.inside(workdir, "reports", report.application, "tables")
  figures = files.inside(workdir, trusted.FIGURES)
  folder.mkdir(parents=True, exist_ok=True)
  figures.mkdir(parents=True, exist_ok=True)
  target = folder / "report.json"
  drawn = []
  for figure in report.figures:
    path = figures / f"{report.application}_{figure.name}.png"
    files.write_whole(path, lambda scratch, figure=figure: plots.draw(figure, scratch))
    file = path.relative_to(workdir).as_posix()
    drawn.append({"name": figure.name, "file": file, "caption": figure.caption})
  exports.write(report, folder, files.write_whole)
  sounds.write(report.sounds, folder)
  _write_all_arrays(report.arrays, folder)
  _remove_stale(workdir, target, drawn)
  text = json.dumps(_written(report, drawn), indent=2, ensure_ascii=False, allow_nan=False)
  files.write_text(target, text + "\n")
  return target


def _write_all_arrays(given: Mapping[str, np.ndarray], folder: pathlib.Path) -> None:
  """arrays.npz, and those arrays that are files of their own."""
  arrays = dict(given)
  own = {name: arrays.pop(name) for name in given if _ending(name) in FILES}
  for name, values in own.items():
    write = functools.partial(FILES[_ending(name)], values=values)
    files.write_whole(folder / name, write)
  for path in folder.iterdir():
    # A hidden one is another process's, not whole yet.
    kept = path.name in own or path.name in (exports.SCORES, exports.CHOICE)
    if path.suffix in FILES and not kept and path.name[0] != ".":
      path.unlink(missing_ok=True)
  files.write_whole(folder / "arrays.npz", lambda scratch: _write_arrays(scratch, arrays))


def _written(report: Report, drawn: list[dict]) -> dict[str, Any]:
  """What report.json holds: numbers are numbers."""
  tables = [
    {
      "title": t.title,
      "columns": list(t.columns),
      "rows": plain(t.rows),
      "note": t.note,
      "marks": [list(mark) for mark in t.marks],
    }
    for t in report.tables
  ]
  return {
    "application": report.application,
    "question": report.question,
    "headline": plain(dict(report.headline)),
    "verdicts": plain(list(report.verdicts)),
    "findings": list(report.findings),
    "seconds": report.seconds,
    "metrics": {name: dict(metric) for name, metric in report.metrics.items()},
    "tables": tables,
    "nans": sum(row.count("NaN") for table in tables for row in table["rows"]),
    "figures": drawn,
    "sounds": [
      {"name": one.name, "caption": one.caption, "group": one.group}
      for one in report.sounds
    ],
  }


def load(workdir: str | pathlib.Path) -> list[dict[str, Any]]:
  """Every report of a run directory as written: the general ones first, then by name.

  Raises:
    UserError: a report is damaged, or names files that are not its own.
  """
  found = pathlib.Path(workdir).glob("reports/*/report.json")
  rank = {name: i for i, name in enumerate(FIRST)}
  order = lambda path: (rank.get(path.parent.name, len(FIRST)), path.parent.name)
  paths = sorted(found, key=order)
  return [trusted.report(path) for path in paths]


def plain(value: Any) -> Any:
  """Numbers of numpy and JAX as Python's, and what is no number as a word."""
  if isinstance(value, list | tuple):
    return [plain(v) for v in value]
  if isinstance(value, dict):
    return {name: plain(v) for name, v in value.items()}
  if hasattr(value, "item"):
    value = value.item()
  if isinstance(value, float) and not math.isfinite(value):
    return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")
  return value


def _write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
  with path.open("wb") as file:
    np.savez_compressed(file, **{k: np.asarray(v) for k, v in arrays.items()})


def _write_csv(path: pathlib.Path, values: np.ndarray) -> None:
  with path.open("w", newline="", encoding="utf-8") as file:
    csv.writer(file).writerows(np.asarray(values).tolist())


def _write_npy(path: pathlib.Path, values: np.ndarray) -> None:
  with path.open("wb") as file:
    np.save(file, np.asarray(values))


def _write_bytes(path: pathlib.Path, values: np.ndarray) -> None:
  path.write_bytes(np.asarray(values, np.uint8).tobytes())


def _write_ply(path: pathlib.Path, values: np.ndarray) -> None:
  """Points [P, 3] in Stanford's format, as text."""
  head = f"ply\nformat ascii 1.0\nelement vertex {len(values)}\n"
  head += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
  rows = "".join(f"{x:.7g} {y:.7g} {z:.7g}\n" for x, y, z in np.asarray(values, float))
  path.write_text(head + rows, encoding="ascii")


def _write_stl(path: pathlib.Path, values: np.ndarray) -> None:
  """Triangles [T, 3, 3] as binary STL; normals are left at 0, which readers compute."""
  kind = [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
  rows = np.zeros(len(values), kind)
  rows["corners"] = values
  path.write_bytes(bytes(80) + np.uint32(len(values)).tobytes() + rows.tobytes())


def _ending(name: str) -> str:
  return pathlib.PurePath(name).suffix


def _write_png(path: pathlib.Path, values: np.ndarray) -> None:
  from PIL import Image

  levels = np.asarray(values, np.uint8)
  Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(path, "PNG")


def _write_text(path: pathlib.Path, values: np.ndarray) -> None:
  path.write_text(np.asarray(values).item(), encoding="utf-8")


# Arrays that are files of their own.
FILES = {
  ".csv": _write_csv, ".npy": _write_npy, ".png": _write_png, ".sdf": _write_text,
  ".mid": _write_bytes, ".bin": _write_bytes, ".ply": _write_ply,
  ".stl": _write_stl,
}  # fmt: skip


def _remove_stale(workdir: pathlib.Path, target: pathlib.Path, drawn: list[dict]) -> None:
  """Removes the pictures of the report that is about to be replaced, its own alone."""
  if not target.is_file():
    return
  try:
    old = trusted.report(target)
  except UserError:
    return  # damaged, or not of this run: it is replaced, and what it names is left alone
  kept = {figure["file"] for figure in drawn}
  for figure in old["figures"]:
    if figure["file"] not in kept:
      trusted.picture(workdir, figure["file"], old["application"]).unlink(missing_ok=True)
