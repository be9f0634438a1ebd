"""Distributions over codes: densities that are 1 in all, Jacobians, inverses, exact divergences."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import distributions, registry
from vae_jax.families import maps
from vae_jax.families.chain import Chain, Walk
from vae_jax.families.continuous import Mixture
from vae_jax.families.discrete import Categorical, Entries, Quantised
from vae_jax.families.spherical import PowerSpherical, Sphere
from vae_jax.latents import About
from vae_jax.types import Draw, Posterior, Sizes, UserError

L = 2
Q = Posterior(jnp.array([0.4, -0.8]), jnp.array([0.3, -0.7]))
SIZES = Sizes((3,), L)
DRAWS = 4000


def moved(tree, seed=0):
  """Parameters away from where they start, near the identity, as far as a grid still resolves."""
  rng = np.random.default_rng(seed)
  noise = lambda x: jnp.asarray(x + np.float32(0.08 * rng.normal(size=x.shape)))
  return jax.tree.map(noise, jax.device_get(tree))


@functools.cache
def parameters(module):
  if not hasattr(module, "parameters"):
    return {}
  return jax.jit(lambda key: module.parameters(key, SIZES))(jax.random.key(0))


def posterior(name):
  module = registry.find("posteriors", name)
  own = parameters(module)
  return module.distribution(moved(own), Q, {})


def prior(name):
  module = registry.find("priors", name)
  own = parameters(module)
  encode = lambda x: Posterior(x[:L], 0.3 * x[:L])
  return module.distribution(moved(own), About(SIZES, encode, None))


REAL = {
  **dict.fromkeys(("diagonal", "planar", "iaf"), posterior),
  **dict.fromkeys(("standard", "mixture", "vamp", "flow", "autoregressive"), prior),
}
FLOWS = ("planar", "iaf", "flow", "autoregressive")


@pytest.mark.parametrize("name", sorted(set(REAL) - {"planar"}))
def test_a_density_on_the_plane_integrates_to_one(name):
  """By the midpoint rule on a grid that holds all but a millionth of the mass."""
  edge, n = 14.0, 400
  ticks = (jnp.arange(n) + 0.5) / n * 2 * edge - edge
  grid = jnp.stack(jnp.meshgrid(ticks, ticks), -1).reshape(-1, L)
  q = REAL[name](name)
  log_q = jax.jit(jax.vmap(lambda z: distributions.log_prob(q, z)))(grid)
  total = np.exp(np.asarray(log_q, np.float64)).sum() * (2 * edge / n) ** 2
  np.testing.assert_allclose(total, 1.0, atol=2e-3)


@pytest.mark.parametrize("name", sorted(REAL))
def test_draws_are_of_the_density_they_carry(name):
  """E_q[p(z) / q(z)] = 1 for any density p within reach of q: here a narrow Gaussian."""
  q = REAL[name](name)
  drawn = jax.jit(lambda key: distributions.draws(q, key, DRAWS))(jax.random.key(1))
  centre = np.median(drawn.z, axis=0)
  p = Posterior(centre, np.full(L, np.log(0.25), np.float32))
  log_p = jax.jit(jax.vmap(lambda z: distributions.log_prob(p, z)))(drawn.z)
  ratio = np.exp(np.asarray(log_p, np.float64) - np.asarray(drawn.log_prob, np.float64))
  error = ratio.std() / DRAWS**0.5
  assert error < 0.15
  assert abs(ratio.mean() - 1.0) < 4 * error
  if name != "planar":
    again = jax.jit(jax.vmap(lambda z: distributions.log_prob(q, z)))(drawn.z)
    np.testing.assert_allclose(again, drawn.log_prob, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("name", FLOWS)
def test_the_stretch_of_a_flow_is_its_jacobian_and_its_inverse_comes_back(name):
  q = REAL[name](name)
  forward, slopes = jax.jit(q.forward), jax.jit(jax.jacfwd(lambda e: q.forward(e)[0]))
  inverse = None if q.inverse is None else jax.jit(q.inverse)
  for e in 1.5 * np.random.default_rng(0).normal(size=(3, L)).astype(np.float32):
    z, stretch = forward(e)
    sign, exact = np.linalg.slogdet(np.asarray(slopes(e), float))
    assert abs(sign) == 1
    np.testing.assert_allclose(stretch, exact, atol=1e-4)
    if inverse is not None:
      back, again = inverse(z)
      np.testing.assert_allclose(back, e, atol=1e-4)
      np.testing.assert_allclose(again, stretch, atol=1e-4)


def test_a_planar_layer_is_invertible_whatever_its_parameters():
  """w.u' > -1, so that the stretch is positive everywhere."""
  u, w = jnp.array([-3.0, 5.0]), jnp.array([2.0, -4.0])
  e = jax.random.normal(jax.random.key(0), (20, L))
  of = jax.vmap(jax.jacfwd(lambda e: maps.planar(u, w, jnp.float32(0.3), e)[0]))
  assert (np.linalg.det(np.asarray(jax.jit(of)(e), float)) > 0).all()


