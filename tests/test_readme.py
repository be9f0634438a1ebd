"""What the README shows is run: its objective, its links, its file names."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ROOT, tiny

from vae_jax import registry
from vae_jax.data import load
from vae_jax.vae import build

README = (ROOT / "README.md").read_text()


def test_the_objective_it_shows_works_as_one_new_file(tmp_path, monkeypatch):
  """The block is written as a file, found by its name, swept and differentiated."""
  code = next(
    b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "def loss" in b
  )
  (tmp_path / "readme_capacity.py").write_text(code)
  package = (
    sys.modules.get("vae_jax.objectives") or __import__("vae_jax.objectives").objectives
  )
  monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
  names, new = registry.names, ["readme_capacity"]
  with_it = lambda kind: names(kind) + (new if kind == "objectives" else [])
  monkeypatch.setattr(registry, "names", with_it)
  config = tiny(objective={"name": "readme_capacity"}, hyper={"capacity": 3.0})
  assert config["hyper"]["gamma"] == 100.0
  vae = build(config, load(config["data"], None).spec)
  params = vae.init(jax.random.key(0))
  example = {"x": jnp.full((8, 8, 1), 0.3), "id": 0}
  loss = registry.find("objectives", "readme_capacity").loss
  terms = loss(vae, params, example, jax.random.key(1), {"gamma": 100.0, "capacity": 3.0})
  np.testing.assert_allclose(
    terms.loss, terms.distortion + 100 * abs(terms.rate - 3.0), rtol=1e-5
  )


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


@pytest.mark.parametrize("kind", ["models", "objectives", "applications"])
def test_everything_registered_has_a_page(kind):
  for name in registry.names(kind):
    assert (ROOT / "docs" / kind / f"{name}.md").is_file(), f"docs/{kind}/{name}.md"
