"""Damaged images and their restorations: what denoising, inpainting and upscaling share."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls

from vae_jax.applications import _members
from vae_jax.asking import apply
from vae_jax.baselines import classifier
from vae_jax.inference.latent_map import Mode, latent_map
from vae_jax.metrics import image, restoration
from vae_jax.metrics.summary import mean_and_error
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Example, Hyper, Params, Posterior, UserError

SETTINGS = {
  "split": "test",
  "limit": 100,  # images: the first ones of the split
  "tune": 40,  # validation images on which baselines choose their numbers
  "mask_seed": 1,  # of the damage, apart from --seed
  "map_steps": 80,  # of latent_map, from each start
  "map_rate": 0.05,  # its first step size, in units of z
  "draws": 1,  # starts of latent_map drawn from the prior, beside the others
  "epochs": 15,  # of the judge, and of the supervised network where there is one
  "slow_limit": 50,  # images of baselines that take one image at a time
  "batch": 250,  # images at once: memory, not the result
  "palette": "magma",
}
CAP = 50.0  # dB; an image that came back exactly would make every mean infinite
SMALLEST = 0.01  # grey levels: no model is surer of a pixel than that
METRICS = ("psnr", "ssim", "mse", "accuracy")


class Task(NamedTuple):
  """Clean images, and all that stays the same over methods."""

  run: Run
  data: Dataset
  settings: dict[str, Any]
  examples: dict[str, np.ndarray]  # the first `limit` of the split, as stored
  clean: np.ndarray  # [N, H, W, C]
  train: np.ndarray  # [P, H, W, C]
  valid: np.ndarray  # [T, H, W, C], the first `tune`
  posterior: Posterior  # [M, N, L] of the clean images
  judge: Callable[[np.ndarray], np.ndarray] | None  # images -> classes
  key: Array


class Answer(NamedTuple):
  """What one method made of every kind of damage."""

  member: int | None  # None: a baseline
  method: str
  x: np.ndarray  # [D, n, H, W, C] of the first n <= N images
  seconds: float  # all kinds of damage together, without fitting


class Scored(NamedTuple):
  """An answer's scores."""

  answer: Answer
  means: dict[str, np.ndarray]  # of each metric, [D]
  errors: np.ndarray  # [D] standard error of the PSNR


def prepare(
  run: Run, data: Dataset, key: Array, settings: dict[str, Any], application: str
) -> Task:
  """The clean images of a run and the judge; raises as `check` does."""
  check(run, data, application)
  every = _members.split(data, settings["split"])
  examples = {name: values[: settings["limit"]] for name, values in every.items()}
  ask = lambda fields: np.clip(_members.inputs(run, fields, key), 0, 1)
  whole, valid = _members.split(data, "train"), _members.split(data, "valid")
  valid = {name: values[: settings["tune"]] for name, values in valid.items()}
  train, judge = ask(whole), None
  if "label" in whole and run.spec.classes:
    count = len(run.spec.classes)
    fold = jax.random.key(settings["mask_seed"])  # the judge is the same for every --seed
    judge = classifier.fit(train, whole["label"], count, fold, settings["epochs"])
  means = _members.posterior(run, examples, key)
  return Task(
    run, data, settings, examples, ask(examples), train, ask(valid), means, judge, key
  )


def check(run: Run, data: Dataset, application: str) -> None:
  """Refuses a run with nothing to restore.

  Raises:
    UserError: the run's examples are no images within [0, 1], or are too small.
  """
  if run.spec.kind != "image" or run.spec.domain not in ("unit", "binary"):
    raise UserError(
      f"{application} needs images with values in [0, 1], and {data.name!r} holds examples of"
      f" kind {run.spec.kind!r} and domain {run.spec.domain!r}: evaluate a run on images."
    )
  if min(run.spec.shape[:2]) < 4:
    raise UserError(
      f"{application} needs images of 4 x 4 pixels or more; these are {run.spec.shape}."
    )


def again(task: Task, run: Run) -> Task:
  """The task for another program on the same data: its images, judge and baselines are shared."""
  means = _members.posterior(run, task.examples, task.key)
  return task._replace(run=run, posterior=means)


def instead(task: Task, x: np.ndarray) -> Task:
  """The task with other images [n, H, W, C] in the place of its clean ones, for `ask_model`.

  Their answers mean something, and their scores nothing: the clean images are not known.
  """
  rows = np.arange(len(x)) % len(task.clean)
  examples = {name: values[rows] for name, values in task.examples.items()}
  ids = np.arange(len(x), dtype=np.int32)
  return task._replace(examples={**examples, "id": ids}, clean=x)


def ask_model(
  task: Task,
  fn: Callable[[Params, Hyper, Example, Array], Any],
  fields: dict[str, np.ndarray],
  numbers: dict[str, np.ndarray] | None = None,
) -> tuple[Any, float]:
  """`fn(params, hyper, example, key)` of every member, damage and image: [M, D, N, ...].

  Args:
    task: whose images are asked about.
    fn: of ONE member and ONE damaged image.
    fields: what the damage adds to an example, [D, N, ...] each. All kinds of damage are
      examples of one call, so that they are one compiled program.
    numbers: added to each member's hyper, [M, ...] each.

  Returns:
    The leaves, and the seconds it took, compilation included.
  """
  began, (kinds, count) = time.perf_counter(), next(iter(fields.values())).shape[:2]
  examples = {k: np.concatenate([v[:count]] * kinds) for k, v in task.examples.items()} | {
    k: v.reshape(-1, *v.shape[2:]) for k, v in fields.items()
  }
  run = task.run._replace(hyper={**task.run.hyper, **(numbers or {})})
  flat = apply(run, fn, examples, task.key, task.settings["batch"])
  found = jax.tree.map(lambda v: v.reshape(len(v), kinds, count, *v.shape[2:]), flat)
  return found, time.perf_counter() - began


