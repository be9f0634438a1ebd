"""A member of a run as the codec needs it, and the digest that says which model it is."""

import hashlib
import itertools
import json

import jax
import numpy as np

from vae_jax import distributions
from vae_jax.codec import writing
from vae_jax.codec.chain import Model
from vae_jax.codec.codes import Codes, Groups, Mixture
from vae_jax.codec.network import Network
from vae_jax.families.chain import Chain
from vae_jax.run import Run
from vae_jax.types import Array, Params, Posterior, UserError

MIXTURES = ("mixture", "vamp")  # priors that are a mixture of Gaussians


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
    UserError: a likelihood without a mass for each value, or a prior or posterior that is not
      coded; see `check`.
  """
  check(run)
  net = Network(run, member, batch)
  vae, shape, scale = net.vae, run.spec.shape, net.scale
  conditional = vae.given is not None

  def encoded(params: Params, x: Array, label: Array) -> Posterior | tuple:
    example = {"x": x.reshape(shape) / scale if scale > 1 else x.reshape(shape)}
    q = vae.posterior(params, example | ({"label": label} if conditional else {}))
    return q.features if isinstance(q, Chain) else q

  infer = net.function("encode", encoded)
  features = lambda x, label: infer(x.astype(np.float64), label)
  return Model(
    infer=features
    if vae.family == "hierarchy"
    else lambda x, label: net.numbers(features(x, label), len(x)),
    codes=_codes(net, run.config["prior"]["name"], features),
    below=run.likelihood.below,
    symbols=run.likelihood.symbols,
    size=run.spec.size,
    classes=len(run.spec.classes) if conditional else 0,
    closed=writing.closed(run.likelihood.end) if run.likelihood.end else None,
    **writing.of(net, run.spec, bool(run.likelihood.end)),
  )


def _codes(net: Network, prior: str, features) -> Codes:
  """How the codes of this model are drawn and coded."""
  vae = net.vae
  if vae.family == "hierarchy":
    return _hierarchy(net, features)
  if prior in MIXTURES:
    p = net.once(lambda params: _flat(vae.prior(params)))
    logits, parts = net.numbers(p[0]), Posterior(*net.numbers(p[1:]))
    share = np.exp(logits - logits.max())
    return Mixture(share / share.sum(), parts, lambda q: Posterior(*q))

  def parts(g, z, q, label):
    zeros = np.zeros((len(label), vae.latents))
    return q and Posterior(*q), Posterior(zeros, zeros)

  return Groups((vae.latents,), parts)


def _flat(p) -> tuple:
  return p.logits, *p.parts


def _hierarchy(net: Network, features) -> Groups:
  """One program for each group, which walks down to it: q is not read where x is unknown."""
  vae, sizes = net.vae, _sizes(net)
  starts = np.cumsum((0, *sizes))
  blank = features(np.zeros((net.batch, net.size)), np.zeros(net.batch, np.int64))

  def level(g: int):
    def one(params: Params, z: Array, features: tuple) -> tuple:
      walk = vae.prior(params).walk
      where = walk.top()
      for start, end in itertools.pairwise(starts[: g + 1]):
        where = walk.down(where, z[start:end])
      return walk.group(where, features)

    return net.function(f"group {g}", one)

  levels = [level(g) for g in range(len(sizes))]

  def parts(g, z, known, label):
    found = levels[g](z, blank if known is None else known)
    return tuple(Posterior(*net.numbers(half, len(label))) for half in found)

  return Groups(sizes, parts)


def _sizes(net: Network) -> tuple[int, ...]:
  """Latents of each group, the top first."""
  found = []
  jax.eval_shape(lambda params: found.append(net.vae.prior(params).walk.sizes), net.params)
  return found[0]


def digest(run: Run, member: int = 0) -> bytes:
  """32 bytes that differ between models: of the configuration and of every parameter."""
  parts = {name: run.config[name] for name in ("model", "likelihood", "prior", "posterior")}
  found = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
  found.update(repr((run.spec.shape, run.spec.domain, len(run.spec.classes))).encode())
  for path, leaf in jax.tree_util.tree_leaves_with_path(run.params):
    found.update(jax.tree_util.keystr(path).encode())
    found.update(np.ascontiguousarray(leaf[member], np.float32).tobytes())
  return found.digest()


def check(run: Run) -> None:
  """Refuses a run whose model cannot code.

  Raises:
    UserError: see `check_masses`; a posterior that is neither Gaussian nor a hierarchy of
      Gaussians, or a prior that is neither N(0, I), nor a mixture of Gaussians, nor a
      hierarchy's own.
  """
  check_masses(run)
  why = "The codec puts each latent into bins under a Gaussian"
  distributions.require(run.vae, ("gaussian", "hierarchy"), why)
  if run.vae.family == "hierarchy" and not _of_gaussians(run):
    raise UserError(
      f"{why}, and a group of this hierarchy has a mixture as its prior: set"
      " config.model.components=0."
    )
  name = run.config["prior"]["name"]
  if not (run.vae.standard or run.vae.family == "hierarchy" or name in MIXTURES):
    raise UserError(
      f"{why}, and the prior {name!r} of this model is none; it is for standard, mixture and"
      " vamp."
    )
  if run.vae.given is not None and not run.vae.standard:
    raise UserError(
      f"The codec is for conditional models under N(0, I), and the prior is {name!r}: set"
      " config.prior.name=standard, or model.condition=none."
    )


def _of_gaussians(run: Run) -> bool:
  """Whether every group of a hierarchy has a Gaussian as its prior, told by tracing."""
  found = []

  def walked(params: Params) -> None:
    path = run.vae.prior(params).draw(jax.random.key(0)).path
    found.extend(isinstance(p, Posterior) for _, p, _ in path)

  jax.eval_shape(walked, jax.tree.map(lambda x: x[0], run.params))
  return all(found)


def codes(run: Run) -> bool:
  """Whether `check` lets a run with a mass for each value pass."""
  try:
    check(run)
  except UserError:
    return False
  return True


def check_masses(run: Run) -> None:
  """Refuses a run whose ELBO is not the length of a file; its codes may be of any family.

  Raises:
    UserError: a likelihood without a mass for each value, or a model without a random code.
  """
  likelihood = run.likelihood
  if not likelihood.symbols or likelihood.below is None:
    raise UserError(
      f"A file is made of a mass for each value of x, and the likelihood {likelihood.name!r} has"
      " none: train with bernoulli, beta_binomial, categorical, discretised_logistic,"
      " logistic_mixture or tokens."
    )
  if not run.stochastic:
    raise UserError(
      "Bits come back from a random code, and this model has none: train a VAE."
    )
