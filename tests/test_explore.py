"""The explorer's page: what is on it, what is refused, and where it is linked from."""

import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from explored import IMAGE, codes, embedded, sentences, three_members, unpacked
from helpers import ROOT
from scipy.stats import kstest, ortho_group

from vae_jax import explore
from vae_jax import vae as models
from vae_jax.explore import network
from vae_jax.explore import page as explore_page
from vae_jax.report import page as report_page
from vae_jax.types import UserError


@pytest.fixture(scope="module")
def sweep():
  """Three members on images with three classes: two seeds of a β, and another β."""
  return three_members()


def test_sixteen_bits_are_off_by_half_a_step():
  values = np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 1e-4, 0.0]
  step = np.abs(values).max(0) / 32767
  off = np.abs(unpacked(network.tensor(values)) - values)
  assert (off <= 0.501 * step).all()


def test_the_planes_are_of_the_busiest_latents_and_of_the_most_variance():
  rng = np.random.default_rng(0)
  means = (
    rng.normal(size=(200, 4))
    @ np.diag([1.0, 3.0, 0.1, 2.0])
    @ ortho_group.rvs(4, random_state=rng)
  )
  two, main = explore_page.planes(means, np.asarray([3, 1, 0, 2]))
  assert two["axes"] == [[0, 0, 0, 1], [0, 1, 0, 0]]
  assert two["names"] == ["latent 4", "latent 2"]
  _, vectors = np.linalg.eigh(np.cov(means.T))
  products = np.abs(np.asarray(main["axes"]) @ vectors[:, ::-1])
  np.testing.assert_allclose(products, np.eye(2, 4), atol=1e-6)
  np.testing.assert_allclose(main["point"], means.mean(0), atol=1e-6)
  assert explore_page.planes(means[:, :1], np.asarray([0])) == []


