"""Rows of symbols: a recurrent encoder and an autoregressive decoder that reads z."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from vae_jax.likelihoods.tokens import END
from vae_jax.models._cells import GATES, Cell
from vae_jax.models._condition import joined
from vae_jax.types import Array, Posterior, UserError


class Tied(nn.Module):
  """The last layer with the table of symbols as its kernel: y E' + b."""

  dtype: str = "float32"

  @nn.compact
  def __call__(self, y: Array, table: Array) -> Array:
    """The states y [..., embed], the table [V, embed] -> [..., V], float32."""
    bias = self.param("bias", nn.initializers.zeros, (len(table),))
    theta = (y @ table.astype(self.dtype).T).astype("float32")
    return theta + bias.reshape((1,) * (y.ndim - 1) + (-1,))


class Model(nn.Module):
  """p(x|z) = prod_t p(x_t | x_<t, z) over symbols, with z at every step.

    encoder  h_t = cell(E x_t),  s = pool_t h_t,  mean = Wm s + bm,  logvar = Wv s + bv
    decoder  h_0 = tanh(A z),  h_t = cell(E x_{t-1}, z),  y_t = B [h_t, z],
             theta_t = E' y_t + b

  x_0 is the symbol 0, which is padding elsewhere. Encoder and decoder read one table E
  [V, embed], which is the decoder's last layer too (Press & Wolf, 2017), since most parameters
  for a small corpus are in it. Padding does not change the state.

  Bowman et al. (2016), section 3, who give z to the first state alone; at each step it is Li
  et al. (2019), section 4.1. `pool` "max" is Long et al. (2019), against collapse.

  Dropout draws one mask for a sentence and a place, the same at every step (Gal & Ghahramani,
  2016): of E x in both halves and of y. Its noise is an argument and the rate a number of
  `hyper`.

  With `bars` B the decoder is hierarchical: a second recurrence reads z once for each of B equal
  parts of the row (the last one has the places that are left over, such as the end after the bars
  of a melody), and c_b stands in the place of z, of h_0 at the beginning of a part, and in y:

    d_0 = tanh(A z),  c_b = cell'(z),  h at the start of part b = tanh(A' c_b)

  So a part knows those before it through z and the symbol before its own first one alone.
  Roberts et al. (2018), section 3.2, without their second level of latents.

  With `condition` "label" it is p(x|z, y) and q(z|x, y): one-hot(y) stands beside E x_t where
  the encoder reads it and beside z wherever the decoder does: Kingma et al. (2014), eq. 2, their
  M2, with every label known.
  """

  shape: tuple[int, ...]  # of x: (T,)
  outputs: int  # V
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  hidden: int = 128
  embed: int = 128
  cell: str = "gru"  # or "lstm"
  pool: str = "max"  # over the encoder's states: "max", "mean" or "last"
  bars: int = 0  # B parts of the row with a state of their own; 0: the decoder is flat
  condition: str = "none"  # or "label"
  classes: int = 0  # C of the condition: of the data, not an option; 0: none

  @property
  def width(self) -> int:
    """Of the gates; of an unknown cell the cell itself tells."""
    return GATES.get(self.cell, 1) * self.hidden

  HYPER = {"dropout": 0.0}  # noqa: RUF012  without an annotation: no field of the module

  def setup(self):
    """The layers; a UserError where the shape is not that of a row of symbols."""
    if len(self.shape) != 1:
      raise UserError(
        f"The model 'sentence' reads rows of symbols (T,), not the shape {tuple(self.shape)};"
        " take 'mlp' or 'lstm' for it."
      )
    if self.pool not in ("max", "mean", "last"):
      raise UserError(f"model.pool is {self.pool!r}; expected max, mean or last.")
    if not 0 <= self.bars <= self.shape[0]:
      raise UserError(
        f"model.bars is {self.bars}; expected 0, or no more parts than a row's {self.shape[0]}"
        " places."
      )
    width = self.width
    small = nn.initializers.normal(0.1)
    self.table = self.param("table", small, (self.outputs, self.embed))
    self.reader_in = nn.Dense(width, dtype=self.dtype)
    self.reader = Cell(self.cell, self.hidden, self.dtype)
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype)
    self.start = nn.Dense(self.hidden, dtype=self.dtype)
    self.writer_in = nn.Dense(width, dtype=self.dtype)
    self.writer_z = nn.Dense(width, use_bias=False, dtype=self.dtype)
    self.writer = Cell(self.cell, self.hidden, self.dtype)
    if self.bars:
      self.plan_in = nn.Dense(width, dtype=self.dtype)
      self.plan = Cell(self.cell, self.hidden, self.dtype)
      self.bar_start = nn.Dense(self.hidden, dtype=self.dtype)
    self.last = nn.Dense(self.embed, use_bias=False, dtype=self.dtype)
    self.last_z = nn.Dense(self.embed, use_bias=False, dtype=self.dtype)
    self.out = Tied(self.dtype)

  def encode(
    self, x: Array, noise: dict | None = None, label: Array | None = None
  ) -> Posterior:
    """[T] -> mean, logvar [L], float32; `noise` is a key and the rate of dropout."""
    x, reads = _symbols(x), _symbols(x) > 0
    words = joined(self._embed(x, noise, 0), label, self.classes)
    states = self.reader.scan(
      jnp.zeros(self.hidden, self.dtype), self.reader_in(words), reads
    )
    pooled = self._pool(states, reads[:, None])
    return Posterior(
      self.mean(pooled).astype("float32"), self.logvar(pooled).astype("float32")
    )

  def decode(
    self,
    z: Array,
    x: Array | None = None,
    noise: dict | None = None,
    label: Array | None = None,
  ) -> Array:
    """[L] and the symbols x [T] that stand before each place -> theta [T, V], float32.

    Row t depends on x_1 ... x_{t-1} alone. Without x every place reads the symbol 0.
    """
    x = jnp.zeros(self.shape, int) if x is None else _symbols(x)
    before = jnp.concatenate([jnp.zeros(1, x.dtype), x[:-1]])
    start, told = self._told(joined(z, label, self.classes))
    parts, length = len(told), len(x) // len(told)
    over = len(x) % parts  # places that the last part has more
    gates = self.writer_in(self._embed(before, noise, 1))
    if over:  # the other parts read on as far, and what they make of it is left out
      ahead = np.arange(length + over)[None] + length * np.arange(parts)[:, None]
      gates = gates[ahead.reshape(-1)]
    # Side by side: each part begins with a state of its own.
    gates = gates.reshape(parts, length + over, self.width).swapaxes(0, 1)
    gates = gates + self.writer_z(told)[None]
    states = self.writer.scan(start, gates, jnp.ones(len(gates), bool))  # [T', B, hidden]
    own = states[:length].swapaxes(0, 1).reshape(parts * length, -1)
    states = jnp.concatenate([own, states[length:, -1]]) if over else own
    last_z = self.last_z(told)[_part(np.arange(len(x)), length, parts)]
    return self._logits(states, last_z, noise)

  def generate(
    self,
    z: Array,
    choose: Callable[[Array, Array], Array],
    label: Array | None = None,
  ) -> tuple[Array, Array]:
    """Writes a sentence: x [T] int32, 0 after its end, and theta [T, V] along the way.

    Args:
      z: [L].
      choose: (theta [V], t []) -> [] the symbol at t; greedy, or a draw.
      label: [] of a conditional model.
    """
    start, told = self._told(joined(z, label, self.classes))
    from_z, last_z = self.writer_z(told), self.last_z(told)
    parts, length = len(told), self.shape[0] // len(told)

    def step(state: tuple, t: Array) -> tuple:
      carry, before, ended = state
      part = _part(t, length, parts)
      begins = t == part * length
      fresh = self.writer.start(start[part])
      carry = jax.tree.map(lambda new, old: jnp.where(begins, new, old), fresh, carry)
      gates = self.writer_in(self._embed(before, None, 1)) + from_z[part]
      carry = self.writer.advance(carry, gates)
      theta = self._logits(carry[0], last_z[part], None)
      x = jnp.where(ended, 0, choose(theta, t).astype(jnp.int32))
      return (carry, x, ended | (x == END)), (x, theta)

    first = (self.writer.start(start[0]), jnp.int32(0), jnp.zeros((), bool))
    return lax.scan(step, first, jnp.arange(self.shape[0]))[1]

  def __call__(self, x: Array, label: Array | None = None) -> tuple[Posterior, Array]:
    """Both, at the posterior mean and without x before: touches every parameter."""
    posterior = self.encode(x, label=label)
    return posterior, self.decode(posterior.mean, label=label)

  def _told(self, z: Array) -> tuple[Array, Array]:
    """The first state of each part [B, hidden], and what it is told at every place [B, ...].

    A flat decoder has one part, which is told z.
    """
    first = nn.tanh(self.start(z))
    if not self.bars:
      return first[None], z[None]
    gates = jnp.broadcast_to(self.plan_in(z), (self.bars, self.width))
    plan = self.plan.scan(first, gates, jnp.ones(self.bars, bool))
    return nn.tanh(self.bar_start(plan)), plan

  def _embed(self, x: Array, noise: dict | None, place: int) -> Array:
    return _drop(self.table.astype(self.dtype)[x], noise, place)

  def _logits(self, states: Array, last_z: Array, noise: dict | None) -> Array:
    return self.out(_drop(self.last(states) + last_z, noise, 2), self.table)

  def _pool(self, states: Array, reads: Array) -> Array:
    if self.pool == "last":
      return states[-1]  # padding keeps the state
    if self.pool == "mean":
      return jnp.sum(jnp.where(reads, states, 0), 0) / jnp.maximum(1, reads.sum())
    # Before the first symbol a state is 0, and so is the maximum of an empty sentence.
    return jnp.max(jnp.where(reads, states, -1.0), 0) * reads.any()


def _part(t: Array, length: int, parts: int) -> Array:
  """The part that a place belongs to; the last one has the places that are left over."""
  return jnp.minimum(t // length, parts - 1)


def _symbols(x: Array) -> Array:
  return jnp.round(x).astype(jnp.int32)  # an example of zeros may come as floats


def _drop(x: Array, noise: dict | None, place: int) -> Array:
  """x [..., D] with the same entries of D set to 0 everywhere, the others scaled up."""
  if noise is None:
    return x
  keep = 1.0 - noise["dropout"]
  key = jax.random.fold_in(noise["key"], place)
  kept = jax.random.bernoulli(key, keep, x.shape[-1:]) / jnp.maximum(keep, 1e-6)
  return x * kept.astype(x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))
