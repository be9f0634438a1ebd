"""Sounds of a report: one .wav each beside report.json, and players within the page."""

import base64
import itertools
import pathlib
import re
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_jax import files
from vae_jax.types import Sound, UserError

NAME = re.compile(r"[a-z0-9_]{1,80}")
MOST = 2_000_000  # bytes of a sound that a page plays: a minute at 16 kHz
ENDING = ".wav"


def write(sounds: Sequence[Sound], folder: pathlib.Path) -> None:
  """Writes every sound as <name>.wav, 16 bits, one channel; those of before are removed.

  What leaves [-1, 1] is clipped.

  Args:
    sounds: of a report.
    folder: reports/<application>.

  Raises:
    ValueError: a name that is no such file name or is there twice, samples that are not [T]
      finite numbers, or more of them than a page plays.
  """
  names = [sound.name for sound in sounds]
  for sound in sounds:
    x = np.asarray(sound.samples)
    if not NAME.fullmatch(sound.name) or names.count(sound.name) > 1:
      raise ValueError(
        f"The sound {sound.name!r} needs a name of its own, like {NAME.pattern}."
      )
    if x.ndim != 1 or not np.isfinite(x).all() or 2 * x.size + 44 > MOST:
      raise ValueError(
        f"The sound {sound.name} is {x.shape}; expected [T] finite samples, {MOST:,} bytes at most."
      )
    files.write_whole(folder / (sound.name + ENDING), lambda to, s=sound: _write(to, s))
  for path in folder.glob(f"*{ENDING}"):
    if path.stem not in names and path.name[0] != ".":
      path.unlink(missing_ok=True)


def players(
  workdir: pathlib.Path, report: dict[str, Any]
) -> list[tuple[str, list[dict[str, str]]]]:
  """The sounds of a report by group, in order: (group, [{"uri", "caption"}, ...]) each.

  A file that is gone is left out, as a picture is.

  Raises:
    UserError: a file is no .wav or too large, or a link leads out of the run directory.
  """
  found = []
  for group, row in itertools.groupby(report.get("sounds", []), lambda one: one["group"]):
    paths = [(one, _path(workdir, report["application"], one["name"])) for one in row]
    played = [
      {"uri": _uri(path), "caption": one["caption"]}
      for one, path in paths
      if path.is_file()
    ]
    found += [(group, played)] if played else []
  return found


def _path(workdir: pathlib.Path, application: str, name: str) -> pathlib.Path:
  return files.inside(workdir, "reports", application, name + ENDING)


def _uri(path: pathlib.Path) -> str:
  size = path.stat().st_size
  content = path.read_bytes() if size <= MOST else b""
  if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
    raise UserError(
      f"{path} is no .wav of {MOST:,} bytes at most: evaluate again, or remove it."
    )
  return f"data:audio/wav;base64,{base64.b64encode(content).decode()}"


def _write(path: pathlib.Path, sound: Sound) -> None:
  x = np.clip(np.asarray(sound.samples, np.float64), -1, 1)
  with path.open("wb") as file, wave.open(file, "wb") as out:
    out.setnchannels(1)
    out.setsampwidth(2)
    out.setframerate(sound.rate)
    out.writeframes(np.round(32767 * x).astype("<i2").tobytes())
