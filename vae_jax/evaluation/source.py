"""The data of a program for its evaluation: splits, what models are given, what is fitted once."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from vae_jax import asking, registry
from vae_jax.baselines import classifier
from vae_jax.evaluation import pictures
from vae_jax.run import Run, select
from vae_jax.types import Array, Posterior, Spec, UserError


class Source:
  """A dataset with the settings and the key of an evaluation.

  Programs on the same data share it, so that what is fitted on train is fitted once.
  """

  def __init__(
    self, run: Run, settings: dict[str, Any], key: Array, runs: Sequence[Run] = ()
  ):
    self.run, self.data, self.settings, self.key = run, run.dataset, settings, key
    self.runs = [*runs] or [run]  # all programs on this data
    self._made: dict[str, Any] = {}
    self._codes: list[tuple[Run, dict[str, np.ndarray], Posterior]] = []  # the last three

  def once(self, name: str, make: Callable[[], Any]) -> Any:
    """What `make` returns, made at the first call of this name alone."""
    if name not in self._made:
      self._made[name] = make()
    return self._made[name]

  @property
  def spec(self) -> Spec:
    """What one example is."""
    return self.data.spec

  def split(self, name: str, limit: int | None = None) -> dict[str, np.ndarray]:
    """The first `limit` examples of a split as stored, with an id for each.

    Raises:
      UserError: there is no such split; the message lists them.
    """
    if name not in self.data.splits:
      hint = registry.nearest(name, list(self.data.splits))
      raise UserError(f"The dataset {self.data.name!r} has no split {name!r}.{hint}")
    examples = dict(self.data.splits[name])
    examples["id"] = np.arange(len(examples["x"]), dtype=np.int32)
    return {field: values[:limit] for field, values in examples.items()}

  def spread(self, name: str, count: int) -> dict[str, np.ndarray]:
    """At most `count` examples of a split, evenly spaced; as `split` otherwise."""
    examples = self.split(name)
    rows = pictures.spread(len(examples["x"]), count)
    return {field: values[rows] for field, values in examples.items()}

  def inputs(self, examples: dict[str, np.ndarray]) -> np.ndarray:
    """x [N, *shape] as the model is given it: decoded and transformed."""
    read = lambda params, hyper, example, key: example["x"]
    return asking.apply(select(self.run, 0), read, examples, self.key)[0]

  def posterior(self, run: Run, examples: dict[str, np.ndarray]) -> Posterior:
    """`asking.posterior`, [M, N, L] each; asked again of the same arrays it is there already."""
    known = lambda one: one[0] is run and _same(one[1], examples)
    if not (found := [q for *asked, q in self._codes if known(asked)]):
      found = [asking.posterior(run, examples, self.key)]
      self._codes = [*self._codes[-2:], (run, dict(examples), *found)]
    return found[0]

  @functools.cached_property
  def train(self) -> np.ndarray:
    """All training examples as the model is given them, [P, *shape]."""
    return self.inputs(self.split("train"))

  @functools.cached_property
  def judge(self) -> Callable[[np.ndarray], np.ndarray] | None:
    """A classifier of clean training examples, images -> classes; None without labels.

    Its weights depend on `mask_seed`, so that it is the same for every --seed.
    """
    examples = self.data.splits["train"]
    if "label" not in examples or not self.spec.classes:
      return None
    key = jax.random.key(self.settings["mask_seed"])
    count, epochs = len(self.spec.classes), self.settings["epochs"]
    train = np.clip(self.train, 0, 1)
    return classifier.fit(train, examples["label"], count, key, epochs)


def _same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
  """Whether two examples' fields are the same arrays."""
  return one.keys() == other.keys() and all(one[k] is v for k, v in other.items())
