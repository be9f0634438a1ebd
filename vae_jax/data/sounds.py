"""Sounds as pictures of their spectra: spoken words, notes, a folder of one's own, or tones.

A folder (or a .zip) holds .wav, .flac, .ogg or .mp3 files, found at any depth. If every name is
`<class>_<source>_<number>`, as in the Free Spoken Digit Dataset, class and source (the speaker)
are read from it. The numbers 0 to 4 are then the test split, which is that set's usual one. Else
`<class>/<source>/<file>` or `<class>/<file>` names them; files without a folder have no class.
Without a path it generates tones, and says so.
"""

import functools
import io
import math
import pathlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import registry, spectra
from vae_jax.data import _files, _tones
from vae_jax.data._split import count
from vae_jax.spectra import Frames
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {
  **Frames()._asdict(),
  "path": "",  # of the folder or .zip; empty: generated tones
  "windows": 1,  # of a sound, one after the other; what is left is not used
  "test": 0.1,  # a fraction or a count of sounds, where their names do not say it
  "test_source": "",  # the speaker, or other source, that makes up test
  "count": 800,  # of generated tones
}
ENDINGS = (".wav", ".flac", ".ogg", ".mp3")
NAMED = re.compile(r"([^_]+)_([^_]+)_(\d+)")
USUAL = 5  # numbers below it are of test in that layout
SILENT = 1e-4  # of full scale: no sample is louder
CHUNK = 200  # sounds that are turned into pictures at once


