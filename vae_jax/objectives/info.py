"""InfoVAE: the rate may have weight 0, and the aggregate posterior is held near the prior."""

from vae_jax.objectives import _elbo, _mmd
from vae_jax.types import VAE, Array, Batch, Example, Hyper, Params, Posterior, Terms

HYPER = {"alpha": 1.0, "lambda": 1000.0, "bandwidth": 1.0}
WHY = "InfoVAE holds the codes to draws of N(0, I)"
OPTIONS = {"kernel": "gaussian"}  # or "inverse_multiquadratic"


def loss(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  hyper: Hyper,
  kernel: str = "gaussian",
) -> Terms:
  """-E_q[log p(x|z)] + (1 - alpha) KL(q(z|x) || p(z)), for ONE example.

  The first two terms of Zhao et al. (2017), eq. 7 (eq. 6 weighted as there). At alpha = 1
  the rate is not charged: MMD-VAE.
  """
  del kernel
  return _elbo.terms(vae, params, example, key, WHY, 1.0 - hyper["alpha"])


def batch_loss(
  posterior: Posterior,
  z: Array,
  hyper: Hyper,
  batch: Batch,
  kernel: str = "gaussian",
) -> Array:
  """(alpha + lambda - 1) MMD^2(q(z), p(z)), [].

  The third term of Zhao et al. (2017), eq. 7, with the divergence of their section 4 that
  MMD-VAE uses. The estimate is unbiased, so it may be below 0; as many draws of the prior as
  rows count stand against the codes. At alpha = 0 and lambda = 1 this is the β-VAE at β = 1.

  Args:
    posterior: not read.
    z: a draw of each row, [B, L].
    hyper: `alpha`, `lambda`, and `bandwidth` in standard deviations of the prior.
    batch: rows with mask 0 do not count; its key draws from the prior.
    kernel: see `metrics.aggregate.squared_mmd`.

  Raises:
    UserError: an unknown kernel.
  """
  del posterior
  return (hyper["alpha"] + hyper["lambda"] - 1.0) * _mmd.from_prior(z, hyper, batch, kernel)
