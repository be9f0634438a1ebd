"""Which training examples are labelled: a few of each class, drawn, and a mark for them.

Options of every dataset with labels. Train gets the fields `labelled` [N] float32, 1 where the
label may be read, and `copies` [N], how often that row is in train. Labelled rows are repeated
until they are the share SHARE of train, so that every minibatch has both kinds. All classes get
as many labels, and a draw of fewer labels is a part of the draw of more.
"""

from typing import Any

import numpy as np

from vae_jax.data import _split
from vae_jax.types import UserError

# labels: how many of train are labelled, 0: all, without a mark. unlabelled: whether the others
# stay in train. balance: as many of each class; else as train has them, and one at least.
OPTIONS = {"labels": 0, "draw": 0, "unlabelled": True, "balance": True}
SHARE = 1 / 8  # of labelled rows in train: a batch of 128 has none once in 26 million

Splits = dict[str, _split.Fields]


def apply(
  splits: Splits, classes: tuple[str, ...], config: dict[str, Any], name: str
) -> Splits:
  """The splits with labelled rows of train marked and repeated; as they are with labels=0.

  Args:
    splits: with a `label` [N] each.
    classes: the names of the labels.
    config: OPTIONS.
    name: of the dataset, for messages.

  Raises:
    UserError: no labels, fewer of them than classes, or a class with too few examples.
  """
  if not config["labels"]:
    return splits
  _check(splits, classes, config, name)
  train = splits["train"]
  options = (config["labels"], config["draw"], classes, config["balance"])
  rows = drawn(train["label"], *options)
  others = (
    np.setdiff1d(np.arange(len(train["label"])), rows) if config["unlabelled"] else []
  )
  copies = max(1, round(SHARE / (1 - SHARE) * len(others) / len(rows)))
  every = np.concatenate([others, np.tile(rows, copies)]).astype(int)
  marked = _split.take(train, every)
  marked["labelled"] = (np.arange(len(every)) >= len(others)).astype(np.float32)
  marked["copies"] = np.where(marked["labelled"] > 0, copies, 1).astype(np.float32)
  beside = {
    split: {**fields, "labelled": np.zeros(len(fields["x"]), np.float32)}
    for split, fields in splits.items()
    if split != "train"
  }
  for fields in beside.values():
    fields["copies"] = np.ones(len(fields["x"]), np.float32)
  return {**splits, **beside, "train": marked}


def drawn(
  label: np.ndarray,
  count: int,
  draw: int,
  classes: tuple[str, ...],
  balance: bool = True,
) -> np.ndarray:
  """The rows [count] whose label is known in this draw, as many of each class, up to one.

  Without `balance` a class has the share that it has of all rows, and one row at least.

  Raises:
    UserError: a class has too few.
  """
  rng = np.random.default_rng(draw)
  order = rng.permutation(len(label))
  first = rng.permutation(len(classes))  # the classes that get one more
  wanted = np.full(len(classes), count // len(classes))
  wanted[first[: count % len(classes)]] += 1
  if not balance:
    share = np.bincount(label, minlength=len(classes)) / len(label)
    wanted = np.maximum(1, np.round(count * share).astype(int))
    wanted[wanted.argmax()] += count - wanted.sum()
  found = []
  for c, name in enumerate(classes):
    own = order[label[order] == c]
    if len(own) < wanted[c]:
      raise UserError(
        f"data.labels is {count}, which takes {wanted[c]} examples of the class {name!r}, and"
        f" train has {len(own)}; lower it."
      )
    found.append(own[: wanted[c]])
  return np.concatenate(found)


def _check(
  splits: Splits, classes: tuple[str, ...], config: dict[str, Any], name: str
) -> None:
  labels, draw, size = config["labels"], config["draw"], len(splits["train"]["x"])
  if len(classes) < 2 or any("label" not in fields for fields in splits.values()):
    raise UserError(
      f"data.labels is {labels}, and the dataset {name!r} has no labels of two classes or more;"
      " take labelled data, or leave data.labels at 0."
    )
  if not len(classes) <= labels <= size:
    raise UserError(
      f"data.labels is {labels}; expected at least one for each of the {len(classes)} classes and"
      f" at most the {size} examples of train."
    )
  if draw < 0:
    raise UserError(f"data.draw is {draw}; expected an integer of 0 or more.")


def note(config: dict[str, Any]) -> str:
  """A sentence on how much of train is labelled."""
  if not config["labels"]:
    return ""
  others = "the others unlabelled" if config["unlabelled"] else "the others left out"
  return f"{config['labels']} labelled in train (draw {config['draw']}), {others}."
