"""Inpainting: what stood where pixels are missing, at random, in one half, or in a hole."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import noise
from vae_jax.applications import _given, _members, _pictures, _restored, _several
from vae_jax.applications import _restoration as shared
from vae_jax.baselines import image_imputation as classic
from vae_jax.inference import damage
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Example, Figure, Hyper, Params, Report, UserError

QUESTION = "What stood where pixels are missing, and how sure is the answer?"
SHARES = (0.25, 0.5, 0.75, 0.9)  # of pixels missing completely at random
HALF, HOLE = "top half", "hole"  # a hole has 3/7 of each side: 12 x 12 of 28 x 28
SETTINGS = {
  **shared.SETTINGS,
  **_several.SETTINGS,
  "observation": "gaussian",  # of an observed pixel around the model's mean; or "bernoulli"
  "std": 0.1,  # of the Gaussian one, in grey levels
  "input": "",  # a .npy or .npz of images of one's own with pixels missing; see `_given`
}
ONCE, MAP, MEAN = "encode and decode", "latent MAP", "posterior mean"
ORDER = ("mse", "psnr", "ssim", "accuracy")
NOTE = (
  "Columns: the share of pixels missing at random, the top half, a hole in the middle with 3/7"
  " of each side. Squared error and PSNR are of missing pixels alone, SSIM and accuracy of whole"
  " images; observed pixels are returned as they are."
)


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Images with 25 to 90 % of the pixels, the top half or a hole missing, completed.

  From one encode-and-decode of the image with zeros in the gaps, from the posterior mode of z
  given the observed pixels, and as a mean of importance-weighted posterior draws, which also
  give intervals and several different answers. Observed pixels are kept as they are. With the
  setting `input` a user's own images are completed as well, by what was best on the images
  whose answer is known: `arrays["completed.npy"]`, in the shape and type of the file.

  Args:
    run: an opened run, trained on complete or on masked images; rows for each member.
    data: the dataset it was trained on.
    key: of starts and draws; the masks depend on `mask_seed` alone.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting or split, a run whose examples are no images, or an input
      that does not fit it.
  """
  settings = _members.resolve(SETTINGS, settings)
  if settings["observation"] not in ("bernoulli", "gaussian"):
    raise UserError(
      f"The setting observation is {settings['observation']!r}; bernoulli or gaussian."
    )
  shared.check(run, data, "inpainting")
  given = _given.read(settings["input"], run.spec) if settings["input"] else None
  task = shared.prepare(run, data, key, settings, "inpainting")
  observed = masks(task.clean.shape, settings["mask_seed"], "test")
  y, names = task.clean[None] * observed, damage_names()
  gaussian = _tuned(task)
  conditional = [
    classic.conditional(g, *pair)
    for g, pair in zip(gaussian, zip(y, observed, strict=True), strict=True)
  ]
  filled = np.stack([mean for mean, _ in conditional])
  found, seconds = _completed(task, y, observed, filled)
  pictures = {name: found[name] for name in (ONCE, MAP, MEAN)}
  every = [*shared.answers(pictures, seconds), *_baselines(task, y, observed, filled)]
  missing = 1 - observed
  scored = [shared.score(task, answer, missing) for answer in every]
  interval = lambda d: _several.gaussian(
    *conditional[d], task.clean, missing[d], settings["mask_seed"]
  )
  linear = [(name, interval(d)) for d, name in enumerate(names)]
  several = _several.table(task, found, names, linear)
  arrays = {
    "observed": observed[:, :100],
    "clean": task.clean[:100],
    "completed": found[MAP][:, :, :100],
  }
  report = Report(
    "inpainting",
    QUESTION,
    [*_restored.tables(task, scored, names, NOTE, ORDER), several],
    _figures(task, scored, found, observed, names),
    _findings(task, scored, found, linear, names),
    arrays,
  )
  return report if given is None else _with_yours(report, task, scored, given, gaussian)


