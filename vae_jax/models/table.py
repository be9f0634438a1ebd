"""A table whose rows may have holes: a linear decoder, and a network for what is not linear."""

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import layers, tabular
from vae_jax.types import Array, Column, Posterior, UserError


class Model(nn.Module):
  """Factor analysis with a network beside it.

    theta_d = (W z + b)_d + g(z)_d,   h = f(W1 [features(x), observed] + b1), ...

  The encoder sees which columns are observed. The network g starts at 0, so that training
  starts from the linear model, which is hard to beat on small tables. The last `constant` of
  the P numbers of a column do not depend on z: with 1 under a normal density every column has
  its own noise and the model without g is factor analysis, Rubin & Thayer (1982).
  """

  shape: tuple[int, ...]  # of x: (D,)
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  columns: tuple[Column, ...] = ()  # of the data, not an option; empty: all real
  hidden: tuple[int, ...] = (128, 128)  # widths of the encoder
  decoder: tuple[int, ...] = (64,)  # widths of g; with none the decoder is linear
  activation: str = "relu"  # a name in layers.ACTIVATIONS
  constant: int = 0  # numbers of a column, the last ones, that are the same for every z

  OBSERVES = True  # `encode` is handed example["observed"]

  def setup(self):
    """The layers of both directions.

    Raises:
      UserError: an example has more than one axis.
    """
    if len(self.shape) != 1:
      raise UserError(
        f"The model 'table' takes rows [D]; one example here is {self.shape}."
      )
    if not 0 <= self.constant < self.outputs:
      raise UserError(
        f"model.constant is {self.constant} of {self.outputs} numbers for each column; expected"
        f" at least 0 and fewer than all."
      )
    self.act = layers.activation(self.activation)
    self.down = [nn.Dense(n, dtype=self.dtype) for n in self.hidden]
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype)
    moving = self.shape[0] * (self.outputs - self.constant)
    self.line = nn.Dense(moving, dtype=self.dtype)
    self.up = [nn.Dense(n, dtype=self.dtype) for n in self.decoder]
    self.out = nn.Dense(moving, dtype=self.dtype, kernel_init=nn.initializers.zeros)
    if self.constant:
      still = (self.shape[0], self.constant)
      self.still = self.param("still", nn.initializers.zeros, still)

  def encode(self, x: Array, observed: Array | None = None) -> Posterior:
    """x [D], observed [D] (all without it) -> mean, logvar [L], float32."""
    columns = self.columns or tuple(Column("") for _ in range(self.shape[0]))
    seen = x * 0 + 1 if observed is None else observed.astype(x.dtype)
    h = tabular.features(columns, x, seen)
    for layer in self.down:
      h = self.act(layer(h))
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array) -> Array:
    """[L] -> [D, P], float32."""
    theta = self.line(z)
    if self.decoder:
      h = z
      for layer in self.up:
        h = self.act(layer(h))
      theta = theta + self.out(h)
    theta = theta.reshape(self.shape[0], self.outputs - self.constant)
    theta = jnp.concatenate([theta, self.still], -1) if self.constant else theta
    return theta.astype("float32")

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)
