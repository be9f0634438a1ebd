"""The application disentanglement on codes whose answer is known, and what it must refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated
from made import bind, cell, open_with
from test_disentanglement import grid

from vae_jax import report
from vae_jax.baselines import ica
from vae_jax.metrics import udr
from vae_jax.types import Dataset, Factor, Posterior, Spec, UserError

SIZES = (3, 4, 5)
FEW = {"votes": 300, "test_votes": 200, "sampled": 240, "trees": 3}
NONE = {**FEW, "baselines": "no"}
SEEDS = {"beta": [1.0, 4.0], "seed": [0, 1, 2]}


def factor_data(known=True) -> Dataset:
  """x is the factors themselves, mixed a little where y is read."""
  v = grid(*SIZES, repeats=4)
  x = ((v - v.mean(0)) * [1.0, -0.5, 0.7]).astype(np.float32)
  fields = {"x": x, "factors": v}
  factors = tuple(
    Factor(name, tuple(map(float, range(n)))) for name, n in zip("abc", SIZES, strict=True)
  )
  spec = Spec((3,), "table", "real", factors=factors if known else ())
  return Dataset("made", spec, dict.fromkeys(("train", "valid", "test"), fields))


def mixing(data, matrix=None):
  """q(z|x) at x M, scaled by the member's parameter."""
  matrix = jnp.eye(3) if matrix is None else jnp.asarray(matrix, jnp.float32)
  latents = matrix.shape[1]

  def encode(params, x):
    return Posterior((x @ matrix) * params["scale"], jnp.full(latents, -9.0))

  return begun(bind(data, encode, lambda params, z: (z @ matrix.T)[:3], latents))


def begun(vae):
  """With parameters as its training might begin."""
  return vae._replace(init=lambda key: {"scale": jax.random.uniform(key)})


def opened(data, vae, axes=None, ended=None, scale=None, **options):
  run = open_with(data, vae, axes=axes, **options)
  count = len(run.members)
  scale = np.ones(count) if scale is None else np.asarray(scale)
  return run._replace(
    numbers=list(range(count)),
    ended=[""] * count if ended is None else ended,
    params={"scale": scale.astype(np.float32)},
  )


def asked(runs, settings=FEW):
  return evaluated("disentanglement", runs, settings)


def row_of(table, method):
  return [row[table.columns.index("method")] for row in table.rows].index(method)


def table_of(found, title):
  return next(table for table in found.tables if table.title == title)


def of_members(found, metric="mig"):
  """The scores of each member by its number, of the long form."""
  at = {name: i for i, name in enumerate(found.scores.columns)}
  return {
    row[at["member"]]: row[at["mean"]]
    for row in found.scores.rows
    if row[at["metric"]] == metric and row[at["member"]] is not None
  }


def test_a_perfect_code_has_perfect_scores_and_noise_has_none():
  data = factor_data()
  found = asked(opened(data, mixing(data)))
  table = found.tables[0]
  for name in ("MIG", "MIG, sampled", "FactorVAE", "β-VAE", "DCI D", "DCI C", "DCI I"):
    assert cell(table, name) == pytest.approx(1, abs=0.02), name
  noise, truth = row_of(table, "noise"), row_of(table, "true factors")
  assert cell(table, "MIG", noise) < 0.1
  assert cell(table, "FactorVAE", noise) < 0.6
  assert cell(table, "MIG", truth) == pytest.approx(1)
  assert {"PCA", "ICA", "untrained encoder"} <= {row[0] for row in table.rows}
  assert "UDR" not in table.columns
  assert found.verdicts[0]["baseline"] != "true factors"  # the ceiling is no rival
  assert truth not in {row for row, _ in table.marks}
  places = table_of(found, "Where each factor is")
  at = places.columns.index("factor")
  assert [row[at : at + 3] for row in places.rows] == [
    ["a", 3, 1],
    ["b", 4, 2],
    ["c", 5, 3],
  ]
  assert cell(places, "active") == "3 of 3"
  assert cell(places, "knows") == pytest.approx(1, abs=1e-6)
  assert found.arrays["member0_code"].shape == (240, 3)
  np.testing.assert_allclose(found.arrays["member0_information"], np.eye(3), atol=1e-6)


def test_seeds_are_averaged_and_agree_in_udr():
  data = factor_data()
  found = asked(opened(data, mixing(data), SEEDS), NONE)
  assert of_members(found, "udr") == pytest.approx(dict.fromkeys(range(6), 1))
  assert of_members(found, "udr_lasso") == pytest.approx(
    dict.fromkeys(range(6), 0.9), abs=0.01
  )
  table = found.tables[0]
  assert [row[:3] for row in table.rows] == [[1.0, "model", 3], [4.0, "model", 3]]
  assert cell(table, "MIG") == pytest.approx(1)
  assert cell(table, "± MIG") == pytest.approx(0, abs=1e-12)


