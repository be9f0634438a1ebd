"""Comparing β: what each setting of a sweep costs and keeps, and whether one is better."""

from typing import Any

import jax

from vae_jax.applications import (
  _beta_pictures,
  _beta_report,
  _beta_scores,
  _beta_settings,
  _beta_verdicts,
  _members,
  _pictures,
)
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Report, UserError

QUESTION = "What does each setting cost and keep, and is one better than another?"
SETTINGS = {
  "split": "test",
  "score": "nll",  # what settings are compared on
  "axis": "",  # the name that the figures are over; empty: beta, or the first that is swept
  "pairs": "",  # values of the axis to compare, "4:2, 8:1"; empty: see the page
  "samples": 50,  # K of the importance-weighted NLL
  "limit": 500,  # test examples it is computed on; everything else is on all
  "chunk": 50,  # of the K samples evaluated at once: memory, not the result
  "codes": 500,  # draws of z that the mutual information is averaged over
  "replicates": 2000,  # of the bootstrap
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
  """Scores of all members, their averages over seeds, and which setting is better.

  Settings are what is swept but the seeds. Averages have 95 % intervals of a two-level
  bootstrap and pairs of settings a paired test with Holm's correction (`metrics.comparison`).
  Members that died or were stopped are scored, listed, and in no average.

  Args:
    runs: the programs of one run directory; members of all of them are compared.
    data: the dataset they were trained on.
    key: of everything that is drawn, the same for every member: they are paired.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting, split, score, axis or pair, a program without a rate, or
      some with a likelihood and some with a loss that is none.
  """
  settings = _members.resolve(SETTINGS, settings)
  _refuse(runs)
  swept = [row for run in runs for row in run.members]
  _beta_settings.check(swept, *(settings[name] for name in ("axis", "score", "pairs")))
  examples = _members.split(data, settings["split"])
  rows = _pictures.spread(len(examples["id"]), settings["limit"])
  members = [
    m for run in runs for m in _beta_scores.measure(run, examples, rows, key, settings)
  ]
  members.sort(key=lambda member: member.number)
  seed = int(jax.random.bits(jax.random.fold_in(key, 2)))
  found = _beta_settings.design(members, settings["axis"], settings["score"], seed)
  replicates = settings["replicates"]
  averages = _beta_settings.averages(found, replicates)
  pairs = _beta_settings.compare(found, settings["pairs"], replicates)
  names, notes = _names(runs), _notes(runs)
  c = _beta_report.Context(members, found, pairs, averages, names, notes, settings)
  pictures = _beta_pictures.arrays(
    runs, members, data, examples, rows, jax.random.fold_in(key, 3), settings["palette"]
  )
  said = _beta_verdicts.findings(found, pairs, averages, names[found.score])
  most = _beta_scores.ceiling(len(examples["id"]))
  return Report(
    "beta_comparison",
    QUESTION,
    _beta_report.tables(c),
    _beta_report.figures(c),
    said + _beta_verdicts.saturated(found, averages, most),
    _beta_report.arrays(c) | pictures,
  )


def _refuse(runs: list[Run]) -> None:
  for run in runs:
    if not run.stochastic:
      raise UserError(
        f"The objective {run.config['objective']['name']} has no rate and no ELBO, so there is"
        f" nothing for beta_comparison to compare: use the application reconstruction."
      )
  if len({run.likelihood.proper for run in runs}) > 1:
    names = ", ".join(sorted({run.likelihood.name for run in runs}))
    raise UserError(
      f"The sweep mixes likelihoods with losses that are none ({names}): their nats do not"
      f" compare; evaluate members of one kind with --member."
    )


def _names(runs: list[Run]) -> dict[str, str]:
  """The scores in words; cross-entropy on grey levels must not be called a likelihood."""
  names = {name: score.label for name, score in _beta_scores.SCORES.items()}
  if runs[0].likelihood.proper:
    return names | {"nll": "nll"}
  return names | {"nll": "iw loss", "elbo": "cross-entropy + KL"}


def _notes(runs: list[Run]) -> list[str]:
  likelihoods = sorted({run.likelihood.name for run in runs})
  notes = [f"Likelihood: {', '.join(likelihoods)}."]
  if not runs[0].likelihood.proper:
    notes.append(
      "On grey levels it is a cross-entropy and no likelihood: compare with runs of the same"
      " loss only."
    )
  if any(run.config["corruption"]["name"] != "none" for run in runs):
    notes.append(
      "The encoder sees corrupted examples in rate, distortion and elbo, as in training, and"
      " clean ones elsewhere."
    )
  return notes
