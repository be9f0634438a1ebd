"""The sweep's own page: a slider for every swept number, pictures and numbers of the member.

It is made of what the application sweep_comparison saved, is one file and fetches nothing.
"""

import base64
import csv
import io
import json
import math
import pathlib
import zipfile
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from vae_jax import files
from vae_jax.evaluation import numbers
from vae_jax.report import exports, page, store, sweep_charts, trusted
from vae_jax.report.formatting import short, value_text
from vae_jax.training.sweep import SEEDS
from vae_jax.types import UserError

HERE = pathlib.Path(__file__).parent
APPLICATION = "sweep_comparison"
ACROSS = 10  # tiles in a row of a sheet
# What a comparison that is not of this run, or an edited one, makes the page raise.
FOREIGN = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError)
# What the notes of the report begin with.
OVER_SEEDS = "± is the half width of 95 % intervals over seeds and examples. "
AT_MOST = ("aggregate", "total_correlation")  # where the information is cut off


def write(
  workdir: str | pathlib.Path, atlas: dict[str, Any] | None = None
) -> pathlib.Path | None:
  """Writes sweep.html from the saved comparison; an old page without one is removed.

  Args:
    workdir: the run directory.
    atlas: of `atlas_page.context`, whose columns the slider marks; None: there is none.

  Returns:
    The path, or None where no comparison of two members or more was saved.
  """
  workdir = pathlib.Path(workdir)
  path = workdir / "sweep.html"
  try:
    found = context(workdir)
  except UserError:
    raise
  except (*FOREIGN, zipfile.BadZipFile, csv.Error) as error:
    raise UserError(
      f"{workdir}/reports/{APPLICATION} is damaged or not of this run ({error}): evaluate"
      f" {APPLICATION} again, or remove it."
    ) from error
  if found is None:
    path.unlink(missing_ok=True)
    return None
  style = (HERE / "atlas.css").read_text(encoding="utf-8") if atlas else ""
  heat = atlas["heat"] if atlas else None
  text = (
    page.environment()
    .get_template("sweep.html.j2")
    .render(found, atlas=heat, atlas_style=style)
  )
  files.write_text(path, text)
  return path


def context(workdir: pathlib.Path) -> dict[str, Any] | None:
  """Everything the template shows; None where there is nothing to choose from."""
  folder = workdir / "reports" / APPLICATION
  report = next((r for r in store.load(workdir) if r["application"] == APPLICATION), None)
  if report is None or not (folder / exports.SCORES).is_file():
    return None
  scores = _scores(folder / exports.SCORES)
  if len(scores) < 2:
    return None
  rows = page.members_of(workdir)
  path = files.inside(workdir, "reports", APPLICATION, "arrays.npz")
  with np.load(path, allow_pickle=False) as saved:
    arrays = {name: saved[name] for name in saved.files}
  axes, metrics = _axes([rows[number] for number in scores]), report["metrics"]
  members = [_member(n, rows[n], one, axes, metrics, arrays) for n, one in scores.items()]
  settings = sweep_charts.settings(members, axes, SEEDS)
  config, pictures = trusted.config(workdir / "config.json"), _pictures(arrays)
  read = lambda name: (HERE / name).read_text(encoding="utf-8")
  groups = {m["number"]: s.group for s in settings for m in s.members}
  shown = [
    {k: m[k] for k in ("number", "name", "at", "numbers")}
    | {"group": groups.get(m["number"])}
    for m in members
  ]
  data = {"axes": axes, "members": shown, **pictures}
  return {
    "style": read("style.css") + read("sweep.css"),
    "script": read("sweep.js"),
    "title": page.title(config, workdir.name, list(rows[0])),
    "axes": axes,
    "members": members,
    "findings": report["findings"],
    # A row is one member here, so that its interval is another one than the report's.
    "note": report["tables"][0]["note"].removeprefix(OVER_SEEDS)
    if report["tables"]
    else "",
    "curve": sweep_charts.rate_distortion(members, settings),
    "multiples": sweep_charts.multiples(members, settings, axes[0], metrics),
    "pictures": bool(pictures),
    "walks": pictures["layout"][2] if pictures else 0,
    # "<" is written as its code, so that no text can end the script element
    "data": Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")),
  }


def _scores(path: pathlib.Path) -> dict[int, dict[str, Any]]:
  """By member in order: "active", "ended", and "scores" {metric: (mean, half width)}."""
  found: dict[int, dict[str, Any]] = {}
  with path.open(encoding="utf-8", newline="") as file:
    for row in csv.DictReader(file):
      if not row["member"]:
        continue
      blank = {"active": row["active"], "ended": row["ended"], "scores": {}}
      mean, high = (float(row[name]) for name in ("mean", "high"))
      one = found.setdefault(int(row["member"]), blank)
      one["scores"][row["metric"]] = (mean, high - mean)
  return dict(sorted(found.items()))


