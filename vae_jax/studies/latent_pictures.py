"""Figures of the latent space of one member: a plane, paths between examples, walks."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax import asking
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.evaluation.source import Source
from vae_jax.inference import walks
from vae_jax.metrics import latent
from vae_jax.run import Run, select
from vae_jax.studies import symbols
from vae_jax.types import Figure

LINES = 9  # cells along an axis of a plane at most, of examples that are drawn as lines


class Drawing(NamedTuple):
  """A member that is drawn, its codes, and what all its figures share."""

  member: Member
  source: Source
  mean: np.ndarray  # [N, L] codes of the examples that are scored
  order: np.ndarray  # [L] the latents, that of the highest rate first
  rates: (
    np.ndarray
  )  # [L] nats; of another family than the Gaussian the variance of the codes
  centre: (
    np.ndarray
  )  # [L] where walks stand still: 0 under N(0, I), else the mean of the codes
  scale: np.ndarray  # [L] the unit of walks: 1 under N(0, I), else the spread of the codes
  title: str
  style: dict[str, Any]

  @property
  def busy(self) -> np.ndarray:
    """The active latents in order; all where none is."""
    active = latent.active_units(self.mean)[self.order]
    return self.order[active] if active.any() else self.order

  def codes(self, examples: dict[str, np.ndarray]) -> np.ndarray:
    """The codes [N, L] of other examples."""
    run = select(self.member.run, self.member.place)
    return self.source.posterior(run, examples).mean[0]

  def decoded(self, z: np.ndarray) -> np.ndarray:
    """The pictures of codes [..., L]."""
    run = select(self.member.run, self.member.place)
    return pictures.decoded(run, np.asarray(z, np.float32)[None], self.source.key)[0]

  def placed(self, z: np.ndarray) -> np.ndarray:
    """Codes [..., L] from units of a walk."""
    return self.centre + self.scale * z

  def figure(self, name: str, kind: str, caption: str, **data: Any) -> Figure:
    """A figure with the member's title and the colours of the data."""
    return Figure(name, kind, {"title": self.title, **self.style, **data}, caption)


def of(outcome: Outcome, member: Member) -> Drawing:
  """A member with its codes of the examples of its task."""
  task = outcome.tasks[member.part]
  q = task.source.posterior(select(member.run, member.place), task.examples)
  mean, gaussian = q.mean[0], symbols.is_gaussian(member.run)
  known = rates = latent.activity(mean)
  if gaussian:
    rates = latent.rates(mean, q.logvar[0])
    known = rates if member.run.stochastic else known
  order = np.argsort(-known, kind="stable")
  centre, scale = np.zeros(mean.shape[1]), np.ones(mean.shape[1])
  if not member.run.vae.standard:
    centre, scale = mean.mean(0), mean.std(0)
  style = pictures.style(task.source.data, outcome.settings)
  title = of_members.title(member, outcome.members)
  return Drawing(member, task.source, mean, order, rates, centre, scale, title, style)


def plane(d: Drawing, name: str) -> Figure:
  """The two busiest latents, the others at 0; `grid`, `side` and `span` of the settings."""
  s, size = d.source.settings, d.mean.shape[1]
  side = s["side"] if len(d.source.spec.shape) == 3 else min(s["side"], LINES)
  values = walks.ticks(s["grid"], side, s["span"])
  if size == 1:
    images = d.decoded(d.placed(values[None, :, None]))
    text, columns = "The only latent, from low to high.", [f"{v:.1f}" for v in values]
    return d.figure(name, "strips", text, images=images, columns=columns)
  i, j = sorted(d.busy[:2]) if len(d.busy) > 1 else (0, size - 1)
  standard = d.member.run.vae.standard
  unit = "" if standard else " standard deviations of the codes"
  where = f"from −{s['span']:g} to {s['span']:g}{unit}"
  where = "at equal steps of probability" if s["grid"] == "quantile" else where
  text = f"The whole latent space, {where} on both axes."
  if size > 2:
    text = (
      f"A plane through the {size}-dimensional latent space: its two busiest latents"
      f" {where}, the others at {'0' if standard else 'their mean'}."
    )
  images = d.decoded(d.placed(walks.plane(size, (i, j), values)))
  data = {"images": images, "x": values}
  data |= {"x_label": f"latent {i + 1}", "y_label": f"latent {j + 1}", "y": values[::-1]}
  return d.figure(name, "latent_grid", text, **data)


def paths(d: Drawing, examples: dict[str, np.ndarray], names: list[str]) -> Figure:
  """Between every second example and the next: a line and an arc, `steps` pictures each.

  Args:
    d: of the member.
    examples: [2 P, ...] each, as stored.
    names: of the examples [2 P].
  """
  steps, codes = d.source.settings["steps"], d.codes(examples)
  ends = [(codes[i], codes[i + 1]) for i in range(0, len(codes), 2)]
  images = d.decoded([f(*e, steps) for e in ends for f in (walks.linear, walks.spherical)])
  real = np.repeat(pictures.plain(examples["x"], d.source.spec), 2, 0)[:, None]
  real = real.reshape(-1, 2, 2, *real.shape[1:])  # [P, end, way, 1, *shape]
  first, last = (real[:, end].reshape(-1, *real.shape[3:]) for end in (0, 1))
  labels: list[str] = []
  for a, b in zip(names[::2], names[1::2], strict=True):
    labels += [f"{a} → {b}\nlinear", "spherical"]
  text = (
    "Between two held-out examples, which stand at both ends: along the straight line of"
    " their codes, and along the arc that keeps the distance from the origin."
  )
  data = {"images": np.concatenate([first, images, last], 1), "wide_after": (0, steps)}
  return d.figure("interpolation", "strips", text, rows=labels, **data)


def traversal(
  d: Drawing, name: str, row: int, values: np.ndarray, labels: list[str], caption: str
) -> Figure:
  """One busy latent after the other takes the values, the rest stays as in one example.

  Args:
    d: of the member.
    name: of the figure.
    row: of the example among those that are scored.
    values: [S].
    labels: of each latent [A] that is walked along, the busiest first.
    caption: of the figure.
  """
  start = (d.mean[row] - d.centre) / np.maximum(d.scale, 1e-12)
  images = d.decoded(d.placed(walks.walks(start, d.busy[: len(labels)], values)))
  columns = [f"{v:+.1f}".replace("-", "−") for v in values]
  if not d.member.run.vae.standard:
    caption += " The unit of a step is the standard deviation of the codes."
  return d.figure(name, "strips", caption, images=images, rows=labels, columns=columns)


def under(source: Source, run: Run, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
  """The pictures [M, ..., *shape] of every member's codes [M, ..., L], in [0, 1].

  Args:
    source: of the data.
    run: M members.
    z: [M, ..., L].
    label: [...] of the codes, or weights [..., C] of the classes; read by a conditional model
      alone.
  """
  mean = lambda vae, params, z, key: vae.mean(params, z)
  flat = np.asarray(z, np.float32).reshape(len(z), -1, z.shape[-1])
  if label is not None:
    label = label.reshape(flat.shape[1], *label.shape[z.ndim - 2 :])
  x = asking.write(run, mean, flat, label, source.key)
  return np.clip(x.reshape(*z.shape[:-1], *x.shape[2:]), 0, 1)
