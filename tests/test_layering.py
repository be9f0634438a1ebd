"""Imports go down only, heavy packages have one home each, and every file says what it is."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "vae_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
LEVELS = {
  "types": 0,
  "registry": 0,
  "flags": 0,
  **dict.fromkeys(
    (
      "distributions",
      "families",
      "likelihoods",
      "noise",
      "order",
      "corruptions",
      "schedules",
      "layers",
      "latent_map",
      "observations",
      "sums",
      "tabular",
      "_bernoulli",
    ),
    1,
  ),
  "metrics": 1,
  **dict.fromkeys(
    (
      "models",
      "objectives",
      "priors",
      "posteriors",
      "data",
      "baselines",
      "vae",
      "latents",
      "config",
    ),
    2,
  ),
  **dict.fromkeys(("training", "run"), 3),
  "applications": 4,
  **dict.fromkeys(("plots", "report"), 5),
  "evaluating": 6,
}
HOMES = {
  "matplotlib": {"plots/_canvas.py"},
  "orbax": {"training/checkpoint.py"},
  "tensorflow_datasets": {"data/tfds.py", "data/_prepare.py"},
}


def imports(path: pathlib.Path) -> set[str]:
  """The dotted names a file imports, anywhere in it."""
  found = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      found |= {f"{node.module}.{alias.name}" for alias in node.names}
  return found


def name(path: pathlib.Path) -> str:
  return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_down(path):
  parts = path.relative_to(PACKAGE).with_suffix("").parts
  if parts == ("__init__",):
    return
  for dotted in imports(path):
    if not dotted.startswith("vae_jax."):
      continue
    target = dotted.split(".")[1]
    assert target in LEVELS, f"{dotted} has no level"
    assert LEVELS[target] <= LEVELS[parts[0]], f"{name(path)} imports {dotted}, upwards"


@pytest.mark.parametrize(
  "folder", ["models", "objectives", "priors", "posteriors", "applications"]
)
def test_members_of_a_folder_never_import_one_another(folder):
  registered = {p.stem for p in (PACKAGE / folder).glob("*.py") if p.stem[0] != "_"}
  for path in (PACKAGE / folder).glob("*.py"):
    for dotted in imports(path):
      target = dotted.removeprefix(f"vae_jax.{folder}.").split(".")[0]
      assert not (dotted.startswith(f"vae_jax.{folder}.") and target in registered), dotted


@pytest.mark.parametrize("package", HOMES)
def test_heavy_packages_are_imported_in_one_place(package):
  homes = {
    name(path) for path in FILES if any(d.split(".")[0] == package for d in imports(path))
  }
  assert homes <= HOMES[package]


def test_import_pulls_in_nothing_optional():
  code = (
    "import sys, vae_jax, vae_jax.training.loop, vae_jax.run;"
    "print([m for m in ('tensorflow', 'matplotlib', 'tensorflow_datasets', 'sklearn', 'torch')"
    " if m in sys.modules])"
  )
  out = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_and_functions_fit_a_screen(path):
  text = path.read_text()
  assert text.count("\n") <= 350
  for node in ast.walk(ast.parse(text)):
    if isinstance(node, ast.FunctionDef):
      assert node.end_lineno - node.lineno < 60, f"{node.name} in {name(path)}"
