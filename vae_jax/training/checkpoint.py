"""Self-describing Orbax checkpoints: `params`, `optimizer`, `best` and JSON `meta` as items.

`params` and `optimizer` resume training, `best` holds for each member the parameters of its
least validation loss so far, `meta` says what they are and carries a checksum of every array,
so that a damaged checkpoint is known as such and never half trusted.
"""

import pathlib
import zlib
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from vae_jax.types import UserError


class Restored(NamedTuple):
  """The items of a checkpoint, and what was passed over to reach it."""

  step: int
  items: dict[str, Any]
  meta: dict
  damaged: list[str]  # a sentence for each newer checkpoint that could not be read


class Checkpoints:
  """The folder `checkpoints/` of a run: saves in the background, keeps the latest few."""

  def __init__(self, workdir: pathlib.Path, keep: int | None):
    self._folder = (workdir / "checkpoints").resolve()
    if keep is not None:
      self._folder.mkdir(parents=True, exist_ok=True)
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep, create=False, multiprocessing_options=_alone()
    )
    self._manager = ocp.CheckpointManager(self._folder, options=options)

  @classmethod
  def existing(cls, workdir: pathlib.Path) -> "Checkpoints":
    """The checkpoints of a run for reading alone: nothing is made, changed or deleted."""
    return cls(workdir, None)

  @staticmethod
  def any(workdir: pathlib.Path) -> bool:
    """Whether a run has a whole checkpoint."""
    return any(p.name.isdigit() for p in (workdir / "checkpoints").glob("*"))

  def save(self, step: int, items: dict[str, Any], meta: dict) -> None:
    """Starts saving; the arrays are copied first, as training will donate them."""
    items = jax.tree.map(lambda x: np.array(x, copy=True), items)
    checksums = {name: _checksums(tree) for name, tree in items.items()}
    args = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
    args["meta"] = ocp.args.JsonSave({**meta, "step": step, "checksums": checksums})
    self._manager.save(step, args=ocp.args.Composite(**args))

  def restore(self, like: dict[str, Any]) -> Restored | None:
    """The named items of the newest sound checkpoint; None where there is no checkpoint.

    Args:
      like: item name -> a tree of arrays or shapes; another tree or shape is an error.

    Raises:
      UserError: there are checkpoints and none of them is sound.
    """
    damaged = []
    for step in sorted(self._manager.all_steps(), reverse=True):
      try:
        meta = self._read("meta", step, ocp.args.JsonRestore())
        items = {
          name: self._read(name, step, ocp.args.StandardRestore(_abstract(tree)))
          for name, tree in like.items()
        }
        for name, tree in items.items():
          if _checksums(tree) != meta["checksums"][name]:
            raise ValueError(f"the checksum of {name!r} does not match")
      except Exception as error:  # whatever a damaged file makes a reader raise
        damaged.append(f"Checkpoint {step} in {self._folder} is damaged ({_line(error)}).")
        continue
      return Restored(step, items, meta, damaged)
    if damaged:
      raise UserError(f"{' '.join(damaged)} No sound checkpoint is left: train again.")
    return None

  def drop_after(self, step: int) -> None:
    """Deletes the checkpoints beyond a step: the damaged ones a resumed run writes anew."""
    for newer in [s for s in self._manager.all_steps() if s > step]:
      self._manager.delete(newer)

  def close(self) -> None:
    """Waits for the saving that is under way."""
    self._manager.wait_until_finished()
    self._manager.close()

  def _read(self, name: str, step: int, args: Any) -> Any:
    return self._manager.restore(step, args=ocp.args.Composite(**{name: args}))[name]


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


def _checksums(tree: Any) -> list[int]:
  return [zlib.crc32(np.ascontiguousarray(x).tobytes()) for x in jax.tree.leaves(tree)]


def _line(error: Exception) -> str:
  text = str(error).strip().splitlines()
  return f"{type(error).__name__}: {text[0][:160] if text else 'no message'}"
