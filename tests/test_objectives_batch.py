"""The objectives that see the whole batch: closed forms, masks, players kept apart, training."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny

from vae_jax import asking, distributions, registry
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax import vae as models
from vae_jax.metrics import aggregate
from vae_jax.objectives import factor
from vae_jax.training import loop
from vae_jax.types import VAE, Batch, Posterior, Sizes, UserError

B, L, N = 7, 3, 500
SMALL = {"units": 8, "layers": 2}
CASES = [
  ("capacity", {}),
  ("tc", {"estimator": "weighted"}),
  ("tc", {"estimator": "stratified"}),
  ("dip", {"kind": "i"}),
  ("dip", {"kind": "ii"}),
  ("info", {"kernel": "gaussian"}),
  ("info", {"kernel": "inverse_multiquadratic"}),
  ("factor", SMALL),
]
IDS = [" ".join([name, *map(str, options.values())]) for name, options in CASES]


def new():
  """The same key, not used before as JAX counts it."""
  return jax.random.key(0)


def codes(rows=B, seed=0):
  rng = np.random.default_rng(seed)
  as_array = lambda values: jnp.asarray(values, jnp.float32)
  q = Posterior(
    as_array(rng.normal(size=(rows, L))), as_array(rng.normal(-1, 0.3, size=(rows, L)))
  )
  return q, distributions.reparameterise(q, as_array(rng.normal(size=(rows, L))))


def of(name, options, q, z, mask=None, key=None, **numbers):
  """batch_loss with the objective's own numbers and parameters."""
  objective = registry.find("objectives", name)
  params = {}
  if hasattr(objective, "parameters"):
    params["objective"] = objective.parameters(jax.random.key(1), Sizes((), L), **options)
  mask = jnp.ones(len(z)) if mask is None else mask
  batch = Batch(mask, new() if key is None else key, params, N)
  hyper = {**objective.HYPER, **numbers}
  return objective.batch_loss(q, z, hyper, batch, **options)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_rows_that_do_not_count_change_nothing_and_have_no_gradient(name, options):
  q, z = codes()
  at = np.array([0, 2, 3, 4, 7, 8, 10])
  mask = jnp.zeros(12).at[at].set(1.0)
  spread = lambda rows: jnp.full((12, L), 1e30).at[at].set(rows)
  padded = Posterior(*map(spread, q)), spread(z)
  loss = jax.jit(
    jax.value_and_grad(lambda q, z, mask: of(name, options, q, z, mask), (0, 1))
  )
  alone, gradient = loss(q, z, jnp.ones(B))
  found, wider = loss(*padded, mask)
  np.testing.assert_allclose(found, alone, rtol=1e-4)
  off = np.setdiff1d(np.arange(12), at)
  for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(wider), strict=True):
    np.testing.assert_allclose(b[at], a, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(b[off], 0.0)


AS_ELBO = {
  "tc": {"alpha": 1.0, "beta": 1.0, "gamma": 1.0},
  "dip": {"off_diagonal": 0.0, "diagonal": 0.0},
  "info": {"alpha": 0.0, "lambda": 1.0},
  "capacity": {"gamma": 0.0},
}


@pytest.mark.parametrize(("name", "options"), CASES[:-1], ids=IDS[:-1])
def test_at_its_special_numbers_nothing_is_added(name, options):
  q, z = codes()
  assert of(name, options, q, z, **AS_ELBO[name]) == 0.0
  assert of(name, options, q, z) != 0.0


def vae() -> VAE:
  """x = z + noise; q(z|x) = N(x, 1/4)."""
  nothing = lambda *args: None
  return VAE(
    init=nothing,
    posterior=lambda params, e: Posterior(e["x"], jnp.full(L, np.log(0.25))),
    log_likelihood=lambda params, z, e: distributions.log_prob(
      Posterior(z, jnp.zeros(L)), e["x"]
    ),
    sample=nothing,
    mean=lambda params, z: z,
    prior=models.standard_prior(L),
    latents=L,
    mode=nothing,
    decodes=nothing,
  )


@pytest.mark.parametrize("name", ["tc", "dip", "info", "factor", "capacity"])
def test_the_loss_of_one_example_is_the_negative_elbo(name):
  """But for `capacity`, which charges no rate: there it is the distortion."""
  example = {"x": jnp.asarray([0.5, -1.0, 2.0])}
  objective, beta = (registry.find("objectives", n) for n in (name, "beta"))
  elbo = beta.loss(vae(), {}, example, new(), beta.HYPER)
  numbers = {**objective.HYPER, **AS_ELBO.get(name, {})}
  found = objective.loss(vae(), {}, example, new(), numbers)
  np.testing.assert_allclose(
    found.loss, elbo.distortion if name == "capacity" else elbo.loss
  )
  np.testing.assert_allclose(found.rate, elbo.rate)
  np.testing.assert_allclose(found.distortion, elbo.distortion)
  np.testing.assert_array_equal(found.z, elbo.z)


def test_info_charges_the_rate_by_one_less_alpha():
  example = {"x": jnp.asarray([0.5, -1.0, 2.0])}
  info = registry.find("objectives", "info")
  found = info.loss(vae(), {}, example, new(), {**info.HYPER, "alpha": 0.75})
  np.testing.assert_allclose(found.loss, found.distortion + 0.25 * found.rate, rtol=1e-6)


@pytest.mark.parametrize("estimator", ["weighted", "stratified"])
def test_tc_with_equal_weights_charges_the_rate_of_the_draws(estimator):
  q, z = codes()
  found = of("tc", {"estimator": estimator}, q, z, alpha=3.0, beta=3.0, gamma=3.0)
  prior = Posterior(jnp.zeros((B, L)), jnp.zeros((B, L)))
  log_prob = jax.vmap(distributions.log_prob)
  drawn = jnp.mean(log_prob(q, z) - log_prob(prior, z))
  np.testing.assert_allclose(found, 2 * drawn, rtol=1e-4)


def test_tc_weighs_each_part_by_its_own_number():
  q, z = codes()
  parts = aggregate.decompose(aggregate.of_batch(q, z, jnp.ones(B), N, "stratified"))
  one = {"alpha": 1.0, "beta": 1.0, "gamma": 1.0}
  for name, part in zip(("alpha", "beta", "gamma"), parts, strict=True):
    found = of("tc", {"estimator": "stratified"}, q, z, **{**one, name: 2.5})
    np.testing.assert_allclose(found, 1.5 * part, rtol=1e-4)


def test_capacity_holds_the_mean_rate_of_the_batch():
  q, z = codes()
  rate = float(jnp.mean(jax.vmap(distributions.kl)(q)))
  for target, sign in ((rate + 2.0, -1.0), (rate - 1.5, 1.0)):
    found = of("capacity", {}, q, z, gamma=10.0, capacity=target)
    np.testing.assert_allclose(found, 10 * abs(rate - target), rtol=1e-5)
    slope = jax.grad(lambda q, t=target: of("capacity", {}, q, z, gamma=10.0, capacity=t))
    np.testing.assert_allclose(slope(q).mean, sign * 10 * q.mean / B, rtol=1e-4)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_dip_is_the_distance_of_the_covariance_from_the_identity(kind):
  q, z = codes()
  C = np.cov(np.asarray(q.mean, float).T, bias=True)
  if kind == "ii":
    C = C + np.diag(np.exp(np.asarray(q.logvar, float)).mean(0))
  off = C - np.diag(np.diag(C))
  expected = 2.0 * (off**2).sum() + 5.0 * ((np.diag(C) - 1) ** 2).sum()
  found = of("dip", {"kind": kind}, q, z, off_diagonal=2.0, diagonal=5.0)
  np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_info_is_zero_on_average_where_the_codes_are_the_prior():
  draws = jax.random.normal(jax.random.key(3), (400, 20, L))
  keys = jax.random.split(new(), 400)
  options = {"kernel": "gaussian"}
  each = jax.jit(jax.vmap(lambda z, key: of("info", options, None, z, key=key, alpha=1.0)))
  same, moved = each(draws, keys) / 1000, each(draws + 1.0, keys) / 1000
  error = same.std() / 20
  assert abs(same.mean()) < 4 * error
  assert moved.mean() > 20 * error


@pytest.mark.parametrize(
  ("name", "option", "known"),
  [("tc", "estimator", "stratified"), ("dip", "kind", "i, ii"), ("info", "kernel", "gaus")],
)
def test_an_unknown_option_is_refused_with_the_known_ones(name, option, known):
  with pytest.raises(UserError, match=known):
    of(name, {option: "guess"}, *codes())


def test_factor_refuses_a_discriminator_without_layers():
  with pytest.raises(UserError, match="at least 1"):
    factor.parameters(new(), Sizes((), L), units=8, layers=0)


def test_the_players_of_factor_do_not_reach_each_other():
  q, z = codes()
  own = factor.parameters(jax.random.key(1), Sizes((), L), **SMALL)

  def loss(own, z, gamma):
    batch = Batch(jnp.ones(B), new(), {"objective": own}, N)
    return factor.batch_loss(q, z, {"gamma": gamma}, batch, **SMALL)

  def discriminator(own):
    shuffled = factor.permute(z, jnp.ones(B), new())
    right = (
      jax.nn.sigmoid(factor.logits(own, z)),
      1 - jax.nn.sigmoid(factor.logits(own, shuffled)),
    )
    return -0.5 * (jnp.log(right[0]) + jnp.log(right[1])).mean()

  of_own = [jax.grad(loss)(own, z, gamma) for gamma in (0.0, 35.0)]
  expected = jax.grad(discriminator)(own)
  for a, b, c in zip(*map(jax.tree.leaves, (*of_own, expected)), strict=True):
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-6)
  of_codes = jax.grad(loss, 1)
  np.testing.assert_array_equal(of_codes(own, z, 0.0), 0.0)
  dependence = jax.grad(lambda z: factor.logits(own, z).mean())(z)
  np.testing.assert_allclose(of_codes(own, z, 35.0), 35 * dependence, rtol=1e-4, atol=1e-6)
  plain = loss(own, z, 0.0)
  np.testing.assert_allclose(plain, discriminator(own), rtol=1e-5)


