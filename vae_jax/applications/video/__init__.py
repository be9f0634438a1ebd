"""Video: how a clip goes on after a few frames, in one guess and in the best of several."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions
from vae_jax.applications.video import _between, _coding
from vae_jax.applications.video._clips import as_bytes, as_frames
from vae_jax.baselines import pca
from vae_jax.baselines import video as classic
from vae_jax.evaluation import answer as of_answer
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import frechet, image, restoration
from vae_jax.run import Run
from vae_jax.studies import sections
from vae_jax.types import Array, Example, Figure, Hyper, Params, UserError

QUESTION = "How does a clip go on after its first frames?"
FAMILIES = True  # it is asked of the model 'frames' alone, whose prior is its own
SETTINGS = {
  "split": "test",
  "limit": 60,  # clips: the first ones of the split
  "tune": 40,  # validation clips on which the baselines choose their numbers
  "context": 5,  # frames that are given
  "draws": 20,  # K futures of each clip
  "batch": 20,  # clips at once: memory, not the result
  "map_steps": 60,  # of the search for z where frames are hidden, and its first step's size
  "map_rate": 0.05,
  "palette": "gray",
}
PRIOR, MEAN = "draws of the prior", "mean of the prior"
VELOCITY, LAST = "constant velocity", "last frame"
CAP = 50.0  # dB
METRICS = {
  "ssim_best": Metric("SSIM, best of {draws}", digits=3),
  "ssim": Metric("SSIM, mean of the draws", digits=3),
  "psnr_best": Metric("PSNR, best of {draws}", "dB"),
  "psnr": Metric("PSNR, mean of the draws", "dB"),
  "frechet": Metric("Fréchet distance of whole clips", better=-1, digits=3),
}
HEADLINE = "ssim"
NOTE = (
  "Columns: frames after the last one that is given. Best: of the draw whose whole future has the"
  " highest SSIM, or PSNR, chosen with the truth in hand, so that a method with one answer has no"
  " choice. Mean of the prior: every latent at its mean, one answer. Fréchet distance (squared):"
  " of one draw's clips to the true ones, in 16 linear features of clips and 16 of the differences"
  " of frames, fitted to train; the same in every column."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses another model than one with a latent for each frame, and too many given frames.

  Raises:
    UserError: one of these.
  """
  for run in runs:
    if run.config["model"]["name"] != "frames" or run.config["data"]["name"] != "videos":
      raise UserError(
        "video asks the model 'frames', trained on the data 'videos', how a clip goes on:"
        " evaluate such a run."
      )
    if not 2 <= settings["context"] < run.spec.shape[0]:
      raise UserError(
        f"The setting context is {settings['context']}; expected 2 to"
        f" {run.spec.shape[0] - 1} of the {run.spec.shape[0]} frames."
      )


def prepare(source: Source, split: str, limit: int) -> Task:
  """Clips; `truth` is what is to come, [N, A, H, W], `own` what is given, [N, K, H, W]."""
  examples, context = source.split(split, limit), source.settings["context"]
  clips = as_frames(source.inputs(examples))
  last = clips.shape[1] - context
  ahead = sorted({h for h in (1, 2, 5, 10) if h < last} | {last})
  names = tuple(f"{h}" for h in ahead)
  return Task(
    source, split, examples, names, truth=clips[:, context:], own=clips[:, :context]
  )


