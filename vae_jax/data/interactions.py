"""Users and their items, split by users: a row of zeros and ones for each user.

Strong generalisation: users of valid and test are in no row of train. Of each of them 80 % of
the items are `x`, what the model is shown, and 20 % the field `target`, what it has to find.
Sets: ml-100k, ml-1m, ml-20m (Harper and Konstan 2015), lastfm (He et al. 2020), a csv or parquet
of one's own, and a GENERATED one of low rank.

The protocol is Liang et al. (2018), section 4.1.
"""

from typing import Any

import numpy as np
import scipy.sparse

from vae_jax.data import _baskets, _interactions_files, _split
from vae_jax.data._interactions_files import Events, own
from vae_jax.types import Dataset, Item, Spec, UserError

__all__ = ["counted", "least", "load", "matrix", "own", "targets"]

OPTIONS = {
  "set": "generated",  # or ml-100k, ml-1m, ml-20m, lastfm, own
  "path": "",  # of data.set=own: a .csv or .parquet with columns user and item
  "min_rating": 0.0,  # a line counts from here on; 0: the set's own, every line where it has none
  "min_user": 5,  # items that a user needs
  "min_item": 1,  # users that an item needs
  "test": 0.1,  # users held out for the scores: below 1 a fraction, else a count
  "folds": 0,  # in place of `test`: users in this many parts, ...
  "fold": 0,  # ... of which this one is the test
  "held_out": 0.2,  # of a held-out user's items
  "hide": "random",  # which of them: drawn, or the "last" by time
  "split_seed": 98765,  # of users and of what is hidden; the same for every data seed
  "users": 2_000,  # of the generated set
  "items": 500,
  "rank": 8,
  "length": 30,  # items of a generated user, on average
}
LEAST = 5  # items of a held-out user; a fifth of fewer is none


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [I] of zeros and ones in train, valid and test; `target` in the last two.

  Items are those that a user of train has. A pair that comes more than once counts once, by its
  last line, or by its latest where there are times. Rows are stored small (`_baskets`) and made
  dense inside the program. `target` [W] int32 holds the hidden items, filled up with I.

  Raises:
    UserError: an unknown set, a missing file, an option out of range, or no user left.
  """
  _check(config)
  events = _generated(config) if config["set"] == "generated" else None
  if events is None:
    events = _interactions_files.read(config["set"], config["path"], data_dir)
  user, item, when = _filtered(events, config)
  parts = _users(user, config)
  catalogue = np.unique(item[np.isin(user, parts["train"])])
  place = np.full(len(events.items), -1)
  place[catalogue] = np.arange(len(catalogue))
  rows, hidden, dropped = {}, {}, 0
  for name, members in parts.items():
    of_part = np.isin(user, members) & (place[item] >= 0)
    own_rows = (np.searchsorted(members, user[of_part]), place[item[of_part]])
    times = None if when is None else when[of_part]
    shape = (len(members), len(catalogue))
    if name == "train":
      rows[name] = _matrix(*own_rows, shape)
    else:
      rows[name], hidden[name], lost = _folded(*own_rows, times, shape, config, name)
      dropped += lost
  x = _baskets.store(rows)
  splits = {name: {"x": x[name]} for name in ("train", "valid", "test")}
  for name, found in hidden.items():
    splits[name]["target"] = _baskets.padded(found, int(np.diff(found.indptr).max()))
  names = [events.items[i] for i in catalogue]
  items = tuple(Item(name, events.titles.get(name, "")) for name in names)
  spec = Spec((len(items),), "table", "binary", items=items)
  transform = _baskets.unstoring(len(items), x["train"].shape[1])
  return Dataset(events.name, spec, splits, _note(events, user, dropped, config), transform)


def matrix(dataset: Dataset, split: str) -> scipy.sparse.csr_array:
  """The rows x of a split as a sparse matrix of ones, [N, I] float32."""
  return _baskets.load(dataset.splits[split]["x"], len(dataset.spec.items))


def targets(fields: dict[str, np.ndarray], items: int) -> scipy.sparse.csr_array:
  """The field `target` of some users as a sparse matrix of ones, [N, I] float32."""
  row, column = np.nonzero(fields["target"] < items)
  place = fields["target"][row, column]
  return _matrix(row, place, (len(fields["target"]), items))


def least(config: dict[str, Any]) -> float:
  """The rating from which a line counts where a file has ratings."""
  layout = _interactions_files.LAYOUTS.get(config["set"])
  return config["min_rating"] or (-np.inf if layout is None else layout.liked)


def counted(events: Events, least: float) -> np.ndarray:
  """The lines of a log that count, by number: the last of each pair, from a rating on."""
  order = np.arange(len(events.user))
  if events.time is not None:
    order = np.argsort(events.time, kind="stable")
  pair = events.user[order].astype(np.int64) * len(events.items) + events.item[order]
  _, last = np.unique(pair[::-1], return_index=True)
  found = np.sort(order[len(order) - 1 - last])
  return found if events.rating is None else found[events.rating[found] >= least]


def _check(config: dict[str, Any]) -> None:
  if config["hide"] not in ("random", "last"):
    raise UserError(f"data.hide is {config['hide']!r}; expected random or last.")
  if not 0 < config["held_out"] < 1:
    raise UserError(f"data.held_out is {config['held_out']:g}; expected within (0, 1).")
  folds, fold = config["folds"], config["fold"]
  if folds == 1 or folds < 0 or not 0 <= fold < max(folds, 1):
    raise UserError(
      f"data.fold is {fold} of data.folds {folds}; expected 0 folds, or two or more and a fold"
      " from 0 to one less."
    )
  for name in ("users", "items", "rank", "length"):
    if config[name] < 2:
      raise UserError(f"data.{name} is {config[name]}; expected at least 2.")


def _filtered(
  events: Events, config: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
  """The pairs that count, of items and then users that have enough: user, item, time."""
  kept = counted(events, least(config))
  needed = (events.item, config["min_item"]), (events.user, config["min_user"])
  for numbers, enough in needed:
    many = np.bincount(numbers[kept], minlength=1)
    kept = kept[many[numbers[kept]] >= enough]
  if config["hide"] == "last" and events.time is None:
    raise UserError(f"data.hide is 'last' and {events.name} has no times; take random.")
  if len(kept) == 0:
    raise UserError(
      f"{events.name} has no user with {config['min_user']} items that count; lower"
      " data.min_user, data.min_item or data.min_rating."
    )
  return (
    events.user[kept], events.item[kept], None if events.time is None else events.time[kept]
  )  # fmt: skip


def _users(user: np.ndarray, config: dict[str, Any]) -> dict[str, np.ndarray]:
  """The users of each split, ascending."""
  every = np.unique(user)
  # RandomState, unlike a Generator, promises the same numbers in every NumPy to come.
  drawn = every[np.random.RandomState(config["split_seed"]).permutation(len(every))]
  if config["folds"]:
    if len(every) < 2 * config["folds"]:
      raise UserError(f"data.folds is {config['folds']} of {len(every)} users; take fewer.")
    parts = np.array_split(drawn, config["folds"])
    test = parts.pop(config["fold"])
    rest = np.concatenate(parts)
  else:
    border = _split.count(config["test"], len(every), "test")
    test, rest = drawn[:border], drawn[border:]
  border = _split.count(config["valid"], len(rest), "valid")
  found = {"train": rest[border:], "valid": rest[:border], "test": test}
  return {name: np.sort(members) for name, members in found.items()}


def _folded(
  row: np.ndarray,
  item: np.ndarray,
  when: np.ndarray | None,
  shape: tuple[int, int],
  config: dict[str, Any],
  split: str,
) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array, int]:
  """What held-out users show and what is hidden, without those that have too little; their number.

  int(held_out n) of a user's n items are hidden.
  """
  draw = np.random.RandomState(config["split_seed"] + (1 if split == "valid" else 2))
  order = draw.random_sample(len(row)) if config["hide"] == "random" else -when
  by_user = np.lexsort((item, order, row))
  row, item = row[by_user], item[by_user]
  many = np.bincount(row, minlength=shape[0])
  first = np.cumsum(many) - many
  hide = np.arange(len(row)) - first[row] < (config["held_out"] * many).astype(int)[row]
  enough = (many >= LEAST) & ((config["held_out"] * many).astype(int) > 0)
  shown = _matrix(row[~hide], item[~hide], shape)[enough]
  hidden = _matrix(row[hide], item[hide], shape)[enough]
  if not enough.any():
    raise UserError(
      f"No user of {split} has {LEAST} items that a user of train has too; hold out more"
      " users, or give more data."
    )
  return shown, hidden, int((~enough).sum())


def _matrix(row: np.ndarray, item: np.ndarray, shape: tuple) -> scipy.sparse.csr_array:
  found = scipy.sparse.csr_array((np.ones(len(row), np.float32), (row, item)), shape)
  found.sort_indices()
  return found


def _note(events: Events, user: np.ndarray, dropped: int, config: dict[str, Any]) -> str:
  share = 100 * (1 - config["held_out"])
  which = "drawn" if config["hide"] == "random" else "the last by time"
  text = (
    f"{events.note} {len(np.unique(user)):,} users, {len(user):,} pairs. Held-out users show"
    f" {share:g} % of their items; the others, {which}, are to be found."
  )
  if dropped:
    text += f" {dropped:,} held-out users have too few known items and are left out."
  return text


def _generated(config: dict[str, Any]) -> Events:
  """Users who draw items without replacement from softmax(W z + b): Gumbel's top n.

  z, W ~ N(0, I) of `rank`, W scaled to 1.5 / sqrt(rank), b = -0.7 log of the item's number;
  n - LEAST is geometric.
  """
  users, items, rank = (config[name] for name in ("users", "items", "rank"))
  if config["length"] <= LEAST or config["length"] > items // 4:
    raise UserError(
      f"data.length is {config['length']}; expected above {LEAST} and at most a quarter of"
      f" data.items, {items // 4}."
    )
  draw = np.random.default_rng(0)  # the users are the same for every seed
  weights = draw.normal(size=(rank, items)).astype(np.float32) * np.float32(1.5 / rank**0.5)
  bias = -0.7 * np.log(np.arange(1, items + 1, dtype=np.float32))
  count = LEAST + draw.geometric(1 / (config["length"] - LEAST), users)
  count = np.minimum(count, items // 2)
  found = []
  for start in range(0, users, 512):
    many = count[start : start + 512]
    logits = draw.normal(size=(len(many), rank)).astype(np.float32) @ weights + bias
    uniform = draw.random(logits.shape, np.float32)
    noisy = logits - np.log(-np.log(uniform + np.float32(1e-12)) + np.float32(1e-12))
    top = np.argpartition(-noisy, many.max() - 1, 1)[:, : many.max()]
    top = np.take_along_axis(top, np.argsort(-np.take_along_axis(noisy, top, 1), 1), 1)
    found.append(top[np.arange(many.max())[None] < many[:, None]].astype(np.int32))
  return Events(
    "generated",
    np.repeat(np.arange(users, dtype=np.int32), count),
    np.concatenate(found),
    None,
    None,
    [f"user {i + 1}" for i in range(users)],
    [f"item {i + 1}" for i in range(items)],
    {},
    f"GENERATED users of a softmax of rank {rank}; these are not real users.",
  )
