"""Images with independent pixels: each pixel is drawn from its frequencies in train."""

import numpy as np


def sample(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
  """Draws [count, *shape] of Bernoulli(mean of x) for each pixel; x [N, *shape] in [0, 1]."""
  return (rng.random((count, *x.shape[1:])) < x.mean(0)).astype(np.float32)
