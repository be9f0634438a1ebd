"""Fully connected encoder and decoder, for examples of any shape."""

import math

from flax import linen as nn

from vae_jax import layers
from vae_jax.types import Array, Posterior


class Model(nn.Module):
  """The example as one vector through dense layers, and back through as many.

    h = f(W1 x + b1), one for each of `hidden`;  mean = Wm h + bm,  logvar = Wv h + bv

  The decoder mirrors it and has no nonlinearity at its end.

  One hidden layer of 500 with tanh is the network of Kingma & Welling (2014), app. C; 400
  with relu became the usual small one.
  """

  shape: tuple[int, ...]  # of x, any rank
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  hidden: tuple[int, ...] = (400,)  # widths of the encoder; the decoder has them reversed
  activation: str = "relu"  # a name in layers.ACTIVATIONS
  observes: bool = False  # the encoder reads [x, observed]: which elements are missing

  OBSERVES = property(lambda self: self.observes)

  def setup(self):
    """The layers, the decoder's hidden widths in reverse."""
    self.act = layers.activation(self.activation)
    self.down = [nn.Dense(n, dtype=self.dtype) for n in self.hidden]
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype)
    self.up = [nn.Dense(n, dtype=self.dtype) for n in reversed(self.hidden)]
    self.out = nn.Dense(math.prod(self.shape) * self.outputs, dtype=self.dtype)

  def encode(self, x: Array, observed: Array | None = None) -> Posterior:
    """x [*shape], observed that or 1 along its last axis -> mean, logvar [L], float32."""
    h = layers.beside(x, observed).reshape(-1) if self.observes else x.reshape(-1)
    for layer in self.down:
      h = self.act(layer(h))
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
