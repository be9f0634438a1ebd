"""Categories in place of numbers: one-hot codes, relaxed in training by Gumbel noise."""

import jax.numpy as jnp

from vae_jax.families.discrete import Categorical
from vae_jax.types import Array, Params, Posterior, Sizes, UserError

FAMILY, SUPPORT = "discrete", "one-hot"
OPTIONS = {"categories": 10}
HYPER = {"temperature": 0.7}  # of the relaxed draws of training; evaluation draws one-hots


def distribution(
  own: Params, q: Posterior, numbers: dict[str, Array], categories: int = 10
) -> Categorical:
  """q(z|x) = prod_g Categorical(softmax(mean_g)), the encoder's mean read as logits [G, V].

  Jang et al. (2017), section 2. L = G V must be divisible by V = `categories`. The encoder's
  logvar is not used. Without a temperature, in evaluation, draws are one-hots.

  Raises:
    UserError: the latents are no multiple of the categories.
  """
  del own
  return Categorical(_grouped(q.mean, categories), numbers.get("temperature"))


def symbols(sizes: Sizes, categories: int = 10) -> tuple[int, int]:
  """How many choices a code has, and how many categories each; raises as `distribution` does."""
  _check(sizes.latents, categories)
  return sizes.latents // categories, categories


def support(own: Params, sizes: Sizes, categories: int = 10) -> Categorical:
  """Every category equally likely."""
  del own
  return Categorical(_grouped(jnp.zeros(sizes.latents), categories))


def _grouped(values: Array, categories: int) -> Array:
  _check(len(values), categories)
  return values.reshape(-1, categories)


def _check(latents: int, categories: int) -> None:
  if categories < 2 or latents % categories:
    raise UserError(
      f"config.model.latents is {latents} and config.posterior.categories is {categories}:"
      f" a code of G categories has G times as many numbers, a multiple of 2 or more."
    )
