"""Whole alphabets in one style, blends of two styles, and the training examples nearest by."""

import numpy as np

from vae_jax.applications.style import beside
from vae_jax.applications.style.asked import Asked, judge
from vae_jax.applications.style.writing import shared
from vae_jax.baselines import style_content as classic
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures, reporting
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.inference import walks
from vae_jax.metrics import neighbours, styles
from vae_jax.run import select
from vae_jax.studies import latent_pictures
from vae_jax.types import Figure

ITEMS = 4  # styles that are drawn whole
COLUMNS = 20  # classes of them
STEPS = 8  # of a blend
ROWS = 4  # classes of a blend
WHOLE = 20  # styles that are shown whole


def further(outcome: Outcome) -> Extra:
  """Figures of the lead, what the judges are worth, and new styles apart from new pairs."""
  lead = outcome.lead
  task = outcome.tasks[lead.part]
  apart = _apart(outcome)
  figures = [_alphabets(outcome, lead, task), _blend(outcome, lead, task)]
  figures.append(_neighbours(outcome, lead, task))
  said = [*apart.findings, *_told(task), *_ceiling(outcome, lead, task)]
  return Extra(apart.tables, figures, said)


def lettered(
  outcome: Outcome, lead: Member, found: Asked, classes: list[int]
) -> np.ndarray:
  """Pictures [N, classes, H, W, C] of every class in the style of all that is shown."""
  source = outcome.tasks[lead.part].source
  run = select(lead.run, lead.place)
  z = shared(outcome, lead, source, found)[:, None]
  z = np.broadcast_to(z, (len(z), len(classes), z.shape[-1])).reshape(1, -1, z.shape[-1])
  label = np.tile(np.asarray(classes, np.int32), len(found.x))
  x = latent_pictures.under(source, run, z, label)[0]
  return x.reshape(len(found.x), len(classes), *x.shape[1:])


def _title(outcome: Outcome, lead: Member) -> str:
  return of_members.title(lead, outcome.members)


def _few(task: Task) -> np.ndarray:
  """Rows of a few styles that were not trained on, each once; of examples, a few."""
  found = task.truth
  if found.style is None:
    return pictures.spread(len(found.x), 2 * ITEMS)
  fresh = np.flatnonzero(~found.known)
  fresh = fresh if len(fresh) else np.arange(len(found.x))
  _, first = np.unique(found.style[fresh], return_index=True)
  return fresh[first][:ITEMS]


def take(found: Asked, rows: np.ndarray) -> Asked:
  """The rows alone."""
  part = lambda v: None if v is None else v[rows]
  return found._replace(
    x=found.x[rows], label=found.label[rows], target=found.target[rows],
    style=part(found.style), real=part(found.real), known=part(found.known),
  )  # fmt: skip


def _alphabets(outcome: Outcome, lead: Member, task: Task) -> Figure:
  """Each style in every class; where styles are known the real ones above and a rival below."""
  spec, found = task.source.spec, take(task.truth, _few(task))
  classes = list(pictures.spread(len(spec.classes), COLUMNS))
  ours = lettered(outcome, lead, found, classes)
  look = pictures.style(task.source.data, outcome.settings)
  columns = [spec.classes[c] for c in classes]
  if found.style is None:
    images = np.concatenate([found.x[:, :1], ours], 1)
    names = [spec.classes[c] for c in found.label[:, 0]]
    data = {"rows": names, "columns": ["shown", *columns], "wide_after": (0,)}
    said = "The first picture of each row in every class, its style kept."
    data |= {"images": images, "title": _title(outcome, lead)} | look
    return Figure("alphabets", "image_grid", data, said)
  every, rows, names = beside.bank(task.source), [], []
  shape = ours.shape[2:]
  for at, number in enumerate(found.style):
    shown = classic.Shown(
      np.repeat(found.x[at : at + 1].reshape(1, found.x.shape[1], -1), len(classes), 0),
      np.repeat(found.label[at : at + 1], len(classes), 0), np.asarray(classes),
    )  # fmt: skip
    rival = beside.answer(task.source, shown).reshape(-1, *shape)
    rows += [every.x[number, classes].reshape(-1, *shape), ours[at], rival]
    names += [spec.styles[number], "written", "bilinear"]
  data = {"images": np.stack(rows), "rows": names, "columns": columns}
  said = (
    f"Styles that were not trained on: the real examples, what the model writes after seeing"
    f" {found.x.shape[1]} of them, and what the bilinear model makes of the same ones."
  )
  return Figure(
    "alphabets", "image_grid", data | look | {"title": _title(outcome, lead)}, said
  )


