"""β-TCVAE: the rate in its three parts, of which the total correlation is charged more."""

from vae_jax.metrics import aggregate
from vae_jax.objectives import _elbo
from vae_jax.types import VAE, Array, Batch, Example, Hyper, Params, Posterior, Terms

HYPER = {"alpha": 1.0, "beta": 6.0, "gamma": 1.0}
WHY = "The total correlation is estimated from q's mean and variance beside N(0, I)"
OPTIONS = {"estimator": "weighted"}  # "weighted" or "stratified": which weights are built


def loss(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  hyper: Hyper,
  estimator: str = "weighted",
) -> Terms:
  """-E_q[log p(x|z)] + KL(q(z|x) || p(z)), for ONE example: the negative ELBO."""
  del hyper, estimator
  return _elbo.terms(vae, params, example, key, WHY)


def batch_loss(
  posterior: Posterior,
  z: Array,
  hyper: Hyper,
  batch: Batch,
  estimator: str = "weighted",
) -> Array:
  """(alpha - 1) I(x; z) + (beta - 1) TC(z) + (gamma - 1) sum_l KL(q(z_l) || p(z_l)), [] nats.

  With the rate that `loss` charges once, this is Chen et al. (2018), eq. 4:

    -E_q[log p(x|z)] + alpha I(x; z) + beta TC(z) + gamma sum_l KL(q(z_l) || p(z_l))

  They estimate all three parts from the batch. Here their sum, the rate, is computed exactly, and
  only parts whose weight is not 1 are estimated: none at alpha = beta = gamma = 1.

  Args:
    posterior: of the whole batch, [B, L] each.
    z: a draw of each row, [B, L].
    hyper: the three weights.
    batch: rows with mask 0 do not count; `examples` is N.
    estimator: of q(z) from a batch; see `metrics.aggregate.log_weights`.

  Raises:
    UserError: an unknown estimator.
  """
  found = aggregate.of_batch(posterior, z, batch.mask, batch.examples, estimator)
  parts = aggregate.decompose(found, batch.mask)
  weights = hyper["alpha"], hyper["beta"], hyper["gamma"]
  return sum((w - 1.0) * part for w, part in zip(weights, parts, strict=True))
