"""Distribution scores of samples in a classifier's features, beside the data's own."""

from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.applications import _members, _pictures
from vae_jax.baselines import classifier, pca, pca_gmm, per_pixel
from vae_jax.metrics import frechet, latent, manifold
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Figure, Posterior, Table

K = 5  # neighbours that a ball reaches to
TRAIN, REBUILT, PRIOR, MIXTURE = (
  "train (floor)", "reconstructions", "samples of N(0, I)", "samples of a mixture"
)  # fmt: skip


class Scored(NamedTuple):
  """One set of examples against the held-out ones."""

  method: str
  member: int | None
  frechet: float
  manifold: manifold.Scores


def missing(run: Run, held: int) -> str:
  """Why there are no such scores, or nothing where there are."""
  if run.spec.kind != "image" or len(run.spec.classes) < 2:
    return (
      "Fréchet distance, precision, recall, density and coverage are left out: they are taken"
      " in the features of a classifier of labelled images, and this data has none."
    )
  if held <= K + 1:
    return f"Distribution scores are left out: {held} held-out examples are too few."
  return ""


def mixtures(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> np.ndarray:
  """Codes [M, limit, L] drawn of a mixture fitted to each member's aggregate posterior.

  q(z) = mean_n q(z|x_n) over training examples, of which one draw each is fitted; of a
  deterministic autoencoder its codes.
  """
  train = _members.split(data, "train")
  rows = _pictures.spread(len(train["x"]), pca_gmm.FITTED)
  posterior = _members.posterior(run, {k: v[rows] for k, v in train.items()}, key)
  seed = _seed(key)
  noise = np.random.default_rng(seed).standard_normal(posterior.mean.shape)
  z = posterior.mean + run.stochastic * np.exp(0.5 * posterior.logvar) * noise
  count, found = settings["limit"], []
  for codes in z:
    if not np.isfinite(codes).all():
      found.append(np.full((count, codes.shape[1]), np.nan, np.float32))
      continue
    fitted = pca_gmm.mixture(codes, settings["components"], seed)
    found.append(pca_gmm.draw(fitted, count, seed))
  return np.stack(found)


def measure(
  run: Run,
  train: np.ndarray,
  label: np.ndarray,
  held: np.ndarray,
  pictures: Any,
  key: Array,
  settings: dict[str, Any],
) -> list[Scored]:
  """Every set against the held-out examples, all of them of one size.

  Args:
    run: an opened run on labelled images.
    train: all training images [P, *shape].
    label: their classes [P].
    held: held-out images [N, *shape], what everything is compared with.
    pictures: `samples`, `mixture` and `codes` decoded, [M, >= N or N, *shape] each.
    key: of the classifier and of the baselines' draws.
    settings: `features`, `epochs` and `components` are read.
  """
  # Means of a Gaussian likelihood may leave [0, 1], where no image of the classifier was.
  low, high = (0.0, 1.0) if run.spec.domain in ("unit", "binary") else (-np.inf, np.inf)
  features = classifier.fit_features(
    train, label, len(run.spec.classes), jax.random.fold_in(key, 3),
    settings["epochs"], settings["features"],
  )  # fmt: skip
  count, seed = len(held), _seed(key)
  real, rng = features(held), np.random.default_rng(seed)
  sets = [(TRAIN, None, train[np.sort(rng.permutation(len(train))[:count])])]
  for m in range(len(run.members)):
    sets.append((REBUILT, m, pictures.codes[m]))
    sets.append((PRIOR, m, pictures.samples[m]))
    sets.append((MIXTURE, m, pictures.mixture[m]))
  size = run.vae.latents
  gaussian = pca.sample(pca.fit(train, size), count, rng)
  linear = pca_gmm.fit(train, size, settings["components"], seed)
  sets += [("PCA + Gaussian", None, gaussian)]
  sets += [("PCA + mixture", None, pca_gmm.sample(linear, count, seed))]
  if run.spec.domain in ("unit", "binary"):
    sets.append(("per-pixel Bernoulli", None, per_pixel.sample(train, count, rng)))
  found = []
  for method, member, x in sets:
    made = features(np.clip(x[:count], low, high))
    near = manifold.scores(real, made, K)
    found.append(Scored(method, member, frechet.distance(real, made), near))
  return found


def table(run: Run, posterior: Posterior, scored: list[Scored], settings: dict) -> Table:
  """A row for each set."""
  head = _members.columns(run)
  columns = (*head, "examples", "active", "Fréchet", "÷ floor", *manifold.Scores._fields)
  rows = []
  for one in scored:
    m = one.member
    row = _members.cells(run, m) if m is not None else [None] * len(head)
    row += [one.method, latent.verdict(posterior.mean[m]) if m is not None else None]
    rows.append([*row, one.frechet, one.frechet / scored[0].frechet, *one.manifold])
  note = (
    f"Against held-out examples, as many of each kind, in the {settings['features']} features of"
    f" a classifier trained on the labels of train for {settings['epochs']} epochs. Fréchet:"
    " squared; its floor is what as many training examples have, and reconstructions are the"
    " best that samples of this decoder can hope for. Precision: samples that look like data;"
    f" recall: data that samples look like (k = {K}). Mixture: {settings['components']} Gaussians"
    " fitted to the codes of train. Only numbers of one table compare: the features are its own."
  )
  return Table("Are the samples distributed as the data are?", columns, rows, note)


def figure(pictures: Any, member: int, title: str, style: dict[str, Any]) -> Figure:
  """Samples of the prior above samples of the mixture."""
  rows = [pictures.samples[member, :12], pictures.mixture[member, :12]]
  width = min(map(len, rows))
  data = {"images": np.stack([row[:width] for row in rows]), "title": title}
  data |= {"rows": ["N(0, I)", "mixture"]}
  caption = (
    "Codes drawn from the prior above, and from a mixture of Gaussians fitted to the codes of"
    " the training examples below: where the two differ, the prior has holes."
  )
  return Figure("mixture", "pairs", data | style, caption)


def findings(run: Run, scored: list[Scored], members: list[int]) -> list[str]:
  """What sampling of a mixture is worth, and whether a baseline wins."""
  of = lambda method, m: next(s for s in scored if (s.method, s.member) == (method, m))
  floor, found = scored[0].frechet, []
  linear = min((s for s in scored[1:] if s.member is None), key=lambda s: s.frechet)
  for m in members:
    name, prior, mixed = _members.title(run, m), of(PRIOR, m), of(MIXTURE, m)
    best = min(prior.frechet, mixed.frechet)
    word = "ahead of" if best <= linear.frechet else "and the baseline wins:"
    found.append(
      f"{f'{name}: ' if name else ''}Fréchet distance {prior.frechet:.2f} for N(0, I),"
      f" {mixed.frechet:.2f} for a mixture over the codes, {of(REBUILT, m).frechet:.2f} for"
      f" reconstructions and {floor:.2f} for training examples, {word} {linear.method} at"
      f" {linear.frechet:.2f}. Recall {prior.manifold.recall:.2f} and"
      f" {mixed.manifold.recall:.2f}."
    )
  return found


def _seed(key: Array) -> int:
  return int(np.asarray(jax.random.key_data(jax.random.fold_in(key, 4)))[-1] % 2**31)
