"""Student's t of each element, with heavier tails than the normal."""

from vae_jax.likelihoods import _columns
from vae_jax.likelihoods._base import Likelihood, total
from vae_jax.types import Spec


def student_t(spec: Spec, min_scale: float = 1e-3) -> Likelihood:
  """Student's t for each element, with a predicted mean, scale and degrees of freedom.

  scale = softplus + min_scale, degrees of freedom = 3 + softplus, so that a variance exists:
  the decoder of Mattei & Frellsen (2019), MIWAE.
  """
  del spec
  log_probs = lambda theta, x: _columns.student_t(theta, x, min_scale)
  return Likelihood(
    "student_t",
    3,
    lambda theta, x: total(log_probs(theta, x)),
    lambda theta: theta[..., 0],
    lambda theta, key: _columns.sample_student_t(theta, key, min_scale),
    ("real", "unit", "count"),
    is_density=True,
    terms=log_probs,
  )