def _with_yours(
  report: Report,
  task: shared.Task,
  scored: list[shared.Scored],
  given: _given.Given,
  gaussian: list[classic.Gaussian],
) -> Report:
  """The report with a user's images completed by the model's best method and member."""
  ours = [s for s in scored if s.answer.member is not None]
  errors = [np.nan_to_num(s.means["mse"].mean(), nan=np.inf) for s in ours]
  best = ours[int(np.argmin(errors))]
  middle = gaussian[damage_names().index("50 %")]
  filled, _ = classic.conditional(middle, given.x, given.observed)
  mine = shared.instead(task, given.x)
  found, _ = _completed(mine, given.x[None], given.observed[None], filled[None])
  answer = np.clip(found[best.answer.method][best.answer.member, 0], 0, 1)
  seen = _seen(given.x, given.observed[None])[0]
  who = _restored.who(task, best)
  data = {"images": np.stack([seen[:10], answer[:10]]), "rows": ["given", "completed"]}
  data |= _pictures.style(task.data, task.settings)
  caption = f"The first images of {given.name}, missing against completed. {who}."
  sentence = (
    f"The {len(answer):,} images of {given.name} are complete in completed.npy beside this"
    f" report, by what has the least squared error on {task.settings['split']}: {who}. What was"
    " known is as it was."
  )
  return report._replace(
    figures=[*report.figures, Figure("yours", "pairs", data, caption)],
    findings=[*report.findings, sentence],
    arrays={**report.arrays, "completed.npy": _given.completed(given, answer)},
  )


def damage_names() -> list[str]:
  """The kinds of damage, in the order of `masks`."""
  return [f"{100 * share:.0f} %" for share in SHARES] + [HALF, HOLE]


