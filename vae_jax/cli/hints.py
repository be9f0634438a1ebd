"""Suggestions for a misspelt or unknown flag."""

import argparse
import difflib

from vae_jax.types import UserError


def of_training(word: str, parser: argparse.ArgumentParser, config: str) -> str:
  """A half sentence for an unknown argument of a training.

  `--data-dir=x` is the flag --data_dir, `--beta=4` the field --config.hyper.beta.
  """
  name, value = _parts(word)
  if (found := _flag(name, value, parser)) is not None:
    return found
  fields = _fields(config)
  known = sorted({field.rpartition(".")[2] for field in fields})
  for close in (name, *difflib.get_close_matches(name, known, n=1, cutoff=0.6)):
    meant = [f"--config.{f}{value}" for f in fields if f.rpartition(".")[2] == close]
    if meant:
      return f" Did you mean {' or '.join(meant)}?"
  return ""


def of_evaluation(word: str, parser: argparse.ArgumentParser) -> str:
  """A half sentence for an unknown argument of an evaluation: a flag, or a setting."""
  from vae_jax import registry

  name, value = _parts(word)
  if (found := _flag(name, value, parser)) is not None:
    return found
  modules = [registry.find("applications", one) for one in registry.names("applications")]
  known = sorted({setting for module in modules for setting in module.SETTINGS})
  close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
  return f" Did you mean --set {close[0]}{value}?" if close else " --help lists the flags."


def _parts(word: str) -> tuple[str, str]:
  """The name in our spelling, and the value with its equals sign."""
  name, given, value = word.partition("=")
  return name.lstrip("-").replace("-", "_").rpartition(".")[2], given + value


def _flag(name: str, value: str, parser: argparse.ArgumentParser) -> str | None:
  known = [s for action in parser._actions for s in action.option_strings]
  close = difflib.get_close_matches(f"--{name}", known, n=1, cutoff=0.8)
  return f" Did you mean {close[0]}{value}?" if close else None


def _fields(path: str) -> list[str]:
  """The dotted names of a configuration's fields; none where it cannot be read."""
  from vae_jax import config

  try:
    full = config.load(path, {})
  except UserError:
    return []
  sections = {k: v for k, v in full.items() if isinstance(v, dict) and k != "sweep"}
  return ["seed", *(f"{s}.{name}" for s, fields in sections.items() for name in fields)]
