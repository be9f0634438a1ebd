"""A user's own rows or images: scored, ranked among normal ones, flagged, and explained."""

from typing import Any

from vae_jax.run import Run


def check(run: Run, settings: dict[str, Any]) -> None:
  """Refuses an input that does not fit."""
