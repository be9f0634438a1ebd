"""What a user's own file is, and the configuration of ours that suits it."""

from collections.abc import Callable
from typing import Any

TEXTS = (".csv", ".tsv")  # also gzipped
PARQUET = ".parquet"
FEWEST = 50  # held-out examples of one's own from which a claim is made


def is_table(path: str) -> bool:
  """Whether a name is of a file that holds a table: a csv or tsv, also gzipped, or a parquet."""
  return is_text(path) or is_parquet(path)


def is_text(path: str) -> bool:
  """Whether a name is of a csv or tsv, also gzipped."""
  return path.lower().removesuffix(".gz").endswith(TEXTS)


def is_parquet(path: str) -> bool:
  """Whether a name is of a parquet file."""
  return path.lower().endswith(PARQUET)


def routed(
  file: dict,
  given: dict,
  read: Callable[[str], dict],
  kind_of: Callable[[str], tuple[str, dict]],
) -> tuple[dict, dict]:
  """The settings to start from, and those given, once one's own file is known.

  A csv or parquet given to a loader of arrays is a table of one's own, and a folder of pictures is
  images. A long csv, a folder of csv files or an array [N, T, F] is sequences, which need a model
  of sequences. Their settings are taken from `configs/tables.py`, `configs/images.py` and
  `configs/sequences.py`. Settings that were given override them. A configuration that names a path
  is not changed, and a named loader of tables reads a table.

  Args:
    file: the settings of the configuration file.
    given: those of the command line or of `fit`, nested.
    read: the name of a configuration -> its settings.
    kind_of: a path -> the configuration that suits what lies there, and the fields of `data` it
      then has; an empty name where nothing is to be changed.
  """
  data, chosen = given.get("data", {}), file.get("data", {})
  if not isinstance(chosen, dict) or not isinstance(data, dict):
    return file, given  # `config` has a sentence for it
  name, path = data.get("name", chosen.get("name")), data.get("path", "")
  if name == "series" and path and chosen.get("set") == "made" and "set" not in data:
    return file, {**given, "data": {"set": "csv", **data}}
  if name == "tables" and path and "set" not in data:
    return file, {**given, "data": {"set": "own", **data, **_no_holes(data)}}
  if name != "arrays" or not isinstance(path, str):
    return file, given
  kind = data.get("kind", chosen.get("kind", ""))
  found, fields = kind_of(path) if kind in ("", "sequence") else ("", {})
  kept = {k: v for k, v in data.items() if k not in ("name", "kind", "domain", "binarise")}
  if fields.get("kind") == "sequence":
    return read(found), {**given, "data": {**data, **fields}}
  if found:
    return read(found), {**given, "data": {**fields, **kept}}
  if is_table(path):
    return read("tables"), {**given, "data": {"set": "own", **kept}}
  if kind == "sequence" and "name" not in given.get("model", {}):
    return read("sequences"), given
  return file, given


def refused(outcome: Any) -> list[str]:
  """A sentence in the place of a verdict, where one's own data has too few held-out examples.

  The interval of so few says little, and its normal form is not to be trusted.

  Args:
    outcome: an `evaluation.answer.Outcome`; its rows are shown all the same.
  """
  fewest = min((len(task.examples["id"]) for task in outcome.tasks), default=FEWEST)
  if fewest >= FEWEST or not any(is_own(run.config["data"]) for run in outcome.runs):
    return []
  return [
    f"No verdict: {fewest} held-out example(s) are too few to say who is ahead, which takes"
    f" {FEWEST}. Hold out more with --config.data.test, or bring more data."
  ]


def is_own(data: dict[str, Any]) -> bool:
  """Whether the data of a complete configuration is a file or a folder of one's own."""
  published = data.get("set", "own") not in ("own", "csv", "")
  return data["name"] == "images" or bool(data.get("path") and not published)


def _no_holes(data: dict[str, Any]) -> dict[str, float]:
  """A table of one's own has holes already: none are made unless that is said."""
  return {} if "rate" in data else {"rate": 0.0}
