"""Tables for further analysis, as pandas' data frames: members, codes, scores."""

import pathlib
from typing import TYPE_CHECKING

import jax
import numpy as np

from vae_jax import asking, distributions, files
from vae_jax.evaluation.source import Source
from vae_jax.run import Run
from vae_jax.types import Array, Example, Hyper, Params, UserError

if TYPE_CHECKING:
  import pandas


def members(runs: list[Run]) -> "pandas.DataFrame":
  """What distinguishes the members of all programs: a row each, by their number.

  Columns: the seed and what was swept, `step` of the parameters, and `ended`, empty of a
  member that was trained to the end.
  """
  import pandas

  rows = {}
  for run in runs:
    for place, number in enumerate(run.numbers):
      own = {"step": int(run.step[place]), "ended": run.ended[place]}
      rows[number] = {**run.members[place], **own}
  frame = pandas.DataFrame([rows[number] for number in sorted(rows)], index=sorted(rows))
  return frame.rename_axis("member")


def latents(runs: list[Run], split: str, limit: int | None = None) -> "pandas.DataFrame":
  """The codes of a split: a row for each member and example.

  Columns: `member`, what was swept, `id` (the example's row in the split), `label` (the name of
  its class, if there are any). z0 to z{L-1} are the mean of q(z|x), or the point that represents
  it, and std0 to std{L-1} the standard deviation of a Gaussian. If members have different numbers
  of latents, those that one lacks are empty.

  Args:
    runs: the programs of an opened run directory.
    split: its name.
    limit: how many examples, the first ones; None: all.

  Raises:
    UserError: there is no such split.
  """
  import pandas

  parts = []
  for run in runs:
    source = Source(run, {}, jax.random.key(0))
    examples = source.split(split, limit)
    code, std = _codes(run, source, examples)
    for place, number in enumerate(run.numbers):
      own = {k: v for k, v in run.members[place].items() if v is not None}
      columns = {"member": number, **own, "id": examples["id"]}
      if "label" in examples:
        columns["label"] = np.asarray(run.spec.classes)[examples["label"]]
      columns |= {f"z{i}": code[place, :, i] for i in range(code.shape[-1])}
      if run.vae.family == "gaussian":
        columns |= {f"std{i}": std[place, :, i] for i in range(std.shape[-1])}
      parts.append((number, pandas.DataFrame(columns)))
  ordered = [frame for _, frame in sorted(parts, key=lambda part: part[0])]
  return pandas.concat(ordered, ignore_index=True)


def results(workdir: str) -> "pandas.DataFrame":
  """The scores of every report of a run directory in long form, its application first.

  Raises:
    UserError: there is no report yet.
  """
  import pandas

  paths = sorted(files.inside(pathlib.Path(workdir), "reports").glob("*/scores.csv"))
  if not paths:
    raise UserError(
      f"{workdir} has no report yet: ask model.evaluate('reconstruction'), or another one."
    )
  frames = []
  for path in paths:
    frame = pandas.read_csv(path)
    frame.insert(0, "application", path.parent.name)
    frames.append(frame)
  return pandas.concat(frames, ignore_index=True)


def _codes(
  run: Run, source: Source, examples: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
  """Codes and, of a Gaussian, standard deviations, [M, N, L] each."""
  gaussian = run.vae.family == "gaussian"

  def encode(params: Params, hyper: Hyper, example: Example, key: Array) -> tuple:
    del hyper, key
    q = run.vae.posterior(params, example)
    code = distributions.code(q)
    return code, (jax.numpy.exp(0.5 * q.logvar) if gaussian else code)

  return asking.apply(run, encode, examples, source.key)
