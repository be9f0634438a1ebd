"""DReG: the importance-weighted bound with less gradient noise at large K."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.objectives import _importance
from vae_jax.types import VAE, Array, Draw, Example, Hyper, Params, Terms

HYPER: dict[str, float] = {}
OPTIONS = {"samples": 50}  # K: it changes a shape, so it is static


def loss(
  vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper, samples: int = 50
) -> Terms:
  """IWAE's bound; its gradient by the encoder is sum_k v_k^2 d log w_k / dz dz_k, for ONE example.

  With v_k = w_k / sum w. Tucker et al. (2019), eq. 8 and algorithm 1: IWAE's own estimate of
  that gradient has a signal that vanishes against its noise as K grows (Rainforth et al., 2018).
  The gradient by the decoder and the prior is IWAE's, sum_k v_k d log w_k.

  Two terms have the value of the bound between them: one reaches the parameters at draws that are
  fixed, the other the draws at parameters that are fixed.

  Raises:
    UserError: the codes are discrete, or q has no density at a given z (a planar flow).
  """
  del hyper
  distributions.require(vae, _importance.FAMILIES, "DReG moves draws by their density")
  fixed = jax.lax.stop_gradient
  q, still = vae.posterior(params, example), vae.posterior(fixed(params), example)
  drawn = distributions.draws(q, key, samples)

  def weigh(own: Params, z: Array) -> tuple[Array, Array]:
    log_x = vae.log_likelihood(own, z, example)
    log_p = distributions.log_prob(vae.prior(own, example), z)
    return log_x, log_x + log_p - distributions.log_prob(still, z)

  log_x, by_params = jax.vmap(lambda z: weigh(params, fixed(z)))(drawn.z)
  _, by_draws = jax.vmap(lambda z: weigh(fixed(params), z))(drawn.z)
  bound, distortion, z = _importance.split(log_x, by_params, Draw(drawn.z, drawn.log_prob))
  share = fixed(jax.nn.softmax(by_params))
  reach = jnp.sum(share * by_params + jnp.square(share) * by_draws)
  value = fixed(bound) + reach - fixed(reach)
  return Terms(-value, fixed(-bound - distortion), fixed(distortion), q, z)
