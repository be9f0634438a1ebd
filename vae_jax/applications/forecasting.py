"""Windows of series with steps missing: their end, a gap, or half of them at random."""

import zlib
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.baselines import image_imputation as classic
from vae_jax.baselines import series_filling as plain
from vae_jax.evaluation import figures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.run import Run
from vae_jax.studies import restoration as shared
from vae_jax.types import Array, Example, Figure, Hyper, Params, UserError

QUESTION = "What comes next in a window, and what stood where steps are missing?"
END, GAP, HALF = "last quarter", "middle quarter", "half of the steps"
NAMES = (END, GAP, HALF)
SETTINGS = {
  **COMMON,
  "limit": 200,
  "tune": 100,
  "mask_seed": 1,  # of the missing half
  "map_steps": 80,  # of latent_map, from each start
  "map_rate": 0.05,  # its first step size, in units of z
  "draws": 1,  # starts of latent_map drawn from the prior, beside the others
  "batch": 200,  # windows at once: memory, not the result
}
ONCE, MAP = "encode and decode", "latent MAP"
CONTRASTS = ((ONCE, MAP),)
VARIES = ("series",)
METRICS = {
  "mse": Metric("Squared error", "", -1, 3),
  "mae": Metric("Absolute error", "", -1, 3),
}
NOTE = (
  "Of missing steps alone, in units of each sensor's standard deviation in train. Last quarter is a"
  " forecast. Windows are those that are normal. Every method is told which steps are missing;"
  " known steps are returned as they are. Encode and decode: straight lines stand in the gap when"
  " the window is encoded. Latent MAP: the code that explains the known steps best, from there and"
  " from the conditional Gaussian's answer. One period away: of a period that was chosen on"
  " validation."
)
LEAST = 1e-3  # no model is surer of a step than that


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what has no steps of numbers."""
  del settings
  for run in runs:
    if run.spec.kind != "sequence" or run.spec.domain != "real":
      raise UserError(
        f"forecasting needs windows of numbers over time, and {run.dataset.name!r} has examples"
        f" of kind {run.spec.kind!r} and domain {run.spec.domain!r}: train on data.name=series."
      )
    if run.spec.shape[0] < 8:
      raise UserError(
        f"forecasting hides a quarter of a window, and these have {run.spec.shape[0]} steps:"
        " train with config.data.steps=8 or more."
      )


def prepare(source: Source, split: str, limit: int) -> Task:
  """The first normal windows of a split that share no step, with steps missing in three ways."""
  examples, x = _windows(source, split, limit)
  observed = masks(x.shape, source.settings["mask_seed"], split)
  y = x[None] * observed
  gaussians, _ = source.once("tuned", lambda: _tuned(source))
  parts = zip(gaussians, y, observed, strict=True)
  guess = np.stack([classic.conditional(*part, limits=None)[0] for part in parts])
  lines = np.stack([plain.interpolated(*part) for part in zip(y, observed, strict=True)])
  fields = {"damaged": y, "known": observed, "guess": guess, "lines": lines}
  return Task(source, split, examples, NAMES, fields, x)


def model(task: Task, run: Run) -> Ask:
  """Encoded with straight lines in the gap, and at the posterior mode of z."""
  s = task.settings

  def complete(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    seen, known = example["damaged"], example["known"]
    decode = shared.decoder(run, params)
    keep = lambda x: known * seen + (1 - known) * x
    off = lambda z: known * (seen - decode(z)) / hyper["residual"]
    joint = shared.joint(run, params, lambda z: -0.5 * jnp.sum(jnp.square(off(z))))
    fill = lambda x: shared.encoded(run, params, {**example}, x)
    code = fill(example["lines"])
    mode = shared.search(s, joint, [code, fill(example["guess"])], key)
    return {ONCE: keep(decode(code)), MAP: keep(decode(mode.z))}

  return Ask(complete, {"residual": _residual(run, task.source)}, s["batch"])


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """The average window, straight lines, one period away, neighbours, and a Gaussian."""
  y, observed = task.fields["damaged"], task.fields["known"]
  train = _train(task.source)
  _, periods = task.source.once("tuned", lambda: _tuned(task.source))
  return {
    "average window": lambda c: classic.average(y[c], observed[c], train),
    "straight lines": lambda c: task.fields["lines"][c],
    "one period away": lambda c: plain.periodic(y[c], observed[c], periods[c]),
    "5 neighbours": lambda c: classic.neighbours(y[c], observed[c], train),
    "conditional Gaussian": lambda c: task.fields["guess"][c],
  }


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Mean squared and absolute error over the missing steps of each window."""
  missing = 1 - task.fields["known"][condition][: len(answer)]
  spread = task.source.once("spread", lambda: _spread(task.source))
  off = (np.asarray(answer) - task.truth[: len(answer)]) / spread * missing
  count = missing.sum((1, 2)) * task.truth.shape[-1]
  errors = {"mse": np.square(off), "mae": np.abs(off)}
  return {name: values.sum((1, 2)) / count for name, values in errors.items()}


