"""Fully connected encoder and decoder, for examples of any shape."""

import math

from flax import linen as nn

from vae_jax import layers
from vae_jax.models._condition import joined
from vae_jax.types import Array, Posterior


class Model(nn.Module):
  """The example as one vector through dense layers, and back through as many.

    h = f(W1 x + b1), one for each of `hidden`;  mean = Wm h + bm,  logvar = Wv h + bv

  The decoder mirrors it and has no nonlinearity at its end.

  One hidden layer of 500 with tanh is the network of Kingma & Welling (2014), app. C; 400
  with relu became the usual small one.

  With `condition` "label" it is p(x|z, y) and q(z|x, y): one-hot(y) stands beside what the
  first layer of each half reads. Kingma et al. (2014), eq. 2.
  """

  shape: tuple[int, ...]  # of x, any rank
  outputs: int  # P
  latents: int  # L
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  hidden: tuple[int, ...] = (400,)  # widths of the encoder; the decoder has them reversed
  activation: str = "relu"  # a name in layers.ACTIVATIONS
  observes: bool = False  # the encoder reads [x, observed]: which elements are missing
  condition: str = "none"  # or "label": one-hot(y) beside what the first layers read
  classes: int = 0  # C of the condition: of the data, not an option; 0: none

  OBSERVES = property(lambda self: self.observes)

  def setup(self):
    """The layers, the decoder's hidden widths in reverse."""
    self.act = layers.activation(self.activation)
    self.down = [nn.Dense(n, dtype=self.dtype) for n in self.hidden]
    self.mean = nn.Dense(self.latents, dtype=self.dtype)
    self.logvar = nn.Dense(self.latents, dtype=self.dtype)
    self.up = [nn.Dense(n, dtype=self.dtype) for n in reversed(self.hidden)]
    self.out = nn.Dense(math.prod(self.shape) * self.outputs, dtype=self.dtype)

  def encode(
    self, x: Array, observed: Array | None = None, label: Array | None = None
  ) -> Posterior:
    """x [*shape], observed that or 1 along its last axis, label [] -> mean, logvar [L], float32."""
    h = layers.beside(x, observed).reshape(-1) if self.observes else x.reshape(-1)
    h = joined(h, label, self.classes)
    for layer in self.down:
      h = self.act(layer(h))
    return Posterior(self.mean(h).astype("float32"), self.logvar(h).astype("float32"))

  def decode(self, z: Array, label: Array | None = None) -> Array:
    """z [L], label [] of a conditional model -> [*shape, P], float32."""
    h = joined(z, label, self.classes)
    for layer in self.up:
      h = self.act(layer(h))
    return self.out(h).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array, label: Array | None = None) -> tuple[Posterior, Array]:
    """Both, at the posterior mean: touches every parameter."""
    posterior = self.encode(x, label=label)
    return posterior, self.decode(posterior.mean, label=label)
