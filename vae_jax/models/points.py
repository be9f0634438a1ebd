"""Sets of points in and out: a PointNet encoder, and a decoder that says all points at once."""

import math

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import layers
from vae_jax.types import Array, Posterior, UserError


class Model(nn.Module):
  """Each point through the same layers, the maximum over points, and dense layers.

    encoder  h_p = f(W_3 f(W_2 f(W_1 x_p))),  h = max_p h_p,  mean and logvar of f(W h)
    decoder  dense layers to all P points at once

  The code does not change with the order of points. Qi et al. (2017), PointNet, without the
  transformation networks; the decoder is that of Achlioptas et al. (2018).
  """

  shape: tuple[int, ...]  # of x: (P, F)
  outputs: int  # numbers per element of x
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  widths: tuple[int, ...] = (64, 128, 256)  # of the layers that every point goes through
  dense: int = 256  # between the maximum and the heads
  hidden: tuple[int, ...] = (256, 512)  # of the decoder, from the code to the points
  activation: str = "relu"  # a name in layers.ACTIVATIONS

  def setup(self):
    """The layers; a UserError where x is no set of points."""
    if len(self.shape) != 2:
      raise UserError(
        f"The model 'points' reads sets of points (P, F), not the shape {tuple(self.shape)};"
        " take 'mlp' or 'conv' for it."
      )
    self.act = layers.activation(self.activation)
    dense = lambda width: nn.Dense(width, dtype=self.dtype)
    self.each = [dense(n) for n in self.widths]
    self.encode_dense = dense(self.dense)
    self.mean, self.logvar = dense(self.latents), dense(self.latents)
    self.up = [dense(n) for n in self.hidden]
    self.out = dense(math.prod(self.shape) * self.outputs)

  def encode(self, x: Array) -> Posterior:
    """x [P, F] -> mean, logvar [L], float32; the same for any order of the points."""
    h = x
    for layer in self.each:
      h = self.act(layer(h))
    h = self.act(self.encode_dense(jnp.max(h, axis=0)))
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array) -> Array:
    """[L] -> [P, F, outputs], float32."""
    h = z
    for layer in self.up:
      h = self.act(layer(h))
    return self.out(h).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x)
    return posterior, self.decode(posterior.mean)
