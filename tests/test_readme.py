"""What the README shows is run: its objective, its links, its file names."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ROOT, tiny

import vae_jax.objectives
from vae_jax import registry
from vae_jax.data import load
from vae_jax.training import sweep
from vae_jax.vae import build

README = (ROOT / "README.md").read_text()


def test_the_objective_it_shows_works_as_one_new_file(tmp_path, monkeypatch):
  """The block is written as a file, found by its name, swept and differentiated."""
  code = next(
    b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "def loss" in b
  )
  (tmp_path / "rate_target.py").write_text(code)
  folders = [*vae_jax.objectives.__path__, str(tmp_path)]
  monkeypatch.setattr(vae_jax.objectives, "__path__", folders)
  config = tiny(objective={"name": "rate_target"}, sweep={"target": [3.0, 5.0]})
  assert config["hyper"]["target"] == 10.0
  assert len(sweep.parts(config)) == 1
  vae = build(config, load(config["data"], None).spec)
  params = vae.init(jax.random.key(0))
  example = {"x": jnp.full((8, 8, 1), 0.3), "id": 0}
  loss = registry.find("objectives", "rate_target").loss
  terms = loss(vae, params, example, jax.random.key(1), {"weight": 2.0, "target": 3.0})
  expected = terms.distortion + 2.0 * (terms.rate - 3.0) ** 2
  np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)
  sys.modules.pop("vae_jax.objectives.rate_target")


def test_every_file_the_documents_name_is_there():
  pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
  for page in pages:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
      if not link.startswith("http"):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"
  for name in re.findall(r"configs/\w+\.py", README):
    assert (ROOT / name).is_file(), name


def test_no_document_names_an_unfinished_thing():
  assert "TODO" not in README
  assert not re.search(r"\b[A-Z]+_(RESULTS|TABLE)\b", README)


@pytest.mark.parametrize(
  "kind", ["models", "objectives", "priors", "posteriors", "applications"]
)
def test_everything_registered_has_a_page(kind):
  for name in registry.names(kind):
    assert (ROOT / "docs" / kind / f"{name}.md").is_file(), f"docs/{kind}/{name}.md"
