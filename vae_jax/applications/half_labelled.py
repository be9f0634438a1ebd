"""Half-labelled learning: what unlabelled examples add to a few labels."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, data
from vae_jax.baselines import few_labels
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inputs import rows
from vae_jax.objectives import semisupervised
from vae_jax.run import Run, select
from vae_jax.studies import amounts
from vae_jax.types import Array, Example, Figure, Hyper, Params, UserError

QUESTION = "What do unlabelled examples add to a few labels?"
SETTINGS = {
  **COMMON,
  "limit": 10_000,
  "tune": 1000,  # labelled validation examples; read only where a sweep has several settings
  "others": 15_000,  # unlabelled rows that LabelSpreading and self-training read
  "labels": 100,  # of a run of M1 whose data marks none, with the draw of them
  "draw": 1,
  "active": 0.1,  # a latent whose code's std is below it is no feature of M1
  "styles": 6,  # rows of the picture of analogies
  "input": "",  # examples of one's own to be told their class: .csv, .npz or a folder of images
}
METRICS = {"error": Metric("Error", "%", -1)}
VARIES = ("draw", "labels")
ON_CODES = {  # the classifiers of M1; the first stands for it
  "M1 + self-trained SVM": few_labels.self_trained_svm,
  "M1 + SVM": few_labels.svm,
  "M1 + kNN": few_labels.nearest_neighbours,
  "M1 + LabelSpreading": few_labels.label_spreading,
}
REFERENCES = (*ON_CODES,)[1:]  # to choose among classifiers would take labels of validation
NOTE = (
  "Error: the share of scored examples whose class is wrong. Draws of the labelled examples are"
  " repetitions, and every baseline reads the labels of the same draw. Baselines and the classifier"
  " of M1 choose their numbers by cross-validation within the labelled examples; where a sweep has"
  " several settings, one is chosen on {tune} labelled validation examples."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses data without labels and a conditional M1."""
  for run in runs:
    if not run.spec.classes or "label" not in run.dataset.splits["train"]:
      raise UserError(
        f"half_labelled needs labels, and {run.dataset.name!r} has none: train on labelled data."
      )
    if not _is_m2(run) and run.vae.given is not None:
      raise UserError(
        "M1 is a model without labels, and this one is conditional on them: train with"
        " config.model.condition=none, or with the objective semisupervised."
      )
  if settings["input"]:
    rows.read(settings["input"], runs[0].spec)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Examples of a split and their class; the condition is the number of labels of this data."""
  examples = source.split(split, limit)
  name = f"{_count(source)} labels"
  return Task(source, split, examples, (name,), truth=examples["label"])


def model(task: Task, run: Run) -> Ask | dict[str, Any]:
  """The class of each example by M2's classifier, or by one on the codes of M1."""
  if _is_m2(run):
    name = "M1 + M2" if run.dataset.name == "features" else "M2"
    return Ask(lambda *given: {name: jnp.argmax(scores(*given))})
  parts = _few(task.source)
  code = lambda part: task.source.posterior(run, part).mean
  every = map(code, (parts["labelled"], parts["others"], task.examples))
  answers: dict[str, list] = {name: [] for name in ON_CODES}
  for few, others, test in zip(*every, strict=True):
    one = few_labels.Few(few, parts["labelled"]["label"], others, 0)
    for name, found in answers.items():
      found.append(ON_CODES[name](one)(test))
  return {name: np.stack(found)[:, None] for name, found in answers.items()}


