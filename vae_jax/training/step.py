"""The one train step: pure, un-jitted, for one member; `placement` compiles it."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax import linalg, noise, registry
from vae_jax.latents import STATE, divided, fits_prior
from vae_jax.types import VAE, Array, Batch, Example, Hyper, Params, Terms, UserError

METRICS = ("loss", "rate", "distortion", "elbo", "grad_norm", "skipped")
FATAL = 10  # steps in a row without a finite gradient after which a member is dead
OWN = "objective"  # the part of the parameters that an objective brought itself


class State(NamedTuple):
  """What training carries for one member; a sweep stacks every leaf on [M]."""

  params: Params  # params["state"] is counted by `update` functions and not learned
  moments: Any  # of Adam, of what is learned
  ema: Params  # the moving average of params, or () when it is off
  step: Array  # [] int32, steps tried
  skipped: Array  # [] int32, steps not taken because a gradient was not finite
  failing: Array  # [] int32, how many of them in a row up to now
  died: Array  # [] int32, the first of FATAL such steps in a row; -1: alive
  stopped: Array  # [] int32, the step at which the host stopped the member; -1: it was not


def init(vae: VAE, config: dict, seed: Array) -> State:
  """The state of one member before its first step; its parameters follow from its seed."""
  params = vae.init(noise.stream(seed, 0, "init"))
  objective, static = _objective(config)
  if hasattr(objective, "parameters"):
    key = noise.stream(seed, 0, "init/objective")
    params |= {OWN: objective.parameters(key, vae.sizes, **static)}
  if hasattr(objective, "state"):
    first = jax.tree.map(jnp.asarray, objective.state(**static))
    params[STATE] = {**params.get(STATE, {}), OWN: first}
  ema = params if config["optimizer"]["ema"] else ()
  zero, never = jnp.zeros((), jnp.int32), jnp.full((), -1, jnp.int32)
  moments = _adam(config).init(divided(params, config)[0])
  return State(params, moments, ema, zero, zero, zero, never, never)


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
  static = _objective(config)[1]

  def terms(params: Params, example: Example, hyper: Hyper, step: Array, use: str) -> Terms:
    draw = lambda what: noise.key(hyper["seed"], step, f"{use}/{what}", example["id"])
    if name != "none" and (field == "input" or use == "train"):
      x = corrupt(draw("corruption"), example["x"], hyper["corruption_rate"], **options)
      example = {**example, field: x}
    if use == "train":
      numbers = lambda names: {number: hyper[number] for number in names}
      if vae.noise:
        example = {**example, "noise": {"key": draw("model"), **numbers(vae.noise)}}
      if vae.numbers:
        example = {**example, "numbers": numbers(vae.numbers)}
    return objective.loss(vae, params, example, draw("latent"), hyper, **static)

  return terms


def make(
  vae: VAE, config: dict, total: int, examples: int, axis: str | None = None
) -> Callable[..., tuple[State, dict[str, Array]]]:
  """Builds `train_step(state, hyper, batch) -> (state, metrics)` of one member.

  loss = sum_i mask_i loss_i / sum_i mask_i + batch_loss, where the objective has one. The
  update is Adam's with decoupled weight decay (Loshchilov & Hutter, 2019, alg. 2): the decay
  is scaled by the learning rate. An objective's own parameters are clipped for themselves and
  do not decay. A step whose gradient is not finite leaves everything as it was and is counted;
  after FATAL of them in a row the member is dead and stays as it is. After a step that is taken
  `update` of the objective and of the posterior moves params["state"], without a gradient.
  Where a prior alone is fitted (config.two_stage), its parameters are learned and all else stays.

  Args:
    vae: the pure functions of the model.
    config: a complete configuration.
    total: steps of the run, for schedules that need its end.
    examples: N, rows of the training split.
    axis: the device axis that the batch is split over, or None. The sums of the loss, of its
      gradient and the codes of a batch-level loss are of the whole batch either way.
  """
  loss, updates = batch_loss(vae, config, examples, axis), _updates(vae, config)
  hyper_at, lagged = scheduled(config, total), _is_lagged(config)
  average = functools.partial(_average, config)

  def train_step(
    state: State, hyper: Hyper, batch: Example
  ) -> tuple[State, dict[str, Array]]:
    now = hyper_at(hyper, state.step)
    own = _lagging(loss, lagged, state.ema)
    learned, fixed = divided(state.params, config)
    of_learned = lambda learned: own({**learned, **fixed}, now, batch, state.step)
    found, gradient = jax.value_and_grad(of_learned, has_aux=True)(learned)
    metrics, statistics = found[1]
    gradient = _total(gradient, axis)
    norm = optax.tree.norm(gradient)
    running = (state.died < 0) & (state.stopped < 0)
    taken = jnp.isfinite(norm) & running
    # A step not taken has a gradient of 0, decays of 1 and a change of 0, which leaves the same
    # bits as choosing between old and new would, and no copy of the state is made.
    gradient = _clipped(gradient, now["clip_norm"], taken)
    direction, moments = _adam(config, taken).update(gradient, state.moments)
    moments = _keep_counts(taken, moments, state.moments)
    params = updates(fixed, statistics, now, taken)
    for part, rates in _rates(vae, now, learned).items():
      decay = 0.0 if part == OWN else now["weight_decay"]
      params[part] = jax.tree.map(
        lambda p, d, rate, decay=decay: p - jnp.where(taken, rate * (d + decay * p), 0.0),
        learned[part],
        direction[part],
        rates,
      )
    ema = average(state.ema, params, now["ema_decay"], state.step, taken)
    new, skipped = _ended(state, taken, running)
    metrics |= {"grad_norm": norm, "skipped": skipped.astype(jnp.float32)}
    return new._replace(params=params, moments=moments, ema=ema), metrics

  return linalg.with_precision(train_step, config["train"]["precision"])


def batch_loss(
  vae: VAE, config: dict, examples: int, axis: str | None
) -> Callable[..., tuple[Array, tuple[dict[str, Array], dict]]]:
  """`(params, hyper, batch, step) -> (loss, (metrics, statistics))` of this device's rows.

  The gradients of the losses of all devices add up to that of the whole batch. On each device the
  metrics are of the whole batch, and so are the statistics "objective" and "posterior" that
  `update` functions get. A batch-level loss is computed on every device from the gathered codes,
  and each device differentiates by its own rows only.
  """
  objective, static = _objective(config)
  terms_of = example_terms(vae, objective, config)
  # a prior is fitted to codes as an evaluation draws them
  use = "two_stage" if fits_prior(config) else "train"

  def loss(params: Params, hyper: Hyper, batch: Example, step: Array) -> tuple[Array, dict]:
    rows = {k: v for k, v in batch.items() if k != "mask"}

    def of_row(example: Example) -> tuple[Terms, Any]:
      terms = terms_of(params, example, hyper, step, use)
      counts = vae.statistics(terms.posterior) if vae.statistics else ()
      # A distribution that holds functions is none of arrays, and only a batch-level loss reads it.
      q = terms.posterior if hasattr(objective, "batch_loss") else ()
      return terms._replace(posterior=q), counts

    terms, counts = jax.vmap(of_row)(rows)
    mask = batch["mask"]
    count = _total(jnp.sum(mask), axis)
    share = lambda values: jnp.sum(mask * values) / count
    value = share(terms.loss)
    means = {
      "loss": value,
      "rate": share(terms.rate),
      "distortion": share(terms.distortion),
    }
    means = _total(means, axis)
    if hasattr(objective, "batch_loss"):
      posterior, z = _whole((terms.posterior, terms.z), axis)
      key = noise.stream(hyper["seed"], step, "train/batch")
      whole = Batch(_whole(mask, axis), key, _divided(params, axis), examples)
      of_batch = objective.batch_loss(posterior, z, hyper, whole, **static)
      value, means["loss"] = value + of_batch, means["loss"] + of_batch
    metrics = {**means, "elbo": -(means["rate"] + means["distortion"])}
    rowwise = lambda values: jnp.tensordot(mask, values, 1) / count
    statistics = {OWN: terms.statistics, "posterior": counts}
    statistics = jax.lax.stop_gradient(jax.tree.map(rowwise, statistics))
    return value, (metrics, _total(statistics, axis))

  return loss


def _updates(vae: VAE, config: dict) -> Callable[[dict, dict, Hyper, Array], dict]:
  """`(fixed, statistics, hyper now, taken) -> fixed` with params["state"] after a step."""
  owners = {"posterior": vae.update, OWN: getattr(_objective(config)[0], "update", None)}

  def updates(fixed: Params, statistics: dict, now: Hyper, taken: Array) -> Params:
    counted = fixed.get(STATE, {})
    if fits_prior(config) or not counted:
      return dict(fixed)
    new = {part: owners[part](old, statistics[part], now) for part, old in counted.items()}
    choose = lambda n, o: jnp.where(taken, n, o)
    return {**fixed, STATE: jax.tree.map(choose, new, counted)}

  return updates


def _is_lagged(config: dict) -> bool:
  """Whether the objective reads params["lagged"], the moving average of the parameters."""
  lagged = getattr(_objective(config)[0], "LAGGED", False)
  if lagged and not config["optimizer"]["ema"]:
    raise UserError(
      f"The objective {config['objective']['name']!r} reads the moving average of the"
      " parameters: set config.optimizer.ema=True."
    )
  return lagged


def _lagging(loss: Callable, lagged: bool, ema: Params) -> Callable:
  """The loss with the moving average beside the parameters, where the objective reads it."""
  if not lagged:
    return loss
  return lambda params, *rest: loss({**params, "lagged": ema}, *rest)


def _total(tree: Any, axis: str | None) -> Any:
  """The sum over the devices of the axis."""
  return tree if axis is None else jax.lax.psum(tree, axis)


def _whole(tree: Any, axis: str | None) -> Any:
  """Rows [b, ...] of this device among those of all, [B, ...]; only its own have a gradient."""
  if axis is None:
    return tree

  def gathered(rows: Array) -> Array:
    every = jax.lax.all_gather(jax.lax.stop_gradient(rows), axis, tiled=True)
    start = jax.lax.axis_index(axis) * len(rows)
    return jax.lax.dynamic_update_slice_in_dim(every, rows, start, 0)

  return jax.tree.map(gathered, tree)


def _divided(params: Params, axis: str | None) -> Params:
  """The same numbers, with a gradient divided by the devices that all compute it."""
  if axis is None:
    return params
  fixed = jax.lax.stop_gradient
  share = lambda p: fixed(p) + (p - fixed(p)) / jax.lax.axis_size(axis)
  return jax.tree.map(share, params)


def _ended(state: State, taken: Array, running: Array) -> tuple[State, Array]:
  """The counters after a step, and whether it was skipped, [] int32."""
  skipped = (running & ~taken).astype(jnp.int32)
  failing = jnp.where(taken, 0, state.failing + skipped)
  dies = running & (failing >= FATAL)
  died = jnp.where(dies, state.step - FATAL + 1, state.died)
  new = state._replace(
    step=state.step + 1, skipped=state.skipped + skipped, failing=failing, died=died
  )
  return new, skipped


def _objective(config: dict) -> tuple[ModuleType, dict]:
  """The objective and its options."""
  options = dict(config["objective"])
  return registry.find("objectives", options.pop("name")), options


def _rates(vae: VAE, now: Hyper, params: Params) -> Params:
  """The learning rate of every leaf."""
  every = now["learning_rate"]
  only = {True: every * now["decoder_rate"], False: every}
  rates = jax.tree.map(lambda decodes: only[decodes], vae.decodes(params))
  if OWN in params:
    own = every * now[f"{OWN}_rate"]
    rates[OWN] = jax.tree.map(lambda _: own, params[OWN])
  return rates


def _adam(config: dict, taken: Array | bool = True) -> optax.GradientTransformation:
  """Adam's direction; with decays of 1, which keep the moments, where no step is taken.

  An objective's own parameters have their own decays, its ADAM, where it names some.
  """
  objective, settings = _objective(config)[0], config["optimizer"]

  def scale(decays: dict) -> optax.GradientTransformation:
    b1, b2 = (jnp.where(taken, decays[name], 1.0) for name in ("b1", "b2"))
    return optax.scale_by_adam(b1, b2, settings["eps"])

  if not hasattr(objective, "parameters"):
    return scale(settings)
  players = {"model": scale(settings), OWN: scale(getattr(objective, "ADAM", settings))}
  owner = lambda params: {part: OWN if part == OWN else "model" for part in params}
  return optax.multi_transform(players, owner)


def _clipped(gradient: Params, most: Array, taken: Array) -> Params:
  """A gradient of norm `most` at most, for each player; 0 where no step is taken."""
  players = [[part for part in gradient if part != OWN], [OWN] if OWN in gradient else []]
  clipped = {}
  for parts in filter(None, players):
    own = {part: gradient[part] for part in parts}
    scale = jnp.where(most > 0, jnp.minimum(1.0, most / optax.tree.norm(own)), 1.0)
    clipped |= jax.tree.map(lambda g, scale=scale: jnp.where(taken, scale * g, 0.0), own)
  return clipped


def _keep_counts(taken: Array, new: Any, old: Any) -> Any:
  """Adam's count of steps, which no decay can keep, as it was where no step is taken."""
  counts = lambda n, o: (
    jnp.where(taken, n, o) if jnp.issubdtype(n.dtype, jnp.integer) else n
  )
  return jax.tree.map(counts, new, old)


def _average(
  config: dict, ema: Params, params: Params, decay: Array, step: Array, taken: Array
) -> Params:
  if isinstance(ema, tuple):
    return ema
  decay = jnp.minimum(decay, (1.0 + step) / (10.0 + step))  # forget the initialisation soon
  decay = jnp.where(taken, decay, 1.0)
  average = jax.tree.map(lambda e, p: decay * e + (1.0 - decay) * p, ema, params)
  return {**average, **divided(params, config)[1]} if fits_prior(config) else average
