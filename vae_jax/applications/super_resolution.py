"""Super-resolution: a large image from the averages of its 2 x 2 or 4 x 4 blocks."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.applications import _large, _members, _pictures, _restored, _several
from vae_jax.applications import _restoration as shared
from vae_jax.baselines import image_imputation, ridge_regression, upscaling
from vae_jax.inference import damage
from vae_jax.run import Run
from vae_jax.types import (
  Array,
  Dataset,
  Example,
  Figure,
  Hyper,
  Params,
  Report,
  Table,
  UserError,
)

QUESTION = "How much of a large image do its block averages and a model know?"
FACTORS = (2, 4)
SETTINGS = {
  **shared.SETTINGS,
  **_several.SETTINGS,
  "std": 0.05,  # of a block's average around the model's, in grey levels
  "pictures": "",  # a folder or .zip of larger pictures, enlarged by tiles; see `_large`
  "crop": 96,  # the longest side of one of them: a larger one gives its middle
}
ONCE, MAP, PROJECTED = "encode and decode", "latent MAP", "latent MAP + back-projection"
MEAN = "posterior mean + back-projection"


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Images made small by averaging 2 x 2 and 4 x 4 blocks, made large again.

  By one encode-and-decode of the small image enlarged, by the posterior mode of z given the
  small image, and by that mode changed as little as it takes to average to the small image.
  With the setting `pictures` larger pictures are enlarged too, by overlapping tiles.

  Args:
    run: an opened run; rows for each member.
    data: the dataset it was trained on.
    key: of starts and draws.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting or split, a run whose examples are no images, images whose
      sides 4 does not divide, or no pictures where the setting says.
  """
  settings = _members.resolve(SETTINGS, settings)
  if run.spec.kind == "image" and any(side % max(FACTORS) for side in run.spec.shape[:2]):
    raise UserError(
      f"super_resolution averages 4 x 4 blocks, and the images are {run.spec.shape[:2]}:"
      " evaluate a run whose sides can be divided by 4."
    )
  shared.check(run, data, "super_resolution")
  given, crop = settings["pictures"], settings["crop"]
  large = _large.read(given, run.spec, crop) if given else []
  task = shared.prepare(run, data, key, settings, "super_resolution")
  small = [np.asarray(damage.block_mean(task.clean, f)) for f in FACTORS]
  conditional = _conditional(task, small)
  baselines = _baselines(task, small, [mean for mean, _ in conditional])
  ridge = next(a for a in baselines if a.method == "ridge")
  found, seconds = _enlarged(task, small, ridge.x)
  pictures = {name: found[name] for name in (ONCE, MAP, PROJECTED, MEAN)}
  every = [*shared.answers(pictures, seconds), *baselines]
  scored = [shared.score(task, answer) for answer in every]
  names = [f"{factor}×" for factor in FACTORS]
  note = "Columns: how many pixels of a side were averaged into one."
  tables = _restored.tables(task, scored, names, note)
  everywhere = np.ones_like(task.clean[..., :1])
  linear = [
    (name, _several.gaussian(*pair, task.clean, everywhere, settings["mask_seed"]))
    for name, pair in zip(names, conditional, strict=True)
  ]
  several = _several.table(task, found, names, linear)
  report = Report(
    "super_resolution",
    QUESTION,
    [*tables, _consistency(task, every, small, names), several],
    _figures(task, scored, small, names),
    [
      *_restored.compare(task, scored, names),
      _restored.worth(scored, ONCE, MAP, names),
      *_restored.warnings(task, scored),
    ],
    {"clean": task.clean[:100], "enlarged": found[PROJECTED][:, :, :100]},
  )
  return _with_large(report, task, large) if large else report


def _with_large(report: Report, task: shared.Task, large: list[_large.Picture]) -> Report:
  """The report with larger pictures, cut into tiles of the size that the model knows."""
  tiles = np.concatenate([_large.cut(p.x, task.run.spec.shape) for p in large])
  small = [np.asarray(damage.block_mean(tiles, f)) for f in FACTORS]
  guess = np.stack([mean for mean, _ in _conditional(task, small)])
  found, _ = _enlarged(shared.instead(task, tiles), small, guess, False)
  answers: _large.Answers = {}
  for d, factor in enumerate(FACTORS):
    for method in _large.METHODS:
      made = [_large.interpolated(p, factor, method) for p in large]
      answers[None, method, factor] = made
    answers[None, _large.GAUSSIAN, factor] = _large.joined(large, guess[d], factor)
    for m, x in enumerate(found[PROJECTED]):
      answers[m, _large.MODEL, factor] = _large.joined(large, x[d], factor)
  style = {"palette": "gray", "limits": (0.0, 1.0)}
  return report._replace(
    tables=[*report.tables, _large.table(task.run, large, answers, task.settings)],
    figures=[*report.figures, *_large.figures(large, answers, FACTORS, style)],
    findings=[*report.findings, *_large.findings(large, answers, FACTORS)],
  )


