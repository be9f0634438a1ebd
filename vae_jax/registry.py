"""The file system is the registry: a name is a file, or a function in a file.

`find("objectives", "tc")` imports vae_jax/objectives/tc.py; `find("corruptions", "pixels")`
takes the function `pixels` of vae_jax/corruptions.py. In a folder whose `FUNCTIONS` is true an
entry is the function that its file is named after: `find("likelihoods", "gaussian")` takes
`gaussian` of vae_jax/likelihoods/gaussian.py. No list is edited to add one. `plug` adds a folder
of one's own, with sub-folders named like ours: both programs' --plugins.
"""

import difflib
import importlib
import inspect
import pathlib
import pkgutil
import types
from typing import Any

from vae_jax.types import UserError

PLUGGED = (  # kinds that are folders of files, and so may have files elsewhere
  "models",
  "likelihoods",
  "objectives",
  "priors",
  "posteriors",
  "data",
  "baselines",
  "applications",
)


def plug(folder: str | pathlib.Path) -> None:
  """Adds the files of a folder of one's own: my/objectives/x.py is found as the objective "x".

  Args:
    folder: with sub-folders named as in PLUGGED; any of them, and nothing else is read.

  Raises:
    UserError: it is not there, has none of those sub-folders, or a file has the name of one
      that is known already.
  """
  root = pathlib.Path(folder).resolve()
  if not root.is_dir():
    raise UserError(
      f"There is no plugins folder {folder}: give the one with --plugins=DIR."
    )
  kinds = [kind for kind in PLUGGED if (root / kind).is_dir()]
  if not kinds:
    raise UserError(
      f"{folder} has none of the sub-folders {', '.join(PLUGGED)}: a plugin is a file in one of"
      " them."
    )
  for kind in kinds:
    path = importlib.import_module(f"vae_jax.{kind}").__path__
    where = str(root / kind)
    if where in path:
      continue
    own = {found.name for found in pkgutil.iter_modules([where])} - {"__init__"}
    if twice := sorted(own & set(names(kind))):
      raise UserError(
        f"{where}/{twice[0]}.py has the name of one that is known already: rename it."
      )
    path.append(where)


def nearest(name: str, known: list[str]) -> str:
  """A half sentence for an unknown name: the nearest known one, and all of them."""
  close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
  hint = f" Did you mean {close[0]!r}?" if close else ""
  return f"{hint} Known: {', '.join(sorted(known))}."


def names(kind: str) -> list[str]:
  """The names that can be found under a kind, sorted."""
  module = importlib.import_module(f"vae_jax.{kind}")
  if hasattr(module, "__path__"):
    files = (found.name for found in pkgutil.iter_modules(module.__path__))
    return sorted(name for name in files if not name.startswith("_"))
  return sorted(name for name, value in vars(module).items() if _is_entry(module, value))


def find(kind: str, name: str) -> Any:
  """The module `vae_jax/<kind>/<name>.py`, or the function `name` of it or of `vae_jax/<kind>.py`.

  Raises:
    UserError: there is none of that name; the message lists the known ones and suggests
      the nearest. Or a file of functions lacks the one of its name.
  """
  if name not in names(kind):
    raise UserError(f"There is no {name!r} in {kind}.{nearest(name, names(kind))}")
  module = importlib.import_module(f"vae_jax.{kind}")
  if not hasattr(module, "__path__"):
    return getattr(module, name)
  entry = importlib.import_module(f"vae_jax.{kind}.{name}")
  if not getattr(module, "FUNCTIONS", False):
    return entry
  if not hasattr(entry, name):
    raise UserError(
      f"{entry.__file__} has no function {name}: call its function like the file."
    )
  return getattr(entry, name)


def _is_entry(module: types.ModuleType, value: Any) -> bool:
  own = inspect.isfunction(value) and value.__module__ == module.__name__
  return own and not value.__name__.startswith("_")
