"""Disentanglement: whether single latents stand for the known factors of the data."""

from typing import Any

import jax
import numpy as np

from vae_jax.applications import (
  _disentanglement_baselines,
  _disentanglement_figures,
  _disentanglement_report,
  _disentanglement_scores,
  _members,
  _pictures,
)
from vae_jax.applications._disentanglement_report import Context
from vae_jax.applications._disentanglement_scores import Member
from vae_jax.metrics import disentanglement, udr
from vae_jax.run import Run, alive
from vae_jax.types import Array, Dataset, Report, UserError

QUESTION = "Do single latents stand for the known factors of the data?"
SETTINGS = {
  "split": "test",
  "limit": 15_000,  # examples that are coded, evenly spaced in the split
  "bins": disentanglement.BINS,  # of a latent's histogram
  "sampled": 1000,  # examples that the MIG without bins compares: the cost is their square
  "votes": 10_000,  # of the FactorVAE and the β-VAE score, to learn from
  "test_votes": 5_000,  # of the same, that are scored
  "batch": 64,  # examples or pairs behind a vote
  "dci": "forest",  # or boosting, the published setting: minutes for one code
  "trees": 10,  # of the forest
  "penalty": udr.PENALTY,  # of UDR's Lasso
  "baselines": "yes",  # "no" leaves them out
  "palette": "magma",  # of grey images
}


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """`compare` of the members of one program.

  Args:
    run: an opened run.
    data: the dataset it was trained on.
    key: of everything that is drawn.
    settings: see SETTINGS.

  Raises:
    UserError: as `compare`.
  """
  return compare([run], data, key, settings)


def compare(runs: list[Run], data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Every disentanglement score of every member, beside codes that were not trained.

  MIG, FactorVAE, β-VAE, SAP, DCI and modularity of the posterior means, on the same batches and
  votes for every member; UDR over the seeds of a setting; PCA, ICA, an untrained encoder, noise
  and the factors themselves in the same table. Dead members have no row, stopped ones have one,
  and neither is in an average.

  Args:
    runs: the programs of one run directory.
    data: the dataset they were trained on, with `spec.factors`.
    key: of everything that is drawn.
    settings: see SETTINGS.

  Raises:
    UserError: data without known factors, an unknown setting or split, or a split in which a
      factor takes one value only.
  """
  settings = _members.resolve(SETTINGS, settings)
  examples = _examples(data, settings)
  living = [alive(run) for run in runs]
  dead = sum(len(run.members) for run in runs) - sum(len(run.members) for run in living)
  seed = int(jax.random.bits(jax.random.fold_in(key, 5)) >> 1)
  members = _disentanglement_scores.measure(living, examples, key, seed, settings)
  baselines, note = {}, ""
  if settings["baselines"] == "yes":
    baselines, note = _disentanglement_baselines.scored(
      living, data, examples, key, seed, settings
    )
  named = [_members.columns(run) for run in living]
  columns = tuple(dict.fromkeys(name for each in named for name in each))
  rows = len(examples["id"])
  c = Context(columns, members, baselines, data.spec.factors, rows, dead, note, settings)
  return Report(
    "disentanglement",
    QUESTION,
    _disentanglement_report.tables(c),
    _disentanglement_figures.figures(c, living, data, examples, key),
    _disentanglement_report.findings(c),
    _arrays(members, examples),
  )


def _examples(data: Dataset, settings: dict[str, Any]) -> dict[str, np.ndarray]:
  """The examples that are coded; what cannot be scored is refused before anything is."""
  if not data.spec.factors:
    raise UserError(
      f"The causes of {data.name} are not known, so no code of it can be scored against them:"
      " train on a dataset with factors, such as sprites."
    )
  if settings["dci"] not in ("forest", "boosting"):
    raise UserError(f"The setting dci is {settings['dci']!r}; expected forest or boosting.")
  if settings["baselines"] not in ("yes", "no"):
    raise UserError(
      f"The setting baselines is {settings['baselines']!r}; expected yes or no."
    )
  examples = _members.split(data, settings["split"])
  rows = _pictures.spread(len(examples["id"]), settings["limit"])
  examples = {name: values[rows] for name, values in examples.items()}
  disentanglement.mutual_information(np.zeros((len(rows), 1)), examples["factors"])
  return examples


def _arrays(
  members: list[Member], examples: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
  """Codes, rates, information and importance of every member by its number, and the factors."""
  found = {"id": examples["id"], "factors": examples["factors"]}
  for member in members:
    tag = f"member{member.number}_"
    found[f"{tag}code"] = member.means.astype(np.float32)
    found[f"{tag}rate"] = member.rates
    found[f"{tag}information"] = member.found.information
    found[f"{tag}importance"] = member.found.importance
  return found
