"""What a checkpoint holds of the members: the state to resume from, and the best parameters."""

import jax
import numpy as np

from vae_jax.training import step


def items(state: step.State, best: dict) -> dict:
  """The items of a checkpoint of all members [M]."""
  names = [name for name in step.State._fields if name not in ("params", "ema")]
  return {
    "params": {"params": state.params, "ema": state.ema},
    "optimizer": {name: getattr(state, name) for name in names},
    "best": best,
  }


def no_best(state: step.State) -> dict:
  """The best parameters [M] before the first validation."""
  empty = lambda x: np.full(x.shape, np.nan, x.dtype)
  members = len(state.step)
  return {
    "params": jax.tree.map(empty, step.evaluated(state)),
    "loss": np.full(members, np.inf, np.float32),
    "step": np.full(members, -1, np.int32),
  }


def state_of(found: dict) -> step.State:
  """The state [M] of the items of a checkpoint."""
  return step.State(**found["params"], **found["optimizer"])
