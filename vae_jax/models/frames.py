"""A recurrent model of frames with a learned prior: a latent for each frame, for clips."""

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.models import _halves
from vae_jax.models._cells import Cell
from vae_jax.types import Array, Posterior, UserError


class Model(nn.Module):
  """A frame's latents given those before it, by way of a recurrent state.

    h_1 = 0,  h_{t+1} = GRU(h_t, z_t)
    p(z_t | z_<t) = N(m(h_t), v(h_t))
    q(z_t | z_<t, x_t) = N(m(h_t) + d, log v(h_t) + e),  (d, e) of (h_t, f(x_t))
    p(x_t | z_<=t):  parameters of a network of (h_t, z_t)

  The learned prior of Denton & Fergus (2018), section 3.1, and the recurrent model of Chung et
  al. (2015), eq. 5 to 9. Here a frame is decoded from latents only, and reads no other frame, so
  that z cannot be ignored. q reads the frames up to t. What follows a few given frames is drawn
  from p. It is a hierarchy whose groups are the frames.
  """

  shape: tuple[int, ...]  # of x: (T, F), a frame a row
  outputs: int  # P
  latents: int  # of each frame; L is T times this
  dtype: str = "float32"
  lowering: str = "xla"  # no convolution here: accepted and not used
  hidden: int = 256  # of the recurrent state
  widths: tuple[int, ...] = (256, 128)  # of a frame's encoder; reversed in its decoder

  @property
  def groups(self) -> tuple[int, ...]:
    """Latents of each frame, the first one first.

    Raises:
      UserError: x has no time axis.
    """
    if len(self.shape) != 2:
      raise UserError(
        f"The model 'frames' reads clips (T, F), not the shape {tuple(self.shape)}; take the data"
        " 'videos', or 'conv' for single images."
      )
    return (self.latents,) * self.shape[0]

  def setup(self):
    """The networks of a frame, the recurrent cell and the heads."""
    _ = self.groups
    dense = lambda n: nn.Dense(n, dtype=self.dtype)
    small = lambda n: nn.Dense(
      n, dtype=self.dtype, kernel_init=nn.initializers.normal(1e-2)
    )
    self.read = [dense(n) for n in self.widths]
    self.between = dense(self.hidden)
    self.p_hidden, self.p_out = dense(self.hidden), dense(2 * self.latents)
    self.q_out = small(2 * self.latents)
    self.gates = dense(3 * self.hidden)
    self.cell = Cell("gru", self.hidden, self.dtype)
    self.write = [dense(n) for n in reversed(self.widths)]
    self.out = dense(self.shape[1] * self.outputs)

  def encode(self, x: Array) -> Array:
    """[T, F] -> the features of each frame by itself, [T, widths[-1]]."""
    h = x
    for layer in self.read:
      h = nn.relu(layer(h))
    return h

  def top(self) -> tuple[int, Array]:
    """The number of the first frame and the state before it."""
    return 0, jnp.zeros(self.hidden, self.dtype)

  def group(
    self, where: tuple[int, Array], features: Array | None = None
  ) -> tuple[Posterior | None, Posterior]:
    """q and p of the frame at hand."""
    t, h = where
    p = _halves.gaussian(self.p_out(nn.relu(self.p_hidden(h))))
    if features is None:
      return None, p
    both = nn.relu(self.between(jnp.concatenate([h, features[t]])))
    d, e = _halves.gaussian(self.q_out(both))
    return Posterior(p.mean + d, p.logvar + e), p

  def down(self, where: tuple[int, Array], z: Array) -> tuple[int, Array]:
    """The next frame's number and the state that knows z."""
    t, h = where
    return t + 1, self.cell.advance((h,), self.gates(z))[0]

  def decode(self, z: Array) -> Array:
    """[L] -> [T, F, P], float32."""
    z = z.reshape(self.shape[0], self.latents)
    start = jnp.zeros(self.hidden, self.dtype)
    after = self.cell.scan(start, self.gates(z), jnp.ones(len(z), bool))
    h = jnp.concatenate([jnp.concatenate([start[None], after[:-1]]), z], -1)
    for layer in self.write:
      h = nn.relu(layer(h))
    return self.out(h).reshape(*self.shape, self.outputs).astype("float32")

  def __call__(self, x: Array) -> Array:
    """Down through the codes of q, and decoded: touches every parameter."""
    features, where, codes = self.encode(x), self.top(), []
    for _ in self.groups:
      q, _ = self.group(where, features)
      codes.append(q.mean)
      where = self.down(where, codes[-1])
    return self.decode(jnp.concatenate(codes))
