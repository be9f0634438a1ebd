"""Shapes: what a short code keeps of a chair, which shapes there are besides, and files of both."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import asking
from vae_jax.applications.shape import _figures, _files, _solids
from vae_jax.baselines import ordered_points, pca, pca_gmm
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference.latent_map import latent_map
from vae_jax.inputs import shapes as own
from vae_jax.metrics import shapes
from vae_jax.run import Run
from vae_jax.studies import distribution_scores, restoration
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = "What does a short code keep of a shape, and which shapes are there besides?"
SETTINGS = {
  "split": "test",
  "limit": 200,  # shapes that are rebuilt: the first ones
  "tune": 100,  # validation shapes that methods, settings and baselines are chosen on
  "samples": 100,  # shapes that are drawn, and held-out ones that they are compared with
  "components": 10,  # of the mixture over the codes, and of the one over PCA's
  "tau": 0.05,  # of the F-score, in units of a shape's longest side
  "map_steps": 30,  # of the search for z, from the encoder's mean
  "map_rate": 0.03,  # its first step size, in units of z
  "batch": 25,  # shapes at once: memory, not the result
  "input": "",  # a mesh or a file of points of one's own
  "palette": "gray",
}
SAMPLED = "Are the samples like the shapes?"
METRICS = {
  "chamfer": Metric("Chamfer distance", "×10⁴", -1, 1),
  "floor": Metric("Chamfer distance ÷ floor", better=-1),
  "emd": Metric("Earth mover's distance", "×10²", -1),
  "fscore": Metric("F-score at {tau:g}", "%", digits=1),
  "iou": Metric("Voxel IoU at 0.5", digits=3),
  "mmd": Metric("MMD", "×10⁴", -1, 1, table=SAMPLED),
  "cov": Metric("COV", "%", digits=1, table=SAMPLED),
  "nna": Metric("1-NNA, 50 is ideal", "%", 0, 1, table=SAMPLED),
}
ONCE, MAP = "encode and decode", "latent MAP"
PRIOR, MIXTURE = "samples of N(0, I)", "samples of a mixture"
FLOOR, CELLS, TRAIN = "another draw (floor)", "its own voxels", "train (floor)"
REFERENCES = (FLOOR, CELLS, TRAIN)
CONTRASTS = ((ONCE, MAP),)
SHAPES = True
NOTE = (
  "Every shape has a longest side of 1. Chamfer distance: the sum of both means of SQUARED"
  " distances to the nearest point, as PointFlow has it; others halve it or take no squares."
  " What is rebuilt is compared with points of the same surface that the model was not given;"
  " the floor is what a second draw of the true surface has. Earth mover's distance: the mean"
  " way of the best matching. F-score: the harmonic mean of the shares of points within {tau:g}"
  " of the other set. Of voxels, distances are of the middles of surface cells. Samples: MMD,"
  " COV and 1-NNA by Chamfer distance against as many held-out shapes; 1-NNA is how often a"
  " nearest neighbour is of the own set."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses data that are no shapes, and an input that cannot be read."""
  for run in runs:
    if run.spec.kind not in ("points", "voxels"):
      raise UserError(
        f"shape needs shapes in space, and {run.dataset.name!r} has {run.spec.kind}s: evaluate"
        " a run on the data 'shapes'."
      )
  if settings["input"]:
    own.read(settings["input"], runs[0].spec)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Held-out shapes; `truth` are points [n, P, 3] of each that the model is not given.

  Raises:
    UserError: shapes of train, which have no second draw.
  """
  if split == "train":
    raise UserError("Shapes of train have no second draw: take the split valid or test.")
  examples = source.split(split, limit)
  again = {"again": examples["again"], "x": source.inputs(examples)}
  again["floor"] = float(shapes.each_chamfer(examples["again"], examples["surface"]).mean())
  return Task(source, split, examples, truth=examples["surface"], own=again)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Shapes from the encoder's mean and from the mode of z; and drawn ones, of the scored split."""
  s = task.settings

  def rebuild(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    mean = run.vae.posterior(params, example).mean
    weight = hyper.get("beta", 1.0)

    def joint(z: Array) -> Array:
      prior = weight * restoration.log_prior(run, z)
      return run.vae.log_likelihood(params, z, example) + prior

    found = latent_map(joint, mean[None], s["map_steps"], s["map_rate"], newton=False)
    shown = lambda z: _solids.answer(run.spec, run.vae.mean(params, z))
    return {name: {"z": z, "x": shown(z)} for name, z in ((ONCE, mean), (MAP, found.z))}

  found = asking.apply(run, rebuild, task.examples, task.source.key, s["batch"])
  answers = jax.tree.map(lambda x: x[:, None], found)
  if task.split == s["split"]:
    for name, x in drawn(task, run).items():
      answers[name] = {"samples": x[:, None]}
  return answers


def drawn(task: Task, run: Run) -> dict[str, np.ndarray]:
  """Shapes [M, n, ...] of N(0, I) and of a mixture over the codes of train."""
  source, s = task.source, task.settings
  count = min(s["samples"], len(task.truth))
  keys = jax.random.split(jax.random.fold_in(source.key, 1), count)
  prior = np.asarray(jax.vmap(run.vae.prior.sample)(keys))
  q = source.posterior(run, source.spread("train", pca_gmm.FITTED))
  std, seed = run.stochastic * np.exp(0.5 * q.logvar), distribution_scores.seed_of(source)
  z = {PRIOR: np.broadcast_to(prior, (len(q.mean), *prior.shape))}
  z[MIXTURE] = pca_gmm.of_posteriors(q.mean, std, count, s["components"], seed)
  decoded = lambda z: pictures.decoded(run, z, source.key)
  return {name: _solids.answer(run.spec, decoded(codes)) for name, codes in z.items()}


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """PCA at equal numbers, the nearest shape of train, as many numbers of kept points; floors."""
  source = task.source
  linear = source.once("linear", lambda: _linear(source))
  found = {FLOOR: lambda c: {"x": task.own["again"]}}
  found["PCA"] = lambda c: linear.rebuilt(task.own["x"])
  found["nearest in train"] = lambda c: {"x": _solids.nearest(source, task.own["x"])}
  if source.spec.kind == "points":
    kept = max(1, linear.latents // 3)
    found["kept points"] = lambda c: {"x": _solids.kept(task.own["x"], kept)}
  else:
    found[CELLS] = lambda c: {"x": task.own["x"] > 0.5}
  if task.split == task.settings["split"]:
    count = min(task.settings["samples"], len(task.truth))
    some = source.inputs(source.spread("train", count))
    found[TRAIN] = lambda c: {"samples": _solids.answer(source.spec, some)}
    found["PCA + mixture"] = lambda c: {"samples": linear.samples(count)}
  return found


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """The scores [n] of rebuilt shapes, or those of drawn ones.

  Args:
    task: `truth` are points [n, P, 3].
    answer: "x", rebuilt shapes as points [n, Q, 3] or voxels [n, S, S, S]; or "samples".
    condition: not read.
  """
  del condition
  count = task.truth.shape[1]
  if "samples" in answer:
    made = _solids.points(answer["samples"], count)
    sets = shapes.set_scores(task.truth[: len(made)], made)
    scores = {"mmd": 1e4 * sets.mmd, "cov": 100 * sets.coverage}
    return scores | {"nna": 100 * sets.accuracy}
  x = _solids.points(answer["x"], count)
  truth, tau = task.truth[: len(x)], task.settings["tau"]
  distance = np.asarray(shapes.each_chamfer(truth, x), np.float64)
  found = {"chamfer": 1e4 * distance, "floor": distance / task.own["floor"]}
  found["emd"] = 100 * np.array([shapes.emd(*pair) for pair in zip(truth, x, strict=True)])
  found["fscore"] = 100 * np.asarray(shapes.each_f_score(truth, x, tau), np.float64)
  if answer["x"].ndim == 4:
    found["iou"] = shapes.iou(answer["x"], task.own["x"][: len(x)] > 0.5)
  return found


def further(outcome: Outcome) -> Extra:
  """Real files and what they keep, pictures from around, and a user's own shape rebuilt."""
  source = outcome.tasks[outcome.lead.part].source
  files = _files.all_of(outcome, source.once("linear", lambda: _linear(source)))
  figures = [*files.figures, *_figures.all_of(outcome)]
  arrays, findings = dict(files.arrays), list(files.findings)
  if outcome.settings["input"]:
    said, written = _files.of_input(outcome)
    findings.append(said)
    arrays |= written
  return Extra(files.tables, figures, findings, arrays)


def _linear(source: Source) -> _solids.Linear:
  """The linear code of as many numbers as any model has; its rounds are chosen on valid."""
  latents = max(run.vae.latents for run in source.runs)
  components = source.settings["components"]
  seed = distribution_scores.seed_of(source)
  if source.spec.kind == "voxels":
    train = np.asarray(source.train, np.float32)
    code = pca.fit(train, latents)
    return _solids.Linear(
      code, None, pca_gmm.mixture(pca.encode(code, train), components, seed), seed
    )
  fitted = ordered_points.fit(source.train, latents)
  valid = prepare(source, "valid", source.settings["tune"])

  def distance(rounds: int) -> float:
    x = ordered_points.rebuild(fitted._replace(rounds=rounds), valid.own["x"])
    return float(shapes.each_chamfer(valid.truth, x).mean())

  fitted = fitted._replace(rounds=min(ordered_points.ROUNDS, key=distance))
  z = pca.encode(fitted.code, fitted.x)
  return _solids.Linear(fitted.code, fitted, pca_gmm.mixture(z, components, seed), seed)
