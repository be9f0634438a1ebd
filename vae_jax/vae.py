"""A model and a likelihood bound into the small tuple of pure functions that is a VAE."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax import distributions, registry
from vae_jax.likelihoods import Likelihood
from vae_jax.types import VAE, Array, Example, Params, Posterior, Prior, Spec, UserError

_CONTRACT = ("shape", "outputs", "latents", "lowering", "parent", "name")


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
  model = registry.find("models", config["model"]["name"]).Model(
    shape=spec.shape, outputs=likelihood.outputs, lowering=lowering, **options
  )
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


def bind(model: nn.Module, likelihood: Likelihood) -> VAE:
  """The pure functions of ONE example of a model under a likelihood.

  `params` is {"model": the module's}, with "shared": [S] where the likelihood has S shared
  parameters.
  The encoder reads `example["input"]` where a corruption put one, else `example["x"]`.
  """

  def init(key: Array) -> Params:
    params = {"model": model.init(key, jnp.zeros(model.shape))["params"]}
    if likelihood.shared:
      params["shared"] = jnp.asarray(likelihood.shared)
    return params

  def theta(params: Params, z: Array) -> Array:
    outputs = model.apply({"params": params["model"]}, z, method=model.decode)
    if not likelihood.shared:
      return outputs
    shared = jnp.broadcast_to(
      params["shared"], (*outputs.shape[:-1], len(likelihood.shared))
    )
    return jnp.concatenate([outputs, shared], axis=-1)

  def posterior(params: Params, example: Example) -> Posterior:
    x = example["input"] if "input" in example else example["x"]
    return model.apply({"params": params["model"]}, x, method=model.encode)

  return VAE(
    init=init,
    posterior=posterior,
    log_likelihood=lambda params, z, example: likelihood.log_prob(
      theta(params, z), example["x"]
    ),
    sample=lambda params, z, key: likelihood.sample(theta(params, z), key),
    mean=lambda params, z: likelihood.mean(theta(params, z)),
    prior=standard_prior(model.latents),
    latents=model.latents,
  )


def standard_prior(latents: int) -> Prior:
  """p(z) = N(0, I)."""
  normal = distributions.standard(latents)
  return Prior(
    log_prob=lambda z: distributions.log_prob(normal, z),
    sample=lambda key: jax.random.normal(key, (latents,)),
  )