def test_udr_is_of_the_seeds_of_a_group_alone():
  rng = np.random.default_rng(0)
  codes, rates = rng.normal(size=(5, 50, 3)), np.ones((5, 3))
  codes[4, 0, 0] = np.nan
  found = udr.of_groups(codes, rates, ["a", "a", None, "b", "a"])
  np.testing.assert_allclose(found[:2], udr.udr(codes[:2], rates[:2]))
  assert np.isnan(found[2:]).all()


def test_independent_components_undo_a_rotation():
  rng = np.random.default_rng(0)
  sources = rng.uniform(-np.sqrt(3), np.sqrt(3), (20_000, 2))
  turned = sources @ np.array([[0.8, 0.6], [-0.6, 0.8]])
  codes, found = ica.codes(turned, turned)
  assert found
  agreement = np.abs(np.corrcoef(codes.T, sources.T)[:2, 2:])
  assert sorted(agreement.max(1) > 0.99) == [True, True]
  assert agreement.min(1).max() < 0.1


def test_each_score_names_its_setting_and_better_baselines_are_told():
  data = factor_data()
  turn = np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]]) / np.sqrt([2, 2, 1])
  told = " ".join(asked(opened(data, mixing(data, turn), SEEDS)).findings)
  assert "Behind the best baseline: MIG" in told
  assert "to PCA)" in told
  # A part of another factor is added to the codes of β = 1 alone, by the member's own number.
  encode = lambda params, x: Posterior(
    x + (1 - params["scale"]) * jnp.roll(x, 1), jnp.full(3, -9.0)
  )
  mixed = bind(data, encode, lambda params, z: z, 3)
  run = opened(data, mixed, SEEDS, scale=[0.3, 0.4, 0.5, 1, 1, 1])
  found = asked(run, NONE)
  assert found.findings[0].startswith(
    "The setting that each score prefers on validation: MIG β 4, FactorVAE β"
  )
  assert found.headline["setting"] == "β 4"
  between = next(text for text in found.findings if "Between seeds" in text)
  assert "most for β 1" in between
  assert "less than between the means" in between


def test_the_setting_is_chosen_on_validation():
  data = factor_data()
  turned = {**data.splits["valid"], "x": -data.splits["valid"]["x"] - 9}
  data = data._replace(splits={**data.splits, "valid": turned})
  # Below 0 the codes of β = 1 are the factors', above 0 those of β = 4.
  turn = jnp.array([[1.0, 1, 0], [1, -1, 0], [0, 0, 1]])
  encode = lambda params, x: Posterior(
    jnp.where((x.sum() < -9) == (params["scale"] < 1), x, x @ turn), jnp.full(3, -9.0)
  )
  vae = begun(bind(data, encode, lambda params, z: z, 3))
  found = asked(opened(data, vae, SEEDS, scale=[0, 0, 0, 1, 1, 1]), NONE)
  mig = of_members(found)
  assert mig[3] > mig[0]
  assert found.headline["setting"] == "β 1"


def test_collapse_and_nan_are_told_and_in_no_average():
  data = factor_data()
  run = opened(data, mixing(data), SEEDS, scale=[1, 1, np.nan, 0, 0, 0])
  found = asked(run, NONE)
  assert of_members(found) == {0: pytest.approx(1), 1: pytest.approx(1), 3: 0, 4: 0, 5: 0}
  members = table_of(found, "Every member")
  assert cell(members, "active", 2) == "0 of 3 COLLAPSED"
  assert cell(found.tables[0], "seeds") == 3  # the NaN's is among them, without a score
  assert cell(found.tables[0], "MIG") == pytest.approx(1)
  told = " ".join(found.findings)
  assert "COLLAPSED: no latent is active in β 4 · seed 0, β 4 · seed 1" in told
  assert "The codes of β 1 · seed 2 hold a NaN" in told


