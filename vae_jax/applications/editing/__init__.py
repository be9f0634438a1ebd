"""Editing: one attribute of an example is changed, and everything else should stay."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.applications.editing import judging, morphs, own, showing, spaces, traits
from vae_jax.applications.editing.traits import Trait
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inference import attribute_vectors as vectors
from vae_jax.metrics import editing, image
from vae_jax.run import Run
from vae_jax.studies import latent_pictures, sections, symbols
from vae_jax.types import UserError

QUESTION = "Can one thing of an example be changed on purpose, and the rest stay?"
FAMILIES = True  # codes that are points of the whole space are moved, under any prior
SETTINGS = {
  **COMMON,
  "limit": 200,  # examples that are edited, evenly spaced in the split
  "tune": 100,
  "attributes": "",  # names of attributes, separated by commas; empty: the first six
  "judge_steps": 1500,  # of training of the two judges, and of the autoencoder
  "pairs": 60,  # morphs that are scored
  "steps": 9,  # pictures of a morph
  "input": "",  # a picture of one's own, or a folder of them, to be edited
  "from": "",  # and two pictures to go between
  "to": "",
  "mask_seed": 1,  # of the judges and of the drawn targets
  "palette": "gray",  # as photographs are
}
ALPHAS = spaces.ALPHAS
STAY, MOVE = ALPHAS.index(0.0), ALPHAS.index(1.0)
METRICS = {
  "worked": Metric("Edits that work", digits=3, reduce=editing.flip_rate),
  "flip": Metric("Flip rate", digits=3, reduce=editing.flip_rate),
  "identity": Metric("Identity kept, cosine", digits=3),
  "others": Metric("Change of the other attributes", better=-1, digits=3),
  "natural": Metric("Edits among real images", digits=3),
  "rebuilt": Metric("Identity of the reconstruction, cosine", better=0, digits=3),
  "psnr": Metric("PSNR of the reconstruction", "dB", better=0, digits=1),
}
NOTE = (
  "Every example is rebuilt first and edited then, towards another value of one attribute, at"
  " α = 1: a whole difference of the class means. An edit counts where the judge reads the"
  " reconstruction right, so that blur is not charged to it; identity and the other attributes are"
  " compared with the reconstruction, too. Judges are networks of real training images alone. Flip"
  " rate: the judge sees the target. Identity: the cosine in a network that learned to know an"
  " image again in other light and noise. An edit that works is flipped and lies among real"
  " images, and counts as much as its cosine of identity. Others: the mean total variation of the"
  " judge's probabilities of all other attributes. Among real images: within the ball of a real"
  " image to its fifth neighbour, in the judge's hidden layer."
)


class Truth(NamedTuple):
  """What edits of one split are scored against."""

  x: np.ndarray  # [n, H, W, C] the originals
  traits: list[Trait]
  value: list[np.ndarray]  # of each trait [n]
  target: list[np.ndarray]  # what each example is to become [n]


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no picture, data without attributes, and files that do not fit."""
  for run in runs:
    symbols.require_real(run, "editing moves a code along a direction")
    spec = run.spec
    if spec.kind != "image" or spec.domain not in ("unit", "binary"):
      raise UserError(
        f"editing needs images with values in [0, 1], and {run.dataset.name!r} holds examples"
        f" of kind {spec.kind!r} and domain {spec.domain!r}: evaluate a run on images."
      )
    if min(spec.shape[:2]) < 8 or spec.shape[-1] not in (1, 3):
      raise UserError(
        f"editing needs images of 8 x 8 pixels or more and 1 or 3 channels; these are"
        f" {spec.shape}."
      )
    if not traits.known(Source(run, settings, jax.random.key(0))):
      raise UserError(
        f"{run.dataset.name!r} has no attribute to change: give classes or a table of"
        " attributes with the data."
      )
  own.check(runs[0], settings)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Examples of a split, evenly spaced, and what each is to become."""
  rows = source.spread(split, limit)["id"]
  examples = {name: values[rows] for name, values in source.split(split).items()}
  known, seed = traits.known(source), source.settings["mask_seed"]
  value = [values[split][rows] for _, values in known]
  names = [trait for trait, _ in known]
  target = [
    traits.targets(v, t, seed + i)
    for i, (v, t) in enumerate(zip(value, names, strict=True))
  ]
  truth = Truth(traits.pixels(source, split)[rows], names, value, target)
  return Task(source, split, examples, tuple(t.name for t in names), truth=truth)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Edits [M, C, n, A, *shape] of every member, by each way to find a step in its code."""
  source, truth = task.source, task.truth
  codes = source.posterior(run, task.examples).mean  # [M, n, L]
  fitted, values = spaces.fitted(source)
  train = source.posterior(run, fitted).mean
  label = task.examples.get("label")
  edits = {}
  for name, step in (
    (vectors.MEAN, vectors.mean_difference),
    (vectors.PROBE, vectors.linear_probe),
  ):
    found = []
    for i in range(len(truth.traits)):
      own = values[i], truth.value[i], truth.target[i]
      found.append(np.stack([step(z, *own) for z in train]))
    steps = np.stack(found, 1)  # [M, C, n, L]
    edits[name] = spaces.moved(codes[:, None], steps), label
  if run.vae.given is not None:
    edits["conditional model"] = spaces.swapped(task, *edits[vectors.MEAN][:1], codes)
  return {name: {"x": _written(task, run, *edit)} for name, edit in edits.items()}


