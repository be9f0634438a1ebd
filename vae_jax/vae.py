"""A model and a likelihood bound into the small tuple of pure functions that is a VAE."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax import latents, registry
from vae_jax.families.chain import Walk
from vae_jax.likelihoods import Likelihood, total
from vae_jax.types import VAE, Array, Example, Params, Sizes, Spec, UserError, Waves

_CONTRACT = ("shape", "outputs", "latents", "lowering", "parent", "name")
_OF_THE_DATA = ("columns", "classes")  # fields of a model that are no options either
DECODER_READS = "read"  # the field of an example that replaces x where the decoder reads x


def build(config: dict, spec: Spec, lowering: str = "xla") -> VAE:
  """The VAE that a resolved configuration describes, for data of this spec.

  Args:
    config: with the parts `model` and `likelihood`; without `prior` and `posterior` they
      are N(0, I) and the encoder's diagonal Gaussian.
    spec: of the data.
    lowering: of strided convolutions, "xla" or "dense"; see `layers.choose_lowering`.

  Raises:
    UserError: an unknown model or likelihood, or one that does not fit the data.
  """
  likelihood = build_likelihood(config["likelihood"], spec)
  options = {k: v for k, v in config["model"].items() if k != "name"}
  found = registry.find("models", config["model"]["name"]).Model
  if "columns" in {field.name for field in dataclasses.fields(found)}:
    options["columns"] = spec.columns
  if options.get("condition", "none") != "none":
    options["classes"] = _classes(options["condition"], spec)
  model = found(shape=spec.shape, outputs=likelihood.outputs, lowering=lowering, **options)
  _check_marks(model, config.get("corruption", {"name": "none"}))
  latents.check(config, spec, hasattr(model, "group"))
  return bind(model, likelihood, config, len(spec.classes))


def _check_marks(model: nn.Module, corruption: dict) -> None:
  """Refuses a model that asks what is missing beside a corruption that does not say it."""
  if "mark" not in corruption:
    return
  asks, says = getattr(model, "OBSERVES", False), corruption["mark"]
  if asks and not says:
    raise UserError(
      f"The model reads which values are missing, and the corruption {corruption['name']!r}"
      " does not say which it took: set config.corruption.mark=True."
    )
  if says and not asks:
    raise UserError(
      "config.corruption.mark is on, and the model does not read what is marked: set"
      " config.model.observes=True, or leave it off."
    )


def _classes(condition: str, spec: Spec) -> int:
  """How many values the condition of a model has in this data."""
  if condition != "label":
    raise UserError(f"model.condition is {condition!r}; expected 'label' or 'none'.")
  if len(spec.classes) < 2:
    raise UserError(
      "model.condition is 'label', and this data has no labels of two classes or more; take"
      " labelled data, or model.condition=none."
    )
  return len(spec.classes)


def build_likelihood(config: dict, spec: Spec) -> Likelihood:
  """The likelihood of a resolved configuration, refused where the data is not its domain."""
  options = {k: v for k, v in config.items() if k != "name"}
  likelihood = registry.find("likelihoods", config["name"])(spec, **options)
  if spec.domain not in likelihood.domains:
    raise UserError(
      f"The likelihood {likelihood.name!r} is defined on {' or '.join(likelihood.domains)}"
      f" data, and this data is {spec.domain!r}: choose another likelihood.name, or change"
      f" the data (data.binarise makes grey levels binary)."
    )
  return likelihood


def model_options(name: str) -> dict:
  """The options of a model, `config.model.<option>`, with their defaults."""
  fields = dataclasses.fields(registry.find("models", name).Model)
  return {
    f.name: f.default
    for f in fields
    if f.name not in (*_CONTRACT, *_OF_THE_DATA) and f.default is not dataclasses.MISSING
  }


def model_numbers(name: str) -> dict[str, float]:
  """The numbers of `hyper` that a model reads, its rates of dropout, with their defaults."""
  return getattr(registry.find("models", name).Model, "HYPER", {})


def bind(
  model: nn.Module, likelihood: Likelihood, config: dict | None = None, classes: int = 0
) -> VAE:
  """The pure functions of ONE example of a model under a likelihood.

  `params` is {"model": the module's}, with "shared" [S], the likelihood's, where it has S, and
  with those of the prior and the posterior that `config` names (`latents.attach`).
  The encoder reads `example["input"]` if a corruption put one, else `example["x"]`. A model
  with a method `generate` is sequential, p(x|z) = prod_t p(x_t | x_<t, z). Its decoder reads
  `example["read"]` if a corruption put one, else `example["x"]`. Position t of its outputs
  depends on positions before t only. A model with `HYPER` takes noise as an argument:
  `example["noise"]`, a dict of a `key` and those numbers, in training only.

  `example["observed"]`, of the shape of x or 1 along its last axis, is 0 where an element is
  missing. The likelihood leaves that element out, and a model with `OBSERVES` gets it beside
  x. There x holds 0, and not the answer. An `input` that is (x, observed), of a
  corruption that marks what it hides, is the encoder's alone.

  A model with a `condition` is p(x|z, condition): `encode` and `decode` are handed the field
  of that name by keyword. Where there is no example to read it from, `given(value)` is the
  VAE with that condition: its `sample`, `mean` and `mode` need a code alone.
  """
  observes = getattr(model, "OBSERVES", False)
  call, theta_of = _calls(model, likelihood)

  def init(key: Array) -> Params:
    params = model.init(key, jnp.zeros(model.shape), **_first_condition(model))
    params = {"model": params["params"]}
    if likelihood.shared:
      params["shared"] = jnp.asarray(likelihood.shared)
    return params

  def encode(params: Params, example: Example) -> Any:
    x = example["input"] if "input" in example else example["x"]
    x, marked = x if isinstance(x, tuple) else (x, jnp.ones_like(x))
    seen = [marked * example.get("observed", jnp.ones_like(x))] if observes else []
    return call(model.encode, params, x, *seen, **_beside(model, example))

  writers = functools.partial(_writers, model, likelihood, call, theta_of)
  mean, sample, mode = writers({})
  size = sum(model.groups) if hasattr(model, "group") else model.latents
  vae = VAE(
    init=init,
    posterior=encode,
    log_likelihood=_scorer(model, likelihood, call, theta_of),
    sample=sample,
    mean=mean,
    prior=standard_prior(size),
    latents=size,
    mode=mode,
    decodes=functools.partial(_decoder_only, model),
    noise=tuple(getattr(model, "HYPER", ())),
    **_thetas(model, call, theta_of),
    sizes=Sizes(tuple(model.shape), size, classes),
  )
  if hasattr(model, "group"):
    vae = latents.hierarchy(vae, encode, functools.partial(_walk, model, call))
  else:
    vae = latents.attach(vae, config or {}, encode, _condition(model))
  return vae._replace(given=_given(vae, model, writers))


def _scorer(
  model: nn.Module, likelihood: Likelihood, call: Callable, theta_of: Callable
) -> Callable[[Params, Array, Example], Array]:
  """`(params, z, example) -> log p(x|z)` of what is observed, [] nats."""
  sequential = hasattr(model, "generate")
  forced = _forced(model, call, theta_of)

  def log_likelihood(params: Params, z: Array, example: Example) -> Array:
    if sequential:
      theta = forced(params, z, example)
    else:
      theta = theta_of(params, call(model.decode, params, z, **_beside(model, example)))
    x = example["x"]
    if "observed" not in example:
      return likelihood.log_prob(theta, x)
    seen = jnp.broadcast_to(example["observed"], x.shape) > 0.5
    return total(jnp.where(seen, likelihood.each(theta, x), 0.0))

  return log_likelihood


def _forced(model: nn.Module, call: Callable, theta_of: Callable) -> Callable:
  """`(params, z, example) -> theta`, each step after those of the example before it."""

  def forced(params: Params, z: Array, example: Example) -> Array:
    read = example.get(DECODER_READS, example["x"])
    return theta_of(params, call(model.decode, params, z, read, **_beside(model, example)))

  return forced


def _walk(model: nn.Module, call: Callable, params: Params) -> Walk:
  """The way down of a hierarchical model, bound to its parameters."""
  return Walk(
    tuple(model.groups),
    functools.partial(call, model.top, params),
    functools.partial(call, model.group, params),
    functools.partial(call, model.down, params),
  )


def _thetas(model: nn.Module, call: Callable, theta_of: Callable) -> dict[str, Any]:
  """`theta`, or of a model that writes step by step `forced` and, in several places, `waves`."""
  if hasattr(model, "generate"):
    at = lambda params, *given: theta_of(params, call(model.at, params, *given))
    waves = lambda: Waves(model.order, functools.partial(call, model.trunk), at)
    forced = _forced(model, call, theta_of)
    return {"forced": forced, "waves": waves() if hasattr(model, "at") else None}

  def theta(params: Params, z: Array, example: Example | None = None) -> Array:
    beside = _beside(model, example or {})
    return theta_of(params, call(model.decode, params, z, **beside))

  return {"theta": theta}


def _given(vae: VAE, model: nn.Module, writers: Callable) -> Callable[[Array], VAE] | None:
  """`value of the condition -> the VAE with that value`; None for a model without one."""
  if not _condition(model):
    return None

  def given(value: Array) -> VAE:
    if isinstance(value, int) and not 0 <= value < model.classes:
      raise UserError(
        f"The {model.condition} is {value}; expected an integer from 0 to"
        f" {model.classes - 1}."
      )
    fixed = {model.condition: value}
    mean, sample, mode = writers(fixed)
    return vae._replace(
      posterior=lambda params, example: vae.posterior(params, example | fixed),
      log_likelihood=lambda params, z, example: vae.log_likelihood(
        params, z, example | fixed
      ),
      sample=sample,
      mean=mean,
      mode=mode,
      forced=vae.forced
      and (lambda params, z, example: vae.forced(params, z, example | fixed)),
      theta=vae.theta and (lambda params, z: vae.theta(params, z, fixed)),
      prior=vae.prior
      if vae.standard
      else latents.OtherPrior(
        lambda params, example: vae.prior(params, (example or {}) | fixed)
      ),
    )

  return given


def _calls(model: nn.Module, likelihood: Likelihood) -> tuple[Callable, Callable]:
  """`(method, params, *given, **named)` of the model, and `(params, outputs) -> theta`."""

  def call(method: Callable, params: Params, *given: Array, **named: Any) -> Any:
    return model.apply({"params": params["model"]}, *given, method=method, **named)

  def theta_of(params: Params, outputs: Array) -> Array:
    if not likelihood.shared:
      return outputs
    shared = jnp.broadcast_to(
      params["shared"], (*outputs.shape[:-1], len(likelihood.shared))
    )
    return jnp.concatenate([outputs, shared], axis=-1)

  return call, theta_of


def _writers(
  model: nn.Module,
  likelihood: Likelihood,
  call: Callable,
  theta_of: Callable,
  condition: dict,
) -> tuple[Callable, Callable, Callable]:
  """The mean at a code, a draw, and the mode; step by step where the model is sequential."""
  if not hasattr(model, "generate"):
    at = lambda params, z: theta_of(params, call(model.decode, params, z, **condition))
    sample = lambda params, z, key: likelihood.sample(at(params, z), key)
    mode = lambda params, z: likelihood.mode(at(params, z))
    return (lambda params, z: likelihood.mean(at(params, z))), sample, mode

  def path(params: Params, z: Array, choose: Callable) -> tuple[Array, Array]:
    pick = lambda outputs, t: choose(theta_of(params, outputs[None]), t)[0]
    x, outputs = call(model.generate, params, z, pick, **condition)
    return x, theta_of(params, outputs)

  def draw(params: Params, z: Array, key: Array) -> Array:
    at_step = lambda t: jax.random.fold_in(key, t)
    return path(params, z, lambda theta, t: likelihood.sample(theta, at_step(t)))[0]

  greedy = lambda params, z: path(params, z, lambda theta, t: likelihood.mode(theta))
  mean = lambda params, z: likelihood.mean(greedy(params, z)[1])
  return mean, draw, lambda params, z: greedy(params, z)[0]


def _beside(model: nn.Module, example: Example) -> dict:
  """What both halves of the model are handed by name: noise, and the condition."""
  names = ("noise", _condition(model))
  return {name: example[name] for name in names if name in example}


def _first_condition(model: nn.Module) -> dict:
  """A value of the condition to draw the parameters with, which do not depend on it."""
  condition = _condition(model)
  return {condition: 0} if condition else {}


def _condition(model: nn.Module) -> str:
  """The field of an example that the model is conditional on, or ""."""
  return getattr(model, "condition", "none").replace("none", "")


def _decoder_only(model: nn.Module, params: Params) -> Any:
  """The tree of params with True where `encode` does not use the leaf."""
  x = jax.ShapeDtypeStruct(tuple(model.shape), jnp.float32)
  key = jax.eval_shape(lambda: jax.random.key(0))
  method = _infer if hasattr(model, "group") else model.encode
  encode = functools.partial(model.init, method=method, **_first_condition(model))
  touched = jax.eval_shape(encode, key, x)
  used = {path for path, _ in jax.tree_util.tree_leaves_with_path(touched["params"])}
  encodes = lambda part, path: part == "posterior" or (part == "model" and path in used)
  return {
    part: jax.tree_util.tree_map_with_path(
      lambda path, _, part=part: not encodes(part, path), leaves
    )
    for part, leaves in params.items()
  }


def _infer(model: nn.Module, x: Array) -> None:
  """Touches what a hierarchy infers with: its encoder, and the way down to the last group."""
  features, where = model.encode(x), model.top()
  for g, size in enumerate(model.groups):
    model.group(where, features)
    if g + 1 < len(model.groups):
      where = model.down(where, jnp.zeros(size))


def standard_prior(size: int) -> latents.StandardPrior:
  """p(z) = N(0, I) over [L] latents."""
  return latents.StandardPrior(size)
