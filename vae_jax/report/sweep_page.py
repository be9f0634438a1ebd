"""The sweep's own page: a slider for every swept number, pictures and numbers of the member.

It is made of what the application beta_comparison saved, is one file and fetches nothing.
"""

import base64
import io
import json
import math
import pathlib
import zipfile
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from vae_jax import files
from vae_jax.report import curves, page, store, trusted
from vae_jax.types import UserError

HERE = pathlib.Path(__file__).parent
APPLICATION = "beta_comparison"
SEEDS = ("seed", "data_seed")  # picked from a list, not slid along
ACROSS = 10  # tiles in a row of a sheet
WIDTH, HEIGHT = 460, 340
LABELLED = 12  # settings whose value stands beside their mean
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 12, 40


def write(workdir: str | pathlib.Path) -> pathlib.Path | None:
  """Writes sweep.html from the saved comparison; an old page without one is removed.

  Args:
    workdir: the run directory.

  Returns:
    The path, or None where no comparison of two members or more was saved.
  """
  workdir = pathlib.Path(workdir)
  path = workdir / "sweep.html"
  try:
    found = context(workdir)
  except UserError:
    raise
  except (LookupError, TypeError, ValueError, OSError, zipfile.BadZipFile) as error:
    raise UserError(
      f"{workdir}/reports/{APPLICATION} is damaged or not of this run ({error}): evaluate"
      f" {APPLICATION} again, or remove it."
    ) from error
  if found is None:
    path.unlink(missing_ok=True)
    return None
  text = page.environment().get_template("sweep.html.j2").render(found)
  files.write_text(path, text)
  return path


def context(workdir: pathlib.Path) -> dict[str, Any] | None:
  """Everything the template shows; None where there is nothing to choose from."""
  report = next((r for r in store.load(workdir) if r["application"] == APPLICATION), None)
  table = _members_table(report)
  if table is None or len(table["rows"]) < 2:
    return None
  rows = page.members_of(workdir)
  path = files.inside(workdir, "reports", APPLICATION, "arrays.npz")
  with np.load(path, allow_pickle=False) as saved:
    arrays = {name: saved[name] for name in saved.files}
  axes = _axes([rows[row[0]] for row in table["rows"]])
  members = _members(table, rows, axes)
  config = trusted.config(workdir / "config.json")
  read = lambda name: (HERE / name).read_text(encoding="utf-8")
  pictures = _pictures(arrays)
  data = {"axes": axes, "members": members, **pictures}
  return {
    "style": read("style.css") + read("sweep.css"),
    "script": read("sweep.js"),
    "title": page.title(config, workdir.name, list(rows[0])),
    "axes": axes,
    "members": members,
    "findings": report["findings"],
    "note": table["note"],
    "curve": Markup(_curve(arrays, axes, members)),
    "pictures": bool(pictures),
    "walks": pictures["layout"][2] if pictures else 0,
    # "<" is written as its code, so that no text can end the script element
    "data": Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")),
  }


def _members_table(report: dict[str, Any] | None) -> dict[str, Any] | None:
  tables = report["tables"] if report else []
  return next((table for table in tables if table["columns"][0] == "member"), None)


def _axes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
  """What is swept, with its values in order and how it is chosen."""
  found = []
  for name in sorted(rows[0], key=lambda name: (name in SEEDS, name != "beta")):
    values = list(dict.fromkeys(row[name] for row in rows))
    if len(values) < 2:
      continue
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    values = sorted(values) if numbers else values
    one = {"name": name, "label": _short(name), "values": values}
    one["texts"] = [page.value_text(v) for v in values]
    found.append(one | {"slider": numbers and name not in SEEDS})
  return found


def _short(name: str) -> str:
  """β, "latents" for model.latents, "objective" for objective.name."""
  first, _, last = name.rpartition(".")
  return page.SYMBOLS.get(name, first if last == "name" else last)


def _members(
  table: dict[str, Any], rows: list[dict[str, Any]], axes: list[dict[str, Any]]
) -> list[dict[str, Any]]:
  """Each member's place on the axes and its numbers as words."""
  columns = [name for name in table["columns"] if not name.startswith("±")]
  body = page.cells(table["columns"], table["rows"])
  swept = {"member", *rows[0]}
  found = []
  for raw, cells in zip(table["rows"], body["body"], strict=True):
    row = rows[raw[0]]
    numbers = [
      {"label": head["name"], **cell}
      for name, head, cell in zip(columns, body["head"], cells, strict=True)
      if name not in swept and cell["text"] != "–"
    ]
    at = [axis["values"].index(row[axis["name"]]) for axis in axes]
    name = " · ".join(
      f"{a['label']} {a['texts'][i]}" for a, i in zip(axes, at, strict=True)
    )
    found.append({"number": raw[0], "name": name, "at": at, "numbers": numbers})
  return found


