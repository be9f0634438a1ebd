"""Denoisers side by side: what a member was trained on, and which row it stands in."""

import functools

import jax
import numpy as np
import pytest
from test_restoration import FEW, column, images, open_exact

from vae_jax import config as configuration
from vae_jax.applications import _denoisers, _restored, noise_reduction
from vae_jax.training import sweep
from vae_jax.types import UserError

SHARES = [0.05, 0.1, 0.25, 0.5]


def exact(corruption, rates, first=0, **members):
  """The true model as if it had been trained at these rates; worse the further they are."""
  run = open_exact(images(), axes={"corruption_rate": rates, **members})
  count = len(run.members)
  rows = [{**row, "corruption.name": corruption["name"]} for row in run.members]
  rows = [{**row, "corruption.vary": corruption.get("vary")} for row in rows]
  scale = np.linspace(1.0, 0.5, count).astype(np.float32)
  return run._replace(
    config={**run.config, "corruption": corruption}, members=rows,
    params={"scale": scale}, numbers=list(range(first, first + count)),
  )  # fmt: skip


@functools.cache
def compared():
  runs = [
    exact({"name": "uniform", "vary": False}, SHARES),
    exact({"name": "uniform", "vary": True}, [0.6], 4),
    exact({"name": "none"}, [0.0], 5),
  ]
  settings = FEW | {"scale": 0.02, "map_steps": 40, "epochs": 1}
  return runs, noise_reduction.compare(runs, images(), jax.random.key(3), settings)


def test_what_a_member_was_trained_on():
  runs, _ = compared()
  names = [_restored.trained_on(run, m) for run in runs for m in range(len(run.members))]
  assert names == ["5 %", "10 %", "25 %", "50 %", "0 to 60 %", "clean"]
  masked = exact({"name": "holes", "vary": True}, [0.95])
  assert _restored.trained_on(masked, 0) == "holes 0 to 95 %"


def test_each_column_is_of_the_denoiser_trained_at_it():
  _, found = compared()
  table = found.tables[0]
  assert table.columns == ("trained on", "method", "n", "5 %", "10 %", "25 %", "50 %")
  rows = {(row[0], row[1]): row[3:] for row in table.rows}
  kinds = ["the share itself", "0 to 60 %", "clean", "baseline"]
  assert list(dict.fromkeys(row[0] for row in table.rows)) == kinds
  psnr = found.tables[1]
  at, share = psnr.columns.index("method"), psnr.columns.index("trained on")
  for method in (noise_reduction.ONCE, noise_reduction.MAP):
    for i, name in enumerate(table.columns[3:]):
      row = next(r for r in psnr.rows if r[at] == method and r[share] == name)
      assert rows["the share itself", method][i] == row[psnr.columns.index(name)]
    clean = next(r for r in psnr.rows if r[at] == method and r[share] == "clean")
    assert rows["clean", method] == clean[-5:-1]
  assert ("baseline", "supervised network, blended") in rows


def test_baselines_are_computed_and_shown_once():
  _, found = compared()
  psnr = found.tables[1]
  at = psnr.columns.index("method")
  assert sum(row[at] == "linear Wiener" for row in psnr.rows) == 1
  assert sum(row[at] == "latent MAP" for row in psnr.rows) == 6
  assert column(psnr, "noisy image", "5 %") > column(psnr, "noisy image", "50 %")
  assert len({figure.name for figure in found.figures}) == len(found.figures)


def test_a_picture_is_of_the_denoiser_of_its_share():
  _, found = compared()
  for share in SHARES:
    name = f"program0_noisy_{share:g}"
    caption = next(f.caption for f in found.figures if f.name == name)
    assert f"trained on {100 * share:g} %" in caption


def test_the_sentences_compare_and_name_what_does_not_belong():
  _, found = compared()
  spoken = [text for text in found.findings if "each by the best" in text]
  assert len(spoken) == 4
  assert all("the share itself" in t and "clean" in t for t in spoken)
  assert all("the best baseline, " in text for text in spoken)
  assert found.findings == spoken  # and not each program's own beside them
  assert not any("mnist_denoising.py:all" in text for text in found.findings)
  odd = exact({"name": "uniform", "vary": False}, [0.05, 0.15])
  scored = [s for r, s in _groups_of(odd)]
  said = _denoisers.findings(_denoisers.grouped([(odd, scored)]), noise_reduction.NAMES)
  assert any("15 % match none" in text for text in said)
  assert any("mnist_denoising.py:all" in text for text in said)
  masked = exact({"name": "holes", "vary": True}, [0.95])
  groups = _denoisers.grouped([(odd, scored), (masked, [s for _, s in _groups_of(masked)])])
  said = _denoisers.findings(groups, noise_reduction.NAMES)
  assert any("another corruption" in text and "holes 0 to 95 %" in text for text in said)
  alone = _denoisers.grouped([(masked, [s for _, s in _groups_of(masked)])])
  assert _denoisers.table(alone, noise_reduction.NAMES) is None
  assert _denoisers.findings(alone, noise_reduction.NAMES) == []
  assert _denoisers.compares(groups)
  assert not _denoisers.compares(alone)


def test_seeds_are_averaged_and_other_settings_are_rows():
  run = exact({"name": "uniform", "vary": False}, [0.05], seed=[0, 1], beta=[1.0, 4.0])
  scored = [s for _, s in _groups_of(run)]
  table = _denoisers.table(_denoisers.grouped([(run, scored)]), noise_reduction.NAMES)
  assert [row[0] for row in table.rows] == [
    "the share itself, beta 1", "the share itself, beta 4"
  ]  # fmt: skip
  assert [row[2] for row in table.rows] == [2, 2]
  assert table.rows[0][4:] == [None] * 3  # no member was trained at the other shares
  of_beta = [
    s.means["psnr"][0] for s in scored if run.members[s.answer.member]["beta"] == 1
  ]
  assert table.rows[0][3] == pytest.approx(np.mean(of_beta))


def _groups_of(run):
  """Answers of every member with its number as their score."""
  shared = noise_reduction.shared
  for m in range(len(run.members)):
    answer = shared.Answer(m, noise_reduction.MAP, np.zeros((4, 1, 8, 8, 1)), 0.0)
    yield run, shared.Scored(answer, {"psnr": np.arange(4.0) + m}, np.zeros(4))


def test_one_command_trains_the_four_and_another_all_six():
  four = configuration.load("configs/mnist_denoising.py", {})
  assert [row["corruption_rate"] for row in sweep.members(four)] == SHARES
  assert len(sweep.parts(four)) == 1
  six = configuration.load("configs/mnist_denoising.py:all", {})
  parts = sweep.parts(six)
  assert [len(part.rows) for part in parts] == [4, 1, 1]
  assert [p.config["corruption"]["name"] for p in parts] == ["uniform", "uniform", "none"]
  assert [p.config["corruption"].get("vary") for p in parts] == [False, True, None]
  with pytest.raises(UserError, match="clean"):
    configuration.load("configs/mnist_denoising.py:clean,range", {})