def _written(task: Task, run: Run, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
  """The pictures of codes [M, C, n, A, L]; label [n], or [C, n, A] where it changes."""
  if label is not None:
    label = label[None, :, None] if label.ndim == 1 else label
    label = np.broadcast_to(label, z.shape[1:-1])
  return latent_pictures.under(task.source, run, z, label)


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """The same steps in linear codes, in an autoencoder's and in pixels, and the nearest item."""
  return spaces.baselines(task)


def score(
  task: Task, answer: dict[str, np.ndarray], condition: int
) -> dict[str, np.ndarray]:
  """What the edit at α = 1 did to each example, beside its reconstruction at α = 0.

  Args:
    task: its `truth` says what each example is and is to become.
    answer: "x" [n, A, H, W, C], an image for each of ALPHAS.
    condition: the place of the attribute.
  """
  source, truth = task.source, task.truth
  rebuilt, edited = answer["x"][:, STAY], answer["x"][:, MOVE]
  if not np.isfinite(answer["x"]).all():
    return {name: np.full((len(rebuilt), 2), np.nan) for name in ("worked", "flip")}
  before, after = (judging.judge(source).probabilities(x) for x in (rebuilt, edited))
  counted = before[condition].argmax(-1) == truth.value[condition]
  flipped = after[condition].argmax(-1) == truth.target[condition]
  who = [judging.identity(source)(x) for x in (truth.x, rebuilt, edited)]
  same = editing.cosine(who[2], who[1])
  rows = lambda v: np.stack([v, counted], -1).astype(float)
  real = editing.inside(judging.region(source), judging.judge(source).features(edited))
  worked = flipped * real * np.maximum(same, 0)
  found = {"worked": rows(worked), "flip": rows(flipped), "natural": real}
  found["identity"] = same
  rest = [i for i in range(len(before)) if i != condition]
  if rest:
    apart = [0.5 * np.abs(after[i] - before[i]).sum(-1) for i in rest]
    found["others"] = np.mean(apart, 0)
  found["rebuilt"] = editing.cosine(who[1], who[0])
  error = np.maximum(image.squared_error(truth.x, rebuilt), 1e-5)
  return found | {"psnr": image.psnr(error)}


def pictures(task: Task, condition: int) -> dict[str, np.ndarray]:
  """The originals."""
  return {"original": task.truth.x}


def shown(task: Task, answer: dict[str, np.ndarray], condition: int) -> np.ndarray:
  """The edits at α = 1."""
  return answer["x"][:, MOVE]


def further(outcome: Outcome) -> Extra:
  """Strips over α, what β buys and costs, morphs, and a user's own pictures."""
  return sections.gathered(
    [fn(outcome) for fn in (showing.further, morphs.further, own.further)]
  )
