"""What each member reconstructs, invents and varies, as small pictures for the sweep's page."""

from typing import NamedTuple

import jax
import numpy as np

from vae_jax.applications import _latents, _pictures
from vae_jax.applications._beta_scores import Member
from vae_jax.asking import apply_latents
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Params, Spec

SPAN = 3.0  # a traversal goes from -SPAN to SPAN
SIDE = 64  # pixels of a picture at most
PIXELS = (
  15_000_000  # of all pictures together: about as many bytes at worst, 10 MB in a page
)
# reconstructions, samples, latents and steps of a traversal; the first that fits is taken
LAYOUTS = ((10, 30, 6, 9), (10, 20, 5, 7), (8, 8, 4, 7), (6, 6, 3, 5))


class Plan(NamedTuple):
  """How many pictures of how many members."""

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


def drawable(spec: Spec) -> bool:
  """Whether examples are pictures of one or three channels."""
  return spec.kind == "image" and spec.shape[-1] in (1, 3) and spec.domain != "category"


def plan(members: int, shape: tuple[int, ...]) -> Plan:
  """The largest layout that keeps all pictures within PIXELS; of fewer members if none does."""
  stride = -(-max(shape[:2]) // SIDE)
  pixels = (shape[0] // stride) * (shape[1] // stride)
  for layout in LAYOUTS:
    found = Plan(*layout, stride, members)
    if members * found.tiles * pixels <= PIXELS:
      return found
  return found._replace(members=max(1, PIXELS // (found.tiles * pixels)))


def arrays(
  runs: list[Run],
  members: list[Member],
  data: Dataset,
  examples: dict[str, np.ndarray],
  rows: np.ndarray,
  key: Array,
  palette: str,
) -> dict[str, np.ndarray]:
  """The pictures as the arrays that the page is made of; none where x is no picture.

  Args:
    runs: the programs.
    members: of all of them, with the codes of `rows`.
    data: for the scale of grey.
    examples: of the split.
    rows: [R] of the examples that the codes are of.
    key: of the samples, the same codes for all members.
    palette: of grey pictures.

  Returns:
    sweep_pictures uint8 [P, tiles, H, W, C]: reconstructions, samples, then traversals, row by
    row; sweep_originals [R, H, W, C]; sweep_members [P], whose they are; sweep_layout [4];
    sweep_walks [P, latents], which latent each traversal changes (-1: none); sweep_values
    [steps]; sweep_palette.
  """
  if not drawable(data.spec):
    return {}
  found = plan(len(members), data.spec.shape)
  chosen = [members[i] for i in _pictures.spread(len(members), found.members)]
  picked = _pictures.chosen(
    {name: values[rows] for name, values in examples.items()},
    data.spec,
    found.reconstructions,
  )
  found = found._replace(reconstructions=len(picked))
  small = lambda x: _small(x, found.stride, _pictures.limits(data))
  drawn, walked = {}, {}
  for run in runs:
    own = [m for m in chosen if m.number in run.numbers]
    if own:
      at = np.asarray([run.numbers.index(m.number) for m in own])
      pictures, walks = _of_program(run, at, own, picked, found, key)
      drawn |= {m.number: small(x) for m, x in zip(own, pictures, strict=True)}
      walked |= {m.number: w for m, w in zip(own, walks, strict=True)}
  return {
    "sweep_pictures": np.stack([drawn[m.number] for m in chosen]),
    "sweep_members": np.asarray([m.number for m in chosen]),
    "sweep_originals": small(_pictures.plain(examples["x"][rows[picked]], data.spec)),
    "sweep_layout": np.asarray([len(picked), found.samples, found.latents, found.steps]),
    "sweep_walks": np.stack([walked[m.number] for m in chosen]),
    "sweep_values": _latents.ticks("linear", found.steps, SPAN),
    "sweep_palette": np.asarray(palette),
  }


def _of_program(
  run: Run, at: np.ndarray, members: list[Member], picked: np.ndarray, p: Plan, key: Array
) -> tuple[np.ndarray, np.ndarray]:
  """Pictures [M, tiles, *shape] of some members of a program, and the latents walked [M, A]."""
  some = run._replace(
    params=jax.tree.map(lambda x: np.asarray(x)[at], run.params),
    hyper={name: values[at] for name, values in run.hyper.items()},
    members=[run.members[i] for i in at],
  )
  keys = jax.vmap(jax.random.fold_in, (None, 0))(key, np.arange(p.samples))
  drawn = np.asarray(jax.vmap(run.vae.prior.sample)(keys))
  ticks, count = _latents.ticks("linear", p.steps, SPAN), min(p.latents, run.vae.latents)
  z, walks = [], np.full((len(at), p.latents), -1)
  for m, member in enumerate(members):
    codes = member.codes[picked]
    walks[m, :count] = member.order[:count]
    paths = np.tile(codes[0], (p.latents, p.steps, 1))
    paths[:count] = _latents.walks(codes[0], walks[m, :count], ticks)
    z.append(np.concatenate([codes, drawn, paths.reshape(-1, codes.shape[1])]))

  def show(params: Params, z: Array, key: Array) -> Array:
    del key
    return _pictures.shown(run.vae, run.spec, params, z)

  return apply_latents(some, show, np.stack(z).astype(np.float32), key), walks


def _small(x: np.ndarray, stride: int, limits: tuple[float, float]) -> np.ndarray:
  """Pictures [..., H, W, C] as bytes, each pixel the mean of stride x stride of them."""
  *front, height, width, channels = x.shape
  height, width = height // stride, width // stride
  x = x[..., : height * stride, : width * stride, :]
  x = x.reshape(*front, height, stride, width, stride, channels).mean((-4, -2))
  unit = (x - limits[0]) / (limits[1] - limits[0])
  return np.round(255 * np.clip(np.nan_to_num(unit), 0, 1)).astype(np.uint8)
