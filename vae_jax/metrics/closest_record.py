"""Whether generated rows are copies: the distance of each to the closest training row."""

import numpy as np

from vae_jax.metrics.neighbours import nearest

SAME = 1e-6  # of the median distance of held-out rows: what is closer is a copy
LOW = 0.05  # the quantile of held-out rows' distances that made rows are held against


def check(made: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
  """Distances of made and of held-out rows to their closest training rows.

    copies   the share of made rows that are a training row
    closer   the share of made rows that are closer than 95 % of held-out rows are; LOW of rows
             that are as far as held-out ones
    made, held_out   the median distances

  Args:
    made: [N, *shape], on one scale with the others.
    train: [P, *shape], what the generator was trained on.
    held_out: [V, *shape], of the same source and not trained on.
  """
  ours, theirs = nearest(made, train).distance, nearest(held_out, train).distance
  middle = float(np.median(theirs))
  return {
    "copies": float((ours <= SAME * max(middle, SAME)).mean()),
    "closer": float((ours < np.quantile(theirs, LOW)).mean()),
    "made": float(np.median(ours)),
    "held_out": middle,
  }


def copies(made: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
  """Which made rows are a training row, [N] bool; arguments as in `check`."""
  middle = float(np.median(nearest(held_out, train).distance))
  return nearest(made, train).distance <= SAME * max(middle, SAME)
