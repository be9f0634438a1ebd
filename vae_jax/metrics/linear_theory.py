"""The exact optimum of a linear β-VAE: rate, distortion and evidence in closed form, float64.

The decoder is N(W z + b, s^2 I), the encoder N(V x + c, diag d). The optimum is along the
principal directions of the data, and each direction can be solved alone. A direction of variance
v is coded if v > β s^2, and then w^2 = v - β s^2, d = β s^2 / v,

  rate = 1/2 log(v / (β s^2)),   squared error = β s^2,   squared error = v where not coded.

That is the reverse water-filling of a Gaussian source (Cover & Thomas, 2006, theorem 10.3.3)
with the water at β s^2. At β = 1 it is probabilistic PCA (Tipping & Bishop, 1999, eq. 7) and
the ELBO is the exact evidence (Lucas et al., 2019, section 4, who have β = 1 alone).
"""

from typing import NamedTuple

import numpy as np

from vae_jax.metrics import latent
from vae_jax.types import Posterior, UserError

LOG_2PI = float(np.log(2 * np.pi))


class Moments(NamedTuple):
  """What the theory asks of data, along the principal directions of the training split."""

  variances: np.ndarray  # [D] of the training split, largest first
  scored: np.ndarray  # [D] mean squares of the scored split about the training mean


class Scores(NamedTuple):
  """What a linear model says of a split, in nats per example; expectations, not draws."""

  noise: float  # s^2
  rates: np.ndarray  # [L], the largest first
  distortion: float  # mean of E_q[-log p(x|z)]
  evidence: float  # mean of log p(x) under the decoder
  active: int  # latents that are on

  @property
  def rate(self) -> float:
    """The mean of KL(q(z|x) || p(z))."""
    return float(self.rates.sum())

  @property
  def elbo(self) -> float:
    """-(rate + distortion); at β = 1 it is the evidence."""
    return -(self.rate + self.distortion)


def arrays(scores: list[Scores]) -> dict[str, np.ndarray]:
  """Every score of several models by name, [M] each, and "rates" [M, L]."""
  names = ("rate", "distortion", "elbo", "evidence", "active", "noise", "rates")
  return {name: np.array([getattr(s, name) for s in scores], float) for name in names}


def moments(train: np.ndarray, scored: np.ndarray | None = None) -> Moments:
  """The principal variances of a training split, and the scored split's along them.

  Args:
    train: [N, D].
    scored: [R, D]; None: the training split itself.
  """
  train = np.asarray(train, np.float64)
  centre = train.mean(0)
  variances, directions = np.linalg.eigh(np.cov(train.T, bias=True))
  scored = train if scored is None else np.asarray(scored, np.float64)
  along = (scored - centre) @ directions
  return Moments(variances[::-1], (along**2).mean(0)[::-1])


def optimum(data: Moments, beta: float, latents: int, noise: float | None) -> Scores:
  """What the optimum of distortion + β rate on the training split scores.

  Args:
    data: see `moments`.
    beta: above 0.
    latents: L, at most D.
    noise: s^2, fixed; None: learned with the rest, see `learned_noise`.

  Raises:
    UserError: more latents than dimensions, a β or noise that is not positive, or a learned
      noise that has no optimum.
  """
  _check(data, beta, latents, noise)
  noise = learned_noise(data.variances, beta, latents) if noise is None else noise
  v, water = data.variances[:latents], beta * noise
  on = v > water
  v = np.where(on, v, water)  # a latent that is off is one whose direction is at the water
  spread, gain = water / v, (v - water) / v  # d, and w times the encoder's weight
  square = (v - water) / v**2 * data.scored[:latents]  # E[mean(x)^2]
  rates = 0.5 * (square + spread - 1 - np.log(spread))
  errors = data.scored.copy()
  errors[:latents] = (1 - gain) ** 2 * data.scored[:latents] + (v - water) * spread
  constant = len(data.variances) * (LOG_2PI + np.log(noise))
  total = np.full(len(data.variances), noise)  # of log p(x): s^2 + w^2
  total[:latents] += v - water
  evidence = -0.5 * (LOG_2PI + np.log(total) + data.scored / total).sum()
  distortion = 0.5 * (errors.sum() / noise + constant)
  return _scores(noise, rates, distortion, evidence, on.sum())


