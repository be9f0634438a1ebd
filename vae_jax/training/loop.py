"""The host loop: chunks of steps, evaluations, checkpoints; resumes by being run again."""

import math
import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import data, layers, order, registry
from vae_jax import vae as models
from vae_jax.training import evaluation, feed, placement, step, sweep, workdir
from vae_jax.training.checkpoint import Checkpoints
from vae_jax.training.logging import Log, progress
from vae_jax.types import VAE, Dataset


class Program(NamedTuple):
  """Everything a run is made of before its first step."""

  config: dict
  dataset: Dataset
  vae: VAE
  members: list[dict]
  hyper: dict[str, np.ndarray]  # [M]
  feed: feed.Feed
  total: int  # steps


def assemble(config: dict, data_dir: str | None) -> Program:
  """Reads the data and builds the pure functions of a complete configuration.

  Raises:
    UserError: the data is missing or does not fit the model or the likelihood.
  """
  members = sweep.members(config)
  dataset = data.load(config["data"], data_dir)
  lowering = layers.choose_lowering(jax.default_backend(), len(members))
  vae = models.build(config, dataset.spec, lowering)
  train = config["train"]
  batches = feed.make(
    dataset, "train", train["batch_size"], config["data"]["seed"], train["resident_bytes"]
  )
  total = train["steps"] or math.ceil(train["epochs"] * batches.steps_per_epoch)
  order.check_steps(total, train["batch_size"], len(dataset.splits["train"]["x"]))
  return Program(
    config, dataset, vae, members, sweep.stack(config, members), batches, total
  )


def init(program: Program) -> step.State:
  """The state [M] of all members before the first step."""
  of_member = lambda seed: step.init(program.vae, program.config, seed)
  # Compiled once and run once: optimising it would take longer than all of its work.
  unoptimised = {"xla_backend_optimization_level": 0}
  return jax.jit(jax.vmap(of_member), compiler_options=unoptimised)(program.hyper["seed"])


def train(
  config: dict, path: str, data_dir: str | None, say: Callable[[str], None] = print
) -> None:
  """Trains the members of a configuration in a run directory, from where it stands.

  Args:
    config: complete, from `config.load`.
    path: the run directory; made if it is not there.
    data_dir: where real data lies, or None.
    say: gets a line at the start, at each evaluation and at the end.

  Raises:
    UserError: anything the caller can mend; nothing already saved is harmed by it.
  """
  folder = pathlib.Path(path)
  workdir.require(folder, config)
  program = assemble(config, data_dir)
  say(data.describe(program.dataset))
  state = init(program)
  workdir.require_space(folder, (config["train"]["keep"] + 2) * 2 * _bytes(state))
  workdir.write_json(folder / "config.json", config)
  workdir.write_json(folder / "members.json", program.members)
  _Trainer(program, folder, state, _about(program, data_dir, state), say).run()


