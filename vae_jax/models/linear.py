"""One linear layer each way: the model whose optimum is known in closed form."""

import math

from flax import linen as nn

from vae_jax.types import Array, Posterior


class Model(nn.Module):
  """The linear VAE, whose optimum under a Gaussian likelihood is probabilistic PCA.

    q(z|x) = N(V x + c, diag(exp(logvar))),  outputs = W z + b

  logvar is a free vector that does not read x: with a linear decoder the true posterior has
  the same covariance everywhere, so nothing is lost. Lucas, Tucker, Grosse and Norouzi
  (2019), "Don't blame the ELBO!", section 4; they subtract the mean of the data where the
  biases c and b stand here.
  """

  shape: tuple[int, ...]  # of x, any rank
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used

  def setup(self):
    """The three layers, without hidden ones."""
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = self.param("logvar", nn.initializers.zeros, (self.latents,))
    self.out = nn.Dense(math.prod(self.shape) * self.outputs, dtype=self.dtype)

  def encode(self, x: Array) -> Posterior:
    """[*shape] -> mean, logvar [L], float32."""
    return Posterior(self.mean(x.reshape(-1)).astype("float32"), self.logvar)

  def decode(self, z: Array) -> Array:
    """[L] -> [*shape, P], float32."""
    return self.out(z).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)