class Sound(NamedTuple):
  """One file, or one generated tone."""

  name: str
  wave: np.ndarray  # [n] in [-1, 1]
  label: str = ""
  source: str = ""  # who speaks, or which instrument it is
  number: int | None = None  # in a name of that layout


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [bins, frames, 1] in [0, 1], `label` and `source`; splits by file, never by window.

  Every sound has its peak at full scale. It is cut at `frames` frames, or padded with silence.

  Raises:
    UserError: frames that cannot be, no sounds, or one that is none.
  """
  frames = frames_of(config)
  if config["path"]:
    place = _find(config["path"], data_dir)
    sounds = _read_all(place, frames, config["windows"])
    name, origin = place.stem, f"Sounds of {place.name}."
  else:
    made = _tones.make(config["count"], frames.samples, frames.rate)
    sounds = [Sound(str(i), *one) for i, one in enumerate(made)]
    name, origin = "tones", "Generated tones, no recordings."
  classes = tuple(sorted({one.label for one in sounds})) if sounds[0].label else ()
  sources = sorted({one.source for one in sounds})
  splits = {}
  for split, rows in _split(sounds, config).items():
    kept = [sounds[i] for i in rows]
    splits[split] = _fields(kept, classes, sources, frames, config["windows"])
  _check_classes(splits, classes, name)
  said = f"{origin} {_described(frames)} {len(sources):,} sources."
  spec = Spec((frames.bins, frames.frames, 1), "image", "unit", classes=classes)
  return Dataset(name, spec, splits, said)


def frames_of(config: dict[str, Any]) -> Frames:
  """How the configuration of a dataset cuts a sound.

  Raises:
    UserError: a number that cannot be.
  """
  found = Frames(**{field: config[field] for field in Frames._fields})
  limits = {
    "rate": (1000, 192_000), "size": (16, 65536), "hop": (1, found.size // 2),
    "frames": (4, 4096), "bins": (4, found.size // 2 + 1),
  }  # fmt: skip
  for name, (low, high) in limits.items():
    if not low <= getattr(found, name) <= high:
      raise UserError(
        f"data.{name} is {getattr(found, name)}; expected {low} to {high:,} samples or numbers."
      )
  if found.size % 2 or found.kind not in ("mel", "stft"):
    raise UserError(
      f"data.size is {found.size} and data.kind {found.kind!r}; expected an even number, and mel"
      " or stft."
    )
  if config["windows"] < 1:
    raise UserError(f"data.windows is {config['windows']}; expected 1 or more.")
  return found


def read(path: str | pathlib.Path, raw: bytes, frames: Frames, windows: int) -> np.ndarray:
  """The first samples of a file as a wave [n] of the right rate, its peak at 1.

  Channels are averaged. Another rate is resampled (`scipy.signal.resample_poly`).

  Args:
    path: of the file, for messages.
    raw: its content.
    frames: the rate, and how long a window is.
    windows: how many of them are read.

  Raises:
    UserError: it is no sound, empty, silent, or has samples that are no numbers; or the extra
      audio is not installed.
  """
  try:
    import soundfile
  except (ImportError, OSError) as error:
    raise UserError(
      "Sounds are read by soundfile: install the extra with pip install 'vae-jax[audio]'."
    ) from error
  with (
    _files.told(str(path), "expected a .wav, .flac, .ogg or .mp3 that plays"),
    soundfile.SoundFile(io.BytesIO(raw)) as file,
  ):
    rate = file.samplerate
    wanted = math.ceil(windows * frames.samples * rate / frames.rate) + 1
    x = file.read(wanted, dtype="float64", always_2d=True).mean(1)
  if not len(x):
    raise UserError(f"{path} is empty: it has no sample; remove it.")
  if not np.isfinite(x).all():
    raise UserError(f"{path} has samples that are no numbers: save it again.")
  if np.abs(x).max() < SILENT:
    raise UserError(
      f"{path} is silent for its first {windows * frames.seconds:.2f} s, which is what is read;"
      " cut the silence off, or remove it."
    )
  return _resampled(x, rate, frames.rate)


def pictures(waves: list[np.ndarray], frames: Frames) -> np.ndarray:
  """Waves of any length as pictures [N, F, T, 1], each cut or padded to one window."""
  whole = np.zeros((len(waves), frames.samples), np.float32)
  for row, wave in zip(whole, waves, strict=True):
    row[: len(wave)] = wave[: frames.samples]
  draw, size, found = _picture(frames), min(CHUNK, len(whole)), []
  for start in range(0, len(whole), size):
    rows = np.minimum(np.arange(start, start + size), len(whole) - 1)
    found.append(np.asarray(draw(whole[rows])))
  return np.concatenate(found)[: len(whole)]


@functools.cache
def _picture(frames: Frames) -> Callable:
  return jax.jit(jax.vmap(lambda wave: spectra.picture(wave, frames)))


def _resampled(x: np.ndarray, rate: int, to: int) -> np.ndarray:
  from scipy.signal import resample_poly

  if rate != to:
    shared = math.gcd(rate, to)
    x = resample_poly(x, to // shared, rate // shared, window=("kaiser", 9.0))
  return (x / np.abs(x).max()).astype(np.float32)


def _find(name: str, data_dir: str | None) -> pathlib.Path:
  root = pathlib.Path(data_dir or ".")
  tried = [pathlib.Path(name), root / name, root / "raw" / name]
  for path in tried:
    if path.exists():
      return path
  beside = [p.name for p in root.iterdir()] if root.is_dir() else []
  raise UserError(
    f"There is no folder or .zip of sounds {name!r}.{registry.nearest(name, beside)}"
  )


def _contents(place: pathlib.Path) -> dict[str, Callable[[], bytes]]:
  """The files of a folder, or of the one .zip in it, by their path within."""
  if place.is_file():
    return {k: lambda v=v: v for k, v in _files.archive(place).items()}
  found = {
    str(path.relative_to(place).as_posix()): path.read_bytes
    for path in sorted(place.rglob("*"))
    if path.is_file()
  }
  zips = list(place.glob("*.zip"))
  heard = any(pathlib.PurePosixPath(name).suffix.lower() in ENDINGS for name in found)
  return _contents(zips[0]) if len(zips) == 1 and not heard else found


def _read_all(place: pathlib.Path, frames: Frames, windows: int) -> list[Sound]:
  files = {
    pathlib.PurePosixPath(name): raw
    for name, raw in sorted(_contents(place).items())
    if pathlib.PurePosixPath(name).suffix.lower() in ENDINGS
  }
  if not files:
    raise UserError(f"{place} has no {', '.join(ENDINGS)}; expected a folder of sounds.")
  named = [NAMED.fullmatch(path.stem) for path in files]
  found = []
  for (path, raw), match in zip(files.items(), named, strict=True):
    wave = read(path, raw(), frames, windows)
    if all(named):
      found.append(Sound(str(path), wave, match[1], match[2], int(match[3])))
    else:
      label = path.parts[-3] if len(path.parts) > 2 else (path.parts[-2:-1] or ("",))[0]
      source = path.parts[-2] if len(path.parts) > 2 else path.stem
      found.append(Sound(str(path), wave, label, source))
  if any(not one.label for one in found):  # some lie beside the folders
    found = [one._replace(label="") for one in found]
  return found


def _split(sounds: list[Sound], config: dict) -> dict[str, np.ndarray]:
  """The rows of each split: test by source, by the usual numbers, or drawn; valid drawn."""
  rows, draw = np.arange(len(sounds)), np.random.default_rng(config["seed"])
  wanted = config["test_source"]
  if wanted:
    test = np.array([one.source == wanted for one in sounds])
    if not test.any() or test.all():
      names = sorted({one.source for one in sounds})
      hint = registry.nearest(wanted, names) or f" There is {names[0]!r} alone."
      raise UserError(f"data.test_source is {wanted!r}, which leaves a split empty.{hint}")
  elif all(one.number is not None for one in sounds):
    test = np.array([one.number < USUAL for one in sounds])
  else:
    test = np.isin(rows, draw.permutation(rows)[: count(config["test"], len(rows), "test")])
  if not test.any() or test.all():
    raise UserError(
      f"The numbers in the names leave a split empty: test is what is below {USUAL}, train the"
      " rest; name a data.test_source."
    )
  rest = rows[~test]
  valid = draw.permutation(rest)[: count(config["valid"], len(rest), "valid")]
  train = np.setdiff1d(rest, valid)
  return {"train": train, "valid": np.sort(valid), "test": rows[test]}


def _fields(
  sounds: list[Sound],
  classes: tuple[str, ...],
  sources: list[str],
  frames: Frames,
  windows: int,
) -> dict[str, np.ndarray]:
  """The windows of sounds; one that is quieter than SILENT after the first is left out."""
  waves, owners = [], []
  for one in sounds:
    for k in range(windows):
      part = one.wave[k * frames.samples : (k + 1) * frames.samples]
      if k == 0 or (len(part) and np.abs(part).max() >= SILENT):
        waves.append(part)
        owners.append(one)
  fields = {"x": pictures(waves, frames)}
  fields["source"] = np.array([sources.index(one.source) for one in owners], np.int32)
  if classes:
    fields["label"] = np.array([classes.index(one.label) for one in owners], np.int32)
  return fields


def _check_classes(splits: dict, classes: tuple[str, ...], name: str) -> None:
  known = set(splits["train"].get("label", ()))
  missing = [c for i, c in enumerate(classes) if i not in known]
  if missing:
    raise UserError(
      f"{name}: the class {missing[0]!r} has no sound in train; add some, or hold fewer out."
    )


def _described(frames: Frames) -> str:
  rows = "mel bands" if frames.kind == "mel" else "bins of the Fourier transform"
  return (
    f"{frames.bins} {rows} by {frames.frames} frames of {1000 * frames.hop / frames.rate:g} ms,"
    f" {frames.seconds:.2f} s at {frames.rate:,} Hz; levels from -{spectra.FLOOR:g} to 0 dB of full"
    " scale."
  )