def masks(shape: tuple[int, ...], seed: int, use: str) -> np.ndarray:
  """Which pixels are observed, 1 or 0, [D, N, H, W, 1]; depends on (seed, use, row)."""
  count, height, width = shape[:3]
  keys = jax.vmap(lambda row: noise.key(seed, 0, f"{use}/mask", row))(jnp.arange(count))
  level = np.asarray(jax.vmap(lambda k: jax.random.uniform(k, (height, width, 1)))(keys))
  found = [level >= share for share in SHARES]
  half, hole = np.ones((2, height, width, 1), bool)
  half[: height // 2] = False
  rows, columns = round(height * 3 / 7), round(width * 3 / 7)
  top, left = (height - rows) // 2, (width - columns) // 2
  hole[top : top + rows, left : left + columns] = False
  found += [np.broadcast_to(one, level.shape) for one in (half, hole)]
  return np.stack(found).astype(np.float32)


def _tuned(task: shared.Task) -> list[classic.Gaussian]:
  """The conditional Gaussian with the ridge that is best on validation at each damage."""
  fitted = classic.fit_gaussian(task.train)
  observed = masks(task.valid.shape, task.settings["mask_seed"], "valid")
  return [classic.tuned(fitted, task.valid * o, o, task.valid) for o in observed]


def _completed(
  task: shared.Task, y: np.ndarray, observed: np.ndarray, filled: np.ndarray
) -> tuple[dict[str, np.ndarray], float]:
  run, s = task.run, task.settings

  def complete(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, known = example["damaged"], example["known"]
    decode = shared.decoder(run, params)
    encode = lambda x, observed: shared.encoded(
      run, params, {**example, "observed": observed}, x
    )
    keep = lambda x: known * seen + (1 - known) * jnp.clip(x, 0, 1)

    def joint(z: Array) -> Array:
      if s["observation"] == "bernoulli":
        likelihood = damage.observed_bernoulli(seen, decode(z), known)
      else:
        likelihood = damage.observed_gaussian(seen, decode(z), known, s["std"])
      return likelihood + shared.log_prior(run, z)

    code, whole = encode(seen, known), jnp.ones_like(known)
    mode = shared.search(task, joint, [code, encode(example["guess"], whole)], key)
    several = _several.answer(
      task, params, hyper, example, joint, mode, keep, 1 - known, key
    )
    return {
      ONCE: keep(decode(code)),
      MAP: keep(decode(mode.z)),
      MEAN: several.pop("mean"),
    } | several

  fields = {"damaged": y, "known": observed, "guess": filled}
  return shared.ask_model(task, complete, fields, {"residual": shared.residual(task, 2)})


def _baselines(
  task: shared.Task, y: np.ndarray, observed: np.ndarray, filled: np.ndarray
) -> list[shared.Answer]:
  kinds, few = len(y), min(task.settings["slow_limit"], len(y[0]))
  slow = "biharmonic" if few == len(y[0]) else f"biharmonic (first {few})"
  return [
    shared.timed(
      "average image", lambda d: classic.average(y[d], observed[d], task.train), kinds
    ),
    shared.timed(
      "5 neighbours", lambda d: classic.neighbours(y[d], observed[d], task.train), kinds
    ),
    shared.timed("conditional Gaussian", lambda d: filled[d], kinds),
    shared.timed(slow, lambda d: classic.biharmonic(y[d][:few], observed[d][:few]), kinds),
  ]


def _figures(
  task: shared.Task,
  scored: list[shared.Scored],
  found: dict[str, np.ndarray],
  observed: np.ndarray,
  names: list[str],
) -> list[Figure]:
  rows, style = _restored.shown_rows(task), _pictures.style(task.data, task.settings)
  above = _pictures.names(task.examples, task.run.spec, rows)
  seen = _seen(task.clean, observed)
  figures = []
  for d, name in enumerate(names):
    one = _restored.best(scored, d, True, "mse")
    images = np.stack([task.clean[rows], seen[d][rows], one.answer.x[d][rows]])
    data = {
      "images": images,
      "rows": ["original", "observed", "completed"],
      "columns": above,
    }
    who = _restored.who(task, one)
    what = f"{name} of the pixels" if "%" in name else f"the {name}"
    caption = f"Missing against reconstructed: {what} missing. {who}."
    figures.append(Figure(f"missing_{d}", "pairs", data | style, caption))
  for d in (names.index("75 %"), names.index(HALF)):
    figures.append(_restored.side_by_side(task, scored, d, names[d], "mse", seen[d]))
  lead = _restored.best(scored, names.index(HALF), True, "mse").answer.member
  return [*figures, _answers(task, found, seen, names, rows, lead)]


def _seen(clean: np.ndarray, observed: np.ndarray) -> np.ndarray:
  # A missing pixel of a grey image is left out of the picture; colours have no such value.
  gap = np.nan if clean.shape[-1] == 1 else 0.5
  return np.where(observed > 0.5, clean[None], gap)


def _answers(
  task: shared.Task,
  found: dict[str, np.ndarray],
  seen: np.ndarray,
  names: list[str],
  rows: np.ndarray,
  lead: int,
) -> Figure:
  d = names.index(HALF)
  several = found["answers"][lead, d][rows] / 255.0  # [R, 10, H, W, C]
  images = np.concatenate([task.clean[rows][:, None], seen[d][rows][:, None], several], 1)
  data = {"images": images, "columns": ["original", "observed"], "wide_after": (0, 1)}
  data |= _pictures.style(task.data, task.settings)
  data["title"] = _members.title(task.run, lead)
  caption = "Several answers to one question: posterior draws for a missing top half."
  return Figure("answers", "image_grid", data, caption)


def _findings(
  task: shared.Task,
  scored: list[shared.Scored],
  found: dict[str, np.ndarray],
  linear: list[tuple[str, dict[str, np.ndarray]]],
  names: list[str],
) -> list[str]:
  said = _restored.compare(task, scored, names, "mse")
  said.append(_restored.worth(scored, ONCE, MAP, names, "mse"))
  ours, theirs = found["coverage"].mean((0, 2)), [v["coverage"].mean() for _, v in linear]
  said.append(
    f"90 % intervals hold the truth at {_range(ours)} of the missing pixels, those of the"
    f" conditional Gaussian at {_range(theirs)}; the effective number of the"
    f" {task.settings['proposals']} draws lies between {found['ess'].mean((0, 2)).min():.1f} and"
    f" {found['ess'].mean((0, 2)).max():.1f}."
  )
  return said + _restored.warnings(task, scored)


def _range(values: Any) -> str:
  return f"{100 * np.min(values):.0f} to {100 * np.max(values):.0f} %"
