"""A user's own font, or own pictures: their style in every class, as files."""

import pathlib
from typing import Any

import numpy as np

from vae_jax.applications.style import showing
from vae_jax.applications.style.asked import Asked, judge
from vae_jax.data import glyphs
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra
from vae_jax.inputs import photographs
from vae_jax.run import Run
from vae_jax.types import Figure, UserError

MOST = 20  # pictures of one folder
FEW = 12  # characters of a font that are shown, where none are named
TILE = 96  # pixels of a picture that is written, about


def check(run: Run, settings: dict[str, Any]) -> None:
  """Refuses an input that cannot be read, and letters that the model does not know."""
  if not settings["input"]:
    return
  if _is_font(settings["input"]):
    _font(run, settings)
  else:
    photographs.read(settings["input"], run.spec, MOST)


def further(outcome: Outcome) -> Extra:
  """The figure, a PNG of each style, and all pictures as an array."""
  settings = outcome.settings
  if not settings["input"]:
    return Extra()
  lead = outcome.lead
  source = outcome.tasks[lead.part].source
  spec = source.spec
  if _is_font(settings["input"]):
    names, found = _font(lead.run, settings)
  else:
    given = photographs.read(settings["input"], spec, MOST)
    label = judge(source).probabilities(given.x)[0].argmax(-1).astype(np.int32)
    names = given.names
    found = Asked(given.x[:, None], label[:, None], (1,), label, None, None, None)
  every = list(range(len(spec.classes)))
  x = showing.lettered(outcome, lead, found, every)
  kept = pictures.spread(len(every), showing.COLUMNS)
  data = {"images": np.concatenate([found.x[:, :1], x[:, kept]], 1), "rows": names}
  data |= {"columns": ["shown", *(spec.classes[c] for c in kept)], "wide_after": (0,)}
  data |= pictures.style(source.data, settings)
  arrays = {f"{name}_written.png": _sheet(one) for name, one in zip(names, x, strict=True)}
  said = (
    f"Your own: every class in the style of {', '.join(names)}, as PNG files and in written.npy"
    f" [{', '.join(map(str, x.shape))}] beside this report."
  )
  figure = Figure("own", "image_grid", data, "Your own style in other classes.")
  return Extra(figures=[figure], findings=[said], arrays={**arrays, "written.npy": x})


def _is_font(path: str) -> bool:
  return pathlib.Path(path).suffix.lower() in glyphs.ENDINGS


def _font(run: Run, settings: dict[str, Any]) -> tuple[list[str], Asked]:
  """The name of a font, and what is shown of it."""
  file, spec = pathlib.Path(settings["input"]), run.spec
  if run.config["data"]["name"] != "glyphs":
    raise UserError(
      f"{file.name} is a font, and the model is not of glyphs; give a picture."
    )
  if not file.is_file():
    raise UserError(f"There is no font at {file}.")
  letters = settings["letters"] or "".join(
    spec.classes[c] for c in pictures.spread(len(spec.classes), FEW)
  )
  unknown = [letter for letter in letters if letter not in spec.classes]
  if unknown:
    raise UserError(
      f"The setting letters has {unknown[0]!r}, which the model does not know."
    )
  x = glyphs.drawn(file.read_bytes(), file.name, letters, spec.shape[0])
  if x is None:
    raise UserError(
      f"{file.name} lacks one of {letters!r}; name others with --set letters=…"
    )
  label = np.array([[spec.classes.index(letter) for letter in letters]], np.int32)
  shown = x[None].astype(np.float32) / 255
  return [file.stem], Asked(shown, label, (len(letters),), label[:, 0], None, None, None)


def _sheet(x: np.ndarray) -> np.ndarray:
  """The pictures [N, H, W, C] of one style beside one another, ten to a row, uint8."""
  step = max(1, TILE // x.shape[1])
  x = x.repeat(step, 1).repeat(step, 2)
  blank = np.zeros((-len(x) % 10, *x.shape[1:]))
  x = np.concatenate([x, blank]).reshape(-1, 10, *x.shape[1:])
  rows, columns, height, width, channels = x.shape
  x = x.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
  x = np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)
  return x[..., 0] if channels == 1 else x
