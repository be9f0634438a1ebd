"""Self-describing Orbax checkpoints: `params`, `optimizer`, `best` and JSON `meta` as items.

`params` and `optimizer` resume training, `best` holds for each member the parameters of its
least validation loss so far. `meta` says which run and which step they are of, and the name,
shape, type and checksum of every array; a digest of `meta` itself stands in it. So a damaged
checkpoint, one of another run and one that was edited are known as such and never half trusted.
"""

import functools
import hashlib
import json
import logging
import pathlib
import shutil
import zlib
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from vae_jax.training import workdir
from vae_jax.types import UserError

TRIES = (
  5  # readings of the folder while a training beside writes new ones and deletes old ones
)
AWAY = "of_another_run"  # ends the name of a checkpoint that was set aside


def _told_elsewhere(record: logging.LogRecord) -> bool:
  """False for the traceback of a failed save, which `wait` and `close` raise as well."""
  return record.levelno < logging.ERROR or "orbax" not in record.pathname


logging.getLogger("absl").addFilter(_told_elsewhere)


class Restored(NamedTuple):
  """The items of a checkpoint, and what was passed over to reach it."""

  step: int
  items: dict[str, Any]
  meta: dict
  damaged: list[str]  # a sentence for each newer checkpoint that could not be used
  foreign: list[int]  # those of them that are sound and of another run


class ForeignError(ValueError):
  """A sound checkpoint of another run."""


class Checkpoints:
  """The folder `checkpoints/` of a run: saves in the background, keeps the latest few."""

  def __init__(self, folder: pathlib.Path, keep: int | None):
    self._folder, self._keep = (folder / "checkpoints").resolve(), keep
    if keep is not None:
      self._folder.mkdir(parents=True, exist_ok=True)
    # Reading goes past the manager, which lists a folder and fails where a training beside
    # deletes what it has listed.
    self._reader = ocp.Checkpointer(
      ocp.CompositeCheckpointHandler(), multiprocessing_options=_alone()
    )

  @functools.cached_property
  def _manager(self) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(
      max_to_keep=self._keep, create=False, multiprocessing_options=_alone()
    )
    return ocp.CheckpointManager(self._folder, options=options)

  @classmethod
  def existing(cls, folder: pathlib.Path) -> "Checkpoints":
    """The checkpoints of a run for reading alone: nothing is made, changed or deleted."""
    return cls(folder, None)

  @staticmethod
  def any(folder: pathlib.Path) -> bool:
    """Whether a run has a whole checkpoint."""
    return any(p.name.isdigit() for p in (folder / "checkpoints").glob("*"))

  def save(self, step: int, items: dict[str, Any], run: dict, meta: dict) -> None:
    """Starts saving; the arrays are copied first, as training will donate them.

    Args:
      step: that they are of.
      items: name -> a tree of arrays.
      run: what the checkpoint belongs to, from `identity`.
      meta: what else is to be known of it.
    """
    items = jax.tree.map(lambda x: np.array(x, copy=True), items)
    arrays = {name: _described(tree, checked=True) for name, tree in items.items()}
    about = _plain({**meta, "run": run, "step": step, "arrays": arrays})
    args = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
    args["meta"] = ocp.args.JsonSave({**about, "digest": _digest(about)})
    self._manager.save(step, args=ocp.args.Composite(**args))

  def restore(self, like: dict[str, Any], run: dict) -> Restored | None:
    """The named items of the newest sound checkpoint of a run; None where there is none at all.

    Args:
      like: item name -> a tree of arrays or shapes; another tree, shape or type is an error.
      run: what it must belong to, from `identity`.

    Raises:
      UserError: there are checkpoints and none of them is sound and of this run.
    """
    for _ in range(TRIES):
      steps = self._steps()
      found, damaged = self._newest(steps, like, run)
      if not damaged:
        return found
      if self._steps() == steps:  # else a training beside has deleted what was being read
        break
    if found is None:
      raise UserError(f"{' '.join(damaged)} No sound checkpoint is left: train again.")
    return found

  def _newest(
    self, steps: list[int], like: dict[str, Any], run: dict
  ) -> tuple[Restored | None, list[str]]:
    """The first of these steps that can be used, and a sentence for each passed over."""
    damaged, foreign = [], []
    for step in steps:
      try:
        meta = self._meta(step, run)
        items = {name: self._item(name, tree, step, meta) for name, tree in like.items()}
      except ForeignError as error:
        damaged.append(f"Checkpoint {step} in {self._folder} is of another run ({error}).")
        foreign.append(step)
      except Exception as error:  # whatever a damaged file makes a reader raise
        damaged.append(f"Checkpoint {step} in {self._folder} is damaged ({_line(error)}).")
      else:
        return Restored(step, items, meta, damaged, foreign), damaged
    return None, damaged

  def _meta(self, step: int, run: dict) -> dict:
    """What a checkpoint says of itself, checked against its digest, its place and its run."""
    meta = self._read("meta", step, ocp.args.JsonRestore())
    if _is_older(meta):
      return meta
    said = meta.pop("digest", None)
    if said != _digest(meta):
      raise ValueError("the checksum of 'meta' does not match")
    if meta["step"] != step:
      raise ForeignError(f"it says that it is of step {meta['step']}")
    lines = workdir.differences(meta["run"]["config"], run["config"])
    if meta["run"]["members"] != _plain(run["members"]):
      lines.append("its members are others")
    if lines:
      raise ForeignError(workdir.some(lines))
    return meta

  def _item(self, name: str, like: Any, step: int, meta: dict) -> Any:
    """A tree of arrays, of the names, shapes and types that are expected, checked."""
    if _is_older(meta):
      tree = self._read(name, step, ocp.args.StandardRestore(_abstract(like)))
      if [row[3] for row in _described(tree, checked=True)] != meta["checksums"][name]:
        raise ValueError(f"the checksum of {name!r} does not match")
      return tree
    said, expected = meta["arrays"][name], _plain(_described(like))
    if [row[:3] for row in said] != expected:
      raise ForeignError(f"{name!r} has other arrays: {_first_other(said, expected)}")
    tree = self._read(name, step, ocp.args.StandardRestore(_abstract(like)))
    if _plain(_described(tree, checked=True)) != said:
      raise ValueError(f"the checksum of {name!r} does not match")
    return tree

  def _steps(self) -> list[int]:
    """The steps of the whole checkpoints, the newest first."""
    names = [path.name for path in self._folder.glob("*")]
    steps = [int(name) for name in names if name.isascii() and name.isdecimal()]
    return sorted((s for s in steps if str(s) in names), reverse=True)

  def drop_after(self, step: int, foreign: list[int]) -> None:
    """Makes room for what a resumed run writes anew.

    Damaged checkpoints beyond its step are deleted; those of another run are set aside.
    """
    for newer in [s for s in self._steps() if s > step]:
      path, away = self._folder / str(newer), self._folder / f"{newer}_{AWAY}"
      if newer in foreign and not away.exists():
        path.rename(away)
      else:
        shutil.rmtree(path)

  def wait(self) -> None:
    """Waits for the saving that is under way."""
    if "_manager" in vars(self):
      self._manager.wait_until_finished()

  def close(self) -> None:
    """Waits for the saving that is under way, and lets go of the folder."""
    self.wait()
    manager = vars(self).pop("_manager", None)
    if manager is not None:
      manager.close()
    self._reader.close()

  def _read(self, name: str, step: int, args: Any) -> Any:
    path = self._folder / str(step)
    return self._reader.restore(path, args=ocp.args.Composite(**{name: args}))[name]


