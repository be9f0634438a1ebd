"""What a rate is made of, for the posterior and the prior that a run has."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.protocol import Member
from vae_jax.metrics import aggregate, latent
from vae_jax.metrics import information as of_codes
from vae_jax.run import Run
from vae_jax.studies import symbols
from vae_jax.training import spread
from vae_jax.types import Array, Params, Posterior

BLOCK = 256  # codes that are compared with the mixture in one call: memory, not the result


def of_latents(run: Run, q: Posterior) -> np.ndarray:
  """The KL of each latent, nats [M, L]; NaN where latents have no rate of their own.

  They have one under a diagonal Gaussian posterior and N(0, I). Under another prior, in a flow
  and in a hierarchy the rate is of all latents together.

  Args:
    run: the members.
    q: of every example, [M, N, L] each, as `Source.posterior` gives.
  """
  if symbols.is_gaussian(run):
    return latent.rates(q.mean, q.logvar)
  return np.full((len(q.mean), q.mean.shape[-1]), np.nan)


def described(run: Run, q: Posterior) -> dict[str, np.ndarray]:
  """What pictures of each member read of its latents.

  Returns:
    latents [M, L], of `of_latents`; carried [M, L], what orders them: their KL, or the variance
    of the code where they have none; unit [M, 2, L], where walks stand still and how far a step
    goes: 0 and 1 under N(0, I), else the mean and the standard deviation of the codes.
  """
  latents = of_latents(run, q)
  known = symbols.is_gaussian(run) and run.stochastic
  carried = latents if known else latent.activity(q.mean)
  centre, scale = np.zeros_like(q.mean[:, 0]), np.ones_like(q.mean[:, 0])
  if not run.vae.standard:
    centre, scale = q.mean.mean(1), q.mean.std(1)
  return {"latents": latents, "carried": carried, "unit": np.stack([centre, scale], 1)}


def informative(run: Run, q: Posterior) -> tuple[np.ndarray, np.ndarray, list]:
  """What UDR and the sampled MIG read of each member.

  Returns:
    the KL of latents [M, L], NaN of an autoencoder too; what says that a latent is used, [M, L]:
    its KL, or 1 where the code moves; the log-variances [N, L] of M Gaussians, None of others.
  """
  wide = run.stochastic and run.vae.family == "gaussian"
  latents = of_latents(run, q) * (1.0 if run.stochastic else np.nan)
  used = latent.active_units(q.mean).astype(float)
  used = latents if run.stochastic and symbols.is_gaussian(run) else used
  return latents, used, [*q.logvar] if wide else [None] * len(q.mean)


def parts(run: Run, q: Posterior, codes: int, key: Array) -> dict[str, np.ndarray]:
  """Active latents and what the rate consists of, [M, 1] each; what a family lacks is left out.

  A diagonal Gaussian has I(x; z) and the total correlation under any prior, and

    KL(q(z) || p(z)) = E[log q(z) - log p(z)]

  under its own one; the dimension-wise KL needs N(0, I), whose latents are independent. The
  density q(z|x) of another family at the codes of other examples is not computed: it has
  active latents alone, and a discrete one not even these.

  Args:
    run: the members.
    q: of every example, [M, N, L] each.
    codes: draws of z that expectations are averaged over.
    key: of these draws.
  """
  found = {}
  if run.vae.family == "gaussian":
    one = lambda params, z: distributions.log_prob(run.vae.prior(params), z)
    log_prior = None if run.vae.standard else one
    found = decomposed(q, codes, key, log_prior, run.params)._asdict()
    found["aggregate"] = found["total_correlation"] + found["dimension_wise"]
    if not run.vae.standard:
      del found["dimension_wise"]
  if run.vae.family != "discrete":
    found["active"] = latent.active_units(q.mean).sum(-1)
  return {name: values[:, None] for name, values in found.items()}


def decomposed(
  q: Posterior,
  codes: int,
  key: Array,
  log_prior: Callable[[Params, Array], Array] | None = None,
  params: Params = (),
) -> aggregate.Decomposition:
  """What the rate of each member is made of, [M] each: the exact mixture of its posteriors.

  Members and codes are spread over every device.

  Args:
    q: [M, N, L] each; of more than MIXTURE examples evenly spaced ones stand for q(z).
    codes: of the N, evenly spaced, that a z is drawn for.
    key: of those z; the noise of every member is the same.
    log_prior: (params of one member, z [L]) -> log p(z), []; None: N(0, I). Of another prior
      the last part is E[log prod_l q(z_l) - log p(z)], which adds up with the total
      correlation to KL(q(z) || p(z)) and is no KL itself.
    params: of the members, every leaf [M, ...]; read by `log_prior` alone.
  """
  order, count = aggregate.order(q.mean.shape[1], codes)
  noise = np.asarray(jax.random.normal(key, (count, q.mean.shape[2])))

  def of_member(q: Posterior, params: Params, at: Array, noise: Array) -> Any:
    own = Posterior(q.mean[at], q.logvar[at])
    z = own.mean + jnp.exp(0.5 * own.logvar) * noise
    found = aggregate.of_all(q, z, own=own)
    if log_prior is not None:
      found = found._replace(prior=jax.vmap(lambda z: log_prior(params, z))(z))
    return found

  def batch(own: tuple, rows: tuple, *_: Any) -> aggregate.Densities:
    return jax.vmap(of_member, in_axes=(0, 0, None, None))(*own, *rows)

  mine = Posterior(*(np.asarray(part)[:, order] for part in q))
  rows = lambda at: (at, noise[at])
  asked = (spread.programs(batch), rows, count, BLOCK, len(order), "The exact mixture")
  own = mine, () if log_prior is None else params
  found = spread.over_all(spread.Ask(*asked), own, key, shared=True)
  return jax.device_get(jax.vmap(aggregate.decompose)(found))


def information(run: Run, q: Posterior, key: Array) -> dict[str, np.ndarray]:
  """I(x; z) of each member, "mi" [M, 1], nats, of a diagonal Gaussian; nothing of others."""
  if run.vae.family != "gaussian":
    return {}
  rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
  each = [of_codes.mutual_information(*one, rng) for one in zip(*q, strict=True)]
  return {"mi": np.reshape(each, (-1, 1))}


def absent(members: list[Member]) -> list[str]:
  """Sentences on what the tables lack for the families of some members; none of the usual one."""
  others = [member for member in members if not symbols.is_gaussian(member.run)]
  said = []
  for kind, text in _LACKS.items():
    names = [
      of_members.title(m, members) or "the model" for m in others if _kind(m) == kind
    ]
    if names:
      said.append(text.format(", ".join(names)))
  return said


def single(members: list[Member]) -> list[str]:
  """A sentence on the members whose latents have no rate of their own; none of the usual ones."""
  others = [member for member in members if not symbols.is_gaussian(member.run)]
  if not others:
    return []
  names = ", ".join(of_members.title(m, members) or "the model" for m in others)
  said = (
    f"The rate of {names} is of all latents together: its latents are ordered by how far the code"
    " moves, and UDR counts those that move."
  )
  if any(member.run.vae.family != "gaussian" for member in others):
    said += " A posterior that is no diagonal Gaussian has no sampled MIG."
  return [said]


def _kind(member: Member) -> str:
  family = member.run.vae.family
  return "prior" if family == "gaussian" else "rich" if family != "discrete" else family


_LACKS = {
  "prior": "The prior of {} is not N(0, I): its rate is of all latents together, so that no latent"
  " has a KL of its own and no table a dimension-wise KL; every KL is to its own prior.",
  "rich": "The posterior of {} is no diagonal Gaussian: its rate is of all latents together, and"
  " mutual information, total correlation and KL(q(z) ‖ p(z)) are not estimated. Active latents"
  " are those whose code moves.",
  "discrete": "The codes of {} are discrete: there are no active latents, no mutual information, no"
  " total correlation and no walks to show.",
}
