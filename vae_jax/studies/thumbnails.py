"""What each member reconstructs, invents and varies, as small pictures that fit into a page."""

from typing import NamedTuple

import jax
import numpy as np

from vae_jax import asking
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Result
from vae_jax.inference import walks
from vae_jax.run import Run
from vae_jax.studies import symbols
from vae_jax.types import Array

SIDE = 64  # pixels of a small picture at most
# Of all small pictures together: about as many bytes at worst, 10 MB in a page.
PIXELS = 15_000_000
# Reconstructions, samples, latents and steps of a traversal; the first that fits is taken.
LAYOUTS = ((10, 30, 6, 9), (10, 20, 5, 7), (8, 8, 4, 7), (6, 6, 3, 5))
SPAN = 3.0  # a traversal goes from -SPAN to SPAN, in units of `rates.unit`


class Plan(NamedTuple):
  """How many small pictures of how many members."""

  reconstructions: int
  samples: int
  latents: int
  steps: int
  stride: int  # pixels of the example for one of the picture
  members: int

  @property
  def tiles(self) -> int:
    """Pictures of one member."""
    return self.reconstructions + self.samples + self.latents * self.steps


def plan(members: int, shape: tuple[int, ...]) -> Plan:
  """The largest layout that keeps all pictures within PIXELS; of fewer members if none does."""
  stride = -(-max(shape[:2]) // SIDE)
  pixels = (shape[0] // stride) * (shape[1] // stride)
  for layout in LAYOUTS:
    found = Plan(*layout, stride, members)
    if members * found.tiles * pixels <= PIXELS:
      return found
  return found._replace(members=max(1, PIXELS // (found.tiles * pixels)))


def small(x: np.ndarray, stride: int, limits: tuple[float, float]) -> np.ndarray:
  """Pictures [..., H, W, C] as bytes, each pixel the mean of stride x stride of them."""
  *front, height, width, channels = x.shape
  height, width = height // stride, width // stride
  x = x[..., : height * stride, : width * stride, :]
  x = x.reshape(*front, height, stride, width, stride, channels).mean((-4, -2))
  unit = (x - limits[0]) / (limits[1] - limits[0])
  return np.round(255 * np.clip(np.nan_to_num(unit), 0, 1)).astype(np.uint8)


def arrays(outcome: Outcome) -> dict[str, np.ndarray]:
  """The pictures as the arrays that the page is made of; none where x is no picture.

  Returns:
    sweep_pictures uint8 [P, tiles, H, W, C]: reconstructions, samples, traversals row by row;
    sweep_originals [R, H, W, C]; sweep_members [P], whose they are; sweep_layout [4];
    sweep_walks [P, latents], of each traversal (-1: none); sweep_values [steps]; sweep_palette.
  """
  task, data, every = outcome.task, outcome.task.source.data, outcome.results
  if not pictures.drawable(data.spec):
    return {}
  layout = plan(len(every), data.spec.shape)
  some = [every[i] for i in pictures.spread(len(every), layout.members)]
  weighed = {name: values[task.own] for name, values in task.examples.items()}
  picked = pictures.chosen(weighed, data.spec, layout.reconstructions)
  layout = layout._replace(reconstructions=len(picked))
  shrunk = lambda x: small(x, layout.stride, pictures.limits(data))
  tiles, walked = [], []
  for run in outcome.runs:
    own = [result for result in some if result.member.run is run]
    if own:
      drawn, latents = _of_program(
        run, own, picked, layout, jax.random.fold_in(outcome.key, 3)
      )
      tiles += map(shrunk, drawn)
      walked += [*latents]
  return {
    "sweep_pictures": np.stack(tiles),
    "sweep_members": np.asarray([result.member.number for result in some]),
    "sweep_originals": shrunk(pictures.plain(weighed["x"][picked], data.spec)),
    "sweep_layout": np.asarray([len(picked), *layout[1:4]]),
    "sweep_walks": np.stack(walked),
    "sweep_values": walks.ticks("linear", layout.steps, SPAN),
    "sweep_palette": np.asarray(outcome.settings["palette"]),
  }


def _of_program(
  run: Run, own: list[Result], picked: np.ndarray, layout: Plan, key: Array
) -> tuple[np.ndarray, np.ndarray]:
  """Pictures [M, tiles, *shape] of some members of a program, and the latents walked [M, A]."""
  at = np.asarray([result.member.place for result in own])
  keys = jax.vmap(jax.random.fold_in, (None, 0))(key, np.arange(layout.samples))
  drawn = asking.prior_draws(run, keys)[at]
  ticks = walks.ticks("linear", layout.steps, SPAN)
  count = min(layout.latents, run.vae.latents) if symbols.is_real(run) else 0
  z, walked = [], np.full((len(at), layout.latents), -1)
  for m, result in enumerate(own):
    codes = result.answer["codes"][picked]
    walked[m, :count] = np.argsort(-result.answer["carried"], kind="stable")[:count]
    paths = np.tile(codes[0], (layout.latents, layout.steps, 1))
    centre, scale = result.answer["unit"]
    start = (codes[0] - centre) / np.maximum(scale, 1e-12)
    paths[:count] = centre + scale * walks.walks(start, walked[m, :count], ticks)
    z.append(np.concatenate([codes, drawn[m], paths.reshape(-1, codes.shape[1])]))
  show = lambda params, z, key: pictures.shown(run.vae, run.spec, params, z)
  some = run._replace(params=jax.tree.map(lambda x: np.asarray(x)[at], run.params))
  return asking.apply_latents(some, show, np.stack(z).astype(np.float32), key), walked
