"""Pictures larger than a model's examples, put together of tiles: their scores and figures."""

import numpy as np

from vae_jax.baselines import upscaling
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Result
from vae_jax.inputs import large_pictures
from vae_jax.inputs.large_pictures import Picture
from vae_jax.metrics import image
from vae_jax.types import Figure


def result(
  given: list[Picture],
  member: Member | None,
  method: str,
  condition: str,
  tiles: np.ndarray,
  factor: int,
) -> Result:
  """The PSNR of pictures put together of their enlarged tiles."""
  x = large_pictures.joined(given, tiles, factor)
  return Result(member, method, condition, _psnr(given, x), 0.0, 0, x)


def interpolated(given: list[Picture], condition: str, factor: int) -> list[Result]:
  """The PSNR of interpolations of the whole pictures."""
  found = []
  for name in upscaling.METHODS:
    x = [large_pictures.interpolated(p, factor, name) for p in given]
    found.append(Result(None, name, condition, _psnr(given, x), answer=x))
  return found


def figure(
  outcome: Outcome,
  given: list[Picture],
  results: list[Result],
  condition: str,
  methods: tuple[str, str],
) -> Figure:
  """Pictures of one size beside what bicubic, a Gaussian and the model made of them.

  Args:
    outcome: whose lead the model is.
    given: the pictures.
    results: of all methods.
    condition: the one that is drawn.
    methods: the names of the Gaussian and of the model's.
  """
  sizes = [p.x.shape for p in given]
  rows = [i for i, size in enumerate(sizes) if size == max(set(sizes), key=sizes.count)][:6]
  number = outcome.lead.number
  of = lambda method: next(
    r.answer for r in results
    if (r.method, r.condition) == (method, condition)
    and (r.member is None or r.member.number == number)
  )  # fmt: skip
  parts = [[p.x for p in given], *map(of, ("bicubic", *methods))]
  images = np.stack([np.stack([part[i] for part in parts]) for i in rows])
  data = {"images": images, "rows": [given[i].name for i in rows]}
  data |= {"columns": ["original", "bicubic", "Gaussian", "model"]}
  data |= {"palette": "gray", "limits": (0.0, 1.0)}
  caption = f"Large pictures enlarged {condition[0]} times along each side, by tiles."
  return Figure(f"large_{condition[0]}", "image_grid", data, caption)


def _psnr(given: list[Picture], x: list[np.ndarray]) -> dict[str, np.ndarray]:
  pairs = zip(given, x, strict=True)
  return {"psnr": image.psnr([np.mean(np.square(p.x - y), dtype=float) for p, y in pairs])}
