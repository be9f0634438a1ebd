"""Inpainting: missing pixels are filled in, missing at random, in one half, or in a hole."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.baselines import image_imputation as classic
from vae_jax.evaluation import answer as of_answer
from vae_jax.evaluation import figures
from vae_jax.evaluation import pictures as drawn
from vae_jax.evaluation import settings as of_settings
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference import damage, imputations, latent_map, repeatable
from vae_jax.inputs import images as given
from vae_jax.run import Run
from vae_jax.studies import draws, supervised
from vae_jax.studies import restoration as shared
from vae_jax.types import Array, Example, Figure, Hyper, Params

QUESTION = "What stood where pixels are missing, and how sure is the answer?"
FAMILIES = True  # points of the whole space are searched under any prior
SHARES = (0.25, 0.5, 0.75, 0.9)  # of pixels missing completely at random
HALF, HOLE = "top half", "hole"  # a hole has 3/7 of each side: 12 x 12 of 28 x 28
NAMES = (*(f"{100 * share:.0f} %" for share in SHARES), HALF, HOLE)
SETTINGS = {
  **shared.SETTINGS,
  **draws.SETTINGS,
  "observation": "gaussian",  # of an observed pixel around the model's mean; or "bernoulli"
  "std": 0.1,  # of the Gaussian one, in grey levels
  "input": "",  # a .npy or .npz of images of one's own with pixels missing; see `inputs.images`
}
ONCE, MAP, MEAN = "encode and decode", "latent MAP", "posterior mean"
OWN = "latent MAP, own starts"
GAUSSIAN = "conditional Gaussian"
METRICS = {name: shared.METRICS[name] for name in ("mse", "psnr", "ssim", "accuracy")}
METRICS |= draws.METRICS
CONTRASTS = ((ONCE, MAP),)
shown = shared.shown
NOTE = (
  "Columns: the share of pixels missing at random, the top half, a hole in the middle with 3/7"
  " of each side. Squared error and PSNR are of missing pixels alone, SSIM and accuracy of whole"
  " images; observed pixels are returned as they are. Every method is told which pixels are"
  " missing. Own starts: without the one from the conditional Gaussian's answer. The supervised"
  " network has the model's number of parameters and of passes over the images; it was trained on"
  " all six kinds of masks."
) + draws.NOTE


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no image within [0, 1], and an input that does not fit."""
  of_settings.one_of(settings, "observation", ("bernoulli", "gaussian"))
  shared.check(runs, "inpainting")
  if settings["input"]:
    given.read(settings["input"], runs[0].spec)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Images with pixels missing in six ways; the masks depend on `mask_seed` alone."""
  examples, clean = shared.clean(source, split, limit)
  observed = repeatable.masks(clean.shape, SHARES, source.settings["mask_seed"], split)
  y, gaussians = clean[None] * observed, source.once("gaussians", lambda: _tuned(source))
  parts = zip(gaussians, y, observed, strict=True)
  conditional = [classic.conditional(*part) for part in parts]
  guess = np.stack([mean for mean, _ in conditional])
  fields = {"damaged": y, "known": observed, "guess": guess}
  return Task(source, split, examples, NAMES, fields, clean, conditional)


def model(task: Task, run: Run) -> Ask:
  """Encoded with zeros in the gaps, at the posterior mode of z, and as a mean of draws."""
  s = task.settings

  def complete(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, known = example["damaged"], example["known"]
    decode = shared.decoder(run, params)
    encode = lambda x, observed: shared.encoded(
      run, params, {**example, "observed": observed}, x
    )
    keep = lambda x: known * seen + (1 - known) * jnp.clip(x, 0, 1)

    def likelihood(z: Array) -> Array:
      if s["observation"] == "bernoulli":
        return damage.observed_bernoulli(seen, decode(z), known)
      return damage.observed_gaussian(seen, decode(z), known, s["std"])

    joint, code = shared.joint(run, params, likelihood), encode(seen, known)
    starts = [code, encode(example["guess"], jnp.ones_like(known))]
    mode = shared.search(s, joint, starts, key)
    several = imputations.answer(
      s, decode, hyper["residual"], example["x"], joint, mode, keep, 1 - known, key
    )
    own = decode(latent_map.without(mode, 1))
    named = {ONCE: decode(code), OWN: own, MAP: decode(mode.z)}
    return {method: keep(x) for method, x in named.items()} | {MEAN: several}

  return Ask(complete, {"residual": shared.residual(run, task.source, 2)}, s["batch"])


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """The average image, neighbours, a Gaussian, smooth filling, and a network for the task."""
  y, observed = task.fields["damaged"], task.fields["known"]
  train, few = shared.train(task.source), min(task.settings["slow_limit"], len(y[0]))
  slow = "biharmonic" if few == len(y[0]) else f"biharmonic (first {few})"
  seed = task.settings["mask_seed"]
  return {
    "average image": lambda c: classic.average(y[c], observed[c], train),
    "5 neighbours": lambda c: classic.neighbours(y[c], observed[c], train),
    GAUSSIAN: lambda c: draws.gaussian(*task.own[c], task.truth, 1 - observed[c], seed),
    slow: lambda c: classic.biharmonic(y[c][:few], observed[c][:few]),
    supervised.NETWORK: lambda c: supervised.completed(
      task.source, y[c], observed[c], SHARES
    ),
  }


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Scores of completed images; squared error and PSNR over missing pixels alone."""
  return shared.score(task, answer, condition, 1 - task.fields["known"][condition])


