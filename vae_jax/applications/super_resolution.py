"""Super-resolution: a large image from the averages of its 2 x 2 or 4 x 4 blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.baselines import image_imputation, upscaling
from vae_jax.baselines import ridge_regression as ridge
from vae_jax.evaluation import answer as of_answer
from vae_jax.evaluation import reporting
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference import damage, imputations, latent_map
from vae_jax.inputs import large_pictures
from vae_jax.run import Run
from vae_jax.studies import draws, large, supervised
from vae_jax.studies import restoration as shared
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = "How much of a large image do its block averages and a model know?"
FAMILIES = True  # points of the whole space are searched under any prior
FACTORS = (2, 4)
NAMES = tuple(f"{factor}×" for factor in FACTORS)
SETTINGS = {
  **shared.SETTINGS,
  **draws.SETTINGS,
  "std": 0.05,  # of a block's average around the model's, in grey levels
  "pictures": "",  # a folder or .zip of larger pictures: `inputs.large_pictures`
  "crop": 96,  # the longest side of one of them: a larger one gives its middle
}
ONCE, MAP, PROJECTED = "encode and decode", "latent MAP", "latent MAP + back-projection"
OWN = f"{PROJECTED}, own starts"
MEAN = "posterior mean + back-projection"
GAUSSIAN = "conditional Gaussian"
_rms = lambda squares: float(np.sqrt(np.mean(squares)))
METRICS = shared.METRICS | {
  "consistency": Metric("Distance to the small image", "grey levels", -1, 4, reduce=_rms)
}
METRICS |= draws.METRICS
CONTRASTS = ((ONCE, MAP),)
shown = shared.shown
NOTE = (
  "Columns: how many pixels of a side were averaged into one. Distance to the small image: the"
  " root mean squared difference between it and the enlarged one made small again, 0 where"
  " nothing that was known is contradicted. Every method is told the factor. Own starts: without"
  " the one from the ridge regression's answer. The supervised network has the model's number of"
  " parameters and of passes over the images; it was trained on both factors."
) + draws.NOTE


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no image within [0, 1], sides that 4 does not divide, and no pictures."""
  for run in runs:
    if run.spec.kind == "image" and any(side % max(FACTORS) for side in run.spec.shape[:2]):
      raise UserError(
        f"super_resolution averages 4 x 4 blocks, and the images are {run.spec.shape[:2]}:"
        " evaluate a run whose sides can be divided by 4."
      )
  shared.check(runs, "super_resolution")
  if settings["pictures"]:
    large_pictures.read(settings["pictures"], runs[0].spec, settings["crop"])


def prepare(source: Source, split: str, limit: int) -> Task:
  """Images made small by averaging 2 x 2 and 4 x 4 blocks."""
  examples, clean = shared.clean(source, split, limit)
  small = _small(clean)
  filters = source.once("ridge", lambda: _ridges(source))
  guess = np.stack([ridge.apply(f, y) for f, y in zip(filters, small, strict=True)])
  fields = _fields(small, guess)
  return Task(source, split, examples, NAMES, fields, clean, small)


def _fields(small: list[np.ndarray], guess: np.ndarray) -> dict[str, np.ndarray]:
  pairs = zip(small, FACTORS, strict=True)
  repeated = np.stack([np.asarray(damage.block_repeat(y, f)) for y, f in pairs])
  which = np.arange(len(FACTORS), dtype=np.int32)[:, None]
  which = np.broadcast_to(which, repeated.shape[:2])
  return {"damaged": repeated, "guess": guess, "which": which}


def _small(x: np.ndarray) -> list[np.ndarray]:
  return [np.asarray(damage.block_mean(x, factor)) for factor in FACTORS]


