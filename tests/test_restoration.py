"""Restoration: the metrics, the classic methods, and the applications on known answers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means, tiny
from scipy.stats import norm
from skimage.metrics import structural_similarity

from vae_jax import corruptions, noise, registry, report
from vae_jax import vae as models
from vae_jax.applications import inpainting
from vae_jax.baselines import (
  classifier,
  image_denoising,
  image_imputation,
  ridge_regression,
  supervised_restorer,
  upscaling,
)
from vae_jax.inference import repeatable
from vae_jax.inference.damage import block_mean
from vae_jax.likelihoods.gaussian import gaussian
from vae_jax.metrics import restoration
from vae_jax.run import Run
from vae_jax.studies import restoration as shared
from vae_jax.training import sweep
from vae_jax.types import Dataset, Posterior, Spec, UserError

KEY = jax.random.key(0)
SIDE, RANK = 8, 5
FEW = {
  "limit": 12,
  "tune": 12,
  "map_steps": 120,
  "epochs": 2,
  "passes": 2,
  "slow_limit": 6,
  "batch": 24,
}
APPLICATIONS = ["noise_reduction", "inpainting", "super_resolution"]


@functools.cache
def basis():
  """Smooth patterns [RANK, H, W, 1]; an image is 0.5 plus a small combination of them."""
  axis = np.arange(SIDE) * 2 * np.pi / SIDE
  waves = [np.cos(axis), np.sin(axis)]
  patterns = [np.add.outer(w, 0 * axis) for w in waves]
  patterns += [p.T for p in patterns] + [np.outer(waves[0], waves[1])]
  return np.stack(patterns)[..., None].astype(np.float32) * 0.09


@functools.cache
def images(shape=None, kind="image", domain="unit") -> Dataset:
  rng = np.random.default_rng(0)
  z = rng.normal(size=(240, RANK)).astype(np.float32)
  x = np.clip(0.5 + np.tensordot(z, basis(), 1), 0, 1).astype(np.float32)
  if shape is not None:
    x = rng.uniform(size=(240, *shape)).astype(np.float32)
  label = (z[:, 0] > 0).astype(np.int32)
  cut = {"train": slice(0, 180), "valid": slice(180, 200), "test": slice(200, 240)}
  splits = {name: {"x": x[rows], "label": label[rows]} for name, rows in cut.items()}
  return Dataset("waves", Spec(x.shape[1:], kind, domain, classes=("down", "up")), splits)


def open_exact(data: Dataset, axes=None, scale=1.0) -> Run:
  """The model that made the images: its decoder is the truth, its encoder a projection."""
  likelihood = gaussian(data.spec, std=0.02)
  config = tiny(sweep=axes or {})
  members = sweep.members(config)
  flat = jnp.asarray(basis().reshape(RANK, -1))
  inverse = jnp.asarray(np.linalg.pinv(flat))
  decode = lambda params, z: (
    0.5 + params["scale"] * jnp.tensordot(z, jnp.asarray(basis()), 1)
  )
  encode = lambda params, e: Posterior(
    params["scale"] * ((e["x"].reshape(-1) - 0.5) @ inverse), jnp.full(RANK, -6.0)
  )
  template = models.build(config, images().spec)
  vae = template._replace(
    posterior=encode, mean=decode, latents=RANK, prior=models.standard_prior(RANK)
  )
  count = len(members)
  return Run(
    workdir="", config=config, spec=data.spec, vae=vae, likelihood=likelihood,
    params={"scale": np.full(count, scale, np.float32)}, hyper=sweep.stack(config, members),
    members=members, step=np.zeros(count, int), which="best", history=[], about={},
    dataset=data, stochastic=True, numbers=list(range(count)), ended=[""] * count,
  )  # fmt: skip


def test_ssim_is_that_of_scikit_image():
  rng = np.random.default_rng(0)
  x = rng.uniform(size=(4, 20, 16, 3))
  y = np.clip(x + 0.2 * rng.normal(size=x.shape), 0, 1)
  theirs = [
    structural_similarity(a, b, data_range=1.0, channel_axis=-1)
    for a, b in zip(x, y, strict=True)
  ]
  np.testing.assert_allclose(restoration.ssim(x, y), theirs, rtol=1e-9)
  np.testing.assert_allclose(restoration.ssim(x, x), 1)
  assert restoration.ssim(x[:, :4, :4], y[:, :4, :4]).shape == (4,)  # a smaller window


def test_crps_of_an_ensemble_nears_that_of_its_gaussian():
  draws = jax.random.normal(jax.random.key(11), (4000, 3)) * 2 + 1
  x = jnp.array([1.0, 4.0, -3.0])
  z = (np.asarray(x) - 1) / 2
  exact = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
  np.testing.assert_allclose(restoration.crps(draws, x), exact, atol=0.06)
  one = restoration.crps(draws[:1], x)
  np.testing.assert_allclose(one, np.abs(draws[0] - x), rtol=1e-6)
  pairs = np.abs(np.asarray(draws)[:50, None] - np.asarray(draws)[None, :50]).mean((0, 1))
  brute = np.abs(np.asarray(draws)[:50] - np.asarray(x)).mean(0) - pairs / 2
  np.testing.assert_allclose(restoration.crps(draws[:50], x), brute, rtol=1e-4)


def test_intervals_cover_what_they_say():
  draws = jax.random.normal(jax.random.key(12), (200, 5000))
  truth = jax.random.normal(jax.random.key(1), (5000,))
  np.testing.assert_allclose(restoration.covered(draws, truth).mean(), 0.9, atol=0.015)
  assert (restoration.covered(jnp.zeros((3, 4)), jnp.zeros(4)) == 1).all()


def test_diversity_is_the_distance_of_two_answers():
  a = jax.random.normal(jax.random.key(13), (3, 4, 4, 1))
  gaps = [jnp.square(a[i] - a[j]).mean() for i in range(3) for j in range(3) if i != j]
  np.testing.assert_allclose(restoration.diversity(a), np.sqrt(np.mean(gaps)), rtol=1e-5)
  assert restoration.diversity(jnp.ones((4, 2, 2, 1))) == 0


def test_the_conditional_gaussian_is_the_conditional_mean():
  rng = np.random.default_rng(0)
  covariance = np.array([[1.0, 0.8], [0.8, 1.0]]) * 0.01
  x = rng.multivariate_normal([0.5, 0.4], covariance, 4000).reshape(-1, 1, 2, 1)
  fitted = image_imputation.fit_gaussian(x)._replace(ridge=0.0)
  observed = np.ones((1, 1, 2, 1), np.float32)
  observed[0, 0, 1] = 0
  y = np.full((1, 1, 2, 1), 0.6, np.float32)
  mean, std = image_imputation.conditional(fitted, y, observed)
  np.testing.assert_allclose(mean[0, 0, :, 0], [0.6, 0.4 + 0.8 * 0.1], atol=5e-3)
  np.testing.assert_allclose(std[0, 0, :, 0], [0, 0.1 * 0.6], atol=3e-3)
  nothing, width = image_imputation.conditional(fitted, y, 0 * observed)
  np.testing.assert_allclose(nothing[0, 0, :, 0], [0.5, 0.4], atol=5e-3)
  np.testing.assert_allclose(width, 0.1, atol=5e-3)


def test_the_conditional_gaussian_of_averages_is_the_conditional_mean():
  rng = np.random.default_rng(0)
  root = rng.normal(size=(16, 16)) * 0.03
  covariance, mean = root @ root.T + 1e-4 * np.eye(16), np.full(16, 0.5)
  fitted = image_imputation.Gaussian(mean, covariance, 0.0)
  x = rng.multivariate_normal(mean, covariance, 40).reshape(-1, 4, 4, 1)
  y = np.asarray(block_mean(x, 2), np.float64)
  # Blocks of a 4 x 4 image by hand: the average of four pixels is the sum of their rows / 4.
  pixel = np.arange(16).reshape(4, 4)
  blocks = [pixel[a : a + 2, b : b + 2].ravel() for a in (0, 2) for b in (0, 2)]
  average = np.stack([np.isin(np.arange(16), block) / 4 for block in blocks])
  inner = average @ covariance @ average.T
  gain = covariance @ average.T @ np.linalg.inv(inner)
  expected = mean + (y.reshape(40, 4) - average @ mean) @ gain.T
  spread = np.sqrt(np.diag(covariance - gain @ average @ covariance))
  found, std = image_imputation.averaged(fitted, y, 2)
  np.testing.assert_allclose(found.reshape(40, 16), expected, atol=1e-5)
  np.testing.assert_allclose(std.reshape(40, 16), np.tile(spread, (40, 1)), atol=1e-4)
  np.testing.assert_allclose(block_mean(found, 2), y, atol=1e-5)  # contradicts nothing
  tuned = image_imputation.tuned_for_averages(fitted, x, 2)
  assert tuned.ridge in image_imputation.RIDGES


def test_imputations_keep_what_is_observed_and_find_a_copy():
  x = images().splits["train"]["x"]
  observed = (np.random.default_rng(0).random((10, SIDE, SIDE, 1)) > 0.4).astype(np.float32)
  y = x[:10] * observed
  for fill in (
    image_imputation.average(y, observed, x),
    image_imputation.neighbours(y, observed, x, k=1),
    image_imputation.biharmonic(y, observed),
  ):
    np.testing.assert_array_equal(fill[observed > 0], y[observed > 0])
  copies = image_imputation.neighbours(y, observed, x, k=1)
  np.testing.assert_allclose(copies, x[:10], atol=1e-6)


def test_ridge_recovers_a_linear_map_and_upscaling_a_copy():
  x = images().splits["train"]["x"]
  small = np.asarray(block_mean(x, 2))
  fitted = ridge_regression.fit(small[:150], x[:150], small[150:], x[150:])
  np.testing.assert_allclose(
    ridge_regression.apply(fitted, small[150:]), x[150:], atol=0.03
  )
  np.testing.assert_allclose(upscaling.neighbours(small[:5], small, x, k=1), x[:5])
  large = upscaling.resize(small[:3], (SIDE, SIDE), "nearest")
  np.testing.assert_allclose(block_mean(large, 2), small[:3], atol=1e-6)
  for name in upscaling.METHODS:
    assert upscaling.resize(small[:2], (SIDE, SIDE), name).shape == (2, SIDE, SIDE, 1)


def test_filters_remove_noise_and_are_chosen_on_validation():
  x = images().splits["valid"]["x"]
  y = repeatable.noisy(x, 0.1, 1, "valid")
  for name, (method, grid) in image_denoising.GRID.items():
    number = image_denoising.choose(method, grid, y, x)
    assert number in grid
    errors = [np.square(method(y, n) - x).mean() for n in grid]
    assert np.square(method(y, number) - x).mean() == min(errors)
    assert min(errors) < np.square(y - x).mean(), name


def test_networks_of_the_baselines_learn():
  split = images().splits["train"]
  predict = classifier.fit(split["x"], split["label"], 2, jax.random.key(15), 30)
  test = images().splits["test"]
  assert (predict(test["x"]) == test["label"]).mean() > 0.85
  damage = lambda key, x: corruptions.uniform(key, x, 0.3).ravel()
  restore = supervised_restorer.fit(split["x"], damage, 20_000, jax.random.key(16), 60)
  y = repeatable.noisy(test["x"], 0.3, 1, "test")
  off = restore(y.reshape(len(y), -1)) - test["x"]
  assert np.square(off).mean() < 0.7 * np.square(y - test["x"]).mean()


def test_noise_is_fixed_by_its_seed_and_has_its_share():
  x = np.full((50, SIDE, SIDE, 1), 2.0, np.float32)
  y = repeatable.noisy(x, 0.25, 1, "test")
  np.testing.assert_array_equal(y, repeatable.noisy(x, 0.25, 1, "test"))
  np.testing.assert_allclose((y != x).mean(), 0.25, atol=0.02)
  assert (y != repeatable.noisy(x, 0.25, 2, "test")).any()


def test_masks_hide_what_they_say():
  observed = repeatable.masks((200, 28, 28, 1), inpainting.SHARES, 1, "test")
  shares = 1 - observed.mean((1, 2, 3, 4))
  np.testing.assert_allclose(shares[:4], inpainting.SHARES, atol=0.01)
  np.testing.assert_allclose(shares[4:], [0.5, (12 / 28) ** 2], atol=1e-6)
  assert not observed[4, :, :14].any()
  assert not observed[5, :, 8:20, 8:20].any()


def test_a_rate_that_varies_is_drawn_for_each_example():
  x = jnp.full((28, 28, 1), 2.0)
  for seed, name in enumerate(("uniform", "mask", "holes")):
    keys = jax.random.split(jax.random.key(seed), 300)
    corrupt = functools.partial(registry.find("corruptions", name), vary=True)
    shares = jax.vmap(lambda k, c=corrupt: (c(k, x, 0.8) != x).mean())(keys)
    np.testing.assert_allclose(shares.mean(), 0.4, atol=0.04)
    np.testing.assert_allclose(shares.std(), 0.8 / 12**0.5, atol=0.04)


def test_the_spread_of_a_model_is_found():
  rng = np.random.default_rng(0)
  x = rng.uniform(size=(200, 8, 8, 1))
  std = 0.05 + 0.1 * 4 * x * (1 - x)
  y = x + std * rng.normal(size=x.shape)
  np.testing.assert_allclose(shared.spread_of(x, y, 2), [0.05, 0.1], atol=0.01)


@functools.cache
def report_of(application):
  """Its report on the true model (β 1) and on one that has collapsed (β 4)."""
  run = open_exact(images(), axes={"beta": [1.0, 4.0]})
  run = run._replace(params={"scale": np.array([1.0, 0.0], np.float32)})
  own = {
    "noise_reduction": {"scale": 0.02},
    "inpainting": {"observation": "gaussian", "std": 0.02},
    "super_resolution": {"std": 0.01},
  }
  return evaluated(application, run, FEW | own[application])


def test_the_true_model_removes_noise_that_one_encoding_cannot():
  found = report_of("noise_reduction")
  psnr = means(found, "psnr", beta=1.0)
  for share in ("5 %", "10 %", "25 %"):
    once, best = (psnr[m, share] for m in ("encode and decode", "latent MAP"))
    assert best > once + 6
    assert best > psnr["linear Wiener", share]
    assert best > 30
  assert {v["setting"]["beta"] for v in found.verdicts} == {1.0}  # chosen on validation
  words = {v["condition"]: v["verdict"] for v in found.verdicts}
  assert words["5 %"] == words["25 %"] == "ahead"
  assert any("BM3D" in finding for finding in found.findings)
  assert any("latent MAP" in line for line in found.block)


def test_the_true_model_completes_what_is_missing():
  found = report_of("inpainting")
  mse = means(found, "mse", beta=1.0)
  for damage in inpainting.NAMES:
    assert mse["latent MAP", damage] < 0.2 * mse["average image", damage]
  ess, diversity = (means(found, name, beta=1.0) for name in ("ess", "diversity"))
  assert ess["posterior mean", "25 %"] > 25  # the Laplace approximation is exact here
  assert diversity["posterior mean", "90 %"] > diversity["posterior mean", "25 %"]
  table = next(t for t in found.tables if t.title.startswith("Several"))
  assert len(table.rows) == 3 * len(inpainting.NAMES)  # two settings and the Gaussian


def test_the_true_model_enlarges():
  found = report_of("super_resolution")
  psnr, gap = (means(found, name, beta=1.0) for name in ("psnr", "consistency"))
  assert psnr["latent MAP", "2×"] > 30
  # The images are Gaussian, and so is their conditional mean.
  assert psnr["conditional Gaussian", "2×"] > 30
  coverage = means(found, "coverage")["conditional Gaussian", "2×"]
  assert 0.8 < coverage <= 1
  assert gap["latent MAP + back-projection", "2×"] < 1e-3
  assert gap["bicubic", "4×"] > 1e-3


@pytest.mark.parametrize("application", APPLICATIONS)
def test_members_are_rows_and_collapse_is_said(application, tmp_path):
  found = report_of(application)
  assert any("COLLAPSED" in text and "β 4" in text for text in found.findings)
  table = next(t for t in found.tables if t.title == "Every member")
  rows = [row for row in table.rows if row[table.columns.index("beta")] == 4.0]
  assert len(rows) >= 3
  assert all("0 of 5 COLLAPSED" in row for row in rows)
  report.save(found, tmp_path)
  for figure in found.figures:
    path = tmp_path / "figures" / f"{found.application}_{figure.name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("application", APPLICATIONS)
def test_what_does_not_fit_is_refused_in_a_sentence(application):
  for data in (
    images((6,), "table", "real"),
    images((8, 8, 1), "image", "real"),
    images((2, 2, 1)),
  ):
    with pytest.raises(UserError, match=application):
      evaluated(application, open_exact(data))
  with pytest.raises(UserError, match="limit"):
    evaluated(application, open_exact(images()), {"limit": 0})
  with pytest.raises(UserError, match="above 0"):
    evaluated(application, open_exact(images()), {"map_rate": 0.0})


def test_sides_that_four_does_not_divide_are_refused():
  with pytest.raises(UserError, match="divided by 4"):
    evaluated("super_resolution", open_exact(images((6, 6, 1))))


def test_the_noise_of_two_uses_differs():
  one, other = (noise.key(1, 0, f"{use}/noise", 0) for use in ("test", "valid"))
  assert (jax.random.key_data(one) != jax.random.key_data(other)).any()
