"""Whether samples are distributed as the data are, whether they are new, and how varied."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from scipy.ndimage import laplace

from vae_jax.baselines import classifier
from vae_jax.evaluation.protocol import Metric
from vae_jax.evaluation.source import Source
from vae_jax.metrics import frechet, manifold, neighbours

K = 5  # neighbours that a ball reaches to
RARE = 0.01  # the share of held-out examples that lie nearer to train than a "near copy"
SETTINGS = {
  "features": 64,  # width of the classifier that distribution scores are taken in
  "epochs": 10,  # of that classifier
}
LIKE, NEW = "Are the samples distributed as the data are?", "Is it new, and is it varied?"
METRICS = {
  "frechet": Metric("Fréchet distance", better=-1, digits=3, table=LIKE),
  "floor": Metric("÷ floor", better=-1, table=LIKE),
  "precision": Metric("Precision", digits=3, table=LIKE),
  "recall": Metric("Recall", digits=3, table=LIKE),
  "density": Metric("Density", better=0, digits=3, table=LIKE),
  "coverage": Metric("Coverage", digits=3, table=LIKE),
  "nearest": Metric("Median to train", better=0, reduce=np.median, table=NEW),
  "relative": Metric("÷ held-out", better=0, reduce=np.median, table=NEW),
  "copies": Metric("Near copies", "%", better=0, digits=1, table=NEW),
  "pairwise": Metric("Mean pairwise", better=0, table=NEW),
  "variety": Metric("÷ held-out's", better=0, table=NEW),
}
NOTE = (
  "Fréchet distance (squared), precision, recall, density and coverage: against as many held-out"
  " examples, in the hidden layer of a classifier that was trained on the labels of train; the"
  " floor is what as many training examples have. Precision: samples that look like data;"
  f" recall: data that samples look like (k = {K}). Their intervals take classifier, floor and"
  " balls as given. Median to train: the Euclidean distance to the nearest of all training"
  " examples; well below that of held-out examples would mean copying. Near copies: nearer to"
  f" train than the nearest {100 * RARE:.0f} % of held-out examples are. Mean pairwise: the"
  " distance between two of the same set, its diversity."
)


class Held(NamedTuple):
  """Held-out examples, and all that samples are compared with."""

  x: np.ndarray  # [N, *shape]
  some: np.ndarray  # [N, *shape] as many training examples: the floor
  train: np.ndarray  # [P, *shape] all of them
  nearest: np.ndarray | None  # [N] to the nearest of train; None of categories
  features: Callable[[np.ndarray], np.ndarray] | None  # [n, *shape] -> [n, F]
  missing: str  # why there are no features; empty where there are


def seed_of(source: Source) -> int:
  """Of what NumPy and scikit-learn draw; `held` takes the first permutation of train."""
  data = jax.random.key_data(jax.random.fold_in(source.key, 4))
  return int(np.asarray(data)[-1] % 2**31)


def held(source: Source, x: np.ndarray) -> Held:
  """What samples are compared with, for held-out examples x [N, *shape] as models see them."""
  rows = np.random.default_rng(seed_of(source)).permutation(len(source.train))[: len(x)]
  missing, features, near = _missing(source, len(x)), None, None
  if not missing:
    features = source.once("features", lambda: _features(source))
  if source.spec.domain != "category":
    near = neighbours.nearest(x, source.train).distance
  return Held(x, source.train[np.sort(rows)], source.train, near, features, missing)


def like(held: Held, x: np.ndarray) -> dict[str, np.ndarray]:
  """How samples [n, *shape] are distributed: [n] each, whose means are the scores.

  Against as many held-out examples; see `frechet.influence` and `manifold.scores`.
  """
  if held.features is None:
    return {}
  count = min(len(x), len(held.x))
  real, made = held.features(held.x[:count]), held.features(x[:count])
  floor = frechet.distance(real, held.features(held.some[:count]))
  near, each = manifold.scores(real, made, K), frechet.influence(real, made)
  return {"frechet": each, "floor": each / floor, **near._asdict()}


def sharpness(x: np.ndarray, data: np.ndarray) -> np.ndarray:
  """The roughness of images [n, H, W, C] as a multiple of the mean of images of the data, [n]."""
  return roughness(x) / roughness(data).mean()


def roughness(x: np.ndarray) -> np.ndarray:
  """The mean square of the Laplacian of images [n, H, W, C], [n]: the less, the more blurred."""
  return np.square(laplace(x, axes=(1, 2), mode="nearest")).mean(
    (1, 2, 3), dtype=np.float64
  )


def new(held: Held, x: np.ndarray) -> dict[str, np.ndarray]:
  """How far samples [n, *shape] lie from train and from one another, [n] each."""
  if held.nearest is None:
    return {}
  near, apart = neighbours.nearest(x, held.train).distance, neighbours.pairwise(x)
  base = np.median(held.nearest)  # 0 where the held-out examples are training examples
  found = {"nearest": near, "pairwise": apart} | ({"relative": near / base} if base else {})
  found["copies"] = 100.0 * (near < np.quantile(held.nearest, RARE))
  across = neighbours.pairwise(held.x).mean()
  return found | ({"variety": apart / across} if across else {})


def _missing(source: Source, count: int) -> str:
  if source.spec.kind != "image" or len(source.spec.classes) < 2:
    return (
      "Fréchet distance, precision, recall, density and coverage are left out: they are taken"
      " in the features of a classifier of labelled images, and this data has none."
    )
  if count <= K + 1:
    return f"Distribution scores are left out: {count} held-out examples are too few."
  return ""


def _features(source: Source) -> Callable[[np.ndarray], np.ndarray]:
  """`classifier.fit_features` on train, of images cut to [0, 1] where the data are."""
  spec, settings = source.spec, source.settings
  fitted = classifier.fit_features(
    source.train, source.data.splits["train"]["label"], len(spec.classes),
    jax.random.fold_in(source.key, 3), settings["epochs"], settings["features"],
  )  # fmt: skip
  # Means of a Gaussian likelihood may leave [0, 1], where no image of the classifier was.
  low, high = (0.0, 1.0) if spec.domain in ("unit", "binary") else (-np.inf, np.inf)
  return lambda x: fitted(np.clip(x, low, high))
