"""Rate against distortion: codecs with loss beside one another, and the bits of a stream."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from vae_jax.baselines import transform_coding
from vae_jax.codec.stack import Stack
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.metrics import image, rate_distortion
from vae_jax.types import Figure, Table

LANES = 64  # streams of a file
PRECISION = 24
Curve = Sequence[tuple[float, float]]  # (bits, squared error) of each quality
TITLE = "With loss: rate and distortion"


def firsts(
  outcome: Outcome, most: int, fits: Callable[[Member], bool] = lambda member: True
) -> dict[str, Member]:
  """The first seed of each setting on the lead's data by its name, the lead's setting first."""
  found: dict[str, Member] = {}
  for member in [outcome.lead, *outcome.members]:
    if member.part == outcome.lead.part and fits(member):
      found.setdefault(title(member), member)
  return dict([*found.items()][:most])


def title(member: Member) -> str:
  """A member's setting as the name of its codec."""
  return of_members.name(member.setting) or "VAE"


def stream_bits(quantiser: transform_coding.Quantiser, places: np.ndarray) -> float:
  """The bits of a stream that really holds the places [N, L], at the quantiser's code lengths."""
  share = np.exp2(-quantiser.bits)
  mass = np.floor(share * (2**PRECISION - share.shape[1])).astype(np.int64) + 1
  start = np.cumsum(mass, 1) - mass
  stack = Stack(0)
  stack.open(LANES)
  before = stack.bits
  for block in np.array_split(places, -(-len(places) // LANES)):
    for i, own in enumerate(block.T):
      stack.push(start[i][own], mass[i][own], PRECISION)
  return stack.bits - before


def drawn(
  named: Mapping[str, Curve], classic: Collection[str], of: str, note: str
) -> tuple[Table, Figure]:
  """The table of all points, and PSNR over bits.

  Args:
    named: the curve of each codec.
    classic: the codecs that are dashed.
    of: what bits are of: "an example", "a frame".
    note: below the table.
  """
  psnr = lambda error: float(image.psnr(error))
  rows = [[who, *point, psnr(point[1])] for who, c in named.items() for point in c]
  series = {
    who: {
      "x": [bits for bits, _ in curve],
      "y": [psnr(error) for _, error in curve],
      "style": "dashed" if who in classic else "solid",
    }
    for who, curve in named.items()
  }
  data = {"series": series, "x_label": f"bits {of}", "y_label": "PSNR, dB", "log": "x"}
  figure = Figure("rate_distortion", "lines", data, "Error against coded bits, with loss.")
  return Table(TITLE, ("codec", "bits", "mse", "psnr"), rows, note), figure


def saved(theirs: Curve, ours: Curve, name: str, rival: str) -> str:
  """The Bjøntegaard rate of `ours` against `theirs` as a sentence."""
  split = lambda c: (np.array([b for b, _ in c]), image.psnr(np.array([e for _, e in c])))
  rate = rate_distortion.bjontegaard(*split(theirs), *split(ours))
  if not np.isfinite(rate):
    return f"With loss, {name} and {rival} reach no common error: no rate compares them."
  return (
    f"With loss, {name} needs {abs(rate):.0f} % {'fewer' if rate < 0 else 'more'} bits than"
    f" {rival} at equal error (Bjøntegaard rate, over the errors that both reach)."
  )
