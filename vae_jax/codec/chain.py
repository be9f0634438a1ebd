"""Bits back: a batch of examples on the stack for their negative ELBO, and off again.

To put x on: take z off as if it had been put there with q(z|x), put x on with p(x|z), put z on
with p(z). The bits that taking z gave are the "bits back": the net cost of x is

    -log p(x|z) - log p(z) + log q(z|x),   -ELBO on average.

Frey & Hinton (1997); Townsend, Bird & Barber (2019), section 2.3 and algorithm 1.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_jax.codec import lanes, tables
from vae_jax.codec.codes import Codes
from vae_jax.codec.stack import Stack

MOST = 128  # examples side by side, and rows of every call of the network
SIDE = 8  # elements of one example that are coded side by side in a large file
MUCH = 8  # examples on the stack for each that is coded side by side: then it holds much


class Model(NamedTuple):
  """A model as the codec needs it: the same numbers on both sides, whatever the batch holds.

  An element is written at one of the `steps`, given z and what was written at the steps before.
  """

  infer: Callable[[np.ndarray, np.ndarray], Any]  # symbols [n, D], label [n] -> features
  codes: Codes  # how z is drawn with q and coded with p
  begin: Callable[[np.ndarray, np.ndarray], Any]  # z [n, L], label [n] -> a state
  # a state, symbols [n, D], the number of a step -> outputs [n, A, P] of its elements
  outputs: Callable[[Any, np.ndarray, int], np.ndarray]
  steps: list[np.ndarray]  # the elements [A] of each step
  below: Callable[
    [np.ndarray], tables.Cumulative
  ]  # outputs [m, P] -> (k [m] -> P(x < k) [m])
  symbols: int  # V, values of an element
  size: int  # D, elements of an example
  classes: int = 0  # values of the label that the model is conditional on; 0: none
  # symbols [n, D], elements [A] -> which of them [n, A] can only be 0; None: all are open
  closed: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
  # a state, symbols [n, D] -> the outputs [n, D, P] of all steps at once, the same numbers
  whole: Callable[[Any, np.ndarray], np.ndarray] | None = None


def examples(count: int) -> int:
  """How many examples of a file are coded side by side at most: a power of two, up to MOST."""
  return min(MOST, 1 << max(0, (count // 40).bit_length() - 1))


class Step(NamedTuple):
  """What is put on the stack together."""

  count: int  # examples side by side
  wide: int  # elements of each of them side by side

  @property
  def lanes(self) -> int:
    """Of the stack, at least."""
    return self.count * self.wide


def steps(count: int) -> list[Step]:
  """How many examples each step puts on: one by one at first, then up to `examples`.

  A step takes bits off before it puts more on. Growing steps live on what is there already, so
  that hardly any random bits are needed to begin with. A lane needs 32 bits to open and costs
  some 6 at the end: several for an example are opened when much is on the stack.
  """
  found, done, most = [], 0, examples(count)
  while done < count:
    size = min(max(1, done // 4), most, count - done)
    wide = SIDE if done >= MUCH * MOST else SIDE // 2 if done >= MUCH * most else 1
    found.append(Step(size, wide))
    done += size
  return found


def lanes_of(done: list[Step]) -> int:
  """Lanes that are open after these steps."""
  return max((step.lanes for step in done), default=0)


def put(stack: Stack, model: Model, x: np.ndarray, label: np.ndarray, wide: int) -> None:
  """Puts symbols [n, D] and, of a conditional model, their labels [n] on the stack."""
  features = model.infer(x, label)
  drawn = model.codes.draw(stack, wide, features, label)
  state = model.begin(drawn.z, label)
  found = _all_outputs(model, state, x)
  parts = []
  for step, theta in zip(model.steps, found, strict=True):
    start = _starts(model, theta, _closed(model, x, step))
    parts.append(tables.masses(start, x[:, step].ravel()))
  for step, (first, mass) in reversed(list(zip(model.steps, parts, strict=True))):
    shape = len(x), len(step)
    lanes.push(stack, wide, first.reshape(shape), mass.reshape(shape), tables.SYMBOL)
  model.codes.put(stack, wide, drawn)
  if model.classes:
    stack.push(*tables.masses(tables.even(model.classes), label), tables.SYMBOL)


def take(
  stack: Stack, model: Model, count: int, wide: int
) -> tuple[np.ndarray, np.ndarray]:
  """Takes the symbols [count, D] and the labels [count] off that were put on last."""
  label = np.zeros(count, np.int64)
  if model.classes:
    find = tables.finder(tables.even(model.classes), model.classes)
    label = stack.pop(count, find, tables.SYMBOL)
  drawn = model.codes.take(stack, wide, count, label)
  state, x = model.begin(drawn.z, label), np.zeros((count, model.size), np.int64)
  for s, step in enumerate(model.steps):
    theta, shut = model.outputs(state, x, s), _closed(model, x, step)

    def find(part: slice, theta=theta, shut=shut):
      own = None if shut is None else shut[:, part]
      return tables.finder(_starts(model, theta[:, part], own), model.symbols)

    x[:, step] = lanes.pop(stack, wide, (count, len(step)), find, tables.SYMBOL)
  model.codes.give(stack, wide, drawn, model.infer(x, label), label)
  return x, label


def _all_outputs(model: Model, state: Any, x: np.ndarray) -> Any:
  """The outputs [n, A, P] of each step, where x is known."""
  if model.whole is None:
    return (model.outputs(state, x, s) for s in range(len(model.steps)))
  theta = model.whole(state, x)
  return (theta[:, step] for step in model.steps)


def _closed(model: Model, x: np.ndarray, step: np.ndarray) -> np.ndarray | None:
  return None if model.closed is None else model.closed(x, step)


def _starts(
  model: Model, theta: np.ndarray, closed: np.ndarray | None
) -> tables.Cumulative:
  """F' of elements with outputs [n, A, P], in one row."""
  below = model.below(theta.reshape(-1, theta.shape[-1]))
  if closed is not None:
    share, shut = below, closed.ravel()
    below = lambda k: np.where(shut, 1.0, share(k))
  return tables.integers(below, model.symbols, tables.SYMBOL)
