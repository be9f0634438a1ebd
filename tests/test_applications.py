"""How reports of several programs were joined before the evaluation kit."""

from vae_jax.applications import _members
from vae_jax.types import Table


def test_the_note_of_several_programs_says_what_each_of_them_says_of_its_own():
  rows = [[1.0], [2.0]]
  notes = [f"Over {n} rows. Lower is better; draws: 50. Mask seed {n}." for n in (7, 8)]
  parts = [
    (f"seed {i}", Table("t", ("mse",), [row], note))
    for i, (row, note) in enumerate(zip(rows, notes, strict=True))
  ]
  both = _members._joined(parts)
  assert both.rows == rows
  assert both.note == (
    "Lower is better; draws: 50. seed 0: Over 7 rows. Mask seed 7."
    " seed 1: Over 8 rows. Mask seed 8."
  )
  assert _members._joined(parts[:1]).note == notes[0]
