"""An opened run directory: what an evaluation needs; `asking` has the functions that use it."""

import json
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from vae_jax import config as configuration
from vae_jax import data, files, layers, registry
from vae_jax import vae as models
from vae_jax.likelihoods import Likelihood
from vae_jax.training import joining, restored, sweep
from vae_jax.training.checkpoint import Checkpoints
from vae_jax.training.restored import DEAD
from vae_jax.training.workdir import read_about, read_members, read_parts
from vae_jax.types import VAE, Dataset, Params, Spec, UserError


class Run(NamedTuple):
  """The members of a run at one checkpoint, and what belongs to them."""

  workdir: str
  config: dict  # complete
  spec: Spec
  vae: VAE
  likelihood: Likelihood
  params: Params  # every leaf [M, ...]
  hyper: dict[str, np.ndarray]  # [M] each
  members: list[dict]  # what distinguishes each: its seed, and the swept numbers
  step: np.ndarray  # [M] the step that each member's parameters are of
  which: str  # "best" or "latest"
  history: list[dict]  # rows of metrics.jsonl
  about: dict  # run.json: data sentence, data_dir, parameters, seconds, versions; and
  # seconds_a_member of the whole training, also where some members are left out here
  dataset: Dataset
  stochastic: bool  # False for the deterministic autoencoder: there is no ELBO
  numbers: list[int]  # of each member in the whole sweep, which may have other programs
  ended: list[str]  # of each member: "", "dead at 120" or "stopped at 500" (steps)


def open_run(
  workdir: str,
  which: str = "best",
  data_dir: str | None = None,
  plugins: str | None = None,
) -> Run:
  """Opens a run directory that is one program; see `open_runs`.

  Raises:
    UserError: also where its members differ in static fields.
  """
  found = open_runs(workdir, which, data_dir, plugins)
  folders = sorted(p.name for p in (pathlib.Path(workdir) / "parts").glob("*"))
  if len(found) > 1 and folders:
    raise UserError(
      f"{workdir} has {len(found)} programs, of members that differ in static fields: open one"
      f" of its parts, {workdir}/parts/{folders[0]} to {folders[-1]}."
    )
  if len(found) > 1:
    raise UserError(
      f"{workdir} has members of {len(found)} different data: open it with run.open_runs, which"
      " has a run of each."
    )
  return found[0]


def open_runs(
  workdir: str,
  which: str = "best",
  data_dir: str | None = None,
  plugins: str | None = None,
) -> list[Run]:
  """Opens a run directory, a Run for each of its programs; it alone is needed, and its data.

  Of members that were trained as one program on different normal examples there is a Run for
  each of these data, with its own splits.

  Args:
    workdir: of a training, finished or not.
    which: "best", each member at its least validation loss, or "latest".
    data_dir: where the data is now, if it is not where it was at training.
    plugins: the folder of files of one's own, when not where it was at training.

  Raises:
    UserError: no run is there, no checkpoint yet, or its data is missing.
  """
  folder = pathlib.Path(workdir)
  plug(workdir, plugins)
  for name in ("config.json", "members.json", "run.json"):
    if not (folder / name).is_file():
      raise UserError(
        f"{workdir} is no run directory ({name} is missing): train one there first, with"
        f" python train.py --config=configs/digits.py --workdir={workdir}"
      )
  if not (folder / "parts.json").is_file():
    return _open_part(folder, which, data_dir)
  programs: dict[tuple, list[Run]] = {}
  for entry in read_parts(folder / "parts.json"):
    where = folder / entry["folder"]
    if not Checkpoints.any(where):
      print(f"{where} is left out: its training has not reached a checkpoint.")
      continue
    found = _open_part(where, which, data_dir)
    members = sum(len(part.members) for part in found)
    if members != len(entry["members"]):
      raise UserError(
        f"{where} has {members} members and {folder}/parts.json says"
        f" {len(entry['members'])}: restore the one that is damaged, or train again."
      )
    for part in found:
      part = part._replace(numbers=[entry["members"][n] for n in part.numbers])
      of_data = json.dumps(part.config["data"], sort_keys=True)
      programs.setdefault((entry["program"], of_data), []).append(part)
  if not programs:
    raise UserError(
      f"{workdir} has no checkpoint yet: let its training reach the first one."
    )
  return [_joined(str(workdir), parts) for parts in programs.values()]


