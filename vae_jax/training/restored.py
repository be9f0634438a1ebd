"""The parameters of a trained part from its checkpoints, for an evaluation."""

import functools
import pathlib

import jax
import numpy as np

from vae_jax.training import step
from vae_jax.training.checkpoint import Checkpoints, identity
from vae_jax.types import VAE, Params, UserError

DEAD = "dead"  # how the end of a member begins that has no numbers to evaluate


def params(
  folder: pathlib.Path, config: dict, vae: VAE, rows: list[dict], which: str
) -> tuple[Params, np.ndarray, list[str]]:
  """The parameters [M] of a part, the step of each member's, and how each ended.

  Args:
    folder: of the part.
    config: complete, as it was trained.
    vae: of it.
    rows: what distinguishes each member.
    which: "best", each member at its least validation loss, or "latest".

  Raises:
    UserError: another word, no checkpoint yet, or no validation yet.
  """
  if which not in ("best", "latest"):
    raise UserError(f"The checkpoint is {which!r}; expected best or latest.")
  members = len(rows)
  one = jax.eval_shape(
    functools.partial(step.init, vae, config), jax.ShapeDtypeStruct((), "int32")
  )
  like = jax.tree.map(lambda x: np.empty((members, *x.shape), x.dtype), one)
  params = step.evaluated(like)
  items = {
    "best": {"params": params, "loss": np.empty(members, np.float32), "step": like.step},
    "latest": {"params": like.params, "ema": like.ema},
  }
  item = {"best": "best", "latest": "params"}[which]
  checkpoints = Checkpoints.existing(folder)
  found = checkpoints.restore({item: items[which]}, identity(config, rows))
  checkpoints.close()
  if found is None:
    raise UserError(
      f"{folder} has no checkpoint yet: let its training reach the first one."
    )
  for sentence in found.damaged:
    print(f"{sentence} Evaluating checkpoint {found.step}.")
  values = found.items[item]
  if which == "latest":
    ema = values["ema"]
    params = values["params"] if isinstance(ema, tuple | list) and not ema else ema
    return params, np.full(members, found.step), _ends(found.meta, np.zeros(members))
  if (values["step"] < 0).all() and max(found.meta["died"]) < 0:
    raise UserError(
      f"{folder} has not been validated yet: let its training reach the first evaluation, or"
      f" look at the last parameters with --checkpoint=latest."
    )
  return values["params"], values["step"], _ends(found.meta, values["step"])


def _ends(meta: dict, best: np.ndarray) -> list[str]:
  """How each member ended; one that never had a finite loss is dead from the start."""
  ends = []
  for died, stopped, at in zip(meta["died"], meta["stopped"], best, strict=True):
    dead = f"{DEAD} at {max(died, 0)}" if died >= 0 or at < 0 else ""
    ends.append(dead or (f"stopped at {stopped}" if stopped >= 0 else ""))
  return ends
