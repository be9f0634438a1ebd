"""explore.html: a page on which a reader moves through the latent space of a run."""

from vae_jax.explore.page import write

__all__ = ["write"]
