"""Applications on models whose answer is known, and on what they must not do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from scipy.stats import multivariate_normal

from vae_jax import distributions, registry
from vae_jax import vae as models
from vae_jax.applications import _latents, _members, generation, reconstruction
from vae_jax.baselines import pca
from vae_jax.likelihoods import Likelihood
from vae_jax.likelihoods.gaussian import gaussian
from vae_jax.run import Run
from vae_jax.training import sweep
from vae_jax.types import VAE, Dataset, Posterior, Spec, Table, UserError

KEY = jax.random.key(0)
SIZE, STD = 4, 0.5
SMALL = {"samples": 8, "limit": 20}
FEW = {"limit": 20, "side": 4, "steps": 3}


def table_data(shape=(SIZE,), kind="table", labels=True) -> Dataset:
  """x = W z + noise in [N, *shape], with a label that is the sign of the first number."""
  rng = np.random.default_rng(0)
  x = rng.normal(size=(90, *shape)).astype(np.float32)
  fields = {"x": x} | (
    {"label": (x.reshape(90, -1)[:, 0] > 0).astype(np.int32)} if labels else {}
  )
  cut = {"train": slice(0, 40), "valid": slice(40, 60), "test": slice(60, 90)}
  splits = {name: {k: v[rows] for k, v in fields.items()} for name, rows in cut.items()}
  classes = ("minus-one", "plus") if labels else ()
  return Dataset(
    "made", Spec(shape, kind, "real", classes=classes), splits, "Made for a test."
  )


def bind(data: Dataset, encode, decode, latents: int) -> VAE:
  """A VAE of plain functions of (params, .) under N(mean, STD^2)."""

  def log_likelihood(params, z, example):
    q = Posterior(decode(params, z), jnp.full(data.spec.shape, 2 * np.log(STD)))
    flat = Posterior(q.mean.reshape(-1), q.logvar.reshape(-1))
    return distributions.log_prob(flat, example["x"].reshape(-1))

  return VAE(
    init=lambda key: {},
    posterior=lambda params, example: encode(params, example["x"]),
    log_likelihood=log_likelihood,
    sample=lambda params, z, key: decode(params, z),
    mean=decode,
    prior=models.standard_prior(latents),
    latents=latents,
    mode=decode,
    decodes=lambda params: params,
  )


def open_with(data: Dataset, vae: VAE, objective="beta", axes=None, **options) -> Run:
  """A run that was never trained; params {"scale": [M]} hold 1 for every member."""
  config = tiny(objective={"name": objective}, sweep=axes or {})
  members = sweep.members(config)
  found = Run(
    workdir="",
    config=config,
    spec=data.spec,
    vae=vae,
    likelihood=gaussian(data.spec, std=STD),
    params={"scale": np.ones(len(members), np.float32)},
    hyper=sweep.stack(config, members),
    members=members,
    step=np.zeros(len(members), int),
    which="best",
    history=[],
    about={},
    dataset=data,
    stochastic=getattr(registry.find("objectives", objective), "STOCHASTIC", True),
    numbers=list(range(len(members))),
    ended=[""] * len(members),
  )
  return found._replace(**options)


def identity(data: Dataset) -> VAE:
  size = data.spec.size

  def encode(params, x):
    return Posterior(x.reshape(-1) * params["scale"], jnp.full(size, -20.0))

  return bind(data, encode, lambda params, z: z.reshape(data.spec.shape), size)


def nothing(data: Dataset) -> VAE:
  """q(z|x) is the prior and the decoder says 0."""
  encode = lambda params, x: Posterior(jnp.zeros(2), jnp.zeros(2))
  return bind(data, encode, lambda params, z: jnp.zeros(data.spec.shape), 2)


def exact_linear(data: Dataset) -> tuple[VAE, multivariate_normal]:
  """x = W z + N(0, STD^2) with its exact posterior, and p(x)."""
  W = np.linalg.qr(np.random.default_rng(1).normal(size=(SIZE, 2)))[0] * [1.2, 0.6]
  precision = 1 + (W**2).sum(0) / STD**2
  weights, logvar = (
    jnp.asarray(W, jnp.float32),
    jnp.asarray(-np.log(precision), jnp.float32),
  )
  gain = jnp.asarray(W / STD**2 / precision, jnp.float32)
  encode = lambda params, x: Posterior(x @ gain, logvar)
  vae = bind(data, encode, lambda params, z: weights @ z, 2)
  return vae, multivariate_normal(np.zeros(SIZE), W @ W.T + STD**2 * np.eye(SIZE))


def cell(table: Table, column: str, row: int = 0):
  return table.rows[row][table.columns.index(column)]


def test_identity_is_rebuilt_without_error():
  data = table_data()
  report = reconstruction.evaluate(open_with(data, identity(data)), data, KEY, SMALL)
  errors = report.tables[1]
  assert cell(errors, "mse") == 0
  assert cell(errors, "psnr") == np.inf
  assert cell(errors, "mse, another's code") > 1
  assert cell(errors, "active") == f"{SIZE} of {SIZE}"
  assert cell(errors, "mse", 1) < 1e-10  # PCA with as many numbers as x has


def test_the_nll_of_the_exact_posterior_is_the_evidence():
  data = table_data()
  vae, evidence = exact_linear(data)
  run = open_with(data, vae)
  report = reconstruction.evaluate(run, data, KEY, {"samples": 5, "limit": 30})
  truth = -evidence.logpdf(data.splits["test"]["x"])
  np.testing.assert_allclose(report.arrays["nll"][0], truth, rtol=1e-4)
  nats = report.tables[0]
  assert cell(nats, "nll (K=5)") == pytest.approx(truth.mean(), rel=1e-4)
  assert cell(nats, "ess") == pytest.approx(5, rel=1e-3)
  assert cell(nats, "elbo") == pytest.approx(-cell(nats, "rate") - cell(nats, "distortion"))
  assert cell(nats, "bits/dim") == pytest.approx(-cell(nats, "elbo") / SIZE / np.log(2))


def test_the_nll_depends_neither_on_the_chunk_nor_on_the_other_examples():
  data = table_data()
  vae, _ = exact_linear(data)
  off = vae._replace(
    posterior=lambda params, e: Posterior(vae.posterior(params, e).mean + 0.3, jnp.zeros(2))
  )
  run = open_with(data, off)
  small = reconstruction.evaluate(run, data, KEY, {"samples": 7, "limit": 6, "chunk": 2})
  large = reconstruction.evaluate(run, data, KEY, {"samples": 7, "limit": 30, "chunk": 7})
  rows = np.searchsorted(large.arrays["nll_id"], small.arrays["nll_id"])
  np.testing.assert_allclose(small.arrays["nll"], large.arrays["nll"][:, rows], rtol=1e-5)
  assert (large.arrays["nll"] <= -np.log(1e-30)).all()


def test_collapse_stands_beside_every_score():
  data = table_data()
  run = open_with(data, nothing(data))
  first = reconstruction.evaluate(run, data, KEY, SMALL)
  assert cell(first.tables[0], "rate") == 0
  for report in (first, generation.evaluate(run, data, KEY, FEW)):
    assert any(finding.startswith("COLLAPSED") for finding in report.findings)
    for table in report.tables:
      rows = [row for row in table.rows if row[table.columns.index("seed")] is not None]
      assert all("0 of 2 COLLAPSED" in row for row in rows), table.title


def test_a_deterministic_autoencoder_has_no_elbo():
  data = table_data()
  run = open_with(data, identity(data), objective="autoencoder")
  nats, _, sizes = reconstruction.evaluate(run, data, KEY, SMALL).tables
  assert "beta" not in nats.columns
  assert cell(nats, "distortion") is not None
  absent = ["rate", "elbo", "± elbo", "bits/dim", "nll (K=8)", "gap", "ess"]
  assert [cell(nats, name) for name in absent] == [None] * len(absent)
  assert cell(sizes, "rate bytes") is None
  found = generation.evaluate(run, data, KEY, FEW).findings
  assert any("no prior" in finding for finding in found)


def test_a_number_that_is_no_likelihood_is_not_called_one():
  data = table_data()
  run = open_with(data, identity(data))
  run = run._replace(likelihood=run.likelihood._replace(proper=False))
  assert isinstance(run.likelihood, Likelihood)
  nats = reconstruction.evaluate(run, data, KEY, SMALL).tables[0]
  assert not any(name.startswith("nll") or name == "bits/dim" for name in nats.columns)
  assert "not a likelihood" in nats.note


def test_members_are_rows_and_seeds_are_averaged():
  data = table_data()
  axes = {"beta": [0.5, 1.0, 2.0, 4.0], "seed": [0, 1]}
  run = open_with(data, identity(data), axes=axes)
  report = reconstruction.evaluate(run, data, KEY, SMALL)
  nats = report.tables[0]
  assert nats.columns[:2] == ("beta", "seed")
  assert [row[:2] for row in nats.rows[:3]] == [[0.5, 0], [0.5, 1], [1.0, 0]]
  seeds = next(t for t in report.tables if "across seeds" in t.title)
  assert seeds.columns[:2] == ("beta", "n")
  assert [row[:2] for row in seeds.rows] == [[b, 2] for b in axes["beta"]]
  pair = [cell(nats, "elbo", 0), cell(nats, "elbo", 1)]
  assert cell(seeds, "elbo") == pytest.approx(np.mean(pair))
  assert cell(seeds, "± elbo") == pytest.approx(np.std(pair, ddof=1))
  assert _members.shown(run) == [0, 4, 6]
  labels = report.figures[0].data["rows"]
  assert labels == ["original", "β 0.5\nseed 0", "β 2\nseed 0", "β 4\nseed 0", "PCA"]


def test_a_nan_is_counted_and_shown():
  data = table_data()
  run = open_with(data, identity(data), axes={"seed": [0, 1]})
  broken = run._replace(params={"scale": np.array([1, np.nan], np.float32)})
  report = reconstruction.evaluate(broken, data, KEY, SMALL)
  assert np.isnan(cell(report.tables[0], "elbo", 1))
  assert cell(report.tables[0], "active", 1) == "NaN"
  assert any("30 of 60 scores are NaN" in finding for finding in report.findings)


def test_a_model_that_copies_is_found_out():
  data = table_data()
  train = jnp.asarray(data.splits["train"]["x"])
  copy = lambda params, z: train[jnp.argmin(jnp.square(train[:, :2] - z[None]).sum(-1))]
  encode = lambda params, x: Posterior(x[:2], jnp.full(2, -5.0))
  report = generation.evaluate(open_with(data, bind(data, encode, copy, 2)), data, KEY, FEW)
  table = report.tables[0]
  row = [r[table.columns.index("examples")] for r in table.rows].index("samples")
  assert cell(table, "median to train", row) == 0
  assert cell(table, "near copies, %", row) == 100
  assert "too close" in " ".join(report.findings)


def test_samples_of_the_true_model_are_as_far_from_train_as_held_out_examples():
  data = table_data()
  # x is N(0, I) itself, so that decoded draws of the prior are draws of the data.
  report = generation.evaluate(
    open_with(data, identity(data)), data, KEY, {**FEW, "limit": 30}
  )
  table = report.tables[0]
  row = [r[table.columns.index("examples")] for r in table.rows].index("samples")
  assert cell(table, "÷ held-out", row) == pytest.approx(1, abs=0.25)
  assert cell(table, "÷ held-out's", row) == pytest.approx(1, abs=0.15)


def test_pictures_are_the_decoded_points_in_their_places():
  data = table_data(shape=(2,))
  report = generation.evaluate(open_with(data, identity(data)), data, KEY, FEW)
  figures = {figure.name: figure.data for figure in report.figures}
  plane = figures["plane"]
  np.testing.assert_allclose(
    plane["images"][0, 0], [-3, 3], atol=1e-6
  )  # on top, at the left
  np.testing.assert_allclose(plane["images"][-1, -1], [3, -3], atol=1e-6)
  paths = figures["interpolation"]["images"]
  np.testing.assert_allclose(paths[0, 0], paths[0, 1], atol=1e-6)  # an end is its original
  np.testing.assert_allclose(paths[0, 2], (paths[0, 1] + paths[0, 3]) / 2, atol=1e-6)
  assert paths.shape[0] == 2  # linear and spherical of the one pair of two classes


@pytest.mark.parametrize("application", [reconstruction, generation])
@pytest.mark.parametrize(
  ("settings", "word"),
  [
    ({"splitt": "test"}, "split"),
    ({"split": "holdout"}, "holdout"),
    ({"limit": "many"}, "limit"),
    ({"limit": 0}, "at least 1"),
    ({"palette": "jet"}, "magma"),
  ],
)
def test_settings_are_checked_first(application, settings, word):
  data = table_data()
  with pytest.raises(UserError, match=word):
    application.evaluate(open_with(data, identity(data)), data, KEY, settings)


@pytest.mark.parametrize("settings", [{"grid": "cubic"}, {"pairs": "plus-minus"}])
def test_what_is_drawn_is_checked_first(settings):
  data = table_data()
  with pytest.raises(UserError, match=next(iter(settings))):
    generation.evaluate(open_with(data, identity(data)), data, KEY, settings)


def test_pairs_are_read_though_names_hold_dashes():
  rows = np.array([7, 9])
  names = ("minus-one", "plus")
  assert _latents.parse_pairs("minus-one-plus", names, rows) == [(7, 9)]
  assert _latents.parse_pairs("2-0, 1-3", (), np.array([5])) == [(2, 0), (1, 3)]
  assert _latents.parse_pairs("", names, rows) == [(7, 9)]
  assert _latents.parse_pairs("", names, np.array([7, -1])) == []  # a class with no example


def test_paths():
  a, b = np.array([2.0, 0.0]), np.array([0.0, 2.0])
  arc = _latents.spherical(a, b, 5)
  np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 2, rtol=1e-6)
  np.testing.assert_allclose(arc[[0, -1]], [a, b], atol=1e-7)
  np.testing.assert_allclose(arc[2], [2**0.5, 2**0.5])
  np.testing.assert_allclose(_latents.spherical(a, 2 * a, 3), _latents.linear(a, 2 * a, 3))
  walk = _latents.walks(np.array([5.0, 6.0]), np.array([1]), np.array([-1.0, 1.0]))
  assert walk.tolist() == [[[5, -1], [5, 1]]]


def test_ticks():
  assert _latents.ticks("linear", 3, 3.0).tolist() == [-3, 0, 3]
  quantiles = _latents.ticks("quantile", 5, 3.0)
  np.testing.assert_allclose(quantiles[[0, 2, 4]], [-2.0537, 0, 2.0537], atol=1e-3)


def test_pca_rebuilds_what_lies_in_its_plane():
  rng = np.random.default_rng(0)
  x = (rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6)) + 3).reshape(60, 2, 3)
  fitted = pca.fit(x, 2)
  np.testing.assert_allclose(pca.rebuild(fitted, x), x, atol=1e-4)
  assert np.ptp(pca.rebuild(fitted, x, 0), axis=0).max() < 1e-5  # the mean, for every row
  assert pca.sample(fitted, 5, rng).shape == (5, 2, 3)
  assert len(pca.fit(x[:3], 4).std) == 3
  with pytest.raises(UserError, match="there are 1"):
    pca.fit(x[:1], 2)


@pytest.mark.parametrize(
  ("shape", "kind", "labels"),
  [((5, 5, 3), "image", True), ((12, 2), "sequence", False), ((6,), "table", False)],
)
def test_every_kind_of_example_is_drawn(shape, kind, labels, tmp_path):
  from vae_jax import report

  data = table_data(shape, kind, labels)
  run = open_with(data, identity(data))
  for application, settings in ((reconstruction, SMALL), (generation, FEW)):
    found = application.evaluate(run, data, KEY, settings)
    report.save(found, tmp_path)
    for figure in found.figures:
      path = tmp_path / "figures" / f"{found.application}_{figure.name}.png"
      assert path.read_bytes()[:4] == b"\x89PNG"


def test_the_note_of_several_programs_says_what_each_of_them_says_of_its_own():
  rows = [[1.0], [2.0]]
  notes = [f"Over {n} rows. Lower is better; draws: 50. Mask seed {n}." for n in (7, 8)]
  parts = [
    (f"seed {i}", Table("t", ("mse",), [row], note))
    for i, (row, note) in enumerate(zip(rows, notes, strict=True))
  ]
  both = _members._joined(parts)
  assert both.rows == rows
  assert both.note == (
    "Lower is better; draws: 50. seed 0: Over 7 rows. Mask seed 7."
    " seed 1: Over 8 rows. Mask seed 8."
  )
  assert _members._joined(parts[:1]).note == notes[0]
