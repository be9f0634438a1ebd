"""Damaged images and their restorations: what denoising, inpainting and upscaling share."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls

from vae_jax import asking, distributions
from vae_jax.evaluation.protocol import Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference.joint import Joint
from vae_jax.inference.latent_map import Mode, latent_map
from vae_jax.metrics import image, restoration
from vae_jax.run import Run
from vae_jax.studies import symbols
from vae_jax.types import Array, Example, Params, UserError

SETTINGS = {
  "split": "test",
  "limit": 100,  # images: the first ones of the split
  "tune": 40,  # validation images on which methods and baselines are chosen
  "mask_seed": 1,  # of the damage, apart from --seed
  "map_steps": 80,  # of latent_map, from each start
  "map_rate": 0.05,  # its first step size, in units of z
  "draws": 1,  # starts of latent_map drawn from the prior, beside the others
  "epochs": 15,  # of the judge
  "passes": 0,  # of the supervised network over the images; 0: as many as the model had
  "slow_limit": 50,  # images of baselines that take one image at a time
  "batch": 250,  # images at once: memory, not the result
  "palette": "magma",
}
CAP = 50.0  # dB; an image that came back exactly would make every mean infinite
SMALLEST = 0.01  # grey levels: no model is surer of a pixel than that
METRICS = {
  "psnr": Metric("PSNR", "dB"),
  "ssim": Metric("SSIM", digits=3),
  "mse": Metric("Squared error", better=-1, digits=4),
  "accuracy": Metric("Accuracy of a fixed classifier", digits=3),
}


def check(runs: list[Run], name: str) -> None:
  """Refuses a run with nothing to restore.

  Raises:
    UserError: the run's examples are no images within [0, 1], or are too small, or its codes
      are such that no search moves through them.
  """
  for run in runs:
    spec = run.spec
    if spec.kind != "image" or spec.domain not in ("unit", "binary"):
      raise UserError(
        f"{name} needs images with values in [0, 1], and {run.dataset.name!r} holds examples of"
        f" kind {spec.kind!r} and domain {spec.domain!r}: evaluate a run on images."
      )
    if min(spec.shape[:2]) < 4:
      raise UserError(
        f"{name} needs images of 4 x 4 pixels or more; these are {spec.shape}."
      )
    symbols.require_real(run, f"{name} searches for the code by its gradient")


def clean(source: Source, split: str, limit: int) -> tuple[dict, np.ndarray]:
  """The first examples of a split as stored, and their images [N, H, W, C] within [0, 1]."""
  examples = source.split(split, limit)
  return examples, np.clip(source.inputs(examples), 0, 1)


def tuning(source: Source) -> np.ndarray:
  """The validation images [T, H, W, C] that baselines choose their numbers on."""
  limit = source.settings["tune"]
  return source.once("tuning", lambda: clean(source, "valid", limit)[1])


def train(source: Source) -> np.ndarray:
  """The training images [P, H, W, C] within [0, 1]."""
  return source.once("images", lambda: np.clip(source.train, 0, 1))


def residual(run: Run, source: Source, power: int) -> np.ndarray:
  """`spread_of` an encode-and-decode of clean validation images, for each member [M, 2]."""
  vae, valid = run.vae, tuning(source)
  fields = source.split("valid", source.settings["tune"])
  rebuild = lambda params, hyper, example, key: vae.mean(
    params, distributions.code(vae.posterior(params, example))
  )
  rebuilt = np.clip(asking.apply(run, rebuild, fields, source.key), 0, 1)
  return np.stack([spread_of(x, valid, power) for x in rebuilt])


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
  """`z -> E[x|z]`, from [L] to [H, W, C]."""
  return lambda z: run.vae.mean(params, z)


def encoded(run: Run, params: Params, example: Example, x: Array) -> Array:
  """The code [L] of q(z|x) for another picture x in the place of an example's own."""
  return distributions.code(run.vae.posterior(params, {**example, "x": x}))


