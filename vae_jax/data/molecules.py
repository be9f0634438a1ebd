"""Molecules as rows of symbols: SMILES or SELFIES of a file, or of a small embedded set.

`path` names a file with one SMILES a line, or a csv with a column of them: QM9, ZINC, ESOL and
other sets as they are published. Behind a SMILES there may be a name. `raw/<path>` of the data
folder is looked at too. Without a path they are well-known molecules and others GENERATED from
cores and groups. Only `canonical`, `format=selfies` and `split=scaffold` need RDKit and selfies,
the extra `chem`.
"""

import collections
import pathlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.data import _csv, _files, _molecules, _split, _text
from vae_jax.metrics import chemistry
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {
  "path": "",  # empty: the embedded set
  "column": "",  # of a csv: that of the SMILES; empty: the one of such a name
  "format": "smiles",  # or "selfies": what a symbol is of
  "canonical": False,  # in RDKit's canonical form
  "length": 100,  # symbols; a longer molecule is left out
  "unknown": 0.01,  # the largest share of symbols in a split that train does not have
  "test": 0.1,  # held out: below 1 a fraction, else a count
  "split": "random",  # or "scaffold": no scaffold of test is in train
  "limit": 0,  # molecules at most, drawn with the seed; 0: all
}
# An atom in brackets, an element, a bond, a branch or a ring: Schwaller et al. (2018).
SYMBOL = re.compile(r"\[[^\[\]]+\]|Br|Cl|%\d\d|[BCNOPSFIbcnops0-9()=#$/\\.:~*+\-@]")
COLUMNS = ("smiles", "canonical_smiles", "smile", "molecule", "structure")


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [T] int32: symbols, 1 at the end, 0 as padding. A molecule written twice is kept once.

  Raises:
    UserError: a file that is missing or damaged, a line that is no SMILES, options that cannot be
      meant, too many unknown symbols, or an extra that is not installed.
  """
  _check(config)
  if config["path"]:
    path = _text.find(config["path"], data_dir, "molecules")
    name, found = path.name.split(".")[0], read(path, config["column"])
    note = f"Molecules of {name}."
  else:
    name = "small molecules"
    found = {s: n for n, s in _molecules.NAMED.items()}
    found |= dict.fromkeys(_molecules.enumerated(), "GENERATED")
    note = (
      f"{len(_molecules.NAMED)} well-known molecules and {len(found) - len(_molecules.NAMED):,}"
      " GENERATED ones: cores with two groups each."
    )
  smiles = _canonical(found) if config["canonical"] else list(found)
  if config["limit"] and len(smiles) > config["limit"]:
    rng = np.random.default_rng(config["seed"])
    kept = np.sort(rng.choice(len(smiles), config["limit"], replace=False))
    smiles = [smiles[i] for i in kept]
  rows = [_symbols_of(config["format"])(one, found.get(one, one)) for one in smiles]
  fits = [i for i, one in enumerate(rows) if 0 < len(one) <= config["length"]]
  if dropped := len(rows) - len(fits):
    note += (
      f" {dropped:,} longer than {config['length']} symbols, or not written, are left out."
    )
  if len(fits) < 3:
    raise UserError(
      f"{name} has {len(fits)} molecules of at most {config['length']} symbols."
    )
  rows, smiles = [rows[i] for i in fits], [smiles[i] for i in fits]
  return _numbers(name, rows, _parts(smiles, config), config, note)


def tokens(smiles: str, where: str = "") -> tuple[str, ...]:
  """The symbols of a SMILES.

  Args:
    smiles: its letters.
    where: of it, for the message.

  Raises:
    UserError: a letter that no SMILES has; the message names it and its place.
  """
  found = tuple(SYMBOL.findall(smiles))
  if not found or sum(map(len, found)) != len(smiles):
    left = SYMBOL.sub(" ", smiles).split()
    reason = f"{left[0]!r} is no symbol of it" if left else "it is empty"
    raise UserError(f"{where or 'The molecule'} {smiles!r} is no SMILES: {reason}.")
  return found


def smiles(x: np.ndarray, spec: Spec, form: str) -> list[str]:
  """The SMILES of rows [N, T] of a dataset whose format is "smiles" or "selfies"."""
  found = ["".join(spec.symbols[i] for i in _before_end(row)) for row in x]
  return [chemistry.from_selfies(one) for one in found] if form == "selfies" else found


def parse(smiles: str, spec: Spec, form: str, where: str = "") -> np.ndarray:
  """A SMILES as a row [T] of symbols that a trained model reads.

  Args:
    smiles: a name of the embedded set will do too.
    spec: of the molecules that the model was trained on.
    form: "smiles" or "selfies".
    where: of it, for the message.

  Raises:
    UserError: it is no SMILES, too long, or has a symbol that the model was not trained on.
  """
  written = _molecules.NAMED.get(smiles.strip().lower(), smiles.strip())
  found = _symbols_of(form)(written, where or "The molecule")
  if not 1 <= len(found) < spec.shape[0]:
    raise UserError(
      f"{where or 'The molecule'} {written!r} has {len(found)} symbols; expected 1 to"
      f" {spec.shape[0] - 1}."
    )
  known = set(spec.symbols)
  if strange := [symbol for symbol in found if symbol not in known]:
    raise UserError(
      f"{where or 'The molecule'} {written!r} has the symbol {strange[0]!r}, which the model was"
      " not trained on."
    )
  return _text.encode([found], spec.symbols, spec.shape[0] - 1)[0]


def read(path: pathlib.Path, column: str = "") -> dict[str, str]:
  """The SMILES of a file, in order and each once, with where they stand.

  Raises:
    UserError: no such column, or an empty cell.
  """
  content = _files.unpacked(path)
  first = content[:4096].decode("utf-8", "replace").split("\n")[0].lower()
  if column or {c.strip(' "\r') for c in re.split(r"[,;\t]", first)} & set(COLUMNS):
    names, columns = cells(path)
    written = columns[names.index(smiles_column(names, column, path.name))]
    lines = enumerate((cell.strip() for cell in written), 2)
  else:
    text, _ = _files.text(content, path.name)
    words = [line.split()[:1] for line in text.split("\n")]
    lines = ((i, word[0]) for i, word in enumerate(words, 1) if word)
  found: dict[str, str] = {}
  for number, one in lines:
    if not one:
      raise UserError(f"{path.name}, line {number}, has no SMILES.")
    found.setdefault(one, f"{path.name}, line {number}:")
  if not found:
    raise UserError(f"{path.name} is empty; expected one SMILES a line.")
  return found


def cells(path: pathlib.Path) -> tuple[list[str], list[list[str]]]:
  """The names and the cells of each column of a csv.

  Raises:
    UserError: it is damaged.
  """
  return _csv.read(path)[:2]


def smiles_column(names: list[str], column: str, where: str) -> str:
  """The name of the column that holds SMILES.

  Raises:
    UserError: there is none of that name, or of a usual one.
  """
  found = [n for n in names if n == column or (not column and n.lower() in COLUMNS)]
  if not found:
    raise UserError(
      f"{where} has no column {column or 'smiles'!r}; it has {', '.join(names)}: name the column"
      " of the SMILES."
    )
  return found[0]


def _check(config: dict[str, Any]) -> None:
  for name, known in (("format", ("smiles", "selfies")), ("split", ("random", "scaffold"))):
    if config[name] not in known:
      raise UserError(f"data.{name} is {config[name]!r}; expected {' or '.join(known)}.")
  for name, least in (("length", 1), ("limit", 0)):
    if config[name] < least:
      raise UserError(f"data.{name} is {config[name]}; expected at least {least}.")
  if not 0 <= config["unknown"] <= 1:
    raise UserError(f"data.unknown is {config['unknown']}; expected a share in [0, 1].")


def _canonical(found: dict[str, str]) -> list[str]:
  made: dict[str, None] = {}
  for one, where in found.items():
    if not (form := chemistry.canonical(one)):
      raise UserError(f"{where} {one!r} is no valid SMILES: correct or remove it.")
    made[form] = None
  return list(made)


def _symbols_of(form: str) -> Callable[[str, str], tuple[str, ...]]:
  if form == "smiles":
    return tokens
  # What selfies cannot write is as one without symbols, which is left out and counted.
  return lambda one, where: chemistry.symbols(chemistry.to_selfies(one))


def _before_end(row: np.ndarray) -> np.ndarray:
  ends = np.flatnonzero(np.asarray(row) < 2)
  return row[: ends[0] if len(ends) else len(row)]


def _parts(smiles: list[str], config: dict[str, Any]) -> dict[str, np.ndarray]:
  """The rows of each split: drawn with the seed, or by scaffold."""
  count = len(smiles)
  order = np.random.default_rng(config["seed"]).permutation(count)
  if config["split"] == "scaffold":
    groups: dict[str, list[int]] = collections.defaultdict(list)
    for i in order:
      groups[chemistry.scaffold(smiles[i])].append(i)
    # Large groups first: what is held out has the rare scaffolds, as MoleculeNet splits.
    order = np.concatenate(sorted(groups.values(), key=len))
  test = _split.count(config["test"], count, "test")
  valid = _split.count(config["valid"], count - test, "valid")
  parts = {"test": order[:test], "valid": order[test : test + valid]}
  parts["train"] = order[test + valid :]
  if config["split"] == "scaffold":  # a group that the border cuts goes to train whole
    known = {chemistry.scaffold(smiles[i]) for i in parts["train"]}
    apart = [i for i in parts["test"] if chemistry.scaffold(smiles[i]) not in known]
    joined = np.setdiff1d(parts["test"], apart)
    parts |= {"test": np.array(apart), "train": np.r_[parts["train"], joined]}
  return {name: np.sort(rows).astype(int) for name, rows in parts.items()}


def _numbers(
  name: str, rows: list, parts: dict[str, np.ndarray], config: dict, note: str
) -> Dataset:
  of = lambda part: [rows[i] for i in parts[part]]
  symbols = _text.vocabulary(of("train"), 1)
  length, splits = max(map(len, rows)), {}
  for split in ("train", "valid", "test"):
    x = _text.encode(of(split), symbols, length)
    if (share := _text.unknown_share(x)) > config["unknown"]:
      raise UserError(
        f"{name}, split {split}: {100 * share:.1f} % of the symbols are not in train, and"
        f" data.unknown allows {100 * config['unknown']:g} %; raise it, or give more molecules."
      )
    splits[split] = {"x": x}
  note += f" {config['format'].upper()} of {len(symbols)} symbols."
  spec = Spec((length + 1,), "sequence", "category", len(symbols), (), symbols)
  return Dataset(name, spec, splits, note)
