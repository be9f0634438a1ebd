"""Linear support vector classifiers that read one number, for every latent and class at once.

  min_{w, b}  (w^2 + b^2) / 2 + C sum_i c_i max(0, 1 - y_i (w x_i + b))^2

one against the rest, y = +-1, c_i = N / (K n_class) for the class itself and 1 for the rest; of
two classes, for both. That is what scikit-learn's LinearSVC(C, class_weight="balanced")
minimises, its penalty on b included. Two unknowns make Newton's method a few passes over the
data for all classes at once, where liblinear takes a minute for one code.
"""

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]

C = 0.01
STEPS = 30
HALVINGS = 20


def accuracies(
  x: np.ndarray, v: np.ndarray, test_x: np.ndarray, test_v: np.ndarray
) -> np.ndarray:
  """Held-out accuracy of a classifier of v from each latent alone: [L].

  Args:
    x: [N, L] to fit.
    v: classes [N], from 0.
    test_x: [T, L].
    test_v: [T].
  """
  return np.array(
    [np.mean(_predict(*fit(z, v), t) == test_v) for z, t in zip(x.T, test_x.T, strict=True)]
  )


def fit(x: np.ndarray, v: np.ndarray) -> Pair:
  """w and b [K] of one classifier against the rest for each class, from x [N], v [N]."""
  count = np.bincount(v)
  sign = np.where(np.arange(len(count))[:, None] == v[None], 1.0, -1.0)  # y [K, N]
  own = len(v) / (len(count) * np.maximum(count, 1))
  rest = own[v][None] if len(count) == 2 else 1.0
  share = C * np.where(sign > 0, own[:, None], rest)
  w, b = np.zeros(len(count)), np.zeros(len(count))
  for _ in range(STEPS):
    slack = np.maximum(0, 1 - sign * (w[:, None] * x + b[:, None]))
    pull = share * sign * slack
    first = w - 2 * (pull @ x), b - 2 * pull.sum(1)
    on = share * (slack > 0)
    ww, wb, bb = 1 + 2 * on @ x**2, 2 * on @ x, 1 + 2 * on.sum(1)
    det = ww * bb - wb**2
    step = (bb * first[0] - wb * first[1]) / det, (ww * first[1] - wb * first[0]) / det
    w, b = _descend(x, sign, share, (w, b), step, first)
    if max(abs(first[0]).max(), abs(first[1]).max()) < 1e-8:
      break
  return w, b


def _descend(
  x: np.ndarray, sign: np.ndarray, share: np.ndarray, at: Pair, step: Pair, first: Pair
) -> Pair:
  """The longest of the halved Newton steps of each problem that lowers its loss enough."""
  w, b = at
  loss = lambda w, b: (
    0.5 * (w**2 + b**2)
    + (share * np.maximum(0, 1 - sign * (w[:, None] * x + b[:, None])) ** 2).sum(1)
  )
  before, slope = loss(w, b), first[0] * step[0] + first[1] * step[1]
  scale = np.ones_like(w)
  for _ in range(HALVINGS):
    after = loss(w - scale * step[0], b - scale * step[1])
    worse = after > before - 1e-4 * scale * slope
    if not worse.any():
      break
    scale = np.where(worse, scale / 2, scale)
  return w - scale * step[0], b - scale * step[1]


def _predict(w: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
  return np.argmax(w[:, None] * x[None] + b[:, None], axis=0)
