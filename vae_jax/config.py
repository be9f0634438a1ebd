"""One configuration: a file's settings, the command line's, and the defaults they complete.

A config file names the parts and gives some of their options. Which options a part has is read
from the part itself: a model's fields, a likelihood's arguments, an objective's HYPER. So
there is no central list of options. The result is complete and checked, and is written to
config.json.
"""

import ast
import importlib.util
import inspect
import math
import os
import pathlib
from typing import Any

from ml_collections import ConfigDict

from vae_jax import own, ranges, registry
from vae_jax.types import UserError

NUMBERS = {  # the part of `hyper` that every objective has
  "learning_rate": 1e-3,
  "decoder_rate": 1.0,  # of the learning rate, for what only the decoder has
  "weight_decay": 0.0,  # decoupled: Adam at 0, AdamW above
  "clip_norm": 0.0,  # of the gradient's global norm; 0: no clipping
  "ema_decay": 0.999,  # read when optimizer.ema is on
  "corruption_rate": 0.0,
}
OPTIMIZER = {"b1": 0.9, "b2": 0.999, "eps": 1e-8, "ema": False}
TRAIN = {
  "batch_size": 128,
  "epochs": 20.0,
  "steps": 0,  # when above 0, in place of epochs
  "log_every": 100,  # steps a metrics row averages over: one dispatch
  "eval_batch_size": 500,  # examples at once in an evaluation: memory, not the result
  "eval_every": 0,  # steps; 0: once an epoch
  "checkpoint_every": 0,  # steps; 0: at each evaluation
  "keep": 2,  # how many of the latest checkpoints stay, beside the best parameters
  "resident_bytes": 2_000_000_000,  # a split up to this size lives on the device
  "precision": "default",  # of products in training: as the hardware does them, or "float32"
  "patience": 0,  # evaluations without a better one after which a member stops; 0: none stops
  "members_at_once": 0,  # of a sweep, in the memory of all devices; 0: what fits
}
HALVING = {  # early stopping across the members of a sweep
  "first": 0,  # the step of the first cut; 0: every member is trained to the end
  "factor": 2.0,  # of members from cut to cut, and of steps
}
TWO_STAGE = {  # a training that begins with the parameters of a model trained before
  "run": "",  # its run directory; empty: the whole model is drawn anew
  "member": -1,  # of that run; -1: its only one, or that of the same seed
  "learn": "prior",  # the prior alone, "all", or "fresh_decoder": all, the decoder drawn anew
}
SCHEDULE_STEPS = 1000.0
SECTIONS = ("hyper", "schedule", "optimizer", "train", "halving", "two_stage")
PARTS = (  # each has a name
  "data", "model", "likelihood", "prior", "posterior", "objective", "corruption"
)  # fmt: skip
NAMES = {"prior": "standard", "posterior": "diagonal", "corruption": "none"}  # by default
KINDS = {"likelihood": "likelihoods", "corruption": "corruptions"}  # functions of a file


def load(path: str, overrides: dict[str, Any], data_dir: str | None = None) -> dict:
  """The complete configuration of a file "configs/x.py[:argument]" with overrides.

  Args:
    path: of a Python file with `get_config(argument="") -> ConfigDict`, or the name of one of
      ours, "x[:argument]".
    overrides: dotted name -> the value, of a text as written on the command line.
    data_dir: where a file of one's own is looked for beside here, to know what it holds.

  Raises:
    UserError: no such file, an unknown field, or a value of the wrong type.
  """
  file, given = _read(path), {}
  for name, value in overrides.items():
    _set(
      given, name.split("."), literal(value) if isinstance(value, str) else _plain(value)
    )
  argument = path.partition(":")[2]  # of the file that is named, and of the one that suits
  read = lambda name: _read(f"{name}:{argument}" if argument else name)
  file, given = own.routed(file, given, read, lambda path: _kind_of(path, data_dir))
  return resolve(_merged(file, given))


def _kind_of(path: str, data_dir: str | None) -> tuple[str, dict]:
  from vae_jax import data  # as in `_options`

  return data.kind_of(path, data_dir)


def override(full: dict, fields: dict[str, Any]) -> dict:
  """A complete configuration with other values in some fields, given by dotted name.

  What belongs to a part that is exchanged alone (its options, its numbers) goes with it.

  Raises:
    UserError: an unknown field, or a value of the wrong type.
  """
  given: dict[str, Any] = {}
  for name, value in fields.items():
    _set(given, name.split("."), value)
  return resolve(_merged(full, given)) if fields else full