def log_prior(run: Run, params: Params, z: Array) -> Array:
  """log p(z) of the member's own prior, [] nats; 0 for an autoencoder, which has none."""
  return (
    distributions.log_prob(run.vae.prior(params), z) if run.stochastic else jnp.zeros(())
  )


def joint(run: Run, params: Params, log_likelihood: Callable[[Array], Array]) -> Joint:
  """log p(y|z) + log p(z) under the member's own prior.

  A deterministic autoencoder has no prior: log p(y|z) alone.
  """
  return Joint(log_likelihood, run.vae.prior(params), run.stochastic)


def search(settings: dict[str, Any], joint: Joint, starts: list[Array], key: Array) -> Mode:
  """`latent_map` from the given codes [L], the prior's own code and `draws` draws of it."""
  every = joint.starts(starts, settings["draws"], key)
  return latent_map(joint, every, settings["map_steps"], settings["map_rate"])


def score(
  task: Task, answer: Any, condition: int, counted: np.ndarray | None = None
) -> dict[str, np.ndarray]:
  """PSNR, SSIM, squared error and the judge's verdict of restored images, [n] each.

  Args:
    task: `truth` are the clean images [N, H, W, C].
    answer: images [n, H, W, C] of the first n, or a dict with them as "x" and further scores.
    condition: not read.
    counted: [N, H, W, 1], 1 where PSNR and squared error look; everywhere without it.
  """
  del condition
  further = dict(answer) if isinstance(answer, dict) else {"x": answer}
  x = np.clip(further.pop("x"), 0, 1)
  clean = task.truth[: len(x)]
  mse = _squared_error(clean, x, None if counted is None else counted[: len(x)])
  found = {"psnr": np.minimum(image.psnr(mse), CAP), "ssim": restoration.ssim(clean, x)}
  found["mse"] = mse
  if task.source.judge is not None:
    right = task.source.judge(x) == task.examples["label"][: len(x)]
    found["accuracy"] = right.astype(np.float64)
  return found | {name: v for name, v in further.items() if np.ndim(v) == 1}


def pixels(answer: Any) -> np.ndarray:
  """The images [n, H, W, C] of an answer."""
  return np.clip(answer["x"] if isinstance(answer, dict) else answer, 0, 1)


def shown(task: Task, answer: Any, condition: int) -> np.ndarray:
  """The restored images, for the figure of all sides."""
  del task, condition
  return pixels(answer)


def beside(task: Task, count: int) -> dict[str, np.ndarray]:
  """As many examples as a user's own pictures, for the fields that a model may read beside x."""
  rows = np.arange(count) % len(task.truth)
  return {k: v[rows] for k, v in task.examples.items()} | {
    "id": np.arange(count, dtype=np.int32)
  }


def trained_on(run: Run, place: int) -> str:
  """What the encoder of a member saw in training: "clean", "5 %", "0 to 60 %", "holes 95 %"."""
  corruption = run.config["corruption"]
  rate = float(run.hyper["corruption_rate"][place])
  if corruption["name"] == "none" or rate == 0:
    return "clean"
  share = f"{'0 to ' if corruption.get('vary', False) else ''}{100 * rate:g} %"
  return share if corruption["name"] == "uniform" else f"{corruption['name']} {share}"


def judged(task: Task) -> list[str]:
  """A sentence on how often the judge is right on clean images; none without a judge."""
  if task.source.judge is None:
    return []
  right = float((task.source.judge(task.truth) == task.examples["label"]).mean())
  return [f"The fixed classifier is right on {100 * right:.1f} % of the clean images."]


def _squared_error(x: np.ndarray, y: np.ndarray, counted: np.ndarray | None) -> np.ndarray:
  if counted is None:
    return image.squared_error(x, y)
  total = np.maximum(counted.sum((1, 2, 3)) * x.shape[-1], 1)
  return (np.square(x - y) * counted).sum((1, 2, 3), dtype=np.float64) / total
