"""Independent component analysis (FastICA): a linear code with independent numbers."""

import numpy as np

STEPS = 3000  # of FastICA


def codes(train: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, bool]:
  """Independent components of whitened codes z [N, L], and whether they were found.

  FastICA with the contrast log cosh, one component after the other, Hyvärinen (1999): on
  sprites all at once never settle, as pairs of components turn into one another. Fitted on the
  whitened codes of train [P, L], in float64, for which its tolerance is meant.
  """
  from sklearn.decomposition import FastICA

  form = {"algorithm": "deflation", "whiten": False, "random_state": 0}
  model = FastICA(max_iter=STEPS, tol=1e-3, **form).fit(np.asarray(train, np.float64))
  return model.transform(np.asarray(z, np.float64)), model.n_iter_ < STEPS
