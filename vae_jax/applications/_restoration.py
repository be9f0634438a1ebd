"""Damaged images and their restorations: what denoising, inpainting and upscaling share."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.applications import _members, _pictures
from vae_jax.baselines import classifier
from vae_jax.latent_map import Mode, latent_map
from vae_jax.metrics import image, latent, restoration
from vae_jax.metrics.summary import mean_and_error
from vae_jax.run import Run, apply
from vae_jax.types import Array, Dataset, Example, Params, Posterior, Table, UserError

SETTINGS = {
  "split": "test",
  "limit": 250,  # images: the first ones of the split
  "tune": 40,  # validation images on which baselines choose their numbers
  "mask_seed": 1,  # of the damage, apart from --seed
  "steps": 100,  # of latent_map, from each start
  "rate": 0.05,  # latent_map's first step size
  "draws": 1,  # starts of latent_map drawn from the prior, beside the others
  "epochs": 15,  # of the judge, and of the supervised network where there is one
  "slow_limit": 50,  # images of baselines that take one image at a time
  "batch": 250,  # images at once: memory, not the result
  "palette": "magma",
}
METRICS = {"psnr": "PSNR in dB", "ssim": "SSIM", "mse": "Squared error", "accuracy": ""}


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
  """The clean images of a run and the judge.

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


def ask_model(
  task: Task, fn: Callable[[Params, Example, Array], Any], fields: dict[str, np.ndarray]
) -> tuple[Any, float]:
  """`fn(params, example, key)` of every member, damage and image: leaves [M, D, N, ...].

  Args:
    task: whose images are asked about.
    fn: of ONE member and ONE damaged image.
    fields: what the damage adds to an example, [D, N, ...] each. All kinds of damage are
      examples of one call, so that they are one compiled program.

  Returns:
    The leaves, and the seconds it took, compilation included.
  """
  began, (kinds, count) = time.perf_counter(), next(iter(fields.values())).shape[:2]
  examples = {k: np.concatenate([v[:count]] * kinds) for k, v in task.examples.items()} | {
    k: v.reshape(-1, *v.shape[2:]) for k, v in fields.items()
  }
  of_one = lambda params, hyper, example, key: fn(params, example, key)
  flat = apply(task.run, of_one, examples, task.key, task.settings["batch"])
  found = jax.tree.map(lambda v: v.reshape(len(v), kinds, count, *v.shape[2:]), flat)
  return found, time.perf_counter() - began


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
  return latent_map(log_joint, every, s["steps"], s["rate"])


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


def score(task: Task, answer: Answer) -> Scored:
  """PSNR, SSIM, squared error and the judge's accuracy for each kind of damage."""
  means: dict[str, list[float]] = {name: [] for name in METRICS}
  errors = []
  for x in answer.x:
    clean = task.clean[: len(x)]
    mse = image.squared_error(clean, x)
    decibels = mean_and_error(image.psnr(mse))
    means["psnr"].append(decibels.mean)
    errors.append(decibels.error)
    means["ssim"].append(float(restoration.ssim(clean, x).mean()))
    means["mse"].append(float(mse.mean()))
    if task.judge is not None:
      right = task.judge(x) == task.examples["label"][: len(x)]
      means["accuracy"].append(float(right.mean()))
  kept = {name: np.asarray(values) for name, values in means.items() if values}
  return Scored(answer, kept, np.asarray(errors))


def tables(task: Task, scored: list[Scored], damages: list[str], note: str) -> list[Table]:
  """One table for each metric: a row for each member and method, a column for each damage."""
  run, head = task.run, _members.columns(task.run)
  kl = [latent.rates(m, v).sum() for m, v in zip(*task.posterior, strict=True)]
  found = []
  for metric, title in METRICS.items():
    if metric not in scored[0].means:
      continue
    rows = []
    for one in scored:
      m = one.answer.member
      row = _members.cells(run, m) if m is not None else [None] * len(head)
      row += [one.answer.method]
      known = m is not None
      row += [latent.verdict(task.posterior.mean[m]) if known else None]
      row += [float(kl[m]) if known and run.stochastic else None]
      rows.append([*row, *map(float, one.means[metric]), one.answer.seconds])
    columns = (*head, "method", "active", "KL", *damages, "seconds")
    found.append(
      Table(title or _judge_title(task), columns, rows, _note(task, metric, note))
    )
    note = ""
  return found


def _judge_title(task: Task) -> str:
  right = float((task.judge(task.clean) == task.examples["label"]).mean())
  return f"Accuracy of a fixed classifier ({right:.3f} on the clean images)"


def _note(task: Task, metric: str, note: str) -> str:
  if metric != "psnr":
    return note
  s, run = task.settings, task.run
  return (
    f"The mean over images of each image's PSNR, peak 1, on the first {len(task.clean):,} of"
    f" {s['split']}; its standard error is {_typical_error(task)} dB or so. {note} Baselines"
    f" choose their numbers on {len(task.valid)} validation images. KL (nats) and active latents"
    " are those of the clean images. Seconds: for every kind of damage together, a program's"
    f" compilation included, fitting not. The likelihood is {run.likelihood.name}."
  )


def _typical_error(task: Task) -> str:
  # PSNR spreads by about 2.5 dB over images of one set, whatever the method.
  return f"{2.5 / max(1, len(task.clean)) ** 0.5:.2f}"


def best(
  scored: list[Scored], damage: int, model: bool, metric: str = "psnr"
) -> Scored | None:
  """The model's, or the baselines', answer with the highest score for one kind of damage."""
  those = [s for s in scored if (s.answer.member is not None) == model]
  finite = [s for s in those if np.isfinite(s.means[metric][damage])]
  return max(finite, key=lambda s: s.means[metric][damage], default=None)


def compare(
  task: Task, scored: list[Scored], damages: list[str], metric: str = "psnr"
) -> list[str]:
  """A sentence for each kind of damage: the model's best method, and the best of the others."""
  unit = {"psnr": " dB", "ssim": " SSIM"}.get(metric, "")
  found = []
  for d, damage in enumerate(damages):
    ours, theirs = best(scored, d, True, metric), best(scored, d, False, metric)
    if ours is None or theirs is None:
      continue
    a, b = ours.means[metric][d], theirs.means[metric][d]
    name = _members.title(task.run, ours.answer.member)
    who = f"{ours.answer.method}{f' ({name})' if name else ''}"
    verdict = "above" if a >= b else "and the baseline wins:"
    found.append(
      f"{damage}: {who} reaches {a:.2f}{unit}, {verdict} {theirs.answer.method} at"
      f" {b:.2f}{unit}."
    )
  return found


def warnings(task: Task, scored: list[Scored]) -> list[str]:
  """COLLAPSED members, and answers that hold a NaN."""
  found = []
  for m in range(len(task.run.members)):
    if latent.collapsed(task.posterior.mean[m]):
      name = _members.title(task.run, m) or "The model"
      found.append(f"COLLAPSED: {name} has no active latent and restores one picture only.")
  lost = sum(int(np.isnan(s.answer.x).any((2, 3, 4)).sum()) for s in scored)
  return found + ([f"{lost:,} restored images hold a NaN; they count."] if lost else [])


def shown_rows(task: Task, count: int = 10) -> np.ndarray:
  """The images that are drawn: the first of each class."""
  return _pictures.chosen(task.examples, task.run.spec, count)
