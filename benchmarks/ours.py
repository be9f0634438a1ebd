"""vae_jax as `train.py` and `evaluate.py` run it, without their files."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from benchmarks import problem
from vae_jax import asking, layers
from vae_jax import vae as models
from vae_jax.applications import reconstruction
from vae_jax.inference import importance
from vae_jax.training import evaluation, feed, placement, plan, step, sweep, trainer
from vae_jax.training import memory as bytes_of


def program(
  network: str = "conv",
  members: int = 1,
  batch: int = problem.BATCH,
  latents: int | None = None,
  side: int = 28,
  data_dir: str | None = None,
) -> plan.Program:
  """What `plan.assemble` makes of a configuration, on the benchmark's images."""
  config = problem.config(network, members, batch, latents)
  dataset = problem.dataset(side, data_dir)
  rows = sweep.members(config)
  lowering = layers.choose_lowering(jax.default_backend(), members)
  vae = models.build(config, dataset.spec, lowering)
  batches = feed.make(dataset, "train", batch, 0, config["train"]["resident_bytes"])
  total = config["train"]["steps"]
  return plan.Program(config, dataset, vae, rows, sweep.stack(config, rows), batches, total)


def together(made: plan.Program) -> int:
  """How many members the training loop steps side by side."""
  members = len(made.members)
  size = sum(x.nbytes for x in jax.tree.leaves(trainer.init(made))) // members
  return placement.side_by_side(jax.default_backend(), members, size)


def placed(made: plan.Program, group: int = 0) -> placement.Placement:
  """As the training loop places them; `group` members side by side, 0 for its own rule."""
  return placement.single(
    len(made.members), _step(made), made.feed, group or together(made)
  )


def _step(made: plan.Program) -> Callable:
  return step.make(made.vae, made.config, made.total, made.feed.examples)


def memory(made: plan.Program, place: placement.Placement) -> int:
  """Bytes of the compiled program, arguments, results and temporaries, and of waiting groups."""
  state, source = place.put(trainer.init(made)), made.feed.source(0, 1)
  waiting = (len(state) - 1) * bytes_of.nbytes(state[0])
  found = place.program.lower(state[0], place.put(made.hyper)[0], source, 0, 1)
  found = found.compile().memory_analysis()
  used = found.argument_size_in_bytes + found.output_size_in_bytes
  return waiting + used + found.temp_size_in_bytes - found.alias_size_in_bytes


def cost_of_a_step(made: plan.Program) -> dict[str, float]:
  """The compiler's "flops" and "bytes accessed" of one step of one member."""
  train_step = _step(made)
  state, hyper = jax.tree.map(lambda x: x[0], (trainer.init(made), made.hyper))
  batch = jax.jit(made.feed.batch)(made.feed.source(0, 1), 0)
  return jax.jit(train_step).lower(state, hyper, batch).compile().cost_analysis()


def training(steps: int, group: int = 0, **options) -> tuple[Callable[[], None], int]:
  """`steps` steps of all members in one dispatch, metrics fetched, as the loop does."""
  made = program(**options)
  run = steps_of(made, placed(made, group), steps)
  return run, steps * made.config["train"]["batch_size"] * len(made.members)


def one_after_another(
  steps: int, members: int, **options
) -> tuple[Callable[[], None], int]:
  """As many runs of one member, `steps` steps each, by the same compiled program."""
  made = program(**options)
  place = placed(made)
  runs = [steps_of(made, place, steps) for _ in range(members)]

  def run() -> None:
    for each in runs:
      each()

  return run, steps * problem.BATCH * members


def on_devices(steps: int, members: int, **options) -> tuple[Callable[[], None], int]:
  """`training` on all devices of the process, placed as `--placement=auto` does."""
  made, devices = program(members=members, **options), jax.devices()
  of_axis = functools.partial(
    step.make, made.vae, made.config, made.total, made.feed.examples
  )
  name = placement.choose("auto", members, len(devices))
  size = plan.memory(made).state
  place = placement.make(name, members, devices, of_axis, made.feed, size)
  return steps_of(made, place, steps), steps * problem.BATCH * members


def steps_of(
  made: plan.Program, place: placement.Placement, steps: int
) -> Callable[[], None]:
  """A function that goes on by `steps` steps, from a fresh state."""
  state, at = place.put(trainer.init(made)), 0
  hyper, source = place.put(made.hyper), made.feed.source(0, 1, place.source)

  def run() -> None:
    nonlocal state, at
    state, metrics = place.chunk(state, hyper, source, at, at + steps)
    found = place.get(metrics)
    at += steps
    assert np.isfinite(found["loss"]).all()

  return run


def evidence(
  images: int, samples: int, chunk: int = 0, data_dir: str | None = None
) -> tuple[Callable[[], None], int]:
  """The importance-weighted NLL as the application `reconstruction` computes it."""
  made = program(data_dir=data_dir)
  params, chunk = trainer.init(made).params, chunk or reconstruction.SETTINGS["chunk"]

  def weigh(params, hyper, example, key):
    del hyper
    return importance.estimate(made.vae, params, example, key, samples, chunk)

  mapped = evaluation.over_examples(weigh, made.dataset, 0)
  fields = {"x": made.dataset.splits["test"]["x"][:images]}
  batch = asking.evidence_batch(chunk)
  return lambda: mapped(params, made.hyper, fields, jax.random.key(0), batch), images