def model(task: Task, run: Run) -> dict[str, Any]:
  """Codes of the given frames by q, all later ones from the prior; asked once for all columns."""
  context, draws = task.settings["context"], task.settings["draws"]

  def go_on(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    del hyper
    x = jnp.where(jnp.arange(len(example["x"]))[:, None] < context, example["x"], 0.0)
    choose = lambda p, key: distributions.draw(p, key).z
    write = lambda z: as_bytes(run.vae.mean(params, z)[context:])
    futures = jax.vmap(
      lambda key: write(future(run, params, {**example, "x": x}, context, key, choose))
    )
    middle = lambda p, key: distributions.code(p)
    first, second = jax.random.split(key)
    one = write(future(run, params, {**example, "x": x}, context, first, middle))
    return {PRIOR: futures(jax.random.split(second, draws)), MEAN: one[None]}

  once = task._replace(conditions=("",))
  asked = Ask(go_on, batch=task.settings["batch"], inner=draws)
  found = of_answer.ask(once, run, asked, jax.random.fold_in(task.source.key, 6))
  columns = len(task.conditions)
  each = {
    method: [measured(x[0], task.truth) for x in of_members]
    for method, of_members in found.items()
  }
  stack = lambda *values: np.stack(values)[:, None].repeat(columns, 1)
  return {method: jax.tree.map(stack, *answers) for method, answers in each.items()}


def future(
  run: Run, params: Params, example: Example, context: int, key: Array, choose: Callable
) -> Array:
  """z [L]: the means of q at the first `context` frames, then `choose(p, key)` frame by frame."""
  q = run.vae.posterior(params, example)
  where, parts = q.walk.top(), []
  keys = jax.random.split(key, len(q.walk.sizes))
  for t in range(len(q.walk.sizes)):
    own, p = q.walk.group(where, q.features if t < context else None)
    parts.append(distributions.code(own) if t < context else choose(p, keys[t]))
    if t + 1 < len(q.walk.sizes):
      where = q.walk.down(where, parts[-1])
  return jnp.concatenate(parts)


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """The last frame, constant velocity, and PCA with a VAR(1), tuned on validation clips."""
  seen, ahead = task.own, task.truth.shape[1]
  span, rule = task.source.once("tuned", lambda: _tuned(task.source))
  answers = {
    LAST: lambda: classic.last_frame(seen, ahead),
    VELOCITY: lambda: classic.constant_velocity(seen, ahead, span),
    "PCA and VAR(1)": lambda: rule(seen, ahead),
  }

  def of(name: str) -> Callable[[int], dict]:
    made = lambda: np.asarray(as_bytes(answers[name]())).reshape(len(seen), 1, ahead, -1)
    ask = lambda: measured(made(), task.truth)
    return lambda c: task.source.once(f"{name} {task.split}", ask)

  return {name: of(name) for name in answers}


def _tuned(source: Source) -> tuple[int, classic.Rule]:
  """The span of a velocity and the linear rule with the least squared error on validation."""
  task = prepare(source, "valid", source.settings["tune"])
  seen, ahead = task.own, task.truth.shape[1]
  off = lambda found: float(np.square(found - task.truth).mean())
  spans = [s for s in classic.SPANS if s < source.settings["context"]]
  span = min(spans, key=lambda s: off(classic.constant_velocity(seen, ahead, s)))
  train = as_frames(source.train)[:2000]
  rules = [classic.Rule(train, n) for n in classic.NUMBERS]
  return span, min(rules, key=lambda rule: off(rule(seen, ahead)))


def measured(x: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
  """Futures uint8 [n, K, A, F] with the SSIM and PSNR of every draw and frame, [n, K, A]."""
  ssim, psnr = [], []
  for made, real in zip(as_frames(x), truth, strict=True):  # a clip at a time: memory
    made = made[..., None] / np.float32(255)
    real = np.broadcast_to(real[None, ..., None], made.shape)
    flat = [part.reshape(-1, *part.shape[2:]) for part in (real, made)]
    ssim.append(restoration.ssim(*flat).reshape(made.shape[:2]))
    off = image.squared_error(*flat)
    psnr.append(np.minimum(image.psnr(off), CAP).reshape(made.shape[:2]))
  return {"x": x, "ssim": np.stack(ssim), "psnr": np.stack(psnr)}


def score(
  task: Task, answer: dict[str, np.ndarray], condition: int
) -> dict[str, np.ndarray]:
  """The scores [n] of `measured` futures at the frame of this column."""
  h, rows, found = int(task.conditions[condition]) - 1, np.arange(len(answer["x"])), {}
  for name in ("ssim", "psnr"):
    each = answer[name]
    found[f"{name}_best"] = each[rows, each.mean(-1).argmax(-1), h]
    found[name] = each[..., h].mean(-1)
  features = task.source.once("clip features", lambda: _features(task.source))
  clips = lambda x: np.concatenate([task.own, x], 1)
  made = clips(as_frames(answer["x"][:, 0] / np.float32(255)))
  found["frechet"] = frechet.influence(features(clips(task.truth)), features(made))
  return found


def _features(source: Source) -> Callable[[np.ndarray], np.ndarray]:
  """Clips [N, T, H, W] -> 16 linear features of clips and 16 of the differences of frames."""
  train = as_frames(source.train)[:2000]
  parts = [pca.fit(train, 16), pca.fit(np.diff(train, axis=1), 16)]
  unit = lambda code, x: pca.encode(code, x) / code.std[0]
  return lambda x: np.concatenate(
    [unit(parts[0], x), unit(parts[1], np.diff(x, axis=1))], 1
  )


def further(outcome: Outcome) -> Extra:
  """The first clips as an animated picture, clips as files, and frames between frames."""
  parts = Extra(figures=[_animated(outcome)]), _coding.section(outcome)
  return sections.gathered([*parts, _between.section(outcome)])


def _animated(outcome: Outcome) -> Figure:
  """True clips, drawn ones, and by constant velocity."""
  lead = outcome.lead
  task = outcome.tasks[lead.part]
  mine = lambda r: (r.member or lead).number == lead.number and r.part == lead.part
  answers = {r.method: r.answer for r in outcome.results if mine(r)}
  count, level = min(6, len(task.truth)), np.float32(255)
  draws, ssim = as_frames(answers[PRIOR]["x"][:count] / level), answers[PRIOR]["ssim"]
  best = draws[np.arange(count), ssim[:count].mean(-1).argmax(-1)]
  rows = {
    "true": task.truth[:count], "best draw": best, "another draw": draws[:, 0],
    VELOCITY: as_frames(answers[VELOCITY]["x"][:count, 0] / level),
  }  # fmt: skip
  whole = [np.concatenate([task.own[:count], x], 1) for x in rows.values()]
  data = {"frames": np.stack(whole).swapaxes(1, 2).swapaxes(0, 1)[..., None]}
  data |= {"rows": list(rows), "given": task.own.shape[1]}
  data |= {"palette": outcome.settings["palette"]}
  caption = (
    f"The first clips: {task.own.shape[1]} frames are given to every row, and then it goes on by"
    " itself. Best draw: of all, by SSIM."
  )
  return Figure("clips", "animation", data, caption)
