"""More examples from few, and a classifier of one size and as many steps for all of them.

Every way of making more fills a pool of the same number of rows, so that a classifier on it takes
the same steps: Adam over shuffled batches of a pool. A pool is (x [P, *shape], target [P, C]).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vae_jax.baselines import _network
from vae_jax.types import Array, UserError

Pool = tuple[np.ndarray, np.ndarray]
BATCH, RATE, WIDTH = 64, 1e-3, 256
TURN, MOVE = 12.0, 1.5  # degrees and pixels of a picture of 28: standard deviations
JITTER = 0.1  # of a table's standardised columns


class NothingMadeError(Exception):
  """A sampler that finds no place for a new row; ADASYN where no other class is near."""


class Fold(NamedTuple):
  """The training rows: a classifier and a generator see them and no others."""

  x: np.ndarray  # [N, *shape]; categories as one-hots
  label: np.ndarray  # [N]
  classes: int


def nothing(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """The rows again and again, each as often as any other."""
  del rng
  return _pool(fold, np.tile(np.arange(size // 2) % len(fold.x), 2))


def balanced(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """The rows again and again, as many of each class: weights of classes by repetition."""
  del rng
  return _pool(fold, _twice(fold, size))


def classical(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """Half of them pictures shifted and turned a little, or rows of a table with noise."""
  x, target = _pool(fold, _twice(fold, size))
  return moved(x, rng), target


def mixup(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """λ of one row and 1 - λ of another, target too, λ ~ Beta(0.2, 0.2); Zhang et al. (2018)."""
  x, target = _pool(fold, _twice(fold, size))
  other = rng.permutation(size)
  share = rng.beta(0.2, 0.2, size).astype(np.float32)
  mix = lambda v: _mixed(share, v, v[other])
  return mix(x), mix(target)


def smote(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """Points between a row and a near one of its class, beside the rows; Chawla et al. (2002)."""
  return beside(fold, _oversampled("SMOTE", fold, size // 2, rng), size)


def adasyn(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """As SMOTE, more of them where other classes are near; He et al. (2008)."""
  return beside(fold, _oversampled("ADASYN", fold, size // 2, rng), size)


METHODS: dict[str, Callable[[Fold, int, np.random.Generator], Pool]] = {
  "nothing": nothing,
  "class weights": balanced,
  "classical": classical,
  "mixup": mixup,
  "SMOTE": smote,
  "ADASYN": adasyn,
}


def cycle(fold: Fold, size: int) -> np.ndarray:
  """Rows [size] of the fold, as many of each class; in order where classes are of one size."""
  counts = np.bincount(fold.label, minlength=fold.classes)
  if counts.min() == counts.max():
    return np.arange(size) % len(fold.label)
  own = [np.flatnonzero(fold.label == c) for c in range(fold.classes)]
  own = [rows for rows in own if len(rows)]
  turn, place = np.arange(size) % len(own), np.arange(size) // len(own)
  return np.array([own[c][p % len(own[c])] for c, p in zip(turn, place, strict=True)])


def beside(fold: Fold, made: Pool, size: int) -> Pool:
  """Half of a pool real rows, half made ones, each again and again."""
  real = _pool(fold, cycle(fold, size // 2))
  place = np.arange(size // 2) % len(made[0])
  both = lambda r, m: np.concatenate([r, m[place].reshape(r.shape)])
  return both(real[0], made[0]), both(real[1], made[1])


def moved(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Every other one, by chance, of pictures turned and shifted; of rows of a table with noise.

  The others stay as they are: no picture of a test is blurred by interpolation. That is cubic, and
  stays within the range of x. Noise is on numeric columns.

  Args:
    x: [N, H, W, C] or [N, D].
    rng: which ones, and how far.
  """
  chosen = rng.random(len(x)) < 0.5
  if x.ndim != 4:
    numeric = ~np.isin(x, (0.0, 1.0)).all(0)
    noise = JITTER * numeric * rng.normal(size=x.shape)
    return (x + chosen[:, None] * noise).astype(np.float32)
  from scipy import ndimage

  middle = (np.array(x.shape[1:3]) - 1) / 2
  step = MOVE * np.array(x.shape[1:3]) / 28
  found = x.copy()
  for i in np.flatnonzero(chosen):
    angle = np.deg2rad(TURN) * rng.normal()
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = middle - turn @ (middle + step * rng.normal(size=2))
    for c in range(x.shape[3]):
      found[i, ..., c] = ndimage.affine_transform(x[i, ..., c], turn, offset, order=3)
  return np.clip(found, x.min(), x.max())


