"""A user's own molecules: a head on their codes, and proposals that score higher by it."""

from typing import Any

import numpy as np

from vae_jax.applications.molecules import _search, _showing
from vae_jax.evaluation.protocol import Extra
from vae_jax.inference import gaussian_process as gp
from vae_jax.inputs import molecules as inputs
from vae_jax.metrics import chemistry
from vae_jax.metrics import molecules as metrics
from vae_jax.run import Run, select
from vae_jax.studies.sections import Part
from vae_jax.types import Figure, Table

FOLDS = 5
POINTS = (
  1000  # molecules of the file that the head is fitted on at most: the cube is its cost
)
STARTS = 50  # of the best molecules, that proposals start from


def read(settings: dict[str, Any], run: Run) -> inputs.Given:
  """The file of the setting `input` with the column of the setting `property`."""
  return inputs.read(settings["input"], settings["property"], run)


def proposals(part: Part) -> Extra:
  """New molecules near the best ones of the file, by a head on z that was tested by scaffold."""
  if not part.coded:
    return Extra(
      findings=["A language model has no code that a property could be read from."]
    )
  s, run = part.settings, select(part.lead.run, part.lead.place)
  given = read(s, run)
  coder = _search.Coder(run, s["batch"])
  sign = 1.0 if s["goal"] == "high" else -1.0
  y = sign * given.values
  rows = np.random.default_rng(0).permutation(len(y))[:POINTS]
  z = coder.encode(given.x)
  prints = chemistry.fingerprints(given.smiles).astype(float)
  folds = _by_scaffold([given.smiles[i] for i in rows])
  heads = {"Gaussian process on z": z, "Gaussian process on fingerprints": prints}
  found = {name: _tested(x[rows], y[rows], folds) for name, x in heads.items()}
  table = Table(
    "Heads on the file's molecules",
    ("head", "R², other scaffolds", "mean absolute error"),
    [[name, *values] for name, values in found.items()],
    f"{FOLDS} folds; no scaffold is in two of them. An R² of 0 is the mean of the file: proposals"
    " of such a head are guesses.",
  )
  lines, smiles = _proposed(coder, given, z, y, rows, sign, s["top"])
  head = [
    "smiles",
    s["property"],
    "sd",
    "similarity",
    "nearest in file",
    f"its {s['property']}",
  ]
  arrays = {
    "proposals.csv": np.array([head, *lines], object),
    "proposals.sdf": np.array(
      chemistry.sdf(smiles, [dict(zip(head, line, strict=True)) for line in lines])
    ),
  }
  told = (
    f"{len(lines)} proposals for {given.name} are in proposals.csv and proposals.sdf beside this"
    f" report: valid, neither in the file nor in train, by the head's {s['property']}"
    f" ({s['goal']} is sought). {len(given.smiles):,} molecules of the file were read,"
    f" {given.left_out:,} left out: no number, unknown symbols, or too long. What the head says"
    " of a proposal is no measurement."
  )
  figures = []
  if smiles:
    images = np.stack([chemistry.picture(one) for one in smiles[:10]])[None]
    above = [f"{line[1]}" for line in lines[:10]]
    data = {"images": images, "columns": above}
    caption = f"Proposals with the {s['property']} that the head expects of them."
    figures = [Figure("proposals", "image_grid", data, caption)]
  shown = Table("Proposals", tuple(head), lines, "")
  return Extra([table, shown] if lines else [table], figures, [told], arrays)


def _proposed(
  coder: _search.Coder,
  given: inputs.Given,
  z: np.ndarray,
  y: np.ndarray,
  rows: np.ndarray,
  sign: float,
  count: int,
) -> tuple[list[list], list[str]]:
  """Rows of the csv and the SMILES of proposals: the head's best, by a lower bound of its mean."""
  head, rng = gp.fit(z[rows], y[rows]), np.random.default_rng(0)
  top = np.argsort(-y)[:STARTS]
  codes = z[top][rng.integers(len(top), size=2000)]
  codes = codes + rng.choice([0.1, 0.25, 0.5], (len(codes), 1)) * rng.normal(
    size=codes.shape
  )
  codes = gp.ascend(head, codes, steps=20, rate=0.03)
  known, run = set(given.smiles), coder.run
  train = _showing.known_of(run)
  forms = dict.fromkeys(map(chemistry.canonical, coder.decode(codes)))
  new = {s: row for s in forms if s and s not in known and s not in train
         and (row := _search.read(s, coder)) is not None}  # fmt: skip
  if not new:
    return [], []
  mean, std = gp.predict(head, coder.encode(np.stack([*new.values()])))
  order = np.argsort(-(mean - std))[:count]
  smiles = [[*new][i] for i in order]
  near = metrics.tanimoto(
    chemistry.fingerprints(smiles), chemistry.fingerprints(given.smiles)
  )
  lines = []
  for one, i, like in zip(smiles, order, near, strict=True):
    j = int(like.argmax())
    numbers = f"{sign * mean[i]:.4g}", f"{std[i]:.3g}", f"{like[j]:.2f}"
    lines.append([one, *numbers, given.smiles[j], f"{given.values[j]:.4g}"])
  return lines, smiles


def _by_scaffold(smiles: list[str]) -> np.ndarray:
  """The fold of each molecule: those of one Murcko scaffold are together, [N]."""
  names = [chemistry.scaffold(one) or one for one in smiles]  # without a ring: its own
  place = {name: i for i, name in enumerate(dict.fromkeys(names))}
  return np.array([place[name] % FOLDS for name in names])


def _tested(x: np.ndarray, y: np.ndarray, folds: np.ndarray) -> tuple[float, float]:
  """R² and the mean absolute error of the head over folds."""
  guess = np.empty(len(y))
  for fold in np.unique(folds):
    held = folds == fold
    guess[held] = gp.predict(gp.fit(x[~held], y[~held]), x[held])[0]
  left = np.square(y - guess).sum() / max(np.square(y - y.mean()).sum(), 1e-12)
  return float(1 - left), float(np.abs(y - guess).mean())
