"""Steps in a code that change one attribute: from how codes with and without it differ.

Every function reads labelled codes. It gives the step that brings other codes from their own value
of the attribute to another one: z + a step, with a = 1 for the whole way and a = 0 for no change.
"""

import warnings

import numpy as np

FLOOR = 0.2  # of the widest axis: narrower ones are not stretched further
MEAN, PROBE, GAUSSIAN = "mean difference", "linear probe", "Gaussian map"


def mean_difference(
  z: np.ndarray, value: np.ndarray, own: np.ndarray, target: np.ndarray
) -> np.ndarray:
  """E[z | target] - E[z | own], [n, L]; the attribute vector of Larsen et al. (2016).

  Args:
    z: labelled codes [N, L].
    value: of their attribute [N], integers from 0.
    own: of the examples that are edited [n].
    target: what they are to become [n].
  """
  means = _means(z, value)
  return means[target] - means[own]


def linear_probe(
  z: np.ndarray, value: np.ndarray, own: np.ndarray, target: np.ndarray
) -> np.ndarray:
  """Along the normal of a linear classifier, as far as the class means lie apart on it.

    step = w (w . d) / |w|^2,  w = w_target - w_own,  d = E[z | target] - E[z | own]

  w are the weights of a logistic regression of standardised codes, brought back to z. Arguments
  as in `mean_difference`. The normal of InterFaceGAN, Shen et al. (2020), eq. 2.
  """
  from sklearn.linear_model import LogisticRegression

  spread = z.std(0)
  scale = np.maximum(spread, FLOOR * spread.max()) + 1e-9  # a collapsed latent stays small
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a fit that needs more steps: its normal is as good
    fitted = LogisticRegression(C=0.1, max_iter=300).fit(z / scale, value)
  weights = np.zeros((int(max(value.max(), own.max(), target.max())) + 1, z.shape[1]))
  if len(fitted.classes_) == 2:
    weights[fitted.classes_[1]] = fitted.coef_[0]
  else:
    weights[fitted.classes_] = fitted.coef_
  normal = (weights[target] - weights[own]) / scale
  apart = mean_difference(z, value, own, target)
  along = (normal * apart).sum(-1) / np.maximum((normal**2).sum(-1), 1e-12)
  return normal * along[:, None]


def gaussian_map(
  z: np.ndarray,
  value: np.ndarray,
  own: np.ndarray,
  target: np.ndarray,
  codes: np.ndarray,
) -> np.ndarray:
  """To the same place in the Gaussian of the target, axis by axis.

    E[z | target] + std_target / std_own (z - E[z | own]) - z

  Arguments as in `mean_difference`, and `codes` [n, L], those that are edited.
  """
  means = _means(z, value)
  stds = np.stack([np.maximum(z[value == v].std(0), 1e-6) for v in range(len(means))])
  moved = means[target] + stds[target] / stds[own] * (codes - means[own])
  return moved - codes


def _means(z: np.ndarray, value: np.ndarray) -> np.ndarray:
  return np.stack([z[value == v].mean(0) for v in range(int(value.max()) + 1)])
