"""Compression: how small a file a model makes, without loss and with some."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax import asking, codec, distributions
from vae_jax.baselines import lossless, pca, transform_coding
from vae_jax.codec import binding
from vae_jax.codec.stack import Stack
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures as drawn
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import image, rate_distortion
from vae_jax.metrics.summary import bytes_of
from vae_jax.run import Run, select
from vae_jax.studies import symbols
from vae_jax.types import Array, Example, Figure, Hyper, Params, Table

QUESTION = "How small a file does the model make, and what does a smaller one lose?"
FAMILIES = True  # of posteriors and priors; the codec itself is for N(0, I) alone
SETTINGS = {
  "split": "test",
  "limit": 1000,  # examples that are coded: the first ones
  "tune": 200,  # validation examples that settings and context models are chosen on
  "codec": "yes",  # "no": the ideal length alone, without a file for each member
  "palette": "magma",
}
METRICS = {
  "bits": Metric("Bits per value", better=-1, digits=4),
  "total": Metric("Bits per value, whole file", better=-1, digits=4),
  "ideal": Metric("−ELBO in bits per value", better=0, digits=4),
  "latent": Metric("Information in z", "bytes", better=0),
  "mse": Metric("Squared error of the decoded mean", better=-1, digits=4),
}
FILE, IDEAL = "bits-back file", "ideal length, no file"
NOTE = (
  "Without loss: what is decoded is what was put in, bit for bit, and was compared. Bits per"
  " value: the length of a file for all examples over their values; of the model without the"
  " random bits that the stream begins with, which a receiver gets back, and with them and the"
  " header in the whole file. −ELBO: with one sampled z, what an ideal coder needs. Archives and"
  " pictures are one for all examples. The model's own size is in no number."
)
STEPS = (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # of the quantiser, in units of a code
QUALITIES = {"JPEG": (5, 15, 30, 50, 75, 90), "WEBP": (0, 10, 30, 50, 75, 90)}
COMPONENTS = 64  # of the KLT at most
LANES = 64  # streams of a lossy file
PRECISION = 24


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses a likelihood without a mass for each value."""
  del settings
  for run in runs:
    binding.check_masses(run)


def prepare(source: Source, split: str, limit: int) -> Task:
  """The examples as symbols 0 ... V - 1."""
  examples = source.split(split, limit)
  x = source.inputs(examples)
  return Task(source, split, examples, truth=x, own=codec.symbols(source.run, x))


def model(task: Task, run: Run) -> Any:
  """The file of each member, its ideal length, and the mean it decodes from z."""
  terms = asking.elbo(run, task.examples)
  ideal = -terms["elbo"] / np.log(2)
  error = np.full_like(ideal, np.nan)  # categories have no distance
  if run.spec.domain != "category":
    rebuilt = asking.apply(run, _rebuild(run), task.examples, task.source.key)
    error = np.stack([image.squared_error(task.truth, x) for x in rebuilt])
  net, total = ideal.copy(), np.full_like(ideal, np.nan)
  codes = symbols.is_gaussian(run)  # what the codec is for
  coded = codes and task.settings["codec"] == "yes"
  for m in range(len(run.members)) if coded else ():
    made = codec.compress(select(run, m), task.truth)
    again = codec.decompress(select(run, m), made.content)
    if not np.array_equal(again.reshape(len(again), -1), task.own):
      raise AssertionError("A file did not decode to what was put in.")
    # A file is one number; how examples differ is known from their ideal lengths.
    net[m] += (made.bits - made.borrowed) / len(again) - ideal[m].mean()
    total[m] = 8 * len(made.content) / len(again)
  latent = np.array([[bytes_of(v) for v in row] for row in terms["rate"]])
  parts = {"bits": net, "total": total, "ideal": ideal, "latent": latent, "mse": error}
  method = FILE if codes else IDEAL
  return {method: {name: values[:, None] for name, values in parts.items()}}


