"""log p(x|z) of an example at its own code and at the codes of other examples."""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Params

PREFIX = "other_"


def beside(examples: dict[str, np.ndarray], partners: int = 2) -> dict[str, np.ndarray]:
  """The fields [N, ...] with those of other examples beside them, [N, P, ...].

  Examples of one class may stand together: of two strangers one is a third, one two thirds of
  all rows away.
  """
  count = len(examples["x"])
  steps = [max(1, count * (i + 1) // (partners + 1)) for i in range(partners)]
  away = lambda values: np.stack([np.roll(values, step, 0) for step in steps], 1)
  others = {f"{PREFIX}{k}": away(v) for k, v in examples.items() if k != "id"}
  return {**examples, **others}


def nats(vae: VAE, params: Params, example: Example) -> dict[str, Array]:
  """-log p(x|z) of ONE example at its own code, and on average at those of strangers.

  No difference means that the decoder does not read its code.

  Args:
    vae: the functions of the model.
    params: of one member.
    example: of `beside`.

  Returns:
    "own" [] and "stranger" [], nats.
  """
  others = {k[len(PREFIX) :]: v for k, v in example.items() if k.startswith(PREFIX)}
  code = lambda one: distributions.code(vae.posterior(params, one))
  at = lambda z: -vae.log_likelihood(params, z, example)
  stranger = jnp.mean(jax.vmap(lambda other: at(code(other)))(others))
  return {"own": at(code(example)), "stranger": stranger}
