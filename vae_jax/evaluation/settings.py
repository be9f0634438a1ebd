"""The settings of an evaluation: read, checked and completed before anything is computed."""

from typing import Any

from vae_jax import config as configuration
from vae_jax import registry
from vae_jax.types import UserError

PALETTES = ("magma", "inferno", "viridis", "cividis", "gray")
COMMON = {
  "split": "test",  # the examples that are scored
  "limit": 1000,  # how many of them: the first ones
  "tune": 200,  # validation examples that methods and baselines are chosen on
  "palette": "magma",  # of grey images
}


def resolve(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
  """The settings with defaults filled in, each of the type of its default.

  Raises:
    UserError: a name that is no setting, a value of another type, an integer below 1, a
      number that is not above 0, or an unknown palette.
  """
  full = dict(defaults)
  for name, value in given.items():
    if name not in defaults:
      hint = registry.nearest(name, list(defaults))
      raise UserError(f"There is no setting {name!r}.{hint}")
    kind = type(defaults[name])
    value = configuration.fit(f"The setting {name}", defaults[name], value)
    if kind is int and value < 1 and value != defaults[name]:  # 0: as the model had
      raise UserError(f"The setting {name} is {value!r}; it must be at least 1.")
    if kind is float and value <= 0:
      raise UserError(f"The setting {name} is {value!r}; it must be above 0.")
    full[name] = value
  if "palette" in full and full["palette"] not in PALETTES:
    raise UserError(f"The setting palette is {full['palette']!r}; one of {PALETTES}.")
  return full


def one_of(settings: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
  """The value of a setting that is one of a few words.

  Raises:
    UserError: it is another word.
  """
  if settings[name] not in known:
    raise UserError(
      f"The setting {name} is {settings[name]!r}; expected {' or '.join(known)}."
    )
  return settings[name]


def of_each(modules: dict[str, Any], given: dict[str, str]) -> dict[str, dict[str, Any]]:
  """The settings of each application from the words of the command line.

  Raises:
    UserError: a name that none of them has, or a value that one of them refuses.
  """
  known = {name for module in modules.values() for name in module.SETTINGS}
  for name in given:
    if name not in known:
      hint = registry.nearest(name, [*known])
      raise UserError(f"None of {', '.join(modules)} has a setting {name!r}.{hint}")
  values = {name: configuration.literal(text) for name, text in given.items()}
  return {
    application: resolve(
      module.SETTINGS, {k: v for k, v in values.items() if k in module.SETTINGS}
    )
    for application, module in modules.items()
  }
