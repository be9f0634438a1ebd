"""Codes that are not Gaussian: their space, and which symbols are used."""

import numpy as np

from vae_jax import asking, latents
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.metrics import latent
from vae_jax.run import Run, select
from vae_jax.types import UserError


def is_real(run: Run) -> bool:
  """Whether codes are points of the whole space, so that those between two are codes too."""
  if run.vae.family == "hierarchy":
    return True
  return latents.part(run.config, "posterior")[0].SUPPORT == "real"


def require_real(run: Run, why: str) -> None:
  """Refuses codes between which there is nothing, and which no small step leaves.

  Args:
    run: whose codes they are.
    why: the beginning of the sentence: who does what with a code.

  Raises:
    UserError: the codes are discrete, or on a sphere.
  """
  if not is_real(run):
    posterior = latents.part(run.config, "posterior")[0]
    raise UserError(
      f"{why}, for which codes must be points of the whole space, and the posterior"
      f" {run.config['posterior']['name']!r} draws {posterior.SUPPORT} ones: evaluate a run of"
      " a posterior such as diagonal, planar or iaf, or of a hierarchy."
    )


def is_gaussian(run: Run) -> bool:
  """Whether a latent has a rate of its own: a diagonal Gaussian under N(0, I)."""
  return run.vae.family == "gaussian" and run.vae.standard


def used(member: Member, examples: dict[str, np.ndarray], key: object) -> np.ndarray:
  """Which value each of the G symbols of a discrete code takes, [N, G] int32."""
  one = select(member.run, member.place)
  index = lambda params, hyper, example, key: one.vae.posterior(params, example).index()
  return asking.apply(one, index, examples, key)[0]


def sentences(outcome: Outcome) -> list[str]:
  """How many values discrete codes use, for each of a few members; none of other families."""
  found = []
  for member in of_members.spread(outcome.members):
    if member.run.vae.family != "discrete":
      continue
    values = member.run.vae.sizes.symbols[1]
    task = outcome.tasks[member.part]
    index = used(member, task.examples, task.source.key)
    shared = member.run.config["posterior"]["name"] == "vq"  # one codebook for all places
    each = latent.perplexity(index.reshape(-1, 1) if shared else index, values)
    name = of_members.title(member, outcome.members)
    found.append(
      f"{f'{name}: e' if name else 'E'}ach of the {index.shape[1]} symbols of a code has"
      f" {values} values, used as evenly as {each.mean():.1f} would be (perplexity, the"
      " exponential of the entropy of use). Such codes have no directions: there are no active"
      " latents, no planes and no walks to show."
    )
  return found
