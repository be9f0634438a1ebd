"""Bytes and error against the number of latents, with principal components beside them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.applications.compression import _lossy
from vae_jax.baselines import pca
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import image
from vae_jax.types import Figure, Table

LOSS = 1.02  # how much more error the rounding of a code may bring
FINEST = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # steps; tried from the last one on


def sizes(source: Source) -> list[int]:
  """The numbers of latents of the programs on this data."""
  most = min(source.spec.size, len(source.train))
  return sorted({min(run.vae.latents, most) for run in source.runs})


def linear(task: Task, size: int) -> Callable[[int], Any]:
  """The squared error of the best linear code of so many numbers."""
  fitted = _lossy.components(task.source, size)
  return lambda c: {"mse": image.squared_error(task.truth, pca.rebuild(fitted, task.truth))}


def against_pca(outcome: Outcome) -> Extra:
  """Each number of latents: what a code holds, what it takes in a file, and its error."""
  task, found = outcome.tasks[outcome.lead.part], {}
  for member in outcome.members:
    if member.part == outcome.lead.part and _lossy.can_quantise(member):
      key = member.run.vae.latents, _beta(member) == _beta(outcome.lead)
      found.setdefault(key, member)
  members = {latents: m for (latents, same), m in sorted(found.items()) if same}
  if not members:
    return Extra()
  rows = [_row(outcome, task, latents, member) for latents, member in members.items()]
  columns = (
    "latents", "active", "information in z, bytes", "coded bytes", "mse", "PCA, coded bytes",
    "PCA, mse",
  )  # fmt: skip
  note = (
    "One member for each number of latents. Information: the KL divergence. Coded bytes: posterior"
    " means (PCA: components) rounded to the coarsest steps with at most 2 % more error, and"
    " entropy-coded with code lengths from train. Squared error of what these decode to."
  )
  table = Table("Size of the code", columns, rows, note)
  figures = [_figure(rows)] if len(rows) > 1 else []
  return Extra([table], figures, [_said(outcome, task, rows)])


def _beta(member: Member) -> Any:
  return member.row.get("beta")


def _row(outcome: Outcome, task: Task, latents: int, member: Member) -> list:
  ours = [r for r in outcome.results if r.member and r.member.number == member.number]
  held = float(ours[0].scores["latent"].mean())
  learned = _coarsest(_lossy.learned(task, member), task)
  size = min(latents, task.source.spec.size)
  components = _coarsest(_lossy.linear(task.source, size), task)
  return [latents, member.active, held, *learned, *components]


def _coarsest(codec: _lossy.Codec, task: Task) -> tuple[float, float]:
  """Bytes and error in the coarsest steps that cost hardly any error."""
  codes = codec.encode(task.examples)
  exact = float(image.squared_error(task.truth, codec.decode(codes)).mean())
  for step in reversed(FINEST):
    bits, error = _lossy.point(codec, codes, step, task.truth)
    if error <= LOSS * exact or step == FINEST[0]:
      break
  return bits / 8, error


def _figure(rows: list[list]) -> Figure:
  curve = lambda size, error, style: {
    "x": [row[size] for row in rows],
    "y": [row[error] for row in rows],
    "style": style,
  }
  series = {"VAE": curve(3, 4, "solid"), "PCA": curve(5, 6, "dashed")}
  data = {"series": series, "x_label": "coded bytes an example", "y_label": "squared error",
          "log": "xy"}  # fmt: skip
  caption = (
    f"Error against coded bytes, a point for {', '.join(str(r[0]) for r in rows)} latents."
  )
  return Figure("latent_sizes", "lines", data, caption)


def _said(outcome: Outcome, task: Task, rows: list[list]) -> str:
  """What share of an example a code is, counted in numbers, in floats and in a file."""
  row = next((r for r in rows if r[0] == outcome.lead.run.vae.latents), rows[0])
  spec, likelihood = task.source.spec, outcome.lead.run.likelihood
  levels = likelihood.symbols or (2 if spec.domain == "binary" else 256)
  whole = spec.size * np.log2(levels) / 8
  share = lambda size: f"{100 * size / whole:.1f} %"
  return (
    f"A code of {row[0]} numbers has {100 * row[0] / spec.size:.1f} % as many numbers as an"
    f" example. As 32-bit floats it takes {4 * row[0]} of the example's {whole:.0f} bytes,"
    f" {share(4 * row[0])}; in a file it takes {row[3]:.1f} bytes, {share(row[3])}; and z tells"
    f" {row[2]:.1f} bytes, {share(row[2])}."
  )
