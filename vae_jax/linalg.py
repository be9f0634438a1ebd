"""Linear algebra of small matrices, written in JAX: eigenvalues, inverses, orthonormal columns.

On a CPU `jnp.linalg` calls LAPACK, and under a `vmap` that call waits for tasks on the pool of
threads that it occupies. Two such calls at once can fill the pool and then wait for ever
(docs/known_issues.md). No program of this package calls LAPACK, and a hook of the tests holds
it to that. Everything here is of ONE matrix, in the matrix's own precision.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array


def product(a: Array, b: Array) -> Array:
  """a b, in full precision also where an accelerator would round it to fewer digits."""
  return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def eigh(a: Array) -> tuple[Array, Array]:
  """Eigenvalues and eigenvectors of a symmetric matrix: a = V diag(w) V'.

  Cyclic Jacobi rotations, n / 2 of them at once in the order of a round-robin tournament. The
  number of sweeps is fixed. It is two more than matrices with a random spectrum need, since
  repeated eigenvalues take longer. The error is below n rounding errors of the largest
  eigenvalue up to n = 64. A sweep costs some n^3 operations.

  Args:
    a: [n, n]; of a matrix that is not symmetric the symmetric part counts.

  Returns:
    w [n] ascending and V [n, n], the eigenvectors in its columns. All NaN where an entry of
    `a` is not finite.

  Golub & Van Loan (2013), sections 8.5.2 (the rotation) and 8.5.5 (the parallel order).
  """
  n = a.shape[-1]
  if n == 1:
    known = jnp.isfinite(a)
    return jnp.where(known, a, jnp.nan)[0], jnp.where(known, 1.0, jnp.nan).astype(a.dtype)
  size = n + n % 2  # of an odd number of players one pauses: a row of zeros is never turned
  half, seats = size // 2, _next_round(size)
  tiny = jnp.finfo(a.dtype).eps / (4 * n) * jnp.abs(a).max()  # rounding, not turned about

  def turned(x: Array, sin: Array, half_tan: Array) -> Array:
    # Small changes of what is there, so that hundreds of rotations stay rotations.
    left, right = x[:, :half], x[:, half:]
    pairs = left - sin * (right + half_tan * left), right + sin * (left - half_tan * right)
    return jnp.concatenate(pairs, axis=1)[:, seats]

  def rotate(_: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
    x, v = carry
    diagonal = jnp.diagonal(x)
    off = jnp.diagonal(x[:half, half:])
    tau = (diagonal[half:] - diagonal[:half]) / (2 * jnp.where(off == 0, 1.0, off))
    tan = jnp.where(tau >= 0, 1.0, -1.0) / (jnp.abs(tau) + jnp.hypot(1.0, tau))
    tan = jnp.where(jnp.abs(off) <= tiny, 0.0, tan)
    cos = jax.lax.rsqrt(1 + tan**2)
    cos = cos * (1.5 - 0.5 * (1 + tan**2) * cos**2)  # the compiler's root is an estimate
    sin, half_tan = (tan * cos)[None], (tan * cos / (1 + cos))[None]
    return turned(turned(x, sin, half_tan).T, sin, half_tan), turned(v, sin, half_tan)

  start = jnp.pad((a + a.T) / 2, (0, size - n)), jnp.eye(size, dtype=a.dtype)
  sweeps = 5 + math.ceil(math.log2(n))
  x, v = jax.lax.fori_loop(0, sweeps * (size - 1), rotate, start)
  # After whole sweeps every player has its first seat again, the one that pauses the last.
  values = jnp.diagonal(x)[:n]
  order = jnp.argsort(values)
  finite = jnp.isfinite(a).all()
  return (
    jnp.where(finite, values[order], jnp.nan),
    jnp.where(finite, v[:n, order], jnp.nan),
  )


def inverse(a: Array) -> Array:
  """The inverse of a symmetric positive definite matrix [n, n], by sweeping its pivots.

  No pivot is exchanged, which positive definite matrices do not need. Goodnight (1979).
  """

  def sweep(k: Array, x: Array) -> Array:
    row, column = x[k], x[:, k]
    pivot = row[k]
    swept = x - column[:, None] * (row / pivot)[None]
    here = jnp.arange(x.shape[-1]) == k
    swept = jnp.where(here[None], (column / pivot)[:, None], swept)
    swept = jnp.where(here[:, None], (row / pivot)[None], swept)
    return jnp.where(here[:, None] & here[None], -1 / pivot, swept)

  return -jax.lax.fori_loop(0, a.shape[-1], sweep, a)


def solve(a: Array, b: Array) -> Array:
  """x [n] of a x = b for a symmetric positive definite a [n, n]; b [n].

  The inverse is found once, and serves the derivatives in `a` and in `b` too.
  """
  inverted = inverse(jax.lax.stop_gradient(a))
  return jax.lax.custom_linear_solve(
    lambda x: product(a, x), b, lambda _, right: product(inverted, right), symmetric=True
  )


def orthonormal(a: Array) -> Array:
  """Orthonormal columns that span those of `a`: Q [m, n] of a = Q R, R's diagonal positive.

  By the Cholesky factor of a'a, twice, as the first Q is orthonormal to the square of a's
  condition number only. That number may be 1,000 in float32; of normal draws it is less.

  Args:
    a: [m, n], m at least n, of full rank.

  Yamamoto et al. (2015), algorithm 2.
  """
  n = a.shape[-1]

  def once(a: Array) -> Array:
    gram = product(a.T, a)

    def eliminate(k: Array, x: Array) -> Array:
      below = jnp.where(jnp.arange(n) > k, x[:, k] / x[k, k], 0.0)
      return x - below[:, None] * x[k][None]

    # Of [a'a, I] it leaves [D L', L^-1]: a'a = L D L' with ones on the diagonal of L.
    both = jnp.concatenate([gram, jnp.eye(n, dtype=a.dtype)], axis=1)
    both = jax.lax.fori_loop(0, n, eliminate, both)
    root = jax.lax.rsqrt(jnp.diagonal(both[:, :n]))
    return product(a, both[:, n:].T) * root[None]

  return once(once(a))


def _next_round(size: int) -> np.ndarray:
  """Who comes to which seat: seat i plays seat i + size / 2, the first player never moves."""
  half = size // 2
  if half == 1:
    return np.arange(2)
  upper = [0, half, *range(1, half - 1)]
  return np.array([*upper, *range(half + 1, size), half - 1])


def with_precision(fn: Callable, precision: str) -> Callable:
  """fn with its products in "float32", or in what the hardware does by "default"."""

  def wrapped(*args: Any) -> Any:
    with jax.default_matmul_precision(precision):
      return fn(*args)

  return wrapped
