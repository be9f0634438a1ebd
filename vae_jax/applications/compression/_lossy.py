"""Rate and distortion: quantised codes that are counted in a file, beside KLT, JPEG and WebP."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax import asking
from vae_jax.baselines import pca, transform_coding
from vae_jax.evaluation import pictures as drawn
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import image, rate_distortion
from vae_jax.run import select
from vae_jax.studies import lossy

STEPS = (
  0.5,
  1.0,
  1.5,
  2.0,
  2.5,
  3.0,
  4.0,
  6.0,
)  # of the quantiser, in units of what blurs a code
QUALITIES = {"JPEG": (5, 15, 30, 50, 75, 90), "WEBP": (0, 10, 30, 50, 75, 90)}
COMPONENTS = 256  # of the KLT at most
SHOWN = 8  # settings of the model at most
NOTE = (
  "Bits an example, of codes that were quantised, entropy-coded with code lengths from train, and"
  " counted in the file; squared error of what is decoded. A step is a multiple of the standard"
  " deviation of q(z|x), for each latent its own. KLT: principal components, quantised alike in"
  " steps of one size. JPEG and WebP: one picture for all examples, its header included."
)
Points = list[tuple[float, float]]  # bits an example and squared error, for each step


class Codec(NamedTuple):
  """A linear or a learned code of continuous numbers."""

  train: np.ndarray  # [P, L] that code lengths are counted on
  encode: Callable[[dict[str, np.ndarray]], np.ndarray]  # examples -> [N, L]
  decode: Callable[[np.ndarray], np.ndarray]  # [N, L] -> [N, *shape]
  scale: np.ndarray  # [L] in which steps are counted


def extra(outcome: Outcome) -> Extra:
  """The table, the curves, and who needs fewer bits at equal error."""
  task = outcome.tasks[outcome.lead.part]
  x, source = task.truth, task.source
  klt = f"KLT, {min(COMPONENTS, source.spec.size)} numbers"
  members = lossy.firsts(outcome, SHOWN, can_quantise)
  codecs = {title: learned(task, member) for title, member in members.items()}
  codecs[klt] = linear(source)
  named = {who: points(codec, task.examples, x) for who, codec in codecs.items()}
  if source.spec.kind == "image" and source.spec.shape[-1] in (1, 3):
    for name, qualities in QUALITIES.items():
      shown = [transform_coding.picture(x, name, quality) for quality in qualities]
      named[f"{name} sheet"] = [(b / len(x), _error(x, y)) for b, y in shown]
  classic = [who for who in named if who == klt or who not in codecs]
  table, figure = lossy.drawn(named, classic, "an example", NOTE)
  return Extra([table], [figure], _said(outcome, codecs, named, klt))


def _said(
  outcome: Outcome, codecs: dict[str, Codec], named: dict[str, Points], klt: str
) -> list[str]:
  """Of the setting that needs the fewest bits on validation."""
  models = [who for who in codecs if who != klt]
  error, task = outcome.settings["error"], outcome.tasks[outcome.lead.part]
  if not models:
    return []
  valid = task.source.split("valid", outcome.settings["tune"])
  x = task.source.inputs(valid)
  bits = {who: _bits_at(points(codecs[who], valid, x), error) for who in models}
  reached = {who: b for who, b in bits.items() if np.isfinite(b)}
  lead = lossy.title(outcome.lead)
  lead = lead if lead in models else models[0]
  best = min(reached, key=reached.get) if reached else lead
  said = [lossy.saved(named[klt], named[best], best, klt)]
  ours, theirs = (_bits_at(named[who], error) for who in (best, klt))
  if np.isfinite([ours, theirs]).all():
    said.append(
      f"At a squared error of {error:g}, {best} needs {ours:.0f} coded bits an example and {klt}"
      f" {theirs:.0f}."
    )
  return said


def _bits_at(found: Points, error: float) -> float:
  bits, mse = np.array(found).T
  return rate_distortion.bits_at(bits, mse, error)


def can_quantise(member: Member) -> bool:
  """Whether a code is of real numbers that one decoding turns into x."""
  vae = member.run.vae
  return vae.family != "discrete" and vae.forced is None and vae.given is None


def learned(task: Task, member: Member) -> Codec:
  """Posterior means, in units of the posterior's standard deviation of each latent."""
  run, source = select(member.run, member.place), task.source
  rows = drawn.spread(len(source.data.splits["train"]["x"]), 10_000)
  train = {k: v[rows] for k, v in source.split("train").items()}
  q = source.posterior(run, train)
  mean = lambda params, z, key: run.vae.mean(params, z)
  return Codec(
    q.mean[0],
    lambda examples: source.posterior(run, examples).mean[0],
    lambda z: asking.apply_latents(run, mean, z.astype(np.float32), source.key)[0],
    np.sqrt(np.exp(q.logvar[0]).mean(0)),
  )


def components(source: Source, size: int) -> pca.Pca:
  """So many principal components of train: all sizes are the first ones of one fit."""
  most = max(COMPONENTS, *(run.vae.latents for run in source.runs))
  full = source.once("pca", lambda: pca.fit(source.train, most))
  return full._replace(components=full.components[:size], std=full.std[:size])


def linear(source: Source, size: int = COMPONENTS) -> Codec:
  """Principal components, in units of an eighth of the first one's standard deviation."""
  fitted, whole = components(source, size), components(source, source.spec.size)
  codes = source.once("components", lambda: pca.encode(whole, source.train))
  return Codec(
    codes[:, :size],
    lambda examples: pca.encode(fitted, source.inputs(examples)),
    lambda z: pca.decode(fitted, z),
    np.full(len(fitted.std), float(fitted.std.max()) / 8),
  )


def points(codec: Codec, examples: dict[str, np.ndarray], x: np.ndarray) -> Points:
  """Bits and squared error of quantised codes, for each step."""
  codes = codec.encode(examples)
  return [point(codec, codes, step, x) for step in STEPS]


def point(
  codec: Codec, codes: np.ndarray, step: float, x: np.ndarray
) -> tuple[float, float]:
  """Bits an example and squared error of these codes [N, L] in steps of one size."""
  quantiser = transform_coding.fit(codec.train, step * codec.scale)
  places, z = transform_coding.quantise(quantiser, codes)
  return lossy.stream_bits(quantiser, places) / len(x), _error(x, codec.decode(z))


def _error(x: np.ndarray, y: np.ndarray) -> float:
  return float(image.squared_error(x, y).mean())
