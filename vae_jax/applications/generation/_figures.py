"""Figures of generated examples: samples, their nearest neighbours, and the latent space."""

from collections.abc import Callable

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Task
from vae_jax.inference import walks
from vae_jax.metrics import latent, neighbours
from vae_jax.studies import latent_pictures as space
from vae_jax.studies import symbols
from vae_jax.studies.latent_pictures import Drawing
from vae_jax.types import Figure

ACROSS = (5, 12)  # examples in a row: lines, and images
WALKED = 10  # latents that are walked along at most


def all_of(
  outcome: Outcome, draws: Callable[[Member], dict[str, np.ndarray]]
) -> list[Figure]:
  """Samples, their neighbours, planes, interpolations, traversals, the mixture, distances.

  Args:
    outcome: of the application.
    draws: a member's pictures [n, *shape] by method, those of the prior first.
  """
  members, lead = of_members.spread(outcome.members), space.of(outcome, outcome.lead)
  several = [space.of(outcome, member) for member in members]
  prior, *mixture = draws(lead.member).values()
  first = lambda member: next(iter(draws(member).values()))
  found = [_samples(several, [first(member) for member in members])]
  near = {
    r.method: r.scores["nearest"] for r in outcome.results
    if "nearest" in r.scores and (r.member or lead.member).number == lead.member.number
    and r.part == lead.member.part
  }  # fmt: skip
  found += [_neighbours(lead, prior[: outcome.settings["limit"]])] if near else []
  found += _walks(outcome, lead, several)
  found += [_mixture(lead, prior, each) for each in mixture]
  text = "A model that copied would pile up at the left, far from the held-out examples."
  data = {"series": near, "x_label": "distance to the nearest training example"}
  data |= {"y_label": "share", "title": lead.title}
  return found + ([Figure("distances", "histogram", data, text)] if near else [])


def _walks(outcome: Outcome, lead: Drawing, several: list[Drawing]) -> list[Figure]:
  """Planes, interpolations and traversals, of members whose codes have directions."""
  one = "" if several[1:] else "plane"
  found = [
    space.plane(d, one or f"plane_{d.member.number}")
    for d in several if symbols.is_real(d.member.run)
  ]  # fmt: skip
  if not symbols.is_real(lead.member.run):
    return found
  split, spec = lead.source.split(outcome.settings["split"]), lead.source.spec
  rows = np.ravel(walks.ends(outcome.settings["pairs"], split, spec.classes)).astype(int)
  if len(rows):
    joined = {name: values[rows] for name, values in split.items()}
    found.append(space.paths(lead, joined, pictures.names(split, spec, rows)))
  return [*found, _traversal(lead, outcome.tasks[lead.member.part])]


def _samples(several: list[Drawing], draws: list[np.ndarray]) -> Figure:
  down, first, across = 3 if several[1:] else 8, several[0], ACROSS[draws[0].ndim == 4]
  images = np.concatenate([x[: down * across] for x in draws])
  images = images.reshape(-1, across, *images.shape[1:])
  names = [d.title.replace(" · ", "\n") for d in several if several[1:]]
  labels = [label for name in names for label in ("", name, "")]
  standard = all(d.member.run.vae.standard for d in several)
  drawn = "N(0, I)" if standard else "each model's own prior"
  text = f"What the model invents: codes drawn from {drawn}, decoded."
  text += " Members share their codes." if several[1:] and standard else ""
  return first.figure("samples", "image_grid", text, images=images, rows=labels, title="")


def _neighbours(d: Drawing, samples: np.ndarray) -> Figure:
  near, index = neighbours.nearest(samples, d.source.train)
  rows = np.argsort(near, kind="stable")[
    pictures.spread(len(near), ACROSS[samples.ndim == 4])
  ]
  train = d.source.data.splits["train"]["x"][index[rows]]
  text = (
    "Samples above the training example nearest to each, from the nearest of all samples"
    " (left) to the furthest; the number is their distance."
  )
  data = {"images": np.stack([samples[rows], pictures.plain(train, d.source.spec)])}
  data |= {"rows": ["invented", "nearest\nin train"]}
  data["columns"] = [f"{v:.2f}" for v in near[rows]]
  return d.figure("neighbours", "pairs", text, **data)


def _traversal(d: Drawing, task: Task) -> Figure:
  busy, s = d.busy[:WALKED], d.source.settings
  labels = [f"latent {i + 1}" for i in busy]
  if symbols.is_gaussian(d.member.run) and d.member.run.stochastic:
    labels = [f"latent {i + 1}\n{d.rates[i]:.1f} nats" for i in busy]
  flat = latent.collapsed(d.mean)
  text = (
    f"{'No latent is active (COLLAPSED); each' if flat else 'Each active latent'} alone from low"
    " to high, the others as in the code of the held-out example on the left; the busiest first."
  )
  values = np.linspace(-s["span"], s["span"], s["steps"])
  found = space.traversal(d, "traversal", 0, values, labels, text)
  real = np.repeat(pictures.plain(task.examples["x"][:1], d.source.spec), len(busy), 0)
  data = {"columns": ["original", *found.data["columns"]], "wide_after": (0,)}
  data["images"] = np.concatenate([real[:, None], found.data["images"]], 1)
  return found._replace(data=found.data | data)


def _mixture(d: Drawing, prior: np.ndarray, mixture: np.ndarray) -> Figure:
  images = np.stack([prior[: len(mixture)][:12], mixture[:12]])
  text = (
    "Codes of the prior above, and of a mixture of Gaussians fitted to the codes of the training"
    " examples below: where the two differ, the prior has holes."
  )
  prior = "N(0, I)" if d.member.run.vae.standard else "prior"
  return d.figure("mixture", "pairs", text, images=images, rows=[prior, "mixture"])
