"""Noise reduction: how near a restored image is to the clean one after noise replaced pixels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from vae_jax.baselines import image_denoising
from vae_jax.baselines import ridge_regression as ridge
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Member, Setting, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference import damage, latent_map, repeatable
from vae_jax.run import Run
from vae_jax.studies import restoration as shared
from vae_jax.studies import supervised
from vae_jax.types import Array, Example, Hyper, Params

QUESTION = "How much of an image comes back when a share of its pixels was noise?"
FAMILIES = True  # points of the whole space are searched under any prior
SHARES = (0.05, 0.1, 0.25, 0.5)  # of pixels replaced by U(0, 1)
NAMES = tuple(f"{100 * share:g} %" for share in SHARES)
SETTINGS = {
  **shared.SETTINGS,
  "scale": 0.12,  # of a clean pixel's Laplace density around the model, while z is sought
  "bm3d": "no",  # "yes": with the extra bm3d, on slow_limit images; a second each
  "most": 0.6,  # the highest share of noise the supervised network is trained on
}
ONCE, ONCE_BLENDED = "encode and decode", "encode and decode, blended"
MAP, MAP_BLENDED = "latent MAP", "latent MAP, blended"
OWN = "latent MAP, own starts"
ITSELF = "the share itself"
METRICS = shared.METRICS
CONTRASTS = ((ONCE, MAP),)
TOLD = {ONCE: "nothing", "noisy image": "nothing", "": "the share"}
NOTE = (
  "Columns: the share of pixels replaced by U(0, 1). Told: what a method is told of it at"
  " evaluation; a filter by a number that is best on validation at that share. Blended: each pixel"
  " is kept as far as it is probably clean. Own starts: without the one from the linear Wiener"
  " filter's answer. The supervised network has the model's number of parameters and of passes"
  " over the images. Trained on: the share of noise that the encoder saw"
  " in training; the share itself: in each column another network, the one trained at that share."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no image within [0, 1]."""
  shared.check(runs, "noise_reduction")


def prepare(source: Source, split: str, limit: int) -> Task:
  """Images with 5, 10, 25 and 50 % of the pixels replaced; the noise depends on `mask_seed`."""
  examples, clean = shared.clean(source, split, limit)
  y = np.stack(
    [repeatable.noisy(clean, s, source.settings["mask_seed"], split) for s in SHARES]
  )
  filters = source.once("wiener", lambda: [_wiener(source, share) for share in SHARES])
  guess = np.stack([ridge.apply(f, x) for f, x in zip(filters, y, strict=True)])
  shares = np.broadcast_to(np.float32(SHARES)[:, None], y.shape[:2])
  fields = {"damaged": y, "guess": guess, "share": shares}
  return Task(source, split, examples, NAMES, fields, clean)


