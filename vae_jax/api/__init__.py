"""The library in five lines: `fit` trains, `load` opens, a `Model` answers."""

from vae_jax.api.fitting import fit
from vae_jax.api.model import Model, load

__all__ = ["Model", "fit", "load"]
