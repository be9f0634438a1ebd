"""Compression: how small a file a model makes, without loss and with some."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax import asking, codec, distributions
from vae_jax.applications.compression import _latents, _lossy, _text
from vae_jax.baselines import lossless
from vae_jax.codec import binding
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import image
from vae_jax.metrics.summary import bytes_of
from vae_jax.run import Run, select
from vae_jax.studies import sections
from vae_jax.types import Array, Example, Hyper, Params, Spec, UserError

QUESTION = "How small a file does the model make, and what does a smaller one lose?"
FAMILIES = True  # of posteriors and priors; the codec refuses some of them
SETTINGS = {
  "split": "test",
  "limit": 1000,  # examples that are coded: the first ones
  "tune": 200,  # validation examples that settings and context models are chosen on
  "codec": "yes",  # "no": the ideal length alone, without a file for each member
  "error": 0.0064,  # squared error with loss at which bits are compared
  "palette": "magma",
}
METRICS = {
  "bits": Metric("Bits per value", better=-1, digits=4),
  "total": Metric("Bits per value, whole file", better=-1, digits=4),
  "ideal": Metric("−ELBO in bits per value", better=0, digits=4),
  "mse": Metric("Squared error of the decoded mean", better=-1, digits=4),
  "latent": Metric("Information in z", "bytes", better=0),
}
FILE, IDEAL, DENSITY = "bits-back file", "ideal length, no file", "code with loss"
NOTE = (
  "Without loss: what is decoded is what was put in, bit for bit, and was compared. Bits per"
  " value: the length of a file for all examples over their values; of the model without the"
  " random bits that the stream begins with, which a receiver gets back, and with them and the"
  " header in the whole file. −ELBO: with one sampled z, what an ideal coder needs. Archives and"
  " pictures are one for all examples. The model's own size is in no number."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses a run that has neither a file without loss nor one with loss."""
  del settings
  for run in runs:
    if run.likelihood.is_density and run.spec.domain in ("unit", "binary"):
      continue
    binding.check_masses(run)


def _has_distance(spec: Spec) -> bool:
  """Whether a squared error says something: not between categories."""
  return spec.domain not in ("category", "mixed")


def prepare(source: Source, split: str, limit: int) -> Task:
  """The examples and, where they have masses, their symbols 0 ... V - 1.

  Raises:
    UserError: values are missing.
  """
  examples = source.split(split, limit)
  if not np.all(examples.get("observed", 1)):
    raise UserError(
      f"Values of the split {split!r} are missing, and a file holds all of them: compress a table"
      " without holes."
    )
  x = source.inputs(examples)
  own = codec.symbols(source.run, x) if source.run.likelihood.symbols else None
  return Task(source, split, examples, truth=x, own=own)


def model(task: Task, run: Run) -> Any:
  """The file of each member, its ideal length, and the mean it decodes from z."""
  terms = asking.elbo(run, task.examples)
  given = run.vae.given is not None  # then the label is in the file, as one of C
  masses = run.likelihood.symbols > 0
  ideal = -terms["elbo"] / np.log(2) + (np.log2(len(run.spec.classes)) if given else 0)
  error = np.full_like(ideal, np.nan)  # of categories, and of what is written in order
  if _has_distance(run.spec) and run.vae.forced is None:
    rebuilt = asking.apply(run, _rebuild(run), task.examples, task.source.key)
    error = np.stack([image.squared_error(task.truth, x) for x in rebuilt])
  net, total = ideal.copy(), np.full_like(ideal, np.nan)
  codes, label = masses and binding.codes(run), task.examples["label"] if given else None
  coded = codes and task.settings["codec"] == "yes"
  for m in range(len(run.members)) if coded else ():
    made = codec.compress(select(run, m), task.truth, label=label)
    again = codec.decompress(select(run, m), made.content)
    if not np.array_equal(again.reshape(len(again), -1), task.own):
      raise AssertionError("A file did not decode to what was put in.")
    # A file is one number; how examples differ is known from their ideal lengths.
    net[m] += (made.bits - made.borrowed) / len(again) - ideal[m].mean()
    total[m] = 8 * len(made.content) / len(again)
  latent = np.array([[bytes_of(v) for v in row] for row in terms["rate"]])
  parts = {"latent": latent, "mse": error}
  if masses:
    parts |= {"bits": net, "total": total, "ideal": ideal}
  method = FILE if codes else IDEAL if masses else DENSITY
  return {method: {name: values[:, None] for name, values in parts.items()}}


def _rebuild(run: Run) -> Callable:
  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    vae = run.vae if run.vae.given is None else run.vae.given(example["label"])
    return vae.mean(params, distributions.code(vae.posterior(params, example)))

  return fn


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Archives, pictures on a contact sheet, context models, and PCA for the error."""
  found = {} if task.own is None else _lossless(task)
  if _has_distance(task.source.spec):
    sizes = _latents.sizes(task.source)
    found |= {f"PCA, {n} numbers": _latents.linear(task, n) for n in sizes}
  return found


def _lossless(task: Task) -> dict[str, Callable[[int], Any]]:
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
    for name in lossless.pictures():
      found[f"{name} sheet"] = lambda c, name=name: even(
        lossless.sheet_bits(shaped, levels, name)
      )
  if source.spec.kind == "image" and source.spec.shape[-1] == 1:
    found["context model"] = lambda c: {
      "bits": _contexts(source, train, levels).bits(shaped)
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
  """How far the file is from the ELBO, sizes of codes, loss, and the bits of a character."""
  spec, found = outcome.task.source.spec, [Extra(findings=_files(outcome))]
  if spec.symbols:
    found += [_text.characters(outcome)]
  if _has_distance(spec):
    found += [_latents.against_pca(outcome), _lossy.extra(outcome)]
  return sections.gathered(found)


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
  masses = [run for run in outcome.runs if run.likelihood.symbols]
  if not all(map(binding.codes, masses)):
    said.append(
      "The codec is for Gaussian posteriors under N(0, I) or a mixture, and for hierarchies: of a"
      " model with another posterior or prior there is no file, and its bits are the ideal"
      " length, −ELBO."
    )
  betas = {m.row.get("beta") for m in outcome.members}
  if len(betas) > 1 and made:
    said.append(_shortest(made))
  return said


def _shortest(made: list) -> str:
  """Which β makes the shortest files, over all seeds."""
  sizes: dict[float, list[float]] = {}
  for result in made:
    sizes.setdefault(result.member.row["beta"], []).append(result.scores["bits"].mean())
  mean = {beta: np.mean(found) for beta, found in sizes.items()}
  best = min(mean, key=mean.get)
  at = "as theory has it, for there" if best == 1 else "in theory it is β = 1, where"
  return (
    f"The shortest files are those of β = {best:g}; {at} the loss of training is the length of"
    " the file."
  )
