"""A user's own images with pixels missing: read, checked, and handed back complete."""

from typing import NamedTuple

import numpy as np

from vae_jax.data.arrays import find_file, read_arrays
from vae_jax.types import Spec, UserError


class Given(NamedTuple):
  """The images of a file, and which of their pixels are known."""

  name: str  # of the file
  stored: np.ndarray  # as the file has them
  x: np.ndarray  # [N, H, W, C] float32 in [0, 1], 0 where a pixel is missing
  observed: np.ndarray  # [N, H, W, 1] float32, 1 or 0
  top: int  # the file's number for white: 1, or 255 of grey levels


def read(path: str, spec: Spec) -> Given:
  """The images of a .npy, or the array `x` of a .npz, [N, H, W], [N, H, W, C] or one image.

  A pixel is missing where it is NaN, and where the array `observed` of the .npz, [N, H, W] or
  [N, H, W, 1], is 0. Integers are grey levels 0 ... 255, other numbers lie in [0, 1]; of a
  model of binary images every known one is 0 or 1.

  Args:
    path: of the file.
    spec: of the images the model was trained on.

  Raises:
    UserError: no such file, images of another shape, values of another range, a pixel of which
      some channels are missing, or nothing missing at all.
  """
  arrays = read_arrays(find_file(path, None))
  if "x" not in arrays:
    raise UserError(f"{path} has the arrays {', '.join(arrays)}; expected x, and observed.")
  stored = arrays["x"]
  x = _shaped(stored, spec, path)
  gap = np.isnan(x)
  if (gap != gap[..., :1]).any():
    raise UserError(
      f"{path} has pixels with some channels missing; a pixel is missing as a whole here."
    )
  observed = ~gap[..., :1]
  if "observed" in arrays:
    observed &= _mask(arrays["observed"], observed.shape, path)
  if observed.all():
    raise UserError(
      f"In {path} no pixel is missing: mark missing ones with NaN, or with 0 in an array"
      " `observed` of the .npz."
    )
  x = np.where(observed, x, 0).astype(np.float32)
  top = _top(x, stored, spec, path)
  return Given(path, stored, x / np.float32(top), observed.astype(np.float32), top)


def completed(given: Given, answer: np.ndarray) -> np.ndarray:
  """An answer [N, H, W, C] in the shape and type of the file, what is known bit for bit.

  Integers are rounded to the nearest grey level.
  """
  whole = given.stored.dtype.kind in "iub"
  filled = np.round(answer * given.top) if whole else answer
  filled = filled.astype(given.stored.dtype).reshape(given.stored.shape)
  known = np.broadcast_to(given.observed > 0.5, answer.shape).reshape(given.stored.shape)
  return np.where(known, given.stored, filled)


def _shaped(stored: np.ndarray, spec: Spec, path: str) -> np.ndarray:
  """[N, H, W, C] float64 of any of the layouts."""
  layouts = [spec.shape] + ([spec.shape[:2]] if spec.shape[-1] == 1 else [])
  fits = stored.ndim and (stored.shape in layouts or stored.shape[1:] in layouts)
  if not fits or not stored.size or stored.dtype.kind not in "biuf":
    raise UserError(
      f"{path} has images of shape {stored.shape} and type {stored.dtype}; expected numbers"
      f" [N, {', '.join(map(str, spec.shape))}], the images the model knows."
    )
  return stored.astype(np.float64).reshape(-1, *spec.shape)


def _mask(mask: np.ndarray, shape: tuple[int, ...], path: str) -> np.ndarray:
  """True where a pixel is known, [N, H, W, 1]."""
  if mask.size != np.prod(shape) or not np.isin(mask, (0, 1)).all():
    raise UserError(
      f"{path}: observed, of shape {mask.shape}, must hold a 1 (known) or a 0 (missing) for"
      f" each pixel of the images, {shape[:3]}."
    )
  return mask.reshape(shape) > 0.5


def _top(x: np.ndarray, stored: np.ndarray, spec: Spec, path: str) -> int:
  """The file's number for white."""
  whole, binary = stored.dtype.kind in "iu", spec.domain == "binary"
  low, high = float(x.min()), float(x.max())
  if not (np.isfinite(x).all() and low >= 0 and high <= (255 if whole else 1)):
    raise UserError(
      f"{path} has known values from {low:g} to {high:g}; expected integers 0 to 255, or"
      " numbers from 0 to 1, with NaN where a pixel is missing."
    )
  top = 255 if whole and not (binary and high <= 1) else 1
  if binary and not np.isin(x, (0, top)).all():
    raise UserError(
      f"{path} has grey levels, and the model knows binary images: write 0 and 1."
    )
  return top