def test_the_page_is_whole_and_holds_a_seed_of_each_setting(sweep, tmp_path):
  path = explore.write([sweep], tmp_path)
  text, data = path.read_text(), embedded(path)
  assert [one["name"] for one in data["members"]] == ["β 1", "β 4"]
  for one, member in zip(data["members"], (0, 2), strict=True):
    np.testing.assert_allclose(unpacked(one["codes"]), codes(sweep, member), atol=1e-3)
  for draws in unpacked(data["members"][0]["draws"]).T:  # of the prior
    assert kstest(draws, "norm").pvalue > 1e-3
  assert data["labels"] == sweep.dataset.splits["test"]["label"].tolist()
  assert re.findall(r'(?:src|href)="([^"$]*)"', text) == ["data:,"]
  assert "default-src 'none'" in text
  labelled = set(re.findall(r'for="([^"]+)"', text))
  inputs = set(re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', text))
  assert inputs - labelled == {"invert"}  # which stands within its label
  ids = re.findall(r' id="([^"$]+)"', text)
  assert len(ids) == len(set(ids))


def test_members_may_be_named_and_the_encoder_left_out(sweep, tmp_path):
  path = explore.write([sweep], tmp_path, "2, 1", encoder=False)
  data = embedded(path)
  assert [one["name"] for one in data["members"]] == ["β 4 · seed 0", "β 1 · seed 1"]
  assert data["members"][0]["net"]["encoder"] is None
  assert 'id="file"' not in path.read_text()
  with pytest.raises(UserError, match=r"'3'; expected numbers of the members 0, 1, 2"):
    explore.write([sweep], tmp_path, "3")


def test_the_dead_are_left_out(sweep, tmp_path):
  dead = sweep._replace(ended=["dead at 3", "", ""])
  data = embedded(explore.write([dead, sweep._replace(ended=["dead at 3"] * 3)], tmp_path))
  assert [one["name"] for one in data["members"]] == ["β 1 · seed 1", "β 4 · seed 0"]
  with pytest.raises(UserError, match="are dead"):
    explore.write([sweep._replace(ended=["dead at 3"] * 3)], tmp_path)


def test_a_collapsed_member_has_a_slider_for_every_latent(sweep, tmp_path):
  params = {"model": dict(sweep.params["model"])}
  for part in ("mean", "logvar"):
    params["model"][part] = jax.tree.map(np.zeros_like, sweep.params["model"][part])
  path = explore.write([sweep._replace(params=params)], tmp_path)
  assert "0 of 3 COLLAPSED" in embedded(path)["members"][0]["verdict"]
  assert len(re.findall(r'id="z-0-\d"', path.read_text())) == 3


def test_draws_are_of_the_members_own_prior(sweep, tmp_path):
  """A mixture of two narrow Gaussians, three to one, at 5 and at -5 of every latent."""
  config = {**sweep.config, "prior": {"name": "mixture", "components": 2}}
  mean = np.float32([[5, 5, 5], [-5, -5, -5]])
  own = {"logits": np.log(np.float32([0.75, 0.25])), "mean": mean, "logvar": 0 * mean - 6}
  own = jax.tree.map(lambda x: np.stack([x, 2 * x, 3 * x]), own)
  run = sweep._replace(vae=models.build(config, sweep.spec), config=config)
  run = run._replace(params={**sweep.params, "prior": own})
  path = explore.write([run], tmp_path)
  (first, _) = embedded(path)["members"]
  draws = unpacked(first["draws"])
  np.testing.assert_allclose(np.abs(draws), 5, atol=0.3)
  assert abs((draws[:, 0] > 0).mean() - 0.75) < 0.08
  assert "the variance of its codes" in first["verdict"]  # not the rate from N(0, I)
  labelled = run._replace(vae=run.vae._replace(given=lambda label: run.vae))
  assert 'id="draw"' not in explore.write([labelled], tmp_path).read_text()


def test_discrete_codes_and_large_decoders_are_told_in_a_sentence(sweep, monkeypatch):
  discrete = sweep._replace(vae=sweep.vae._replace(family="discrete"))
  with pytest.raises(UserError, match=r"moves a code along its numbers, .* is discrete"):
    network.check(discrete)
  words = sentences("gru")
  network.check(words)
  monkeypatch.setattr(network, "SMALL", 1000)
  with pytest.raises(UserError, match="million multiplications, more than the 0"):
    network.check(words)


def test_what_cannot_be_shown_is_told_in_a_sentence(sweep, tmp_path, monkeypatch):
  other = {**sweep.config, "model": {"name": "table"}}
  with pytest.raises(
    UserError, match=r"of the models conv, mlp, linear, sentence; .* is one of 'table"
  ):
    explore.write([sweep._replace(config=other)], tmp_path)
  other = {**sweep.config, "likelihood": {"name": "multinomial"}}
  with pytest.raises(UserError, match="has 'multinomial', of which it has no picture"):
    explore.write([sweep._replace(config=other)], tmp_path)
  with pytest.raises(UserError, match=r"have the shape \(8, 7, 2\)"):
    explore.write([sweep._replace(spec=IMAGE._replace(shape=(8, 7, 2)))], tmp_path)
  with pytest.raises(UserError, match="different data"):
    explore.write([sweep, sweep._replace(spec=IMAGE._replace(classes=()))], tmp_path)
  monkeypatch.setattr(explore_page, "LIMIT", 1000)
  with pytest.raises(UserError, match="name fewer members"):
    explore.write([sweep], tmp_path)
  assert not (tmp_path / "explore.html").exists()


def test_the_command_says_what_is_no_run(tmp_path):
  words = [sys.executable, "-m", "vae_jax.explore", str(tmp_path)]
  found = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
  assert found.returncode == 2
  assert found.stderr.startswith("Error: ")
  assert "is no run directory" in found.stderr


def test_the_report_leads_there_only_where_it_is(sweep, tmp_path):
  link = 'href="explore.html"'
  assert link not in report_page.render(tmp_path, "python evaluate.py").read_text()
  assert 'href="report.html"' in explore.write([sweep], tmp_path).read_text()
  assert link in report_page.render(tmp_path, "python evaluate.py").read_text()
