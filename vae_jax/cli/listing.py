"""Lists what there is, a line each, and what may be swept: configs, data, models, ...

With a name of a kind, `vae-jax list objectives`, that kind alone.
"""

import argparse
import ast
import inspect

from vae_jax import flags, registry

KINDS = (
  "configs",
  "data",
  "models",
  "likelihoods",
  "objectives",
  "priors",
  "posteriors",
  "applications",
  "corruptions",
  "schedules",
)
WIDTH = 22


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Prints one kind or all of them."""
  parser = argparse.ArgumentParser(prog=prog, description=__doc__, allow_abbrev=False)
  parser.add_argument("kind", nargs="?", help=", ".join((*KINDS, "sweep")))
  flags.add_plugins(parser)
  known = parser.parse_args(words)
  with flags.told_in_one_sentence():
    if known.plugins:
      registry.plug(known.plugins)
    print("\n".join(lines(known.kind)))


def lines(kind: str | None = None) -> list[str]:
  """The list as text; of all kinds, and of what may be swept, where none is named.

  Raises:
    UserError: there is no such kind.
  """
  from vae_jax.types import UserError

  known = (*KINDS, "sweep")
  if kind is not None and kind not in known:
    raise UserError(f"There is no kind {kind!r}.{registry.nearest(kind, [*known])}")
  found = []
  for one in known if kind is None else (kind,):
    rows = swept() if one == "sweep" else described(one)
    found += [f"{_title(one)}:", *(f"  {name:{WIDTH}} {text}" for name, text in rows), ""]
  return found[:-1]


def described(kind: str) -> list[tuple[str, str]]:
  """(name, one line) of everything of a kind: the first sentence of its docstring."""
  if kind == "configs":
    from vae_jax import config

    files = ((name, config.folder() / f"{name}.py") for name in config.names())
    return [
      (name, _first(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))))
      for name, file in files
    ]
  return [(name, _line(kind, name)) for name in registry.names(kind)]


def swept() -> list[tuple[str, str]]:
  """What a sweep may vary, and who reads it."""
  from vae_jax import config, vae

  rows = [("seed, data_seed", "of the members, of the data")]
  rows += [(name, "every run") for name in config.NUMBERS]
  readers: dict[str, list[str]] = {}
  for name in registry.names("objectives"):
    for number in registry.find("objectives", name).HYPER:
      readers.setdefault(number, []).append(f"objective {name}")
  for name in registry.names("models"):
    for number in vae.model_numbers(name):
      readers.setdefault(number, []).append(f"model {name}")
  for name in registry.names("posteriors"):
    for number in getattr(registry.find("posteriors", name), "HYPER", {}):
      readers.setdefault(number, []).append(f"posterior {name}")
  rows += [(name, ", ".join(who)) for name, who in sorted(readers.items())]
  static = "model.latents, objective.name, ...: any other field, a program for each value"
  return [*rows, ("static fields", static)]


def _title(kind: str) -> str:
  return "What may be swept (--config.sweep)" if kind == "sweep" else kind.capitalize()


def _line(kind: str, name: str) -> str:
  entry = registry.find(kind, name)
  text = _first(inspect.getdoc(entry))
  if kind == "applications":
    return entry.QUESTION
  numbers = [*getattr(entry, "HYPER", {})]
  return f"{text} [{', '.join(numbers)}]" if numbers else text


def _first(text: str | None) -> str:
  """The first paragraph of a docstring on one line, its first sentence."""
  paragraph = " ".join((text or "").split("\n\n")[0].split())
  return paragraph.split(". ")[0].rstrip(".")