def pictures(task: Task, condition: int) -> dict[str, np.ndarray]:
  """The original images, and what was observed of them."""
  return {"original": task.truth, "observed": _seen(task, condition)}


def further(outcome: Outcome) -> Extra:
  """Several answers to one question, and a user's own images completed."""
  task = outcome.task
  arrays = {"observed": task.fields["known"][:, :100], "clean": task.truth[:100]}
  drawings, said = [_answers(outcome)], shared.judged(task)
  if task.settings["input"] and outcome.chosen is not None:
    figure, sentence, arrays["completed.npy"] = _own(outcome)
    drawings, said = [*drawings, figure], [*said, sentence]
  return Extra((), drawings, said, arrays)


def _own(outcome: Outcome) -> tuple[Figure, str, np.ndarray]:
  """The images of the setting `input`, completed by the line that was chosen on validation."""
  task, lead, method = outcome.task, outcome.lead, outcome.chosen.method
  mine = given.read(task.settings["input"], task.source.spec)
  middle = task.source.once("gaussians", dict)[NAMES.index("50 %")]
  filled, _ = classic.conditional(middle, mine.x, mine.observed)
  examples = shared.beside(task, len(mine.x))
  fields = {"damaged": mine.x[None], "known": mine.observed[None], "guess": filled[None]}
  asked = Task(task.source, task.split, examples, ("input",), fields, mine.x)
  found = of_answer.ask(asked, lead.run, model(task, lead.run), outcome.key)[method]
  x = found["x"] if isinstance(found, dict) else found
  answer = np.clip(x[lead.place, 0], 0, 1)
  images = np.stack([_seen(asked, 0)[:10], answer[:10]])
  data = {"images": images, "rows": ["given", "completed"]}
  data |= drawn.style(task.source.data, task.settings)
  caption = f"The first images of {mine.name}, missing against completed: {method}."
  sentence = (
    f"The {len(answer):,} images of {mine.name} are complete in completed.npy beside this"
    f" report, by {method}, which was chosen on validation. What was known is as it was."
  )
  return Figure("yours", "pairs", data, caption), sentence, given.completed(mine, answer)


def _answers(outcome: Outcome) -> Figure:
  """Posterior draws for a missing top half."""
  lead, c = outcome.lead, NAMES.index(HALF)
  task = outcome.tasks[lead.part]
  rows = drawn.chosen(task.examples, task.source.spec, 10)
  answer = figures.answered(outcome, lead.number, MEAN, HALF)
  several = answer["answers"][rows] / 255.0  # [R, 10, H, W, C]
  front = [task.truth[rows][:, None], _seen(task, c)[rows][:, None]]
  data = {"images": np.concatenate([*front, several], 1)}
  data |= {"columns": ["original", "observed"], "wide_after": (0, 1)}
  data |= drawn.style(task.source.data, outcome.settings)
  caption = "Several answers to one question: posterior draws for a missing top half."
  return Figure("answers", "image_grid", data, caption)


def _seen(task: Task, condition: int) -> np.ndarray:
  # A missing pixel of a grey image is left out of the picture; colours have no such value.
  gap = np.nan if task.truth.shape[-1] == 1 else 0.5
  return np.where(task.fields["known"][condition] > 0.5, task.truth, gap)


def _tuned(source: Source) -> list[classic.Gaussian]:
  """The conditional Gaussian with the ridge that is best on validation at each damage."""
  fitted, valid = classic.fit_gaussian(shared.train(source)), shared.tuning(source)
  observed = repeatable.masks(valid.shape, SHARES, source.settings["mask_seed"], "valid")
  return [classic.tuned(fitted, valid * o, o, valid) for o in observed]