def test_each_latent_is_permuted_by_itself():
  z = jnp.arange(40 * L, dtype=jnp.float32).reshape(40, L)
  found = np.asarray(factor.permute(z, jnp.ones(40), new()))
  np.testing.assert_array_equal(np.sort(found, axis=0), z)
  rows = found // L  # the row that each number came from
  assert not np.array_equal(rows[:, 0], rows[:, 1])
  assert np.abs(np.corrcoef(found.T) - np.eye(L)).max() < 0.4


def test_a_trained_discriminator_knows_the_total_correlation():
  """D at its best is log q(z) - log prod q(z_l): TC = -1/2 log(1 - rho^2) of two latents."""
  rho, options = 0.8, {"units": 32, "layers": 2}
  own = factor.parameters(jax.random.key(1), Sizes((), 2), **options)
  # a rate that falls to 0: at a constant one the noise of the last steps costs a tenth of TC
  adam = optax.adam(optax.cosine_decay_schedule(0.01, 800), **factor.ADAM)

  def draw(key):
    a, b = jax.random.normal(key, (2, 512))
    return jnp.stack([a, rho * a + (1 - rho**2) ** 0.5 * b], -1)

  def loss(own, key):
    z = draw(jax.random.fold_in(key, 0))
    batch = Batch(jnp.ones(512), jax.random.fold_in(key, 1), {"objective": own}, N)
    return factor.batch_loss(None, z, {"gamma": 0.0}, batch, **options)

  @functools.partial(jax.jit, static_argnums=1)
  def fit(own, steps):
    def step(state, i):
      own, moments = state
      gradient = jax.grad(loss)(own, jax.random.fold_in(new(), i))
      change, moments = adam.update(gradient, moments)
      return (optax.apply_updates(own, change), moments), None

    return jax.lax.scan(step, (own, adam.init(own)), jnp.arange(steps))[0][0]

  own = fit(own, 800)
  found = jnp.mean(
    jax.vmap(lambda k: factor.logits(own, draw(k)).mean())(
      jax.random.split(jax.random.key(7), 20)
    )
  )
  np.testing.assert_allclose(found, -0.5 * np.log(1 - rho**2), atol=0.03)


