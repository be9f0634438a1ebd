"""Windows of series with a label each: rare events to be found in series that are not known."""

from typing import Any

import numpy as np

from vae_jax.data import _split, _windows
from vae_jax.data._series_files import Series
from vae_jax.types import Column, Dataset, Spec, UserError

CLASSES = ("normal", "event")


def check(config: dict[str, Any]) -> None:
  """Refuses a share that is none, and labels where series are examples as they are."""
  if not 0 <= config["rare"] < 1:
    raise UserError(f"data.rare is {config['rare']:g}; expected a share in [0, 1).")
  if config["rare"] and not config["steps"]:
    raise UserError("data.rare is a share of windows: set data.steps to the rows of one.")


def dataset(found: list[Series], config: dict[str, Any]) -> Dataset:
  """Labelled windows of both kinds; each series is standardised by its own head, or all by all."""
  if any(one.marks is None for one in found):
    raise UserError("data.rare takes series with a column of labels, and these have none.")
  heads = [_windows.head(config, len(one.values), one.name) for one in found]
  pieces = parts([one.marks for one in found], heads, config)
  known = [n for n, _, _ in pieces["train"]]
  first = [one.values[:head] for one, head in zip(found, heads, strict=True)]
  every = np.concatenate([first[n] for n in known])
  mean, std = every.mean(0), np.where(every.std(0) > 0, every.std(0), 1.0)
  shift, scale = np.tile(mean, (len(found), 1)), np.tile(std, (len(found), 1))
  if config["scale"] == "each":
    own = [_windows.own(rows, std, config["floor"]) for rows in first]
    shift, scale = (np.stack(parts) for parts in zip(*own, strict=True))
  splits = {
    split: _windows.fields(found, parts, config["steps"], shift, scale, True)
    for split, parts in pieces.items()
  }
  for fields in splits.values():
    fields["label"] = fields.pop("anomaly")
  numbers = zip(found[0].columns, mean, std, strict=True)
  columns = tuple(Column(name, shift=float(m), scale=float(s)) for name, m, s in numbers)
  spec = Spec((config["steps"], len(columns)), "sequence", "real", columns=columns)
  spec = spec._replace(spread=_windows.spread(splits["train"]["x"]), classes=CLASSES)
  note = (
    f"{len(found)} series, whole ones held out, windows of {config['steps']} behind the head of"
    f" each; {100 * config['rare']:g} % of them have an event."
  )
  return Dataset(config["set"], spec, splits, note)


def parts(marks: list[np.ndarray], heads: list[int], config: dict[str, Any]) -> dict:
  """For each split a list of (series, first rows [N], the label of each point [N, T]).

  Whole series are held out, drawn with the seed: `test` of all, `valid` of the others. Windows
  are those behind the head of each, which gives its scale. Events, windows with a marked point,
  are drawn so that they are the share `rare` of the windows of their split.

  Raises:
    UserError: too few series, or no window of one kind in a split.
  """
  if len(marks) < 3:
    raise UserError(
      f"data.rare holds out whole series, and there are {len(marks)}; expected 3 or more."
    )
  every = {"x": np.arange(len(marks))}
  rest, test = _split.shuffled(every, config["test"], "test", config["seed"])
  train, valid = _split.shuffled(rest, config["valid"], "valid", config["seed"])
  rng, found = np.random.default_rng(config["seed"]), {}
  for split, own in (("train", train), ("valid", valid), ("test", test)):
    starts = {n: np.arange(heads[n], len(marks[n]) - config["steps"] + 1, config["stride"])
              for n in own["x"].tolist()}  # fmt: skip
    points = {
      n: marks[n][at[:, None] + np.arange(config["steps"])] for n, at in starts.items()
    }
    event = np.concatenate([points[n].any(1) for n in starts])
    kept = ~event
    wanted = max(1, round(config["rare"] / (1 - config["rare"]) * kept.sum()))
    if not kept.any() or event.sum() < wanted:
      raise UserError(
        f"{split} has {kept.sum()} normal windows and {event.sum()} with an event, and data.rare"
        f" is {config['rare']:g}: lower it, or make data.stride smaller."
      )
    kept[rng.choice(np.flatnonzero(event), wanted, replace=False)] = True
    pieces = np.split(kept, np.cumsum([len(at) for at in starts.values()])[:-1])
    found[split] = [
      (n, starts[n][own_kept], points[n][own_kept])
      for n, own_kept in zip(starts, pieces, strict=True)
    ]
  return found