def scores(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
  """The logits [C] of q(y|x)."""
  del hyper, key
  return semisupervised.logits(params["objective"], example["x"])


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """Classifiers from the same labelled rows, with and without the others."""
  parts = _few(task.source)
  size = task.source.spec.size
  read = lambda part: task.source.inputs(part) if len(part["x"]) else part["x"]
  flat = lambda part: read(part).reshape(len(part["x"]), size)
  code = task.source.run.dataset.name == "features"
  own = (lambda part: part["x"]) if code else flat  # codes: their means, not a draw
  few = few_labels.Few(
    own(parts["labelled"]), parts["labelled"]["label"], own(parts["others"]), 0
  )
  x = own(task.examples)
  ask = lambda fit: lambda c: fit(few)(x)
  return {
    f"M1 + {name}" if code else name: ask(fit) for name, fit in few_labels.METHODS.items()
  }


def score(task: Task, answer: np.ndarray, condition: int) -> dict[str, np.ndarray]:
  """100 where the class is wrong, else 0."""
  del condition
  return {"error": 100.0 * (np.asarray(answer) != task.truth)}


def further(outcome: Outcome) -> Extra:
  """What was read, one style under every class, the features of M1, a user's own examples."""
  findings, arrays, run = [_read(outcome)], {}, outcome.lead.run
  if not _is_m2(run):
    arrays = _features(outcome)
    return Extra(
      findings=[*findings, _written()], arrays=arrays, figures=amounts.curve(outcome)
    )
  findings += _collapsed(outcome)
  if outcome.settings["input"]:
    said, arrays["classes.csv"] = _own(outcome)
    findings.append(said)
  figures = [*amounts.curve(outcome), *_analogies(outcome)]
  return Extra(figures=figures, findings=findings, arrays=arrays)


def _is_m2(run: Run) -> bool:
  return run.config["objective"]["name"] == "semisupervised"


def _count(source: Source) -> int:
  """How many labels are known: of the data; where it marks none all of M2, else the setting."""
  if _is_m2(source.run) and not source.run.config["data"]["labels"]:
    return len(source.data.splits["train"]["label"])
  return source.run.config["data"]["labels"] or source.settings["labels"]


def _few(source: Source) -> dict[str, dict[str, np.ndarray]]:
  """The labelled rows of train, each once, and the others, evenly spaced."""
  train, count = source.split("train"), _count(source)
  if "labelled" in train:
    one = np.flatnonzero(train["labelled"] > 0)[:count]  # the first of its copies
    others = np.flatnonzero(train["labelled"] == 0)
  elif count == len(train["label"]):
    one, others = np.arange(count), np.arange(0)
  else:
    draw, classes = source.settings["draw"], source.spec.classes
    one = data.labelled_rows(train["label"], count, draw, classes)
    others = np.setdiff1d(np.arange(len(train["label"])), one)
  others = others[pictures.spread(len(others), source.settings["others"])]
  take = lambda at: {name: values[at] for name, values in train.items()}
  return {"labelled": take(one), "others": take(others)}


def _read(outcome: Outcome) -> str:
  """Which parameters were scored, and which labels they have seen."""
  what = (
    "the last step: no label chose them"
    if outcome.lead.run.which == "latest"
    else "the least validation loss, in which no label is read (--checkpoint=latest: the last step)"
  )
  known = {}
  for task in outcome.tasks:
    train, count = task.source.data.splits["train"], _count(task.source)
    rest = len(train["x"]) - count
    known[count] = int((train["labelled"] == 0).sum()) if "labelled" in train else rest
  told = [
    f"{few} labels are known, and {rest:,} rows have none" for few, rest in known.items()
  ]
  return f"Parameters of {what}. {'; '.join(told)}."


def _collapsed(outcome: Outcome) -> list[str]:
  """A sentence where a member never says one of the classes."""
  found, classes = [], len(outcome.task.source.spec.classes)
  for result in outcome.results:
    if result.member is not None:
      said = len(np.unique(result.answer))
      if said < classes:
        found.append(f"member {result.member.number} says {said} of {classes} classes only")
  return [f"COLLAPSED classifier: {'; '.join(found)}."] if found else []


def _analogies(outcome: Outcome) -> list[Figure]:
  """The styles of a few test examples under every class, by the member with the most labels."""
  lead = amounts.lead(outcome)
  task = outcome.tasks[lead.part]
  spec, vae = task.source.spec, lead.run.vae
  if not pictures.drawable(spec):
    return []
  at = pictures.spread(len(task.examples["id"]), task.settings["styles"])
  examples = {name: values[at] for name, values in task.examples.items()}

  def of_one(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    said = jnp.argmax(scores(params, hyper, example, key))
    z = vae.given(said).posterior(params, example).mean
    under = jax.vmap(lambda y: vae.given(y).mean(params, z))
    return jnp.concatenate([example["x"][None], under(jnp.arange(len(spec.classes)))])

  images = asking.apply(select(lead.run, lead.place), of_one, examples, outcome.key)[0]
  drawn = {"images": images, "columns": ["example", *spec.classes], "wide_after": [0]}
  drawn |= pictures.style(task.source.data, task.settings)
  caption = "One style in each row: z of the example, decoded under every class."
  return [Figure("analogies", "image_grid", drawn, caption)]


def _features(outcome: Outcome) -> dict[str, np.ndarray]:
  """The codes of every split as files for data.name=features; see `data/features.py`."""
  lead, found = outcome.lead, {}
  source = outcome.tasks[lead.part].source
  one = select(lead.run, lead.place)
  kept = None
  for split in ("train", "valid", "test"):
    examples = source.split(split)
    q = source.posterior(one, examples)
    mean, std = q.mean[0], np.exp(0.5 * q.logvar[0])
    kept = mean.std(0) > outcome.settings["active"] if kept is None else kept
    columns = [mean[:, kept], std[:, kept], examples["label"][:, None]]
    found[f"features_{split}.npy"] = np.concatenate(columns, 1).astype(np.float32)
  return found


def _written() -> str:
  return (
    "The codes are written for M1+M2: train the objective semisupervised with"
    " config.data.name=features and config.data.path=<this run>/reports/half_labelled."
  )


def _own(outcome: Outcome) -> tuple[str, np.ndarray]:
  """A user's own examples with their class and its probability, by a member with most labels."""
  lead, spec = amounts.lead(outcome), outcome.task.source.spec
  mine = rows.read(outcome.settings["input"], spec)
  examples = {
    "x": mine.x,
    "id": np.arange(len(mine.x), dtype=np.int32),
  }
  one = select(lead.run, lead.place)
  plain = one._replace(dataset=one.dataset._replace(transform=None))
  logits = asking.apply(plain, scores, examples, outcome.key)[0]
  p = np.asarray(jax.nn.softmax(logits))
  said = [
    [row, spec.classes[int(best)], f"{chance:.4f}"]
    for row, best, chance in zip(mine.rows, p.argmax(1), p.max(1), strict=True)
  ]
  table = np.array([["row", "class", "probability"], *said])
  return f"The classes of {len(p):,} examples of {mine.name} are in classes.csv.", table
