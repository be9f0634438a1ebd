"""A toy application of the usual shape: numbers with noise added, given back by the model."""

import jax
import numpy as np

from vae_jax.evaluation.protocol import Ask, Metric, Task

QUESTION = "How much of a row comes back from noise?"
SETTINGS = {"split": "test", "limit": 20, "tune": 10, "palette": "magma"}
METRICS = {"error": Metric("Squared error", better=-1, digits=3)}
STDS = (0.1, 0.3, 1.0)
NOTE = "Columns: the standard deviation of the noise."
CONTRASTS = (("as it came", "encode and decode"),)


def prepare(source, split, limit):
  """Rows [N, D] with normal noise of three sizes."""
  examples = source.split(split, limit)
  clean = source.inputs(examples)
  noise = np.random.default_rng(len(split)).normal(size=clean.shape).astype(np.float32)
  noisy = np.stack([clean + std * noise for std in STDS])
  names = tuple(f"{std:g}" for std in STDS)
  return Task(source, split, examples, names, {"noisy": noisy}, clean)


def model(task, run):
  """Encoded and decoded, and left alone."""

  def fn(params, hyper, example, key):
    del hyper, key
    q = run.vae.posterior(params, {**example, "x": example["noisy"]})
    return {
      "encode and decode": run.vae.mean(params, q.mean),
      "as it came": jax.numpy.asarray(example["noisy"]),
    }

  return Ask(fn)


def baselines(task):
  """The mean of the training rows."""
  mean = task.source.train.mean(0)
  return {"average row": lambda c: np.broadcast_to(mean, task.truth.shape)}


def score(task, answer, condition):
  """The mean squared error of each row."""
  del condition
  return {"error": np.square(answer - task.truth[: len(answer)]).mean(-1)}


def shown(task, answer, condition):
  """The rows themselves."""
  del task, condition
  return np.asarray(answer)
