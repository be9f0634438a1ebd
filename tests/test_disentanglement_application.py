"""The application disentanglement on codes whose answer is known, and what it must refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_applications import bind, cell, open_with
from test_disentanglement import grid

from vae_jax import report
from vae_jax.applications import disentanglement
from vae_jax.applications._disentanglement_scores import LABELS, UDR
from vae_jax.types import Dataset, Factor, Posterior, Spec, UserError

KEY = jax.random.key(0)
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


def row_of(table, code):
  return [row[table.columns.index("code")] for row in table.rows].index(code)


def test_a_perfect_code_has_perfect_scores_and_noise_has_none():
  data = factor_data()
  found = disentanglement.evaluate(opened(data, mixing(data)), data, KEY, FEW)
  table = found.tables[0]
  for name in ("MIG", "MIG, sampled", "FactorVAE", "β-VAE", "DCI D", "DCI C", "DCI I"):
    assert cell(table, name) == pytest.approx(1, abs=0.02), name
  assert cell(table, "active") == "3 of 3"
  noise, truth = row_of(table, "noise"), row_of(table, "true factors")
  assert cell(table, "MIG", noise) < 0.1
  assert cell(table, "FactorVAE", noise) < 0.6
  assert cell(table, "MIG", truth) == pytest.approx(1)
  assert {"PCA", "ICA", "untrained encoder"} <= {row[2] for row in table.rows}
  assert not set(UDR.values()) & set(table.columns)
  places = found.tables[-1]
  at = places.columns.index("factor")
  assert [row[at : at + 3] for row in places.rows] == [
    ["a", 3, 1],
    ["b", 4, 2],
    ["c", 5, 3],
  ]
  assert cell(places, "knows") == pytest.approx(1, abs=1e-6)
  assert found.arrays["member0_code"].shape == (240, 3)
  np.testing.assert_allclose(found.arrays["member0_information"], np.eye(3), atol=1e-6)


def test_seeds_are_averaged_and_agree_in_udr():
  data = factor_data()
  found = disentanglement.evaluate(opened(data, mixing(data), SEEDS), data, KEY, NONE)
  table = found.tables[0]
  assert [row[:2] for row in table.rows[:4]] == [[1.0, 0], [1.0, 1], [1.0, 2], [4.0, 0]]
  for row in range(6):
    assert cell(table, "UDR", row) == pytest.approx(1)
    assert cell(table, "UDR, Lasso", row) == pytest.approx(0.9, abs=0.01)
  seeds = found.tables[1]
  assert "across seeds" in seeds.title
  assert [row[:2] for row in seeds.rows] == [[1.0, 3], [4.0, 3]]
  assert cell(seeds, "MIG") == pytest.approx(1)
  assert cell(seeds, "± MIG") == pytest.approx(0, abs=1e-12)


def test_the_better_setting_is_named_and_a_better_baseline_too():
  data = factor_data()
  turn = np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]]) / np.sqrt([2, 2, 1])
  run = opened(data, mixing(data, turn), SEEDS)
  found = disentanglement.evaluate(run, data, KEY, FEW)
  told = " ".join(found.findings)
  assert "A code without training wins: MIG" in told
  assert "(PCA)" in told
  # A sixth of x is added to the codes of β = 1 alone, by the member's own parameter.
  encode = lambda params, x: Posterior(
    x + (1 - params["scale"]) * jnp.roll(x, 1), jnp.full(3, -9.0)
  )
  mixed = bind(data, encode, lambda params, z: z, 3)
  run = opened(data, mixed, SEEDS, scale=[0.3, 0.4, 0.5, 1, 1, 1])
  told = disentanglement.evaluate(run, data, KEY, NONE).findings
  assert told[0].startswith("By MIG β 4 is the best setting (median 1.00 over 3 seeds")
  assert "most for β 1" in told[1]
  assert "less than between the medians" in told[1]


def test_collapse_and_nan_are_told_and_in_no_average():
  data = factor_data()
  scale = [1, 1, np.nan, 0, 0, 0]
  run = opened(data, mixing(data), SEEDS, scale=scale)
  found = disentanglement.evaluate(run, data, KEY, NONE)
  table = found.tables[0]
  assert cell(table, "active", 2) == "NaN"
  assert [cell(table, name, 2) for name in LABELS.values()] == [None] * len(LABELS)
  assert cell(table, "active", 3) == "0 of 3 COLLAPSED"
  assert cell(table, "MIG", 3) == 0
  told = " ".join(found.findings)
  assert "COLLAPSED: no latent is active in β 4 · seed 0, β 4 · seed 1" in told
  assert "The codes of 1 members hold a NaN" in told
  assert "median 1.00 over 2 seeds" in told


def test_no_score_of_a_collapsed_code_wins():
  data = factor_data()
  turn = np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]]) / np.sqrt([2, 2, 1])
  # Codes of β = 4 are perfect but for their size, which no score of order reads.
  encode = lambda params, x: Posterior(
    jnp.where(params["scale"] < 1, 1e-3 * x, x @ turn), jnp.full(3, -9.0)
  )
  vae = begun(bind(data, encode, lambda params, z: z, 3))
  run = opened(data, vae, SEEDS, scale=[1, 1, 1, 0, 0, 0])
  found = disentanglement.evaluate(run, data, KEY, NONE)
  assert cell(found.tables[0], "MIG", 3) > 0.99 > cell(found.tables[0], "MIG", 0)
  assert found.findings[0].startswith("The MIG of β 1 is")
  assert "COLLAPSED" in found.findings[-1]
  assert found.figures[-3].data["title"] == "β 1 · seed 0"  # the traversals
  everything = run._replace(params={"scale": np.zeros(6, np.float32)})
  told = disentanglement.evaluate(everything, data, KEY, NONE).findings
  assert not any("By MIG" in sentence for sentence in told)


def test_stopped_and_dead_members_are_in_no_average():
  data = factor_data()
  ended = ["", "", "stopped at 5", "dead at 3", "", ""]
  scale = [1, 1, 0, np.nan, 1, 1]
  run = opened(data, mixing(data), SEEDS, ended, scale)
  found = disentanglement.compare([run], data, KEY, NONE)
  table = found.tables[0]
  assert len(table.rows) == 5
  assert cell(table, "ended", 2) == "stopped at 5"
  seeds = found.tables[1]
  assert [cell(seeds, "n", row) for row in range(len(seeds.rows))] == [2, 2]
  assert "1 of 6 members are dead and have no row, 1 were stopped" in found.findings[-1]
  assert "median 1.00 over 2 seeds" in found.findings[0]


def test_programs_of_different_sizes_are_in_one_table():
  data = factor_data()
  wide = np.concatenate([np.eye(3), np.zeros((3, 2))], 1)
  runs = []
  for i, matrix in enumerate((np.eye(3), wide)):
    run = opened(data, mixing(data, matrix), {"seed": [0, 1]})
    members = [{**row, "model.latents": matrix.shape[1]} for row in run.members]
    runs.append(run._replace(members=members, numbers=[2 * i, 2 * i + 1]))
  found = disentanglement.compare(runs, data, KEY, FEW)
  table = found.tables[0]
  latents = table.columns.index("model.latents")
  assert [row[latents] for row in table.rows[:4]] == [3, 3, 5, 5]
  assert cell(table, "modularity", 2) == pytest.approx(3 / 5)
  assert found.arrays["member2_code"].shape == (240, 5)


def test_an_autoencoder_has_no_posterior_to_sample():
  data = factor_data()
  run = opened(data, mixing(data), {"seed": [0, 1]}, objective="autoencoder")
  found = disentanglement.evaluate(run, data, KEY, NONE)
  assert cell(found.tables[0], "MIG, sampled") is None
  assert cell(found.tables[0], "UDR") == pytest.approx(1)
  assert "rate" not in [name for table in found.tables for name in table.columns]


def test_every_figure_is_drawn(tmp_path):
  data = factor_data()
  axes = {"beta": [0.5, 1.0, 4.0, 8.0], "seed": [0, 1]}
  scale = [1, 1, 1, 1, 1, 1, 0, 0]
  found = disentanglement.evaluate(
    opened(data, mixing(data), axes, scale=scale), data, KEY, FEW
  )
  names = [figure.name for figure in found.figures]
  assert names == [
    "scores", "mig", "information_1", "information_2", "information_3", "importance",
    "traversal_1", "traversal_2", "traversal_3",
  ]  # fmt: skip
  curves = found.figures[0].data["series"]
  assert curves["MIG"]["y"] == pytest.approx([1, 1, 1, 0])
  walk = found.figures[names.index("traversal_1")].data
  assert [name.split(" · ")[1] for name in walk["rows"]] == ["c 1.00", "a 1.00", "b 1.00"]
  assert walk["images"].shape == (3, 9, 3)
  report.save(found, tmp_path)
  for name in names:
    path = tmp_path / "figures" / f"disentanglement_{name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_two_swept_numbers_are_a_curve_each():
  data = factor_data()
  axes = {"beta": [1.0, 4.0], "learning_rate": [0.001, 0.01], "seed": [0, 1]}
  run = opened(data, mixing(data), axes, scale=[1, 1, 0, 0, 1, 1, 0, 0])
  figures = disentanglement.evaluate(run, data, KEY, NONE).figures
  assert "scores" not in [figure.name for figure in figures]
  series = next(figure for figure in figures if figure.name == "mig").data["series"]
  assert list(series) == ["learning_rate 0.001", "learning_rate 0.01"]
  assert series["learning_rate 0.001"]["y"] == pytest.approx([1, 1])
  assert series["learning_rate 0.01"]["y"] == [0, 0]
  assert series["learning_rate 0.01"]["points"] == [(1, 0), (1, 0), (4, 0), (4, 0)]


def test_what_cannot_be_scored_is_refused_before_anything_is_computed():
  data = factor_data(known=False)
  refuse = bind(data, lambda params, x: 1 / 0, lambda params, z: 1 / 0, 3)
  with pytest.raises(UserError, match="causes of made are not known"):
    disentanglement.evaluate(opened(data, refuse), data, KEY, {})
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
      disentanglement.evaluate(opened(data, refuse), data, KEY, settings)
