"""Frames between frames: what was shown where some are hidden."""

import itertools
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.applications.video._clips import as_bytes, as_frames
from vae_jax.baselines import video as classic
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.numbers import plus_minus
from vae_jax.evaluation.protocol import Extra
from vae_jax.inference.latent_map import latent_map
from vae_jax.metrics import comparison, image, restoration
from vae_jax.run import Run, select
from vae_jax.studies.restoration import log_prior
from vae_jax.types import Array, Example, Figure, Hyper, Params, Table

GAPS = (2, 4)  # every second frame is known, or every fourth
WALK, MAP = "prior's mean after the past", "latent MAP of what is known"
BASELINES = {"cross-fade": classic.cross_fade, "moved cross-fade": classic.moved_between}
NOTE = (
  "Every second or every fourth frame is known, the first and the last one too; scores are of the"
  " hidden ones, ± half the width of a 95 % interval over clips. Latent MAP: the z of the whole"
  " clip that makes the known frames and the prior likeliest together. Moved cross-fade: both"
  " neighbours shifted to that moment along the motion between them, one shift for a frame."
)


def section(outcome: Outcome) -> Extra:
  """The lead's frames between others beside two classic ones, and a strip of the first clip."""
  task, lead = outcome.tasks[outcome.lead.part], outcome.lead
  clips = np.concatenate([task.own, task.truth], 1)
  run, rows, said, strips = select(lead.run, lead.place), [], [], {}
  for gap in GAPS:
    seen = known(clips.shape[1], gap)
    if seen.all():
      continue
    answers = _of_model(run, task.examples, seen, outcome)
    answers |= {name: classic_between(clips, seen, fn) for name, fn in BASELINES.items()}
    scores = {name: _scores(clips, x, seen) for name, x in answers.items()}
    rows += [[f"1 of {gap}", name, *_cells(each)] for name, each in scores.items()]
    said.append(_sentence(scores, gap))
    strips[gap] = {"true": clips[0]} | {name: x[0] for name, x in answers.items()}
  if not rows:
    return Extra()
  columns = ("known", "method", "SSIM", "± SSIM", "squared error", "± squared error")
  figures = [_figure(frames, gap, outcome) for gap, frames in strips.items()]
  return Extra([Table("Frames between frames", columns, rows, NOTE)], figures, said)


def known(frames: int, gap: int) -> np.ndarray:
  """Which of T frames are known, bool [T]."""
  at = np.arange(frames)
  return (at % gap == 0) | (at == frames - 1)


def _of_model(
  run: Run, examples: dict[str, np.ndarray], seen: np.ndarray, outcome: Outcome
) -> dict[str, np.ndarray]:
  """Clips [N, T, H, W] by the walk alone and by the mode of z."""
  s = outcome.settings
  mask = jnp.asarray(seen, jnp.float32)[:, None]

  def fill(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    del hyper, key
    given = {**example, "x": example["x"] * mask, "observed": mask}
    start = walked(run, params, given, seen)
    joint = lambda z: run.vae.log_likelihood(params, z, given) + log_prior(run, params, z)
    found = latent_map(joint, start[None], s["map_steps"], s["map_rate"], newton=False)
    shown = lambda z: as_bytes(run.vae.mean(params, z))
    return {WALK: shown(start), MAP: shown(found.z)}

  found = asking.apply(run, fill, examples, outcome.key, s["batch"])
  return {name: as_frames(found[name][0]) / np.float32(255) for name in (WALK, MAP)}


def walked(run: Run, params: Params, example: Example, seen: np.ndarray) -> Array:
  """z [L]: the mean of q at known frames, the mean of p at hidden ones."""
  q = run.vae.posterior(params, example)
  where, parts = q.walk.top(), []
  for t, there in enumerate(seen):
    own, p = q.walk.group(where, q.features if there else None)
    parts.append(distributions.code(own if there else p))
    if t + 1 < len(seen):
      where = q.walk.down(where, parts[-1])
  return jnp.concatenate(parts)


def classic_between(clips: np.ndarray, seen: np.ndarray, fn: Callable) -> np.ndarray:
  """Hidden frames of [N, T, H, W] by `fn(before, after, share of the way)`."""
  found, at = clips.copy(), np.flatnonzero(seen)
  for a, b in itertools.pairwise(at):
    for t in range(a + 1, b):
      found[:, t] = fn(clips[:, a], clips[:, b], (t - a) / (b - a))
  return found


def _scores(clips: np.ndarray, made: np.ndarray, seen: np.ndarray) -> np.ndarray:
  """SSIM and squared error of each clip's hidden frames, [2, N]."""
  real, x = (v[:, ~seen].reshape(-1, *v.shape[2:])[..., None] for v in (clips, made))
  real, x = real.astype(np.float32), np.asarray(x, np.float32)
  each = [restoration.ssim(real, x), image.squared_error(real, x)]
  return np.stack([v.reshape(len(clips), -1).mean(1) for v in each])


def _cells(scores: np.ndarray) -> list[float]:
  found = [comparison.estimate(row[None]) for row in scores]
  return [cell for one in found for cell in (one.mean, one.half)]


def _sentence(scores: dict[str, np.ndarray], gap: int) -> str:
  """The mode of z against the harder of the classic answers, by SSIM."""
  rival = max(BASELINES, key=lambda name: scores[name][0].mean())
  off = comparison.estimate((scores[MAP][0] - scores[rival][0])[None])
  word = "level with"
  if abs(off.mean) > off.half:
    word = "ahead of" if off.mean > 0 else "behind"
  return (
    f"Frames between frames, 1 of {gap} known: the latent MAP is {word} the {rival}, SSIM"
    f" {plus_minus(off, 3, sign=True)}."
  )


def _figure(rows: dict[str, np.ndarray], gap: int, outcome: Outcome) -> Figure:
  data = {"images": np.stack([*rows.values()])[..., None], "rows": [*rows]}
  data |= {"palette": outcome.settings["palette"]}
  caption = (
    f"The first clip, 1 frame of {gap} known: hidden ones are those of the named method."
  )
  return Figure(f"between_{gap}", "image_grid", data, caption)
