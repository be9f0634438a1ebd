"""The disentanglement scores of a sweep as tables and sentences."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from vae_jax.applications import _members
from vae_jax.applications._disentanglement_baselines import CEILING
from vae_jax.applications._disentanglement_scores import (
  LABELS,
  UDR,
  Member,
  Scored,
  settings_of,
)
from vae_jax.metrics import latent
from vae_jax.training import sweep
from vae_jax.types import Factor, Table

COMPARED = ("mig", "factor", "beta", "sap", "d")  # scores that a winner is named by


class Context(NamedTuple):
  """What the tables, figures and sentences are made of."""

  columns: tuple[str, ...]  # that name a member
  members: list[Member]
  baselines: dict[str, Scored]
  factors: tuple[Factor, ...]
  rows: int  # N
  dead: int  # members that are not among these
  note: str  # on the baselines
  settings: dict[str, Any]


def tables(c: Context) -> list[Table]:
  """Every member's scores, their means over seeds, the nats, and where each factor is."""
  first = [_scores(c), _nats(c)]
  seeds = [
    _members.across_seeds(table, len(c.columns)) for table in _ended_left_out(c, first)
  ]
  return [first[0], *(t for t in seeds[:1] if t), first[1], _places(c)]


def _ended_left_out(c: Context, found: list[Table]) -> list[Table]:
  """The tables without members that were stopped: those are in no average."""
  stopped = [[m.row.get(name) for name in c.columns] for m in c.members if m.ended]
  keys = len(c.columns)
  return [
    t._replace(rows=[row for row in t.rows if row[:keys] not in stopped]) for t in found
  ]


def _named(c: Context, member: Member) -> list[Any]:
  return [member.row.get(name) for name in c.columns]


def _scores(c: Context) -> Table:
  several = any(name in m.found.scores for m in c.members for name in UDR)
  names = {**LABELS, **(UDR if several else {})}
  shown = lambda scores: [_cell(scores.get(name)) for name in names]
  rows = [
    [*_named(c, m), "model", latent.verdict(m.means), *shown(m.found.scores)]
    for m in c.members
  ]
  blanks = [None] * len(c.columns)
  rows += [
    [*blanks, name, None, *shown({k: v for k, v in found.scores.items() if k in names})]
    for name, found in c.baselines.items()
  ]
  s = c.settings
  kind = {"forest": f"a forest of {s['trees']} trees", "boosting": "gradient boosting"}
  note = (
    f"On the posterior means of {c.rows:,} examples of {s['split']}; higher is better. Two"
    " thirds of them are fitted and a third scored by SAP and DCI; votes of FactorVAE and β-VAE:"
    f" {s['votes']:,} to learn, {s['test_votes']:,} scored, of {s['batch']} each. MIG: histogram"
    f" of {s['bins']} bins; sampled: under the posteriors, without bins, on {s['sampled']} of the"
    f" examples. DCI by {kind[s['dci']]}: disentanglement, completeness, informativeness."
    " UDR needs no factors: it asks whether the seeds of a setting agree."
    f" active: latents with Var(E[z|x]) > {latent.THRESHOLD}. {c.note}"
  )
  return Table(
    "Disentanglement", (*c.columns, "code", "active", *names.values()), rows, note
  )


def _cell(value: float | None) -> float | None:
  return None if value is None or np.isnan(value) else float(value)


def _nats(c: Context) -> Table:
  names = [n for n in ("rate", "distortion", "elbo") if any(n in m.elbo for m in c.members)]
  rows = [
    [*_named(c, m), latent.verdict(m.means), *(_cell(m.elbo.get(name)) for name in names)]
    for m in c.members
  ]
  note = (
    "Nats per example at β = 1, one sample of z. A score chosen by is no score of a test."
  )
  return Table("What the code costs", (*c.columns, "active", *names), rows, note)


def _places(c: Context) -> Table:
  """For each member and factor the latent that knows most of it."""
  rows = []
  for m in c.members:
    known = m.found.information
    if not np.isfinite(known).all():
      continue
    for f, factor in enumerate(c.factors):
      order = np.argsort(-known[:, f])
      best = int(order[0])
      second = float(known[order[1], f]) if len(order) > 1 else 0.0
      row = [*_named(c, m), latent.verdict(m.means), factor.name, len(factor.values)]
      row += [best + 1, float(known[best, f]), second, float(m.found.accuracy[f])]
      rows.append(row)
  columns = (*c.columns, "active", "factor", "values", "latent", "knows", "second knows")
  note = (
    "latent: the one with the most information on the factor, in shares of the factor's entropy;"
    " the MIG is the mean of the gaps to the second. accuracy: of DCI's classifier, from all"
    " latents, on examples held out."
  )
  return Table("Where each factor is", (*columns, "accuracy"), rows, note)