def test_the_masked_network_reads_the_coordinates_before_alone():
  own = moved(maps.conditioner(jax.random.key(0), 5, 16, 3))
  at = jnp.linspace(-1, 1, 5), jnp.ones(3)
  for slopes in jax.jit(jax.jacfwd(lambda e: maps.shifts(own, e, at[1])))(at[0]):
    reads = np.abs(slopes) > 0
    assert not np.triu(reads).any()
    assert np.tril(reads, -1).sum() == 10  # and all of those


def test_a_planar_flow_says_that_it_has_no_density_elsewhere():
  with pytest.raises(UserError, match="planar flow knows the density of its own draws"):
    distributions.log_prob(posterior("planar"), jnp.zeros(L))


def test_the_divergence_of_power_spherical_from_uniform_is_exact():
  for latents, concentration in ((2, 3.0), (3, 0.5), (6, 20.0)):
    direction = np.random.default_rng(latents).normal(size=latents)
    unit = np.float32(direction / np.linalg.norm(direction))
    q = PowerSpherical(unit, np.float32(concentration))
    p = Sphere(latents)

    @jax.jit
    def of(key, q=q, p=p):
      drawn = distributions.draws(q, key, DRAWS)
      return drawn, p.log_prob(drawn.z[0]), jnp.sum(distributions.rates(q, p, drawn))

    drawn, of_p, exact = jax.device_get(of(jax.random.key(3)))
    np.testing.assert_allclose(np.linalg.norm(drawn.z, axis=1), 1.0, rtol=1e-4)
    ratio = drawn.log_prob - of_p
    assert abs(ratio.mean() - exact) < 4 * ratio.std() / DRAWS**0.5
    # (1 + m.z) / 2 is a Beta variable, so the mean of m.z is known.
    a, b = (latents - 1) / 2 + concentration, (latents - 1) / 2
    heights = drawn.z @ q.direction
    assert abs(heights.mean() - (a - b) / (a + b)) < 4 * heights.std() / DRAWS**0.5


@pytest.mark.parametrize("latents", [2, 3])
def test_the_density_of_power_spherical_is_one_over_the_sphere(latents):
  q = PowerSpherical(jnp.eye(latents)[0], jnp.float32(4.0))
  n = 2000
  polar = (np.arange(n) + 0.5) / n * np.pi  # from the direction
  z = np.stack([np.cos(polar), np.sin(polar), *[0 * polar] * (latents - 2)], -1)
  around = (
    2.0 if latents == 2 else 2 * np.pi * np.sin(polar)
  )  # area of the ring at that angle
  log_q = np.asarray(jax.jit(jax.vmap(q.log_prob))(z.astype(np.float32)), np.float64)
  np.testing.assert_allclose((np.exp(log_q) * around).sum() * np.pi / n, 1.0, rtol=1e-3)
  area = np.exp(-float(Sphere(latents).log_prob(None)))
  np.testing.assert_allclose(area, 2 * np.pi if latents == 2 else 4 * np.pi, rtol=1e-5)


