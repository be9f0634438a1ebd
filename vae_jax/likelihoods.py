"""p(x|z) families: log-density, mean and sample from what a decoder puts out.

An entry of this file is a function `(spec, **options) -> Likelihood`; its keyword arguments
are the options `config.likelihood.<option>`. A decoder puts out `outputs` numbers per element
of x, raw and never squashed; a family may add shared parameters (one number for the whole
data set), which `bind` appends to them: theta [*shape, P] = outputs and shared together.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from vae_jax import _bernoulli as coins
from vae_jax import tabular
from vae_jax.distributions import LOG_2PI
from vae_jax.sums import total
from vae_jax.types import Array, Spec, UserError


class Likelihood(NamedTuple):
  """A family p(x | theta) over one example, theta [*shape, P]."""

  name: str
  outputs: int  # numbers per element of x that the decoder predicts
  log_prob: Callable[[Array, Array], Array]  # theta, x -> [] nats, summed over the elements
  mean: Callable[[Array], Array]  # theta -> E[x], the shape of x
  sample: Callable[[Array, Array], Array]  # theta, key -> x
  domains: tuple[str, ...]  # the Spec.domain it is defined on
  shared: tuple[float, ...] = ()  # initial values of the shared parameters
  is_density: bool = False  # True: a density over reals, which can exceed 1
  proper: bool = True  # False: sums to no 1 over x, so that no number of it is a likelihood
  terms: Callable[[Array, Array], Array] | None = None  # log_prob of each element, [*shape]
  joint: bool = False  # True: elements depend on one another and none can be left out

  def each(self, theta: Array, x: Array) -> Array:
    """log p of each element alone, [*shape] nats: what is summed where some are missing."""
    if self.joint:
      raise UserError(
        f"The likelihood {self.name!r} is of all the elements together: on data with missing"
        f" values choose one whose elements are independent, such as gaussian or mixed."
      )
    if self.terms is not None:
      return self.terms(theta, x)
    flat = theta.reshape(-1, theta.shape[-1])
    one = jax.vmap(lambda t, v: self.log_prob(t[None], v[None]))
    return one(flat, x.reshape(-1)).reshape(x.shape)

  def mode(self, theta: Array) -> Array:
    """The likeliest x of a family over categories; of another its mean, which is drawn."""
    mean = self.mean(theta)
    return jnp.argmax(mean, -1) if self.domains == ("category",) else mean


def bernoulli(spec: Spec) -> Likelihood:
  """Independent coins on logits l: log p = sum x l - softplus(l). Binary x."""
  del spec
  return Likelihood(
    "bernoulli", 1, coins.cross_entropy, coins.sigmoid_mean, coins.sample_bernoulli, ("binary",)
  )  # fmt: skip


def cross_entropy(spec: Spec) -> Likelihood:
  """Bernoulli's formula on grey levels in [0, 1]: the loss of the MNIST article.

  It is no likelihood there: it does not integrate to 1, and at its best it is the entropy of
  the grey levels and not 0. `sample` gives the mean, as no distribution belongs to it.
  """
  del spec
  return Likelihood(
    "cross_entropy",
    1,
    coins.cross_entropy,
    coins.sigmoid_mean,
    lambda theta, key: coins.sigmoid_mean(theta),
    ("unit", "binary"),
    proper=False,
  )


def continuous_bernoulli(spec: Spec) -> Likelihood:
  """The density on [0, 1] that belongs to the cross-entropy: it adds the log normaliser.

  log p = sum x l - softplus(l) + log C(l),  C(l) = l / tanh(l / 2)

  Loaiza-Ganem & Cunningham (2019), eq. 5-6, written on logits l.
  """
  del spec

  def log_prob(theta: Array, x: Array) -> Array:
    return coins.cross_entropy(theta, x) + total(coins.log_normaliser(theta[..., 0]))

  return Likelihood(
    "continuous_bernoulli",
    1,
    log_prob,
    coins.continuous_bernoulli_mean,
    coins.sample_continuous_bernoulli,
    ("unit", "binary"),
    is_density=True,
  )


def gaussian(
  spec: Spec, scale: str = "fixed", std: float = 1.0, min_std: float = 1e-3
) -> Likelihood:
  """N(mean, std^2) for each element; the constant log 2 pi is included.

  -1/2 sum [ log 2 pi + logvar + (x - mean)^2 / exp(logvar) ]

  Args:
    spec: of the data.
    scale: "fixed" at `std`; "shared", one learned number that starts at `std`; "predicted",
      one per element from the decoder; "optimal", see `_optimal_gaussian`.
    std: the standard deviation, in units of x.
    min_std: a soft floor of a learned one, in units of x: without it the density of a few
      examples grows without bound.
  """
  del spec
  _check_scale("gaussian", scale, ("fixed", "shared", "predicted", "optimal"))
  if scale == "optimal":
    return _optimal_gaussian(min_std)
  floor, start = 2.0 * math.log(min_std), 2.0 * math.log(std)
  offset = start if scale == "predicted" else 0.0  # a shared parameter starts there itself

  def parts(theta: Array) -> tuple[Array, Array]:
    if scale == "fixed":
      return theta[..., 0], jnp.full(theta.shape[:-1], start)
    return theta[..., 0], floor + jax.nn.softplus(theta[..., 1] + offset - floor)

  def log_prob(theta: Array, x: Array) -> Array:
    mean, logvar = parts(theta)
    return -0.5 * total(LOG_2PI + logvar + jnp.square(x - mean) * jnp.exp(-logvar))

  def sample(theta: Array, key: Array) -> Array:
    mean, logvar = parts(theta)
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)

  return Likelihood(
    "gaussian",
    2 if scale == "predicted" else 1,
    log_prob,
    lambda theta: theta[..., 0],
    sample,
    ("real", "unit", "binary", "count"),
    shared=(start,) if scale == "shared" else (),
    is_density=True,
  )


def _optimal_gaussian(min_std: float) -> Likelihood:
  """N(mean, s^2) with the s that makes each example likeliest, sigma-VAE.

    s^2 = max(mean (x - mean)^2, min_std^2),  log p = -D/2 [log 2 pi + log s^2 + mse / s^2]

  Rybkin et al. (2021), section 4.2, "optimal", of one example in the place of a batch. s is
  read off x itself, so it sums to no 1 over x and is no likelihood; it balances the two terms
  of the ELBO without a number to tune. `sample` gives the mean, as no distribution belongs to
  it.
  """

  def log_prob(theta: Array, x: Array) -> Array:
    mse = total(jnp.square(x - theta[..., 0])) / x.size
    square = jnp.maximum(mse, min_std**2)
    return -0.5 * x.size * (LOG_2PI + jnp.log(square) + mse / square)

  return Likelihood(
    "gaussian",
    1,
    log_prob,
    lambda theta: theta[..., 0],
    lambda theta, key: theta[..., 0],
    ("real", "unit", "binary", "count"),
    is_density=True,
    proper=False,
    joint=True,
  )


def discretised_logistic(
  spec: Spec, scale: str = "shared", levels: int = 256, std: float = 0.1
) -> Likelihood:
  """The mass a logistic density puts on each grey level k / (levels - 1) of [0, 1].

  P(x) = F((x + h - mean) / s) - F((x - h - mean) / s), h = 1 / (2 (levels - 1)), F the
  logistic sigmoid; the lowest and the highest level take the tails. Kingma et al. (2016),
  eq. 14 of the IAF paper's appendix; Salimans et al. (2017), eq. 2.

  Args:
    spec: of the data.
    scale: of s, "shared" (one learned number) or "predicted" (per element, on the log scale).
    levels: how many grey levels the data has; 256 for 8-bit images.
    std: the standard deviation that the scale starts at, in units of x.
  """
  del spec
  _check_scale("discretised_logistic", scale, ("shared", "predicted"))
  start = math.log(std * 3**0.5 / math.pi)  # a logistic has std = s pi / sqrt(3)
  half = 0.5 / (levels - 1)

  def parts(theta: Array) -> tuple[Array, Array]:
    offset = 0.0 if scale == "shared" else start
    return theta[..., 0], jnp.maximum(theta[..., 1] + offset, -7.0)

  def log_prob(theta: Array, x: Array) -> Array:
    mean, log_scale = parts(theta)
    upper = (x + half - mean) * jnp.exp(-log_scale)
    lower = (x - half - mean) * jnp.exp(-log_scale)
    # log(F(u) - F(l)) = log F(u) + log F(-l) + log(1 - exp(-(u - l))), u - l the bin width
    width = jnp.log(-jnp.expm1(-2.0 * half * jnp.exp(-log_scale)))
    inside = jax.nn.log_sigmoid(upper) + jax.nn.log_sigmoid(-lower) + width
    edge = jnp.where(x < half, jax.nn.log_sigmoid(upper), jax.nn.log_sigmoid(-lower))
    return total(jnp.where((x < half) | (x > 1.0 - half), edge, inside))

  def mean_of(theta: Array) -> Array:
    # E[x] = sum over the levels' upper edges of P(x above it), each worth one level.
    mean, log_scale = parts(theta)
    edges = (jnp.arange(levels - 1) + 0.5) / (levels - 1)
    above = jax.nn.sigmoid(
      (mean[..., None] - _like(edges, mean)) * jnp.exp(-log_scale)[..., None]
    )
    return jnp.sum(above, axis=-1) / (levels - 1)

  def sample(theta: Array, key: Array) -> Array:
    mean, log_scale = parts(theta)
    raw = mean + jnp.exp(log_scale) * jax.random.logistic(key, mean.shape)
    return jnp.round(jnp.clip(raw, 0.0, 1.0) * (levels - 1)) / (levels - 1)

  return Likelihood(
    "discretised_logistic",
    2 if scale == "predicted" else 1,
    log_prob,
    mean_of,
    sample,
    ("unit", "binary"),
    shared=(start,) if scale == "shared" else (),
  )


def student_t(spec: Spec, min_scale: float = 1e-3) -> Likelihood:
  """Student's t for each element, with a predicted mean, scale and degrees of freedom.

  scale = softplus + min_scale, degrees of freedom = 3 + softplus, so that a variance exists:
  the decoder of Mattei & Frellsen (2019), MIWAE.
  """
  del spec
  log_probs = lambda theta, x: tabular.student_t(theta, x, min_scale)
  return Likelihood(
    "student_t",
    3,
    lambda theta, x: total(log_probs(theta, x)),
    lambda theta: theta[..., 0],
    lambda theta, key: tabular.sample_student_t(theta, key, min_scale),
    ("real", "unit", "count"),
    is_density=True,
    terms=log_probs,
  )


def mixed(spec: Spec, tails: str = "gaussian", min_std: float = 1e-2) -> Likelihood:
  """Each column of a table under the family of its kind; see `tabular`.

  Args:
    spec: of the data, with its `columns`; without them every column is real.
    tails: of real and positive columns, "gaussian" or "student_t".
    min_std: a floor of every scale, in units of the stored column.

  Nazábal et al. (2020), HI-VAE, section 3.
  """
  if tails not in ("gaussian", "student_t"):
    raise UserError(f"likelihood.tails is {tails!r}; expected gaussian or student_t.")
  family = tabular.Family(tabular.columns_of(spec), tails == "student_t", min_std)
  return Likelihood(
    "mixed",
    family.outputs,
    lambda theta, x: total(family.log_probs(theta, x)),
    family.mean,
    family.sample,
    ("mixed", "real"),
    is_density=any(c.kind in ("real", "positive") for c in family.columns),
    terms=family.log_probs,
  )


def categorical(spec: Spec) -> Likelihood:
  """One of V categories for each element: log p = sum log softmax(logits)[x]. Integer x.

  `mean` gives the probabilities, [*shape, V], as categories have no average.
  """

  def log_prob(theta: Array, x: Array) -> Array:
    log_probs = jax.nn.log_softmax(theta)
    return jnp.sum(jnp.take_along_axis(log_probs, x[..., None].astype(int), axis=-1))

  return Likelihood(
    "categorical",
    spec.categories,
    log_prob,
    jax.nn.softmax,
    lambda theta, key: jax.random.categorical(key, theta),
    ("category",),
  )


def tokens(spec: Spec) -> Likelihood:
  """Categories in a row that ends: 0 pads it to the length T and is neither scored nor drawn.

    log p = sum over t with x_t > 0 of  theta_{t, x_t} - log sum_{v > 0} exp theta_{t, v}

  The end of a sentence is a symbol of its own and is scored. `mean` gives the probabilities,
  [T, V].
  """

  def without_padding(theta: Array) -> Array:
    # Added rather than set: it fuses with what follows, and no copy of [T, V] is made.
    barred = jnp.where(jnp.arange(spec.categories) == 0, -1e9, 0.0)
    return theta + barred.reshape((1,) * (theta.ndim - 1) + (-1,))

  def log_prob(theta: Array, x: Array) -> Array:
    index = x.astype(int)
    picked = jnp.take_along_axis(theta, index[..., None], axis=-1)[..., 0]
    log_total = jax.nn.logsumexp(without_padding(theta), axis=-1)
    return jnp.sum(jnp.where(index > 0, picked - log_total, 0.0))

  return Likelihood(
    "tokens",
    spec.categories,
    log_prob,
    lambda theta: jax.nn.softmax(without_padding(theta)),
    lambda theta, key: jax.random.categorical(key, without_padding(theta)),
    ("category",),
  )


def multinomial(spec: Spec, total: int = 1) -> Likelihood:
  """Counts over all the elements of x from one distribution: a basket, a bag of words.

  log p = log n! - sum log x_i! + sum x_i log softmax(logits)_i,  n = sum x_i

  Liang et al. (2018), eq. 2, with the coefficient, which they drop. `mean` and `sample` are
  those of `total` draws, as n is not modelled.
  """
  del spec

  def log_shares(theta: Array) -> Array:
    flat = jax.nn.log_softmax(theta[..., 0].reshape(-1))
    return flat.reshape(theta.shape[:-1])

  def log_prob(theta: Array, x: Array) -> Array:
    coefficient = gammaln(jnp.sum(x) + 1.0) - jnp.sum(gammaln(x + 1.0))
    return coefficient + jnp.sum(x * log_shares(theta))

  def sample(theta: Array, key: Array) -> Array:
    shares = log_shares(theta)
    drawn = jax.random.categorical(key, shares.reshape(-1), shape=(total,))
    return jnp.zeros(shares.size).at[drawn].add(1.0).reshape(shares.shape)

  return Likelihood(
    "multinomial",
    1,
    log_prob,
    lambda theta: total * jnp.exp(log_shares(theta)),
    sample,
    ("count", "binary"),
    joint=True,
  )


def _like(edges: Array, mean: Array) -> Array:
  return edges.reshape((1,) * mean.ndim + edges.shape)


def _check_scale(family: str, scale: str, known: tuple[str, ...]) -> None:
  if scale not in known:
    raise UserError(f"likelihood.scale of {family} is {scale!r}; expected one of {known}.")
