"""Small runs of one posterior, prior or hierarchy each, on the data that applications ask for."""

import pathlib
from typing import Any

from helpers import evaluated

from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.run import Run
from vae_jax.training import loop

FAMILIES: dict[str, dict[str, Any]] = {
  "standard": {},
  "vamp": {"prior": {"name": "vamp", "components": 3}},
  "iaf": {"posterior": {"name": "iaf", "layers": 1, "hidden": 8}},
  "vq": {
    "posterior": {"name": "vq", "entries": 4, "vectors": 2}, "prior": {"name": "uniform"}
  },
  "two_layers": {"model": {"name": "two_layers", "between": 8}},
}  # fmt: skip
DATA: dict[str, dict[str, Any]] = {
  "digits": {
    "data": {"name": "digits", "left_out": "3"},
    "model": {"name": "mlp", "latents": 4, "hidden": [16]},
    "likelihood": {"name": "discretised_logistic", "levels": 17},
  },
  "sprites": {
    "data": {
      "name": "sprites", "side": 16, "scales": 3, "orientations": 4, "positions": 6,
      "test": 300, "valid": 300,
    },
    "model": {"name": "mlp", "latents": 4, "hidden": [16]},
    "likelihood": {"name": "bernoulli"},
  },
  "tables": {
    "data": {"name": "tables", "set": "breast", "rate": 0.3, "test": 0.2},
    "model": {"name": "mlp", "latents": 4, "hidden": [8]},
    "likelihood": {"name": "gaussian"},
  },
  "sentences": {
    "data": {"name": "sentences", "n": 1200},
    "model": {"name": "sentence", "latents": 4, "hidden": 8, "embed": 4},
    "likelihood": {"name": "tokens"},
  },
  "interactions": {
    "data": {
      "name": "interactions", "users": 200, "items": 80, "length": 10, "test": 40
    },
    "model": {"name": "multinomial", "latents": 4, "hidden": [8], "decoder": []},
    "likelihood": {"name": "multinomial"},
  },
}  # fmt: skip
_DAMAGED = {
  "limit": 4, "tune": 4, "map_steps": 3, "epochs": 1, "passes": 1, "slow_limit": 2,
  "batch": 24,
}  # fmt: skip
_SEVERAL = {"proposals": 6, "imputations": 5, "answers": 3}
# Of each application its data and its smallest settings.
APPLICATIONS: dict[str, tuple[str, dict[str, Any]]] = {
  "reconstruction": ("digits", {"samples": 4, "chunk": 4, "limit": 8, "tune": 8}),
  "generation": ("digits", {"limit": 20, "tune": 20, "side": 3, "steps": 3, "components": 2}),
  "likelihood_ladder": (
    "digits", {"samples": 4, "chunk": 4, "limit": 8, "tune": 8, "components": 2}
  ),
  "noise_reduction": ("digits", _DAMAGED),
  "inpainting": ("digits", _DAMAGED | _SEVERAL),
  "super_resolution": ("digits", _DAMAGED | _SEVERAL),
  "sweep_comparison": (
    "digits", {"samples": 4, "chunk": 4, "limit": 10, "tune": 5, "codes": 20}
  ),
  "compression": ("digits", {"limit": 20, "tune": 10}),
  "model_comparison": (
    "digits",
    {"limit": 20, "tune": 20, "components": 2, "weighed": 2, "importance": 4, "searched": 2,
     "starts": 2, "steps": 3, "probed": 60, "epochs": 1, "features": 4},
  ),
  "anomaly": (
    "digits",
    {"limit": 40, "tune": 20, "reference": 20, "samples": 2, "weights": 4, "steps": 3,
     "components": 2},
  ),
  "editing": (
    "digits", {"limit": 10, "tune": 5, "judge_steps": 20, "pairs": 4, "steps": 3}
  ),
  "disentanglement": (
    "sprites",
    {"votes": 60, "test_votes": 40, "sampled": 60, "trees": 2, "baselines": "no",
     "limit": 300, "tune": 300},
  ),
  "imputation": (
    "tables",
    {"samples": 20, "imputations": 10, "steps": 5, "forest": "no", "rounds": 1,
     "neighbours": 5, "limit": 20, "tune": 20},
  ),
  "text": (
    "sentences", {"samples": 4, "chunk": 2, "limit": 12, "tune": 6, "batch": 12, "steps": 3}
  ),
  "recommendation": ("interactions", {"map_steps": 3}),
}  # fmt: skip


def config(data: str, family: str) -> dict[str, Any]:
  """Two settings of a family that train in a second; the complete configuration."""
  parts = {
    "objective": {"name": "beta"},
    "hyper": {"learning_rate": 1e-2},
    "sweep": {"beta": [0.5, 1.0]},
    "train": {"steps": 12, "batch_size": 16, "log_every": 12, "eval_every": 12},
    **DATA[data],
  }
  shared = {name: parts["model"][name] for name in ("latents", "hidden")}
  own = FAMILIES[family]
  if data == "sentences" and family == "vamp":  # symbols have no gradient
    own = {"prior": {"name": "mixture", "components": 3}}
  for part, values in own.items():
    parts[part] = {**(shared if part == "model" else {}), **values}
  return configuration.resolve(parts)


def trained(folder: Any, data: str, family: str) -> list[Run]:
  """The programs of such a run, trained in the folder or found there."""
  path = pathlib.Path(folder)
  if not (path / "config.json").exists():
    loop.train(config(data, family), str(path), str(path), say=lambda line: None)
  return runs.open_runs(str(path))


def numbers(application: str, found: list[Run]) -> dict[str, float]:
  """The members' means of the long form, by member, method, condition and metric."""
  report = evaluated(application, found, APPLICATIONS[application][1])
  at = report.scores.columns.index
  names = ("member", "method", "condition", "metric")
  row_of = lambda row: "/".join(str(row[at(name)]) for name in names)
  mine = [row for row in report.scores.rows if row[at("member")] is not None]
  return {row_of(row): float(row[at("mean")]) for row in mine}
