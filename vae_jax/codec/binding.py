"""A member of a run as the codec needs it, and the digest that says which model it is."""

import hashlib
import json

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions
from vae_jax import vae as models
from vae_jax.codec.chain import Model
from vae_jax.run import Run, select
from vae_jax.types import Array, Params, UserError


def bind(run: Run, member: int, batch: int) -> Model:
  """The model of one member, its network in float64 and with one batch shape.

  A network's outputs depend on the order of its sums, which depends on the number of threads
  and on the processor. In float64 they agree to about 1e-14 and are rounded to 6e-5 before
  anything is coded, so that both sides see the same numbers. Where they do not, a checksum of
  the original tells.

  Args:
    run: an opened run.
    member: of it.
    batch: B, rows of every call.

  Raises:
    UserError: a likelihood without a mass for each value, a model that writes step by step,
      that is conditional or has another prior.
  """
  check(run)
  one = select(run, member)
  config = {**run.config, "model": {**run.config["model"], "dtype": "float64"}}
  vae, symbols = models.build(config, run.spec), run.likelihood.symbols
  params = jax.tree.map(lambda leaf: np.asarray(leaf[0], np.float64), one.params)
  shape, scale = run.spec.shape, 1 if run.spec.domain == "category" else symbols - 1

  @jax.jit
  def encode(params: Params, x: Array) -> tuple[Array, Array]:
    given = x.reshape(-1, *shape) / scale if scale > 1 else x.reshape(-1, *shape)
    return tuple(jax.vmap(lambda one: vae.posterior(params, {"x": one}))(given))

  @jax.jit
  def decode(params: Params, z: Array) -> Array:
    theta = jax.vmap(lambda one: vae.theta(params, one))(z)
    return theta.reshape(len(z), run.spec.size, -1)

  return Model(
    encode=lambda x: tuple(map(np.asarray, _exact(encode, params, x.astype(np.float64)))),
    decode=lambda z: np.asarray(_exact(decode, params, z)),
    below=run.likelihood.below,
    symbols=symbols,
    size=run.spec.size,
    latents=run.vae.latents,
    batch=batch,
  )


def digest(run: Run, member: int = 0) -> bytes:
  """32 bytes that differ between models: of the configuration and of every parameter."""
  parts = {name: run.config[name] for name in ("model", "likelihood")}
  found = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
  found.update(repr((run.spec.shape, run.spec.domain)).encode())
  for path, leaf in jax.tree_util.tree_leaves_with_path(run.params):
    found.update(jax.tree_util.keystr(path).encode())
    found.update(np.ascontiguousarray(leaf[member], np.float32).tobytes())
  return found.digest()


def _exact(fn, params: Params, x: np.ndarray) -> Array:
  with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
    return jax.device_get(fn(params, jnp.asarray(x)))


def check(run: Run) -> None:
  """Refuses a run whose model cannot code; see `bind`."""
  check_masses(run)
  why = "The codec puts the values of a latent into bins that are alike under N(0, 1)"
  distributions.require(run.vae, ("gaussian",), why, standard=True)


def check_masses(run: Run) -> None:
  """Refuses a run whose ELBO is not the length of a file; its codes may be of any family.

  Raises:
    UserError: a likelihood without a mass for each value, a model that writes step by step or
      is conditional.
  """
  likelihood = run.likelihood
  if not likelihood.symbols or likelihood.below is None:
    raise UserError(
      f"A file is made of a mass for each value of x, and the likelihood {likelihood.name!r} has"
      " none: train with bernoulli, categorical or discretised_logistic."
    )
  if run.vae.theta is None:
    raise UserError(
      f"The model {run.config['model']['name']!r} writes x step by step, which this codec does"
      " not: compress with a model that decodes x at once."
    )
  if run.vae.given is not None or not run.stochastic:
    raise UserError("The codec needs a VAE without a condition: train with condition=none.")
