"""Disentanglement: whether single latents stand for the known factors of the data."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy.stats import spearmanr

from vae_jax import asking
from vae_jax.applications.disentanglement import _report
from vae_jax.baselines import ica, pca
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import settings as of_settings
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Metric, Setting, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import disentanglement, factor_scores, udr
from vae_jax.run import Run, select
from vae_jax.studies import rates, symbols
from vae_jax.types import UserError

QUESTION = "Do single latents stand for the known factors of the data?"
FAMILIES = True  # of posteriors and priors whose codes have latents
SETTINGS = {
  **of_settings.COMMON,
  "limit": 15_000,  # examples that are coded, evenly spaced in the split
  "tune": 5_000,  # of validation, on which settings are chosen
  **factor_scores.SETTINGS,
  "penalty": udr.PENALTY,  # of UDR's Lasso
  "baselines": "yes",  # "no" leaves them out
}
MODEL, ICA, CEILING = "model", "ICA", "true factors"
REFERENCES = (CEILING,)
FITTED = 10_000  # training examples that PCA and ICA are fitted on
COST = "What the code costs"
METRICS = {
  **{name: Metric(title, digits=3) for name, title in factor_scores.TITLES.items()},
  "udr": Metric("UDR", digits=3),
  "udr_lasso": Metric("UDR, Lasso", digits=3),
  "rate": Metric("Rate", "nats", better=0, table=COST),
  "distortion": Metric("Distortion", "nats", better=0, table=COST),
  "elbo": Metric("ELBO, one sample", "nats", better=0, table=COST),
}
NOTE = (
  "Scores are of posterior means, one number a model, and ± is over seeds; seconds include the"
  " scoring. Two thirds of the examples are fitted and a third scored by SAP and DCI; FactorVAE"
  " and β-VAE learn from votes. MIG: by histogram; sampled: under the posteriors, without bins."
  " DCI: disentanglement, completeness, informativeness. UDR needs no factors: it asks whether"
  " the seeds of a setting agree. A setting whose every seed collapsed is in no line: a latent"
  " that hardly moves may still order its examples. PCA and ICA have as many components as the"
  " model has latents; noise knows nothing of x; the true factors are what no code can exceed."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses data without known factors, and too few examples to score a code on."""
  of_settings.one_of(settings, "dci", ("forest", "boosting"))
  of_settings.one_of(settings, "baselines", ("yes", "no"))
  for run in runs:
    if not run.spec.factors:
      raise UserError(
        f"The causes of {run.dataset.name} are not known, so no code of it can be scored against"
        " them: train on a dataset with factors, such as sprites."
      )
    symbols.require_real(run, "disentanglement compares and walks along single latents")
    source = Source(run, settings, None)
    prepare(source, settings["split"], settings["limit"])
    if sum(len(one.members) for one in runs) > 1:
      prepare(source, "valid", settings["tune"])


def prepare(source: Source, split: str, limit: int) -> Task:
  """Examples evenly spaced in the split, and their factors."""
  examples = source.spread(split, limit)
  factors = examples["factors"]
  disentanglement.mutual_information(np.zeros((len(factors), 1)), factors)  # or a refusal
  return Task(source, split, examples, truth=factors)


def model(task: Task, run: Run) -> dict[str, Any]:
  """The codes of every member and all that is said of them, [M, 1, ...] each."""
  q, nats = task.source.posterior(run, task.examples), asking.elbo(run, task.examples)
  (each, carried, logvars), found = rates.informative(run, q), []
  groups = [None if m.ended else m.setting for m in of_members.of([run], [0])]
  agreement = {
    name: udr.of_groups(q.mean, carried, groups, kind, task.settings["penalty"])
    for name, kind in (("udr", "spearman"), ("udr_lasso", "lasso"))
  }
  names = ("rate", "distortion", "elbo") if run.stochastic else ("distortion",)
  for m in range(len(run.members)):
    known = _scored(task, q.mean[m], logvars[m])
    known["scores"] |= {name: values[m] for name, values in agreement.items()}
    known["nats"] = {name: nats[name][m] for name in names}
    found.append({**known, "codes": q.mean[m], "rates": each[m]})
  return {MODEL: jax.tree.map(lambda *leaves: np.stack(leaves)[:, None], *found)}