def _rebuild(run: Run) -> Callable:
  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    return run.vae.mean(params, distributions.code(run.vae.posterior(params, example)))

  return fn


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Archives, pictures on a contact sheet, context models, and PCA for the error."""
  source, x, levels = task.source, task.own, task.source.run.likelihood.symbols
  shaped = x.reshape(len(x), *source.spec.shape)
  even = lambda bits: {
    "bits": np.full(len(x), bits / len(x)),
    "total": np.full(len(x), bits / len(x)),
  }
  found: dict[str, Callable[[int], Any]] = {
    name: lambda c, name=name: even(lossless.archive_bits(x, levels, name))
    for name in lossless.ARCHIVES
  }
  train = source.once("symbols", lambda: codec.symbols(source.run, source.train))
  found["share at each place"] = lambda c: {
    "bits": lossless.marginal_bits(train, x, levels)
  }
  if source.spec.kind == "image" and source.spec.shape[-1] in (1, 3):
    for name in lossless.PICTURES:
      found[f"{name} sheet"] = lambda c, name=name: even(
        lossless.sheet_bits(shaped, levels, name)
      )
  if source.spec.kind == "image" and source.spec.shape[-1] == 1:
    found["context model"] = lambda c: {
      "bits": _contexts(source, train, levels).bits(shaped)
    }
  if source.spec.domain != "category":
    fitted = source.once("pca", lambda: pca.fit(source.train, source.run.vae.latents))
    rebuilt = pca.rebuild(fitted, task.truth)
    found[f"PCA, {len(fitted.std)} numbers"] = lambda c: {
      "mse": image.squared_error(task.truth, rebuilt)
    }
  return found


def _contexts(source: Source, train: np.ndarray, levels: int) -> lossless.Contexts:
  shape = (-1, *source.spec.shape)
  tune = source.split("valid", source.settings["tune"])
  valid = codec.symbols(source.run, source.inputs(tune)).reshape(shape)
  fit = lambda: lossless.Contexts(train.reshape(shape), valid, levels)
  return source.once("contexts", fit)


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Bits per value of each example, and what was measured beside them."""
  del condition
  size = task.source.spec.size
  per_value = ("bits", "total", "ideal")
  found = {k: v / size if k in per_value else v for k, v in answer.items()}
  return {name: values for name, values in found.items() if np.isfinite(values).any()}


def further(outcome: Outcome) -> Extra:
  """How far the file is from the ELBO, and rate against distortion with loss."""
  said = _files(outcome)
  if outcome.task.source.spec.domain == "category":
    return Extra(findings=said)
  table, figure, more = _lossy(outcome)
  return Extra([table], [figure], [*said, *more])


def _files(outcome: Outcome) -> list[str]:
  """How much longer the files are than the ELBO says, and whose there is none of."""
  made = [r for r in outcome.results if r.member and "total" in r.scores]
  means = [(r.scores["bits"].mean(), r.scores["ideal"].mean()) for r in made]
  worst = max((100 * (net / ideal - 1) for net, ideal in means), default=0)
  said = [
    f"The files are at most {worst:.2f} % longer than the negative ELBO, random bits not counted;"
    " every one was decoded again and compared."
  ]
  said = said if made else []
  if not all(symbols.is_gaussian(run) for run in outcome.runs):
    said.append(
      "The codec is for diagonal Gaussian posteriors under N(0, I): of a model with another"
      " posterior or prior there is no file, and its bits are the ideal length, −ELBO."
    )
  if any(run.vae.family == "discrete" for run in outcome.runs):
    said.append(
      "A discrete code is quantised already: it has no curve of rate against distortion."
    )
  return said


