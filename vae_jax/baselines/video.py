"""Simple predictions of a clip: the last frame, constant velocity, a linear recurrence."""

import numpy as np

from vae_jax.baselines import pca

SPANS = (1, 2, 4)  # frames that a velocity is measured over
NUMBERS = (8, 16, 32, 64)  # of the linear code
RIDGE = 1e-3


def last_frame(seen: np.ndarray, ahead: int) -> np.ndarray:
  """[N, K, H, W] -> [N, ahead, H, W]: the last frame, again and again."""
  return np.repeat(seen[:, -1:], ahead, axis=1)


def constant_velocity(seen: np.ndarray, ahead: int, span: int) -> np.ndarray:
  """The last frame shifted on by the velocity of the last `span` frames.

  The shift of whole pixels that makes the frame of `span` before most alike the last one, by
  their cross-correlation; a tie goes to the smaller shift. What moves in from outside is black.

  Args:
    seen: [N, K, H, W].
    ahead: frames.
    span: at most K - 1.
  """
  span = min(span, seen.shape[1] - 1)
  shift = _shift(seen[:, -1 - span], seen[:, -1])  # [N, 2]
  found = np.zeros((len(seen), ahead, *seen.shape[2:]), seen.dtype)
  for n, frame in enumerate(seen[:, -1]):
    for t in range(ahead):
      found[n, t] = _moved(frame, np.round(shift[n] * (t + 1) / span).astype(int))
  return found


def cross_fade(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
  """The frame at `share` of the way from a to b, [N, H, W] each: their weighted mean."""
  return ((1 - share) * a + share * b).astype(np.float32)


def moved_between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
  """As `cross_fade`, of both frames shifted along the motion from a to b to that moment.

  The motion is one shift of whole pixels for the whole frame, as in `constant_velocity`.
  """
  shift = _shift(a, b)
  forth = np.round(share * shift).astype(int)
  back = forth - shift.astype(int)
  first, last = (
    np.stack([_moved(x, by) for x, by in zip(frames, steps, strict=True)])
    for frames, steps in ((a, forth), (b, back))
  )
  return cross_fade(first, last, share)


class Rule:
  """PCA of single frames and z_{t+1} = z_t A + b, by ridge regression: a VAR(1)."""

  def __init__(self, clips: np.ndarray, numbers: int):
    """Fits to clips [N, T, H, W]."""
    flat = clips.reshape(-1, *clips.shape[2:])
    self.code = pca.fit(flat, numbers)
    z = pca.encode(self.code, flat).reshape(*clips.shape[:2], -1)
    before, after = (part.reshape(-1, z.shape[-1]) for part in (z[:, :-1], z[:, 1:]))
    self.mean = before.mean(0), after.mean(0)
    x, y = before - self.mean[0], after - self.mean[1]
    inner = x.T @ x
    ridge = RIDGE * np.trace(inner) / len(inner) * np.eye(len(inner))
    self.weights = np.linalg.solve(inner + ridge, x.T @ y)

  def __call__(self, seen: np.ndarray, ahead: int) -> np.ndarray:
    """[N, K, H, W] -> [N, ahead, H, W] from the last frame."""
    z, found = pca.encode(self.code, seen[:, -1]), []
    for _ in range(ahead):
      z = (z - self.mean[0]) @ self.weights + self.mean[1]
      found.append(pca.decode(self.code, z))
    return np.clip(np.stack(found, 1), 0, 1)


def _shift(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """The shift [N, 2] of whole pixels that makes frames a [N, H, W] most alike b."""
  height, width = a.shape[1:]
  size = 2 * height, 2 * width  # so that nothing goes round
  product = np.conj(np.fft.rfft2(a, size)) * np.fft.rfft2(b, size)
  alike = np.fft.irfft2(product, size)
  rows, columns = (np.fft.fftfreq(n, 1 / n) for n in size)
  alike = alike - 1e-6 * (np.abs(rows)[:, None] + np.abs(columns)[None])
  at = alike.reshape(len(a), -1).argmax(1)
  return np.stack([rows[at // size[1]], columns[at % size[1]]], -1)


def _moved(frame: np.ndarray, by: np.ndarray) -> np.ndarray:
  found = np.zeros_like(frame)
  sizes = np.array(frame.shape)
  if (np.abs(by) >= sizes).any():
    return found
  to, of = np.maximum(by, 0), np.maximum(-by, 0)
  kept = sizes - np.abs(by)
  found[to[0] : to[0] + kept[0], to[1] : to[1] + kept[1]] = frame[
    of[0] : of[0] + kept[0], of[1] : of[1] + kept[1]
  ]
  return found
