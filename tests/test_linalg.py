"""Small matrices against NumPy in float64: eigenvalues, inverses, orthonormal columns."""

import functools

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import linalg

EPS = np.finfo(np.float32).eps
SIZES = [1, 2, 3, 4, 5, 10, 17, 20, 33, 64]


def symmetric(n, kind, count=20, seed=0):
  """Matrices [count, n, n], float32, each of one kind of spectrum."""
  rng = np.random.default_rng(seed)
  normal = rng.normal(size=(count, n, n))
  turn = np.linalg.qr(normal)[0]
  spectra = {
    "indefinite": rng.normal(size=(count, n)),
    "graded": np.broadcast_to(10.0 ** -np.linspace(0, 8, n), (count, n)),
    "repeated": np.sign(rng.normal(size=(count, n))) * 3.0,
    "low rank": (np.arange(n) < 2) * rng.uniform(1, 2, (count, n)),
    "close": 1 + 1e-6 * rng.normal(size=(count, n)),
    "large": 1e30 * rng.normal(size=(count, n)),
    "small": 1e-30 * rng.normal(size=(count, n)),
  }
  a = np.einsum("bij,bj,bkj->bik", turn, spectra[kind], turn)
  return ((a + a.swapaxes(1, 2)) / 2).astype(np.float32)


KINDS = ["indefinite", "graded", "repeated", "low rank", "close", "large", "small"]


@functools.cache
def decomposed(n):
  """The matrices of all kinds with their values and vectors, by kind: one program a size."""
  count = 20 if n < 64 else 8  # the largest take the longest
  a = np.concatenate([symmetric(n, kind, count) for kind in KINDS])
  found = (a, *jax.device_get(jax.jit(jax.vmap(linalg.eigh))(a)))
  return dict(
    zip(KINDS, zip(*(np.split(x, len(KINDS)) for x in found), strict=True), strict=True)
  )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", SIZES)  # the tests of one size follow one another
def test_eigenvalues_and_vectors_are_those_of_numpy(n, kind):
  a, values, vectors = decomposed(n)[kind]
  exact = np.linalg.eigvalsh(a.astype(float))
  unit = np.abs(exact).max(1)
  # A sum of n rounding errors for every one of some n rotations that meet an entry.
  bound = (4 + n) * EPS
  assert (np.abs(values - exact).max(1) <= bound * unit).all()
  assert (np.diff(values, axis=1) >= 0).all()
  vectors = np.asarray(vectors, float)
  square = np.einsum("bij,bik->bjk", vectors, vectors)
  np.testing.assert_allclose(square, np.broadcast_to(np.eye(n), a.shape), atol=bound)
  again = np.einsum("bij,bj,bkj->bik", vectors, np.asarray(values, float), vectors)
  # The error of the values, and that of the vectors on either side.
  assert (np.abs(again - a).max((1, 2)) <= 3 * bound * unit).all()


def test_a_diagonal_matrix_is_only_sorted():
  values, vectors = linalg.eigh(jnp.diag(jnp.array([3.0, -1.0, 2.0, 0.0, 7.0])))
  np.testing.assert_array_equal(values, [-1, 0, 2, 3, 7])
  np.testing.assert_array_equal(vectors, np.eye(5)[:, [1, 3, 2, 0, 4]])


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_entry_that_is_not_finite_makes_all_nan_and_leaves_its_neighbour(n, bad):
  a = symmetric(n, "indefinite", 2)
  a[0, n - 1, 0] = bad
  values, vectors = jax.jit(jax.vmap(linalg.eigh))(a)
  assert np.isnan(values[0]).all()
  assert np.isnan(vectors[0]).all()
  assert np.isfinite(values[1]).all()
  assert np.isfinite(vectors[1]).all()


@pytest.mark.parametrize("n", SIZES)
def test_the_inverse_of_a_positive_definite_matrix(n):
  normal = np.random.default_rng(n).normal(size=(20, n, n))
  a = (np.eye(n) + 5 * normal @ normal.swapaxes(1, 2) / n).astype(np.float32)
  exact = np.linalg.inv(a.astype(float))
  found = jax.jit(jax.vmap(linalg.inverse))(a)
  condition = np.linalg.cond(a.astype(float)).max()
  unit = np.abs(exact).max((1, 2), keepdims=True)
  assert (np.abs(found - exact) / unit).max() <= 4 * EPS * condition


@pytest.mark.parametrize("n", [1, 2, 20])
def test_a_solution_and_its_derivatives_are_those_of_jax(n):
  normal = np.random.default_rng(n).normal(size=(n + 1, n))
  factor, b = jnp.asarray(normal[:n], jnp.float32), jnp.asarray(normal[n], jnp.float32)

  def loss(solve):
    return lambda factor, b: jnp.sin(solve(jnp.eye(n) + factor @ factor.T, b)).sum()

  def exact(a, b):  # the inverse and its derivative as the closed forms say, in NumPy
    return np.linalg.solve(np.asarray(a, float), np.asarray(b, float))

  a = jnp.eye(n) + factor @ factor.T
  x = exact(a, b)
  np.testing.assert_allclose(linalg.solve(a, b), x, rtol=1e-4, atol=1e-5)
  by_factor, by_b = jax.jit(jax.grad(loss(linalg.solve), (0, 1)))(factor, b)
  back = exact(a, np.cos(x))  # a^-1 times the gradient at x
  by_a = -np.outer(back, x)
  np.testing.assert_allclose(by_b, back, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(by_factor, (by_a + by_a.T) @ factor, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (64, 16), (96, 32), (40, 40)])
def test_orthonormal_columns_are_those_of_a_qr_factorisation(shape):
  a = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
  found = np.asarray(jax.jit(jax.vmap(linalg.orthonormal))(a), float)
  square = np.einsum("bij,bik->bjk", found, found)
  np.testing.assert_allclose(
    square, np.broadcast_to(np.eye(shape[1]), square.shape), atol=1e-5
  )
  q, r = np.linalg.qr(a.astype(float))
  signs = np.sign(np.einsum("bii->bi", r))
  condition = np.linalg.cond(a.astype(float)).max()
  np.testing.assert_allclose(found, q * signs[:, None], atol=20 * EPS * condition**2)


def test_the_hook_of_the_tests_sees_lapack_where_it_is_called(lowered):
  x = jnp.eye(3)[None] * jnp.ones((2, 1, 1))
  jax.block_until_ready(jax.vmap(linalg.eigh)(x))
  assert helpers.lapack_calls(lowered) == []
  jax.jit(jax.vmap(jnp.linalg.eigh)).lower(x).compile()
  (found,) = helpers.lapack_calls(lowered)
  assert "lapack_ssyevd" in found
  jnp.linalg.slogdet(x + 1)  # compiled in passing
  assert any("lapack_sgetrf" in call for call in helpers.lapack_calls(lowered))
