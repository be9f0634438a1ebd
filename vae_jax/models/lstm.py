"""A recurrent encoder and decoder, for sequences of fixed length."""

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.models._cells import Cell
from vae_jax.types import Array, Posterior, UserError


class LSTM(nn.Module):
  """Long short-term memory over time, `_cells.Cell`; the carry starts at zero."""

  hidden: int
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: Array, steps: int) -> Array:
    """[T, F], or [F] read at each of `steps` steps -> [T, hidden]."""
    # The input's share does not wait for the state: all steps at once, or once for all steps.
    gates = nn.Dense(4 * self.hidden, dtype=self.dtype, name="input")(x)
    gates = jnp.broadcast_to(gates, (steps, 4 * self.hidden))
    start = jnp.zeros(self.hidden, self.dtype)
    cell = Cell("lstm", self.hidden, self.dtype, name="cell")
    return cell.scan(start, gates, jnp.ones(steps, bool))


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
