"""Molecules by RDKit and selfies, which are optional: parsing, forms, properties, pictures.

This file is the one place that imports them.
"""

import functools
import importlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_jax.types import UserError

BITS, RADIUS = 1024, 2  # of a Morgan fingerprint
DESCRIPTORS = ("weight", "logP", "SA", "QED")  # of `descriptors`, in order


def _package(name: str) -> Any:
  """A module of RDKit, silent on what it cannot parse, or of selfies.

  Raises:
    UserError: it is not installed.
  """
  try:
    if name.startswith("rdkit"):
      importlib.import_module("rdkit.RDLogger").DisableLog("rdApp.*")
    return importlib.import_module(name)
  except ImportError as error:
    raise UserError(
      f"Molecules need the package {name.split('.')[0]}; install the extra: pip install"
      " 'vae-jax[chem]'."
    ) from error


def require() -> None:
  """Refuses to go on without RDKit and selfies, before anything is computed.

  Raises:
    UserError: one is not installed.
  """
  _package("rdkit.Chem")
  _package("selfies")


def molecule(smiles: str) -> Any:
  """RDKit's molecule of a SMILES, None where it is not valid.

  Valid is what RDKit parses and sanitises: brackets, rings and valences are right, and there is
  an atom.
  """
  found = _package("rdkit.Chem").MolFromSmiles(smiles)
  return None if found is None or found.GetNumAtoms() == 0 else found


def canonical(smiles: str) -> str:
  """RDKit's canonical SMILES; empty where it is not valid."""
  found = molecule(smiles)
  return "" if found is None else _package("rdkit.Chem").MolToSmiles(found)


def to_selfies(smiles: str) -> str:
  """The SELFIES of a SMILES; empty where selfies refuses it (Krenn et al., 2020)."""
  selfies = _package("selfies")
  try:
    return selfies.encoder(smiles)
  except selfies.EncoderError:
    return ""


def from_selfies(text: str) -> str:
  """The SMILES of a SELFIES; of symbols that selfies knows it is always valid."""
  selfies = _package("selfies")
  try:
    return selfies.decoder(text)
  except selfies.DecoderError:
    return ""


def symbols(text: str) -> tuple[str, ...]:
  """The symbols of a SELFIES."""
  return tuple(_package("selfies").split_selfies(text))


def alphabet() -> tuple[str, ...]:
  """The symbols of SELFIES that respect the default valences, sorted."""
  return tuple(sorted(_package("selfies").get_semantic_robust_alphabet()))


def scaffold(smiles: str) -> str:
  """The Murcko scaffold as SMILES, empty without a ring. Bemis & Murcko (1996)."""
  found = molecule(smiles)
  module = _package("rdkit.Chem.Scaffolds.MurckoScaffold")
  return "" if found is None else module.MurckoScaffoldSmiles(mol=found)


def fingerprints(smiles: Sequence[str]) -> np.ndarray:
  """Morgan fingerprints of radius 2, [N, BITS] bool. Rogers & Hahn (2010)."""
  made = _generator()
  rows = [made.GetFingerprintAsNumPy(molecule(one)) for one in smiles]
  return np.asarray(rows, bool).reshape(len(rows), BITS)


@functools.cache
def _generator() -> Any:
  module = _package("rdkit.Chem.rdFingerprintGenerator")
  return module.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def descriptors(smiles: Sequence[str]) -> np.ndarray:
  """Weight in daltons, Crippen's logP, SA (1 easy, 10 hard) and QED of each, [N, 4].

  Ertl & Schuffenhauer (2009) for SA, Bickerton et al. (2012) for QED.
  """
  weight = _package("rdkit.Chem.Descriptors").MolWt
  logp = _package("rdkit.Chem.Crippen").MolLogP
  qed = _package("rdkit.Chem.QED").qed
  rows = []
  for one in map(molecule, smiles):
    rows.append((weight(one), logp(one), synthetic(one), qed(one)))
  return np.asarray(rows, float).reshape(-1, len(DESCRIPTORS))


def synthetic(molecule: Any) -> float:
  """The synthetic accessibility of Ertl & Schuffenhauer (2009): 1 easy, 10 hard."""
  return float(_package("rdkit.Contrib.SA_Score.sascorer").calculateScore(molecule))


def qed(smiles: str) -> float:
  """The quantitative estimate of drug-likeness, 0 to 1. Bickerton et al. (2012)."""
  return float(_package("rdkit.Chem.QED").qed(molecule(smiles)))


def plogp(smiles: str) -> float:
  """Penalised logP, not normalised: logP - SA - the atoms of the largest ring above six.

  Gomez-Bombarelli et al. (2018), whose three terms are standardised on ZINC; Kusner et al. (2017).
  """
  one = molecule(smiles)
  rings = [len(ring) for ring in one.GetRingInfo().AtomRings()]
  logp = _package("rdkit.Chem.Crippen").MolLogP(one)
  return float(logp - synthetic(one) - max(0, max(rings, default=0) - 6))


def picture(smiles: str, size: int = 160) -> np.ndarray:
  """The structure drawn in the plane, [size, size, 3] in [0, 1]; a blank of an invalid one."""
  from PIL import Image

  one = molecule(smiles)
  if one is None:
    return np.ones((size, size, 3), np.float32)
  canvas = _package("rdkit.Chem.Draw.rdMolDraw2D").MolDraw2DCairo(size, size)
  canvas.drawOptions().padding = 0.12
  canvas.DrawMolecule(one)
  canvas.FinishDrawing()
  shown = Image.open(io.BytesIO(canvas.GetDrawingText())).convert("RGB")
  return np.asarray(shown, np.float32) / 255


def sdf(smiles: Sequence[str], values: Sequence[dict[str, Any]]) -> str:
  """The molecules as an SDF with plane coordinates, and their values as its fields."""
  chem, depict = _package("rdkit.Chem"), _package("rdkit.Chem.rdDepictor")
  blocks = []
  for one, fields in zip(smiles, values, strict=True):
    made = molecule(one)
    depict.Compute2DCoords(made)
    made.SetProp("_Name", one)
    told = "".join(f">  <{name}>\n{value}\n\n" for name, value in fields.items())
    blocks.append(f"{chem.MolToMolBlock(made)}{told}$$$$\n")
  return "".join(blocks)
