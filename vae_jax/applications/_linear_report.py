"""What the application `linear_theory` shows: its tables and its figures."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications import _members
from vae_jax.metrics import linear_theory as theory
from vae_jax.run import Run
from vae_jax.types import Figure, Table

SCORES = {  # by the name of the column
  "rate": "rate",
  "distortion": "distortion",
  "elbo": "elbo",
  "log p(x)": "evidence",
}
CURVE = 200  # values of β that a curve of the theory is drawn at
SHOWN = 0.002  # nats: the least rate of a latent that is drawn


class Context(NamedTuple):
  """What tables and figures are made of."""

  run: Run
  moments: theory.Moments
  noise: float | None  # s^2 where it is fixed
  learned: list[theory.Scores]  # [M]
  exact: list[theory.Scores]  # [M]
  logvars: np.ndarray  # [M, L], the same for every x
  truth: float  # mean log p(x) under the parameters that the data was drawn from


def tables(c: Context) -> list[Table]:
  """Learned against exact for each member, when latents go off, and means over seeds."""
  every = _table(c)
  own = [i for i, name in enumerate(every.columns) if not name.endswith(", exact")]
  pick = lambda values: [values[i] for i in own]
  learned = Table("Learned", tuple(pick(every.columns)), [*map(pick, every.rows)])
  seeds = _members.across_seeds(learned, len(_members.columns(c.run)))
  return [every, _switches(c), *([seeds] if seeds else [])]


def _table(c: Context) -> Table:
  head = [*_members.columns(c.run), "active", "active, exact"]
  head += [name for pair in SCORES for name in (pair, f"{pair}, exact")]
  head += [] if c.noise else ["noise std", "noise std, exact"]
  rows = []
  for m, (learned, exact) in enumerate(zip(c.learned, c.exact, strict=True)):
    both = [getattr(s, name) for name in SCORES.values() for s in (learned, exact)]
    if not c.noise:
      both += [learned.noise**0.5, exact.noise**0.5]
    active = [_active(scores, c.run.vae.latents) for scores in (learned, exact)]
    rows.append([*_members.cells(c.run, m), *active, *both])
  note = (
    "Nats per example, expectations without a draw; exact: of the optimum for the training"
    " split, scored on this split. log p(x) is of the decoder, learned and optimal."
  )
  return Table("Learned against exact", tuple(head), rows, note)


def _active(scores: theory.Scores, latents: int) -> str:
  return f"{scores.active} of {latents}{'' if scores.active else ' COLLAPSED'}"


def _off(c: Context) -> np.ndarray:
  return theory.switch_off(c.moments.variances, c.run.vae.latents, c.noise)


def _switches(c: Context) -> Table:
  """When each latent goes off: by theory, in the sweep, and as the posterior foretells."""
  betas = c.run.hyper["beta"].astype(float)
  active = np.asarray([s.active for s in c.learned])
  rows = []
  for place, exact in enumerate(_off(c)):
    on = [b for b in set(betas) if (active[betas == b] > place).all()]
    off = [b for b in set(betas) if (active[betas == b] <= place).all()]
    last = max(on, default=None)
    foretold = None
    if last is not None and c.noise:
      spread = np.sort(np.exp(c.logvars[betas == last].astype(float)), axis=1)[:, place]
      foretold = float(np.mean(last / spread))
    first = min((b for b in off if last is None or b > last), default=None)
    variance = float(c.moments.variances[place])
    rows.append([place + 1, variance, float(exact), last, first, foretold])
  columns = ("latent", "variance", "β exact", "on up to β", "off from β")
  note = (
    "Variance: of the training split along the principal direction. On and off: the largest"
    " β of the sweep at which every seed has the latent, the next at which none has. From the"
    " posterior: β / exp(logvar) at the first of these, which at the optimum is the β of the"
    " switch; a dash where the noise is learned."
  )
  title = "Where each latent switches off"
  return Table(title, (*columns, "β from the posterior"), rows, note)


def figures(c: Context) -> list[Figure]:
  """Rate against distortion, the rate of each latent and the two bounds over β."""
  betas = c.run.hyper["beta"].astype(float)
  grid = np.geomspace(betas.min() / 1.3, max(betas.max(), _off(c).max()) * 1.3, CURVE)
  curve = [theory.optimum(c.moments, b, c.run.vae.latents, c.noise) for b in grid]
  ticks = 2.0 ** np.arange(np.ceil(np.log2(grid[0])), np.floor(np.log2(grid[-1])) + 1)
  along = {"log": "x", "ticks": ticks.tolist()}
  plane = {
    "theory": _dashed([_of(curve, "rate")], [_of(curve, "distortion")]),
    "learned": _dots(_of(c.learned, "rate"), _of(c.learned, "distortion")),
  }
  rates = _of(c.learned, "rates").T  # [L, M]
  latents = {"theory": _dashed([grid] * len(rates), _of(curve, "rates").T)}
  for place, values in enumerate(rates):
    shown = np.where(values > SHOWN, values, np.nan)
    latents[f"latent {place + 1}"] = _dots(betas, shown)
  bounds = {
    "theory": _dashed([grid] * 2, [_of(curve, name) for name in ("evidence", "elbo")]),
    "log p(x)": _dots(betas, _of(c.learned, "evidence")),
    "ELBO": _dots(betas, _of(c.learned, "elbo")),
  }
  rate, distortion, of_latent = (
    "rate [nats]",
    "distortion [nats]",
    "KL of the latent [nats]",
  )
  marks = _marks(_off(c))
  return [
    _lines("rate_distortion", rate, distortion, plane, _PLANE, square=True),
    _lines("rate_per_latent", "β", of_latent, latents, _LATENTS, marks=marks, **along),
    _lines("elbo_and_evidence", "β", "nats", bounds, _BOUNDS, **along),
  ]


_PLANE = (
  "Every member, and the curve of the optimum: the smaller β, the further to the right."
)
_LATENTS = (
  "The rate of each latent, the largest first, and the optimum; what is below"
  f" {SHOWN} nats is not drawn. Vertical lines: the β at which theory has the latent go."
)
_BOUNDS = (
  "ELBO and exact log p(x) of the decoder: they meet at β = 1, and where all is off."
)


def _of(scores: list[theory.Scores], name: str) -> np.ndarray:
  return np.asarray([getattr(s, name) for s in scores])


def _dashed(x: list[np.ndarray], y: Any) -> dict[str, Any]:
  """Several curves as one series, with gaps."""
  joined = [np.concatenate([np.append(part, np.nan) for part in parts]) for parts in (x, y)]
  return {"x": joined[0], "y": joined[1], "style": "dashed"}


def _dots(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
  return {"x": x, "y": y, "style": "dots"}


def _marks(off: np.ndarray) -> dict[str, float]:
  """A vertical line for each switch; those that would be drawn over one another share one."""
  groups: list[list[int]] = []
  for place, beta in enumerate(off):
    if groups and off[groups[-1][0]] < 1.1 * beta:
      groups[-1].append(place)
    else:
      groups.append([place])
  name = lambda group: ", ".join(str(place + 1) for place in group)
  return {name(group): float(off[group].mean()) for group in groups}


def _lines(name: str, x: str, y: str, series: dict, caption: str, **more: Any) -> Figure:
  data = {"series": series, "x_label": x, "y_label": y, **more}
  return Figure(name, "lines", data, caption)
