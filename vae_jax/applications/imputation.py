"""Imputation: how well missing entries of a table are filled in, and how sure one may be."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_jax import asking
from vae_jax.baselines import downstream, em_gaussian
from vae_jax.baselines import table_imputation as classic
from vae_jax.columns import columns_of, natural
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON, one_of
from vae_jax.evaluation.source import Source
from vae_jax.inference.rows import LAPLACE, MAP, METHODS, impute
from vae_jax.metrics import imputation as metrics
from vae_jax.metrics.summary import ratio
from vae_jax.run import Run
from vae_jax.studies import filled_tables, symbols
from vae_jax.types import Column, UserError

QUESTION = "How well are missing entries filled in, and how sure may one be of them?"
SETTINGS = {
  **COMMON,
  "limit": 1_000_000,  # rows that are filled in: the first ones
  "samples": 1000,  # L, weighted draws of z behind a conditional mean
  "imputations": 50,  # draws of a row behind an interval
  "steps": 100,  # of latent_map
  "rate": 0.05,  # latent_map's first step size
  "neighbours": 50,  # of kNN at most
  "rounds": 20,  # of MICE at most
  "trees": 50,  # of the forest
  "forest_rounds": 6,  # at most
  "forest": "yes",  # "no" leaves the slowest baseline out
  "batch": 100,  # rows at once: memory, not the result
}
VARIES = ("mask_seed",)
FAMILIES = True  # points of the whole space are searched under any prior
CONTRASTS = ((MAP, LAPLACE),)
WHOLE = "nothing missing"
REFERENCES = (WHOLE,)
METRICS = {
  "mse": Metric("Squared error", "", -1, 3, ratio),
  "wrong": Metric("Wrong categories", "", -1, 3, ratio),
  "shift": Metric("Shift of ordinals", "", -1, 3, ratio),
  "crps": Metric("CRPS", "", -1, 3, ratio),
  "covered": Metric("in 90 % interval", "", 0, 3, ratio),
  "accuracy": Metric("Accuracy of a model of the label", "", 1, 3),
}
NOTE = (
  "Means over hidden entries, intervals over rows and masks. Squared error and CRPS: of numeric"
  " columns, each divided by the standard deviation of its observed training entries, so that the"
  " mean scores about 1. Shift: the distance of ordinals over the number of levels less one. CRPS:"
  " of {imputations} draws, of a method without draws its absolute error. Importance: the"
  " conditional mean over {samples} weighted draws. Accuracy: of a logistic regression of the label"
  " on the completed rows, five folds. Baselines learn from the observed entries of train, valid"
  " and the rows themselves, with a category as V columns of 0 and 1. The model's method is chosen"
  " on hidden entries of the first {tune} validation rows, which a test split that is the whole"
  " table has too; so are kNN's neighbours, MICE's rounds, the forest's rounds and its leaves."
)
FIELDS = ("observed", "hidden", "truth")


class Rows(NamedTuple):
  """The rows that are filled in, and what baselines learn from."""

  columns: tuple[Column, ...]
  scale: metrics.Scale
  observed: np.ndarray  # [N, D] bool
  hidden: np.ndarray  # [N, D] bool: taken out, and the answer is known
  # What baselines learn from and what they fill in, NaN where missing:
  wide: tuple[np.ndarray, np.ndarray]  # [P, E] and [N, E], see `widen`
  stored: tuple[np.ndarray, np.ndarray]  # [P, D] and [N, D], as the model has them


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no table with entries missing."""
  one_of(settings, "forest", ("yes", "no"))
  for run in runs:
    fields, name = run.dataset.splits["train"], run.dataset.name
    if run.spec.kind != "table" or any(field not in fields for field in FIELDS):
      raise UserError(
        f"imputation needs a table with the fields {', '.join(FIELDS)}, and {name!r} is of kind"
        f" {run.spec.kind!r} with {', '.join(fields)}: train on data.name=tables."
      )
    if fields["observed"].all():
      raise UserError(f"Nothing is missing in {name!r}: raise data.rate above 0.")
    symbols.require_real(run, "imputation searches for the code by its gradient")


def prepare(source: Source, split: str, limit: int) -> Task:
  """The rows of a split, the scale of scores, and what baselines see."""
  examples, columns = source.split(split, limit), columns_of(source.spec)
  train, valid = source.split("train"), source.split("valid")
  scale = metrics.scale(columns, natural(columns, train["x"]), train["observed"])
  learnt = np.concatenate([train["row"], valid["row"]])
  new = ~np.isin(examples["row"], learnt)  # none where the split is the whole table
  parts = [train, valid, {name: values[new] for name, values in examples.items()}]
  known = zip(*(classic.given(columns, scale, part) for part in parts), strict=True)
  rows = classic.given(columns, scale, examples)
  wide, stored = zip(map(np.concatenate, known), rows, strict=True)
  own = Rows(columns, scale, examples["observed"], examples["hidden"], wide, stored)
  return Task(source, split, examples, truth=natural(columns, examples["truth"]), own=own)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Every row filled in by the four methods of `rows.impute`, as the file's numbers."""
  settings, columns = task.settings, task.own.columns
  fill = lambda params, hyper, *rest: impute(run.vae, params, *rest, settings)
  seen = {name: task.examples[name] for name in ("x", "observed", "id")}
  found = asking.apply(run, fill, seen, task.source.key, settings["batch"])
  answers = {}
  for name in METHODS:
    point, draws = (natural(columns, part) for part in found[name])
    pairs = zip(point, draws, strict=True)
    settled = np.stack([metrics.settle(columns, *pair) for pair in pairs])
    answers[name] = {"point": settled[:, None], "draws": draws[:, None]}
  return answers


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """All fitted on what is observed of train, valid and the rows themselves."""
  own, seed = task.own, task.source.run.config["data"]["mask_seed"]
  narrow = lambda x: classic.narrow(own.columns, own.scale, x)
  found: dict[str, Callable[[int], Any]] = {
    name: lambda c, each=(name, fills): {"point": narrow(_tuned(task, *each)(*own.wide))}
    for name, fills in classic.candidates(task.settings, seed).items()
  }
  gaussian = lambda both, file: em_gaussian.answer(
    *both, task.settings["imputations"], np.random.default_rng([seed, 1]), file
  )
  found["EM Gaussian"] = lambda c: gaussian(own.wide, narrow)
  kinds = {column.kind for column in own.columns}
  if "positive" in kinds and kinds <= {"real", "positive"}:
    # The model sees logarithms: so does a Gaussian, or the comparison would flatter it.
    file = lambda x: natural(own.columns, x)  # of a logarithm: its median, not its mean
    found["EM Gaussian on logs"] = lambda c: gaussian(own.stored, file)
  if (own.observed | own.hidden).all() and "label" in task.examples:
    found[WHOLE] = lambda c: {"whole": task.truth}  # the ceiling of the accuracy
  return found


