"""Reading sentences from files, and turning them into numbers by a vocabulary."""

import codecs
import collections
import pathlib
import re
from typing import NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data import _files
from vae_jax.types import UserError

SPECIAL = ("<pad>", "<eos>", "<unk>")  # 0, 1, 2
SPLITS = {
  "train": "train",
  "dev": "valid",
  "valid": "valid",
  "val": "valid",
  "test": "test",
}
ENDINGS = (".txt", ".tsv", ".gz", ".pos", ".neg", ".0", ".1")
UNITS = ("word", "character")
# Codecs of Python that are not how anybody saves a text.
NO_LETTERS = (
  "unicode-escape",
  "raw-unicode-escape",
  "idna",
  "punycode",
  "undefined",
  "utf-7",
)


class Part(NamedTuple):
  """Sentences of one split of a file or folder, with the label of each where there are any."""

  sentences: list[tuple[str, ...]]  # symbols: words or characters
  labels: list[str] | None


def find(name: str, data_dir: str | None, what: str = "sentences") -> pathlib.Path:
  """The file or folder of `what`: as given, in data_dir, or in data_dir/raw.

  Raises:
    UserError: it is in none of them; the message names where it was looked for.
  """
  roots = [pathlib.Path()]
  if data_dir is not None:
    roots += [pathlib.Path(data_dir), pathlib.Path(data_dir) / "raw"]
  for root in roots:
    for path in (root / name, root / f"{name}.gz"):
      if path.exists():
        return path
  beside = [p.name for root in roots[1:] if root.is_dir() for p in root.iterdir()]
  hint = registry.nearest(name, beside) if beside else " Give --data_dir."
  raise UserError(f"There is no file or folder of {what} {name!r}.{hint}")


def read(path: pathlib.Path, unit: str, encoding: str) -> dict[str, Part]:
  """The splits of a file or folder; a folder without named splits is all "train".

  The split is a word of the file's or folder's name (train, dev, valid, test), the label what
  is left of it: rt-polarity.neg, sentiment.dev.0, train/positive.txt. A .tsv has the label
  after a tab. A folder with dev and test but no train is read with dev as train.

  Raises:
    UserError: no file, an empty one, another encoding, or a class with no example.
  """
  if unit not in UNITS:
    raise UserError(f"data.unit is {unit!r}; expected one of {', '.join(UNITS)}.")
  files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if _is_text(p))
  if not files:
    raise UserError(
      f"{path.name} holds no file of sentences; expected names that end in"
      f" {', '.join(ENDINGS)}, one sentence a line."
    )
  rows: dict[str, list] = collections.defaultdict(list)
  for file in files:
    one = path.is_file()  # whatever it is called, all there is
    split, label = ("train", "") if one else _split_and_label(file.relative_to(path))
    for line, own in _lines(file, encoding):
      symbols = tuple(line.split()) if unit == "word" else tuple(line)
      rows[split].append((symbols, label if own is None else own))
  if "train" not in rows and "valid" in rows:
    rows["train"] = rows.pop("valid")
  if "train" not in rows:
    raise UserError(f"{path.name} has a test split alone; expected a file named train.")
  labelled = len({label for part in rows.values() for _, label in part}) > 1
  return {
    split: Part([s for s, _ in part], [y for _, y in part] if labelled else None)
    for split, part in rows.items()
  }


def _is_text(path: pathlib.Path) -> bool:
  return path.is_file() and path.suffix in ENDINGS


def _split_and_label(path: pathlib.Path) -> tuple[str, str]:
  """(valid, 0) for sentiment.dev.0.gz; the names of folders count as words too."""
  words = re.split(r"[./\\_]", str(path.as_posix()))
  words = [w for w in words if w not in ("gz", "txt", "tsv", "")]
  split = next((SPLITS[w] for w in words if w in SPLITS), "train")
  return split, ".".join(w for w in words if w not in SPLITS).split(".")[-1]


def _lines(file: pathlib.Path, encoding: str) -> list[tuple[str, str | None]]:
  """The sentences of a file with their own label where it has a tab, else None."""
  raw = _files.unpacked(file)
  try:
    if codecs.lookup(encoding).name in NO_LETTERS:
      raise LookupError("no encoding of letters")
    text = raw.decode(encoding).removeprefix("\ufeff")
  except (ValueError, LookupError) as error:
    raise UserError(
      f"{file.name} cannot be read as {encoding} ({error}); save it as UTF-8, or name its"
      " encoding in data.encoding, latin-1 for the film reviews."
    ) from error
  lines = [line.strip() for line in text.split("\n")]
  lines = [line for line in lines if line]
  if not lines:
    raise UserError(f"{file.name} is empty; expected one sentence a line.")
  if ".tsv" not in file.suffixes:
    return [(line, None) for line in lines]
  pairs = [line.rpartition("\t") for line in lines]
  for row, (sentence, _, _) in enumerate(pairs, 1):
    if not sentence.strip():
      raise UserError(
        f"{file.name}, line {row}, has no sentence before a tab and a label; expected both."
      )
  return [(sentence.strip(), label.strip()) for sentence, _, label in pairs]


def vocabulary(sentences: list[tuple[str, ...]], least: int) -> tuple[str, ...]:
  """The symbols that occur `least` times or more, the most frequent first, after SPECIAL."""
  counts = collections.Counter(symbol for s in sentences for symbol in s)
  kept = [w for w, n in sorted(counts.items(), key=lambda c: (-c[1], c[0])) if n >= least]
  return (*SPECIAL, *(w for w in kept if w not in SPECIAL))


def encode(
  sentences: list[tuple[str, ...]], symbols: tuple[str, ...], length: int
) -> np.ndarray:
  """[N, length + 1] int32: the numbers of the symbols, the end (1), then padding (0)."""
  number = {symbol: i for i, symbol in enumerate(symbols)}
  x = np.zeros((len(sentences), length + 1), np.int32)
  for row, sentence in enumerate(sentences):
    x[row, : len(sentence)] = [number.get(symbol, 2) for symbol in sentence]
    x[row, len(sentence)] = 1
  return x


def unknown_share(x: np.ndarray) -> float:
  """Which share of the symbols, ends and padding aside, is unknown."""
  return float((x == 2).sum() / max(1, (x > 1).sum()))