def model(task: Task, run: Run) -> Ask:
  """Encoded and decoded once, and at the posterior mode of z under the known noise."""
  settings = task.settings

  def restore(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, share = example["damaged"], example["share"]
    decode = shared.decoder(run, params)
    encode = partial(shared.encoded, run, params, example)

    likelihood = lambda z: damage.replaced(seen, decode(z), share, settings["scale"])
    joint, code = shared.joint(run, params, likelihood), encode(seen)
    mode = shared.search(settings, joint, [code, encode(example["guess"])], key)
    once, best = decode(code), decode(mode.z)

    def blend(x: Array) -> Array:
      near = damage.spread(x, hyper["residual"])
      clean = damage.clean_share(seen, x, share, near)
      return clean * seen + (1 - clean) * x

    own = decode(latent_map.without(mode, 1))
    return {
      ONCE: once, ONCE_BLENDED: blend(once), OWN: own, MAP: best, MAP_BLENDED: blend(best)
    }  # fmt: skip

  numbers = {"residual": shared.residual(run, task.source, 1)}
  return Ask(restore, numbers, settings["batch"])


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Classic filters, the linear Wiener filter, and a network trained for the task."""
  y, guess = task.fields["damaged"], task.fields["guess"]
  return {
    "noisy image": lambda c: y[c],
    **_filters(task, y),
    "linear Wiener": lambda c: guess[c],
    **_supervised(task, y),
  }


score, shown = shared.score, shared.shown


def grouping(members: list[Member]) -> Callable[[Member, str], Setting | None]:
  """What a network was trained on as a setting; the one trained at each share as one line."""
  trained = {m.number: shared.trained_on(m.run, m.place) for m in members}
  every = set(NAMES) <= set(trained.values())
  own = ("corruption_rate", "corruption.name", "corruption.vary")

  def setting(member: Member, condition: str) -> Setting | None:
    on = trained[member.number]
    if every and on in NAMES:
      if on != condition:
        return None
      on = ITSELF
    return (("trained on", on), *(kv for kv in member.setting if kv[0] not in own))

  return setting


def pictures(task: Task, condition: int) -> dict[str, np.ndarray]:
  """The clean and the noisy images."""
  return {"original": task.truth, "noisy": task.fields["damaged"][condition]}


def further(outcome: Outcome) -> Extra:
  """What is not in the tables, and the first images as arrays."""
  task = outcome.task
  said = shared.judged(task)
  if not _runs_bm3d(task.settings):
    said.append(
      "BM3D is not in the table: install its extra with pip install 'vae-jax[bm3d]' and ask for"
      " it with --set bm3d=yes."
    )
  if not {"clean", *NAMES} <= _trained(outcome.runs):
    said.append(
      "A denoiser for each share, one for the whole range and one that never saw noise stand"
      " side by side in a run of configs/mnist_denoising.py:all."
    )
  arrays = {"noisy": task.fields["damaged"][:, :100], "clean": task.truth[:100]}
  if outcome.chosen is not None:
    best = [cell[0].answer[:100] for cell in outcome.chosen.cells.values()]
    arrays["restored"] = np.stack(best)
  return Extra(findings=said, arrays=arrays)


def _wiener(source: Source, share: float) -> ridge.Ridge:
  train, valid = shared.train(source), shared.tuning(source)
  noisy = lambda x, use: repeatable.noisy(x, share, source.settings["mask_seed"], use)
  return ridge.fit(noisy(train, "train"), train, noisy(valid, "valid"), valid)


def _filters(task: Task, y: np.ndarray) -> dict[str, Callable[[int], Any]]:
  """The classic filters, each with the number that is best on validation at that share."""
  seed, slow = task.settings["mask_seed"], task.settings["slow_limit"]
  clean = shared.tuning(task.source)
  valid = [repeatable.noisy(clean, share, seed, "valid") for share in SHARES]
  few, found = min(slow, len(y[0])), {}
  for name, (method, numbers) in image_denoising.GRID.items():
    picked = [image_denoising.choose(method, numbers, v, clean) for v in valid]
    count = len(y[0]) if name == "median" else few
    label = name if count == len(y[0]) else f"{name} (first {count})"
    found[label] = lambda c, method=method, picked=picked, count=count: method(
      y[c][:count], picked[c]
    )
  if _runs_bm3d(task.settings):
    stds = [float(np.sqrt(np.mean(np.square(v - clean)))) for v in valid]
    found[f"BM3D (first {few})"] = lambda c: image_denoising.bm3d(y[c][:few], stds[c])
  return found


def _runs_bm3d(settings: dict[str, Any]) -> bool:
  return settings["bm3d"] == "yes" and image_denoising.has_bm3d()


def _supervised(task: Task, y: np.ndarray) -> dict[str, Callable[[int], Any]]:
  """Networks trained to remove just this noise, told its share.

  One for the range of shares; where the run has a model for each share, one for each as well.
  """
  source = task.source
  ranged = supervised.denoiser(source, 0.0, float(task.settings["most"]))
  found = {supervised.NETWORK: lambda c: ranged}
  if set(NAMES) <= _trained(source.runs):
    own = [supervised.denoiser(source, s, s, 1 + c) for c, s in enumerate(SHARES)]
    found[f"{supervised.NETWORK}, {ITSELF}"] = lambda c: own[c]
  answers = {}
  for name, of in found.items():
    answers[name] = lambda c, of=of: of(c)(y[c], SHARES[c])
    answers[f"{name}, blended"] = lambda c, of=of: supervised.blended(
      task.source, of(c), y[c], SHARES[c]
    )
  return answers


def _trained(runs: list[Run]) -> set[str]:
  """What the encoders of all members saw in training."""
  return {shared.trained_on(run, i) for run in runs for i in range(len(run.members))}
