"""Disentanglement scores of codes whose answer is known."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.svm import LinearSVC

from vae_jax.metrics import _linear_svm, disentanglement, udr
from vae_jax.metrics.disentanglement import dci, mig, modularity, sap
from vae_jax.metrics.fixed_factor import beta_vae_score, factor_vae_score
from vae_jax.types import UserError

FEW = {"votes": 2000, "test_votes": 1000}


def grid(*sizes, repeats=20) -> np.ndarray:
  """Every combination of factors, several times."""
  every = list(itertools.product(*map(range, sizes)))
  return np.tile(np.array(every, np.int32), (repeats, 1))


def rng():
  return np.random.default_rng(0)


SCORES = {
  "mig": lambda z, v: mig(z, v),
  "sap": lambda z, v: sap(z, v, rng()),
  "modularity": lambda z, v: modularity(z, v),
  "factor": lambda z, v: factor_vae_score(z, v, rng(), **FEW),
  "beta": lambda z, v: beta_vae_score(z, v, rng(), **FEW),
  "disentanglement": lambda z, v: dci(z, v, rng(), trees=30).disentanglement,
  "completeness": lambda z, v: dci(z, v, rng(), trees=30).completeness,
  "informativeness": lambda z, v: dci(z, v, rng(), trees=30).informativeness,
}


def perfect(v):
  return (v - v.mean(0)) * np.linspace(-2, 1.5, v.shape[1])


def rotated(v):
  """Two factors turned by 45 degrees: each latent is as much of one as of the other."""
  both = v.astype(int)
  return np.stack([both[:, 0] + both[:, 1], both[:, 0] - both[:, 1]], 1) / np.sqrt(2)


def duplicated(v):
  return np.concatenate([perfect(v), perfect(v)[:, :1]], 1)


def noise(v):
  return rng().normal(size=(len(v), 4))


# Of two factors with 8 values each; the arguments are in the comments.
KNOWN = {
  "mig": {
    perfect: 1,
    rotated: 0,  # both latents say the same of both factors
    duplicated: 0.5,  # the first factor has two equal latents and no gap
    noise: 0,
  },
  "modularity": {perfect: 1, rotated: 0, duplicated: 1},
  "factor": {
    perfect: 1,
    rotated: 0.5,  # whichever factor is fixed, both latents move as much
    duplicated: 1,  # either copy names the right factor
    noise: 0.5,
  },
  "beta": {perfect: 1, rotated: 0.5, duplicated: 1, noise: 0.5},
  "disentanglement": {perfect: 1, rotated: 0, duplicated: 1, noise: 0},
  "completeness": {
    perfect: 1,
    rotated: 0,
    # One factor is on two of three latents alike, the other on one.
    duplicated: (1 - np.log(2) / np.log(3) + 1) / 2,
    noise: 0,
  },
  "informativeness": {perfect: 1, rotated: 1, duplicated: 1, noise: 1 / 8},
}
LOOSE = {"factor": 0.05, "beta": 0.05, "completeness": 0.09, "disentanglement": 0.03}


@pytest.mark.parametrize(
  ("score", "code"), [(name, code) for name, cases in KNOWN.items() for code in cases]
)
def test_known_answers(score, code):
  v = grid(8, 8)
  found, truth = SCORES[score](code(v), v), KNOWN[score][code]
  room = 1e-9 if truth == 1 and score != "completeness" else LOOSE.get(score, 0.05)
  room = max(room, 0.02) if code is rotated and truth == 1 else room
  assert found == pytest.approx(truth, abs=room)


@pytest.mark.parametrize(
  ("code", "truth"),
  [
    (perfect, 0.5),  # all against half of two values
    (rotated, 0),
    (duplicated, 0.25),
    (noise, 0),
  ],
)
def test_sap_of_two_values(code, truth):
  v = grid(2, 2, repeats=1500)
  assert sap(code(v), v, rng()) == pytest.approx(truth, abs=0.025)


@pytest.mark.parametrize("score", SCORES)
def test_the_order_and_the_sign_of_latents_do_not_matter(score):
  v = grid(5, 4, 3, repeats=30)
  z = v @ np.array([[1, 0.3, 0], [0, 1, 0.5], [0.2, 0, 1]]) + 0.1 * rng().normal(
    size=v.shape
  )
  truth = SCORES[score](z, v)
  assert 0.05 < truth <= 1
  moved = z[:, [2, 0, 1]] * [-1, 1, -1]
  room = 0.03 if score in ("disentanglement", "completeness", "informativeness") else 2e-3
  assert SCORES[score](moved, v) == pytest.approx(truth, abs=room)


@pytest.mark.parametrize("score", SCORES)
def test_a_dead_latent_changes_nothing_but_the_modularity(score):
  v = grid(5, 4, 3, repeats=30)
  z = perfect(v) + 0.1 * rng().normal(size=v.shape)
  with_dead = np.concatenate([z, np.zeros((len(z), 1))], 1)
  truth, found = SCORES[score](z, v), SCORES[score](with_dead, v)
  if score == "modularity":
    assert found == pytest.approx(truth * 3 / 4)
  elif score == "completeness":  # its entropy is to the base of the number of latents
    spread = (1 - truth) * np.log(3) / np.log(4)
    assert found == pytest.approx(1 - spread, abs=0.02)
  else:
    assert found == pytest.approx(truth, abs=0.01)


def test_mutual_information_is_that_of_a_sum():
  v = grid(8, 8, repeats=1)
  found = disentanglement.mutual_information(rotated(v), v)
  share = np.convolve(np.full(8, 1 / 8), np.full(8, 1 / 8))
  entropy = -np.sum(share * np.log(share))
  np.testing.assert_allclose(found, entropy - np.log(8), rtol=1e-9)
  np.testing.assert_allclose(disentanglement.entropies(v), np.log(8))
  narrow = disentanglement.mutual_information(perfect(v), v, bins=4)
  np.testing.assert_allclose(narrow, np.diag([np.log(4)] * 2), atol=1e-9)


def test_the_sampled_information_is_that_of_a_noisy_channel():
  v, gap = grid(2, 2, repeats=800), 2.0
  means = np.stack([gap * v[:, 0], np.zeros(len(v))], 1)
  found = disentanglement.sampled_information(means, np.zeros_like(means), v, rng(), 3000)
  density = lambda z: (norm.pdf(z) + norm.pdf(z - gap)) / 2
  entropy = quad(lambda z: -density(z) * np.log(density(z)), -8, 10)[0]
  truth = entropy - 0.5 * np.log(2 * np.pi * np.e)
  assert found[0, 0] == pytest.approx(truth, abs=0.02)
  np.testing.assert_allclose(found[[0, 1, 1], [1, 0, 1]], 0, atol=0.01)
  sharp = disentanglement.sampled_information(means, np.full_like(means, -9), v, rng(), 800)
  assert sharp[0, 0] == pytest.approx(np.log(2), abs=0.01)


@pytest.mark.parametrize("values", [2, 3, 11])
def test_the_support_vector_machine_is_that_of_scikit_learn(values):
  draw = rng()
  v = draw.integers(0, values, 900) * draw.integers(0, 2, 900)  # classes of unequal size
  x = v + 0.7 * draw.normal(size=900)
  theirs = LinearSVC(C=0.01, class_weight="balanced", tol=1e-10, max_iter=10**6)
  theirs.fit(x[:, None], v)
  w, b = _linear_svm.fit(x, v)
  last = slice(1, None) if values == 2 else slice(None)  # one problem of two classes
  np.testing.assert_allclose(w[last], theirs.coef_[:, 0], atol=1e-6)
  np.testing.assert_allclose(b[last], theirs.intercept_, atol=1e-6)
  found = _linear_svm.accuracies(x[:, None], v, x[:, None], v)
  assert found[0] == pytest.approx(theirs.score(x[:, None], v), abs=2e-3)


def test_a_code_that_never_moves_has_no_score():
  v = grid(5, 4, repeats=30)
  z = np.ones((len(v), 3))
  assert mig(z, v) == modularity(z, v) == sap(z, v, rng()) == 0
  assert factor_vae_score(z, v, rng(), **FEW) == 0
  assert beta_vae_score(z, v, rng(), **FEW) == pytest.approx(0.5, abs=0.05)
  found = dci(z, v, rng())
  assert (found.disentanglement, found.completeness) == (0, 0)


def test_gradient_boosting_finds_the_same_perfect_code():
  v = grid(3, 2, repeats=20)
  found = dci(perfect(v), v, rng(), model="boosting")
  assert found[:3] == pytest.approx((1, 1, 1), abs=1e-6)
  assert found.importance == pytest.approx(np.eye(2), abs=1e-6)


RATES = np.ones((3, 3))


def test_udr_of_models_that_agree_is_one_and_of_rotated_ones_is_what_correlation_gives():
  v = grid(4, 5, 6, repeats=5)
  z = perfect(v)
  agree = np.stack([z, -z[:, [2, 0, 1]], z[:, [1, 2, 0]] * [3, -1, 0.1]])
  np.testing.assert_allclose(udr.udr(agree, RATES), 1)
  np.testing.assert_allclose(udr.udr(agree, RATES, "lasso"), 0.9, rtol=1e-3)
  draw = rng().normal(size=(20_000, 2))
  turned = np.stack([draw, rotated_real(draw)])
  # |r| of ranks is 6 / pi asin(r / 2) of Gaussians; each latent has two alike.
  rank = 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)
  np.testing.assert_allclose(udr.udr(turned, np.ones((2, 2))), rank / 2, rtol=0.03)
  # The Lasso of two such latents has both weights sqrt(1/2) - penalty.
  weight = np.sqrt(0.5) - 0.1
  np.testing.assert_allclose(
    udr.udr(turned, np.ones((2, 2)), "lasso"), weight / 2, rtol=0.03
  )


def rotated_real(z):
  return np.stack([z[:, 0] + z[:, 1], z[:, 0] - z[:, 1]], 1) / np.sqrt(2)


def test_udr_leaves_uninformative_latents_out_and_a_collapsed_model_agrees_with_none():
  v = grid(4, 5, 6, repeats=5)
  z = np.concatenate([perfect(v), rng().normal(size=(len(v), 1))], 1)
  rates = np.array([[1, 1, 1, 0.001]] * 3)
  np.testing.assert_allclose(udr.udr(np.stack([z, z, z]), rates), 1)
  noise = np.concatenate([perfect(v), np.random.default_rng(9).normal(size=(len(v), 1))], 1)
  both = udr.udr(np.stack([z, noise]), np.ones((2, 4)))
  assert (both < 0.9).all()
  rates[2] = 0
  np.testing.assert_allclose(udr.udr(np.stack([z, z, z]), rates), [0.5, 0.5, 0])
  different = udr.udr(rng().normal(size=(2, 3000, 4)), np.ones((2, 4)))
  assert (different < 0.03).all()


@pytest.mark.parametrize("score", SCORES)
def test_inputs_are_checked(score):
  v = grid(3, 4)
  z = perfect(v)
  for codes, factors, match in (
    (z[1:], v, r"expected \[N, L\] and \[N, F\]"),
    (z, v + 0.5, "integers from 0"),
    (np.where(z == z.max(), np.nan, z), v, "NaN"),
    (z, v * [1, 0], "Factor 1 takes one value"),
    (z[:5], v[:5], "at least ten rows"),
    (z, v[:, :1], "two factors"),
  ):
    with pytest.raises(UserError, match=match):
      SCORES[score](codes, factors)


def test_what_only_some_take_is_checked():
  v = grid(3, 4)
  with pytest.raises(UserError, match="forest or boosting"):
    dci(perfect(v), v, rng(), model="tree")
  codes = np.stack([perfect(v)] * 2)
  with pytest.raises(UserError, match="two models or more"):
    udr.udr(codes[:1], np.ones((1, 2)))
  with pytest.raises(UserError, match="spearman or lasso"):
    udr.udr(codes, np.ones((2, 2)), "pearson")
  with pytest.raises(UserError, match="NaN"):
    udr.udr(codes * np.nan, np.ones((2, 2)))
