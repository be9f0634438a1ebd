"""Denoisers side by side: what a member was trained on, and which row it stands in."""

import functools

import numpy as np
import pytest
from helpers import evaluated, means
from test_restoration import FEW, images, open_exact

from vae_jax import config as configuration
from vae_jax.applications import noise_reduction
from vae_jax.evaluation import members as of_members
from vae_jax.studies import restoration
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
  return runs, evaluated("noise_reduction", runs, settings)


def members_of(runs):
  return of_members.of(runs, [0] * len(runs))


@pytest.mark.slow
def test_what_a_member_was_trained_on():
  runs, _ = compared()
  names = [restoration.trained_on(m.run, m.place) for m in members_of(runs)]
  assert names == ["5 %", "10 %", "25 %", "50 %", "0 to 60 %", "clean"]
  masked = exact({"name": "holes", "vary": True}, [0.95])
  assert restoration.trained_on(masked, 0) == "holes 0 to 95 %"


def test_each_column_is_of_the_denoiser_trained_at_it():
  _, found = compared()
  table = found.tables[0]
  assert table.columns[:4] == ("trained on", "method", "told", "seeds")
  kinds = dict.fromkeys(row[0] for row in table.rows)
  assert [k for k in kinds if k] == ["the share itself", "0 to 60 %", "clean"]
  rows = {(row[0], row[1]): row for row in table.rows}
  for method in (noise_reduction.ONCE, noise_reduction.MAP):
    for share, name in zip(SHARES, noise_reduction.NAMES, strict=True):
      own = means(found, "psnr", corruption_rate=share)[method, name]
      assert rows["the share itself", method][table.columns.index(name)] == own
      clean = means(found, "psnr", corruption_rate=0.0)[method, name]
      assert rows["clean", method][table.columns.index(name)] == clean


def test_baselines_are_computed_and_shown_once():
  _, found = compared()
  psnr, at = found.tables[0], found.tables[0].columns.index("method")
  assert sum(row[at] == "linear Wiener" for row in psnr.rows) == 1
  assert sum(row[at] == "latent MAP" for row in psnr.rows) == 3
  noisy = means(found, "psnr")
  assert noisy["noisy image", "5 %"] > noisy["noisy image", "50 %"]
  assert len({figure.name for figure in found.figures}) == len(found.figures)


def test_the_verdict_is_of_one_kind_of_training_chosen_on_validation():
  _, found = compared()
  assert len(found.verdicts) == 4
  assert len({v["setting"]["trained on"] for v in found.verdicts}) == 1
  assert not any("mnist_denoising.py:all" in text for text in found.findings)
  odd = exact({"name": "uniform", "vary": False}, [0.05, 0.15])
  setting = noise_reduction.grouping(members_of([odd]))
  # Without a network for every share each is a setting of its own, under every condition.
  kinds = {setting(member, "50 %")[0] for member in members_of([odd])}
  assert kinds == {("trained on", "5 %"), ("trained on", "15 %")}


def test_seeds_are_one_line_and_other_settings_are_lines():
  run = exact({"name": "uniform", "vary": False}, SHARES, seed=[0, 1], beta=[1.0, 4.0])
  members = members_of([run])
  setting = noise_reduction.grouping(members)
  found = [m for m in members if setting(m, "5 %") is not None]
  assert len(found) == 4
  assert {setting(member, "5 %") for member in found} == {
    (("trained on", "the share itself"), ("beta", 1.0)),
    (("trained on", "the share itself"), ("beta", 4.0)),
  }


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
