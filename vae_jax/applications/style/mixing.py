"""From one class to another at a fixed style, the same along z, and samples of each class."""

import jax
import numpy as np

from vae_jax import asking
from vae_jax.applications.style import showing
from vae_jax.applications.style.asked import judge
from vae_jax.applications.style.writing import shared
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.inference import walks
from vae_jax.metrics import sound
from vae_jax.run import select
from vae_jax.studies import latent_pictures
from vae_jax.types import Figure

STEPS = 9  # of a path
MOST = 100  # paths that are scored
ROWS = 6  # of the figures


def further(outcome: Outcome) -> Extra:
  """Mixtures of two labels, what both paths are worth, and samples of each class."""
  lead = outcome.lead
  task = outcome.tasks[lead.part]
  rows = pictures.spread(len(task.truth.x), MOST)
  by_label, by_code = (
    _by_label(outcome, lead, task, rows),
    _by_code(outcome, lead, task, rows),
  )
  figures = [_figure(outcome, task, by_label, rows), _samples(outcome, lead, task)]
  return Extra(figures=figures, findings=_told(task, by_label, by_code, rows))


def _by_label(outcome: Outcome, lead: Member, task: Task, rows: np.ndarray) -> np.ndarray:
  """Pictures [N, STEPS, *shape] from the class shown first to the one asked for, z fixed.

  The label is (1 - t) one-hot(own) + t one-hot(target), which no example of training has.
  """
  found, eye = showing.take(task.truth, rows), np.eye(len(task.source.spec.classes))
  weights = walks.linear(eye[found.label[:, 0]], eye[found.target], STEPS)
  z = shared(outcome, lead, task.source, found)[:, None]
  z = np.broadcast_to(z, (len(rows), STEPS, z.shape[-1]))
  run = select(lead.run, lead.place)
  return latent_pictures.under(task.source, run, z[None], weights.astype(np.float32))[0]


def _by_code(outcome: Outcome, lead: Member, task: Task, rows: np.ndarray) -> np.ndarray:
  """Pictures [N, STEPS, *shape] from one style to the next one, under the class asked for."""
  found = showing.take(task.truth, rows)
  ends = shared(outcome, lead, task.source, found)
  z = walks.linear(ends, np.roll(ends, 1, axis=0), STEPS)
  label = np.broadcast_to(found.target[:, None], z.shape[:2]).astype(np.int32)
  run = select(lead.run, lead.place)
  return latent_pictures.under(task.source, run, z[None], label)[0]


def _judged(task: Task, x: np.ndarray, label: np.ndarray) -> np.ndarray:
  """The judge's probability [N, STEPS] of the label [N] in each picture."""
  flat = judge(task.source).probabilities(x.reshape(-1, *x.shape[2:]))[0]
  flat = flat.reshape(*x.shape[:2], -1)
  return np.take_along_axis(flat, label[:, None, None], -1)[..., 0]


def _told(
  task: Task, by_label: np.ndarray, by_code: np.ndarray, rows: np.ndarray
) -> list[str]:
  target = task.truth.target[rows]
  differ = task.truth.label[rows, 0] != target
  said = []
  if differ.any():
    rising = _judged(task, by_label[differ], target[differ])
    share = 100 * np.mean(sound.never_falls(rising))
    said.append(
      f"From one class to another at a fixed style ({differ.sum()} paths), the judge's"
      f" probability of the second class never falls by more than 0.01 on {share:.0f} % of"
      " the paths."
    )
  middle = _judged(task, by_code, target)[:, STEPS // 2]
  said.append(
    f"Halfway between two styles in z, under one class ({len(rows)} paths), the judge's mean"
    f" probability of that class is {middle.mean():.2f}."
  )
  return said


def _figure(outcome: Outcome, task: Task, x: np.ndarray, rows: np.ndarray) -> Figure:
  kept = pictures.spread(len(x), ROWS)
  found, names = showing.take(task.truth, rows[kept]), task.source.spec.classes
  pairs = zip(found.label[:, 0], found.target, strict=True)
  data = {"images": x[kept], "rows": [f"{names[a]} to\n{names[b]}" for a, b in pairs]}
  data |= {"columns": [f"{t:.2g}" for t in np.linspace(0, 1, STEPS)]}
  data |= {"title": of_members.title(outcome.lead, outcome.members)}
  data |= pictures.style(task.source.data, outcome.settings)
  said = (
    "From one class to another at a fixed style: the label is a mixture of both with the share"
    " above, which no training example has."
  )
  return Figure("classes", "image_grid", data, said)


def _samples(outcome: Outcome, lead: Member, task: Task) -> Figure:
  """Draws of the prior under each class, the same draws for all."""
  source, run = task.source, select(lead.run, lead.place)
  names = source.spec.classes
  classes = np.asarray(pictures.spread(len(names), showing.COLUMNS))
  z = asking.prior_draws(run, jax.random.split(source.key, ROWS))[0]
  z = np.repeat(z[:, None], len(classes), 1)
  label = np.broadcast_to(classes, z.shape[:2]).astype(np.int32)
  x = latent_pictures.under(source, run, z[None], label)[0]
  data = {"images": x, "columns": [names[c] for c in classes]}
  data |= {"title": of_members.title(lead, outcome.members)}
  data |= pictures.style(source.data, outcome.settings)
  said = "Samples of the prior under each class. A row has one code."
  return Figure("samples", "image_grid", data, said)