def measured(
  x: np.ndarray,
  posterior: Posterior,
  weights: np.ndarray,
  bias: np.ndarray,
  noise: float,
) -> Scores:
  """What a given linear model scores, with the expectation over z in closed form.

    E_q |x - W z - b|^2 = |x - W mean - b|^2 + sum_l exp(logvar_l) |W_l|^2
    log p(x) = log N(x; b, W W' + s^2 I)

  A latent is active as everywhere, where the variance of its mean is above `latent.THRESHOLD`:
  by 1 % short of the β at which its rate is 0.

  Args:
    x: [N, D].
    posterior: of each row, [N, L] each.
    weights: W [D, L].
    bias: b [D].
    noise: s^2.
  """
  mean, logvar, weights = (np.asarray(a, np.float64) for a in (*posterior, weights))
  errors = np.asarray(x, np.float64) - bias
  size = len(bias)
  covariance = weights @ weights.T + noise * np.eye(size)
  log_det = np.linalg.slogdet(covariance)[1]
  square = (errors * np.linalg.solve(covariance, errors.T).T).sum(1)
  evidence = -0.5 * (square.mean() + log_det + size * LOG_2PI)
  rest = ((errors - mean @ weights.T) ** 2).sum(1)
  spread = np.exp(logvar) @ (weights**2).sum(0)
  constant = size * (LOG_2PI + np.log(noise))
  distortion = 0.5 * ((rest + spread).mean() / noise + constant)
  rates = 0.5 * (np.expm1(logvar) - logvar + mean**2).mean(0)
  active = latent.active_units(mean).sum()
  return _scores(noise, rates, distortion, evidence, active)


def switch_off(variances: np.ndarray, latents: int, noise: float | None) -> np.ndarray:
  """The β above which each latent is off, [L], the largest variance first.

    fixed noise:    v_l / s^2
    learned noise:  v_l / mean_k min(v_k, v_l)

  With a learned s^2 the noise grows with every latent that goes; the second line is the β at
  which β s^2 reaches v_l, by the equation of `learned_noise`.
  """
  v = np.asarray(variances, np.float64)
  if noise is not None:
    return v[:latents] / noise
  return v[:latents] / np.minimum(v[None], v[:latents, None]).mean(1)


def switches(
  betas: np.ndarray, active: np.ndarray, logvars: np.ndarray, foretells: bool = True
) -> list[tuple[float | None, float | None, float | None]]:
  """When each latent goes off in a sweep, the largest variance first.

  Args:
    betas: of the members, [M].
    active: how many latents each has on, [M].
    logvars: of the posteriors, [M, L].
    foretells: whether the noise is fixed, so that a posterior tells the switch.

  Returns:
    Of each latent the largest β at which every seed has it; the next at which none has; and
    what the posterior foretells at the first of these, β / exp(logvar), the mean over seeds,
    which at the optimum is v_l / s^2. None where there is none.
  """
  found = []
  for place in range(logvars.shape[1]):
    on = active > place
    every = [float(b) for b in np.unique(betas) if on[betas == b].all()]
    last = max(every, default=None)
    none = [float(b) for b in np.unique(betas) if not on[betas == b].any()]
    first = min((b for b in none if last is None or b > last), default=None)
    told = None
    if last is not None and foretells:
      spread = np.sort(np.exp(np.asarray(logvars[betas == last], np.float64)), axis=1)
      told = float(np.mean(last / spread[:, place]))
    found.append((last, first, told))
  return found


def together(off: np.ndarray) -> dict[str, float]:
  """Switches [L] by the numbers of their latents; those within a tenth share their mean."""
  groups: list[list[int]] = []
  for place, beta in enumerate(off):
    if groups and off[groups[-1][0]] < 1.1 * beta:
      groups[-1].append(place)
    else:
      groups.append([place])
  name = lambda group: ", ".join(str(place + 1) for place in group)
  return {name(group): float(off[group].mean()) for group in groups}


def learned_noise(variances: np.ndarray, beta: float, latents: int) -> float:
  """The optimal s^2 of distortion + β rate when the noise is learned too.

  With k latents on, s^2 = (sum of the variances not coded) / (D - β k), where k is the number
  of the first L variances above β s^2. The condition is f(s^2) = 0. f is convex, and negative at
  0 as long as some direction is never coded. So there is one solution. At β = 1 it is
  Tipping & Bishop (1999), eq. 8.

  Raises:
    UserError: L = D and β <= 1, where the noise may go to 0.
  """
  v = np.asarray(variances, np.float64)
  size = len(v)
  if latents >= size and beta <= 1:
    raise UserError(
      f"With {latents} latents in {size} dimensions and β = {beta:g} a learned noise has no"
      " optimum: it may go to 0. Take fewer latents, or a fixed noise."
    )
  for on in range(latents, 0, -1):
    left = size - beta * on
    if left > 0 and v[on - 1] * left > beta * v[on:].sum():  # v_on > β s^2
      return float(v[on:].sum() / left)
  return float(v.mean())


def _scores(
  noise: float, rates: np.ndarray, distortion: float, evidence: float, active: int
) -> Scores:
  ordered = np.sort(rates)[::-1]
  return Scores(float(noise), ordered, float(distortion), float(evidence), int(active))


def _check(data: Moments, beta: float, latents: int, noise: float | None) -> None:
  if latents > len(data.variances):
    raise UserError(
      f"{latents} latents in {len(data.variances)} dimensions: the optimum is not unique;"
      " take as many latents as dimensions at most."
    )
  if not beta > 0 or not (noise is None or noise > 0):
    raise UserError(f"β is {beta} and the noise {noise}; both must be above 0.")
