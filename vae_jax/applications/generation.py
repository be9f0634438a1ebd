"""Generation: what the model invents, and whether it is new."""

from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.applications import (
  _generation,
  _generation_scores,
  _latents,
  _members,
  _pictures,
)
from vae_jax.asking import apply_latents
from vae_jax.baselines import pca
from vae_jax.metrics import latent, neighbours
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Report

QUESTION = "What does the model invent, and is it new?"
SETTINGS = {
  "split": "test",  # held-out examples that samples are compared with
  "limit": 500,  # samples, and held-out examples, in the table of distances
  "grid": "linear",  # spacing of the plane: "linear" in [-span, span], or "quantile"
  "span": 3.0,
  "side": 20,  # cells along an axis of the plane
  "steps": 11,  # pictures of an interpolation or a traversal
  "pairs": "",  # interpolations, "3-8,1-7" by class (or row number); empty: a few
  "palette": "magma",  # of grey images
  "components": 10,  # of the mixture over the codes, and of the one over PCA's
  "features": 64,  # width of the classifier that distribution scores are taken in
  "epochs": 10,  # of that classifier
}


class Latents(NamedTuple):
  """Every z that is decoded, [M, ..., L]; one program decodes them all."""

  samples: np.ndarray  # [M, N, L] draws of the prior, the same for every member
  mixture: np.ndarray  # [M, N, L] draws of a mixture fitted to each member's codes; or none
  codes: np.ndarray  # [M, N, L] posterior means of held-out examples
  planes: np.ndarray  # [M, S, S, L] over each member's two busiest latents
  paths: np.ndarray  # [M, P, 2, S, L] linear and spherical
  walks: np.ndarray  # [M, A, S, L] each active latent of the first held-out example


