"""Noise reduction: how much of an image comes back when its pixels were noise."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import corruptions, noise
from vae_jax.applications import _denoisers, _members, _pictures, _restored
from vae_jax.applications import _restoration as shared
from vae_jax.baselines import image_denoising, ridge_regression, supervised_denoiser
from vae_jax.inference import damage
from vae_jax.run import Run, alive
from vae_jax.types import Array, Dataset, Example, Figure, Hyper, Params, Report

QUESTION = "How much of an image comes back when a share of its pixels was noise?"
SHARES = (0.05, 0.1, 0.25, 0.5)  # of pixels replaced by U(0, 1): the MNIST article's
NAMES = [f"{100 * share:g} %" for share in SHARES]
SETTINGS = {
  **shared.SETTINGS,
  "scale": 0.12,  # of a clean pixel's Laplace density around the model, while z is sought
  "bm3d": "no",  # "yes": with the extra bm3d, on slow_limit images; a second each
  "most": 0.6,  # the highest share of noise the supervised network is trained on
}
ONCE, ONCE_BLENDED = "encode and decode", "encode and decode, blended"
MAP, MAP_BLENDED = "latent MAP", "latent MAP, blended"


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Images with 5, 10, 25 and 50 % of the pixels replaced by U(0, 1), restored.

  Encoded and decoded once; by the posterior mode of z under the known noise; each also blended
  with the pixels that are probably clean. Classic filters, the linear Wiener filter and a
  network trained for the task stand beside them. All methods know the share.

  Args:
    run: an opened run, trained on clean or on noisy images; rows for each member.
    data: the dataset it was trained on.
    key: of the random starts; the noise depends on `mask_seed` alone.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting or split, or a run whose examples are no images.
  """
  return _report(_solve(run, data, key, _members.resolve(SETTINGS, settings)))


