"""The file system is the registry: a name is a file, or a function in a file.

`find("objectives", "tc")` imports vae_jax/objectives/tc.py; `find("corruptions", "pixels")`
takes the function `pixels` of vae_jax/corruptions.py. No list is edited to add one.
"""

import difflib
import importlib
import inspect
import pathlib
import types
from typing import Any

from vae_jax.types import UserError

ROOT = pathlib.Path(__file__).parent


def nearest(name: str, known: list[str]) -> str:
  """A half sentence for an unknown name: the nearest known one, and all of them."""
  close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
  hint = f" Did you mean {close[0]!r}?" if close else ""
  return f"{hint} Known: {', '.join(sorted(known))}."


def names(kind: str) -> list[str]:
  """The names that can be found under a kind, sorted."""
  folder = ROOT / kind
  if folder.is_dir():
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))
  module = importlib.import_module(f"vae_jax.{kind}")
  return sorted(name for name, value in vars(module).items() if _is_entry(module, value))


def find(kind: str, name: str) -> Any:
  """The module `vae_jax/<kind>/<name>.py`, or the function `name` of `vae_jax/<kind>.py`.

  Raises:
    UserError: there is none of that name; the message lists the known ones and suggests
      the nearest.
  """
  if name not in names(kind):
    raise UserError(f"There is no {name!r} in {kind}.{nearest(name, names(kind))}")
  if (ROOT / kind).is_dir():
    return importlib.import_module(f"vae_jax.{kind}.{name}")
  return getattr(importlib.import_module(f"vae_jax.{kind}"), name)


def _is_entry(module: types.ModuleType, value: Any) -> bool:
  own = inspect.isfunction(value) and value.__module__ == module.__name__
  return own and not value.__name__.startswith("_")
