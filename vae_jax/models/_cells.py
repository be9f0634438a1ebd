"""Recurrent cells that read ready-made gates, over a whole sequence or a step at a time."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from vae_jax import linalg
from vae_jax.types import Array, UserError

GATES = {"gru": 3, "lstm": 4}


def _orthogonal(key: Array, shape: tuple[int, int]) -> Array:
  """A kernel [hidden, gates hidden] of orthonormal rows: `nn.initializers.orthogonal`'s own.

  That one calls LAPACK, which `linalg` says why not; the numbers are the same.
  """
  return linalg.orthonormal(jax.random.normal(key, shape[::-1])).T


class Cell(nn.Module):
  """A GRU or an LSTM without its input product, which does not wait for h_{t-1}.

  With u_t the input's share of the gates, given, and W the recurrent kernel,

    gru:   r, u = sigmoid(u_t + h W),  n = tanh(u_t^n + r (h W^n)),  h' = (1 - u) n + u h
    lstm:  i, f, g, o = u_t + h W,  c' = sigmoid(f + 1) c + sigmoid(i) tanh(g),
           h' = sigmoid(o) tanh(c')

  Cho et al. (2014) in the form of Chung et al. (2014) with the reset after the product;
  Hochreiter & Schmidhuber (1997) with the forget bias moved by 1.
  """

  kind: str
  hidden: int
  dtype: str = "float32"

  def setup(self):
    """The recurrent kernel; a UserError for a cell of another name."""
    if self.kind not in GATES:
      raise UserError(f"model.cell is {self.kind!r}; expected one of {', '.join(GATES)}.")
    shape = (self.hidden, GATES[self.kind] * self.hidden)
    self.kernel = self.param("kernel", _orthogonal, shape)

  def start(self, h: Array) -> tuple[Array, ...]:
    """The carry that begins with the state h [hidden]; its first entry is always h."""
    return (h,) if self.kind == "gru" else (h, jnp.zeros_like(h))

  def advance(self, carry: tuple[Array, ...], gates: Array) -> tuple[Array, ...]:
    """One step: carry, gates [3 or 4 hidden] -> the next carry."""
    return self._advance(carry, gates, self.kernel.astype(self.dtype))

  def _advance(
    self, carry: tuple[Array, ...], gates: Array, kernel: Array
  ) -> tuple[Array, ...]:
    h = carry[0]
    product = h @ kernel
    if self.kind == "gru":
      reset, update, new = jnp.split(gates, 3, -1)
      from_h = jnp.split(product, 3, -1)
      reset, update = nn.sigmoid(reset + from_h[0]), nn.sigmoid(update + from_h[1])
      new = jnp.tanh(new + reset * from_h[2])
      return (new + update * (h - new),)
    i, f, g, o = jnp.split(gates + product, 4, -1)
    c = nn.sigmoid(f + 1) * carry[1] + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(c), c

  def scan(self, h: Array, gates: Array, reads: Array) -> Array:
    """Over time: h [hidden], gates [T, G hidden], reads [T] bool -> states [T, hidden].

    Several sequences side by side are h [B, hidden] and gates [T, B, G hidden]. Where `reads` is
    False the state stays as it was: what stands there is padding.
    """
    kernel = self.kernel.astype(self.dtype)

    def step(carry: tuple, inputs: tuple) -> tuple:
      new = self._advance(carry, inputs[0], kernel)
      carry = jax.tree.map(lambda n, o: jnp.where(inputs[1], n, o), new, carry)
      return carry, carry[0]

    return lax.scan(step, self.start(h), (gates, reads))[1]