def _lossy(outcome: Outcome) -> tuple[Table, Figure, list[str]]:
  """Quantised, coded codes of the settings' first seeds beside KLT, JPEG and WebP."""
  task = outcome.tasks[outcome.lead.part]
  x, source = task.truth, task.source
  linear = pca.fit(source.train, min(COMPONENTS, source.spec.size))
  codes = pca.encode(linear, source.train), pca.encode(linear, x)
  scale = float(linear.std.max())
  points = [_point(codes, s * scale / 4, lambda z: pca.decode(linear, z), x) for s in STEPS]
  continuous = [m for m in _firsts(outcome) if m.run.vae.family != "discrete"]
  named = {_title(member): _latents(task, member) for member in continuous}
  klt = f"KLT, {len(linear.std)} numbers"
  named[klt] = points
  if source.spec.kind == "image" and source.spec.shape[-1] in (1, 3):
    for name, qualities in QUALITIES.items():
      shown = [transform_coding.picture(x, name, quality) for quality in qualities]
      named[f"{name} sheet"] = [(b / len(x), _error(x, y)) for b, y in shown]
  rows = [
    [who, *point, float(image.psnr(point[1]))] for who, c in named.items() for point in c
  ]
  note = (
    "Bits an example, of codes that were quantised, entropy-coded with code lengths from train, and"
    " counted in the file; squared error of what is decoded. KLT: principal components, quantised"
    " and coded alike. JPEG and WebP: one picture for all examples, its header included."
  )
  table = Table(
    "With loss: rate and distortion", ("codec", "bits", "mse", "psnr"), rows, note
  )
  series = {
    who: {"x": [b for b, _ in c], "y": [float(image.psnr(e)) for _, e in c],
          "style": "solid" if who not in (klt, *(f"{n} sheet" for n in QUALITIES)) else "dashed"}
    for who, c in named.items()
  }  # fmt: skip
  data = {"series": series, "x_label": "bits an example", "y_label": "PSNR, dB", "log": "x"}
  figure = Figure("rate_distortion", "lines", data, "Error against coded bits, with loss.")
  lead = _title(outcome.lead)
  ours = named.get(lead)
  return table, figure, [_saved(named[klt], ours, lead, klt)] if ours else []


def _saved(theirs: list, ours: list, name: str, rival: str) -> str:
  split = lambda c: (np.array([b for b, _ in c]), image.psnr(np.array([e for _, e in c])))
  saved = rate_distortion.bjontegaard(*split(theirs), *split(ours))
  if not np.isfinite(saved):
    return f"With loss, {name} and {rival} reach no common error: no rate compares them."
  return (
    f"With loss, {name} needs {abs(saved):.0f} % {'fewer' if saved < 0 else 'more'} bits than"
    f" {rival} at equal error (Bjøntegaard rate, over the errors that both reach)."
  )


def _firsts(outcome: Outcome) -> list[Member]:
  firsts: dict[Any, Member] = {outcome.lead.setting: outcome.lead}
  for member in outcome.members:
    if member.part == outcome.lead.part:
      firsts.setdefault(member.setting, member)
  return list(firsts.values())[:3]


def _title(member: Member) -> str:
  return of_members.name(member.setting) or "VAE"


def _latents(task: Task, member: Member) -> list[tuple[float, float]]:
  """Bits and squared error of a member's quantised posterior means, for each step."""
  run, source = select(member.run, member.place), task.source
  rows = drawn.spread(len(source.data.splits["train"]["x"]), 10_000)
  train = {k: v[rows] for k, v in source.split("train").items()}
  codes = [source.posterior(run, part).mean[0] for part in (train, task.examples)]
  decode = lambda z: asking.apply_latents(
    run, lambda params, z, key: run.vae.mean(params, z), z.astype(np.float32), source.key
  )[0]
  return [_point(tuple(codes), step, decode, task.truth) for step in STEPS]


def _point(
  codes: tuple[np.ndarray, np.ndarray], step: float, decode: Callable, x: np.ndarray
) -> tuple[float, float]:
  quantiser = transform_coding.fit(codes[0], step)
  places, z = transform_coding.quantise(quantiser, codes[1])
  return _coded(quantiser, places) / len(x), _error(x, decode(z))


def _coded(quantiser: transform_coding.Quantiser, places: np.ndarray) -> float:
  """The bits of a stream that holds the places [N, L]."""
  share = np.exp2(-quantiser.bits)
  mass = np.floor(share * (2**PRECISION - share.shape[1])).astype(np.int64) + 1
  start = np.cumsum(mass, 1) - mass
  stack = Stack(0)
  stack.open(LANES)
  before = stack.bits
  for block in np.array_split(places, -(-len(places) // LANES)):
    for i, own in enumerate(block.T):
      stack.push(start[i][own], mass[i][own], PRECISION)
  return stack.bits - before


def _error(x: np.ndarray, y: np.ndarray) -> float:
  return float(image.squared_error(x, y).mean())