def residual(task: Task, power: int) -> np.ndarray:
  """`spread_of` an encode-and-decode of clean validation images, for each member [M, 2]."""
  vae = task.run.vae
  valid = _members.split(task.data, "valid")
  fields = {k: v[: task.settings["tune"]] for k, v in valid.items()}
  rebuild = lambda params, hyper, example, key: vae.mean(
    params, vae.posterior(params, example).mean
  )
  rebuilt = np.clip(apply(task.run, rebuild, fields, task.key), 0, 1)
  return np.stack([spread_of(x, task.valid, power) for x in rebuilt])


def spread_of(predicted: np.ndarray, clean: np.ndarray, power: int) -> np.ndarray:
  """The coefficients [2] of `damage.spread` that fit how far a prediction is off.

  power 1 fits the mean absolute error, a Laplace scale; power 2 the root mean squared one, a
  standard deviation. Least squares with positive coefficients over ten bins of the predicted
  level, which count alike: most pixels are black.
  """
  error = np.abs(predicted - clean) ** power
  level = np.minimum((10 * predicted).astype(int), 9)
  bins = [level == b for b in range(10) if (level == b).sum() >= 20]
  mean = np.array([error[rows].mean() for rows in bins]) ** (1 / power)
  centre = np.array([predicted[rows].mean() for rows in bins])
  shape = np.stack([np.ones_like(centre), 4 * centre * (1 - centre)], -1)
  if not (np.isfinite(shape).all() and np.isfinite(mean).all() and len(bins)):
    return np.full(2, np.nan, np.float32)
  return np.maximum(nnls(shape, mean)[0], (SMALLEST, 0.0)).astype(np.float32)


def decoder(run: Run, params: Params) -> Callable[[Array], Array]:
  """z [L] -> E[x|z] [H, W, C]."""
  return lambda z: run.vae.mean(params, z)


def encoded(run: Run, params: Params, example: Example, x: Array) -> Array:
  """The encoder's mean [L] for another picture x in the place of an example's own."""
  return run.vae.posterior(params, {**example, "x": x}).mean


def log_prior(run: Run, z: Array) -> Array:
  """log p(z); 0 for a deterministic autoencoder, which has no prior."""
  return run.vae.prior.log_prob(z) if run.stochastic else jnp.zeros(())


def search(
  task: Task, log_joint: Callable[[Array], Array], starts: list[Array], key: Array
) -> Mode:
  """`latent_map` from the given codes [L], the prior's mean and `draws` draws of it."""
  s, latents = task.settings, task.run.vae.latents
  drawn = jax.random.normal(key, (s["draws"], latents))
  every = jnp.concatenate([jnp.stack([*starts, jnp.zeros(latents)]), drawn])
  return latent_map(log_joint, every, s["map_steps"], s["map_rate"])


def answers(found: dict[str, np.ndarray], seconds: float) -> list[Answer]:
  """What `ask_model` returned by method [M, D, N, ...] as answers of each member."""
  members = len(next(iter(found.values())))
  share = seconds / members
  return [
    Answer(m, method, np.clip(x[m], 0, 1), share)
    for m in range(members)
    for method, x in found.items()
  ]


def timed(method: str, restore: Callable[[int], np.ndarray], kinds: int) -> Answer:
  """A baseline's answer: `restore(d)` gives the images [n, H, W, C] of each kind of damage."""
  began = time.perf_counter()
  x = np.stack([restore(d) for d in range(kinds)])
  return Answer(None, method, x.astype(np.float32), time.perf_counter() - began)


def score(task: Task, answer: Answer, counted: np.ndarray | None = None) -> Scored:
  """PSNR, SSIM, squared error and the judge's accuracy for each kind of damage.

  Args:
    task: with the clean images.
    answer: of one method.
    counted: [D, N, H, W, 1], 1 where PSNR and squared error look; everywhere without it.
  """
  means: dict[str, list[float]] = {name: [] for name in METRICS}
  errors = []
  for d, x in enumerate(answer.x):
    clean = task.clean[: len(x)]
    mse = _squared_error(clean, x, None if counted is None else counted[d][: len(x)])
    decibels = mean_and_error(np.minimum(image.psnr(mse), CAP))
    means["psnr"].append(decibels.mean)
    errors.append(decibels.error)
    means["ssim"].append(float(restoration.ssim(clean, x).mean()))
    means["mse"].append(float(mse.mean()))
    if task.judge is not None:
      right = task.judge(x) == task.examples["label"][: len(x)]
      means["accuracy"].append(float(right.mean()))
  kept = {name: np.asarray(values) for name, values in means.items() if values}
  return Scored(answer, kept, np.asarray(errors))


def _squared_error(x: np.ndarray, y: np.ndarray, counted: np.ndarray | None) -> np.ndarray:
  if counted is None:
    return image.squared_error(x, y)
  total = np.maximum(counted.sum((1, 2, 3)) * x.shape[-1], 1)
  return (np.square(x - y) * counted).sum((1, 2, 3), dtype=np.float64) / total
