"""Melodies as rows of symbols: the pitch where a note begins, "_" where it goes on, "." a rest.

`path` names a .json of chorales (JSB: splits of pieces of steps of voices), or a MIDI file, a
folder or a .zip of them (Nottingham). `raw/<path>` of the data folder is looked at too. Without a
path they are traditional tunes and others that are GENERATED. A row is a window of `bars` bars of
one piece, and all windows of a piece are in one split. MIDI needs the extra `music`.
"""

import itertools
import json
import pathlib
from typing import Any

import numpy as np

from vae_jax.data import _files, _melodies, _split, _text
from vae_jax.metrics import midi
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {
  "path": "",  # empty: the tunes
  "bars": 2,
  "bar": 16,  # sixteenths of a bar
  "hop": 1,  # bars from one window to the next
  "voice": 0,  # of a chorale: 0 is the soprano
  "meter": "4/4",  # of MIDI files that are kept; empty: all
  "transpose": 0,  # semitones up and down of which train has copies: 5 makes 11 of each window
  "apart": True,  # train is without the windows that are held out too: pieces share tunes
  "test": 0.15,  # pieces held out where the file has no test split: a fraction, or a count
  "n": 400,  # GENERATED pieces
}
SPECIAL = ("<pad>", "<eos>", "<unk>", "_", ".")  # 0 to 4
HOLD, REST = 3, 4
MIDI = (".mid", ".midi")
Pieces = dict[str, list[list[int]]]


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [T] int32: symbols, 1 at the end; `piece` [] is the number of the piece in its split.

  Raises:
    UserError: a file that is missing, damaged or without a note, or options that cannot be meant.
  """
  _check(config)
  if config["path"]:
    path = _text.find(config["path"], data_dir, "melodies")
    pieces, left = _read(path, config)
    name, note = path.name.split(".")[0], f"Melodies of {path.name}."
    note += (
      f" {left} files in another meter than {config['meter']} are left out." if left else ""
    )
  else:
    rng = np.random.default_rng(0)  # the tunes are the same for every data seed
    found = [_melodies.tune(text) for text in _melodies.TUNES.values()]
    found += _melodies.generated(config["n"], 8, rng)
    name, pieces = "tunes", {"train": found}
    note = (
      f"{len(_melodies.TUNES)} traditional tunes and {config['n']:,} GENERATED melodies."
    )
  pieces = _held_out(pieces, config)
  steps = config["bars"] * config["bar"]
  cut = {
    k: [windows(one, steps, config["hop"] * config["bar"]) for one in v]
    for k, v in pieces.items()
  }
  if short := [split for split, found in cut.items() if not any(map(len, found))]:
    raise UserError(f"{name}, split {short[0]}, has no piece of {config['bars']} bars.")
  return _numbers(name, cut, steps, config, note)


def windows(piece: list[int], steps: int, hop: int) -> list[list[int]]:
  """Windows of a piece; a note that goes on over the border begins again, one of rests is none."""
  found = []
  for start in range(0, len(piece) - steps + 1, hop):
    one = piece[start : start + steps]
    if one[0] == midi.HOLD:
      before = [step for step in piece[:start] if step != midi.HOLD]
      one = [before[-1] if before else midi.REST, *one[1:]]
    if any(step > 0 for step in one):
      found.append(one)
  return found


def encode(steps: list[int], spec: Spec, where: str = "The melody") -> np.ndarray:
  """A melody of T - 1 steps as a row [T].

  Raises:
    UserError: a pitch that no training melody has.
  """
  place = {name: i for i, name in enumerate(spec.symbols)}
  names = {midi.HOLD: "_", midi.REST: "."}
  found = [place.get(names.get(step, str(step)), 2) for step in steps]
  if 2 in found:
    raise UserError(
      f"{where} has the pitch {steps[found.index(2)]}, which no training melody has; transpose it."
    )
  return np.array([*found, 1], np.int32)


def steps(row: np.ndarray, spec: Spec) -> list[int]:
  """The steps of a row [T]; of an unknown symbol a held one, after the end rests."""
  ends = np.flatnonzero(np.asarray(row) < 2)
  kept = row[: ends[0] if len(ends) else len(row)][: spec.shape[0] - 1]
  value = lambda i: {2: midi.HOLD, HOLD: midi.HOLD, REST: midi.REST}.get(int(i))
  found = [int(spec.symbols[i]) if value(i) is None else value(i) for i in kept]
  return found + [midi.REST] * (spec.shape[0] - 1 - len(found))


def _check(config: dict[str, Any]) -> None:
  for name, least in (("bars", 1), ("bar", 2), ("hop", 1), ("transpose", 0), ("n", 10)):
    if config[name] < least:
      raise UserError(f"data.{name} is {config[name]}; expected at least {least}.")
  if not 0 <= config["voice"] < 4:
    raise UserError(f"data.voice is {config['voice']}; expected 0 (soprano) to 3 (bass).")


def _read(path: pathlib.Path, config: dict[str, Any]) -> tuple[Pieces, int]:
  """The pieces of each split that the file names, and how many were in another meter."""
  if ".json" in path.suffixes:
    return _chorales(path, config["voice"]), 0
  if path.suffix == ".zip":
    files = {k: v for k, v in _files.archive(path).items() if k.lower().endswith(MIDI)}
  else:
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    files = {str(p.name): p.read_bytes() for p in paths if p.suffix.lower() in MIDI}
  if not files:
    raise UserError(f"{path.name} holds no MIDI file; expected names that end in .mid.")
  found = [midi.read(content, name) for name, content in sorted(files.items())]
  kept = [one.steps for one in found if config["meter"] in ("", one.meter)]
  if not kept:
    raise UserError(
      f"{path.name} has no piece in {config['meter']}; --config.data.meter='' reads all."
    )
  return {"train": kept}, len(found) - len(kept)


def _chorales(path: pathlib.Path, voice: int) -> Pieces:
  mend = "expected a .json of train, valid and test, with pieces of steps of voices"
  with _files.told(path.name, mend):
    found = json.loads(_files.unpacked(path))
    return {
      k: [_voice(piece, voice) for piece in found[k]] for k in ("train", "valid", "test")
    }


def _voice(piece: list[list[int]], voice: int) -> list[int]:
  """One voice; a pitch that stays is held, because the file does not tell repeated notes."""
  pitch = [
    int(step[voice]) if len(step) > voice and step[voice] > 0 else midi.REST
    for step in piece
  ]
  return [
    pitch[0],
    *(b if b != a else midi.HOLD for a, b in itertools.pairwise(pitch)),
  ]


def _held_out(pieces: Pieces, config: dict[str, Any]) -> Pieces:
  """The splits; those that the file lacks are drawn from train, by piece."""
  for split in ("test", "valid"):
    if split not in pieces:
      train = pieces["train"]
      if len(train) < 3:
        raise UserError("One or two pieces cannot be split; expected at least three.")
      count = _split.count(config[split], len(train), split)
      out = {
        *np.random.default_rng(config["seed"]).permutation(len(train))[:count].tolist()
      }
      pieces[split] = [p for i, p in enumerate(train) if i in out]
      pieces["train"] = [p for i, p in enumerate(train) if i not in out]
  return pieces


def _numbers(
  name: str, cut: dict[str, list], steps: int, config: dict[str, Any], note: str
) -> Dataset:
  """All windows as numbers; train has its transposed copies, without what is held out."""
  moved = lambda one, by: [step + by if step > 0 else step for step in one]
  transpose = config["transpose"]
  shifts = range(-transpose, transpose + 1)
  held = {tuple(w) for split in ("valid", "test") for ws in cut[split] for w in ws}
  held = held if config["apart"] else set()
  every = [
    (i, moved(w, by)) for i, ws in enumerate(cut["train"]) for w in ws for by in shifts
  ]
  train = [(i, w) for i, w in every if tuple(w) not in held]
  if not train:
    raise UserError(f"{name}: every window of train is held out too; give other pieces.")
  pitches = sorted({step for _, one in train for step in one if step > 0})
  spec = Spec(
    (steps + 1,), "sequence", "category", len(SPECIAL) + len(pitches), (),
    (*SPECIAL, *map(str, pitches)),
  )  # fmt: skip
  known, splits, lost = set(pitches), {}, 0
  for split in ("train", "valid", "test"):
    rows = [(i, w) for i, ws in enumerate(cut[split]) for w in ws]
    rows = train if split == "train" else rows
    fits = [(i, w) for i, w in rows if all(s <= 0 or s in known for s in w)]
    lost += len(rows) - len(fits)
    if not fits:
      raise UserError(f"{name}, split {split}: no melody has the pitches of train alone.")
    x = np.stack([encode(w, spec) for _, w in fits])
    splits[split] = {"x": x, "piece": np.array([i for i, _ in fits], np.int32)}
  note += f" Windows of {steps} sixteenths, split by piece; {len(pitches)} pitches."
  note += f" {lost} windows with a pitch that train lacks are left out." if lost else ""
  note += f" Train is transposed by up to {transpose} semitones." if transpose else ""
  if same := len(every) - len(train):
    note += f" {same:,} of its windows are in valid or test too and are taken out."
  return Dataset(name, spec, splits, note)
