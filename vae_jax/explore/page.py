"""The page: members of a run with their networks, the codes of examples, and what is drawn."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from markupsafe import Markup

from vae_jax import asking, files
from vae_jax.evaluation import pictures
from vae_jax.evaluation.source import Source
from vae_jax.explore import network
from vae_jax.metrics import latent
from vae_jax.models.sentence import END
from vae_jax.report import page
from vae_jax.run import DEAD, Run, alive, select
from vae_jax.training import sweep
from vae_jax.types import UserError

HERE = pathlib.Path(__file__).parent
SCRIPTS = ("network.js", "plane.js", "page.js")
EXAMPLES = 600  # whose codes are on the map
DRAWS = 500  # codes of the prior, one of which surprises
LIMIT = 64_000_000  # bytes of a page; a phone's browser gives up not far above


def write(
  runs: Sequence[Run], workdir: str | pathlib.Path, members: str = "", encoder: bool = True
) -> pathlib.Path:
  """Writes explore.html into a run directory.

  Args:
    runs: its programs, see `run.open_runs`.
    workdir: the run directory.
    members: numbers of members, "0,3,6"; empty: the first seed of each setting.
    encoder: whether the encoder is on the page, for pictures of the reader's own.

  Returns:
    The path of the page.

  Raises:
    UserError: a model, a likelihood or examples that the page cannot show, members that are
      not there, or a page that would be too large.
  """
  living = [run for run in runs if not all(end.startswith(DEAD) for end in run.ended)]
  living = [alive(run) for run in living or runs]  # where all are dead it says so
  context = build(living, pathlib.Path(workdir), members, encoder)
  template = page.environment(HERE).get_template("explore.html.j2")
  text = template.render(context)
  if len(text) > LIMIT:
    raise UserError(
      f"The page would have {len(text) / 1e6:.0f} MB, more than {LIMIT / 1e6:.0f}: name fewer"
      f" members, as in --members=0,1, or leave the encoder out with --no_encoder."
    )
  path = pathlib.Path(workdir) / "explore.html"
  files.write_text(path, text)
  return path


def build(
  runs: Sequence[Run], workdir: pathlib.Path, members: str, encoder: bool
) -> dict[str, Any]:
  """Everything the template shows."""
  for run in runs:
    network.check(run)
  first = runs[0]
  if any(run.spec != first.spec for run in runs):
    raise UserError(
      f"The programs of {workdir} are of different data: open one of its parts instead."
    )
  encoder = encoder and first.spec.kind == "image" and first.spec.domain != "category"
  chosen = _chosen(runs, members)
  examples = Source(first, {}, jax.random.key(0)).spread("test", EXAMPLES)
  shown = [_member(runs[i], place, encoder) for i, place in chosen]
  rows = [runs[i].members[place] for i, place in chosen]
  varied = [k for k in rows[0] if len({str(row[k]) for row in rows}) > 1]
  for one, row in zip(shown, rows, strict=True):
    one["name"] = page.member_name({k: row[k] for k in varied or row})
  classes = list(first.spec.classes) if "label" in examples else []
  data = {
    "members": shown,
    "classes": classes,
    "colours": colours(len(classes)),
    "labels": examples["label"].tolist() if classes else [],
    "count": len(examples["x"]),
    **_drawing(first, examples),
  }
  read = lambda name: (HERE / name).read_text(encoding="utf-8")
  return {
    "style": (pathlib.Path(page.__file__).parent / "style.css").read_text(encoding="utf-8")
    + read("explore.css"),
    "scripts": [read(name) for name in SCRIPTS],
    "title": page.title(first.config, workdir.name, list(first.members[0])),
    "members": [one["name"] for one in shown],
    "sliders": [{"each": one.pop("sliders"), "reach": one.pop("reach")} for one in shown],
    "classes": classes,
    "colours": data["colours"],
    "words": bool(data["symbols"]),
    "conditional": first.vae.given is not None,
    "encoder": encoder,
    "draws": all("draws" in one for one in shown),
    "map": all(one["latents"] > 1 for one in shown),
    "report": (workdir / "report.html").is_file(),
    "count": data["count"],
    # "<" is written as its code, so that no text can end the script element
    "data": Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")),
  }


def _chosen(runs: Sequence[Run], members: str) -> list[tuple[int, int]]:
  """(program, place) of the members that are shown, by their numbers in the sweep."""
  places = {
    number: (i, place)
    for i, run in enumerate(runs)
    for place, number in enumerate(run.numbers)
  }
  if members:
    wanted = [word.strip() for word in members.split(",")]
    unknown = [w for w in wanted if not w.isdecimal() or int(w) not in places]
    if unknown:
      raise UserError(
        f"--members has {unknown[0]!r}; expected numbers of the members"
        f" {', '.join(map(str, sorted(places)))}, as in --members=0,2."
      )
    return [places[int(w)] for w in dict.fromkeys(wanted)]
  settings: dict[str, tuple[int, int]] = {}
  for _, (i, place) in sorted(places.items()):
    row = runs[i].members[place]
    settings.setdefault(str(sweep.setting(row)), (i, place))
  return list(settings.values())


def _member(run: Run, place: int, encoder: bool) -> dict[str, Any]:
  """A member's network, its codes of the examples, and two planes to look at them in."""
  source = Source(run, {}, jax.random.key(0))
  q = source.posterior(select(run, place), source.spread("test", EXAMPLES))
  means, rated = q.mean[0], run.stochastic and run.vae.standard
  if not np.isfinite(means).all():
    raise UserError(
      f"Member {run.numbers[place]} of {run.workdir} has codes that are not finite: leave it"
      f" out with --members."
    )
  # The rates are those of a Gaussian from N(0, I); of any other prior codes have a variance.
  known = latent.rates(means, q.logvar[0]) if rated else latent.activity(means)
  order = np.argsort(-known, kind="stable")
  active = latent.active_units(means)[order]
  busy = order[active] if active.any() else order
  unit = "{:.2f} nats" if rated else "{:.2f}"
  found = {} if (drawn := draws(run, place)) is None else {"draws": network.tensor(drawn)}
  return found | {
    "latents": means.shape[-1],
    "net": network.describe(run, place, encoder),
    "codes": network.tensor(means),
    "verdict": f"Active latents: {latent.verdict(means)}. The busiest is first, with"
    f" {'its part of the rate' if rated else 'the variance of its codes'}.",
    "sliders": [
      {"at": int(i), "name": f"latent {i + 1}", "told": unit.format(known[i])} for i in busy
    ],
    "reach": max(3.0, float(np.ceil(np.abs(means).max()))),
    "planes": planes(means, order),
  }