def _axes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
  """What is swept, with its values in order and how it is chosen."""
  found = []
  for name in sorted(rows[0], key=lambda name: (name in SEEDS, name != "beta")):
    values = list(dict.fromkeys(row[name] for row in rows))
    if len(values) < 2:
      continue
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    values = sorted(values) if numeric else values
    one = {"name": name, "label": short(name), "values": values}
    one["texts"] = [value_text(v) for v in values]
    # a seed is picked from a list, not slid along
    found.append(one | {"slider": numeric and name not in SEEDS})
  return found


def _member(
  number: int,
  row: dict[str, Any],
  found: dict[str, Any],
  axes: list[dict[str, Any]],
  metrics: dict[str, dict[str, Any]],
  arrays: dict[str, np.ndarray],
) -> dict[str, Any]:
  """A member's place on the axes, its scores, and its numbers as words."""
  at = [axis["values"].index(row[axis["name"]]) for axis in axes]
  name = " · ".join(f"{a['label']} {a['texts'][i]}" for a, i in zip(axes, at, strict=True))
  # Without codes there are no active latents, and the cell is empty.
  words = {"active": found["active"], "ended": found["ended"]}
  told = [
    {"label": label, "text": text, "error": None, "kind": _kind(text)}
    for label, text in words.items()
    if text
  ]
  known = {k: v for k, v in metrics.items() if k in found["scores"] and k != "active"}
  cut_off = found["scores"].get("information", (-math.inf,))[0] > float(
    arrays["at_least_above"]
  )
  for key, metric in known.items():
    mean, half = found["scores"][key]
    text = numbers.text(mean, metric["digits"])
    sign = {"information": "≥ "}.get(key, "≤ " if key in AT_MOST else "")
    unit = f", {metric['unit']}" if metric["unit"] else ""
    one = {"label": f"{metric['title']}{unit}", "kind": _kind(text)}
    one["text"] = f"{sign if cut_off else ''}{text}"
    one["error"] = numbers.text(half, metric["digits"]) if math.isfinite(half) else None
    told.append(one)
  return {"number": number, "name": name, "at": at, "numbers": told} | found


def _kind(text: str) -> str:
  if "COLLAPSED" in text:
    return "collapsed"
  return "nan" if text == "NaN" or "∞" in text else "number"


def _pictures(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
  """The sheets of tiles, one for each member that has one, and how they are laid out."""
  if "sweep_pictures" not in arrays:
    return {}
  tiles, palette = arrays["sweep_pictures"], str(arrays["sweep_palette"])
  owners = arrays["sweep_members"].tolist()
  place = {n: i for i, n in enumerate(arrays["member"].tolist())}
  sheets = {}
  for n, own, walks in zip(owners, tiles, arrays["sweep_walks"].tolist(), strict=True):
    rates = arrays["latents"][place[n]][: len(walks)].tolist()
    named = [
      (f"latent {w + 1}, {r:.2f} nats" if math.isfinite(r) else f"latent {w + 1}")
      if w >= 0
      else ""
      for w, r in zip(walks, [*rates, *[0.0] * (len(walks) - len(rates))], strict=True)
    ]
    sheets[n] = {"uri": sheet(own, palette), "walks": named}
  return {
    "sheets": sheets,
    "originals": sheet(arrays["sweep_originals"], palette),
    "layout": arrays["sweep_layout"].tolist(),
    "tile": [int(tiles.shape[3]), int(tiles.shape[2])],
    "across": ACROSS,
  }


def sheet(tiles: np.ndarray, palette: str) -> str:
  """Tiles uint8 [T, H, W, C] in rows of ACROSS as a data URI.

  One channel is a PNG whose 256 greys have the colours of the palette, exact; three are a
  JPEG, which is a tenth as large.
  """
  from vae_jax.plots import colormap  # matplotlib takes a second to import

  count, height, width, channels = tiles.shape
  down = -(-count // ACROSS)
  full = np.zeros((down * ACROSS, height, width, channels), np.uint8)
  full[:count] = tiles
  grid = full.reshape(down, ACROSS, height, width, channels).swapaxes(1, 2)
  grid = grid.reshape(down * height, ACROSS * width, channels)
  file = io.BytesIO()
  if channels == 1:
    image = Image.fromarray(grid[..., 0], "L").convert("P")
    image.putpalette(colormap(palette).tobytes())
    image.save(file, "PNG", optimize=True)
  else:
    Image.fromarray(grid).save(file, "JPEG", quality=90, subsampling=0)
  kind = "png" if channels == 1 else "jpeg"
  return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
