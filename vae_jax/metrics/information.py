"""How much a code says of its example: the mutual information under the encoder."""

import numpy as np
from scipy.special import logsumexp

LOG_2PI = float(np.log(2 * np.pi))


def mutual_information(
  means: np.ndarray, logvars: np.ndarray, rng: np.random.Generator, block: int = 256
) -> float:
  """I(x; z) under q, in nats: E_x E_q [log q(z|x) - log q(z)], q(z) = mean_n q(z|x_n).

  It is KL(q(z|x) || p) - KL(q(z) || p) with one sample for each example, and never above
  log N, so that N bounds what can be seen.

  Args:
    means: [N, L].
    logvars: [N, L].
    rng: of the samples.
    block: samples compared with all N at once.

  Hoffman & Johnson (2016), section 2; estimated as in He et al. (2019), section 3.2.
  """
  means, logvars = np.asarray(means, np.float64), np.asarray(logvars, np.float64)
  z = means + np.exp(0.5 * logvars) * rng.standard_normal(means.shape)
  total, count = 0.0, len(means)
  for start in range(0, count, block):
    part = z[start : start + block]
    # -2 log N = sum_l (z - m)^2 / v + log v + log 2 pi, by the expanded square
    inverse = np.exp(-logvars)
    square = (part**2) @ inverse.T - 2 * part @ (means * inverse).T
    square += (means**2 * inverse).sum(-1)[None]
    log_q = -0.5 * (square + (logvars + LOG_2PI).sum(-1)[None])
    own = log_q[np.arange(len(part)), start + np.arange(len(part))]
    total += float((own - logsumexp(log_q, axis=1) + np.log(count)).sum())
  return total / count


def saturated(value: float, count: int, tolerance: float = 0.1) -> bool:
  """Whether an estimate of `mutual_information` from N examples is only "at least" that much.

  The example's own posterior has the weight 1 / N in q(z). Where the others are far apart, an
  information of I is seen as about -log(exp(-I) + 1 / N), which never exceeds log N. True where
  the I that would be seen as this value is more than `tolerance` nats above it, or unbounded.

  Args:
    value: the estimate, nats.
    count: N.
    tolerance: nats.
  """
  return bool(np.log1p(-min(np.exp(value) / count, 1 - 1e-12)) < -tolerance)