def plug(workdir: str, given: str | None = None) -> None:
  """Adds the files that a run was trained with beside ours, where there were any.

  They are programs, and a run directory of another person may name them. So the folder is printed,
  and a folder within the run directory is used only if it is given.

  Args:
    workdir: whose run.json remembers the folder.
    given: the folder now, when it is not where it was.

  Raises:
    UserError: the folder is not there, or is within the run directory.
  """
  root = pathlib.Path(workdir)
  remembered = None
  if (root / "run.json").is_file():
    remembered = read_about(root / "run.json")["plugins"]
  if given is not None:
    return registry.plug(given)
  if remembered is None:
    return None
  folder = (root / remembered).resolve()  # an absolute one stays as it is
  if not folder.is_dir() or folder.is_relative_to(root.resolve()):
    raise UserError(
      f"{workdir} was trained with files of the folder {remembered}, seen from it, which is not"
      " there or lies in the run directory: give the folder with --plugins=DIR."
    )
  print(f"With the files of {folder}.")
  return registry.plug(folder)


def open_beside(
  run: Run, path: str, fits: Callable[["Run"], bool], expected: str
) -> Run | None:
  """Another run to compare one with, at the same checkpoint; None of an empty path.

  Args:
    run: an opened run.
    path: of the other one.
    fits: whether the other one is of the right kind.
    expected: that kind in words.

  Raises:
    UserError: also where it is of another kind or was trained on other data.
  """
  if not path:
    return None
  other = open_run(path, run.which, run.about["data_dir"])
  if not fits(other):
    name = other.config["objective"]["name"]
    raise UserError(f"{path} is a run of {name!r} and not {expected}.")
  same = all(
    np.array_equal(values, other.dataset.splits[split].get(field))
    for split, fields in run.dataset.splits.items()
    for field, values in fields.items()
  )
  if other.spec != run.spec or not same:
    raise UserError(f"{path} was trained on other data than {run.workdir}.")
  return other


def _joined(workdir: str, parts: list[Run]) -> Run:
  """The parts of one program as one run."""
  starts = np.cumsum([0, *(len(part.members) for part in parts)]).tolist()
  together = lambda *x: np.concatenate(x)
  seconds = [part.about["seconds_a_member"] for part in parts]
  cost = float(np.average(seconds, weights=[len(part.members) for part in parts]))
  return parts[0]._replace(
    workdir=workdir,
    about={**parts[0].about, "seconds_a_member": cost},
    params=jax.tree.map(together, *(part.params for part in parts)),
    hyper=jax.tree.map(together, *(part.hyper for part in parts)),
    members=[row for part in parts for row in part.members],
    step=np.concatenate([part.step for part in parts]),
    history=[
      {**row, "member": row["member"] + start}
      for start, part in zip(starts, parts, strict=False)
      for row in part.history
    ],
    numbers=[number for part in parts for number in part.numbers],
    ended=[end for part in parts for end in part.ended],
  )


