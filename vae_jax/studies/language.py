"""What sequences of symbols share: the language model beside them, and the worth of a code."""

import numpy as np

from vae_jax import asking
from vae_jax.inference import strangers
from vae_jax.run import Run, open_beside
from vae_jax.types import Array


def opened(run: Run, path: str) -> Run | None:
  """The run of the objective language_model at a path, on the same data; None without a path.

  Raises:
    UserError: it is another run, or of other data.
  """
  speaks = lambda other: other.config["objective"]["name"] == "language_model"
  return open_beside(run, path, speaks, "of language_model")


def worth(run: Run, examples: dict[str, np.ndarray], key: Array, batch: int) -> np.ndarray:
  """-log p(x|z) at the code of another example less that at its own, [M, N] nats."""
  swap = lambda params, hyper, example, key: strangers.nats(run.vae, params, example)
  nats = asking.apply(run, swap, strangers.beside(examples), key, batch)
  return nats["stranger"] - nats["own"]
