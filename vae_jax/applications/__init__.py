from vae_jax.applications._members import resolve, together

__all__ = ["resolve", "together"]
