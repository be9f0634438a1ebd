"""Linear theory: what a linear β-VAE has learned against the optimum that is known exactly."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from vae_jax import asking
from vae_jax.data import linear_gaussian
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inference import linear
from vae_jax.metrics import linear_theory as theory
from vae_jax.run import Run
from vae_jax.types import Figure, Posterior, Table, UserError

QUESTION = "Does training find the optimum that theory knows, at every β?"
SETTINGS = {**COMMON, "limit": 1_000_000}
LEARNED, EXACT, _TITLE = "learned", "exact", "Learned against exact"
METRICS = {
  "gap": Metric("ELBO less the optimum's", "nats", 0, 3),
  "rate": Metric("Rate", "nats", 0, 3, table=_TITLE),
  "distortion": Metric("Distortion", "nats", 0, 3, table=_TITLE),
  "elbo": Metric("ELBO", "nats", 0, 3, table=_TITLE),
  "evidence": Metric("log p(x)", "nats", 0, 3, table=_TITLE),
  "active": Metric("Active latents", "", 0, 1, table=_TITLE),
  "std": Metric("Noise std", "", 0, 3, table=_TITLE),
}
NOTE = (
  "Expectations without a draw; exact: the optimum for the training split, scored on this split."
  " log p(x) is of the decoder, learned and optimal. Intervals are of the seeds."
)
SWITCHES = (
  "Variance: of the training split along the principal direction. On and off: the largest β of the"
  " sweep at which every seed has the latent, the next at which none has. From the posterior: β /"
  " exp(logvar) at the first of these; a dash where the noise is learned."
)
REFERENCES = (EXACT,)
KNOWN = {
  "model.name": ("linear",), "objective.name": ("beta",), "likelihood.name": ("gaussian",),
  "corruption.name": ("none",), "likelihood.scale": ("fixed", "shared"),
}  # fmt: skip
REGULARISERS = ("free_bits", "weight_decay", "corruption_rate")
CURVE = 200  # values of β that a curve of the theory is drawn at
FAINT = 0.002  # nats: the least rate of a latent that is drawn
CAPTIONS = (
  "Every member, and the curve of the optimum: the smaller β, the further to the right.",
  "The rate of each latent, the largest first, and the optimum; what is below"
  f" {FAINT} nats is not drawn. Vertical lines: the β at which theory has the latent go.",
  "ELBO and exact log p(x) of the decoder: they meet at β = 1, and where all is off.",
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what the theory does not speak of."""
  for run in runs:
    given = {name: run.config[name.split(".")[0]].get(name.split(".")[1]) for name in KNOWN}
    for name, value in {"data.name": run.dataset.name, **given}.items():
      if value not in (known := KNOWN.get(name, ("linear_gaussian",))):
        raise UserError(
          f"The optimum is known for {name}={' or '.join(known)} and this run has {value!r}: train"
          " with --config=configs/linear_gaussian.py."
        )
    for name in REGULARISERS:
      if np.any(run.hyper[name] > 0):
        raise UserError(f"The optimum is known without {name}: train with hyper.{name}=0.")


def prepare(source: Source, split: str, limit: int) -> Task:
  """The moments of the training split and of the scored one."""
  examples = source.split(split, limit)
  moments = theory.moments(source.split("train")["x"], examples["x"])
  return Task(source, split, examples, truth=moments)


def model(task: Task, run: Run) -> dict[str, Any]:
  """What every member has learned, and the optimum at its β."""
  q, noise = task.source.posterior(run, task.examples), _noise(run)
  one = {name: values[:1] for name, values in task.examples.items()}
  read = lambda params, *rest: linear.decoder(run.vae, params, run.spec.size)
  parts = asking.apply(run, read, one, task.source.key)
  learned = [
    theory.measured(task.examples["x"], Posterior(mean, logvar), W[0], b[0], float(s2[0]))
    for mean, logvar, W, b, s2 in zip(*q, *parts, strict=True)
  ]
  best = lambda beta: theory.optimum(task.truth, float(beta), run.vae.latents, noise)
  exact = [best(beta) for beta in run.hyper["beta"]]
  found: dict[str, Any] = {}
  for method, scores in ((LEARNED, learned), (EXACT, exact)):
    each = {k: v[:, None] for k, v in theory.arrays(scores).items()}
    each |= {} if noise else {"std": np.sqrt(each["noise"])}
    found[method] = each
  found[LEARNED]["gap"] = found[LEARNED]["elbo"] - found[EXACT]["elbo"]
  found[LEARNED]["logvar"] = q.logvar[:, None, 0]  # the same for every x
  return found


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """None: the optimum is of each member's own β, and stands beside it."""
  return {}


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """One number each."""
  return {name: value for name, value in answer.items() if name in METRICS}


