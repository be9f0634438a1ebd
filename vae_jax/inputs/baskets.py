"""A user's own file of users and items, for a model that has seen neither file nor users."""

from typing import NamedTuple

import numpy as np
import scipy.sparse

from vae_jax.data import interactions
from vae_jax.run import Run
from vae_jax.types import UserError


class Given(NamedTuple):
  """The users of a file over the items that the model knows."""

  name: str  # of the file
  users: list[str]  # their ids
  rows: scipy.sparse.csr_array  # [n, I] of ones
  unknown: int  # pairs of the file whose item the model does not know


def read(path: str, run: Run) -> Given:
  """The users of a .csv or .parquet with columns user and item, in the order of the file.

  An item is known by its id, else by its title. A pair counts once, by its last line, and where
  there is a column of ratings it counts from the rating on that the model was trained with. A
  user none of whose items is known stays, with an empty row.

  Raises:
    UserError: no such file or column, or no item of it that the model knows.
  """
  events = interactions.own(path, None)
  kept = interactions.counted(events, interactions.least(run.config["data"]))
  items = run.spec.items
  place = {item.title: i for i, item in enumerate(items) if item.title}
  place |= {item.id: i for i, item in enumerate(items)}
  found = [place.get(name, place.get(events.titles.get(name), -1)) for name in events.items]
  at = np.array(found)[events.item[kept]]
  known = at >= 0
  if not known.any():
    raise UserError(
      f"{path} has no item that the model knows, such as {items[0].id!r}"
      f"{f' or {items[0].title!r}' if items[0].title else ''}: use the ids of its training data."
    )
  shape = (len(events.users), len(items))
  pairs = (events.user[kept][known], at[known])
  rows = scipy.sparse.csr_array((np.ones(known.sum(), np.float32), pairs), shape)
  rows.data[:] = 1  # two ids of a file may be one item
  return Given(path, events.users, rows, int((~known).sum()))
