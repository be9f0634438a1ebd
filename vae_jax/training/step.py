"""The one train step: pure, un-jitted, for one member; `placement` compiles it."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax import noise, registry
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

METRICS = ("loss", "rate", "distortion", "elbo", "grad_norm", "skipped")


class State(NamedTuple):
  """What training carries for one member; a sweep stacks every leaf on [M]."""

  params: Params
  moments: Any  # of Adam
  ema: Params  # the moving average of params, or () when it is off
  step: Array  # [] int32, steps tried
  skipped: Array  # [] int32, steps not taken because a gradient was not finite


def init(vae: VAE, config: dict, seed: Array) -> State:
  """The state of one member before its first step; its parameters follow from its seed."""
  params = vae.init(noise.stream(seed, 0, "init"))
  ema = params if config["optimizer"]["ema"] else ()
  zero = jnp.zeros((), jnp.int32)
  return State(params, _adam(config).init(params), ema, zero, zero)


def evaluated(state: State) -> Params:
  """The parameters an evaluation uses: the moving average where there is one."""
  return state.params if isinstance(state.ema, tuple) else state.ema


def scheduled(config: dict, total: int) -> Callable[[Hyper, Array], Hyper]:
  """`(hyper, step) -> hyper now`, with every schedule of the configuration applied."""
  schedules = {k: registry.find("schedules", v) for k, v in config["schedule"].items()}

  def at(hyper: Hyper, step: Array) -> Hyper:
    now = {
      name: schedule(
        hyper[name], step.astype(jnp.float32), hyper[f"{name}_steps"], float(total)
      )
      for name, schedule in schedules.items()
    }
    return {**hyper, **now}

  return at


def example_terms(vae: VAE, objective: ModuleType, config: dict) -> Callable[..., Terms]:
  """`(params, example, hyper, step, use) -> Terms` of ONE example: what training minimises.

  The encoder's input is corrupted at `hyper["corruption_rate"]` and the clean x is scored.
  `use` keeps the noise of training and of evaluation apart. What only regularises, a corrupted
  field that the decoder reads and the model's own noise, is there in training alone.
  """
  name = config["corruption"]["name"]
  options = {k: v for k, v in config["corruption"].items() if k != "name"}
  corrupt = registry.find("corruptions", name)
  field = getattr(corrupt, "field", "input")
  static = {k: v for k, v in config["objective"].items() if k != "name"}

  def terms(params: Params, example: Example, hyper: Hyper, step: Array, use: str) -> Terms:
    draw = lambda what: noise.key(hyper["seed"], step, f"{use}/{what}", example["id"])
    if name != "none" and (field == "input" or use == "train"):
      x = corrupt(draw("corruption"), example["x"], hyper["corruption_rate"], **options)
      example = {**example, field: x}
    if vae.noise and use == "train":
      numbers = {number: hyper[number] for number in vae.noise}
      example = {**example, "noise": {"key": draw("model"), **numbers}}
    return objective.loss(vae, params, example, draw("latent"), hyper, **static)

  return terms


def make(
  vae: VAE, config: dict, total: int
) -> Callable[..., tuple[State, dict[str, Array]]]:
  """Builds `train_step(state, hyper, batch) -> (state, metrics)` of one member.

  loss = sum_i mask_i loss_i / sum_i mask_i + batch_loss, where the objective has one. The
  update is Adam's with decoupled weight decay (Loshchilov & Hutter, 2019, alg. 2): the decay
  is scaled by the learning rate. A step whose gradient is not finite leaves everything as it
  was and is counted.

  Args:
    vae: the pure functions of the model.
    config: a complete configuration.
    total: steps of the run, for schedules that need its end.
  """
  objective = registry.find("objectives", config["objective"]["name"])
  terms_of = example_terms(vae, objective, config)
  hyper_at = scheduled(config, total)

  def loss(params: Params, hyper: Hyper, batch: Example, step: Array) -> tuple[Array, dict]:
    examples = {k: v for k, v in batch.items() if k != "mask"}
    terms = jax.vmap(lambda e: terms_of(params, e, hyper, step, "train"))(examples)
    average = lambda v: jnp.sum(batch["mask"] * v) / jnp.sum(batch["mask"])
    value = average(terms.loss)
    if hasattr(objective, "batch_loss"):
      value = value + objective.batch_loss(terms.posterior, terms.z, hyper)
    rate, distortion = average(terms.rate), average(terms.distortion)
    return value, {"rate": rate, "distortion": distortion, "elbo": -(rate + distortion)}

  def train_step(
    state: State, hyper: Hyper, batch: Example
  ) -> tuple[State, dict[str, Array]]:
    now = hyper_at(hyper, state.step)
    (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(
      state.params, now, batch, state.step
    )
    norm = optax.tree.norm(gradient)
    finite = jnp.isfinite(norm)
    scale = jnp.where(now["clip_norm"] > 0, jnp.minimum(1.0, now["clip_norm"] / norm), 1.0)
    # A step not taken has a gradient of 0, decays of 1 and a change of 0, which leaves the same
    # bits as choosing between old and new would, and no copy of the state is made.
    gradient = jax.tree.map(lambda g: jnp.where(finite, scale * g, 0.0), gradient)
    direction, moments = _adam(config, finite).update(gradient, state.moments)
    count = jnp.where(finite, moments.count, state.moments.count)
    rates = now["learning_rate"], now["learning_rate"] * now["decoder_rate"]
    decay = now["weight_decay"]
    params = jax.tree.map(
      lambda p, d, decodes: p - jnp.where(finite, rates[decodes] * (d + decay * p), 0.0),
      state.params,
      direction,
      vae.decodes(state.params),
    )
    ema = _average(state.ema, params, now["ema_decay"], state.step, finite)
    skipped = 1 - finite.astype(jnp.int32)
    metrics |= {"loss": value, "grad_norm": norm, "skipped": skipped.astype(jnp.float32)}
    moments = moments._replace(count=count)
    return State(params, moments, ema, state.step + 1, state.skipped + skipped), metrics

  return train_step


def _adam(config: dict, taken: Array | bool = True) -> optax.GradientTransformation:
  """Adam's direction; with decays of 1, which keep the moments, where no step is taken."""
  b1, b2 = (jnp.where(taken, config["optimizer"][name], 1.0) for name in ("b1", "b2"))
  return optax.scale_by_adam(b1, b2, config["optimizer"]["eps"])


def _average(
  ema: Params, params: Params, decay: Array, step: Array, taken: Array
) -> Params:
  if isinstance(ema, tuple):
    return ema
  decay = jnp.minimum(decay, (1.0 + step) / (10.0 + step))  # forget the initialisation soon
  decay = jnp.where(taken, decay, 1.0)
  return jax.tree.map(lambda e, p: decay * e + (1.0 - decay) * p, ema, params)
