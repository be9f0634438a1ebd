"""A user's row of items, encoded and decoded: Mult-VAE's network, and RecVAE's."""

import math

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import layers
from vae_jax.registry import nearest
from vae_jax.types import Array, Posterior, UserError

ENCODERS = ("plain", "dense")


class Model(nn.Module):
  """Logits of all items from a code of the items that a user has.

    encoder  h_0 = x / |x|,  h_k = f(W_k h_{k-1} + b_k),  mean = Wm h + bm,  logvar = Wv h + bv
    decoder  the hidden widths in reverse, and logits without a nonlinearity

  Liang et al. (2018), section 2 and 4.3: I-600-200-600-I with tanh. They drop items of x / |x|.
  Here dropout is a corruption, which comes first, and |x| is of the items that are left.

  `encoder` "dense" is RecVAE's (Shenbin et al., 2020, section 3.3, and their code): each layer
  sees the sum of all before it and is normalised,

    h_k = LayerNorm(f(W_k h_{k-1} + b_k + sum_{0 < j < k} h_j)),

  five layers of 600 with f = silu; its decoder is one linear layer, `decoder=()`.
  """

  shape: tuple[int, ...]  # of x: (I,) of counts or of zeros and ones
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  hidden: tuple[int, ...] = (600,)  # widths of the encoder
  decoder: tuple[int, ...] = (600,)  # widths of the decoder, from the code to the items
  activation: str = "tanh"  # a name in layers.ACTIVATIONS
  encoder: str = "plain"  # or "dense"

  def setup(self):
    """The layers; a UserError for an unknown encoder, or a dense one of several widths."""
    if self.encoder not in ENCODERS:
      hint = nearest(self.encoder, list(ENCODERS))
      raise UserError(f"model.encoder is {self.encoder!r}.{hint}")
    if self.encoder == "dense" and len({*self.hidden}) != 1:
      raise UserError(
        f"model.hidden is {list(self.hidden)}; the dense encoder adds its layers up and needs"
        " one width for all of them."
      )
    dense = lambda width: nn.Dense(
      width, dtype=self.dtype, kernel_init=nn.initializers.glorot_normal()
    )
    self.act = layers.activation(self.activation)
    self.down = [dense(n) for n in self.hidden]
    if self.encoder == "dense":
      self.norms = [nn.LayerNorm(epsilon=0.1, dtype=self.dtype) for _ in self.hidden]
    self.mean, self.logvar = dense(self.latents), dense(self.latents)
    self.up = [dense(n) for n in self.decoder]
    self.out = dense(math.prod(self.shape) * self.outputs)

  def encode(self, x: Array) -> Posterior:
    """x [*shape] -> mean, logvar [L], float32; a user without items is the vector 0."""
    h = x.reshape(-1).astype(self.dtype)
    # The square root has no slope at 0; an empty row stays 0 with a finite gradient.
    h = h / jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(h)), 1e-12))
    h = self._dense(h) if self.encoder == "dense" else self._plain(h)
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array) -> Array:
    """[L] -> [*shape, P], float32."""
    h = z
    for layer in self.up:
      h = self.act(layer(h))
    return self.out(h).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)

  def _plain(self, h: Array) -> Array:
    for layer in self.down:
      h = self.act(layer(h))
    return h

  def _dense(self, h: Array) -> Array:
    total = jnp.zeros(self.hidden[0], self.dtype)
    for layer, norm in zip(self.down, self.norms, strict=True):
      h = norm(self.act(layer(h) + total))
      total = total + h
    return h
