"""Which examples are drawn, and on what scale."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.asking import apply_latents
from vae_jax.data import decode, unpack
from vae_jax.run import Run
from vae_jax.types import VAE, Array, Dataset, Params, Spec


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