def _tuned(task: Task, name: str, candidates: list[Callable]) -> Callable:
  """An imputation with the numbers of least squared error on validation's hidden entries."""

  def choose() -> Callable:
    valid = prepare(task.source, "valid", task.settings["tune"])
    own = valid.own
    if len(candidates) == 1 or not own.hidden.any():
      return candidates[-1]

    def error(fill: Callable) -> float:
      point = classic.narrow(own.columns, own.scale, fill(*own.wide))
      scores = score(valid, {"point": point}, 0)
      return ratio(next(scores[k] for k in ("mse", "wrong", "shift") if k in scores))

    return min(candidates, key=error)

  return task.source.once(f"tuned {name}", choose)


def completed(task: Task, answer: Any) -> np.ndarray:
  """The rows [N, D] with what is observed kept, and the rest filled in."""
  return np.where(task.own.observed, task.truth, answer["point"])


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Scores over the hidden entries of each row, and one accuracy of all rows."""
  if "whole" in answer:
    return _accuracy(task, answer["whole"])
  own, full = task.own, completed(task, answer)
  scored = task.truth, full, own.hidden, answer.get("draws")
  found = metrics.scores(own.columns, own.scale, *scored)
  if task.split == task.settings["split"]:
    found |= _accuracy(task, full)
  return found


def _accuracy(task: Task, rows: np.ndarray) -> dict[str, np.ndarray]:
  if "label" not in task.examples or not np.isfinite(rows).all():
    return {}
  wide = classic.widen(task.own.columns, task.own.scale, rows)
  return {"accuracy": np.array([downstream.accuracy(wide, task.examples["label"])])}


def further(outcome: Outcome) -> Extra:
  """The completed rows, errors by method and column, and whether intervals hold."""
  lead, files = outcome.lead, _written(outcome)
  task = outcome.tasks[lead.part]
  said = [f"The completed rows are in {', '.join(files)}, beside this report."]
  if any(_is_linear(run) for run in outcome.runs):
    said.append(
      "The decoder is linear (model.decoder is empty): the model is a factor analysis whose"
      " encoder is a network, and no more than that."
    )
  if not task.own.hidden.any():
    said.insert(0, "No answer is known here: entries are filled in and nothing is scored.")
  mine = [r for r in outcome.results if r.part == lead.part and "point" in r.answer]
  mine = [r for r in mine if r.member is None or r.member.number == lead.number]
  lost = sum(int(np.isnan(completed(task, r.answer)).any(1).sum()) for r in mine)
  said += [f"{lost:,} completed rows hold a NaN; they count."] if lost else []
  drawn = outcome.chosen and "mse" in mine[0].scores
  figures = filled_tables.figures(outcome, task, mine, completed) if drawn else []
  return Extra((), figures, [*_sure(outcome), *said], files)


def _is_linear(run: Run) -> bool:
  model = run.config["model"]
  return model["name"] == "linear" or (model["name"] == "table" and not model["decoder"])


def _written(outcome: Outcome) -> dict[str, np.ndarray]:
  """Each mask's rows as the chosen line fills them in; without a choice, the last method."""
  chosen = outcome.chosen or next(x for x in outcome.ours if x.method == METHODS[-1])
  firsts = {result.part: result for result in reversed(chosen.cells[""])}
  found = {}
  for part, result in sorted(firsts.items()):
    task = outcome.tasks[part]
    known, rows = task.own.observed | task.own.hidden, completed(task, result.answer)
    # A table with holes of its own keeps every value it has; another shows what was filled in.
    rows = np.where(known & ~known.all(), task.truth, rows)
    name = f"program{part}_completed.csv" if len(firsts) > 1 else "completed.csv"
    found[name] = filled_tables.as_the_file(task, rows, known)
  return found


def _sure(outcome: Outcome) -> list[str]:
  """Whether the intervals of the chosen line hold, beside the baseline's of the best CRPS."""
  of = lambda line, name: of_results.mean(line, name, METRICS[name], "")
  lines = [outcome.chosen] if outcome.chosen else []
  lines += sorted(outcome.baselines, key=lambda line: of(line, "crps"))
  lines = [line for line in lines if of_results.has(line, "covered")][:2]
  said = "{:.1%} of those of {} (CRPS {:.3f})".format
  told = [said(of(line, "covered"), line.method, of(line, "crps")) for line in lines]
  hold = f"The {100 * metrics.LEVEL:.0f} % intervals hold the hidden value: "
  return [f"{hold}{', '.join(told)}."] if told else []
