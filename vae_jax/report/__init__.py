"""Reports as files: `save` writes what an application found, `render` makes the page."""

from vae_jax.report.page import render
from vae_jax.report.store import load, save

__all__ = ["load", "render", "save"]
