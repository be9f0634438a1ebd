"""Points in the latent space: a plane, a path between two codes, a walk along an axis."""

import numpy as np
from scipy.stats import norm

from vae_jax.types import UserError

SPACINGS = ("linear", "quantile")


def ticks(spacing: str, side: int, span: float) -> np.ndarray:
  """Where a plane is cut: evenly in [-span, span], or so that N(0, 1) weighs all cells alike.

  linear: linspace(-span, span); quantile: Phi^-1(linspace(0.02, 0.98)), as in Kingma &
  Welling (2014), figure 4.

  Raises:
    UserError: another spacing.
  """
  if spacing not in SPACINGS:
    raise UserError(f"The setting grid is {spacing!r}; expected one of {SPACINGS}.")
  if spacing == "linear":
    return np.linspace(-span, span, side)
  return norm.ppf(np.linspace(0.02, 0.98, side))


def plane(latents: int, axes: tuple[int, int], values: np.ndarray) -> np.ndarray:
  """z [S, S, L]: axes[0] grows to the right, axes[1] upwards (row 0 is on top), others 0."""
  z = np.zeros((len(values), len(values), latents), np.float32)
  z[..., axes[0]] = values[None]
  z[..., axes[1]] = values[::-1, None]
  return z


def walks(base: np.ndarray, axes: np.ndarray, values: np.ndarray) -> np.ndarray:
  """z [A, S, L]: in each row one latent takes the values [S], the others stay at base [L]."""
  z = np.tile(np.asarray(base, np.float32), (len(axes), len(values), 1))
  for row, axis in enumerate(axes):
    z[row, :, axis] = values
  return z


def linear(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
  """(1 - t) a + t b at t in linspace(0, 1, steps): [..., L] twice -> [..., S, L]."""
  t = np.linspace(0, 1, steps)[:, None]
  return (1 - t) * a[..., None, :] + t * b[..., None, :]


def spherical(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
  """sin((1-t) w) / sin(w) a + sin(t w) / sin(w) b with w the angle between a and b: [S, L].

  A straight line passes nearer to the origin than typical draws of a Gaussian lie; this path
  keeps their distance from it. White (2016), section 2.1. Parallel codes have no arc and are
  joined by the line.
  """
  cosine = a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12)
  angle = np.arccos(np.clip(cosine, -1, 1))
  if np.sin(angle) < 1e-4:
    return linear(a, b, steps)
  t = np.linspace(0, 1, steps)[:, None]
  return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def ends(
  text: str, examples: dict[str, np.ndarray], classes: tuple[str, ...]
) -> list[tuple[int, int]]:
  """The rows of a split that are joined: the first of a class each, where there are classes.

  Raises:
    UserError: as `parse_pairs`.
  """
  if "label" not in examples or not classes:
    return parse_pairs(text, (), np.asarray([len(examples["x"])]))
  named, first = np.unique(examples["label"], return_index=True)
  rows = np.full(len(classes), -1)
  rows[named] = first
  return parse_pairs(text, classes, rows)


def towards(codes: np.ndarray, labels: np.ndarray, targets: np.ndarray) -> np.ndarray:
  """The step E[z | target] - E[z | other] of each of R examples, [..., R, L].

  Args:
    codes: of labelled examples, [..., N, L].
    labels: their classes, 0 or 1, [N].
    targets: the class that each example is to be moved to, [R].

  The "visual attribute vector" of Larsen et al. (2016).
  """
  first, second = (codes[..., labels == label, :].mean(-2) for label in (0, 1))
  return np.where(targets == 1, 1.0, -1.0)[:, None] * (second - first)[..., None, :]


def parse_pairs(
  text: str, names: tuple[str, ...], rows: np.ndarray
) -> list[tuple[int, int]]:
  """The rows of examples to join, from "3-8,1-7".

  Args:
    text: pairs of class names, or of row numbers of the split where there are no classes;
      empty for a few that lie apart.
    names: the classes, or none.
    rows: the first row of each class [V] (-1: none), or how many rows there are [1].

  Raises:
    UserError: a pair that is not two known names.
  """
  count = len(names) if names else int(rows[0])
  if not text:
    half = count // 2
    step = 1 if names else max(1, half // 4)
    ends = [(i, i + half) for i in range(0, half, step)][:4]
  else:
    ends = [_parse(part.strip(), names, count) for part in text.split(",")]
  found = [(int(rows[i]), int(rows[j])) for i, j in ends] if names else ends
  return [pair for pair in found if min(pair) >= 0]


def _parse(part: str, names: tuple[str, ...], count: int) -> tuple[int, int]:
  known = list(names) or [str(i) for i in range(count)]
  for at, sign in enumerate(part):  # a name may hold a dash itself
    left, right = part[:at], part[at + 1 :]
    if sign == "-" and left in known and right in known:
      return known.index(left), known.index(right)
  expected = f"the classes {', '.join(names)}" if names else f"rows 0 to {count - 1}"
  raise UserError(f"The setting pairs has {part!r}; expected two of {expected}, as in 3-8.")
