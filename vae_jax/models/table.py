"""A table whose rows may have holes: a linear decoder and a network beside it."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from vae_jax import layers, linalg
from vae_jax.columns import features, numbers
from vae_jax.models._condition import joined
from vae_jax.types import Array, Column, Posterior, UserError


class Model(nn.Module):
  """Factor analysis with a network beside it.

    theta_d = (W z + b)_d + g(z)_d,   h = f(W1 [features(x), observed] + b1), ...

  The encoder sees which columns are observed. With `solve` it adds its network to

    mean = (I + W' A W)^-1 W' A (x - b),  1 / variance = the diagonal of I + W' A W

  with A the learned precisions of observed columns. This is the posterior of the linear part for
  any mask. A network would have to learn it from as many masks as there are rows. Only numeric
  columns enter it; counts and positive values as their logarithm.

  The network g starts near 0, so that training starts from the linear model, which is hard to
  beat on small tables. The last `constant` of the P numbers of a column do not depend on z.
  With 1 under a normal density every column has its own noise, and the model without g is
  factor analysis, Rubin & Thayer (1982).

  With `condition` "label", one-hot(y) is joined to what the network of each half reads, and the
  decoder's linear part has a shift for each label. `solve` does not depend on the label.
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
  solve: bool = True  # start the encoder from the exact posterior of the linear part
  condition: str = "none"  # or "label": one-hot(y) beside what both networks read
  classes: int = 0  # C of the condition: of the data, not an option; 0: none

  OBSERVES = True  # `encode` is handed example["observed"]
  # The most of the observed columns that the encoder is not shown in training, a share drawn
  # of U(0, hide) for each row: the masks of a table are few, and it would learn them by heart.
  HYPER = {"hide": 0.0}  # noqa: RUF012 (Linen would make an annotated one a field)

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
    if self.classes and self.solve:
      raise UserError(
        "model.condition is 'label', and the exact posterior of the linear part knows no label:"
        " set config.model.solve=False."
      )
    self.act = layers.activation(self.activation)
    self.down = [nn.Dense(n, dtype=self.dtype) for n in self.hidden]
    nearly_zero = nn.initializers.variance_scaling(1e-4, "fan_in", "normal")
    start = nearly_zero if self.solve else nn.initializers.lecun_normal()
    self.mean = nn.Dense(self.latents, dtype=self.dtype, kernel_init=start)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype, kernel_init=start)
    moving = self.shape[0] * (self.outputs - self.constant)
    small = nn.initializers.variance_scaling(0.1, "fan_in", "normal")
    self.line = self.param("line", small, (self.latents, moving))
    self.bias = self.param("bias", nn.initializers.zeros, (moving,))
    if self.classes:
      self.by_label = self.param("by_label", nn.initializers.zeros, (self.classes, moving))
    if self.solve:
      self.log_precision = self.param("log_precision", nn.initializers.ones, self.shape)
    self.up = [nn.Dense(n, dtype=self.dtype) for n in self.decoder]
    self.out = nn.Dense(moving, dtype=self.dtype, kernel_init=nearly_zero)
    if self.constant:
      still = (self.shape[0], self.constant)
      self.still = self.param("still", nn.initializers.zeros, still)

  def encode(
    self,
    x: Array,
    observed: Array | None = None,
    noise: dict | None = None,
    label: Array | None = None,
  ) -> Posterior:
    """x [D], observed [D] (all without it), label [] -> mean, logvar [L], float32."""
    columns = self.columns or tuple(Column("") for _ in range(self.shape[0]))
    seen = jnp.ones_like(x) if observed is None else observed.astype(x.dtype)
    if noise is not None:
      which, share = jax.random.split(noise["key"])
      hidden = noise["hide"] * jax.random.uniform(share)
      seen = seen * jax.random.bernoulli(which, 1.0 - hidden, seen.shape)
    h = joined(features(columns, x, seen), label, self.classes)
    for layer in self.down:
      h = self.act(layer(h))
    q = Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))
    if not self.solve:
      return q
    exact = self._solved(numbers(columns, x, seen))
    return Posterior(exact.mean + q.mean, exact.logvar + q.logvar)

  def _solved(self, numbers: tuple[Array, Array]) -> Posterior:
    """The posterior of the linear part alone, from the numbers [D] and which of them count."""
    y, counts = numbers
    weights = self.line.reshape(self.latents, self.shape[0], -1)[:, :, 0]  # [L, D]
    bias = self.bias.reshape(self.shape[0], -1)[:, 0]
    weighted = weights * (counts * jnp.exp(self.log_precision))[None]
    precision = jnp.eye(self.latents) + weighted @ weights.T
    mean = linalg.solve(precision, weighted @ (y - bias))
    return Posterior(mean, -jnp.log(jnp.diagonal(precision)))

  def decode(
    self, z: Array, noise: dict | None = None, label: Array | None = None
  ) -> Array:
    """z [L], label [] -> [D, P], float32; the noise is the encoder's and not read."""
    del noise
    h = joined(z, label, self.classes)
    theta = z @ self.line + self.bias
    if self.classes:
      theta = theta + self.by_label[label]
    if self.decoder:
      for layer in self.up:
        h = self.act(layer(h))
      theta = theta + self.out(h)
    theta = theta.reshape(self.shape[0], self.outputs - self.constant)
    theta = jnp.concatenate([theta, self.still], -1) if self.constant else theta
    return theta.astype("float32")

  def __call__(self, x: Array, label: Array | None = None) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x, label=label)
    return posterior, self.decode(posterior.mean, label=label)
