"""Generation: what the model invents, and whether it is new."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import asking
from vae_jax.applications.generation import _figures
from vae_jax.baselines import pca, pca_gmm, per_pixel
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inference import walks
from vae_jax.run import Run
from vae_jax.studies import distribution_scores as distribution
from vae_jax.studies import symbols as of_latents
from vae_jax.types import UserError

QUESTION = "What does the model invent, and is it new?"
FAMILIES = True  # of posteriors and priors: all are asked through `distributions`
SETTINGS = {
  **COMMON,
  "limit": 500,  # samples, and held-out examples that they are compared with
  "tune": 500,  # of both, on validation
  "grid": "linear",  # spacing of the plane: "linear" in [-span, span], or "quantile"
  "span": 3.0,
  "side": 20,  # cells along an axis of the plane
  "steps": 11,  # pictures of an interpolation or a traversal
  "pairs": "",  # interpolations, "3-8,1-7" by class (or row number); empty: a few
  "components": 10,  # of the mixture over the codes, and of the one over PCA's
  **distribution.SETTINGS,
}
PRIOR, MIXTURE = "samples of the prior", "samples of a mixture"
REBUILT, HELD, TRAIN = "reconstructions", "held-out", "train (floor)"
REFERENCES = (REBUILT, HELD, TRAIN)
DRAWN = 100  # draws of the prior there are at least, for pictures
COPIED = 10.0  # % of near copies that are no accident: ten times what is held out has
METRICS = distribution.METRICS
CONTRASTS = ((PRIOR, MIXTURE),)
NOTE = (
  "Samples and reconstructions are means E[x|z], smoother than data and therefore nearer to"
  " everything: compare samples with reconstructions, which are the best that samples of this"
  " decoder can hope for. Prior: N(0, I), or the model's own. Mixture: of Gaussians, fitted to the"
  " codes of train, where they are points of the whole space. PCA has as many"
  f" numbers as the model. {distribution.NOTE}"
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses rows of symbols, an unknown spacing of the plane, and pairs that are not there."""
  if any(run.spec.symbols for run in runs):
    raise UserError(
      "Numbers of symbols are no picture: the application text says what is new."
    )
  walks.ticks(settings["grid"], settings["side"], settings["span"])
  split = Source(runs[0], settings, None).split(settings["split"])
  walks.ends(settings["pairs"], split, runs[0].spec.classes)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Held-out examples, evenly spaced in the split; at most as many as there are samples."""
  examples = source.spread(split, min(limit, source.settings["limit"]))
  held = distribution.held(source, source.inputs(examples))
  return Task(source, split, examples, truth=held)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Pictures from the prior, from a mixture over the codes, and of the held-out examples."""
  source, s, count = task.source, task.settings, len(task.truth.x)
  codes = source.posterior(run, task.examples).mean
  found = {method: x for method, (_, x) in drawn(source, run).items()}
  found[REBUILT] = pictures.decoded(run, codes, source.key)
  answers = {method: {"like": x[:, None, :count]} for method, x in found.items()}
  if task.split == s["split"]:  # nothing is chosen by novelty, so validation goes without
    for method, x in found.items():
      answers[method]["new"] = x[:, None, : s["limit"]]
  return answers