def resolve(partial: dict) -> dict:
  """Completes a partial configuration with the defaults of the parts it names.

  Raises:
    UserError: an unknown field, a value of the wrong type or out of its range.
  """
  known = ["seed", "sweep", *PARTS, *SECTIONS]
  _refuse_unknown("config", partial, known)
  _check_sections(partial)
  given = {part: dict(partial.get(part, {})) for part in known[2:]}
  full: dict[str, Any] = {"seed": fit("config.seed", 0, partial.get("seed", 0))}
  numbers = dict(NUMBERS)
  for part in PARTS:
    name = given[part].pop("name", NAMES.get(part))
    if name is None:
      raise UserError(f"config.{part}.name is missing: name one of {part}'s files.")
    full[part] = {"name": name, **_complete(part, _options(part, name), given[part])}
    numbers |= _numbers(part, name)
  full["optimizer"] = _complete("optimizer", OPTIMIZER, given["optimizer"])
  full["train"] = _complete("train", TRAIN, given["train"])
  full["halving"] = _complete("halving", HALVING, given["halving"])
  full["two_stage"] = _complete("two_stage", TWO_STAGE, given["two_stage"])
  full["schedule"] = _schedule(given["schedule"], numbers)
  for name, schedule in given["schedule"].items():
    if schedule == "constant":
      given["hyper"].pop(f"{name}_steps", None)
  numbers |= {f"{name}_steps": SCHEDULE_STEPS for name in full["schedule"]}
  full["hyper"] = _complete("hyper", numbers, given["hyper"])
  full["sweep"] = _plain(partial.get("sweep", {}))
  ranges.check_plain("config.sweep", full["sweep"])
  ranges.check(full)
  return full


def _check_sections(settings: dict) -> None:
  """Refuses a value where fields are expected, and a part whose name is none."""
  for name in (*PARTS, *SECTIONS):
    section = settings.get(name, {})
    if not isinstance(section, dict) or not all(isinstance(key, str) for key in section):
      field = "name" if name in PARTS else "<field>"
      raise UserError(
        f"config.{name} is {section!r}; it has fields: write config.{name}.{field}=<value>."
      )
  for part in PARTS:
    name = settings.get(part, {}).get("name", "")
    if not isinstance(name, str):
      raise UserError(f"config.{part}.name is {name!r}; it must be a name, a text.")


def _options(part: str, name: str) -> dict:
  """The options of one part, `config.<part>.<option>`, with their defaults."""
  from vae_jax import data, vae  # they import JAX, which `--help` must not wait for

  if part == "data":
    return data.options(name)
  if part == "model":
    return {"latents": 10, **vae.model_options(name)}
  if part in KINDS:
    return _arguments(registry.find(KINDS[part], name))
  return getattr(registry.find(f"{part}s", name), "OPTIONS", {})


def _numbers(part: str, name: str) -> dict[str, float]:
  """The numbers of `hyper` that one part reads, with their defaults."""
  from vae_jax import vae

  if part == "objective":
    objective = registry.find("objectives", name)
    own = {"objective_rate": 1.0} if hasattr(objective, "parameters") else {}
    return {**objective.HYPER, **own}
  if part == "posterior":
    return getattr(registry.find("posteriors", name), "HYPER", {})
  return vae.model_numbers(name) if part == "model" else {}


def _merged(file: dict, given: dict) -> dict:
  """The file's settings with the command line's over them.

  Where the command line names another part, what the file said of the old one alone is
  dropped: `--config.likelihood.name=bernoulli` needs no word on the old likelihood's scale.
  """
  _check_sections(file)
  _check_sections(given)
  merged = {**file, **given}
  for name, values in given.items():
    if isinstance(values, dict) and isinstance(file.get(name), dict) and name != "sweep":
      merged[name] = {**file[name], **values}
  for part in PARTS:
    old, new = file.get(part, {}).get("name"), merged.get(part, {}).get("name")
    if old in (None, new):
      continue
    was, now, said = _options(part, old), _options(part, new), file.get(part, {})
    gone = _left_behind(was, now, said) | ({*merged[part]} - {"name", *now})
    kept = {"name", *given[part]}
    merged[part] = {k: v for k, v in merged[part].items() if k in kept or k not in gone}
    was, now = _numbers(part, old), _numbers(part, new)
    gone = _left_behind(was, now, file.get("hyper", {}))
    gone |= {f"{name}_steps" for name in gone if name not in now}
    for where in ("hyper", "schedule"):
      rest = {k: v for k, v in merged.get(where, {}).items() if k not in gone}
      merged[where] = {**rest, **given.get(where, {})}
  return merged


def _left_behind(was: dict, now: dict, said: dict) -> set[str]:
  """What does not go with an exchanged part: names the new one lacks, and the old defaults."""
  default = lambda name: name in said and said[name] == was[name] != now[name]
  return {name for name in was if name not in now or default(name)}