def test_categories_sum_to_one_and_their_divergence_is_by_enumeration():
  logits = jnp.array([[0.3, -1.0, 2.0], [0.0, 0.5, -0.5]])
  q, p = Categorical(logits), Categorical(jnp.array([[0.1, 0.2, 0.3], [1.0, 0.0, 0.0]]))
  codes = [
    jnp.concatenate([jnp.eye(3)[i], jnp.eye(3)[j]])
    for i, j in itertools.product(range(3), range(3))
  ]
  of = jax.jit(lambda z: (q.log_prob(z), p.log_prob(z)))
  log_q, log_p = np.array([of(z) for z in codes], float).T
  np.testing.assert_allclose(np.exp(log_q).sum(), 1.0, rtol=1e-5)
  exact = (np.exp(log_q) * (log_q - log_p)).sum()
  rates = jax.jit(lambda key: distributions.rates(q, p, distributions.draw(q, key)))
  found = rates(jax.random.key(0))
  assert found.shape == (2,)
  np.testing.assert_allclose(found.sum(), exact, rtol=1e-5)
  drawn = jax.jit(lambda key: distributions.draws(q, key, DRAWS))(jax.random.key(1))
  counts = [(np.asarray(drawn.z) == np.asarray(z)).all(1).sum() for z in codes]
  assert stats.chisquare(counts, np.exp(log_q) / np.exp(log_q).sum() * DRAWS).pvalue > 1e-3


def test_relaxed_categories_lie_on_the_simplex_and_harden_as_the_temperature_falls():
  logits = jnp.array([[0.3, -1.0, 2.0]])
  soft, cold = (
    Categorical(logits, jnp.float32(t)).draw(jax.random.key(0)).z for t in (0.7, 1e-3)
  )
  hard = Categorical(logits).draw(jax.random.key(0)).z
  np.testing.assert_allclose(soft.sum(), 1.0, rtol=1e-5)
  assert soft.max() < 1
  np.testing.assert_allclose(cold, hard, atol=1e-5)


def test_a_quantised_code_costs_log_v_and_its_commitment_is_a_gradient_alone():
  codebook = jnp.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 2.0]])
  encoded = jnp.array([[0.9, 0.7], [-0.4, 1.9], [0.1, 0.0]])
  p = Entries(codebook, 3)
  q = lambda e, weight=0.25: Quantised(e, codebook, weight)
  assert q(encoded).index().tolist() == [1, 2, 0]
  np.testing.assert_array_equal(
    q(encoded).code(), codebook[jnp.array([1, 2, 0])].reshape(-1)
  )
  rate = jax.jit(lambda e: jnp.sum(distributions.rates(q(e), p, q(e).draw(None))))
  np.testing.assert_allclose(rate(encoded), 3 * np.log(3), rtol=1e-6)
  nearest = codebook[jnp.array([1, 2, 0])]
  np.testing.assert_allclose(jax.grad(rate)(encoded), 0.5 * (encoded - nearest), rtol=1e-5)
  through = jax.jit(jax.grad(lambda e: jnp.sum(q(e).code() ** 2)))(encoded)
  np.testing.assert_allclose(through, 2 * nearest, rtol=1e-6)  # passed on to the encoder
  drawn = jax.jit(lambda key: distributions.draws(p, key, 9))(jax.random.key(0))
  assert drawn.z.shape == (9, 6)
  np.testing.assert_allclose(drawn.log_prob, -3 * np.log(3), rtol=1e-6)


def coded(support):
  """The autoregressive prior over the codes of a support, all V^G of them, and their symbols."""
  module = registry.find("priors", "autoregressive_categorical")
  sizes = Sizes((3,), 6, symbols=(3, 3))
  own = moved(jax.jit(lambda key: module.parameters(key, sizes, 8))(jax.random.key(0)))
  own = jax.tree.map(lambda x: 4 * x, own)  # far from uniform
  p = module.distribution(own, About(sizes, None, lambda: support), 8)
  symbols = np.array(list(itertools.product(range(3), repeat=3)))
  codes = jax.vmap(lambda s: support.assembled(jax.nn.one_hot(s, 3)))(symbols)
  return p, codes, symbols


