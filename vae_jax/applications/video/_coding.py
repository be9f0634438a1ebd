"""Clips as files: latents quantised around what the past foretells, beside H.264 and H.265."""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.applications.video._clips import as_bytes, as_frames
from vae_jax.baselines import pca, transform_coding, video_codecs
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.metrics import image
from vae_jax.run import Run, select
from vae_jax.studies import lossy
from vae_jax.types import Array, Example, Hyper, Params, UserError

STEPS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)  # of the quantiser, in deviations of the prior
COUNTED = 400  # clips of train that code lengths are counted on
COMPONENTS = 32  # of the linear code of a frame
SCALES = (0.05, 0.1, 0.2, 0.4, 0.8)  # its steps, in deviations of the first component
SHOWN = 3  # settings of the model at most
KLT = f"KLT of frames, {COMPONENTS} numbers"
NOTE = (
  "Bits a frame. The model: the posterior mean of every frame's latents, less what the prior"
  " expects after the frames before it, in steps of the prior's deviation; the steps are coded"
  " with code lengths from train and counted in the file. KLT: principal components of single"
  " frames, quantised and coded alike. H.264 and H.265: all clips as one stream without a"
  " container, each clip begun anew, the slowest search of ffmpeg's libx264 and libx265."
)


def section(outcome: Outcome) -> Extra:
  """Rate against distortion of at most three settings and of the classic codecs."""
  task = outcome.tasks[outcome.lead.part]
  clips = np.concatenate([task.own, task.truth], 1)
  members = lossy.firsts(outcome, SHOWN)
  named = {title: _of_model(task, m, clips) for title, m in members.items()}
  name = lossy.title(outcome.lead)
  ours, said = named[name], []
  classic = {KLT: _linear(task, clips)}
  try:
    classic |= {name: _of_ffmpeg(clips, name) for name in video_codecs.OPTIONS}
  except UserError as error:  # the extra is a choice: its absence is told
    said.append(f"H.264 and H.265 are left out: {error}")
  table, figure = lossy.drawn(named | classic, classic, "a frame", NOTE)
  said += [lossy.saved(theirs, ours, name, rival) for rival, theirs in classic.items()]
  return Extra([table], [figure], said)


def _of_model(task: Task, member: Member, clips: np.ndarray) -> lossy.Curve:
  """Bits a frame and squared error at each of STEPS."""
  run, source = select(member.run, member.place), task.source
  train, _ = quantised(run, source.spread("train", COUNTED), source.key)
  places, made = quantised(run, task.examples, source.key)
  frames, points = clips.shape[1], []
  for s in range(len(STEPS)):
    split = lambda k, s=s: k[:, s].reshape(len(k) * frames, -1).astype(np.float64)
    quantiser = transform_coding.fit(split(train), 1.0)
    found, _ = transform_coding.quantise(quantiser, split(places))
    bits = lossy.stream_bits(quantiser, found) / len(found)
    points.append((bits, _error(clips, as_frames(made[:, s]))))
  return points


def quantised(
  run: Run, examples: dict[str, np.ndarray], key: Array
) -> tuple[np.ndarray, np.ndarray]:
  """Steps int32 [N, S, L] of the latents at each of STEPS, and the clips they give, uint8.

    k_t = round((E[z_t | x, z_<t] - m_t) / (step s_t)),  z_t = m_t + k_t step s_t

  with m_t, s_t of the prior after the z_<t that a reader of the file has.

  Args:
    run: of one member.
    examples: clips as stored in a split.
    key: unused noise; nothing is drawn.
  """

  def of_one(
    params: Params, hyper: Hyper, example: Example, key: Array
  ) -> tuple[Array, Array]:
    del hyper, key
    q = run.vae.posterior(params, example)

    def at(step: Array) -> tuple[Array, Array]:
      where, places, parts = q.walk.top(), [], []
      for t in range(len(q.walk.sizes)):
        own, p = q.walk.group(where, q.features)
        unit = step * jnp.exp(p.logvar / 2)
        places.append(jnp.round((distributions.code(own) - p.mean) / unit))
        parts.append(p.mean + places[-1] * unit)
        if t + 1 < len(q.walk.sizes):
          where = q.walk.down(where, parts[-1])
      made = as_bytes(run.vae.mean(params, jnp.concatenate(parts)))
      return jnp.concatenate(places).astype(jnp.int32), made

    return jax.vmap(at)(jnp.asarray(STEPS))

  places, made = asking.apply(run, of_one, examples, key, batch_size=20, inner=len(STEPS))
  return places[0], made[0]


def _linear(task: Task, clips: np.ndarray) -> lossy.Curve:
  train = as_frames(task.source.train)[:COUNTED].reshape(-1, *clips.shape[2:])
  flat = clips.reshape(-1, *clips.shape[2:])
  linear = pca.fit(train, min(COMPONENTS, flat[0].size))
  codes, found = [pca.encode(linear, x) for x in (train, flat)], []
  for scale in SCALES:
    quantiser = transform_coding.fit(codes[0], scale * float(linear.std.max()))
    places, z = transform_coding.quantise(quantiser, codes[1])
    made = as_bytes(pca.decode(linear, z))
    found.append((lossy.stream_bits(quantiser, places) / len(flat), _error(flat, made)))
  return found


def _of_ffmpeg(clips: np.ndarray, name: str) -> lossy.Curve:
  levels = np.asarray(as_bytes(clips))
  found = []
  for quality in video_codecs.QUALITIES:
    bits, made = video_codecs.coded(levels, name, quality)
    found.append((bits / (clips.shape[0] * clips.shape[1]), _error(clips, made)))
  return found


def _error(x: np.ndarray, levels: np.ndarray) -> float:
  made = np.asarray(levels, np.float32).reshape(x.shape) / np.float32(255)
  return float(image.squared_error(x, made).mean())