def difference(old: dict, new: dict, prefix: str = "config") -> list[str]:
  """The fields in which two complete configurations differ, a readable line each."""
  lines = []
  for name in sorted({*old, *new}):
    path, missing = f"{prefix}.{name}", "(absent)"
    a, b = old.get(name, missing), new.get(name, missing)
    if isinstance(a, dict) and isinstance(b, dict):
      lines += difference(a, b, path)
    elif a != b:
      lines.append(f"{path}: {a!r} there, {b!r} here")
  return lines


def folder() -> pathlib.Path:
  """Where our configurations are: in the wheel within the package, in a checkout beside it."""
  package = pathlib.Path(__file__).parent
  inside = package / "configs"
  return inside if inside.is_dir() else package.parent / "configs"


def names() -> list[str]:
  """The names of our configurations, sorted."""
  return sorted(path.stem for path in folder().glob("*.py") if path.stem[0] != "_")


def _read(path: str) -> dict:
  file, _, argument = path.partition(":")
  if file in names():
    file = str(folder() / f"{file}.py")
  if not os.path.isfile(file) or pathlib.Path(file).suffix != ".py":
    raise UserError(
      f"There is no config file {file!r}.{registry.nearest(pathlib.Path(file).stem, names())}"
    )
  spec = importlib.util.spec_from_file_location("vae_jax_config", file)
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
    settings = module.get_config(argument) if argument else module.get_config()
  except UserError:
    raise
  except (Exception, SystemExit) as error:
    raise UserError(
      f"The config {path!r} failed: {type(error).__name__}: {error}. It must be a Python file"
      f" with get_config(argument='') that returns a ConfigDict."
    ) from error
  if not isinstance(settings, ConfigDict | dict):
    raise UserError(
      f"The config {path!r} returned {type(settings).__name__}; its get_config must return a"
      " ConfigDict."
    )
  return _plain(settings)


def _plain(value: Any) -> Any:
  if isinstance(value, ConfigDict):
    return _plain(value.to_dict())
  if isinstance(value, dict):
    return {k: _plain(v) for k, v in value.items()}
  if isinstance(value, list | tuple):
    return [_plain(v) for v in value]
  return value


def literal(text: str) -> Any:
  """A value as written on a command line: a Python literal, true or false, else a string."""
  try:
    return _plain(ast.literal_eval(text))
  except (ValueError, SyntaxError, RecursionError, MemoryError):
    lowered = text.lower()
    return {"true": True, "false": False}.get(lowered, text)


def _set(settings: dict, path: list[str], value: Any) -> None:
  for name in path[:-1]:
    settings = settings.setdefault(name, {})
    if not isinstance(settings, dict):
      raise UserError(f"config.{'.'.join(path)}: {name!r} is a value and has no fields.")
  settings[path[-1]] = value


def _arguments(function: Any) -> dict:
  parameters = inspect.signature(function).parameters.values()
  return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _complete(part: str, defaults: dict, given: dict) -> dict:
  _refuse_unknown(f"config.{part}", given, list(defaults))
  return {
    name: fit(f"config.{part}.{name}", default, given.get(name, default))
    for name, default in defaults.items()
  }


def _refuse_unknown(where: str, given: dict, known: list[str]) -> None:
  for name in given:
    if name not in known:
      hint = registry.nearest(str(name), known)
      raise UserError(f"{where} has no field {name!r}.{hint}")


def fit(where: str, default: Any, value: Any) -> Any:
  """The value as the type of its default: an int becomes a float, 4.0 becomes 4."""
  number = isinstance(value, int | float) and not isinstance(value, bool)
  if isinstance(default, bool) and isinstance(value, bool):
    return value
  if isinstance(default, float) and number:
    return float(value)
  if (
    isinstance(default, int)
    and not isinstance(default, bool)
    and number
    and math.isfinite(value)
    and value == int(value)
  ):
    return int(value)
  if isinstance(default, str) and isinstance(value, str):
    return value
  if isinstance(default, list | tuple) and isinstance(value, list | tuple):
    return [fit(where, default[0], v) for v in value] if default else list(value)
  kind = (
    "a list" if isinstance(default, list | tuple) else f"of type {type(default).__name__}"
  )
  raise UserError(f"{where} is {value!r}; it must be {kind}, like its default {default!r}.")


def _schedule(given: dict, numbers: dict) -> dict:
  _refuse_unknown("config.schedule", given, list(numbers))
  for name, schedule in given.items():
    if not isinstance(schedule, str):
      raise UserError(f"config.schedule.{name} is {schedule!r}; it must name a schedule.")
    registry.find("schedules", schedule)
  return {k: v for k, v in sorted(given.items()) if v != "constant"}
