"""What is asked for: a label, and the examples whose style it is to have."""

from typing import NamedTuple

import jax
import numpy as np

from vae_jax.baselines import judges
from vae_jax.evaluation.source import Source

Fields = dict[str, np.ndarray]


class Asked(NamedTuple):
  """N examples to be written, each with K others that show its style."""

  x: np.ndarray  # [N, K, H, W, C] what is shown, in [0, 1]
  label: np.ndarray  # [N, K] of what is shown
  counts: tuple[int, ...]  # how many of the K are shown under each condition
  target: np.ndarray  # [N] the label that is asked for
  style: np.ndarray | None  # [N]; None where every example is a style of its own
  real: np.ndarray | None  # [N, H, W, C] the example that has both
  known: np.ndarray | None  # [N] whether its style is one of train


def asked(
  source: Source, split: str, limit: int, counts: tuple[int, ...]
) -> tuple[Fields, Asked]:
  """The examples of a split that are written, evenly spaced, and what is shown for each."""
  examples = source.spread(split, limit)
  rng = np.random.default_rng(source.settings["mask_seed"])
  x = np.clip(source.inputs(examples), 0, 1)
  if not source.spec.styles:
    classes = len(source.spec.classes)
    step = rng.integers(1, classes, len(x))
    target = ((examples["label"] + step) % classes).astype(np.int32)
    return examples, Asked(
      x[:, None], examples["label"][:, None], (1,), target, *[None] * 3
    )
  pool = _pool(source, split)
  rows, most = [], max(counts)
  for label, style in zip(examples["label"], examples["style"], strict=True):
    others = np.flatnonzero((pool["style"] == style) & (pool["label"] != label))
    rows.append(rng.permutation(others)[:most])
  count = min(map(len, rows))
  rows = np.stack([row[:count] for row in rows])
  found = Asked(
    pool["x"][rows],
    pool["label"][rows],
    tuple(dict.fromkeys(min(each, count) for each in counts)),
    examples["label"],
    examples["style"],
    x,
    np.isin(examples["style"], source.data.splits["train"]["style"]),
  )
  return examples, found


def judge(source: Source) -> judges.Judge:
  """The classifier of content, of real training images alone."""

  def fit() -> judges.Judge:
    key = jax.random.key(source.settings["mask_seed"])
    label = source.data.splits["train"]["label"]
    train = np.clip(source.train, 0, 1)
    count, steps = len(source.spec.classes), source.settings["judge_steps"]
    return judges.attributes(train, [label], [count], key, steps)

  return source.once("judge of content", fit)


def everything(source: Source) -> Fields:
  """x in [0, 1], label and style of all splits together."""

  def join() -> Fields:
    parts = [_own(source, name) for name in ("train", "valid", "test")]
    return {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}

  return source.once("every example", join)


def _pool(source: Source, split: str) -> Fields:
  """What may be shown: the split, and of styles of train what was trained on."""
  own = _own(source, split)
  if split == "train":
    return own
  train = _own(source, "train")
  fresh = ~np.isin(own["style"], train["style"])  # a held-out pair is not shown
  return {k: np.concatenate([train[k], own[k][fresh]]) for k in own}


def _own(source: Source, split: str) -> Fields:
  def read() -> Fields:
    examples = source.split(split)
    kept = {"x": np.clip(source.inputs(examples), 0, 1), "label": examples["label"]}
    return kept | ({"style": examples["style"]} if "style" in examples else {})

  return source.once(f"own {split}", read)
