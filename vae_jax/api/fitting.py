"""`fit`: a configuration by name, or data of one's own, trained in one call."""

import pathlib
import tempfile
from typing import Any

from vae_jax import config as configuration
from vae_jax import flags, registry
from vae_jax.api import sources
from vae_jax.api.model import Model, load
from vae_jax.training import loop
from vae_jax.training.sweep import SEEDS
from vae_jax.types import UserError


def fit(
  source: Any,
  workdir: str | pathlib.Path | None = None,
  data_dir: str | None = None,
  placement: str = "auto",
  quiet: bool = False,
  plugins: str | None = None,
  fields: dict[str, Any] | None = None,
  **settings: Any,
) -> Model:
  """Trains a model, or a whole sweep of them, and opens it.

    fit("mnist", beta=4, seed=[0, 1, 2], data_dir="data")
    fit(images, latents=2, epochs=10)
    fit(frame, workdir="runs/table")

  The same call with the same workdir resumes, or opens what is finished.

  Args:
    source: the name of a configuration ("mnist", "mnist:smoke", a path); or data of one's own:
      an array [N, H, W, C], [N, H, W], [N, D] or [N, T, F] (kind="sequence" where it could be
      pictures), a dict of arrays as in an .npz, a pandas data frame, the path of a file, or a
      folder of pictures or of csv files, a series each.
    workdir: the run directory; None: a new temporary one, whose name is printed.
    data_dir: where real data is, for datasets that need a file.
    placement: auto, single, pmap or mesh.
    quiet: prints nothing while training.
    plugins: a folder of files of one's own, as of `--plugins`.
    fields: any field of the configuration by its dotted name, {"model.hidden": [64]}.
    **settings: fields by their last name where one section has it: beta, learning_rate, seed,
      latents, hidden, epochs, steps, batch_size. A list of values of a number is a sweep; with
      several lists it is their grid.

  Raises:
    UserError: an unknown setting, a value of the wrong type, or data that does not fit.
  """
  flags.use_compilation_cache()
  if plugins is not None:
    registry.plug(plugins)
  name, data = sources.named(source)
  given = {**data.fields, **(fields or {})}
  if "kind" in settings and name == "arrays":
    given["data.kind"] = settings.pop(
      "kind"
    )  # it chooses the model, whose fields come next
  target = pathlib.Path(workdir) if workdir is not None else _temporary()
  if data.file:
    given["data.path"] = str((target / data.file).resolve())
  plain, swept = _sorted_out(_base(name, given, data_dir), settings)
  if swept and given.get("sweep"):
    raise UserError(
      f"{next(iter(swept))} has several values, and fields has a sweep: say all of it in one."
    )
  given |= plain | ({"sweep": swept} if swept else {})
  config = configuration.load(name, given, data_dir)
  if data.file:
    sources.keep(data, target / data.file)
  say = (lambda line: None) if quiet else print
  loop.train(config, str(target), data_dir, say, placement, plugins=plugins)
  return load(target, data_dir=data_dir, plugins=plugins)


def _base(name: str, given: dict[str, Any], data_dir: str | None) -> dict:
  """The configuration that the keyword settings are names of."""
  known = {k: v for k, v in given.items() if k != "sweep"}
  return configuration.load(name, known, data_dir)


def _sorted_out(base: dict, settings: dict[str, Any]) -> tuple[dict, dict]:
  """Keyword settings as fields by dotted name, and as axes of a sweep."""
  plain, swept = {}, {}
  for name, value in settings.items():
    path = _path(base, name)
    value = value.tolist() if hasattr(value, "tolist") else value  # numpy's, JAX's
    section, _, last = path.rpartition(".")
    several = isinstance(value, list | tuple)
    default = base[section][last] if section else base[last]
    if not several or isinstance(default, list | tuple):
      plain[path] = value
    elif section == "hyper" or path in SEEDS:
      swept[last] = list(value)
    elif path == "data.seed":
      swept["data_seed"] = list(value)
    else:
      swept[path] = list(value)
  return plain, swept


def _path(base: dict, name: str) -> str:
  """The dotted name of the field of a complete configuration that a keyword means.

  Raises:
    UserError: no field has that name, or several have it.
  """
  if name == "seed":
    return name  # of the members; that of the data is fields={"data.seed": ...}
  if name == "steps":
    return "train.steps"  # those of a window are fields={"data.steps": ...}
  sections = [k for k, v in base.items() if isinstance(v, dict) and k != "sweep"]
  found = [f"{s}.{name}" for s in sections if name in base[s] and name != "name"]
  if name in base and isinstance(base[name], dict) and "name" in base[name]:
    return f"{name}.name"  # model="conv", objective="tc"
  if len(found) == 1:
    return found[0]
  if found:
    raise UserError(
      f"{name} may be {' or '.join(found)}: say which, with fields={{{found[0]!r}: ...}}."
    )
  known = sorted({field for s in sections for field in base[s]} | {"seed"} - {"name"})
  raise UserError(f"There is no setting {name!r}.{registry.nearest(name, known)}")


def _temporary() -> pathlib.Path:
  made = tempfile.mkdtemp(prefix="vae_jax-")
  print(f"The run is in {made}; give workdir=... to say where.")
  return pathlib.Path(made)