def drawn(source: Source, run: Run) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """Codes [M, n, L] of PRIOR and of MIXTURE, and their pictures [M, n, *shape]; made once."""

  def make() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    s = source.settings
    keys = jax.random.split(jax.random.fold_in(source.key, 1), max(s["limit"], DRAWN))
    found = {PRIOR: asking.prior_draws(run, keys)}
    if of_latents.is_real(run):
      q = source.posterior(run, source.spread("train", pca_gmm.FITTED))
      std, seed = run.stochastic * np.exp(0.5 * q.logvar), distribution.seed_of(source)
      size = s["limit"], s["components"], seed
      found[MIXTURE] = pca_gmm.of_posteriors(q.mean, std, *size)
    return {name: (z, pictures.decoded(run, z, source.key)) for name, z in found.items()}

  return source.once(f"drawn {run.numbers}", make)


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """PCA with a Gaussian and with a mixture over its codes, and a coin for each pixel."""
  source, held, s = task.source, task.truth, task.settings
  if held.features is None and held.nearest is None:
    return {}
  seed, further = distribution.seed_of(source), jax.random.fold_in(source.key, 2)
  latents = max(run.vae.latents for run in source.runs)
  mixed = pca_gmm.fit(held.train, latents, s["components"], seed)
  seeds = seed, np.asarray(jax.random.key_data(further))
  rng = [np.random.default_rng(each) for each in seeds]
  rng[0].permutation(len(held.train))  # has drawn `held.some`
  counts = {"like": (len(held.x), rng[0]), "new": (s["limit"], rng[1])}
  both = lambda draw: lambda c: {name: draw(*counts[name]) for name in counts}
  found = {HELD: lambda c: {"new": held.x}, TRAIN: lambda c: {"like": held.some}}
  found["PCA + Gaussian"] = both(lambda n, rng: pca.sample(mixed.code, n, rng))
  found["PCA + mixture"] = both(lambda n, rng: pca_gmm.sample(mixed, n, seed))
  if source.spec.domain in ("unit", "binary"):
    found["per-pixel Bernoulli"] = both(lambda n, rng: per_pixel.sample(held.train, n, rng))
  return found


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """What `distribution_scores` says of examples [n, *shape].

  Args:
    task: `truth` is what they are compared with.
    answer: the examples to be "like" the held-out ones and "new"; or one of the two.
    condition: not read.
  """
  found = distribution.like(task.truth, answer["like"]) if "like" in answer else {}
  return found | (distribution.new(task.truth, answer["new"]) if "new" in answer else {})


def further(outcome: Outcome) -> Extra:
  """The pictures, and whether samples are copies."""
  both = lambda m: drawn(outcome.tasks[m.part].source, m.run)
  draws = lambda m: {name: x[m.place] for name, (_, x) in both(m).items()}
  arrays = {f"z_{m.run.vae.latents}": both(m)[PRIOR][0][m.place] for m in outcome.members}
  for name, method in (("samples", PRIOR), ("mixture_samples", MIXTURE)):
    made = [draws(m)[method][:DRAWN] for m in outcome.members if method in both(m)]
    arrays |= {name: np.stack(made)} if made else {}
  held, found = outcome.task.truth, []
  if held.nearest is not None:
    found += [_novelty(outcome, member) for member in of_members.spread(outcome.members)]
  if found and not np.median(held.nearest):
    found.append(
      "The examples that samples are compared with are training examples, as in a table that"
      " is filled in: nothing here says whether samples are new."
    )
  found += [held.missing] if held.missing else []
  if not all(run.stochastic for run in outcome.runs):
    found.append(
      "A deterministic autoencoder has no prior: N(0, I) is not where its codes lie, and"
      " these pictures show what that costs."
    )
  found += of_latents.sentences(outcome)
  return Extra(figures=_figures.all_of(outcome, draws), findings=found, arrays=arrays)


def _novelty(outcome: Outcome, member: Member) -> str:
  mine = lambda r: (r.member or member).number == member.number and r.part == member.part
  found = {r.method: r.scores for r in outcome.results if mine(r)}
  sets = [found[method] for method in (PRIOR, HELD, REBUILT)]
  middle, near = [np.median(x["nearest"]) for x in sets], found[PRIOR]["copies"].mean()
  name = of_members.title(member, outcome.members)
  new = "lie too close to train" if near > COPIED else "are no copies"
  return (
    f"{f'{name}: s' if name else 'S'}amples {new}: their median distance to the nearest"
    f" training example is {middle[0]:.2f}, that of held-out examples {middle[1]:.2f}, of"
    f" their reconstructions {middle[2]:.2f}; {near:.1f} % are near copies, where"
    f" {100 * distribution.RARE:.0f} % of held-out examples are."
  )