def _blend(outcome: Outcome, lead: Member, task: Task) -> Figure:
  """From one style to another along a straight line in z, in a few classes."""
  spec, rows = task.source.spec, _few(task)
  found = take(task.truth, rows[[0, -1]])
  run = select(lead.run, lead.place)
  ends = shared(outcome, lead, task.source, found)
  z = walks.linear(ends[0], ends[1], STEPS)
  classes = pictures.spread(len(spec.classes), ROWS)
  both = np.tile(z, (len(classes), 1))[None].astype(np.float32)
  x = latent_pictures.under(
    task.source, run, both, np.repeat(classes, STEPS).astype(np.int32)
  )[0]
  data = {"images": x.reshape(len(classes), STEPS, *x.shape[1:])}
  data |= {"rows": [spec.classes[c] for c in classes], "title": _title(outcome, lead)}
  data |= pictures.style(task.source.data, outcome.settings)
  said = "From the first style above to the last one, along a straight line in z."
  return Figure("blend", "image_grid", data, said)


def _neighbours(outcome: Outcome, lead: Member, task: Task) -> Figure:
  """What was written beside the training example that is nearest, so that novelty is seen."""
  spec, source = task.source.spec, task.source
  found = take(task.truth, pictures.spread(len(task.truth.x), 10))
  run = select(lead.run, lead.place)
  z = shared(outcome, lead, source, found)[None].astype(np.float32)
  x = latent_pictures.under(source, run, z, found.target)[0]
  train = np.clip(source.train, 0, 1)
  near = neighbours.nearest(x, train)
  images = [found.x[:, 0], x, train[near.index]]
  names = ["shown", "written", "nearest\nin train"]
  if found.real is not None:
    images.insert(1, found.real)
    names.insert(1, "real")
  data = {"images": np.stack(images), "rows": names}
  apart = near.distance / np.sqrt(x[0].size)
  data["columns"] = [
    f"{spec.classes[c]}, {far:.2f}" for c, far in zip(found.target, apart, strict=True)
  ]
  data |= pictures.style(source.data, outcome.settings)
  said = (
    "The number is the root of the mean squared difference to the nearest training example."
  )
  return Figure("neighbours", "image_grid", data, said)


def _apart(outcome: Outcome) -> Extra:
  """The scores of styles that were not trained on, and of new pairs of styles that were."""
  if outcome.task.truth.style is None or outcome.task.split == "train":
    return Extra()
  groups = {"new styles": False, "new pairs of known styles": True}
  known = [task.truth.known for task in outcome.tasks]
  groups = {k: v for k, v in groups.items() if all((at == v).any() for at in known)}
  if len(groups) < 2:
    return Extra()
  references = outcome.application.references
  methods = {one.method for one in outcome.results if one.member is None} - {*references}
  methods |= set() if outcome.chosen is None else {outcome.chosen.method}
  last, names = outcome.conditions[-1], ("worked", "content", "style")
  results = [
    one._replace(
      condition=name,
      scores={k: one.scores[k][known[one.part] == of] for k in names if k in one.scores},
    )
    for one in outcome.results
    if one.condition == last and one.method in methods
    for name, of in groups.items()
  ]
  metrics = {name: outcome.application.metrics[name] for name in names}
  return reporting.part(outcome, f"With {last}", metrics, tuple(groups), results)


def _told(task: Task) -> list[str]:
  """What the judge is worth on real held-out examples, and what was chosen."""
  source, found = task.source, task.truth
  examples = source.split(task.split)
  x = np.clip(source.inputs(examples), 0, 1)
  right = (judge(source).probabilities(x)[0].argmax(-1) == examples["label"]).mean()
  said = [
    f"On real held-out examples the judge of content is right in {100 * right:.1f} %."
  ]
  if found.style is not None:
    count, ridge = beside.numbers(source)
    said.append(
      f"The bilinear model has {count} numbers a style and a ridge of {ridge:g}, chosen on"
      " validation."
    )
  return said


def _ceiling(outcome: Outcome, lead: Member, task: Task) -> list[str]:
  """How many are of the right style from a code of the whole style: the decoder's own limit."""
  found = task.truth
  if found.style is None or found.known.all():
    return []
  every = beside.bank(task.source)
  fresh = np.unique(found.style[~found.known])
  fresh = fresh[every.seen[fresh].all(1)][:WHOLE]
  if not len(fresh):
    return []
  classes = np.arange(every.x.shape[1], dtype=np.int32)
  label = np.tile(classes, (len(fresh), 1))
  x = every.x[fresh].reshape(*label.shape, *found.x.shape[2:])
  whole = found._replace(x=x, label=label, target=label[:, 0], style=fresh)
  written = lettered(outcome, lead, whole, list(classes))
  written = written.reshape(label.size, *written.shape[2:])
  right = styles.style_read(written, label.ravel(), every) == np.repeat(fresh, len(classes))
  return [
    f"From the code of all {len(classes)} examples of a style, those that are asked for among"
    f" them, {100 * right.mean():.1f} % are of the right style ({len(fresh)} styles that were"
    " not trained on): what this decoder can write."
  ]
