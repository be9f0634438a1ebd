"""q(z|x) and p(z) of a configuration: its posterior and its prior, bound to an encoder."""

import zlib
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import jax

from vae_jax import distributions, registry
from vae_jax.families.chain import Chain, Walk
from vae_jax.types import (
  VAE,
  Array,
  Distribution,
  Example,
  Params,
  Posterior,
  Sizes,
  Spec,
  UserError,
)

DEFAULTS = {"prior": {"name": "standard"}, "posterior": {"name": "diagonal"}}
STATE = "state"  # the part of params that counts and is not learned: no gradient, no Adam


class About(NamedTuple):
  """What a prior may be made of beside its own parameters."""

  sizes: Sizes
  encode: Callable[[Array], Posterior]  # x -> what the encoder puts out
  # the uniform distribution over what the posterior draws, where there is one
  support: Callable[[], Distribution]


class StandardPrior(NamedTuple):
  """(params, example) -> N(0, I), which needs neither to be drawn from and scored."""

  latents: int  # L

  def __call__(self, params: Params, example: Example | None = None) -> Posterior:
    """N(0, I)."""
    return distributions.standard(self.latents)

  def log_prob(self, z: Array) -> Array:
    """log N(z; 0, I), [] nats."""
    return distributions.log_prob(distributions.standard(self.latents), z)

  def sample(self, key: Array) -> Array:
    """One draw, [L]."""
    return jax.random.normal(key, (self.latents,))


class OtherPrior(NamedTuple):
  """(params, example) -> p(z) of any other family; without parameters it can say nothing."""

  of: Callable[..., Distribution]

  def __call__(self, params: Params, example: Example | None = None) -> Distribution:
    """The distribution of these parameters."""
    return self.of(params, example)

  def log_prob(self, z: Array) -> Array:
    """Refuses: it depends on the parameters."""
    raise UserError(_NEEDS_PARAMETERS)

  def sample(self, key: Array) -> Array:
    """Refuses: it depends on the parameters."""
    raise UserError(_NEEDS_PARAMETERS)


_NEEDS_PARAMETERS = (
  "This reads codes as draws of N(0, I), and the prior of this model is another one, which"
  " depends on its parameters: evaluate a run with config.prior.name=standard."
)


def part(config: dict, kind: str) -> tuple[ModuleType, dict]:
  """The prior or the posterior of a configuration, and its options."""
  options = dict(config.get(kind, DEFAULTS[kind]))
  return registry.find(f"{kind}s", options.pop("name")), options


def check(config: dict, spec: Spec, hierarchy: bool) -> None:
  """Refuses a prior that is no distribution over what the posterior draws.

  Raises:
    UserError: the two do not go together, or not with the model or the data.
  """
  names = {kind: config.get(kind, DEFAULTS[kind])["name"] for kind in DEFAULTS}
  prior, posterior = part(config, "prior")[0], part(config, "posterior")[0]
  changed = [kind for kind in DEFAULTS if names[kind] != DEFAULTS[kind]["name"]]
  if hierarchy and changed:
    raise UserError(
      f"The model {config['model']['name']!r} is a hierarchy and brings its own prior and"
      f" posterior: leave config.{changed[0]}.name at {DEFAULTS[changed[0]]['name']!r}."
    )
  if posterior.SUPPORT not in prior.SUPPORTS:
    fit = [
      name
      for name in registry.names("priors")
      if posterior.SUPPORT in registry.find("priors", name).SUPPORTS
    ]
    raise UserError(
      f"The posterior {names['posterior']!r} draws {posterior.SUPPORT} codes, and the prior"
      f" {names['prior']!r} is over {' or '.join(prior.SUPPORTS)} ones: set config.prior.name"
      f" to {' or '.join(fit)}."
    )
  if getattr(prior, "ENCODES", False) and spec.domain == "category":
    raise UserError(
      f"The prior {names['prior']!r} learns pseudo-inputs by their gradient, and the symbols of"
      " this data have none: set config.prior.name to mixture, flow or autoregressive."
    )


