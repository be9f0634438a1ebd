"""Seeds and seconds of each setting, and what each of them draws."""

import jax
import numpy as np

from vae_jax.applications.model_comparison import _asked
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.types import Figure, Table

DRAWN = 12


def without_likelihood(outcome: Outcome) -> list[str]:
  """The objectives without an NLL, by name."""
  runs = {m.run.config["objective"]["name"]: m.run for m in outcome.members}
  has = lambda run: run.stochastic and run.likelihood.proper
  return [name for name, run in runs.items() if not has(run)]


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
    run = results[0].member.run
    own = lambda part, run=run: sum(
      leaf[0].size for leaf in jax.tree.leaves(run.params.get(part, {}))
    )
    spread = float(each.std(ddof=1)) if len(each) > 1 else None
    cost = float(run.about.get("seconds", np.nan)) / len(run.members)
    rows.append(
      [
        of_members.name(line.setting), len(results), lost, float(each.mean()), spread,
        own("model"), own("prior"), own("objective"),
        run.config["train"]["steps"], cost,
      ]
    )  # fmt: skip
  columns = ("setting", "seeds", "lost a class", "Fréchet distance", "sd over seeds")
  columns += (
    "parameters",
    "of the prior",
    "of the second player",
    "steps",
    "seconds a member",
  )
  note = (
    f"Of {method}. Lost a class: seeds among whose samples some class has less than"
    f" {100 * _asked.LEAST:g} %. Seeds that diverged are in no row; a sentence names them."
    " Seconds: of training, the members of one program side by side."
  )
  return Table("Stability and cost", columns, rows, note)


def samples(outcome: Outcome, method: str) -> Figure:
  """Samples of the first seed of every setting, from the same codes."""
  firsts: dict[tuple, Member] = {}
  for member in outcome.members:
    firsts.setdefault(member.setting, member)
  named = {
    m.number: of_members.name(m.setting).replace(" · ", "\n") for m in firsts.values()
  }
  found = {
    named[r.member.number]: r.answer["like"][:DRAWN]
    for r in outcome.results
    if r.member is not None and r.method == method and r.member.number in named
  }
  held = outcome.task.truth.x[:DRAWN]
  data = {"images": np.stack([held, *found.values()]), "rows": ["held-out", *found]}
  data |= pictures.style(outcome.task.source.data, outcome.settings)
  caption = (
    "Held-out images above what the first seed of each setting draws from the same codes."
  )
  return Figure("samples", "image_grid", data, caption)