def onehot(label: np.ndarray, classes: int) -> np.ndarray:
  """[N, C] float32."""
  return np.eye(classes, dtype=np.float32)[label]


def fit(pool: Pool, seed: int, steps: int) -> Callable[[np.ndarray], np.ndarray]:
  """`log q(class|x) [N, C]` of a network with one hidden layer, trained for so many steps.

  The learning rate falls to 0 along a half cosine. Weights and order are of the seed alone.

  Args:
    pool: x [P, *shape], target [P, C].
    seed: of the first weights and the order.
    steps: of Adam, batches of 64.
  """
  x = pool[0].reshape(len(pool[0]), -1)
  first = jnp.asarray(x), jnp.asarray(pool[1]), jax.random.key(seed)
  return predictor(_trained(*first, steps))


def predictor(params: Any) -> Callable[[np.ndarray], np.ndarray]:
  """`log q(class|x) [N, C]` of the network with these parameters, of `train`."""
  return lambda x: np.asarray(_scores(params, jnp.asarray(x.reshape(len(x), -1))))


@jax.jit
def _scores(params: Any, x: Array) -> Array:
  return jax.nn.log_softmax(_network.apply(params, x))


def train(x: Array, target: Array, key: Array, steps: int) -> Any:
  """The parameters of `fit`, of a pool x [P, D], target [P, C] and the key of its seed."""
  size = min(BATCH, len(x))
  first, order = jax.random.split(key)
  params = _network.init(first, (x.shape[1], WIDTH, target.shape[1]))
  adam = optax.adam(optax.cosine_decay_schedule(RATE, steps))

  def loss(params: Any, rows: Array) -> Array:
    logits = _network.apply(params, x[rows])
    return optax.softmax_cross_entropy(logits, target[rows]).mean()

  def step(i: Array, carry: Any) -> Any:
    params, moments = carry
    rows = jax.random.randint(jax.random.fold_in(order, i), (size,), 0, len(x))
    change, moments = adam.update(jax.grad(loss)(params, rows), moments)
    return optax.apply_updates(params, change), moments

  return jax.lax.fori_loop(0, steps, step, (params, adam.init(params)))[0]


_trained = jax.jit(train, static_argnames="steps")


def _twice(fold: Fold, size: int) -> np.ndarray:
  """The rows of half a pool, twice: a generator that copies them makes this very pool."""
  return np.tile(cycle(fold, size // 2), 2)


def _pool(fold: Fold, rows: np.ndarray) -> Pool:
  return fold.x[rows].astype(np.float32), onehot(fold.label[rows], fold.classes)


def _mixed(share: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
  share = share.reshape(-1, *[1] * (a.ndim - 1))
  return (share * a + (1 - share) * b).astype(np.float32)


def _oversampled(name: str, fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """New rows of an imbalanced-learn sampler alone, as many of each class with two rows.

  Raises:
    NothingMadeError: it makes none.
    UserError: the library is missing.
  """
  try:
    from imblearn import over_sampling
  except ImportError as error:
    raise UserError(
      f"{name} needs imbalanced-learn: pip install 'vae-jax[augmentation]', or leave it out with"
      " --set oversampling=no."
    ) from error
  counts = np.bincount(fold.label, minlength=fold.classes)
  flat, more = fold.x.reshape(len(fold.x), -1), -(-size // fold.classes)
  wanted = {c: n + more for c, n in enumerate(counts.tolist()) if n > 1}
  near = max(1, min(5, min((n for n in counts if n > 1), default=2) - 1))
  options = {"sampling_strategy": wanted, "random_state": int(rng.integers(2**31))}
  options |= {"k_neighbors": near} if name == "SMOTE" else {"n_neighbors": near}
  try:
    x, label = getattr(over_sampling, name)(**options).fit_resample(flat, fold.label)
  except (ValueError, RuntimeError) as error:
    raise NothingMadeError(f"{name} makes no rows here: {error}") from error
  x, label = x[len(flat) :], label[len(flat) :]
  if not len(x):
    raise NothingMadeError(f"{name} makes no rows here.")
  order = rng.permutation(len(x))
  x = x[order].reshape(-1, *fold.x.shape[1:]).astype(np.float32)
  return x, onehot(label[order], fold.classes)