def attach(
  vae: VAE,
  config: dict,
  encode: Callable[[Params, Example], Posterior],
  condition: str = "",
) -> VAE:
  """The VAE with the posterior and the prior that its configuration names.

  `params` gets "posterior" and "prior" where they have parameters, and in "state" what the
  posterior counts and does not learn.

  Args:
    vae: with `init` of the model's own parameters.
    config: complete, or without the two parts: diagonal and standard.
    encode: (params, example) -> the encoder's mean and logvar.
    condition: the field of an example that the model is conditional on, or "".
  """
  posterior, q_options = part(config, "posterior")
  prior, p_options = part(config, "prior")
  sizes, standard = vae.sizes, getattr(prior, "STANDARD", False)
  if hasattr(posterior, "symbols"):
    sizes = sizes._replace(symbols=posterior.symbols(sizes, **q_options))

  def own(params: Params) -> dict:
    state = params.get(STATE, {}).get("posterior", {})
    return {**params.get("posterior", {}), **state}

  def q_of(params: Params, example: Example) -> Distribution:
    numbers = example.get("numbers", {})
    return posterior.distribution(
      own(params), encode(params, example), numbers, **q_options
    )

  def p_of(params: Params, example: Example | None = None) -> Distribution:
    beside = {k: v for k, v in (example or {}).items() if k == condition}
    read = lambda x: encode(params, {**beside, "x": x})
    support = lambda: posterior.support(own(params), sizes, **q_options)
    about = About(sizes, read, support)
    return prior.distribution(params.get("prior", {}), about, **p_options)

  return vae._replace(
    init=lambda key: vae.init(key) | _parameters(config, key, sizes),
    sizes=sizes,
    posterior=q_of,
    prior=StandardPrior(sizes.latents) if standard else OtherPrior(p_of),
    family=posterior.FAMILY,
    standard=standard,
    numbers=tuple(getattr(posterior, "HYPER", ())),
    statistics=getattr(posterior, "statistics", None),
    update=getattr(posterior, "update", None),
  )


def _parameters(config: dict, key: Array, sizes: Sizes) -> Params:
  """What the prior and the posterior bring: "prior", "posterior" and, in "state", its counts."""
  found = {}
  for name in DEFAULTS:
    module, options = part(config, name)
    own = jax.random.fold_in(key, zlib.crc32(name.encode()))
    if hasattr(module, "parameters"):
      found[name] = module.parameters(own, sizes, **options)
    if hasattr(module, "state"):
      found[STATE] = {name: module.state(own, sizes, **options)}
  return found


def fits_prior(config: dict) -> bool:
  """Whether a prior alone is trained, to the codes of a model that was trained before."""
  return bool(config["two_stage"]["run"]) and config["two_stage"]["learn"] == "prior"


def divided(params: Params, config: dict) -> tuple[Params, Params]:
  """The parts of the parameters that training learns, with a gradient, and the others.

  All but what is counted; or those of the prior alone (`fits_prior`).
  """
  alone = fits_prior(config)
  learns = lambda part: part == "prior" if alone else part != STATE
  learned = {part: tree for part, tree in params.items() if learns(part)}
  return learned, {part: tree for part, tree in params.items() if not learns(part)}


def hierarchy(vae: VAE, encode: Callable, walk: Callable[[Params], Walk]) -> VAE:
  """The VAE of a model that is a hierarchy: q and p are chains down its groups.

  Args:
    vae: with `init` of the model's parameters.
    encode: (params, example) -> the features of x.
    walk: params -> the way down.
  """
  return vae._replace(
    posterior=lambda params, example: Chain(walk(params), encode(params, example)),
    prior=OtherPrior(lambda params, example: Chain(walk(params))),
    family="hierarchy",
    standard=False,
  )
