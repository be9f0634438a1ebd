"""NSL-KDD: connections of a network, 41 columns each, normal ones and 39 kinds of attack.

`path` is the folder with `KDDTrain+_20Percent.txt` or `KDDTrain+.txt` and `KDDTest+.txt`, plain
or gzipped, as the Canadian Institute for Cybersecurity publishes them. A row has 41 columns, the
name of the attack, and a level of difficulty, which is not read.

Source: Tavallaee, Bagheri, Lu & Ghorbani (2009), "A detailed analysis of the KDD Cup 99 data set".
"""

import csv
import gzip
import pathlib
from typing import Any

import numpy as np

from vae_jax.data import _columns, _normal, _split
from vae_jax.types import Column, Dataset, Spec, UserError

FITS_NORMAL = True  # normal rows are chosen here, before a scale is fitted on them
OPTIONS = {"path": "", "part": "20", "normal": "normal"}
TEST = "KDDTest+.txt"
PARTS = {"20": "KDDTrain+_20Percent.txt", "all": "KDDTrain+.txt"}
NAMES = (
  "duration", "protocol_type", "service", "flag", "src_bytes", "dst_bytes", "land",
  "wrong_fragment", "urgent", "hot", "num_failed_logins", "logged_in", "num_compromised",
  "root_shell", "su_attempted", "num_root", "num_file_creations", "num_shells",
  "num_access_files", "num_outbound_cmds", "is_host_login", "is_guest_login", "count",
  "srv_count", "serror_rate", "srv_serror_rate", "rerror_rate", "srv_rerror_rate",
  "same_srv_rate", "diff_srv_rate", "srv_diff_host_rate", "dst_host_count",
  "dst_host_srv_count", "dst_host_same_srv_rate", "dst_host_diff_srv_rate",
  "dst_host_same_src_port_rate", "dst_host_srv_diff_host_rate", "dst_host_serror_rate",
  "dst_host_srv_serror_rate", "dst_host_rerror_rate", "dst_host_srv_rerror_rate",
)  # fmt: skip
WORDS = ("protocol_type", "service", "flag")
BITS = ("land", "logged_in", "root_shell", "is_host_login", "is_guest_login")
CLASSES = ("normal", "dos", "probe", "r2l", "u2r")
ATTACKS = {
  "dos": """apache2 back land mailbomb neptune pod processtable smurf teardrop udpstorm
    worm""",
  "probe": "ipsweep mscan nmap portsweep saint satan",
  "r2l": """ftp_write guess_passwd httptunnel imap multihop named phf sendmail snmpgetattack
    snmpguess spy warezclient warezmaster xlock xsnoop""",
  "u2r": "buffer_overflow loadmodule perl ps rootkit sqlattack xterm",
}  # httptunnel as in the table of the paper: from a remote machine to a local one
KIND = {"normal": "normal"} | {
  attack: kind for kind, names in ATTACKS.items() for attack in names.split()
}
UNSEEN = "(unseen)"  # a word that train does not have


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [41]: words as categories, the rest as log(1 + v), standardised; label: kind of attack.

  Train is the published train file less `valid`, and test the published test file. Each column
  of words has a category more, for words that normal training rows do not have; 0 and 1 are
  categories too.

  Raises:
    UserError: a file is missing, a row has another number of cells, or a cell is no number.
  """
  if config["part"] not in PARTS:
    raise UserError(f"data.part is {config['part']!r}; expected {' or '.join(PARTS)}.")
  folder = _folder(config["path"], data_dir)
  rest, test = (_read(_file(folder, name)) for name in (PARTS[config["part"]], TEST))
  train, valid = _split.shuffled(rest, config["valid"], "valid", config["seed"])
  parts = {"train": train, "valid": valid, "test": test}
  parts = _normal.apply(parts, CLASSES, config, "nsl_kdd")
  columns = tuple(_column(i, parts["train"]["x"]) for i in range(len(NAMES)))
  parts = {split: _numbered(columns, fields) for split, fields in parts.items()}
  columns = _columns.fit(columns, parts["train"]["values"], parts["train"]["observed"])
  # Fitted as the logarithms they are now; what they are to others is a positive number of unit 1.
  named = tuple(c._replace(kind="positive") if c.kind == "real" else c for c in columns)
  splits = {
    split: {k: v for k, v in _columns.encode(columns, fields).items() if k in KEPT}
    for split, fields in parts.items()
  }
  return Dataset(
    "nsl_kdd",
    Spec((len(columns),), "table", "mixed", classes=CLASSES, columns=named),
    splits,
    f"NSL-KDD, {PARTS[config['part']]} and {TEST}; numbers as log(1 + v).",
  )


KEPT = ("x", "label", "anomaly")


def _folder(path: str, data_dir: str | None) -> pathlib.Path:
  root = pathlib.Path(data_dir or ".")
  tried = [pathlib.Path(path), root / path] if path else [root / "raw" / "nsl_kdd", root]
  for folder in tried:
    if _found(folder, TEST):
      return folder
  raise UserError(
    f"There is no {TEST}(.gz) in {' or '.join(map(str, tried))}; download NSL-KDD, and give its"
    " folder as data.path, or a folder that has raw/nsl_kdd as --data_dir."
  )


def _found(folder: pathlib.Path, name: str) -> pathlib.Path | None:
  return next((p for e in ("", ".gz") if (p := folder / f"{name}{e}").is_file()), None)


def _file(folder: pathlib.Path, name: str) -> pathlib.Path:
  path = _found(folder, name)
  if path is None:
    raise UserError(f"{folder} has no {name}(.gz); add the file.")
  return path


def _read(path: pathlib.Path) -> _split.Fields:
  """x [N, 41] words as the file has them, and the label [N]."""
  opened = gzip.open if path.suffix == ".gz" else open
  with opened(path, "rt") as file:
    rows = [row for row in csv.reader(file) if row]
  for number, row in enumerate(rows):
    if len(row) not in (len(NAMES) + 1, len(NAMES) + 2):
      raise UserError(
        f"{path.name}: row {number + 1} has {len(row)} cells; expected 41 columns, the name of"
        " the attack, and its difficulty or nothing."
      )
    if row[len(NAMES)] not in KIND:
      raise UserError(
        f"{path.name}: row {number + 1} is of the attack {row[len(NAMES)]!r}, which NSL-KDD does"
        " not have."
      )
  label = np.array([CLASSES.index(KIND[row[len(NAMES)]]) for row in rows], np.int32)
  return {"x": np.array([row[: len(NAMES)] for row in rows]), "label": label}


def _column(place: int, train: np.ndarray) -> Column:
  """A column with the words that training rows have."""
  name = NAMES[place]
  if name in BITS:
    return Column(name, "category", 3, names=("0", "1", UNSEEN))
  if name not in WORDS:
    return Column(name)
  names = (*map(str, np.unique(train[:, place])), UNSEEN)
  return Column(name, "category", len(names), names=names)


def _numbered(columns: tuple[Column, ...], fields: _split.Fields) -> _split.Fields:
  """The fields with `values` [N, 41] float64 in the place of words."""
  values = np.empty(fields["x"].shape)
  for i, column in enumerate(columns):
    cells = fields["x"][:, i]
    if column.names:
      place = {word: float(at) for at, word in enumerate(column.names)}
      values[:, i] = [place.get(str(word), len(place) - 1.0) for word in cells]
      continue
    try:
      values[:, i] = np.log1p(cells.astype(np.float64))
    except ValueError as error:
      raise UserError(f"NSL-KDD, column {NAMES[i]}: {error}; expected numbers.") from error
  return {**fields, "values": values, "observed": np.ones(values.shape, bool)}
