"""Several processes of one run: that they agree, and what is said when one of them ends."""

import contextlib
from collections.abc import Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils

from vae_jax.types import UserError


def agree(at: int) -> None:
  """Waits until every process has read the checkpoints that one of them may now change.

  Args:
    at: the step that this process would go on from.

  Raises:
    UserError: another would go on from another step.
  """
  if jax.process_count() == 1:
    return
  with told_when_another_ends():
    steps = multihost_utils.process_allgather(np.int32(at))
  if len(set(steps.tolist())) > 1:
    raise UserError(
      f"The processes of this run would go on from different steps, {steps.tolist()}: the"
      f" --workdir must lie where all of them see the same files."
    )


def any_of_them(asked: bool) -> bool:
  """Whether a process of the run was asked to stop: all of them stop at the same step."""
  if jax.process_count() == 1:
    return asked
  with told_when_another_ends():
    return bool(multihost_utils.process_allgather(np.int32(asked)).any())


def meet() -> None:
  """Waits until every process of the run is here.

  Raises:
    UserError: another process has ended.
  """
  any_of_them(False)


@contextlib.contextmanager
def told_when_another_ends() -> Iterator[None]:
  """Turns a broken connection between processes into a sentence.

  Raises:
    UserError: another process has ended.
  """
  try:
    yield
  except jax.errors.JaxRuntimeError as error:
    if jax.process_count() == 1 or "RESOURCE_EXHAUSTED" in str(error):
      raise
    line = str(error).splitlines()[0][:200]
    raise UserError(
      f"Another process of this run has ended ({line}): start all of them again, and they go on"
      f" from the last checkpoint."
    ) from error
