"""Two layers of latents, fully connected: the smallest hierarchy."""

import math

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import layers
from vae_jax.families.continuous import Mixture
from vae_jax.models import _halves
from vae_jax.types import Array, Distribution, Posterior, UserError


class Model(nn.Module):
  """z = (z_2, z_1): p(z_2) = N(0, I), p(z_1|z_2) and p(x|z_1, z_2) networks.

    h = f(x),  q(z_2|x) = N(.; g(h)),  p(z_1|z_2) = N(m(z_2), v(z_2))
    q(z_1|z_2, x) = N(m(z_2) + d, log v(z_2) + e),  (d, e) of (h, the layer above z_1)

  The decoder reads both layers, and q of the lower one is a change of p, as in Vahdat & Kautz
  (2020), section 3.2. Inference goes down as generation does, Sønderby et al. (2016). In the
  two-layer model of Burda et al. (2016), section 5, inference goes up.

  With K = `components` above 0 the upper prior is p(z_2) = 1/K sum_k q(z_2|u_k), with learned
  inputs u_k of the shape of x: a VampPrior on top, Tomczak & Welling (2018), section 3.
  """

  shape: tuple[int, ...]  # of x, any rank
  outputs: int  # P
  latents: int  # L of both layers together
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  above: int = 0  # latents of the upper layer; 0: a third of all
  hidden: tuple[int, ...] = (
    200,
    200,
  )  # widths of the encoder; the decoder has them reversed
  between: int = 100  # width of the layer between z_2 and z_1
  activation: str = "tanh"  # a name in layers.ACTIVATIONS
  components: int = 0  # K of the upper prior; 0: N(0, I)
  centre: float = 0.5  # of the inputs u_k at the start, in units of x
  spread: float = 0.5  # their standard deviation

  @property
  def groups(self) -> tuple[int, int]:
    """Latents of each layer, the upper one first.

    Raises:
      UserError: one of the two is empty.
    """
    above = self.above or max(1, self.latents // 3)
    if not 0 < above < self.latents:
      raise UserError(
        f"model.above is {self.above} of {self.latents} latents: each of the two layers needs one"
        " or more."
      )
    return above, self.latents - above

  def setup(self):
    """The layers of the encoder, of the way down and of the decoder."""
    dense = lambda n: nn.Dense(n, dtype=self.dtype)
    small = lambda n: nn.Dense(
      n, dtype=self.dtype, kernel_init=nn.initializers.normal(1e-2)
    )
    upper, lower = self.groups
    self.act = layers.activation(self.activation)
    self.features = [dense(n) for n in self.hidden]
    self.q_upper, self.q_lower = dense(2 * upper), small(2 * lower)
    self.q_between = dense(self.between)
    self.step = dense(self.between)
    self.p_lower = dense(2 * lower)
    self.up = [dense(n) for n in reversed(self.hidden)]
    self.out = dense(math.prod(self.shape) * self.outputs)
    if self.components:
      start = lambda key, shape: (
        self.centre + self.spread * nn.initializers.normal(1.0)(key, shape)
      )
      self.inputs = self.param("inputs", start, (self.components, math.prod(self.shape)))

  def encode(self, x: Array) -> Array:
    """[*shape] -> the features that both layers are inferred from."""
    return self._features(x.reshape(-1))

  def _features(self, h: Array) -> Array:
    """[..., D] -> [..., width of the last layer]."""
    for layer in self.features:
      h = self.act(layer(h))
    return h

  def top(self) -> None:
    """Above the upper layer there is nothing."""

  def group(
    self, where: Array | None, features: Array | None = None
  ) -> tuple[Posterior | None, Distribution]:
    """q and p of a layer: the upper one where nothing is above, else the lower one."""
    if where is None:
      q = None if features is None else _halves.gaussian(self.q_upper(features))
      return q, self._top()
    p = _halves.gaussian(self.p_lower(where))
    if features is None:
      return None, p
    change = self.act(self.q_between(jnp.concatenate([features, where])))
    d, e = _halves.gaussian(self.q_lower(change))
    return Posterior(p.mean + d, p.logvar + e), p

  def _top(self) -> Distribution:
    """p(z_2)."""
    if not self.components:
      zeros = jnp.zeros(self.groups[0])
      return Posterior(zeros, zeros)
    both = self.q_upper(self._features(self.inputs)).astype("float32")
    return Mixture(jnp.zeros(self.components), Posterior(*jnp.split(both, 2, axis=-1)))

  def down(self, where: None, z: Array) -> Array:
    """The layer between the draws z_2 and what is below them."""
    del where
    return self.act(self.step(z))

  def decode(self, z: Array) -> Array:
    """[L] -> [*shape, P], float32."""
    h = z
    for layer in self.up:
      h = self.act(layer(h))
    return self.out(h).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> Array:
    """Down through the codes of q, and decoded: touches every parameter."""
    features, where, codes = self.encode(x), self.top(), []
    for _ in self.groups:
      q, _ = self.group(where, features)
      codes.append(q.mean)
      where = self.down(where, codes[-1]) if len(codes) == 1 else where
    return self.decode(jnp.concatenate(codes))
