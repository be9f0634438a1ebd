"""Seeds and seconds of each setting, and what each of them draws."""

import jax
import numpy as np

from vae_jax.applications.model_comparison import _asked, _tuning
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Metric
from vae_jax.evaluation.results import Line
from vae_jax.types import Figure, Table

DRAWN = 12
ONCE, SEARCH, PROBE = "encode and decode", "search for z", "linear probe"
TRAIN, PCA, PCA_MIXTURE = "train (floor)", "PCA", "PCA + mixture"
MIDDLE, FADE = "midpoints", "cross-fade of pixels"
CELLS = (  # of the table of contestants: a title, a metric and the method that it is of
  ("Fréchet, prior", "frechet", _asked.PRIOR),
  ("Fréchet, mixture", "frechet", _asked.MIXTURE),
  ("Fréchet, midpoints", "frechet", MIDDLE),
  ("recall, prior", "recall", _asked.PRIOR),
  ("sharpness, prior", "sharpness", _asked.PRIOR),
  ("squared error", "mse", ONCE),
  ("search for z", "mse", SEARCH),
  ("probe, %", "probe", PROBE),
  ("NLL, nats", "nll", ONCE),
)
BASELINES = {  # their rows there, and which of them stands for which method
  "PCA (and a mixture)": {_asked.MIXTURE: PCA_MIXTURE, ONCE: PCA, PROBE: PCA},
  "as many of train": {_asked.PRIOR: TRAIN},
  FADE: {MIDDLE: FADE},
}


def without_likelihood(outcome: Outcome) -> list[str]:
  """The objectives without an NLL, by name."""
  runs = {m.run.config["objective"]["name"]: m.run for m in outcome.members}
  has = lambda run: run.stochastic and run.likelihood.proper
  return [name for name, run in runs.items() if not has(run)]


def side_by_side(outcome: Outcome) -> Table:
  """A row for each contestant, with the few numbers that say what it is good at."""
  metrics, budgets = outcome.application.metrics, len(_tuning.BUDGET)
  groups: dict[tuple, dict[str, Line]] = {}
  for line in outcome.lines:
    if line.setting is not None:
      first = next(iter(line.cells.values()))[0].member
      name = _tuning.contestant(line.setting), *_tuning.budget(first)
      groups.setdefault(name, {})[line.method] = line
  known = {line.method: line for line in outcome.lines if line.setting is None}
  for name, stands in BASELINES.items():
    found = {method: known[own] for method, own in stands.items() if own in known}
    groups[name, *[None] * budgets] = found
  rows = [[*name, *_cells(of_method, metrics)] for name, of_method in groups.items()]
  columns = ["contestant", "learning rate", "steps"]
  marks, ours = [], len(rows) - len(BASELINES)
  for title, metric, method in CELLS:
    columns += [title, f"± {title}"]
    at, better = len(columns) - 2, metrics[metric].better
    scored = [
      (better * row[at], i) for i, row in enumerate(rows[:ours]) if row[at] is not None
    ]
    alike = method != MIDDLE  # those of a GAN are of its own draws: another task
    marks += [(max(scored)[1], at)] if better and scored and alike else []
  note = (
    "Prior, mixture: what was sampled from. Midpoints: half way between the codes of two held-out"
    " images, of a GAN between two draws. The best contestant of a column is bold. ± is the"
    " half width of 95 % intervals over seeds and examples; a dash: it has no such score."
  )
  return Table("Contestants side by side", tuple(columns), rows, note, marks)


def _cells(of_method: dict[str, Line], metrics: dict[str, Metric]) -> list[float | None]:
  """The means and half widths of CELLS; None of what a contestant does not have."""
  cells = []
  for _, name, method in CELLS:
    line = of_method.get(method)
    found = line and of_results.interval(line, name, metrics[name], "")
    finite = found is not None and np.isfinite(found.mean)
    cells += (
      [found.mean, found.half if np.isfinite(found.half) else None]
      if finite
      else [None, None]
    )
  return cells


def stability(outcome: Outcome, method: str) -> Table:
  """Of every setting: seeds, those that lost a class, the spread of the distance, the cost."""
  lines = [line for line in outcome.lines if line.setting and line.method == method]
  count = len(outcome.task.source.spec.classes)
  rows = []
  for line in lines:
    results = line.cells[""]
    values = of_results.values(line, "frechet", "")
    each = values.mean(1) if values is not None else np.full(len(results), np.nan)
    lost = sum(_asked.classes(r.scores["classes"]) < count for r in results)
    first = results[0].member
    run, (rate, steps) = first.run, _tuning.budget(first)
    own = lambda part, run=run: sum(
      leaf[0].size for leaf in jax.tree.leaves(run.params.get(part, {}))
    )
    spread = float(each.std(ddof=1)) if len(each) > 1 else None
    cost = run.about["seconds_a_member"]
    rows.append(
      [
        _tuning.contestant(line.setting), rate, len(results), lost, float(each.mean()),
        spread, own("model"), own("prior"), own("objective"),
        steps, cost,
      ]
    )  # fmt: skip
  columns = ("contestant", "learning rate", "seeds", "lost a class", "Fréchet distance")
  columns += ("sd over seeds", "parameters", "of the prior", "of the second player")
  columns += ("steps", "seconds a member")
  note = (
    f"Of {method}. Lost a class: seeds among whose samples some class has less than"
    f" {100 * _asked.LEAST:g} %. Seeds that diverged are in no row; a sentence names them."
    " Seconds: of training, the members of one program side by side."
  )
  return Table("Stability and cost", columns, rows, note)


def samples(outcome: Outcome, name: str, method: str) -> Figure:
  """Samples of the first seed of every contestant that has them, below held-out images."""
  firsts: dict[tuple, Member] = {}
  for member in outcome.members:
    firsts.setdefault(member.setting, member)
  called = _tuning.contestant
  if len(set(map(called, firsts))) < len(firsts):  # several learning rates of one
    called = of_members.name
  named = {m.number: called(m.setting).replace(" · ", "\n") for m in firsts.values()}
  found = {
    named[r.member.number]: r.answer["like"][:DRAWN]
    for r in outcome.results
    if r.member is not None and r.method == method and r.member.number in named
  }
  held = outcome.task.truth.x[:DRAWN]
  data = {"images": np.stack([held, *found.values()]), "rows": ["held-out", *found]}
  data |= pictures.style(outcome.task.source.data, outcome.settings)
  caption = f"Held-out images above {method} of the first seed of each contestant."
  return Figure(name, "image_grid", data, caption)