def _open_part(folder: pathlib.Path, which: str, data_dir: str | None) -> list[Run]:
  """The run of a part; of a joined one, a run of each choice of normal examples."""
  members, about = read_members(folder / "members.json"), read_about(folder / "run.json")
  trained, parts = _config(folder / "config.json", about["joined"])
  config = _moved(trained, folder)
  dataset = data.load(config["data"], data_dir or about["data_dir"])
  likelihood = models.build_likelihood(config["likelihood"], dataset.spec)
  lowering = layers.choose_lowering(jax.default_backend(), len(members))
  vae = models.build(config, dataset.spec, lowering)
  params, at, ended = restored.params(folder, trained, vae, members, which)
  objective = registry.find("objectives", config["objective"]["name"])
  run = Run(
    workdir=str(folder),
    config=config,
    spec=dataset.spec,
    vae=vae,
    likelihood=likelihood,
    params=params,
    hyper=sweep.stack(config, members),
    members=members,
    step=at,
    which=which,
    history=files.read_rows(folder / "metrics.jsonl", len(members)),
    about={**about, "seconds_a_member": about["seconds"] / len(members)},
    dataset=dataset,
    stochastic=getattr(objective, "STOCHASTIC", True),
    numbers=list(range(len(members))),
    ended=ended,
  )
  return [_of_choice(run, part) for part in parts] if about["joined"] else [run]


def _of_choice(run: Run, part: sweep.Part) -> Run:
  """The members of a joined program that have the same normal examples, with their own splits."""
  chosen = {name: part.config["data"][name] for name in data.CHOOSING}
  options = {**run.config["data"], **chosen}
  dataset = data.marked(run.dataset, options)
  return only(run, part.numbers)._replace(
    config={**run.config, "data": options, "sweep": part.config["sweep"]},
    about={**run.about, "data": data.describe(dataset)},
    dataset=dataset,
  )


def _moved(config: dict, folder: pathlib.Path) -> dict:
  """The configuration with data that lies in the run directory found there, wherever it is."""
  path = pathlib.PurePath(str(config["data"].get("path", "")))
  if not path.is_absolute() or pathlib.Path(path).exists():
    return config
  for root in (folder, folder.parent.parent):  # of a part, parts/<name>
    if (root / path.name).is_file() and (root / "config.json").is_file():
      return {**config, "data": {**config["data"], "path": str(root / path.name)}}
  return config


def _config(path: pathlib.Path, joined: bool) -> tuple[dict, list[sweep.Part]]:
  """The configuration of a part, its members' static fields applied; complete by today's code.

  And its members by their static fields, which are the same for all unless it is a joined one.
  """
  try:
    config = configuration.resolve(files.read_json(path, dict))
    found = sweep.parts(config)
  except UserError as error:
    raise UserError(f"{path} cannot be used: {error}") from error
  if joined:
    return {**joining.base(found[0].config), "sweep": config["sweep"]}, found
  if len(found) > 1:
    raise UserError(
      f"{path} is of {len(found)} programs and parts.json is missing: restore it."
    )
  return {**found[0].config, "sweep": config["sweep"]}, found


def select(run: Run, member: int) -> Run:
  """The run of one member alone, by its place among the members of this run.

  Raises:
    UserError: there is no such member.
  """
  if not 0 <= member < len(run.members):
    raise UserError(
      f"There is no member {member}: {run.workdir} has members 0 to {len(run.members) - 1}."
    )
  return only(run, [member])


def alive(run: Run) -> Run:
  """The run without its dead members, which have no numbers to evaluate.

  Raises:
    UserError: all of them are dead.
  """
  kept = [m for m, end in enumerate(run.ended) if not end.startswith(DEAD)]
  if not kept:
    raise UserError(
      f"Member(s) {run.numbers} of {run.workdir} are dead, without parameters to evaluate: train"
      f" with a lower learning rate."
    )
  return run if len(kept) == len(run.members) else only(run, kept)


def only(run: Run, kept: list[int]) -> Run:
  """The run of some members, by their places, in the order given."""
  places = {member: place for place, member in enumerate(kept)}
  history = [
    {**row, "member": places[row["member"]]}
    for row in run.history
    if row["member"] in places
  ]
  rows = np.asarray(kept)
  return run._replace(
    params=jax.tree.map(lambda x: x[rows], run.params),
    hyper={name: values[rows] for name, values in run.hyper.items()},
    members=[run.members[m] for m in kept],
    step=run.step[rows],
    history=history,
    numbers=[run.numbers[m] for m in kept],
    ended=[run.ended[m] for m in kept],
  )
