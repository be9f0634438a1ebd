"""The message of a training in which every member has died."""

import numpy as np

from vae_jax.types import Dataset, UserError

LARGE = (
  20.0  # |x| above which the data is the likelier cause; standardised data stays below
)


class AllDeadError(UserError):
  """A training that ended without a living member: it has nothing to evaluate."""

  status = 1


def told(config: dict, dataset: Dataset, died: np.ndarray) -> str:
  """One sentence: since when all members are dead, the likely cause, and what to do.

  Args:
    config: of the first program.
    dataset: that it was trained on.
    died: [M] the step at which each member died.
  """
  count = "Its member is" if len(died) == 1 else f"All {len(died)} members are"
  since = f"{count} dead, without a finite gradient from step {died.min()} on"
  largest = float(np.abs(dataset.splits["train"]["x"][:10_000]).max())
  real = (
    dataset.spec.domain in ("real", "count") and dataset.splits["train"]["x"].dtype != bool
  )
  if real and largest > LARGE:
    cause = (
      f"x reaches {largest:g} in the training split, and a network starts at outputs around 0:"
      " standardise the data, or divide grey levels by 255"
    )
  else:
    rate = config["hyper"]["learning_rate"]
    cause = (
      f"the learning rate, {rate:g} where it is not swept: lower config.hyper.learning_rate, or"
      " set config.hyper.clip_norm"
    )
  return f"{since}; the likely cause is {cause}."


def sentence(number: int, name: str, at: int) -> str:
  """Of a member that has just died."""
  return f"Member {number} ({name}) is dead: no finite gradient from step {at} on."