class Distances(NamedTuple):
  """Of one set of examples to the training examples and to each other."""

  method: str
  member: int | None
  nearest: np.ndarray  # [N] to the nearest training example
  index: np.ndarray  # [N] which one
  spread: float  # mean distance between two of the set


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Prior samples, the latent plane, interpolations, traversals, and what is near them.

  Pictures are E[x|z]. Whether samples are copies is judged by their distance to the nearest
  training example, beside the same distance of held-out examples and of their
  reconstructions, which are as smooth as samples are; diversity is the mean distance between
  two of a set. The baseline draws from the Gaussian that PCA fits with as many numbers.
  Of labelled images the distribution is scored too: see `_generation_scores`.

  Args:
    run: an opened run; rows for each of its members, pictures of the first few.
    data: the dataset it was trained on.
    key: of everything that is drawn.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting, split, spacing or class.
  """
  settings = _members.resolve(SETTINGS, settings)
  examples = _members.split(data, settings["split"])
  # Folded, not split: a caller may hand one key to several applications.
  prior_key = jax.random.fold_in(key, 1)
  ends = _ends(examples, data, settings["pairs"])
  values = _latents.ticks(settings["grid"], settings["side"], settings["span"])
  posterior = _members.posterior(run, examples, key)
  axes = [_busiest(*member) for member in zip(*posterior, strict=True)]
  rows = _pictures.spread(len(examples["x"]), settings["limit"])
  left_out = _generation_scores.missing(run, len(rows))
  z = _choose(run, posterior.mean, axes, ends, values, prior_key, settings)
  if not left_out:
    z = z._replace(mixture=_generation_scores.mixtures(run, data, key, settings))
  pictures = decode(run, z, key)
  train = _members.inputs(run, _members.split(data, "train"), key)
  held = _members.inputs(run, {k: v[rows] for k, v in examples.items()}, key)
  distances = _distances(run, train, held, pictures, key, settings)
  scored = []
  if not left_out:
    label = data.splits["train"]["label"]
    scored = _generation_scores.measure(run, train, label, held, pictures, key, settings)
  context = _generation.Context(
    run, data, examples, posterior, axes, ends, z, pictures, distances, scored, settings
  )
  return Report(
    "generation",
    QUESTION,
    _generation.tables(context),
    _generation.figures(context),
    [*_generation.findings(context), *([left_out] if left_out else [])],
    _generation.arrays(context),
  )


def decode(run: Run, z: Latents, key: Array) -> Latents:
  """The pictures of all z, [..., *shape] in place of [..., L]."""
  flat = [part.reshape(len(part), -1, part.shape[-1]) for part in z]
  every = np.concatenate(flat, 1)
  images = apply_latents(
    run,
    lambda params, z, key: _pictures.shown(run.vae, run.spec, params, z),
    every,
    key,
  )
  cuts = np.cumsum([part.shape[1] for part in flat])[:-1]
  parts = zip(z, np.split(images, cuts, axis=1), strict=True)
  return Latents(*(x.reshape(*p.shape[:-1], *images.shape[2:]) for p, x in parts))


def distances(
  method: str, member: int | None, x: np.ndarray, train: np.ndarray
) -> Distances:
  """How near examples [N, *shape] lie to the training examples, and to each other."""
  found = neighbours.nearest(x, train)
  return Distances(method, member, *found, neighbours.mean_pairwise(x))


def _busiest(means: np.ndarray, logvars: np.ndarray) -> np.ndarray:
  """The active latents of [N, L], the one of the highest rate first; all where none is."""
  order = np.argsort(-latent.rates(means, logvars), kind="stable")
  active = latent.active_units(means)[order]
  return order[active] if active.any() else order


def _ends(examples: dict, data: Dataset, text: str) -> list[tuple[int, int]]:
  """The rows of the examples that are joined."""
  if "label" in examples and data.spec.classes:
    named, first = np.unique(examples["label"], return_index=True)
    rows = np.full(len(data.spec.classes), -1)
    rows[named] = first
    return _latents.parse_pairs(text, data.spec.classes, rows)
  return _latents.parse_pairs(text, (), np.asarray([len(examples["x"])]))


def _choose(
  run: Run,
  means: np.ndarray,
  axes: list,
  ends: list,
  values: np.ndarray,
  key: Array,
  settings: dict[str, Any],
) -> Latents:
  """All the points to decode, for every member."""
  count, steps, size = settings["limit"], settings["steps"], run.vae.latents
  prior = jax.vmap(run.vae.prior.sample)(jax.random.split(key, max(count, 100)))
  walked = np.linspace(-settings["span"], settings["span"], steps)
  most = min(10, max(len(a) for a in axes))
  planes, paths, walks = [], [], []
  for mean, busy in zip(means, axes, strict=True):
    plane = (min(busy[:2]), max(busy[:2])) if size > 1 and len(busy) > 1 else (0, size - 1)
    planes.append(_latents.plane(size, plane, values))
    between = [(mean[i], mean[j], steps) for i, j in ends]
    both = [[_latents.linear(*b), _latents.spherical(*b)] for b in between]
    paths.append(np.reshape(both, (len(ends), 2, steps, size)))
    padded = np.resize(busy, most)  # members differ in how many are active
    walks.append(_latents.walks(mean[0], padded, walked))
  everyone = np.broadcast_to(np.asarray(prior), (len(means), *prior.shape))
  rows = _pictures.spread(means.shape[1], count)
  none = np.zeros((len(means), 0, size), np.float32)
  return Latents(
    everyone, none, means[:, rows], *(np.stack(p) for p in (planes, paths, walks))
  )


def _distances(
  run: Run,
  train: np.ndarray,
  held: np.ndarray,
  pictures: Latents,
  key: Array,
  settings: dict[str, Any],
) -> list[Distances]:
  """Held-out examples, then reconstructions and samples of each member, then PCA's."""
  if run.spec.domain == "category":
    return []
  count = settings["limit"]
  sets = [(f"held-out ({settings['split']})", None, held)]
  for m in range(len(run.members)):
    sets.append(("reconstructions", m, pictures.codes[m]))
    sets.append(("samples", m, pictures.samples[m][:count]))
  rng = np.random.default_rng(np.asarray(jax.random.key_data(jax.random.fold_in(key, 2))))
  fitted = pca.fit(train, run.vae.latents)
  sets.append(("PCA-Gaussian samples", None, pca.sample(fitted, count, rng)))
  return [distances(*one, train) for one in sets]
