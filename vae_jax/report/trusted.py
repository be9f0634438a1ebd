"""What a run directory of unknown origin says, checked before any of it is used for a page."""

import pathlib
from collections.abc import Callable
from typing import Any

from vae_jax import files
from vae_jax.report import sounds
from vae_jax.types import UserError

PNG = b"\x89PNG\r\n\x1a\n"
FIGURES = "figures"  # the folder of every picture of a report


def report(path: pathlib.Path) -> dict[str, Any]:
  """A report.json as `store.save` writes it.

  Raises:
    UserError: it is damaged, or names a file outside of the folder of figures.
  """
  found = files.read_json(path, dict)
  name = path.parent.name
  _require(path, found.get("application") == name, f"application to be {name!r}")
  _require(path, isinstance(found.get("question"), str), "question to be a text")
  _require(path, _all(found.get("findings"), _text), "findings to be texts")
  _require(path, files.is_integer(found.get("nans")), "nans to be a count")
  _require(path, files.is_number(found.get("seconds", 0.0)), "seconds to be a number")
  _require(
    path, _is_headline(found.get("headline", {})), "headline with a number and its digits"
  )
  _require(path, _all(found.get("verdicts", []), _is_verdict), "verdicts on each condition")
  _require(path, _all(found.get("tables"), _is_table), "tables of columns and rows")
  _require(
    path, _all(found.get("figures"), _is_figure), "figures with name, file and caption"
  )
  _require(path, _all(found.get("sounds", []), _is_sound), "sounds with name and caption")
  for figure in found["figures"]:
    picture(path.parent.parent.parent, figure["file"], name)
  return found


def picture(workdir: pathlib.Path, file: str, application: str) -> pathlib.Path:
  """The path of a figure of an application: figures/<application>_<name>.png, and no other.

  Raises:
    UserError: it is another file, or a link leads out of the run directory.
  """
  folder, _, name = file.partition("/")
  if folder != FIGURES or not name.startswith(f"{application}_") or name[-4:] != ".png":
    raise UserError(
      f"The report {application} in {workdir} names {file!r} as a picture; expected"
      f" {FIGURES}/{application}_<name>.png: evaluate again, or remove that report."
    )
  return files.inside(workdir, folder, name)


def pixels(path: pathlib.Path) -> tuple[bytes, int, int]:
  """A picture's content, width and height.

  Raises:
    UserError: it is no PNG.
  """
  content = path.read_bytes()
  if content[:8] != PNG or content[12:16] != b"IHDR" or len(content) < 33:
    raise UserError(f"{path} is no PNG picture: evaluate again, or remove it.")
  width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
  return content, width, height


def config(path: pathlib.Path) -> dict[str, Any]:
  """config.json as far as a page shows it; {} where there is none.

  Raises:
    UserError: it is damaged.
  """
  found = files.read_json(path, dict) if path.is_file() else {}
  for part in ("data", "model", "likelihood", "objective") if found else ():
    section = found.get(part)
    _require(
      path,
      isinstance(section, dict) and _text(section.get("name")),
      f"{part} to have a name",
    )
  if found:
    _require(path, _text(found["data"].get("set", "")), "data.set to be a text")
    _require(path, isinstance(found.get("hyper", {}), dict), "hyper to have fields")
    _require(path, "latents" in found["model"], "model to have latents")
    beta = found.get("hyper", {}).get("beta", 0.0)
    _require(path, files.is_number(beta), "beta to be a number")
  return found


def about(path: pathlib.Path) -> dict[str, Any]:
  """run.json as far as a page shows it; {} where there is none.

  Raises:
    UserError: it is damaged.
  """
  found = files.read_json(path, dict) if path.is_file() else {}
  known: dict[str, Callable] = {
    "data": _text, "device": _text, "precision": _text, "parameters": files.is_integer,
    "steps": files.is_integer, "seconds": files.is_number,
    "versions": lambda v: isinstance(v, dict) and all(map(_text, v.values())),
  }  # fmt: skip
  for name, is_right in known.items():
    _require(path, name not in found or is_right(found[name]), f"another kind of {name!r}")
  return found


def _is_table(table: Any) -> bool:
  return (
    isinstance(table, dict)
    and _text(table.get("title"))
    and _text(table.get("note"))
    and _all(table.get("columns"), _text)
    and len(table["columns"]) > 0
    and _all(table.get("rows"), lambda row: _all(row, _is_cell))
    and all(len(row) == len(table["columns"]) for row in table["rows"])
    and _all(table.get("marks", []), lambda mark: _is_mark(mark, table))
  )


def _is_mark(mark: Any, table: dict) -> bool:
  sizes = len(table["rows"]), len(table["columns"])
  return _all(mark, files.is_integer) and len(mark) == 2 and all(
    0 <= at < size for at, size in zip(mark, sizes, strict=True)
  )  # fmt: skip


def _is_headline(headline: Any) -> bool:
  """Texts, and where there is a number its digits after the point."""
  if not isinstance(headline, dict):
    return False
  texts = ("metric", "method", "condition", "setting", "unit")
  digits = headline.get("digits", 2)
  return (
    all(_text(headline.get(name, "")) for name in texts)
    and files.is_integer(digits)
    and 0 <= digits <= 12
    and all(_is_score(headline.get(name)) for name in ("mean", "half"))
  )


def _is_verdict(verdict: Any) -> bool:
  texts = ("condition", "baseline", "method", "metric", "verdict")
  return (
    isinstance(verdict, dict)
    and all(_text(verdict.get(name)) for name in texts)
    and isinstance(verdict.get("setting"), dict)
    and all(map(_is_cell, verdict["setting"].values()))
    and all(name in verdict and _is_score(verdict[name]) for name in ("difference", "half"))
  )


def _is_score(value: Any) -> bool:
  return value in (None, "NaN", "inf", "-inf") or files.is_number(value)


def _is_cell(value: Any) -> bool:
  return value is None or isinstance(value, str | bool) or files.is_number(value)


def _is_figure(figure: Any) -> bool:
  names = ("name", "file", "caption")
  return isinstance(figure, dict) and all(_text(figure.get(name)) for name in names)


def _is_sound(sound: Any) -> bool:
  return (
    isinstance(sound, dict)
    and all(_text(sound.get(name)) for name in ("name", "caption", "group"))
    and sounds.NAME.fullmatch(sound["name"]) is not None
  )


def _text(value: Any) -> bool:
  return isinstance(value, str)


def _all(values: Any, is_right: Callable[[Any], bool]) -> bool:
  return isinstance(values, list) and all(map(is_right, values))


def _require(path: pathlib.Path, right: bool, expected: str) -> None:
  if not right:
    raise UserError(
      f"{path} is damaged (expected {expected}): restore it, or evaluate or train again."
    )
