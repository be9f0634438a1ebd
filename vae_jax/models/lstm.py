"""A recurrent encoder and decoder, for sequences of fixed length."""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from vae_jax.types import Array, Posterior, UserError


class LSTM(nn.Module):
  """Long short-term memory over time; the carry starts at zero.

    i, f, g, o = x_t U + h_{t-1} W + b
    c_t = sigmoid(f + 1) c_{t-1} + sigmoid(i) tanh(g),  h_t = sigmoid(o) tanh(c_t)

  Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000), its bias moved
  by 1 so that memory is kept at the start (Jozefowicz et al. 2015).
  """

  hidden: int
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: Array, steps: int) -> Array:
    """[T, F], or [F] read at each of `steps` steps -> [T, hidden]."""
    # x_t U does not wait for h_{t-1}: all steps at once, or once for all steps.
    gates = nn.Dense(4 * self.hidden, dtype=self.dtype, name="input")(x)
    shape = (self.hidden, 4 * self.hidden)
    w = self.param("kernel", nn.initializers.orthogonal(), shape).astype(self.dtype)

    def step(carry, inputs):
      c, h = carry
      i, f, g, o = jnp.split((gates if inputs is None else inputs) + h @ w, 4)
      c = nn.sigmoid(f + 1) * c + nn.sigmoid(i) * jnp.tanh(g)
      h = nn.sigmoid(o) * jnp.tanh(c)
      return (c, h), h

    zero = jnp.zeros(self.hidden, self.dtype)
    return lax.scan(step, (zero, zero), gates if x.ndim == 2 else None, length=steps)[1]


class Model(nn.Module):
  """An LSTM whose last state gives the posterior; an LSTM fed z at every step.

    h = LSTM(x_1 ... x_T),  mean = Wm h_T + bm,  logvar = Wv h_T + bv
    outputs_t = W LSTM(z, z, ... z)_t + b

  The decoder does not read x: every step depends on z alone, so z cannot be ignored in
  favour of the previous symbol, the collapse Bowman et al. (2016) fight.
  """

  shape: tuple[int, ...]  # of x: (T, F)
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  hidden: int = 64

  def setup(self):
    """The layers; a UserError where the shape is not that of a sequence."""
    if len(self.shape) != 2:
      raise UserError(
        f"The model 'lstm' reads sequences (T, F), not the shape {tuple(self.shape)}; take "
        "'mlp' for it, or give the data a time axis."
      )
    self.reader = LSTM(self.hidden, self.dtype)
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype)
    self.writer = LSTM(self.hidden, self.dtype)
    self.out = nn.Dense(self.shape[1] * self.outputs, dtype=self.dtype)

  def encode(self, x: Array) -> Posterior:
    """[T, F] -> mean, logvar [L], float32."""
    h = self.reader(x, self.shape[0])[-1]
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array) -> Array:
    """[L] -> [T, F, P], float32."""
    h = self.writer(z, self.shape[0])
    return self.out(h).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)