def test_no_score_of_a_collapsed_code_wins():
  data = factor_data()
  turn = np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]]) / np.sqrt([2, 2, 1])
  # Codes of β = 4 are perfect but for their size, which no score of order reads.
  encode = lambda params, x: Posterior(
    jnp.where(params["scale"] < 1, 1e-3 * x, x @ turn), jnp.full(3, -9.0)
  )
  vae = begun(bind(data, encode, lambda params, z: z, 3))
  run = opened(data, vae, SEEDS, scale=[1, 1, 1, 0, 0, 0])
  found = asked(run, NONE)
  assert of_members(found)[3] > 0.99 > of_members(found)[0]
  assert "β" not in found.tables[0].columns  # β = 1 is the only setting with a line
  assert found.headline["mean"] == pytest.approx(of_members(found)[0])
  assert any(text.startswith("COLLAPSED") for text in found.findings)
  walks = [f for f in found.figures if f.name.startswith("traversal")]
  assert walks[0].data["title"] == "β 1 · seed 0"
  everything = run._replace(params={"scale": np.zeros(6, np.float32)})
  told = asked(everything, NONE)
  assert not told.headline
  assert not any("prefers" in sentence for sentence in told.findings)


def test_stopped_and_dead_members_are_in_no_average():
  data = factor_data()
  ended = ["", "", "stopped at 5", "dead at 3", "", ""]
  run = opened(data, mixing(data), SEEDS, ended, [1, 1, 0, np.nan, 1, 1])
  found = asked(run, NONE)
  assert sorted(of_members(found)) == [0, 1, 2, 4, 5]
  assert 2 not in of_members(found, "udr")
  assert cell(table_of(found, "Every member"), "ended", 2) == "stopped at 5"
  table = found.tables[0]
  assert [cell(table, "seeds", row) for row in (0, 1)] == [2, 2]
  assert cell(table, "MIG") == pytest.approx(1)
  told = " ".join(found.findings)
  assert "1 of 6 members is dead" in told
  assert "1 stopped by early stopping is in no average" in told


def test_programs_of_different_sizes_are_in_one_table():
  data = factor_data()
  wide = np.concatenate([np.eye(3), np.zeros((3, 2))], 1)
  runs = []
  for i, matrix in enumerate((np.eye(3), wide)):
    run = opened(data, mixing(data, matrix), {"seed": [0, 1]})
    members = [{**row, "model.latents": matrix.shape[1]} for row in run.members]
    runs.append(run._replace(members=members, numbers=[2 * i, 2 * i + 1]))
  found = asked(runs)
  table = found.tables[0]
  assert [row[0] for row in table.rows[:2]] == [3, 5]
  assert cell(table, "modularity", 1) == pytest.approx(3 / 5)
  assert found.arrays["member2_code"].shape == (240, 5)


def test_an_autoencoder_has_no_posterior_to_sample():
  data = factor_data()
  run = opened(data, mixing(data), {"seed": [0, 1]}, objective="autoencoder")
  found = asked(run, NONE)
  assert not of_members(found, "mig_sampled")
  assert of_members(found, "udr") == pytest.approx({0: 1, 1: 1})
  assert not of_members(found, "rate")
  assert len(of_members(found, "distortion")) == 2


def test_every_figure_is_drawn(tmp_path):
  data = factor_data()
  axes = {"beta": [0.5, 1.0, 4.0, 8.0], "seed": [0, 1]}
  found = asked(opened(data, mixing(data), axes, scale=[1, 1, 1, 1, 1, 1, 0, 0]))
  names = [figure.name for figure in found.figures]
  assert names == [
    "sweep", "scores", "information_1", "information_2", "information_3", "importance",
    "traversal_1", "traversal_2", "traversal_3",
  ]  # fmt: skip
  curves = found.figures[1].data["series"]
  assert curves["MIG"]["y"] == pytest.approx([1, 1, 1, 0])  # collapsed members, too
  walk = found.figures[names.index("traversal_1")].data
  assert [name.split(" · ")[1] for name in walk["rows"]] == ["c 1.00", "a 1.00", "b 1.00"]
  assert walk["images"].shape == (3, 9, 3)
  heat = found.figures[names.index("information_1")].data
  np.testing.assert_allclose(heat["values"][0], [0, 0, 1], atol=1e-6)  # the busiest first
  report.save(found, tmp_path)
  for name in names:
    path = tmp_path / "figures" / f"disentanglement_{name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_what_cannot_be_scored_is_refused_before_anything_is_computed():
  data = factor_data(known=False)
  refuse = bind(data, lambda params, x: 1 / 0, lambda params, z: 1 / 0, 3)
  with pytest.raises(UserError, match="causes of made are not known"):
    asked(opened(data, refuse), {})
  data = factor_data()
  for settings, match in (
    ({"dci": "tree"}, "forest or boosting"),
    ({"baselines": "some"}, "yes or no"),
    ({"split": "holdout"}, "holdout"),
    ({"votes": 0}, "at least 1"),
    ({"limit": 5}, "at least ten rows"),
    ({"bin": 3}, "bins"),
  ):
    with pytest.raises(UserError, match=match):
      asked(opened(data, refuse), settings)
