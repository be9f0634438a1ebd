"""A model and a likelihood bound into the small tuple of pure functions that is a VAE."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax import distributions, registry
from vae_jax.likelihoods import Likelihood
from vae_jax.types import VAE, Array, Example, Params, Posterior, Prior, Spec, UserError

_CONTRACT = ("shape", "outputs", "latents", "lowering", "columns", "parent", "name")
DECODER_READS = "read"  # the field of an example that replaces x where the decoder reads x


def build(config: dict, spec: Spec, lowering: str = "xla") -> VAE:
  """The VAE that a resolved configuration describes, for data of this spec.

  Args:
    config: with the parts `model` and `likelihood`.
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
  model = found(shape=spec.shape, outputs=likelihood.outputs, lowering=lowering, **options)
  return bind(model, likelihood)


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
    if f.name not in _CONTRACT and f.default is not dataclasses.MISSING
  }


def model_numbers(name: str) -> dict[str, float]:
  """The numbers of `hyper` that a model reads, its rates of dropout, with their defaults."""
  return getattr(registry.find("models", name).Model, "HYPER", {})


def bind(model: nn.Module, likelihood: Likelihood) -> VAE:
  """The pure functions of ONE example of a model under a likelihood.

  `params` is {"model": the module's}, with "shared": [S] where the likelihood has S shared
  parameters.
  The encoder reads `example["input"]` where a corruption put one, else `example["x"]`. A model
  with a method `generate` is sequential, p(x|z) = prod_t p(x_t | x_<t, z): its decoder reads
  `example["read"]` where a corruption put one, else `example["x"]`, and position t of its
  outputs depends on positions before t alone. A model with `HYPER` takes noise as an argument:
  `example["noise"]`, a dict of a `key` and those numbers, in training only.

  `example["observed"]`, the shape of x or 1 along its last axis, is 0 where an element is
  missing: the likelihood leaves that element out, and a model with `OBSERVES` is handed it
  beside x. What x holds there is 0, not the answer.
  """
  sequential, observes = hasattr(model, "generate"), getattr(model, "OBSERVES", False)

  call, theta_of = _calls(model, likelihood)

  def init(key: Array) -> Params:
    params = {"model": model.init(key, jnp.zeros(model.shape))["params"]}
    if likelihood.shared:
      params["shared"] = jnp.asarray(likelihood.shared)
    return params

  def posterior(params: Params, example: Example) -> Posterior:
    x = example["input"] if "input" in example else example["x"]
    seen = [example.get("observed", jnp.ones_like(x))] if observes else []
    return call(model.encode, params, x, *seen, *_noise(example))

  def log_likelihood(params: Params, z: Array, example: Example) -> Array:
    read = [example.get(DECODER_READS, example["x"])] if sequential else []
    outputs = call(model.decode, params, z, *read, *_noise(example))
    theta, x = theta_of(params, outputs), example["x"]
    if "observed" not in example:
      return likelihood.log_prob(theta, x)
    seen = jnp.broadcast_to(example["observed"], x.shape) > 0.5
    return jnp.sum(jnp.where(seen, likelihood.each(theta, x), 0.0))

  outputs_at, sample, mode = _writers(model, likelihood, call, theta_of)
  return VAE(
    init=init,
    posterior=posterior,
    log_likelihood=log_likelihood,
    sample=sample,
    mean=lambda params, z: likelihood.mean(outputs_at(params, z)),
    prior=standard_prior(model.latents),
    latents=model.latents,
    mode=mode,
    decodes=functools.partial(_decoder_only, model),
    noise=tuple(getattr(model, "HYPER", ())),
  )


def _calls(model: nn.Module, likelihood: Likelihood) -> tuple[Callable, Callable]:
  """`(method, params, *given)` of the model, and `(params, outputs) -> theta`."""

  def call(method: Callable, params: Params, *given: Array) -> Any:
    return model.apply({"params": params["model"]}, *given, method=method)

  def theta_of(params: Params, outputs: Array) -> Array:
    if not likelihood.shared:
      return outputs
    shared = jnp.broadcast_to(
      params["shared"], (*outputs.shape[:-1], len(likelihood.shared))
    )
    return jnp.concatenate([outputs, shared], axis=-1)

  return call, theta_of


def _writers(
  model: nn.Module, likelihood: Likelihood, call: Callable, theta_of: Callable
) -> tuple[Callable, Callable, Callable]:
  """theta at a code, a draw from it, and its mode; step by step where it is sequential."""
  if not hasattr(model, "generate"):
    at = lambda params, z: theta_of(params, call(model.decode, params, z))
    sample = lambda params, z, key: likelihood.sample(at(params, z), key)
    return at, sample, lambda params, z: likelihood.mode(at(params, z))

  def path(params: Params, z: Array, choose: Callable) -> tuple[Array, Array]:
    pick = lambda outputs, t: choose(theta_of(params, outputs[None]), t)[0]
    x, outputs = call(model.generate, params, z, pick)
    return x, theta_of(params, outputs)

  def draw(params: Params, z: Array, key: Array) -> Array:
    at_step = lambda t: jax.random.fold_in(key, t)
    return path(params, z, lambda theta, t: likelihood.sample(theta, at_step(t)))[0]

  greedy = lambda params, z: path(params, z, lambda theta, t: likelihood.mode(theta))
  return (lambda p, z: greedy(p, z)[1]), draw, (lambda p, z: greedy(p, z)[0])


def _noise(example: Example) -> list[dict]:
  return [example["noise"]] if "noise" in example else []


def _decoder_only(model: nn.Module, params: Params) -> Any:
  """The tree of params with True where `encode` does not use the leaf."""
  x = jax.ShapeDtypeStruct(tuple(model.shape), jnp.float32)
  key = jax.eval_shape(lambda: jax.random.key(0))
  touched = jax.eval_shape(functools.partial(model.init, method=model.encode), key, x)
  used = {path for path, _ in jax.tree_util.tree_leaves_with_path(touched["params"])}
  return {
    part: jax.tree_util.tree_map_with_path(
      lambda path, _, part=part: part != "model" or path not in used, leaves
    )
    for part, leaves in params.items()
  }


def standard_prior(latents: int) -> Prior:
  """p(z) = N(0, I)."""
  normal = distributions.standard(latents)
  return Prior(
    log_prob=lambda z: distributions.log_prob(normal, z),
    sample=lambda key: jax.random.normal(key, (latents,)),
  )