def draws(run: Run, place: int) -> np.ndarray | None:
  """DRAWS codes [DRAWS, L] of a member's own prior, whatever its family.

  None of a deterministic autoencoder, which has no prior, and of one that depends on a label:
  its draws would be those of one class.
  """
  if not run.stochastic or (run.vae.given is not None and not run.vae.standard):
    return None
  keys = jax.random.split(jax.random.key(0), DRAWS)
  return asking.prior_draws(select(run, place), keys)[0]


def colours(count: int) -> list[str]:
  """Of each class, in CSS: hues all around, neighbours of another lightness."""
  return [f"hsl({360 * i / count:.0f} 70% {40 if i % 2 else 58}%)" for i in range(count)]


def planes(means: np.ndarray, order: np.ndarray) -> list[dict[str, Any]]:
  """The two busiest latents, and the two main directions of the codes.

  Args:
    means: codes [N, L].
    order: the latents, the busiest first.

  Returns:
    Of each plane a point [L] on it and two orthonormal directions [L]; coordinates of a code
    are its products with them, less the point's. None of a code of one latent.
  """
  latents = means.shape[-1]
  if latents < 2:
    return []
  centre = means.mean(0)
  main = np.linalg.svd(means - centre, full_matrices=False)[2][:2]
  two = np.eye(latents)[order[:2]]
  named = [f"latent {i + 1}" for i in order[:2]]
  whole = lambda x: np.round(x.astype(float), 7).tolist()
  return [
    {"point": [0.0] * latents, "axes": whole(two), "names": named},
    {
      "point": whole(centre),
      "axes": whole(main),
      "names": ["principal component 1", "principal component 2"],
    },
  ]


def _drawing(run: Run, examples: dict[str, np.ndarray]) -> dict[str, Any]:
  """How the numbers of an example become a picture."""
  shape, domain = run.spec.shape, run.spec.domain
  height, width, channels = (*shape, *(1,) * (3 - len(shape)))
  low, high = pictures.limits(run.dataset)
  if domain == "category":
    low, high = 0.0, float(run.spec.categories - 1)
  x = pictures.plain(examples["x"], run.spec).reshape(-1, height, width, channels)
  edge = np.concatenate([x[:, [0, -1]].ravel(), x[:, :, [0, -1]].ravel()])
  return {
    "size": [height, width, channels],
    "bars": len(shape) == 1,
    "limits": [low, high],
    "ground": float((edge.mean() - low) / max(high - low, 1e-12)),
    "binary": domain == "binary",
    "symbols": list(run.spec.symbols),
    "end": END if run.config["model"]["name"] == "sentence" else -1,
  }
