"""How a number of `hyper` moves with the step: pure functions, everything traced.

`config.schedule.<name> = "linear"` makes `hyper.<name>` the number a schedule starts from
and adds `hyper.<name>_steps`, its length in steps: two numbers, both can be swept.

Every function is `(value, step, steps, total) -> value now`, each argument a [] array:
`steps` is the schedule's own length, `total` the number of steps of the run.
"""

import jax.numpy as jnp

from vae_jax.types import Array


def constant(value: Array, step: Array, steps: Array, total: Array) -> Array:
  """The number itself, at every step."""
  del step, steps, total
  return value


def linear(value: Array, step: Array, steps: Array, total: Array) -> Array:
  """From 0 to the value over the first `steps` steps, then the value.

  value * min(1, step / steps): KL warm-up, Bowman et al. (2016), section 3.1, who used a
  sigmoid; the line is Sønderby et al. (2016), section 2.3.
  """
  del total
  return value * jnp.minimum(1.0, step / jnp.maximum(steps, 1.0))


def cyclical(value: Array, step: Array, steps: Array, total: Array) -> Array:
  """In each period of `steps` steps: a line from 0 to the value for one half, then the value.

  Fu et al. (2019), eq. 6-7, with their R = 0.5.
  """
  del total
  period = jnp.maximum(steps, 1.0)
  return value * jnp.minimum(1.0, 2.0 * jnp.mod(step, period) / period)


def warmup_cosine(value: Array, step: Array, steps: Array, total: Array) -> Array:
  """A line up to the value over `steps` steps, then half a cosine down to 0 at `total`.

  Loshchilov & Hutter (2017), eq. 5, without restarts. The first step is already positive.
  """
  up = (step + 1.0) / jnp.maximum(steps, 1.0)
  share = jnp.clip((step - steps) / jnp.maximum(total - steps, 1.0), 0.0, 1.0)
  return value * jnp.minimum(up, 0.5 * (1.0 + jnp.cos(jnp.pi * share)))


def pretrain(value: Array, step: Array, steps: Array, total: Array) -> Array:
  """0 for the first `steps` steps, then the line of `linear` over as many again.

  For β: an autoencoder first, a VAE after. Li et al. (2019), section 3, who also draw the
  decoder anew in between; here it goes on from where it is.
  """
  del total
  return value * jnp.clip(step / jnp.maximum(steps, 1.0) - 1.0, 0.0, 1.0)


def lagging(value: Array, step: Array, steps: Array, total: Array) -> Array:
  """For the first `steps` steps the value at every tenth step and 0 at the others.

  For `decoder_rate`: the encoder takes ten steps for each one of the decoder, which it would
  lag behind. He et al. (2019), algorithm 1, with the inner loop of fixed length; there it ends
  when the loss no longer falls, after at most 100 steps.
  """
  del total
  idle = (step < steps) & (jnp.mod(step, 10.0) != 9.0)
  return jnp.where(idle, 0.0, value)