def train(folder, objective, hyper, sweep=None, **schedule):
  """A linear VAE on linear data, a few hundred steps, opened as a run."""
  config = configuration.resolve(
    {
      "data": {"name": "linear_gaussian", "dims": 5, "latents": 2, "n": 600, "test": 400},
      "model": {"name": "linear", "latents": 2},
      "likelihood": {"name": "gaussian", "std": 0.5},
      "objective": objective,
      "hyper": {"learning_rate": 0.02, **hyper},
      "schedule": schedule,
      "sweep": sweep or {},
      "train": {"steps": 300, "batch_size": 64, "log_every": 150, "eval_every": 300},
    }
  )
  return trained(folder, config)


def trained(folder, config):
  """The run, and q(z|x) of its test split, [M, N, L] each."""
  loop.train(config, folder, None)
  run = runs.open_run(folder, "latest")
  encode = lambda params, hyper, e, key: run.vae.posterior(params, e)
  q = asking.apply(run, encode, run.dataset.splits["test"], new())
  return run, q


def covariance(means):
  return np.cov(means.T, bias=True)


def test_capacity_trains_to_its_capacity_by_its_schedule(tmp_path):
  hyper = {"gamma": 100.0, "capacity_steps": 100.0}
  run, q = train(
    tmp_path, {"name": "capacity"}, hyper, {"capacity": [0.5, 2.0]}, capacity="linear"
  )
  rates = np.asarray(distributions.kl_per_latent(q)).sum(-1).mean(1)
  np.testing.assert_allclose(rates, [0.5, 2.0], atol=0.25)
  assert run.hyper["capacity"].tolist() == [0.5, 2.0]