def _enlarged(
  task: shared.Task, small: list[np.ndarray], guess: np.ndarray, several: bool = True
) -> tuple[dict[str, np.ndarray], float]:
  run, std = task.run, task.settings["std"]
  large = [
    np.asarray(damage.block_repeat(y, f)) for y, f in zip(small, FACTORS, strict=True)
  ]

  def enlarge(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, which = example["damaged"], example["which"].astype(int)
    decode = shared.decoder(run, params)
    encode = partial(shared.encoded, run, params, example)
    # Both factors are one program: the averages of both are taken, and one is looked at.
    of = lambda per_factor: jnp.stack([per_factor(f) for f in FACTORS])[which]
    averages = lambda x: of(lambda f: damage.block_repeat(damage.block_mean(x, f), f))
    blocks = of(lambda f: jnp.asarray(1.0 / f**2))  # a small pixel is f^2 of the large

    def joint(z: Array) -> Array:
      likelihood = damage.observed_gaussian(seen, averages(decode(z)), blocks, std)
      return likelihood + shared.log_prior(run, z)

    def project(x: Array) -> Array:
      for _ in range(damage.ROUNDS):
        x = jnp.clip(x + seen - averages(x), 0, 1)
      return x

    code = encode(seen)
    mode = shared.search(task, joint, [code, encode(example["guess"])], key)
    best = decode(mode.z)
    named = {ONCE: decode(code), MAP: best, PROJECTED: project(best)}
    if not several:
      return named
    everywhere = jnp.ones_like(seen[..., :1])
    draws = _several.answer(
      task, params, hyper, example, joint, mode, project, everywhere, key
    )
    return named | {MEAN: draws.pop("mean")} | draws

  which = np.broadcast_to(
    np.arange(len(FACTORS), dtype=np.int32)[:, None], (len(FACTORS), len(task.clean))
  )
  fields = {"damaged": np.stack(large), "guess": guess, "which": which}
  return shared.ask_model(task, enlarge, fields, {"residual": shared.residual(task, 2)})


def _conditional(
  task: shared.Task, small: list[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
  """Mean and standard deviation under one Gaussian of whole images, for each factor."""
  fitted, found = image_imputation.fit_gaussian(task.train), []
  for y, factor in zip(small, FACTORS, strict=True):
    tuned = image_imputation.tuned_for_averages(fitted, task.valid, factor)
    found.append(image_imputation.averaged(tuned, y, factor))
  return found


def _baselines(
  task: shared.Task, small: list[np.ndarray], conditional: list[np.ndarray]
) -> list[shared.Answer]:
  shape, kinds = task.clean.shape[1:3], len(FACTORS)
  train = [np.asarray(damage.block_mean(task.train, f)) for f in FACTORS]
  valid = [np.asarray(damage.block_mean(task.valid, f)) for f in FACTORS]
  fitted = [
    ridge_regression.fit(train[d], task.train, valid[d], task.valid) for d in range(kinds)
  ]
  project = lambda x, d: np.asarray(damage.back_project(x, small[d], FACTORS[d]))
  found = [
    shared.timed(name, lambda d, name=name: upscaling.resize(small[d], shape, name), kinds)
    for name in upscaling.METHODS
  ]
  ridge = shared.timed(
    "ridge", lambda d: ridge_regression.apply(fitted[d], small[d]), kinds
  )
  near = lambda d: upscaling.neighbours(small[d], train[d], task.train)
  neighbours = shared.timed("5 neighbours", near, kinds)
  gaussian = shared.timed("conditional Gaussian", lambda d: conditional[d], kinds)
  for answer in (ridge, neighbours, gaussian):
    method = f"{answer.method} + back-projection"
    projected = shared.timed(method, lambda d, x=answer.x: project(x[d], d), kinds)
    found += [answer, projected]
  return found


def _consistency(
  task: shared.Task, every: list[shared.Answer], small: list[np.ndarray], names: list[str]
) -> Table:
  """How far the block averages of an answer are from the small image it was made of."""
  head, rows = _members.columns(task.run), []
  for answer in every:
    known = answer.member is not None
    row = _members.cells(task.run, answer.member) if known else [None] * len(head)
    gaps = [
      np.asarray(damage.block_mean(x, f)) - y
      for x, y, f in zip(answer.x, small, FACTORS, strict=True)
    ]
    rows.append([*row, answer.method, *(float(np.sqrt(np.square(g).mean())) for g in gaps)])
  note = (
    "Root mean squared difference in grey levels between the small image and the enlarged one"
    " made small again: 0 where nothing that was known is contradicted."
  )
  return Table("Consistency with the small image", (*head, "method", *names), rows, note)


def _figures(
  task: shared.Task, scored: list[shared.Scored], small: list[np.ndarray], names: list[str]
) -> list[Figure]:
  rows, style = _restored.shown_rows(task), _pictures.style(task.data, task.settings)
  above = _pictures.names(task.examples, task.run.spec, rows)
  found = []
  for d, factor in enumerate(FACTORS):
    seen = np.asarray(damage.block_repeat(small[d], factor))
    one = _restored.best(scored, d, True)
    images = np.stack([task.clean[rows], seen[rows], one.answer.x[d][rows]])
    data = {"images": images, "rows": ["original", "seen", "enlarged"], "columns": above}
    caption = (
      f"Enlarged {factor} times along each side. {_restored.who(task, one)}:"
      f" {one.means['psnr'][d]:.1f} dB."
    )
    found.append(Figure(f"enlarged_{factor}", "pairs", data | style, caption))
    found.append(_restored.side_by_side(task, scored, d, names[d], "psnr", seen))
  return found
