"""Members that differ in which examples are normal, trained as one program.

Such members are of one dataset, and each has rows of its own in train and in valid. The whole
splits are on the device once. A table of row numbers, filled up to the longest, stands beside
them, and a member draws from its row of the table. It draws in the order that it would have alone
and with the same noise, as the id of an example is its place among the member's own rows.
"""

import json

from vae_jax import data, registry
from vae_jax.training import sweep
from vae_jax.types import Dataset


def joined(parts: list[sweep.Part]) -> list[sweep.Part]:
  """The programs of a sweep, those that differ only in which examples are normal as one.

  A program stays by itself where its configuration lets the number of its training rows decide
  something else: the steps or evaluations of an epoch, few labels, or a loss of the whole batch.
  So it does where its dataset fits a scale on normal rows.
  """
  groups: dict[str, list[sweep.Part]] = {}
  for number, part in enumerate(parts):
    alike = json.dumps(base(part.config), sort_keys=True)
    key = alike if _may_join(part.config) else str(number)
    groups.setdefault(key, []).append(part)
  return [_one(group) if len(group) > 1 else group[0] for group in groups.values()]


def base(config: dict) -> dict:
  """The configuration of a joined program: of all its data, without the sweep."""
  return {**config, "data": {**config["data"], **data.CHOOSING}, "sweep": {}}


def with_rows(part: sweep.Part, dataset: Dataset) -> Dataset:
  """The dataset with the rows of each choice of a joined program; as it is of any other.

  Raises:
    UserError: as `data.load` does of what is normal.
  """
  if not part.choices:
    return dataset
  given = part.config["data"]
  each = tuple(data.normal_rows(dataset, {**given, **c}) for c in part.choices)
  note = f"{dataset.note} Each member has normal examples of its own."
  return dataset._replace(choices=each, note=note.strip())


def _may_join(config: dict) -> bool:
  train, options = config["train"], config["data"]
  objective = registry.find("objectives", config["objective"]["name"])
  return (
    train["steps"] > 0
    and train["eval_every"] > 0
    and not config["two_stage"]["run"]
    and not options["labels"]
    and not options["strangers"]
    and data.shares_rows(options["name"])
    and not hasattr(objective, "batch_loss")
  )


def _one(group: list[sweep.Part]) -> sweep.Part:
  """The members of several programs as those of one, in the order of the sweep."""
  choices = [{k: part.config["data"][k] for k in data.CHOOSING} for part in group]
  places = sorted(
    (number, of, place)
    for of, part in enumerate(group)
    for place, number in enumerate(part.numbers)
  )
  rows = [group[of].rows[place] for _, of, place in places]
  kept = [
    {**group[of].config["sweep"][place], **{f"data.{k}": v for k, v in choices[of].items()}}
    for _, of, place in places
  ]
  config = {**base(group[0].config), "sweep": kept}
  numbers = [number for number, _, _ in places]
  return sweep.Part(config, rows, numbers, choices, [of for _, of, _ in places])
