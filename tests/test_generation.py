"""Generation on models whose answer is known, and on what it must not do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explored import sentences
from helpers import evaluated, means, tiny
from made import bind, identity, nothing, open_with, table_data

from vae_jax import asking, report
from vae_jax import run as runs
from vae_jax.applications.generation import MIXTURE, PRIOR, REBUILT
from vae_jax.inference import walks
from vae_jax.metrics import latent
from vae_jax.training import loop
from vae_jax.types import Posterior, UserError

FEW = {"limit": 20, "side": 4, "steps": 3, "components": 2}


def asked(data, vae, settings=FEW, **options):
  return evaluated("generation", open_with(data, vae, **options), settings)


def test_collapse_stands_beside_every_score():
  data = table_data()
  found = asked(data, nothing(data), axes={"seed": [0, 1]})
  assert any(finding.startswith("COLLAPSED") for finding in found.findings)
  members = next(t for t in found.tables if t.title == "Every member")
  active = members.columns.index("active")
  assert {row[active] for row in members.rows} == {"0 of 2 COLLAPSED"}
  walk = next(f for f in found.figures if f.name == "traversal")
  assert walk.caption.startswith("No latent is active (COLLAPSED)")


def test_a_deterministic_autoencoder_has_no_prior():
  data = table_data()
  found = asked(data, identity(data), objective="autoencoder").findings
  assert any("no prior" in finding for finding in found)


def test_a_model_that_copies_is_found_out():
  data = table_data()
  train = jnp.asarray(data.splits["train"]["x"])
  copy = lambda params, z: train[jnp.argmin(jnp.square(train[:, :2] - z[None]).sum(-1))]
  encode = lambda params, x: Posterior(x[:2], jnp.full(2, -5.0))
  found = asked(data, bind(data, encode, copy, 2))
  assert means(found, "nearest")[PRIOR, ""] == 0
  assert means(found, "copies")[PRIOR, ""] == 100
  assert "too close" in " ".join(found.findings)


def test_samples_of_the_true_model_are_as_far_from_train_as_held_out_examples():
  data = table_data()
  # x is N(0, I) itself, so that decoded draws of the prior are draws of the data.
  found = asked(data, identity(data), {**FEW, "limit": 30})
  assert means(found, "relative")[PRIOR, ""] == pytest.approx(1, abs=0.25)
  assert means(found, "variety")[PRIOR, ""] == pytest.approx(1, abs=0.15)
  assert means(found, "relative")["held-out", ""] == 1
  assert means(found, "nearest")[REBUILT, ""] == pytest.approx(
    means(found, "nearest")["held-out", ""]
  )


def test_held_out_examples_that_are_training_examples_say_nothing_of_novelty():
  data = table_data()
  data.splits["test"] = data.splits["train"]
  found = asked(data, identity(data))
  assert not means(found, "relative")
  assert any("nothing here says" in finding for finding in found.findings)


def test_without_labels_nothing_is_chosen_and_no_side_wins():
  data = table_data(labels=False)
  found = asked(data, identity(data))
  assert any("left out" in text for text in found.findings)
  assert [table.title for table in found.tables] == ["Is it new, and is it varied?"]
  assert found.block[0].startswith("generation · Median to train · 20 examples")
  assert found.block[1].split("  ")[1].strip() == PRIOR
  assert not found.verdicts


def test_a_nan_is_drawn_of_no_mixture_and_counted():
  data = table_data()
  encode = lambda params, x: Posterior(x[:2] * jnp.nan, jnp.zeros(2))
  found = asked(data, bind(data, encode, lambda params, z: jnp.tile(z, 2), 2))
  assert np.isnan(means(found, "nearest")[MIXTURE, ""])
  assert np.isfinite(means(found, "nearest")[PRIOR, ""])
  assert any("scores are NaN" in finding for finding in found.findings)


def test_pictures_are_the_decoded_points_in_their_places():
  data = table_data(shape=(2,))
  figures = {f.name: f.data for f in asked(data, identity(data)).figures}
  plane = figures["plane"]["images"]
  np.testing.assert_allclose(plane[0, 0], [-3, 3], atol=1e-6)  # on top, at the left
  np.testing.assert_allclose(plane[-1, -1], [3, -3], atol=1e-6)
  paths = figures["interpolation"]["images"]
  np.testing.assert_allclose(paths[0, 0], paths[0, 1], atol=1e-6)  # an end is its original
  np.testing.assert_allclose(paths[0, -1], paths[0, -2], atol=1e-6)
  np.testing.assert_allclose(paths[0, 2], (paths[0, 1] + paths[0, 3]) / 2, atol=1e-6)
  assert paths.shape[0] == 2  # linear and spherical of the one pair of two classes
  walk = figures["traversal"]
  np.testing.assert_allclose(walk["images"][0, 0], data.splits["test"]["x"][0], atol=1e-6)
  first = int(walk["rows"][0].split()[1]) - 1
  np.testing.assert_allclose(walk["images"][0, 1:, first], [-3, 0, 3], atol=1e-6)


def test_the_only_latent_is_a_row_from_low_to_high():
  data = table_data(shape=(2,))
  encode = lambda params, x: Posterior(x[:1], jnp.full(1, -9.0))
  found = asked(data, bind(data, encode, lambda params, z: jnp.tile(z, 2), 1))
  plane = next(f.data for f in found.figures if f.name == "plane")
  np.testing.assert_allclose(plane["images"][0, :, 0], [-3, -1, 1, 3], atol=1e-6)


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
def test_settings_are_checked_first(settings, word):
  data = table_data()
  with pytest.raises(UserError, match=word):
    asked(data, identity(data), settings)


@pytest.mark.parametrize("settings", [{"grid": "cubic"}, {"pairs": "plus-minus"}])
def test_what_is_drawn_is_checked_first(settings):
  data = table_data()
  with pytest.raises(UserError, match=next(iter(settings))):
    asked(data, identity(data), settings)


def test_pairs_are_read_though_names_hold_dashes():
  rows = np.array([7, 9])
  names = ("minus-one", "plus")
  assert walks.parse_pairs("minus-one-plus", names, rows) == [(7, 9)]
  assert walks.parse_pairs("2-0, 1-3", (), np.array([5])) == [(2, 0), (1, 3)]
  assert walks.parse_pairs("", names, rows) == [(7, 9)]
  assert walks.parse_pairs("", names, np.array([7, -1])) == []  # a class with no example


def test_paths():
  a, b = np.array([2.0, 0.0]), np.array([0.0, 2.0])
  arc = walks.spherical(a, b, 5)
  np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 2, rtol=1e-6)
  np.testing.assert_allclose(arc[[0, -1]], [a, b], atol=1e-7)
  np.testing.assert_allclose(arc[2], [2**0.5, 2**0.5])
  np.testing.assert_allclose(walks.spherical(a, 2 * a, 3), walks.linear(a, 2 * a, 3))
  walk = walks.walks(np.array([5.0, 6.0]), np.array([1]), np.array([-1.0, 1.0]))
  assert walk.tolist() == [[[5, -1], [5, 1]]]


def test_ticks():
  assert walks.ticks("linear", 3, 3.0).tolist() == [-3, 0, 3]
  quantiles = walks.ticks("quantile", 5, 3.0)
  np.testing.assert_allclose(quantiles[[0, 2, 4]], [-2.0537, 0, 2.0537], atol=1e-3)


@pytest.mark.parametrize(
  ("shape", "kind", "labels"),
  [((5, 5, 3), "image", True), ((12, 2), "sequence", False), ((6,), "table", False)],
)
def test_every_kind_of_example_is_drawn(shape, kind, labels, tmp_path):
  data = table_data(shape, kind, labels)
  found = asked(data, identity(data))
  report.save(found, tmp_path)
  for figure in found.figures:
    path = tmp_path / "figures" / f"{found.application}_{figure.name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
  ("posterior", "prior"),
  [
    ("vq", "uniform"),
    pytest.param("diagonal", "vamp", marks=pytest.mark.slow),
    pytest.param("iaf", "flow", marks=pytest.mark.slow),
    pytest.param("categorical", "uniform", marks=pytest.mark.slow),
    pytest.param("power_spherical", "sphere", marks=pytest.mark.slow),
  ],
)
def test_other_families_are_drawn_from_their_own_prior(tmp_path, posterior, prior):
  small = {
    "vq": {"entries": 4, "vectors": 2},
    "categorical": {"categories": 2},
    "vamp": {"components": 3},
  }
  parts = {
    "posterior": {"name": posterior, **small.get(posterior, {})},
    "prior": {"name": prior, **small.get(prior, {})},
    "model": {"name": "mlp", "latents": 4, "hidden": [8]},
  }
  loop.train(tiny(**parts), str(tmp_path), None, say=lambda line: None)
  run = runs.open_run(str(tmp_path))
  found = evaluated("generation", run, FEW | {"epochs": 1})
  methods = {method for method, _ in means(found, "nearest")}
  drawn = {figure.name for figure in found.figures}
  real = posterior in ("diagonal", "iaf")
  assert PRIOR in methods
  assert (MIXTURE in methods) == real == ("plane" in drawn) == ("traversal" in drawn)
  if posterior in ("vq", "categorical"):
    assert any("perplexity" in sentence for sentence in found.findings)
  codes = asking.prior_draws(run, jax.random.split(jax.random.key(0), 200))
  assert codes.shape == (1, 200, 4)
  if posterior == "power_spherical":
    np.testing.assert_allclose(np.linalg.norm(codes, axis=-1), 1, rtol=1e-5)
  if posterior == "vq":  # two entries of four, each one row of the codebook
    assert len(np.unique(codes.reshape(-1, 2).round(5), axis=0)) <= 4


def test_perplexity_counts_the_values_that_are_used():
  index = np.array([[0, 3], [1, 3], [0, 3], [1, 3]])
  np.testing.assert_allclose(latent.perplexity(index, 4), [2, 1])


def test_rows_of_symbols_are_refused():
  with pytest.raises(UserError, match="the application text says what is new"):
    evaluated("generation", sentences("gru"))