SUPPORTS = {
  "categories": Categorical(jnp.zeros((3, 3))),
  "entries": Entries(jnp.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 2.0]]), 3),
}


@pytest.mark.parametrize("name", SUPPORTS)
def test_an_autoregressive_mass_over_codes_is_one_in_all_and_that_of_its_draws(name):
  p, codes, symbols = coded(SUPPORTS[name])
  log_p = np.asarray(jax.jit(jax.vmap(p.log_prob))(codes), float)
  np.testing.assert_allclose(np.exp(log_p).sum(), 1.0, rtol=1e-5)
  assert log_p.std() > 0.5
  # the chain rule by enumeration: log p(s_g | s_<g) is of the codes that begin alike
  begins = lambda row, g: (symbols[:, :g] == row[:g]).all(1)
  share = lambda row, g: np.log(np.exp(log_p[begins(row, g)]).sum())
  each = np.asarray(jax.jit(jax.vmap(p.each))(codes), float)
  for row, found in zip(symbols, each, strict=True):
    exact = [share(row, g + 1) - share(row, g) for g in range(3)]
    np.testing.assert_allclose(found[np.arange(3), row], exact, atol=1e-4)
  drawn = jax.jit(lambda key: distributions.draws(p, key, DRAWS))(jax.random.key(1))
  same = (np.asarray(drawn.z)[:, None] == np.asarray(codes)[None]).all(2)
  assert (same.sum(1) == 1).all()  # every draw is a code
  np.testing.assert_allclose(drawn.log_prob, log_p[same.argmax(1)], atol=1e-4)
  expected = np.exp(log_p) / np.exp(log_p).sum() * DRAWS
  assert stats.chisquare(same.sum(0), expected).pvalue > 1e-3
  greedy = p.code()
  assert (np.asarray(codes) == np.asarray(greedy)).all(1).sum() == 1


def test_the_divergence_from_an_autoregressive_prior_is_that_of_all_codes():
  p, codes, _ = coded(SUPPORTS["categories"])
  q = Categorical(jnp.array([[0.3, -1.0, 2.0], [0.0, 0.5, -0.5], [1.0, 0.2, 0.0]]))
  of = jax.jit(jax.vmap(lambda z: (q.log_prob(z), p.log_prob(z))))
  log_q, log_p = np.asarray(of(codes), float)
  exact = (np.exp(log_q) * (log_q - log_p)).sum()
  rates = jax.jit(jax.vmap(lambda z: distributions.rates(q, p, Draw(z, jnp.zeros(())))))
  each = np.asarray(rates(codes), float)
  assert each.shape == (27, 3)
  np.testing.assert_allclose(np.exp(log_q) @ each.sum(1), exact, rtol=1e-5)
  p, codes, symbols = coded(SUPPORTS["entries"])
  book = SUPPORTS["entries"].codebook
  q = Quantised(book[symbols[5]] + 0.1, book, 0.25)
  rate = jax.jit(lambda: distributions.rates(q, p, q.draw(None)))()
  np.testing.assert_allclose(rate.sum(), -p.log_prob(codes[5]), rtol=1e-5)


def test_a_codebook_goes_to_the_mean_of_what_is_encoded_to_each_entry():
  vq = registry.find("posteriors", "vq")
  state = jax.jit(lambda key: vq.state(key, Sizes((3,), 4), entries=3, vectors=2))
  own = state(jax.random.key(0))
  encoded = jax.random.normal(jax.random.key(1), (8, 2, 2))
  counted = jax.jit(jax.vmap(lambda e: vq.statistics(Quantised(e, own["codebook"]))))
  mean = jax.tree.map(lambda x: np.asarray(x).mean(0), counted(encoded))
  update = jax.jit(vq.update)
  new = update(own, mean, {"memory": jnp.float32(0.0)})
  flat = np.asarray(encoded).reshape(-1, 2)
  nearest = ((flat[:, None] - np.asarray(own["codebook"])[None]) ** 2).sum(-1).argmin(1)
  for entry in set(nearest.tolist()):
    expected = flat[nearest == entry].mean(0)
    np.testing.assert_allclose(new["codebook"][entry], expected, rtol=0.02, atol=0.01)
  still = update(own, mean, {"memory": jnp.float32(1.0)})
  np.testing.assert_allclose(still["sums"], own["sums"], rtol=1e-6)
  np.testing.assert_allclose(still["codebook"], own["codebook"], rtol=1e-3, atol=1e-5)


