"""What a checkpoint holds of the members: the state to resume from, and the best parameters."""

import functools

import jax
import numpy as np

from vae_jax.training import step
from vae_jax.training.plan import Program
from vae_jax.types import Params


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


def init(program: Program) -> step.State:
  """The state [M] of all members before the first step."""
  of_member = lambda seed: step.init(program.vae, program.config, seed)
  # Compiled once and run once: optimising it would take longer than all of its work.
  unoptimised = {"xla_backend_optimization_level": 0}
  state = jax.jit(jax.vmap(of_member), compiler_options=unoptimised)(program.hyper["seed"])
  if not program.kept:
    return state
  params = {**state.params, **program.kept}
  if program.config["two_stage"]["learn"] == "fresh_decoder":
    drawn = program.vae.decodes(state.params)["model"]
    choose = lambda anew, new, old: new if anew else old
    both = state.params["model"], params["model"]
    params["model"] = jax.tree.map(choose, drawn, *both)
  return state._replace(params=params, ema=params if state.ema else ())


def with_rows(rows: np.ndarray, old: np.ndarray, new: np.ndarray | int) -> np.ndarray:
  """An array [M, ...] with other values in some rows."""
  changed = np.array(old)
  changed[rows] = new
  return changed


def replaced(
  best: dict, members: np.ndarray, params: Params, loss: np.ndarray, at: int
) -> dict:
  """The best parameters [M] with those of some members, [m], of a step."""
  of_step = np.full(len(members), at, np.int32)
  new = {"params": params, "loss": loss.astype(np.float32), "step": of_step}
  put = functools.partial(with_rows, members)
  return jax.tree.map(put, best, new)