class _Trainer:
  """The host's side of a run: what is mutable while it is under way, and nothing else."""

  def __init__(
    self,
    program: Program,
    folder: pathlib.Path,
    state: step.State,
    about: dict,
    say: Callable,
  ):
    config, self._say = program.config, say
    self._program, self._folder, self._about = program, folder, about
    self._checkpoints = Checkpoints(folder, config["train"]["keep"])
    self._best = _no_best(state)
    self._state, self._step, self._seconds = state, 0, 0.0
    self._resume()
    self._write_about()
    objective = registry.find("objectives", config["objective"]["name"])
    train_step = step.make(program.vae, config, program.total)
    each = _bytes(state) // len(program.members)
    together = placement.side_by_side(jax.default_backend(), len(program.members), each)
    self._chunk = placement.single(train_step, program.feed, together)
    self._terms = evaluation.split_terms(program.vae, objective, config, program.dataset)
    self._hyper = jax.device_put(program.hyper)

  def run(self) -> None:
    """Trains to the end; a run that is finished says so."""
    program, total = self._program, self._program.total
    if self._step >= total:
      self._checkpoints.close()
      self._say(f"Finished already: {total} of {total} steps, in {self._folder}.")
      return
    log = Log(self._folder, self._step)
    bar = progress(total, self._step, "step", self._folder.name)
    try:
      while self._step < total:
        stop, do = self._next_stop()
        rows = self._train_to(stop)
        bar.update(stop - bar.n)
        if "evaluate" in do:
          rows += self._evaluate(bar)
        log.write(rows)
        if "save" in do:
          self._save()
    finally:
      bar.close()
      log.close()
      self._checkpoints.close()
    self._write_about()
    rate = f"{self._seconds:.1f} s of training for {len(program.members)} member(s)"
    self._say(f"Finished: {total} steps, {rate}, in {self._folder}.")

  def _resume(self) -> None:
    found = self._checkpoints.restore(_items(self._state, self._best))
    if found is None:
      return
    for sentence in found.damaged:
      self._say(f"{sentence} Going on from checkpoint {found.step}.")
    self._checkpoints.drop_after(found.step)
    self._step, self._seconds = found.step, found.meta["seconds"]
    items = found.items
    self._state = jax.device_put(step.State(**items["params"], **items["optimizer"]))
    self._best = items["best"]
    if self._step < self._program.total:
      self._say(f"Resuming at step {self._step} of {self._program.total}.")

  def _next_stop(self) -> tuple[int, set[str]]:
    """The step at which the host acts next, and what it does there besides a metrics row."""
    train, total = self._program.config["train"], self._program.total
    evaluate = train["eval_every"] or math.ceil(self._program.feed.steps_per_epoch)
    save = train["checkpoint_every"] or evaluate
    ahead = lambda every: (self._step // every + 1) * every
    stop = min(ahead(train["log_every"]), ahead(evaluate), ahead(save), total)
    due = {"evaluate": evaluate, "save": save}
    return stop, {what for what, every in due.items() if stop % every == 0 or stop == total}

  def _train_to(self, stop: int) -> list[dict]:
    """Trains up to a step; its metrics as rows, one for each member."""
    start, began, parts = self._step, time.perf_counter(), []
    while self._step < stop:
      until = min(stop, self._step + self._program.feed.span)
      source = self._program.feed.source(self._step, until)
      self._state, metrics = self._chunk(
        self._state, self._hyper, source, self._step, until
      )
      parts.append((until - self._step, jax.device_get(metrics)))
      self._step = until
    seconds = time.perf_counter() - began
    self._seconds += seconds
    examples = (stop - start) * self._program.config["train"]["batch_size"]
    means = {
      name: sum(
        m[name] * (1 if name == "skipped" else n / (stop - start)) for n, m in parts
      )
      for name in step.METRICS
    }
    extra = {
      "examples_per_second": round(examples * len(self._program.members) / seconds, 1)
    }
    return _rows(stop, "train", means, extra)

  def _evaluate(self, bar: Any) -> list[dict]:
    """Scores the held-out split and keeps each member's best parameters."""
    params = step.evaluated(self._state)
    split = self._program.dataset.splits["valid"]
    width = self._program.config["train"]["eval_batch_size"]
    scores = self._terms(params, self._hyper, split, width)
    means = {name: values.mean(axis=1, dtype=np.float64) for name, values in scores.items()}
    better = means["elbo"] > self._best["elbo"]
    pick = lambda new, old: np.where(better.reshape(-1, *[1] * (old.ndim - 1)), new, old)
    self._best = {
      "params": jax.tree.map(pick, jax.device_get(params), self._best["params"]),
      "elbo": pick(means["elbo"].astype(np.float32), self._best["elbo"]),
      "step": pick(np.full_like(self._best["step"], self._step), self._best["step"]),
    }
    rows = _rows(self._step, "valid", means, {})
    lead = (
      rows[int(np.nanargmax(means["elbo"]))]
      if np.isfinite(means["elbo"]).any()
      else rows[0]
    )
    which = f" (best of {len(rows)}: member {lead['member']})" if len(rows) > 1 else ""
    bar.clear()
    self._say(
      f"step {self._step}: validation ELBO {lead['elbo']:.2f}, rate {lead['rate']:.2f},"
      f" distortion {lead['distortion']:.2f} nats{which}"
    )
    return rows

  def _save(self) -> None:
    meta = {**self._about, "seconds": self._seconds}
    self._checkpoints.save(self._step, _items(self._state, self._best), meta)

  def _write_about(self) -> None:
    about = {**self._about, "seconds": self._seconds}
    workdir.write_json(self._folder / "run.json", about)


def _items(state: step.State, best: dict) -> dict:
  optimizer = {"moments": state.moments, "step": state.step, "skipped": state.skipped}
  return {
    "params": {"params": state.params, "ema": state.ema},
    "optimizer": optimizer,
    "best": best,
  }


def _no_best(state: step.State) -> dict:
  params = jax.tree.map(np.zeros_like, jax.device_get(step.evaluated(state)))
  members = len(state.step)
  return {
    "params": params,
    "elbo": np.full(members, -np.inf, np.float32),
    "step": np.full(members, -1, np.int32),
  }


def _bytes(state: step.State) -> int:
  return sum(x.nbytes for x in jax.tree.leaves(state))


def _rows(at: int, split: str, means: dict[str, np.ndarray], extra: dict) -> list[dict]:
  members = range(len(means["loss"]))
  return [
    {"step": at, "split": split, "member": i}
    | {name: float(values[i]) for name, values in means.items()}
    | extra
    for i in members
  ]


def _about(program: Program, data_dir: str | None, state: step.State) -> dict:
  """What a reader of the run directory wants to know beside the configuration."""
  parameters = sum(x[0].size for x in jax.tree.leaves(state.params))
  spec = program.dataset.spec
  return {
    "data": data.describe(program.dataset),
    "data_dir": str(pathlib.Path(data_dir).resolve()) if data_dir else None,
    "spec": spec._asdict(),
    "steps": program.total,
    "parameters": int(parameters),
    "device": f"{jax.device_count()} {jax.devices()[0].device_kind}",
    "versions": {"jax": jax.__version__, "vae_jax": _version()},
  }


def _version() -> str:
  from importlib import metadata

  return metadata.version("vae-jax")
