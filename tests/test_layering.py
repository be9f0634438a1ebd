"""Imports go down only, heavy packages have one home each, and every file says what it is."""

import ast
import pathlib
import subprocess
import sys

import pytest

from vae_jax import registry

PACKAGE = pathlib.Path(__file__).parent.parent / "vae_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
LEVELS = {
  "types": 0,
  "files": 0,
  "interrupt": 0,
  "ranges": 0,
  "last_word": 0,
  "registry": 0,
  "flags": 0,
  "own": 0,
  **dict.fromkeys(
    (
      "distributions",
      "families",
      "likelihoods",
      "noise",
      "corruptions",
      "schedules",
      "layers",
      "columns",
      "inference",
      "linalg",
      "spectra",
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
  **dict.fromkeys(("training", "run", "asking"), 3),
  "inputs": 3,
  "codec": 4,
  "evaluation": 4,
  "studies": 5,
  "applications": 6,
  **dict.fromkeys(("plots", "report"), 7),
  "evaluating": 8,
  "frames": 8,
  "explore": 8,
  **dict.fromkeys(("api", "cli"), 9),
}
HOMES = {
  "rdkit": {"metrics/chemistry.py"},
  "selfies": {"metrics/chemistry.py"},
  "pretty_midi": {"metrics/midi.py"},
  "matplotlib": {"plots/_canvas.py", "data/glyphs.py"},
  "orbax": {"training/checkpoint.py"},
  "tensorflow_datasets": {"data/tfds.py"},
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
    own = LEVELS.get(".".join(parts), LEVELS[parts[0]])
    assert LEVELS[target] <= own, f"{name(path)} imports {dotted}, upwards"


def private(path: pathlib.Path, tree: ast.Module) -> set[str]:
  """Names with a leading underscore that a file takes from another package of vae_jax."""
  own = path.relative_to(PACKAGE).with_suffix("").parts[0]
  found, aliases = set(), set()
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      taken = {alias.name: alias.asname for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      taken = {f"{node.module}.{a.name}": a.asname or a.name for a in node.names}
    else:
      continue
    for dotted, alias in taken.items():
      root, *parts = dotted.split(".")
      if root == "vae_jax" and parts[:1] != [own]:
        aliases.add(alias)
        found |= {dotted} if any(p[0] == "_" for p in parts) else set()
  for node in ast.walk(tree):
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
      public = ("_replace", "_fields", "_make", "_asdict")  # of a NamedTuple
      hidden = node.attr.startswith("_") and not node.attr.startswith("__")
      if node.value.id in aliases and hidden and node.attr not in public:
        found.add(f"{node.value.id}.{node.attr}")
  return found


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_package_uses_the_private_names_of_another(path):
  assert private(path, ast.parse(path.read_text())) == set()


@pytest.mark.parametrize(
  ("line", "refused"),
  [
    ("from vae_jax.data import _bits", {"vae_jax.data._bits"}),
    ("from vae_jax.data.arrays import _read as read", {"vae_jax.data.arrays._read"}),
    ("from vae_jax.data._bits import unpack", {"vae_jax.data._bits.unpack"}),
    ("import vae_jax.data._bits", {"vae_jax.data._bits"}),
    ("def f():\n  from vae_jax import data\n  data._check.dataset(0)", {"data._check"}),
    ("from vae_jax.plots import _panels", set()),
    ("from vae_jax.types import Run\nRun._fields", set()),
  ],
)
def test_private_names_are_seen_however_they_are_imported(line, refused):
  assert private(PACKAGE / "plots" / "x.py", ast.parse(line)) == refused


@pytest.mark.parametrize(
  "folder",
  ["models", "objectives", "priors", "posteriors", "applications", "likelihoods"],
)
def test_members_of_a_folder_never_import_one_another(folder):
  registered = set(registry.names(folder))
  for path in (PACKAGE / folder).rglob("*.py"):
    member = (
      path.relative_to(PACKAGE / folder).with_suffix("").parts[0]
    )  # a file or a folder
    for dotted in imports(path):
      target = dotted.removeprefix(f"vae_jax.{folder}.").split(".")[0]
      other = dotted.startswith(f"vae_jax.{folder}.") and target in registered - {member}
      assert not other, f"{name(path)} imports {dotted}"


def test_a_member_of_a_folder_may_be_a_folder_itself():
  assert "text" in registry.names("applications")
  assert registry.find("applications", "text").__file__.endswith("text/__init__.py")


@pytest.mark.parametrize("package", HOMES)
def test_heavy_packages_are_imported_in_one_place(package):
  homes = {
    name(path) for path in FILES if any(d.split(".")[0] == package for d in imports(path))
  }
  assert homes <= HOMES[package]


def test_import_pulls_in_nothing_optional():
  code = (
    "import sys, vae_jax, vae_jax.training.loop, vae_jax.asking;"
    "print([m for m in ('tensorflow', 'matplotlib', 'tensorflow_datasets', 'sklearn', 'torch')"
    " if m in sys.modules])"
  )
  out = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("loaded", [False, True])
def test_logs_for_tensorboard_without_pytorch_where_it_is_installed(tmp_path, loaded):
  """A package `torch` that tells when it is imported; loaded before by the user, it stays."""
  for package in ("torch", "comet_ml", "boto3"):
    (tmp_path / f"{package}.py").write_text(f"print('imported {package}')\nTensor = float")
  code = f"""
import pathlib, sys
sys.path.insert(0, {str(tmp_path)!r})
{"import torch" if loaded else ""}
from vae_jax.training import logging
assert ("torch" in sys.modules) == {loaded}
log = logging.Log(pathlib.Path({str(tmp_path)!r}), 0, [{{"beta": 4.0, "seed": 7}}])
log.write([{{"step": 3, "split": "train", "member": 0, "loss": 1.5}}])
log.close()
assert ("torch" in sys.modules) == {loaded}
import torch  # afterwards it is there for whoever wants it
"""
  command = [sys.executable, "-c", code]
  out = subprocess.run(command, capture_output=True, text=True, check=True)
  assert out.stdout.split("\n") == ["imported torch", ""]
  (events,) = (tmp_path / "tensorboard").iterdir()
  assert b"train/loss/beta_4_seed_7" in events.read_bytes()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_and_functions_fit_a_screen(path):
  text = path.read_text()
  assert text.count("\n") <= 350
  for node in ast.walk(ast.parse(text)):
    if isinstance(node, ast.FunctionDef):
      assert node.end_lineno - node.lineno < 60, f"{node.name} in {name(path)}"