def chain():
  """q and p of two groups of 1 and 2 latents; the lower depends on the upper."""

  def group(where, features):
    if where is None:
      p = Posterior(jnp.zeros(1), jnp.zeros(1))
      return (Posterior(jnp.full(1, 0.5), jnp.full(1, -1.0)) if features else None), p
    p = Posterior(jnp.sin(where) * jnp.ones(2), jnp.array([0.2, -0.4]))
    q = Posterior(jnp.sin(where) + jnp.array([0.3, 0.1]), -0.5 * jnp.ones(2))
    return (q if features else None), p

  walk = Walk((1, 2), lambda: None, group, lambda where, z: 3.0 * z)
  return Chain(walk, 1), Chain(walk)


def test_a_chain_is_the_product_of_its_groups():
  q, p = chain()
  drawn = jax.jit(lambda key: distributions.draws(q, key, DRAWS))(jax.random.key(0))
  z = np.asarray(drawn.z, np.float64)
  upper = stats.norm.logpdf(z[:, 0], 0.5, np.exp(-0.5))
  centre = np.sin(3 * z[:, :1]) + np.array([0.3, 0.1])
  lower = stats.norm.logpdf(z[:, 1:], centre, np.exp(-0.25)).sum(1)
  np.testing.assert_allclose(drawn.log_prob, upper + lower, rtol=1e-3, atol=1e-3)

  @jax.jit
  @jax.vmap
  def of(d):
    ratio, rates = distributions.log_ratio(q, p, d), distributions.rates(q, p, d)
    return q.log_prob(d.z), p.log_prob(d.z), ratio, rates

  again, log_p, ratio, each = jax.device_get(of(drawn))
  np.testing.assert_allclose(again, drawn.log_prob, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(ratio, drawn.log_prob - log_p, rtol=1e-3, atol=1e-3)
  assert each.shape == (DRAWS, 2)
  apart = each.sum(1) - np.asarray(ratio)
  assert abs(apart.mean()) < 4 * apart.std() / DRAWS**0.5
  np.testing.assert_allclose(q.code()[0], 0.5)


def test_rates_are_exact_where_there_is_a_form_and_the_draws_where_not():
  standard, other = distributions.standard(L), Posterior(jnp.ones(L), jnp.full(L, 0.4))
  drawn = jax.jit(lambda key: distributions.draw(Q, key))(jax.random.key(0))
  np.testing.assert_array_equal(
    distributions.rates(Q, standard, drawn), distributions.kl_per_latent(Q)
  )
  np.testing.assert_allclose(
    distributions.rates(Q, other, drawn).sum(), distributions.kl_between(Q, other)
  )
  mixture = Mixture(
    jnp.zeros(1), jax.tree.map(lambda x: x[None], other)
  )  # the same as `other`
  many = jax.jit(lambda key: distributions.draws(Q, key, DRAWS))(jax.random.key(1))
  each = np.asarray(jax.jit(jax.vmap(lambda d: distributions.rates(Q, mixture, d)))(many))
  assert each.shape == (DRAWS, 1)
  exact = float(distributions.kl_between(Q, other))
  assert abs(each.mean() - exact) < 4 * each.std() / DRAWS**0.5


def test_moments_are_the_gaussians_own_and_of_draws_for_others():
  assert distributions.moments(Q, jax.random.key(0)) is Q
  own = posterior("iaf")
  found = distributions.moments(own, jax.random.key(0))
  many = jax.jit(lambda key: distributions.draws(own, key, DRAWS).z)(jax.random.key(1))
  many = np.asarray(many)
  np.testing.assert_array_equal(found.mean, own.code())
  around = np.square(many - np.asarray(found.mean)).mean(0)
  np.testing.assert_allclose(np.exp(found.logvar), around, rtol=0.8)