@pytest.mark.slow
def test_tc_trains_codes_that_depend_less_on_each_other(tmp_path):
  sweep = {"beta": [1.0, 16.0]}
  config = tiny(
    objective={"name": "tc"},
    model={"latents": 6, "hidden": [32]},
    hyper={"learning_rate": 5e-3},
    sweep=sweep,
    train={"steps": 300, "batch_size": 64, "log_every": 300, "eval_every": 300},
  )
  _, q = trained(tmp_path, config)
  found = []
  for m in range(2):
    one = Posterior(*(jnp.asarray(values[m]) for values in q))
    z = distributions.reparameterise(one, jax.random.normal(new(), one.mean.shape))
    found.append(aggregate.decompose(aggregate.of_all(one, z)).total_correlation)
  assert found[0] > 0.1
  assert found[1] < 0.25 * found[0]


def test_dip_trains_a_covariance_nearer_to_the_identity(tmp_path):
  sweep = {"diagonal": [0.0, 50.0]}
  _, q = train(tmp_path, {"name": "dip", "kind": "i"}, {"off_diagonal": 0.0}, sweep)
  distance = [np.abs(np.diag(covariance(means)) - 1).max() for means in q.mean]
  assert distance[1] < 0.25 * distance[0]


def test_info_trains_without_a_charge_on_the_rate(tmp_path):
  """At lambda = 0 nothing holds the codes (alpha = 1); a large one holds them to the prior."""
  _, q = train(tmp_path, {"name": "info"}, {"alpha": 1.0}, {"lambda": [0.0, 300.0]})
  spread = [
    np.trace(covariance(m)) + np.exp(v).mean(0).sum() for m, v in zip(*q, strict=True)
  ]
  assert abs(spread[1] - 2.0) < 0.4
  assert abs(spread[0] - 2.0) > 2 * abs(spread[1] - 2.0)


def test_factor_trains_both_players(tmp_path):
  objective = {"name": "factor", "units": 16, "layers": 2}
  run, q = train(tmp_path, objective, {"gamma": 5.0})
  own = jax.tree.map(lambda x: x[0], run.params["objective"])
  start = factor.parameters(jax.random.key(0), Sizes((), 2), units=16, layers=2)
  assert jax.tree.structure(own) == jax.tree.structure(start)
  z = jnp.asarray(q.mean[0])
  shuffled = factor.permute(z, jnp.ones(len(z)), new())
  assert np.isfinite(q.mean).all()
  # at independence the discriminator cannot tell the two: its loss is log 2 each
  error = jax.nn.softplus(-factor.logits(own, z)) + jax.nn.softplus(
    factor.logits(own, shuffled)
  )
  assert abs(float(error.mean()) / 2 - np.log(2)) < 0.1
