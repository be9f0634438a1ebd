"""Run directories whose scores are made up, for the β atlas."""

import json

import numpy as np

from vae_jax import report
from vae_jax.report import atlas
from vae_jax.types import Report, Table

BETAS, SEEDS = (0.25, 0.5, 1.0, 4.0), (0, 1, 2, 3, 4)
NOISE = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])  # of the seeds, the same for every β
PSNR = {"psnr": {"title": "PSNR", "unit": "dB", "better": 1, "digits": 2}}
NLL = {"nll": {"title": "nll", "unit": "nats", "better": -1, "digits": 2}}
CONFIG = {
  "data": {"name": "digits"}, "model": {"name": "mlp", "latents": 2},
  "likelihood": {"name": "bernoulli"}, "objective": {"name": "beta"}, "hyper": {"beta": 1.0},
}  # fmt: skip


def members(seeds=SEEDS, betas=BETAS):
  return [{"beta": b, "seed": s} for b in betas for s in seeds]


def started(folder, rows):
  """A run directory of these members without a report."""
  for name, value in {"config": CONFIG, "members": rows, "run": {}}.items():
    (folder / f"{name}.json").write_text(json.dumps(value))


def saved(
  folder, test, valid=None, name="noise_reduction", metrics=None, rows=None, baseline=10.0,
  condition="25 %", findings=(), dead=(), more=None,
):  # fmt: skip
  """A report of {condition: {(β, method): scores of its seeds}} as the kit writes one.

  `valid` has {(β, method): mean} of the middle condition; without it, it is the test's.
  """
  metrics = metrics or PSNR
  rows = rows or members()
  metric = next(iter(metrics))
  conditions = {condition: test, **(more or {})}
  long, choice = [], []
  for at, scores in conditions.items():
    for (beta, method), values in scores.items():
      own = [i for i, row in enumerate(rows) if row["beta"] == beta and i not in dead]
      for i, value in zip(own, values, strict=True):
        who = [i, beta, rows[i]["seed"], None, "2 of 2", method, at, metric]
        long.append([*who, value, value, value, 1, 0.1])
      known = valid or {}
      mean = known.get((beta, method), float(np.mean(values)))
      choice.append([beta, method, at, metric, mean, " ".join(map(str, own))])
    if baseline is not None:
      where = [*[None] * 5, "Wiener", at, metric]
      long.append([*where, baseline, baseline, baseline, 1, 0.1])
  columns = ("member", "beta", "seed", "ended", "active", "method", "condition", "metric")
  columns += ("mean", "low", "high", "examples", "seconds")
  told = metrics[metric]
  verdict = {
    "metric": metric, "setting": {"beta": 1.0}, "method": "MAP", "baseline": "Wiener",
    "difference": 1.0, "half": 0.1, "seeds": 5, "examples": 1, "verdict": "ahead",
  }  # fmt: skip
  found = Report(name, "How much?", [], [], list(findings), {})
  found = found._replace(
    metrics=metrics,
    scores=Table("scores", columns, long),
    choice=Table("choice", ("beta", *atlas.OURS), choice),
    headline={
      "metric": told["title"], "unit": told["unit"], "digits": 2, "condition": condition,
      "method": "MAP", "setting": "β 1", "mean": 1.0, "half": 0.1,
    },
    verdicts=[] if baseline is None else [verdict | {"condition": c} for c in conditions],
  )  # fmt: skip
  report.save(found, folder)


def level(*means):
  """Scores {(β, method): seeds} of these means, the seeds' noise the same for all."""
  return {(b, "MAP"): m + NOISE for b, m in zip(BETAS, means, strict=True)}