def further(outcome: Outcome) -> Extra:
  """One window whose end is missing, by the chosen method and the conditional Gaussian."""
  if outcome.chosen is None:
    return Extra()
  lead, c = outcome.lead, NAMES.index(END)
  task = outcome.tasks[lead.part]
  found = figures.answered(outcome, lead.number, outcome.chosen.method, END)
  at = np.arange(task.truth.shape[1])
  lines = {
    "the window": {"x": at, "y": task.truth[0, :, 0]},
    outcome.chosen.method: {"x": at, "y": np.asarray(found)[0, :, 0]},
    "conditional Gaussian": {
      "x": at, "y": task.fields["guess"][c, 0, :, 0], "style": "dashed"
    },
  }  # fmt: skip
  missing = float(np.flatnonzero(task.fields["known"][c, 0, :, 0] < 0.5)[0])
  data = {"series": lines, "x_label": "step", "y_label": "first sensor"}
  data |= {"marks": {"missing from here": missing}}
  caption = "The first window, and what is said of its last quarter."
  return Extra((), [Figure("forecast", "lines", data, caption)])


def masks(shape: tuple[int, ...], seed: int, use: str) -> np.ndarray:
  """Which steps are known, 1 or 0, [C, N, T, 1]: all but the end, the middle, or half of them.

  Half are drawn for each window by its row alone; at least one is known.
  """
  count, steps = shape[:2]
  quarter = max(1, steps // 4)
  found = np.ones((len(NAMES), count, steps, 1), np.float32)
  found[0, :, steps - quarter :] = 0
  start = (steps - quarter) // 2
  found[1, :, start : start + quarter] = 0
  for row in range(count):
    rng = np.random.default_rng([seed, zlib.crc32(use.encode()), row])
    found[2, row, rng.permutation(steps)[: steps // 2]] = 0
  return found


def _windows(source: Source, split: str, limit: int | None) -> tuple[dict, np.ndarray]:
  """Normal windows as stored, with their ids, and as the model is given them [N, T, F].

  With a limit no two of them share a step, so that they are units of an interval.
  """
  examples = source.split(split)
  if "anomaly" in examples:
    rows = np.flatnonzero(examples["anomaly"] == 0)
    examples = {name: values[rows] for name, values in examples.items()}
  if limit is not None:
    rows = np.arange(len(examples["x"]))
    if "start" in examples:
      rows = apart(examples["series"], examples["start"], examples["x"].shape[1])
    examples = {name: values[rows[:limit]] for name, values in examples.items()}
  return examples, source.inputs(examples)


def apart(series: np.ndarray, start: np.ndarray, steps: int) -> np.ndarray:
  """The windows that share no step with one before them, the first ones of each series first."""
  kept, end = [], {}
  for row, (name, first) in enumerate(zip(series.tolist(), start.tolist(), strict=True)):
    if first >= end.get(name, first):
      kept.append(row)
      end[name] = first + steps
  return np.array(kept)


def _train(source: Source) -> np.ndarray:
  """All normal windows of train as the model is given them, [N, T, F]."""
  return source.once("normal windows", lambda: _windows(source, "train", None)[1])


def _tuned(source: Source) -> tuple[list[classic.Gaussian], list[int]]:
  """The conditional Gaussian's ridge and the period that are best on validation, by condition."""
  fitted = classic.fit_gaussian(_train(source))
  valid = _windows(source, "valid", source.settings["tune"])[1]
  observed = masks(valid.shape, source.settings["mask_seed"], "valid")
  gaussians = [classic.tuned(fitted, valid * o, o, valid, limits=None) for o in observed]
  return gaussians, [plain.tuned(valid * o, o, valid) for o in observed]


def _spread(source: Source) -> np.ndarray:
  """Each sensor's standard deviation over normal training windows, [F]."""
  found = _train(source).std((0, 1))
  return np.where(found > 0, found, 1.0)


def _residual(run: Run, source: Source) -> np.ndarray:
  """Root mean squared error of an encode and decode of validation windows, [M]."""
  fields, valid = _windows(source, "valid", source.settings["tune"])
  rebuild = lambda params, hyper, example, key: run.vae.mean(
    params, distributions.code(run.vae.posterior(params, example))
  )
  rebuilt = asking.apply(run, rebuild, fields, source.key)
  off = np.sqrt(np.square(rebuilt - valid[None]).mean((1, 2, 3)))
  return np.maximum(off, LEAST).astype(np.float32)
