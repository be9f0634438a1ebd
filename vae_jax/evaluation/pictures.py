"""Which examples are drawn, and on what scale."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from vae_jax.asking import apply_latents
from vae_jax.data import decode, unpack
from vae_jax.run import Run
from vae_jax.types import VAE, Array, Dataset, Params, Spec

SIDE = 64  # pixels of a small picture at most
# Of all small pictures together: about as many bytes at worst, 10 MB in a page.
PIXELS = 15_000_000
# Reconstructions, samples, latents and steps of a traversal; the first that fits is taken.
LAYOUTS = ((10, 30, 6, 9), (10, 20, 5, 7), (8, 8, 4, 7), (6, 6, 3, 5))


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


def drawable(spec: Spec) -> bool:
  """Whether examples are pictures of one or three channels."""
  return spec.kind == "image" and spec.shape[-1] in (1, 3) and spec.domain != "category"


def shown(vae: VAE, spec: Spec, params: Params, z: Array) -> Array:
  """What is drawn for a code z [L]: the mean of p(x|z), or the likeliest categories."""
  if spec.domain == "category":
    return vae.mode(params, z).astype(jnp.float32)
  return vae.mean(params, z)


def decoded(run: Run, z: np.ndarray, key: Array) -> np.ndarray:
  """What is drawn for codes z [M, ..., L] of every member: [M, ..., *shape]."""
  show = lambda params, z, key: shown(run.vae, run.spec, params, z)
  x = apply_latents(run, show, z.reshape(len(z), -1, z.shape[-1]), key)
  return x.reshape(*z.shape[:-1], *x.shape[2:])


def chosen(examples: dict[str, np.ndarray], spec: Spec, count: int) -> np.ndarray:
  """Rows to draw: the first of each class, or evenly spaced ones; at most `count`."""
  if "label" in examples and spec.classes:
    _, first = np.unique(examples["label"], return_index=True)
    if len(first) >= 2:
      return first[:count]
  return spread(len(examples["x"]), count)


def spread(total: int, count: int) -> np.ndarray:
  """At most `count` of `total` rows, evenly spaced: no class of a sorted set is left out."""
  return np.unique(np.linspace(0, total - 1, min(total, count)).round().astype(int))


def names(examples: dict[str, np.ndarray], spec: Spec, rows: np.ndarray) -> list[str]:
  """The class of each row, or its number in the split."""
  if "label" in examples and spec.classes:
    return [spec.classes[int(i)] for i in examples["label"][rows]]
  return [f"#{i}" for i in rows]


def plain(x: np.ndarray, spec: Spec) -> np.ndarray:
  """Stored examples decoded to numbers [N, *shape] on the host; packed bits are unpacked."""
  if spec.domain == "binary" and x.dtype == np.int32:
    x = unpack(x, spec.shape)
  return np.asarray(decode(x), np.float32)


def limits(data: Dataset) -> tuple[float, float]:
  """The lowest and the highest value of the data: (0, 1) where the domain says so."""
  if data.spec.domain in ("binary", "unit"):
    return 0.0, 1.0
  x = data.splits["train"]["x"]
  return float(np.min(x)), float(np.max(x))


def style(data: Dataset, settings: dict[str, Any]) -> dict[str, Any]:
  """What every drawing of examples is given: the colours and the scale."""
  return {"palette": settings["palette"], "limits": limits(data)}
