"""A user's own pictures: edited in every attribute, and joined by a morph, as files."""

from typing import Any

import numpy as np

from vae_jax.applications.editing import judging, morphs, showing, spaces, traits
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference import attribute_vectors as vectors
from vae_jax.inference import walks
from vae_jax.inputs import photographs
from vae_jax.run import Run, select
from vae_jax.studies import latent_pictures
from vae_jax.types import Figure, UserError

TILE = 128  # pixels of a picture that is written, about
MOST = 20  # pictures of one folder


def check(run: Run, settings: dict[str, Any]) -> None:
  """Refuses files that cannot be read, and a morph with one end."""
  for name in ("input", "from", "to"):
    if settings[name]:
      photographs.read(settings[name], run.spec, MOST)
  if bool(settings["from"]) != bool(settings["to"]):
    raise UserError("A morph has two ends: give both --set from=FILE and --set to=FILE.")


def further(outcome: Outcome) -> Extra:
  """The edits of `input` and the morph of `from` and `to`, drawn and written as PNG."""
  found = Extra()
  if outcome.settings["input"]:
    found = _edits(outcome)
  if outcome.settings["from"]:
    morph = _morph(outcome)
    found = found._replace(
      figures=[*found.figures, *morph.figures],
      findings=[*found.findings, *morph.findings],
      arrays={**found.arrays, **morph.arrays},
    )
  return found


def written(
  source: Source, run: Run, z: np.ndarray, label: np.ndarray | None
) -> np.ndarray:
  """The pictures [..., H, W, C] of one member's codes [..., L], under their labels [...]."""
  return latent_pictures.under(source, run, z[None], label)[0]


def _coded(
  outcome: Outcome, given: photographs.Given
) -> tuple[Source, Run, np.ndarray, np.ndarray | None]:
  """The lead's codes [N, L] of pictures, and the labels [N] that the judge reads in them."""
  lead = outcome.lead
  source, run = outcome.tasks[lead.part].source, select(lead.run, lead.place)
  examples = {"x": given.x, "id": np.arange(len(given.x), dtype=np.int32)}
  label = None
  if run.vae.given is not None:
    known = [t.words for t, _ in traits.known(source)]
    if source.spec.classes not in known:
      raise UserError(
        "The model asks for a label, and no judge here reads it in a picture."
      )
    seen = judging.judge(source).probabilities(given.x)[known.index(source.spec.classes)]
    label = examples["label"] = seen.argmax(-1).astype(np.int32)
  return source, run, source.posterior(run, examples).mean[0], label


def _edits(outcome: Outcome) -> Extra:
  given = photographs.read(outcome.settings["input"], outcome.runs[0].spec, MOST)
  source, run, codes, label = _coded(outcome, given)
  examples, values = spaces.fitted(source)
  train = source.posterior(run, examples).mean[0]
  probe = outcome.chosen is not None and outcome.chosen.method == vectors.PROBE
  step = vectors.linear_probe if probe else vectors.mean_difference
  style = pictures.style(source.data, outcome.settings)
  figures, arrays = [], {}
  for c, (trait, _) in enumerate(traits.known(source)):
    value = judging.judge(source).probabilities(given.x)[c].argmax(-1)
    target = (value + 1) % len(trait.words)
    z = spaces.moved(codes, step(train, values[c], value, target))
    beside = None if label is None else np.broadcast_to(label[:, None], z.shape[:2])
    x = written(source, run, z, beside)
    data = showing.strip(source, given.x, x, c, value, target)
    data |= style | {"title": f"{trait.name}: your own pictures"}
    data["rows"] = [f"{n}\n{w}" for n, w in zip(given.names, data["rows"], strict=True)]
    figures.append(Figure(f"own_{c}", "image_grid", data, f"Your own: {trait.name}."))
    for name, images in zip(given.names, data["images"], strict=True):
      arrays[f"{name}_{_slug(trait.name)}.png"] = _sheet(images, outcome)
  many = f"{len(given.x)} pictures of {given.name}"
  said = (
    f"Your own: {many} edited from α = −2 to 2, one file for each and attribute"
    f" ({', '.join([*arrays][:3])})."
  )
  return Extra(figures=figures, findings=[said], arrays=arrays)


def _morph(outcome: Outcome) -> Extra:
  ends = [
    photographs.read(outcome.settings[k], outcome.runs[0].spec, 1) for k in ("from", "to")
  ]
  both = photographs.Given(
    "both", [e.names[0] for e in ends], np.concatenate([e.x for e in ends])
  )
  source, run, codes, label = _coded(outcome, both)
  steps = outcome.settings["steps"]
  line = walks.linear(codes[:1], codes[1:], steps)
  first = np.arange(steps) < steps / 2
  beside = None if label is None else np.where(first, *label)[None]
  drawn = {morphs.MODEL: written(source, run, line, beside)}
  task: Task = outcome.tasks[outcome.lead.part]
  for name, make in morphs.others(task, steps).items():
    drawn[name] = make(both.x[:1], both.x[1:])
  picture = morphs.figure(outcome, drawn, "own_morph")
  rows = np.concatenate([drawn[name] for name in drawn])
  sheet = np.concatenate([_sheet(row, outcome) for row in rows])
  said = f"Your own: {both.names[0]} becomes {both.names[1]} in morph.png."
  return Extra(figures=[picture], findings=[said], arrays={"morph.png": sheet})


def _sheet(images: np.ndarray, outcome: Outcome) -> np.ndarray:
  """Images [n, H, W, C] side by side, enlarged by a whole factor, as bytes."""
  times = max(1, TILE // images.shape[1])
  row = np.concatenate(list(images.repeat(times, 1).repeat(times, 2)), 1)
  return np.round(255 * np.clip(row, 0, 1)).astype(np.uint8)


def _slug(name: str) -> str:
  return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
