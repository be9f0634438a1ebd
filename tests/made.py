"""Models whose answer is known, on data that is drawn here: for tests of applications."""

import jax.numpy as jnp
import numpy as np
from helpers import tiny
from scipy.stats import multivariate_normal

from vae_jax import distributions, registry
from vae_jax import vae as models
from vae_jax.likelihoods.gaussian import gaussian
from vae_jax.run import Run
from vae_jax.training import sweep
from vae_jax.types import VAE, Dataset, Posterior, Spec, Table

SIZE, STD = 4, 0.5


def table_data(shape=(SIZE,), kind="table", labels=True) -> Dataset:
  """x ~ N(0, I) in [N, *shape], with a label that is the sign of the first number."""
  rng = np.random.default_rng(0)
  x = rng.normal(size=(90, *shape)).astype(np.float32)
  fields = {"x": x} | (
    {"label": (x.reshape(90, -1)[:, 0] > 0).astype(np.int32)} if labels else {}
  )
  cut = {"train": slice(0, 40), "valid": slice(40, 60), "test": slice(60, 90)}
  splits = {name: {k: v[rows] for k, v in fields.items()} for name, rows in cut.items()}
  classes = ("minus-one", "plus") if labels else ()
  return Dataset(
    "made", Spec(shape, kind, "real", classes=classes), splits, "Made for a test."
  )


def bind(data: Dataset, encode, decode, latents: int) -> VAE:
  """A VAE of plain functions of (params, .) under N(mean, STD^2)."""

  def log_likelihood(params, z, example):
    q = Posterior(decode(params, z), jnp.full(data.spec.shape, 2 * np.log(STD)))
    flat = Posterior(q.mean.reshape(-1), q.logvar.reshape(-1))
    return distributions.log_prob(flat, example["x"].reshape(-1))

  return VAE(
    init=lambda key: {},
    posterior=lambda params, example: encode(params, example["x"]),
    log_likelihood=log_likelihood,
    sample=lambda params, z, key: decode(params, z),
    mean=decode,
    prior=models.standard_prior(latents),
    latents=latents,
    mode=decode,
    decodes=lambda params: params,
  )


def open_with(data: Dataset, vae: VAE, objective="beta", axes=None, **options) -> Run:
  """A run that was never trained; params {"scale": [M]} hold 1 for every member."""
  config = tiny(objective={"name": objective}, sweep=axes or {})
  members = sweep.members(config)
  found = Run(
    workdir="",
    config=config,
    spec=data.spec,
    vae=vae,
    likelihood=gaussian(data.spec, std=STD),
    params={"scale": np.ones(len(members), np.float32)},
    hyper=sweep.stack(config, members),
    members=members,
    step=np.zeros(len(members), int),
    which="best",
    history=[],
    about={"seconds_a_member": 1.0},
    dataset=data,
    stochastic=getattr(registry.find("objectives", objective), "STOCHASTIC", True),
    numbers=list(range(len(members))),
    ended=[""] * len(members),
  )
  return found._replace(**options)


def identity(data: Dataset) -> VAE:
  size = data.spec.size

  def encode(params, x):
    return Posterior(x.reshape(-1) * params["scale"], jnp.full(size, -20.0))

  return bind(data, encode, lambda params, z: z.reshape(data.spec.shape), size)


def nothing(data: Dataset) -> VAE:
  """q(z|x) is the prior and the decoder says 0."""
  encode = lambda params, x: Posterior(jnp.zeros(2), jnp.zeros(2))
  return bind(data, encode, lambda params, z: jnp.zeros(data.spec.shape), 2)


def exact_linear(data: Dataset) -> tuple[VAE, multivariate_normal]:
  """x = W z + N(0, STD^2) with its exact posterior, and p(x)."""
  W = np.linalg.qr(np.random.default_rng(1).normal(size=(SIZE, 2)))[0] * [1.2, 0.6]
  precision = 1 + (W**2).sum(0) / STD**2
  weights, logvar = (
    jnp.asarray(W, jnp.float32),
    jnp.asarray(-np.log(precision), jnp.float32),
  )
  gain = jnp.asarray(W / STD**2 / precision, jnp.float32)
  encode = lambda params, x: Posterior(x @ gain, logvar)
  vae = bind(data, encode, lambda params, z: weights @ z, 2)
  return vae, multivariate_normal(np.zeros(SIZE), W @ W.T + STD**2 * np.eye(SIZE))


def cell(table: Table, column: str, row: int = 0):
  return table.rows[row][table.columns.index(column)]