def compare(runs: list[Run], data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """The report on all programs of a run directory, and its denoisers side by side.

  For each share of noise: the member that was trained at it, the one trained on a range of
  shares, and the one that never saw noise. The images, their noise and the baselines are the
  same for all programs on the same data.

  Args:
    runs: the programs, dead members included.
    data: not read: every program has its own.
    key: of the random starts.
    settings: see SETTINGS.
  """
  del data
  settings = _members.resolve(SETTINGS, settings)
  living, solved = [alive(run) for run in runs], []
  for run in living:
    known = [s for s in solved if s.task.run.config["data"] == run.config["data"]]
    solved.append(_solve(run, run.dataset, key, settings, *known[:1]))
  groups = _denoisers.grouped([(s.task.run, s.scored) for s in solved])
  table = _denoisers.table(groups, NAMES)
  answers = [_report(one) for one in solved]
  if len(solved) > 1 and _denoisers.compares(groups):
    # One comparison of all takes the place of each program's own.
    answers = [answer._replace(findings=[]) for answer in answers]
  report = _members.together(runs, living, answers)
  baselines = [one for one in solved[0].scored if one.answer.member is None]
  return report._replace(
    tables=[*([table] if table else []), *report.tables],
    findings=[*_denoisers.findings(groups, NAMES, baselines), *report.findings],
  )


class Solved(NamedTuple):
  """Every answer to the noisy images of one program."""

  task: shared.Task
  y: np.ndarray  # [4, N, H, W, C]
  scored: list[shared.Scored]
  guess: np.ndarray  # [4, N, H, W, C] of the linear Wiener filter
  shares: bool  # its baselines are those of another program, whose table has them


def _solve(
  run: Run, data: Dataset, key: Array, settings: dict[str, Any], known: Any = None
) -> Solved:
  """The answers of a program; the baselines of one that is `known` already are taken over."""
  shared.check(run, data, "noise_reduction")
  if known is not None:
    task = shared.again(known.task, run)
    theirs = [s for s in known.scored if s.answer.member is None]
    ours = _by_model(task, known.y, known.guess, shared.residual(task, 1))
    scored = [theirs[0], *(shared.score(task, answer) for answer in ours), *theirs[1:]]
    return Solved(task, known.y, scored, known.guess, True)
  task = shared.prepare(run, data, key, settings, "noise_reduction")
  y = np.stack([noisy(task.clean, s, settings["mask_seed"], "test") for s in SHARES])
  linear = [_wiener(task, share) for share in SHARES]
  guess = np.stack([ridge_regression.apply(f, x) for f, x in zip(linear, y, strict=True)])
  found = [
    shared.timed("noisy image", lambda d: y[d], len(y)),
    *_by_model(task, y, guess, shared.residual(task, 1)),
    *_filters(task, y),
    shared.timed(
      "linear Wiener", lambda d: ridge_regression.apply(linear[d], y[d]), len(y)
    ),
    *_supervised(task, y),
  ]
  scored = [shared.score(task, answer) for answer in found]
  return Solved(task, y, scored, guess, False)


def _report(solved: Solved) -> Report:
  task, y, scored = solved.task, solved.y, solved.scored
  rows = [s for s in scored if not solved.shares or s.answer.member is not None]
  note = (
    "Columns: the share of pixels replaced by U(0, 1), known to every method. Blended: each"
    " pixel is kept as far as it is probably clean."
  )
  return Report(
    "noise_reduction",
    QUESTION,
    _restored.tables(task, rows, NAMES, note),
    _figures(task, scored, y, NAMES),
    _findings(task, scored, NAMES, solved.shares),
    {"noisy": y[:, :100], "clean": task.clean[:100], "restored": _best_pictures(scored)},
  )


def noisy(x: np.ndarray, share: float, seed: int, use: str) -> np.ndarray:
  """Images [N, H, W, C] with that share of pixels replaced; depends on (seed, use, row)."""
  draw = lambda x, row: corruptions.uniform(
    noise.key(seed, 0, f"{use}/noise", row), x, share
  )
  return np.asarray(jax.jit(jax.vmap(draw))(jnp.asarray(x), jnp.arange(len(x))))


def _by_model(
  task: shared.Task, y: np.ndarray, guess: np.ndarray, residual: np.ndarray
) -> list[shared.Answer]:
  run, scale = task.run, task.settings["scale"]

  def restore(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, share = example["damaged"], example["share"]
    decode = shared.decoder(run, params)
    encode = partial(shared.encoded, run, params, example)

    def joint(z: Array) -> Array:
      likelihood = damage.replaced(seen, decode(z), share, scale)
      return likelihood + shared.log_prior(run, z)

    code = encode(seen)
    mode = shared.search(task, joint, [code, encode(example["guess"])], key)
    once, best = decode(code), decode(mode.z)

    def blend(x: Array) -> Array:
      near = damage.spread(x, hyper["residual"])
      clean = damage.clean_share(seen, x, share, near)
      return clean * seen + (1 - clean) * x

    return {
      ONCE: once, ONCE_BLENDED: blend(once), MAP: best, MAP_BLENDED: blend(best)
    }  # fmt: skip

  shares = np.broadcast_to(np.float32(SHARES)[:, None], y.shape[:2])
  fields = {"damaged": y, "guess": guess, "share": shares}
  return shared.answers(*shared.ask_model(task, restore, fields, {"residual": residual}))


def _wiener(task: shared.Task, share: float) -> ridge_regression.Ridge:
  seed = task.settings["mask_seed"]
  train = noisy(task.train, share, seed, "train")
  valid = noisy(task.valid, share, seed, "valid")
  return ridge_regression.fit(train, task.train, valid, task.valid)


def _filters(task: shared.Task, y: np.ndarray) -> list[shared.Answer]:
  """The classic filters, each with the number that is best on validation at that share."""
  seed, slow = task.settings["mask_seed"], task.settings["slow_limit"]
  valid = [noisy(task.valid, share, seed, "valid") for share in SHARES]
  found = []
  for name, (method, numbers) in image_denoising.GRID.items():
    picked = [image_denoising.choose(method, numbers, v, task.valid) for v in valid]
    count = len(y[0]) if name == "median" else min(slow, len(y[0]))
    restore = lambda d, method=method, picked=picked, count=count: method(
      y[d][:count], picked[d]
    )
    label = name if count == len(y[0]) else f"{name} (first {count})"
    found.append(shared.timed(label, restore, len(y)))
  if _runs_bm3d(task.settings):
    count = min(slow, len(y[0]))
    stds = [float(np.sqrt(np.mean(np.square(v - task.valid)))) for v in valid]
    restore = lambda d: image_denoising.bm3d(y[d][:count], stds[d])
    found.append(shared.timed(f"BM3D (first {count})", restore, len(y)))
  return found


def _runs_bm3d(settings: dict[str, Any]) -> bool:
  return settings["bm3d"] == "yes" and image_denoising.has_bm3d()


def _supervised(task: shared.Task, y: np.ndarray) -> list[shared.Answer]:
  """A network of the model's size that was trained to remove just this noise."""
  leaves = jax.tree.leaves(task.run.params)
  parameters = sum(leaf.size // len(leaf) for leaf in leaves)
  disturb = partial(corruptions.uniform, rate=float(task.settings["most"]), vary=True)
  seed = jax.random.key(task.settings["mask_seed"])
  restore = supervised_denoiser.fit(
    task.train, disturb, parameters, jax.random.fold_in(seed, 1), task.settings["epochs"]
  )
  plain = shared.timed("supervised network", lambda d: restore(y[d]), len(y))

  def blended(d: int) -> np.ndarray:
    valid = noisy(task.valid, SHARES[d], task.settings["mask_seed"], "valid")
    fitted = shared.spread_of(restore(valid), task.valid, 1)
    scale = damage.spread(plain.x[d], fitted)
    clean = damage.clean_share(y[d], plain.x[d], SHARES[d], scale)
    return np.asarray(clean * y[d] + (1 - clean) * plain.x[d])

  return [plain, shared.timed("supervised network, blended", blended, len(y))]


def _best_pictures(scored: list[shared.Scored]) -> np.ndarray:
  """The first images as the model's best method has them at each share [D, n, H, W, C]."""
  kinds = len(scored[0].answer.x)
  return np.stack([_restored.best(scored, d, True).answer.x[d][:100] for d in range(kinds)])


def _figures(
  task: shared.Task, scored: list[shared.Scored], y: np.ndarray, names: list[str]
) -> list[Figure]:
  rows, style = _restored.shown_rows(task), _pictures.style(task.data, task.settings)
  above = _pictures.names(task.examples, task.run.spec, rows)
  found = []
  for d, name in enumerate(names):
    # The picture of the article is of the denoiser that was trained for this share.
    own = [s for s in scored if _denoisers.is_for(task.run, s, name)]
    one = _restored.best(own or scored, d, True)
    images = np.stack([task.clean[rows], y[d][rows], one.answer.x[d][rows]])
    data = {"images": images, "rows": ["original", "noisy", "denoised"], "columns": above}
    trained = _restored.trained_on(task.run, one.answer.member)
    caption = (
      f"Noisy against denoised, {name} of the pixels replaced. {_restored.who(task, one)},"
      f" trained on {trained}: {one.means['psnr'][d]:.1f} dB; the noisy images have"
      f" {scored[0].means['psnr'][d]:.1f} dB."
    )
    found.append(Figure(f"noisy_{SHARES[d]:g}", "pairs", data | style, caption))
  d = SHARES.index(0.25)
  found.append(_restored.side_by_side(task, scored[1:], d, names[d], "psnr", y[d]))
  return [*found, _curves(task, scored)]


def _curves(task: shared.Task, scored: list[shared.Scored]) -> Figure:
  shares = 100 * np.asarray(SHARES)
  lead = _restored.best(scored, 1, True).answer.member
  drawn = [s for s in scored if s.answer.member in (None, lead)]
  whole = [s for s in drawn if s.answer.x.shape[1] == len(task.clean)]
  series = {s.answer.method: s.means["psnr"] for s in whole}
  data = {"x": shares, "series": series, "x_label": "pixels replaced, %"}
  data |= {"y_label": "PSNR in dB", "title": _members.title(task.run, lead)}
  caption = "PSNR of every method over the share of noise; higher is better."
  return Figure("psnr", "lines", data, caption)


def _findings(
  task: shared.Task, scored: list[shared.Scored], names: list[str], shares: bool
) -> list[str]:
  found = _restored.compare(task, scored, names)
  found.append(_restored.worth(scored, ONCE, MAP, names))
  if not (shares or _runs_bm3d(task.settings)):
    found.append(
      "BM3D is not in the table: install its extra with pip install 'vae-jax[bm3d]' and ask for"
      " it with --set bm3d=yes."
    )
  return found + _restored.warnings(task, scored)
