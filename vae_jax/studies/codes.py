"""What codes hold: rebuilt examples, rates of latents, where codes lie, the linear code."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.baselines import pca
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import fidelity, latent
from vae_jax.run import select
from vae_jax.types import Figure

DRAWN = 10  # examples in a figure
LARGE = 200_000  # training examples: of a larger split the linear code sees FITTED of them
FITTED = 10_000  # evenly spaced
CAPTIONS = {
  "chosen": "Originals above what is rebuilt from the code, and from the linear one.",
  "median": "The examples in the middle of the order of distortion: the usual case. The number"
  " is the distortion in nats.",
  "worst": "The examples of the highest distortion. The number is the distortion in nats.",
}


def drawn(outcome: Outcome) -> list[Member]:
  """The members of the figures: the chosen one first, all on the same data."""
  lead = outcome.lead
  others = of_members.spread([m for m in outcome.members if m.part == lead.part])
  return [lead, *(m for m in others if m.number != lead.number)][: of_members.SHOWN]


def rates(members: list[Member], answers: dict[int, Any]) -> list[Figure]:
  """What each latent carries, sorted by the first member's; none without a rate of its own.

  Args:
    members: that are drawn; those with another number of latents than the first are left out.
    answers: of each by its number, with `mean` and `logvar` [N, L].
  """
  alike = [m for m in members if m.run.vae.latents == members[0].run.vae.latents]
  gaussian = lambda vae: vae.family == "gaussian" and vae.standard
  alike = [m for m in alike if m.run.stochastic and gaussian(m.run.vae)]
  if not alike:
    return []
  each = {of_members.title(m, members) or "rate": answers[m.number] for m in alike}
  each = {name: latent.rates(a["mean"], a["logvar"]) for name, a in each.items()}
  order = np.argsort(-next(iter(each.values())))
  data = {"series": {name: values[order] for name, values in each.items()}}
  data |= {"labels": [str(i + 1) for i in order], "x_label": "latent"}
  data["y_label"] = "KL in nats"
  caption = "What each latent carries on average, sorted; a bar at 0 is a latent not used."
  return [Figure("rates", "bars", data, caption)]


def plane(task: Task, members: list[Member], answers: dict[int, Any]) -> list[Figure]:
  """Where the first member with two latents puts the examples; none without one."""
  found = [member for member in members if member.run.vae.latents == 2]
  if not found:
    return []
  spec, z = task.source.spec, answers[found[0].number]["mean"]
  rows = pictures.spread(len(z), 3000)
  labelled = "label" in task.examples and spec.classes
  data = {"points": z[rows], "names": spec.classes, "x_label": "z₁", "y_label": "z₂"}
  data |= {"labels": task.examples["label"][rows] if labelled else None}
  data["title"] = of_members.title(found[0], members)
  caption = "Where the encoder puts the examples; the colour is the class it never saw."
  return [Figure("codes", "scatter", data, caption)]


def rebuilt(
  task: Task,
  members: list[Member],
  answers: dict[int, Any],
  order: np.ndarray,
  further: Callable[[np.ndarray], dict[str, np.ndarray]],
) -> list[Figure]:
  """Originals above what members made of their codes: one of each class, the usual, the worst.

  None of rows of symbols, which the application text writes out: their numbers are no curve.

  Args:
    task: `truth` are the examples as the model has them.
    members: that are drawn; of the last two figures the first one alone.
    answers: of each by its number, with `mean` and `logvar` [N, L].
    order: of each example, what the usual and the worst are told by: nats of the first member.
    further: rows -> what else is drawn below them, by name.
  """
  if task.source.spec.symbols:
    return []
  sorted_rows = np.argsort(order, kind="stable")
  start = max(0, len(order) // 2 - min(DRAWN, len(order)) // 2)
  groups = {
    "chosen": pictures.chosen(task.examples, task.source.spec, DRAWN),
    "median": sorted_rows[start : start + DRAWN],
    "worst": sorted_rows[::-1][:DRAWN],
  }
  every = np.concatenate(list(groups.values()))
  alone = lambda m: select(m.run, m.place)
  codes = {m.number: answers[m.number]["mean"][None, every] for m in members}
  key = task.source.key
  made = {m.number: pictures.decoded(alone(m), codes[m.number], key)[0] for m in members}
  found, at = [], 0
  for name, rows in groups.items():
    images, part = {"original": task.truth[rows]}, slice(at, at + len(rows))
    for member in members if name == "chosen" else members[:1]:
      label = of_members.title(member, members).replace(" · ", "\n") or "rebuilt"
      images[label] = made[member.number][part]
    images |= further(rows)
    above = pictures.names(task.examples, task.source.spec, rows)
    above = above if name == "chosen" else [f"{order[row]:.3g}" for row in rows]
    data = {"images": np.stack(list(images.values())), "rows": [*images], "columns": above}
    data |= pictures.style(task.source.data, task.settings)
    found.append(Figure(name, "pairs", data, CAPTIONS[name]))
    at += len(rows)
  return found


def errors(
  members: list[Member], answers: dict[int, Any], beside: dict[str, np.ndarray]
) -> list[Figure]:
  """The squared error of each example; none where there is nothing beside it.

  Args:
    members: that are drawn.
    answers: of each by its number, with the sums and counts `mse` [N, 2].
    beside: the same of other codes, by name.
  """
  if not beside:
    return []
  found = {of_members.title(m, members) or "model": answers[m.number] for m in members}
  found = {name: answer["mse"] for name, answer in found.items()} | beside
  kept = {name: values[values[:, 1] > 0] for name, values in found.items()}
  data = {"series": {name: values[:, 0] / values[:, 1] for name, values in kept.items()}}
  data |= {"x_label": "squared error", "y_label": "share of examples"}
  caption = "The squared error of each example; further left is nearer to the original."
  return [Figure("errors", "histogram", data, caption)]


def arrays(answers: dict[int, Any]) -> dict[str, np.ndarray]:
  """The codes of every member, "code/3" and "logvar/3" of the member 3, [N, L] each."""
  found = {}
  for number, answer in answers.items():
    found |= {f"code/{number}": answer["mean"], f"logvar/{number}": answer["logvar"]}
  return found


def linear(source: Source) -> pca.Pca:
  """The linear code of as many numbers as any model on this data has, of what is observed."""

  def fit() -> pca.Pca:
    train = source.split("train")
    if len(train["x"]) > LARGE:
      train = source.spread("train", FITTED)
    there = fidelity.all_comparable(source.spec, source.inputs(train), train)
    return pca.fit_seen(*there, max(run.vae.latents for run in source.runs))

  return source.once("linear code", fit)