def _scored(task: Task, codes: np.ndarray, logvars: np.ndarray | None = None) -> dict:
  return factor_scores.of(codes, logvars, task.truth, _seed(task), task.settings)._asdict()


def _seed(task: Task) -> int:
  return int(jax.random.bits(jax.random.fold_in(task.source.key, 5)) >> 1)


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """PCA, ICA, an encoder before its training, noise, and the factors themselves."""
  if task.settings["baselines"] == "no":
    return {}
  from sklearn.preprocessing import scale

  source, seed = task.source, _seed(task)
  latents, first = max(run.vae.latents for run in source.runs), select(source.run, 0)
  known, x = source.inputs(source.spread("train", FITTED)), source.inputs(task.examples)
  fitted = pca.fit(known, latents)
  white = lambda x: pca.encode(fitted, x) / np.maximum(fitted.std, 1e-12)
  begun = first.vae.init(jax.random.fold_in(source.key, 7))
  untrained = first._replace(params=jax.tree.map(lambda leaf: leaf[None], begun))
  codes = {
    "PCA": lambda: white(x),
    ICA: lambda: source.once(ICA, lambda: ica.codes(white(known), white(x)))[0],
    "untrained encoder": lambda: scale(source.posterior(untrained, task.examples)[0][0]),
    "noise": lambda: np.random.default_rng([seed, 1]).standard_normal((len(x), latents)),
    CEILING: lambda: np.asarray(task.truth, float),
  }
  return {name: lambda c, make=make: _scored(task, make()) for name, make in codes.items()}


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """The scores of a code [1] each, and nats [N]; what a code does not have is left out."""
  ones = {k: np.atleast_1d(v) for k, v in answer["scores"].items() if np.isfinite(v)}
  return ones | {k: v for k, v in answer.get("nats", {}).items() if ones}


def grouping(members: list[Member]) -> Callable[[Member, str], Setting | None]:
  """The sweep's own settings, without those of which every seed collapsed."""
  alive = {m.setting for m in members if "COLLAPSED" not in m.active}
  return lambda member, condition: member.setting if member.setting in alive else None


def further(outcome: Outcome) -> Extra:
  """Where each factor is, the winners by each score, heat maps and traversals."""
  found = [*_report.winners(outcome), *_report.between(outcome), *_ranking(outcome)]
  found += rates.single(outcome.members)
  broken = [m for m in outcome.members if m.active == "NaN"]
  if broken:
    named = ", ".join(of_members.title(m, outcome.members) or "the model" for m in broken)
    found.append(f"The codes of {named} hold a NaN; they have no score and no average.")
  if not outcome.task.source.once(ICA, lambda: (None, True))[1]:
    found.append(f"FastICA did not converge in {ica.STEPS} steps.")
  arrays = {"id": outcome.task.examples["id"], "factors": outcome.task.truth}
  for member, answer in _report.answers(outcome):
    tag = f"member{member.number}_"
    own = {"code": answer["codes"].astype(np.float32), "rate": answer["rates"]}
    own |= {name: answer[name] for name in ("information", "importance")}
    arrays |= {f"{tag}{name}": values for name, values in own.items()}
  tables = [_report.places(outcome)]
  return Extra(tables, _report.figures(outcome), found, arrays)


def _ranking(outcome: Outcome) -> list[str]:
  """Whether agreement between seeds would have found the members of high MIG."""
  pairs = [
    (r.scores["mig"][0], r.scores["udr"][0])
    for r in outcome.results
    if "udr" in r.scores and not r.member.ended
  ]
  if len(pairs) < 4 or not np.ptp(pairs, axis=0).all():
    return []
  found = float(spearmanr(*np.transpose(pairs)).statistic)
  return [
    f"UDR, which sees no factor, ranks the {len(pairs)} members with a correlation of"
    f" {found:.2f} to their MIG.".replace("-", "−")
  ]