def model(task: Task, run: Run, several: bool = True) -> Ask:
  """One encode-and-decode, the posterior mode of z, and both made consistent with the blocks."""
  s, std = task.settings, task.settings["std"]

  def enlarge(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, which = example["damaged"], example["which"].astype(int)
    decode = shared.decoder(run, params)
    encode = partial(shared.encoded, run, params, example)
    # Both factors are one program: the averages of both are taken, and one is looked at.
    of = lambda per_factor: jnp.stack([per_factor(f) for f in FACTORS])[which]
    averages = lambda x: of(lambda f: damage.block_repeat(damage.block_mean(x, f), f))
    blocks = of(lambda f: jnp.asarray(1.0 / f**2))  # a small pixel is f^2 of the large
    likelihood = lambda z: damage.observed_gaussian(seen, averages(decode(z)), blocks, std)

    def project(x: Array) -> Array:
      for _ in range(damage.ROUNDS):
        x = jnp.clip(x + seen - averages(x), 0, 1)
      return x

    joint, code = shared.joint(run, params, likelihood), encode(seen)
    mode = shared.search(s, joint, [code, encode(example["guess"])], key)
    best = decode(mode.z)
    own = decode(latent_map.without(mode, 1))
    named = {ONCE: decode(code), MAP: best, OWN: project(own), PROJECTED: project(best)}
    if not several:
      return named
    everywhere = jnp.ones_like(seen[..., :1])
    drawn = imputations.answer(
      s, decode, hyper["residual"], example["x"], joint, mode, project, everywhere, key
    )
    drawn.pop("answers")
    return named | {MEAN: drawn}

  return Ask(enlarge, {"residual": shared.residual(run, task.source, 2)}, s["batch"])


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Interpolation, ridge regression, neighbours, one Gaussian, and a network for the task."""
  small, shape, train = task.own, task.truth.shape[1:3], shared.train(task.source)
  shrunk = task.source.once("shrunk", lambda: _small(train))
  gaussian = _conditional(task.source, small)
  everywhere = np.ones_like(task.truth[..., :1])
  found: dict[str, Callable[[int], Any]] = {
    name: lambda c, name=name: upscaling.resize(small[c], shape, name)
    for name in upscaling.METHODS
  }
  plain = {
    "ridge": lambda c: task.fields["guess"][c],
    "5 neighbours": lambda c: upscaling.neighbours(small[c], shrunk[c], train),
    supervised.NETWORK: lambda c: supervised.enlarged(
      task.source, task.fields["damaged"][c], c, FACTORS
    ),
    GAUSSIAN: lambda c: draws.gaussian(
      *gaussian[c], task.truth, everywhere, task.settings["mask_seed"]
    ),
  }
  for name, fn in plain.items():
    found[name] = fn
    found[f"{name} + back-projection"] = lambda c, fn=fn: np.asarray(
      damage.back_project(shared.pixels(fn(c)), small[c], FACTORS[c])
    )
  return found


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Scores of enlarged images, and how far they contradict the small ones."""
  x = shared.pixels(answer)
  again = np.asarray(damage.block_mean(x, FACTORS[condition]))
  gap = np.square(again - task.own[condition][: len(x)]).mean((1, 2, 3), dtype=np.float64)
  return shared.score(task, answer, condition) | {"consistency": gap}


def pictures(task: Task, condition: int) -> dict[str, np.ndarray]:
  """The original images, and their blocks."""
  return {"original": task.truth, "seen": task.fields["damaged"][condition]}


def further(outcome: Outcome) -> Extra:
  """Larger pictures, cut into tiles of the size that the model knows."""
  task, settings = outcome.task, outcome.settings
  found = Extra(findings=shared.judged(task), arrays={"clean": task.truth[:100]})
  if not settings["pictures"]:
    return found
  spec = task.source.spec
  given = large_pictures.read(settings["pictures"], spec, settings["crop"])
  tiles = np.concatenate([large_pictures.cut(p.x, spec.shape) for p in given])
  small = _small(tiles)
  guess = np.stack([mean for mean, _ in _conditional(task.source, small)])
  examples = shared.beside(task, len(tiles))
  asked = Task(task.source, task.split, examples, NAMES, _fields(small, guess), tiles)
  results = []
  for run in outcome.runs:
    made = of_answer.ask(asked, run, model(task, run, False), outcome.key)[PROJECTED]
    results += [
      large.result(given, m, PROJECTED, NAMES[c], made[m.place, c], f)
      for m in outcome.members if m.run is run
      for c, f in enumerate(FACTORS)
    ]  # fmt: skip
  for c, f in enumerate(FACTORS):
    results.append(large.result(given, None, GAUSSIAN, NAMES[c], guess[c], f))
    results += large.interpolated(given, NAMES[c], f)
  metrics = {"psnr": METRICS["psnr"]}
  extra = reporting.part(outcome, "Large pictures", metrics, NAMES, results)
  return extra._replace(
    figures=[
      large.figure(outcome, given, results, n, (GAUSSIAN, PROJECTED)) for n in NAMES
    ],
    findings=[*found.findings, *extra.findings],
    arrays=found.arrays,
  )


def _conditional(
  source: Source, small: list[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
  """Mean and standard deviation under one Gaussian of whole images, for each factor."""

  def fit() -> list:
    fitted = image_imputation.fit_gaussian(shared.train(source))
    valid = shared.tuning(source)
    return [image_imputation.tuned_for_averages(fitted, valid, f) for f in FACTORS]

  tuned = source.once("gaussians", fit)
  parts = zip(tuned, small, FACTORS, strict=True)
  return [image_imputation.averaged(*part) for part in parts]


def _ridges(source: Source) -> list[ridge.Ridge]:
  train, valid = shared.train(source), shared.tuning(source)
  pairs = zip(_small(train), _small(valid), strict=True)
  return [ridge.fit(a, train, b, valid) for a, b in pairs]
