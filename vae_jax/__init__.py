"""Variational autoencoders as pure functions: one example, then a batch, a sweep, a pod.

    model = vae_jax.fit("digits", beta=4, seed=[0, 1, 2])
    model = vae_jax.load("runs/digits")
    z = model[0].encode(x)

The names below are imported when they are first used: `import vae_jax` itself costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from vae_jax.api import Model, fit, load
  from vae_jax.types import UserError

__all__ = ["Model", "UserError", "fit", "load"]
_HOMES = {"Model": "api", "fit": "api", "load": "api", "UserError": "types"}


def __getattr__(name: str) -> Any:
  if name not in _HOMES:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
  import importlib

  return getattr(importlib.import_module(f"vae_jax.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
