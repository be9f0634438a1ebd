"""The documents become a site without a dead link, as CI builds it."""

import subprocess
import sys

import pytest
from helpers import ROOT

pytestmark = pytest.mark.slow


def test_the_site_is_built_strictly(tmp_path):
  pytest.importorskip("material", reason="pip install -e .[docs]")
  pytest.importorskip("mkdocstrings", reason="pip install -e .[docs]")
  done = subprocess.run(
    [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
    cwd=ROOT, capture_output=True, text=True, check=False,
  )  # fmt: skip
  assert done.returncode == 0, done.stderr[-3000:]
  reference = (tmp_path / "reference/python/index.html").read_text()
  assert "vae_jax.api.fitting.fit" in reference  # generated from the docstrings
