"""Sounds sampled from the model, by class where the model is given one."""

import jax
import numpy as np

from vae_jax import asking
from vae_jax.applications.audio import _sounds
from vae_jax.baselines import pca
from vae_jax.evaluation import reporting
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Result, Task
from vae_jax.metrics import frechet
from vae_jax.run import Run

PRIOR, BY_CLASS = "samples of N(0, I)", "Gaussian of each class's codes"
LINEAR = "Gaussian of each class's PCA codes"
CONDITION = "made up"
METRICS = {
  "frechet": Metric("Fréchet distance to held-out sounds", better=-1, digits=3),
  "accuracy": Metric("Share heard as the class that was asked for", digits=3),
}


def part(outcome: Outcome) -> Extra:
  """As many sounds as are held out, in the same classes; nothing where there are none.

  The Gaussian of a class has the mean and covariance of its training codes, and the mean variance
  of their posteriors. A model conditional on the class draws from its prior under it.
  """
  results = []
  for at, task in enumerate(outcome.tasks):
    if _sounds.judge(task.source, "label") is None:
      continue
    for run in {id(m.run): m.run for m in outcome.members if m.part == at}.values():
      for method, x in made(task, run).items():
        told = method != PRIOR or run.vae.given is not None
        results += [
          Result(m, method, CONDITION, score(task, x[m.place], told), part=at)
          for m in outcome.members
          if m.run is run
        ]
    x = _linear(task)
    results.append(Result(None, LINEAR, CONDITION, score(task, x, True), part=at))
  if not results:
    return Extra()
  return reporting.part(outcome, "Made up", METRICS, (CONDITION,), results)


def made(task: Task, run: Run) -> dict[str, np.ndarray]:
  """Spectrograms [M, N, F, T, 1] of the classes of the task's examples."""
  source, label = task.source, task.examples["label"]
  key = jax.random.fold_in(source.key, 5)
  shape = (len(label), run.vae.latents)
  prior = np.asarray(jax.random.normal(key, shape))
  train = source.spread("train", 5000)
  q = source.posterior(run, train)
  rng = np.random.default_rng(source.settings["mask_seed"])
  drawn = rng.standard_normal(shape)
  extra = run.stochastic * np.exp(q.logvar)
  codes = [
    gaussians(mean, variance.mean(0), train["label"], label, drawn)
    for mean, variance in zip(q.mean, extra, strict=True)
  ]
  each = {  # the verdict is about the first one
    BY_CLASS: np.stack(codes),
    PRIOR: np.broadcast_to(prior, (len(q.mean), *shape)),
  }
  show = lambda vae, params, z, key: vae.mean(params, z)
  write = lambda z: asking.write(run, show, z.astype(np.float32), label, source.key)
  return {method: np.clip(write(z), 0, 1) for method, z in each.items()}


def gaussians(
  codes: np.ndarray,
  variance: np.ndarray,
  known: np.ndarray,
  label: np.ndarray,
  drawn: np.ndarray,
) -> np.ndarray:
  """Draws [N, L] of the Gaussian of the class `label` [N], fitted to codes [P, L] of `known` [P].

  Args:
    codes: to fit.
    variance: [L] added to the diagonal of every covariance.
    known: the class of each code.
    label: the class of each draw; one that no code has is drawn from all of them.
    drawn: standard normal numbers [N, L].
  """
  found = np.zeros(drawn.shape)
  for c in np.unique(label):
    own = codes[known == c] if (known == c).sum() > 1 else codes
    covariance = np.cov(own, rowvar=False).reshape(len(variance), -1) + np.diag(variance)
    values, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(np.maximum(values, 0))
    found[label == c] = own.mean(0) + drawn[label == c] @ root.T
  return found


def score(task: Task, x: np.ndarray, told: bool) -> dict[str, np.ndarray]:
  """The metrics [N] of made-up sounds; without the accuracy of those that no class was told."""
  judge = _sounds.judge(task.source, "label")
  found = {"frechet": frechet.influence(judge.features(task.truth), judge.features(x))}
  if told:
    right = judge.probabilities(x).argmax(-1) == task.examples["label"]
    found["accuracy"] = right.astype(np.float64)
  return found


def _linear(task: Task) -> np.ndarray:
  source = task.source
  latents = max(run.vae.latents for run in source.runs)
  code = _sounds.linear(source, latents)
  z = pca.encode(code, source.train)
  rng = np.random.default_rng(source.settings["mask_seed"])
  drawn = rng.standard_normal((len(task.truth), z.shape[1]))
  known, label = source.data.splits["train"]["label"], task.examples["label"]
  z = gaussians(z, np.zeros(z.shape[1]), known, label, drawn)
  return np.clip(pca.decode(code, z), 0, 1)
