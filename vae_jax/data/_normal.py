"""Which examples count as normal for anomaly detection.

Options of every dataset with labels: `normal` names the classes that are normal, or `left_out`
those that are not. Train and valid keep normal examples, test keeps all of them, and every
split gets the field `anomaly` [N] int32, 1 for what is not normal.
"""

from typing import Any, NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data import _split
from vae_jax.types import UserError

# contamination: the share of train that is anomalous all the same, as where nobody looked.
OPTIONS = {"normal": "", "left_out": "", "contamination": 0.0}

Splits = dict[str, _split.Fields]


class Chosen(NamedTuple):
  """What the options choose of a dataset."""

  odd: np.ndarray  # [C] bool, the classes that are anomalies
  rows: dict[str, np.ndarray]  # of "train" and "valid", the rows that are kept; int32


def asked(config: dict[str, Any]) -> bool:
  """Whether a configuration says what is normal."""
  return bool(config["normal"] or config["left_out"])


def apply(
  splits: Splits, classes: tuple[str, ...], config: dict[str, Any], name: str
) -> Splits:
  """The splits with anomalies in test alone, as the options say; as they are without any.

  Args:
    splits: with a `label` [N] each.
    classes: the names of the labels.
    config: OPTIONS, and `seed`, by which the contamination is drawn.
    name: of the dataset, for messages.

  Raises:
    UserError: as `chosen` does, or contamination without an option that says what is normal.
  """
  if not asked(config):
    if config["contamination"]:
      raise UserError(
        "data.contamination is the share of anomalies in train: say with data.normal or"
        " data.left_out what an anomaly is."
      )
    return splits
  found = chosen(splits, classes, config, name)
  marked = {
    split: {**fields, "anomaly": found.odd[fields["label"]].astype(np.int32)}
    for split, fields in splits.items()
  }
  return marked | {k: _split.take(marked[k], rows) for k, rows in found.rows.items()}


def chosen(
  splits: Splits, classes: tuple[str, ...], config: dict[str, Any], name: str
) -> Chosen:
  """Which rows of train and valid stay, in the order of the file; arguments as of `apply`.

  Raises:
    UserError: both options, no labels, an unknown class, nothing normal or nothing else, or more
      contamination than train has anomalies.
  """
  if config["normal"] and config["left_out"]:
    raise UserError("Give data.normal or data.left_out, not both: one says the other.")
  if not classes or any("label" not in fields for fields in splits.values()):
    raise UserError(
      f"The dataset {name!r} has no labels, so that data.normal and data.left_out name"
      " nothing; take labelled data, or leave them empty and train on normal examples."
    )
  option = "normal" if config["normal"] else "left_out"
  given = [word.strip() for word in str(config[option]).split(",")]
  for word in given:
    if word not in classes:
      raise UserError(f"data.{option} is {word!r}.{registry.nearest(word, list(classes))}")
  named = np.isin(np.array(classes), given)
  odd = ~named if config["normal"] else named
  if odd.all() or not odd.any():
    raise UserError(
      f"data.{option} is {config[option]!r}, which leaves no class"
      f" {'that is normal' if odd.all() else 'for anomalies'}."
    )
  strange = {split: odd[splits[split]["label"]] for split in ("train", "valid")}
  train = _contaminated(strange["train"], config["contamination"], config["seed"])
  kept = {"train": train, "valid": ~strange["valid"]}
  return Chosen(odd, {k: np.flatnonzero(v).astype(np.int32) for k, v in kept.items()})


def note(splits: Splits, config: dict[str, Any]) -> str:
  """A sentence on what is normal, and how much of test is not."""
  if not asked(config):
    return ""
  share = float(splits["test"]["anomaly"].mean())
  said = (
    f"normal: {config['normal']}" if config["normal"] else f"all but {config['left_out']}"
  )
  dirt = config["contamination"]
  also = f", {100 * dirt:g} % anomalies in train" if dirt else ""
  return (
    f"Trained on normal examples ({said}{also}); {100 * share:.1f} % of test are anomalies."
  )


def _contaminated(strange: np.ndarray, share: float, seed: int) -> np.ndarray:
  """Which rows of train [N] stay: the normal ones, and anomalies that are this share of all."""
  if not 0 <= share < 1:
    raise UserError(f"data.contamination is {share:g}; expected a share in [0, 1).")
  odd = np.flatnonzero(strange)
  wanted = round(share / (1 - share) * (len(strange) - len(odd)))
  if wanted > len(odd):
    raise UserError(
      f"data.contamination is {share:g}, which takes {wanted} anomalies, and train has"
      f" {len(odd)}; lower it."
    )
  kept = ~strange
  kept[np.random.default_rng(seed).permutation(odd)[:wanted]] = True
  return kept
