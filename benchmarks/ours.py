"""vae_jax as `train.py` and `evaluate.py` run it, without their files."""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks import problem
from vae_jax import layers
from vae_jax import vae as models
from vae_jax.applications import reconstruction
from vae_jax.training import evaluation, feed, loop, placement, step, sweep


def program(
  network: str = "conv",
  members: int = 1,
  batch: int = problem.BATCH,
  latents: int | None = None,
  side: int = 28,
  data_dir: str | None = None,
) -> loop.Program:
  """What `loop.assemble` makes of a configuration, on the benchmark's images."""
  config = problem.config(network, members, batch, latents)
  dataset = problem.dataset(side, data_dir)
  rows = sweep.members(config)
  lowering = layers.choose_lowering(jax.default_backend(), members)
  vae = models.build(config, dataset.spec, lowering)
  batches = feed.make(dataset, "train", batch, 0, config["train"]["resident_bytes"])
  total = config["train"]["steps"]
  return loop.Program(config, dataset, vae, rows, sweep.stack(config, rows), batches, total)


def together(made: loop.Program) -> int:
  """How many members the training loop steps side by side."""
  members = len(made.members)
  size = sum(x.nbytes for x in jax.tree.leaves(loop.init(made))) // members
  return placement.side_by_side(jax.default_backend(), members, size)


def compiled(made: loop.Program, group: int = 0) -> Callable:
  """The chunk of the training loop; `group` members side by side, 0 for its own rule."""
  train_step = step.make(made.vae, made.config, made.total)
  return placement.single(train_step, made.feed, group or together(made))


def memory(made: loop.Program, chunk: Callable) -> int:
  """Bytes of the compiled program: arguments, results and temporaries."""
  state, source = loop.init(made), made.feed.source(0, 1)
  found = chunk.lower(state, made.hyper, source, 0, 1).compile().memory_analysis()
  used = found.argument_size_in_bytes + found.output_size_in_bytes
  return used + found.temp_size_in_bytes - found.alias_size_in_bytes


def cost_of_a_step(made: loop.Program) -> dict[str, float]:
  """The compiler's "flops" and "bytes accessed" of one step of one member."""
  train_step = step.make(made.vae, made.config, made.total)
  state, hyper = jax.tree.map(lambda x: x[0], (loop.init(made), made.hyper))
  batch = jax.jit(made.feed.batch)(made.feed.source(0, 1), 0)
  return jax.jit(train_step).lower(state, hyper, batch).compile().cost_analysis()


def training(steps: int, group: int = 0, **options) -> tuple[Callable[[], None], int]:
  """`steps` steps of all members in one dispatch, metrics fetched, as the loop does."""
  made = program(**options)
  run = steps_of(made, compiled(made, group), steps)
  return run, steps * made.config["train"]["batch_size"] * len(made.members)


def one_after_another(
  steps: int, members: int, **options
) -> tuple[Callable[[], None], int]:
  """As many runs of one member, `steps` steps each, by the same compiled program."""
  made = program(**options)
  chunk = compiled(made)
  runs = [steps_of(made, chunk, steps) for _ in range(members)]

  def run() -> None:
    for each in runs:
      each()

  return run, steps * problem.BATCH * members


def steps_of(made: loop.Program, chunk: Callable, steps: int) -> Callable[[], None]:
  """A function that goes on by `steps` steps, from a fresh state."""
  state, at = loop.init(made), 0
  hyper, source = jax.device_put(made.hyper), made.feed.source(0, 1)

  def run() -> None:
    nonlocal state, at
    state, metrics = chunk(state, hyper, source, at, at + steps)
    found = jax.device_get(metrics)
    at += steps
    assert np.isfinite(found["loss"]).all()

  return run


def evidence(
  images: int, samples: int, chunk: int = 0, data_dir: str | None = None
) -> tuple[Callable[[], None], int]:
  """The importance-weighted NLL as the application `reconstruction` computes it."""
  made = program(data_dir=data_dir)
  params, chunk = loop.init(made).params, chunk or reconstruction.SETTINGS["chunk"]

  def weigh(params, hyper, example, key):
    del hyper
    return reconstruction.evidence(made.vae, params, example, key, samples, chunk)

  mapped = evaluation.over_examples(weigh, made.dataset, 0)
  fields = {"x": made.dataset.splits["test"]["x"][:images]}
  return lambda: mapped(params, made.hyper, fields, jax.random.key(0), 500), images