def findings(c: Context) -> list[str]:
  """Who is ahead by each score, what the seeds do to it, and every caution."""
  groups = settings_of(c.members)
  # A latent that hardly moves may still order its examples: no score of a collapsed code wins.
  alive = {k: g for k, g in groups.items() if not all(map(collapsed, g))}
  found = []
  if alive:
    found += [_winner(alive), *_against(c, alive)]
  if groups:
    found += [*_spread(groups), *_udr(groups)]
  flat = [m.title or "the model" for m in c.members if collapsed(m)]
  if flat:
    found.append(
      f"COLLAPSED: no latent is active in {', '.join(flat)}; its scores say nothing of a code."
    )
  broken = sum(not np.isfinite(m.means).all() for m in c.members)
  if broken:
    found.append(f"The codes of {broken} members hold a NaN; they have no score.")
  stopped = sum(bool(m.ended) for m in c.members)
  if stopped or c.dead:
    found.append(
      f"{c.dead} of {len(c.members) + c.dead} members are dead and have no row, {stopped} were"
      " stopped before their end: neither is in an average."
    )
  return found


def collapsed(member: Member) -> bool:
  """Whether no latent of the member is active."""
  return bool(np.isfinite(member.means).all()) and latent.collapsed(member.means)


def values(group: list[Member], name: str) -> np.ndarray:
  """One score of the members of a setting."""
  return np.array([m.found.scores.get(name, np.nan) for m in group])


def name_of(group: list[Member]) -> str:
  """A setting in words: what its members share."""
  first = group[0]
  parts = first.title.split(" · ")
  parts = [part for part in parts if part.split(" ")[0] not in sweep.SEEDS]
  return " · ".join(parts) or "the model"


def _median(group: list[Member], name: str) -> float:
  return float(np.median(values(group, name)))


def _winner(groups: dict[tuple, list[Member]]) -> str:
  best = max(groups.values(), key=lambda group: _median(group, "mig"))
  mig = values(best, "mig")
  over = (
    f"median {np.median(mig):.2f} over {len(mig)} seeds, {mig.min():.2f} to {mig.max():.2f}"
    if len(mig) > 1
    else f"{mig[0]:.2f}, one seed"
  )
  others = {
    LABELS[name]: name_of(max(groups.values(), key=lambda g: _median(g, name)))
    for name in COMPARED[1:]
  }
  if len(groups) == 1:
    return f"The MIG of {name_of(best)} is {over}."
  agreeing = [label for label, who in others.items() if who == name_of(best)]
  rest = [
    f"{label} prefers {who}" for label, who in others.items() if label not in agreeing
  ]
  also = f" {', '.join(agreeing)} agree{'s' * (len(agreeing) == 1)}" if agreeing else ""
  join = f"{also}; {', '.join(rest)}" if also and rest else also or f" {', '.join(rest)}"
  return f"By MIG {name_of(best)} is the best setting ({over}).{join}."


def _against(c: Context, groups: dict[tuple, list[Member]]) -> list[str]:
  """Each score of the best setting beside the best code without training."""
  rivals = {k: v.scores for k, v in c.baselines.items() if k != CEILING}
  if not rivals:
    return []
  wins, losses = [], []
  for name in COMPARED:
    ours = max(_median(group, name) for group in groups.values())
    who = max(rivals, key=lambda rival: rivals[rival][name])
    theirs = rivals[who][name]
    text = f"{LABELS[name]} {ours:.2f} against {theirs:.2f} ({who})"
    (wins if ours > theirs else losses).append(text)
  found = []
  if wins:
    found.append(f"Ahead of every code without training: {', '.join(wins)}.")
  if losses:
    found.append(f"A code without training wins: {', '.join(losses)}.")
  if found and len(groups) > 1:
    found[-1] = (
      f"{found[-1][:-1]}; each by the setting with the highest median of that score."
    )
  return found


def _spread(groups: dict[tuple, list[Member]]) -> list[str]:
  """How much of the MIG is the seed's and how much the setting's."""
  several = [group for group in groups.values() if len(group) > 1]
  if not several:
    return ["One seed a setting: how far a score is luck cannot be said."]
  within = float(np.mean([np.ptp(values(group, "mig")) for group in several]))
  widest = max(several, key=lambda group: np.ptp(values(group, "mig")))
  mig = values(widest, "mig")
  text = (
    f"Between seeds of one setting the MIG spreads by {within:.2f} on average, most for"
    f" {name_of(widest)} ({mig.min():.2f} to {mig.max():.2f})"
  )
  if len(groups) < 2:
    return [text + "."]
  between = float(np.ptp([_median(group, "mig") for group in groups.values()]))
  verdict = "less than" if within < between else "as much as"
  return [f"{text}, {verdict} between the medians of settings ({between:.2f})."]


def _udr(groups: dict[tuple, list[Member]]) -> list[str]:
  """Whether agreement between seeds would have found the members of high MIG."""
  ranked = [m for group in groups.values() for m in group if "udr" in m.found.scores]
  if len(ranked) < 4:
    return []
  mig, agreement = values(ranked, "mig"), values(ranked, "udr")
  if not (np.ptp(mig) and np.ptp(agreement)):
    return []
  found = float(spearmanr(mig, agreement).statistic)
  return [
    f"UDR, which sees no factor, ranks the {len(ranked)} members with a correlation of"
    f" {found:.2f} to their MIG.".replace("-", "−")
  ]
