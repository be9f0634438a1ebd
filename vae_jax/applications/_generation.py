"""What a model invents as tables, figures and sentences."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications import _generation_scores, _latents, _members, _pictures
from vae_jax.metrics import latent
from vae_jax.run import Run
from vae_jax.types import Dataset, Figure, Posterior, Table

RARE = 0.01  # the share of held-out examples that lie nearer to train than a "near copy"

COPIED = 0.1  # the share of near copies that is no accident: ten times what is held out has


class Context(NamedTuple):
  """What the tables and figures are made of."""

  run: Run
  data: Dataset
  examples: dict[str, np.ndarray]
  posterior: Posterior  # [M, N, L]
  axes: list[np.ndarray]  # of each member, its active latents, the busiest first
  ends: list[tuple[int, int]]
  z: Any  # generation.Latents
  pictures: Any  # generation.Latents, decoded
  distances: list[Any]  # generation.Distances
  scored: list[Any]  # _generation_scores.Scored; empty where there are none
  settings: dict[str, Any]


def _verdict(c: Context, member: int) -> str:
  return latent.verdict(c.posterior.mean[member])


def _near(c: Context, found: Any) -> float:
  """The share that lies nearer to train than the nearest 1 % of held-out examples do."""
  return float((found.nearest < np.quantile(c.distances[0].nearest, RARE)).mean())


def _ratio(c: Context, found: Any) -> float | None:
  """The median distance to train over that of held-out examples; None where those are in it."""
  base = float(np.median(c.distances[0].nearest))
  return float(np.median(found.nearest)) / base if base else None


def tables(c: Context) -> list[Table]:
  """Distances to train and within each set, and their means over seeds."""
  if not c.distances:
    return []
  run, held = c.run, c.distances[0]
  head = _members.columns(run)
  columns = (*head, "examples", "active", "median to train", "÷ held-out", "near copies, %")
  columns += ("mean pairwise", "÷ held-out's")
  rows = []
  for found in c.distances:
    known = found.member is not None
    row = _members.cells(run, found.member) if known else [None] * len(head)
    row += [found.method, _verdict(c, found.member) if known else None]
    middle = float(np.median(found.nearest))
    row += [middle, _ratio(c, found), 100 * _near(c, found)]
    rows.append([*row, found.spread, found.spread / held.spread])
  note = (
    f"Euclidean distances of {len(held.nearest):,} examples of each kind. Median to train: to"
    f" the nearest of all {len(c.data.splits['train']['x']):,} training examples; well below"
    " that of held-out examples would mean copying. Samples and reconstructions are means"
    " E[x|z], smoother than data and therefore nearer to everything: compare samples with"
    f" reconstructions. Near copies: nearer to train than the nearest {100 * RARE:.0f} % of"
    " held-out examples are. Mean pairwise: between two of the same set, its diversity."
  )
  found = [Table("Is it new, and is it varied?", columns, rows, note)]
  if c.scored:
    own = _generation_scores.table(run, c.posterior, c.scored, c.settings)
    seeds = _members.across_seeds(own, len(head) + 2)
    found += [own, seeds] if seeds else [own]
  return found


def figures(c: Context) -> list[Figure]:
  """Samples, their neighbours, the plane, interpolations, traversals, distances."""
  found = [_samples(c)]
  if c.distances:
    found.append(_neighbours(c))
  found += [_plane(c, m) for m in _members.shown(c.run)]
  found += [_paths(c)] if c.ends else []
  found += [_walks(c)]
  found += (
    [_generation_scores.figure(c.pictures, _lead(c), _first(c), _style(c))]
    if c.scored
    else []
  )
  return found + ([_histogram(c)] if c.distances else [])


def _style(c: Context) -> dict[str, Any]:
  return _pictures.style(c.data, c.settings)


def _samples(c: Context) -> Figure:
  drawn = _members.shown(c.run)
  several = len(drawn) > 1
  down = 3 if several else 8
  across = 12 if len(c.run.spec.shape) == 3 else 5
  images = c.pictures.samples[drawn, : down * across]
  images = images.reshape(len(drawn) * down, across, *images.shape[2:])
  labels = []
  for m in drawn if several else ():
    labels += ["", _members.title(c.run, m).replace(" · ", "\n"), ""]
  words = "codes drawn from N(0, I), decoded" if c.run.stochastic else "codes from N(0, I)"
  caption = f"What the model invents: {words}. Members share their codes."
  caption = caption if several else caption.replace(" Members share their codes.", "")
  return Figure(
    "samples", "image_grid", {"images": images, "rows": labels} | _style(c), caption
  )


def _neighbours(c: Context) -> Figure:
  found = _of(c, "samples", _lead(c))
  across = 12 if len(c.run.spec.shape) == 3 else 5
  rows = np.argsort(found.nearest, kind="stable")
  rows = rows[_pictures.spread(len(rows), across)]
  train = _pictures.plain(c.data.splits["train"]["x"][found.index[rows]], c.run.spec)
  data = {
    "images": np.stack([c.pictures.samples[_lead(c)][rows], train]),
    "title": _first(c),
  }
  data |= {"rows": ["invented", "nearest\nin train"]}
  data["columns"] = [f"{v:.2f}" for v in found.nearest[rows]]
  caption = (
    "Samples above the training example nearest to each, from the nearest of all samples"
    " (left) to the furthest; the number is their distance."
  )
  return Figure("neighbours", "pairs", data | _style(c), caption)


def _lead(c: Context) -> int:
  """The member that the pictures of one member show."""
  return _members.shown(c.run)[0]


def _first(c: Context) -> str:
  return _members.title(c.run, _lead(c))


def _plane(c: Context, m: int) -> Figure:
  s, latents, busy = c.settings, c.run.vae.latents, c.axes[m]
  values = _latents.ticks(s["grid"], s["side"], s["span"])
  i, j = (min(busy[:2]), max(busy[:2])) if len(busy) > 1 else (0, latents - 1)
  name = "plane" if len(c.run.members) == 1 else f"plane_{m}"
  if latents == 1:
    data = {"images": c.pictures.planes[m][:1], "columns": [f"{v:.1f}" for v in values]}
    return Figure(name, "strips", data | _style(c), "The only latent, from low to high.")
  data = {"images": c.pictures.planes[m], "x": values, "y": values[::-1]}
  data |= {"x_label": f"latent {i + 1}", "y_label": f"latent {j + 1}"}
  data |= {"title": _members.title(c.run, m)} | _style(c)
  where = f"from −{s['span']:g} to {s['span']:g}"
  where = "at equal steps of probability" if s["grid"] == "quantile" else where
  caption = f"The whole latent space, {where} on both axes."
  if latents > 2:
    caption = (
      f"A plane through the {latents}-dimensional latent space: its two busiest latents"
      f" {where}, the others at 0."
    )
  return Figure(name, "latent_grid", data | _style(c), caption)


def _paths(c: Context) -> Figure:
  shape = c.run.spec.shape
  rows = np.asarray(c.ends)
  real = _pictures.plain(c.examples["x"][rows.ravel()], c.run.spec)
  real = real.reshape(len(rows), 2, 1, *shape)
  both = np.repeat(real, 2, 1).reshape(len(rows), 2, 2, *shape)
  images = np.concatenate([both[:, :, :1], c.pictures.paths[_lead(c)], both[:, :, 1:]], 2)
  images[:, :, 0], images[:, :, -1] = real[:, 0], real[:, 1]
  named = _pictures.names(c.examples, c.run.spec, rows.ravel())
  labels = []
  for a, b in zip(named[::2], named[1::2], strict=True):
    labels += [f"{a} → {b}\nlinear", "spherical"]
  data = {"images": images.reshape(-1, *images.shape[2:]), "rows": labels}
  data |= {"title": _first(c), "wide_after": (0, images.shape[2] - 2)} | _style(c)
  caption = (
    "Between two held-out examples, which stand at both ends: along the straight line of"
    " their codes, and along the arc that keeps the distance from the origin."
  )
  return Figure("interpolation", "strips", data, caption)


def _walks(c: Context) -> Figure:
  lead = _lead(c)
  busy = c.axes[lead][: len(c.z.walks[lead])]
  rates = latent.rates(c.posterior.mean[lead], c.posterior.logvar[lead])
  values = np.linspace(-c.settings["span"], c.settings["span"], c.settings["steps"])
  labels = [f"latent {i + 1}" for i in busy]
  if c.run.stochastic:
    labels = [f"{name}\n{rates[i]:.1f} nats" for name, i in zip(labels, busy, strict=True)]
  walked = c.pictures.walks[lead][: len(busy)]
  first = _pictures.plain(c.examples["x"][:1], c.run.spec)
  real = np.broadcast_to(first, (len(walked), *c.run.spec.shape))
  data = {"images": np.concatenate([real[:, None], walked], 1), "rows": labels}
  data |= {"columns": ["original", *(f"{v:+.1f}".replace("-", "−") for v in values)]}
  data |= {"title": _first(c), "wide_after": (0,)} | _style(c)
  flat = latent.collapsed(c.posterior.mean[lead])
  which = "No latent is active (COLLAPSED); each" if flat else "Each active latent"
  caption = (
    f"{which} alone from low to high, the others as in the code of the held-out example on"
    " the left; the busiest first."
  )
  return Figure("traversal", "strips", data, caption)


def _histogram(c: Context) -> Figure:
  shown = [d for d in c.distances if d.member in (None, _lead(c))]
  series = {d.method: d.nearest for d in shown}
  data = {"series": series, "x_label": "distance to the nearest training example"}
  data |= {"y_label": "share", "title": _first(c)}
  caption = "A model that copied would pile up at the left, far from the held-out examples."
  return Figure("distances", "histogram", data, caption)


def findings(c: Context) -> list[str]:
  """Novelty, diversity, and what the numbers do not say."""
  found = [_novelty(c, m) for m in _spoken(c)] if c.distances else []
  if c.distances:
    found.append(_baseline(c))
  found += _generation_scores.findings(c.run, c.scored, _spoken(c)) if c.scored else []
  flat = _members.collapsed(c.run, c.posterior.mean)
  if flat:
    found.append(
      f"COLLAPSED: no latent is active in {flat}, which invents one picture only."
    )
  if not c.run.stochastic:
    found.append(
      "A deterministic autoencoder has no prior: N(0, I) is not where its codes lie, and"
      " these pictures show what that costs."
    )
  flat_samples = c.pictures.samples.reshape(*c.pictures.samples.shape[:2], -1)
  lost = int(np.isnan(flat_samples).any(-1).sum())
  return found + (
    [f"{lost:,} samples hold a NaN; they are in every number."] if lost else []
  )


def _spoken(c: Context) -> list[int]:
  return _members.shown(c.run)


def _of(c: Context, method: str, member: int | None) -> Any:
  return next(d for d in c.distances if (d.method, d.member) == (method, member))


def _novelty(c: Context, m: int) -> str:
  samples, rebuilt = _of(c, "samples", m), _of(c, "reconstructions", m)
  held = c.distances[0]
  name = _members.title(c.run, m)
  near, medians = (
    _near(c, samples),
    [np.median(d.nearest) for d in (samples, rebuilt, held)],
  )
  new = "lie too close to train" if near > COPIED else "are no copies"
  return (
    f"{f'{name}: s' if name else 'S'}amples {new}: their median distance to the nearest"
    f" training example is {medians[0]:.2f}, that of held-out examples {medians[2]:.2f}, of"
    f" their reconstructions {medians[1]:.2f}; {100 * near:.1f} % are near copies, where"
    f" {100 * RARE:.0f} % of held-out examples are. Two samples differ by"
    f" {samples.spread:.2f} on average, two held-out examples by {held.spread:.2f} and"
    f" two reconstructions by {rebuilt.spread:.2f}."
  )


def _baseline(c: Context) -> str:
  theirs, times = c.distances[-1], _ratio(c, c.distances[-1])
  if times is None:
    return (
      "The examples that samples are compared with are training examples, as in a table that"
      " is filled in: nothing here says whether samples are new."
    )
  return (
    f"Draws from PCA's Gaussian lie {times:.2f} times as far from train as held-out examples do"
    f" and differ by {theirs.spread:.2f}."
    " Distances say what is new and varied, not what looks right: for that, look at the"
    " pictures."
  )


def arrays(c: Context) -> dict[str, np.ndarray]:
  """The codes of the samples, what they became, and every distance."""
  found = {"z": c.z.samples[0], "samples": c.pictures.samples[:, :100]}
  for d in c.distances:
    name = d.method.split(" (")[0].replace(" ", "_").replace("-", "_").lower()
    found[f"distance_{name}" + ("" if d.member is None else f"_{d.member}")] = d.nearest
  if c.scored:
    found["mixture_samples"] = c.pictures.mixture[:, :100]
  return found