def further(outcome: Outcome) -> Extra:
  """When latents go off, the curves of the theory, and how far members are from them."""
  run, task = outcome.lead.run, outcome.tasks[outcome.lead.part]
  betas, noise = run.hyper["beta"].astype(float), _noise(run)
  own = [r for r in outcome.results if r.member.run is run]
  own.sort(key=lambda result: result.member.place)
  of = lambda method, name: np.array([r.answer[name] for r in own if r.method == method])
  learned, exact = partial(of, LEARNED), partial(of, EXACT)
  off = theory.switch_off(task.truth.variances, run.vae.latents, noise)
  seen = theory.switches(betas, learned("active"), learned("logvar"), noise is not None)
  columns = ("latent", "variance", "β exact", "on up to β", "off from β")
  parts = zip(task.truth.variances.tolist(), off.tolist(), seen, strict=False)
  rows = [[i + 1, variance, at, *found] for i, (variance, at, found) in enumerate(parts)]
  table = Table(
    "Where each latent switches off", (*columns, "β from the posterior"), rows, SWITCHES
  )
  figures = _figures(task.truth, betas, learned, off, noise)
  arrays = {"rates": learned("rates"), "exact_rates": exact("rates")}
  said = _findings(task, betas, learned, exact)
  return Extra([table], figures, said, arrays, [f"  {said[-2]}", f"  {said[-1]}"])


def _noise(run: Run) -> float | None:
  """s^2 where it is fixed."""
  given = run.config["likelihood"]
  return float(given["std"]) ** 2 if given["scale"] == "fixed" else None


def _findings(task: Task, betas: np.ndarray, learned: Callable, exact: Callable) -> list:
  found = []
  for m in np.flatnonzero(betas == 1)[:1]:
    truth = linear_gaussian.truth(task.source.run.config["data"])
    log_p = float(truth.evidence(task.examples["x"]).mean())
    found.append(
      f"At β = 1 the ELBO is {learned('elbo')[m]:.3f} nats, where the exact evidence of the optimum"
      f" is {exact('evidence')[m]:.3f} and that of the parameters behind the data {log_p:.3f}."
    )
  for name in ("rate", "distortion", "evidence", "elbo"):
    gaps = np.abs(learned(name) - exact(name))
    worst = int(np.nanargmax(gaps)) if np.isfinite(gaps).any() else 0
    found.append(
      f"The {METRICS[name].title} is within {gaps[worst]:.3f} nats of the exact one everywhere,"
      f" least so at β = {betas[worst]:g}."
    )
  agree = int((learned("active") == exact("active")).sum())
  told = f"{agree} of {len(betas)} members have as many active latents as the optimum."
  return [*found, told]


def _figures(
  moments: theory.Moments, betas: np.ndarray, learned: Callable, off: np.ndarray, noise: Any
) -> list[Figure]:
  """Rate against distortion, the rate of each latent and the two bounds over β."""
  grid = np.geomspace(betas.min() / 1.3, max(betas.max(), off.max()) * 1.3, CURVE)
  curve = theory.arrays([theory.optimum(moments, beta, len(off), noise) for beta in grid])
  dots = lambda x, y: {"x": x, "y": y, "style": "dots"}
  ticks = 2.0 ** np.arange(np.ceil(np.log2(grid[0])), np.floor(np.log2(grid[-1])) + 1)
  along = {"x_label": "β", "log": "x", "ticks": ticks.tolist()}
  rates = np.where(learned("rates") > FAINT, learned("rates"), np.nan).T  # [L, M]
  plane = {"theory": _dashed([curve["rate"]], [curve["distortion"]])}
  plane["learned"] = dots(learned("rate"), learned("distortion"))
  each = {"theory": _dashed([grid] * len(off), curve["rates"].T)}
  each |= {f"latent {i + 1}": dots(betas, values) for i, values in enumerate(rates)}
  bounds = {"theory": _dashed([grid] * 2, [curve["evidence"], curve["elbo"]])}
  bounds["log p(x)"] = dots(betas, learned("evidence"))
  bounds["ELBO"] = dots(betas, learned("elbo"))
  lines = lambda name, y, caption, series, **more: Figure(
    name, "lines", {"series": series, "y_label": y, **more}, caption
  )
  at = {"x_label": "rate [nats]", "square": True}
  off = {"marks": theory.together(off), **along}
  return [
    lines("rate_distortion", "distortion [nats]", CAPTIONS[0], plane, **at),
    lines("rate_per_latent", "KL of the latent [nats]", CAPTIONS[1], each, **off),
    lines("elbo_and_evidence", "nats", CAPTIONS[2], bounds, **along),
  ]


def _dashed(x: Any, y: Any) -> dict[str, Any]:
  """Several curves as one series, with gaps."""
  joined = [np.concatenate([np.append(part, np.nan) for part in parts]) for parts in (x, y)]
  return {"x": joined[0], "y": joined[1], "style": "dashed"}