def _pictures(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
  """The sheets of tiles, one for each member that has one, and how they are laid out."""
  if "sweep_pictures" not in arrays:
    return {}
  tiles, palette = arrays["sweep_pictures"], str(arrays["sweep_palette"])
  numbers = arrays["sweep_members"].tolist()
  place = {n: i for i, n in enumerate(arrays["member"].tolist())}
  sheets = {}
  for n, own, walks in zip(numbers, tiles, arrays["sweep_walks"].tolist(), strict=True):
    rates = arrays["latents"][place[n]][: len(walks)].tolist()
    named = [
      f"latent {w + 1}, {r:.2f} nats" if w >= 0 else ""
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


def _curve(arrays: dict[str, np.ndarray], axes: list[dict], members: list[dict]) -> str:
  """Rate against distortion: a link for each member, a line through the settings' means."""
  rate, distortion = (arrays[name].mean(1) for name in ("rate", "distortion"))
  points = np.stack([rate, distortion], -1).astype(float)
  finite = points[np.isfinite(points).all(-1)]
  if not len(finite):
    return ""
  low, high = finite.min(0), finite.max(0)
  margin = 0.06 * np.maximum(high - low, 1e-6 + 1e-3 * np.abs(high))
  low, high = low - margin, high + margin
  size = np.asarray([WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM])

  def at(point: np.ndarray) -> tuple[float, float]:
    x, y = (np.asarray(point) - low) / (high - low) * size
    return LEFT + x, HEIGHT - BOTTOM - y

  parts = [
    f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="curve" aria-label="Rate against distortion">',
    *_frame(low, high, at),
    *_bound(arrays, low, high, at),
    *_means(arrays, at),
  ]
  for member, point in zip(members, points, strict=True):
    if not np.isfinite(point).all():
      continue
    x, y = at(point)
    said = f"{member['name']}: rate {point[0]:.2f}, distortion {point[1]:.2f} nats"
    parts.append(
      f'<a href="#member={member["number"]}" data-member="{member["number"]}"'
      f' aria-label="{escape(said)}"><title>{escape(said)}</title>'
      f'<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
      f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/></a>'
    )
  # The chosen point is drawn last, over its neighbours, where the script puts it.
  return "".join([*parts, '<circle id="here" class="here" r="8"/></svg>'])


def _frame(low: np.ndarray, high: np.ndarray, at: Any) -> list[str]:
  parts = []
  for value in curves.ticks(low[1], high[1]):
    _, y = at((low[0], value))
    parts.append(
      f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    )
    parts.append(
      f'<text x="{LEFT - 6}" y="{y:.1f}" dy="0.35em" class="end">{_tick(value)}</text>'
    )
  for value in curves.ticks(low[0], high[0]):
    x, _ = at((value, low[1]))
    parts.append(
      f'<text x="{x:.1f}" y="{HEIGHT - 24}" class="middle">{_tick(value)}</text>'
    )
  middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
  parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" class="middle">rate, nats</text>')
  turned = f"rotate(-90 11 {(HEIGHT - BOTTOM) / 2})"
  return [
    *parts,
    f'<text x="11" y="{(HEIGHT - BOTTOM) / 2}" class="middle" transform="{turned}">'
    "distortion, nats</text>",
  ]


def _bound(arrays: dict[str, np.ndarray], low: Any, high: Any, at: Any) -> list[str]:
  """The line rate + distortion = the least −ELBO of a setting, within the frame."""
  losses = arrays["setting_elbo"][:, 0]
  if not np.isfinite(losses).any():
    return []
  least = float(np.nanmin(losses))
  left, right = max(low[0], least - high[1]), min(high[0], least - low[1])
  if left >= right:
    return []
  (x1, y1), (x2, y2) = at((left, least - left)), at((right, least - right))
  line = f'<line class="bound" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
  return [line]


def _means(arrays: dict[str, np.ndarray], at: Any) -> list[str]:
  """A line through the means of the settings that differ in the axis alone, and its values."""
  means = np.stack([arrays[f"setting_{k}"][:, 0] for k in ("rate", "distortion")], -1)
  parts, several = [], len(means) > LABELLED
  for group in np.unique(arrays["setting_group"]):
    own = (arrays["setting_group"] == group) & np.isfinite(means).all(-1)
    places = [at(point) for point in means[own]]
    words = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts += [f'<path class="mean" d="M{words}"/>'] if len(places) > 1 else []
    for (x, y), text in zip(places, arrays["setting_axis"][own].tolist(), strict=True):
      place = f'x="{x + 9:.1f}" y="{y - 8:.1f}"'
      parts += [] if several else [f"<text {place}>{escape(text)}</text>"]
  return parts


def _tick(value: float) -> str:
  rounded = round(value, 6)
  return f"{rounded if math.fabs(rounded) > 0 else 0.0:g}".replace("-", "−")