def identity(config: dict, members: list[dict]) -> dict:
  """What a checkpoint belongs to: a configuration and the members that it trains.

  `config.sweep` is left out: the members are what it says.
  """
  return {"config": {**config, "sweep": {}}, "members": members}


def _alone() -> ocp.options.MultiprocessingOptions:
  """A process that asks no other: one writes, and all read what they see."""
  if jax.process_count() == 1:
    return ocp.options.MultiprocessingOptions()
  me = jax.process_index()
  return ocp.options.MultiprocessingOptions(
    primary_host=me, active_processes={me}, barrier_sync_key_prefix=f"process{me}"
  )


def _abstract(tree: Any) -> Any:
  return jax.tree.map(lambda x: np.empty(x.shape, x.dtype), tree)


def _described(tree: Any, checked: bool = False) -> list[list]:
  """Of each array its name, shape and type, and its checksum where that is wanted."""
  rows = []
  for path, x in jax.tree_util.tree_leaves_with_path(tree):
    row = [jax.tree_util.keystr(path), list(x.shape), str(np.dtype(x.dtype))]
    rows.append([*row, zlib.crc32(np.ascontiguousarray(x).tobytes())] if checked else row)
  return rows


def _first_other(said: list[list], expected: list[list]) -> str:
  for there, here in zip(said, expected, strict=False):
    if there[:3] != here:
      return f"{there[0]} {there[1]} {there[2]} there, {here[0]} {here[1]} {here[2]} here"
  return f"{len(said)} there, {len(expected)} here"


def _is_older(meta: dict) -> bool:
  """Whether a checkpoint was written before `meta` said which run it is of.

  It has a checksum of every array, and none of `meta`: it is read as it always was.
  """
  return not {"digest", "arrays", "run"} & meta.keys() and "checksums" in meta


def _digest(about: dict) -> str:
  text = json.dumps(about, sort_keys=True, separators=(",", ":"))
  return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
  """A value as JSON gives it back."""
  return json.loads(json.dumps(value))


def _line(error: Exception) -> str:
  text = str(error).strip().splitlines()
  return f"{type(error).__name__}: {text[0][:160] if text else 'no message'}"
