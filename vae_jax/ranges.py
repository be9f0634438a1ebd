"""Numbers of a configuration that are out of range are refused before anything is read."""

import math
from typing import Any

from vae_jax import registry
from vae_jax.types import UserError

FLOAT32 = 3.4028234e38
SEEDS = 2**31  # a seed is an int32 inside the program
PRECISIONS = ("default", "float32")  # of the products in training
WIDEST = 1_000_000  # of a layer


def check(full: dict) -> None:
  """Refuses a complete configuration with a number out of its range.

  Raises:
    UserError: naming the field, what it is and what it may be.
  """
  _finite("config", {k: v for k, v in full.items() if k not in ("sweep", "hyper")})
  if not 0 <= full["seed"] < SEEDS:
    raise UserError(f"config.seed is {full['seed']}; an integer in [0, 2^31).")
  _train(full["train"])
  _model(full)
  _optimizer(full["optimizer"])
  _parts(full)
  halving = full["halving"]
  if halving["first"] < 0 or halving["factor"] <= 1:
    raise UserError(
      f"config.halving has first {halving['first']} and factor {halving['factor']}: a step that"
      f" is not negative (0: no halving), and a factor above 1."
    )
  _at_least("two_stage.member", full["two_stage"]["member"], -1)
  if full["two_stage"]["learn"] not in ("prior", "all", "fresh_decoder"):
    raise UserError(
      f"config.two_stage.learn is {full['two_stage']['learn']!r}; expected prior (the prior alone"
      " is trained), all or fresh_decoder."
    )
  check_numbers(full["hyper"], "config.hyper", signed(full))


def signed(full: dict) -> tuple[str, ...]:
  """The numbers of `hyper` that may be negative: a target in nats under a density."""
  return getattr(registry.find("objectives", full["objective"]["name"]), "SIGNED", ())


def check_numbers(
  hyper: dict[str, float], where: str, signed: tuple[str, ...] = ()
) -> None:
  """Refuses numbers of `hyper` that cannot be meant.

  Args:
    hyper: the numbers.
    where: they were given, for the sentence.
    signed: those that may be negative.

  Raises:
    UserError: one is negative, not finite, beyond float32, or a share above 1.
  """
  for name, value in hyper.items():
    least = -FLOAT32 if name in signed else 0
    if not math.isfinite(value) or not least <= value <= FLOAT32:
      raise UserError(
        f"{where}.{name} is {value}; it must be finite and not negative, and within float32."
      )
  if hyper["corruption_rate"] > 1 or hyper["ema_decay"] >= 1:
    raise UserError(f"{where}.corruption_rate lies in [0, 1] and ema_decay in [0, 1).")


def check_plain(where: str, value: Any) -> None:
  """Refuses what JSON does not hold: a sweep is written to config.json as it is given.

  Raises:
    UserError: naming it.
  """
  if isinstance(value, dict):
    for name, inner in value.items():
      check_plain(f"{where}.{name}", inner)
      if not isinstance(name, str):
        raise UserError(f"{where} has the name {name!r}; a name is a string.")
  elif isinstance(value, list):
    for inner in value:
      check_plain(where, inner)
  elif not isinstance(value, str | int | float | None) or (
    isinstance(value, float) and not math.isfinite(value)
  ):
    raise UserError(
      f"{where} has {value!r}; expected finite numbers, texts, lists and names."
    )


def _train(train: dict) -> None:
  for name in ("batch_size", "eval_batch_size", "log_every", "keep"):
    _at_least(f"train.{name}", train[name], 1)
  counts = ("steps", "epochs", "eval_every", "checkpoint_every", "members_at_once")
  for name in (*counts, "patience"):
    if train[name] < 0:
      raise UserError(f"config.train.{name} is {train[name]}; it must not be negative.")
  if train["precision"] not in PRECISIONS:
    raise UserError(
      f"config.train.precision is {train['precision']!r}; expected {' or '.join(PRECISIONS)}:"
      " products as the hardware does them (bfloat16 or TF32 on an accelerator), or exact ones."
    )
  _at_least("train.resident_bytes", train["resident_bytes"], 0)
  if train["steps"] == 0 and train["epochs"] == 0:
    raise UserError(
      "config.train.epochs and config.train.steps are both 0: give one of them."
    )
  for name, most in (("steps", 2**31 - 1), ("log_every", 2**31 - 1), ("batch_size", 2**24)):
    if train[name] > most:
      raise UserError(f"config.train.{name} is {train[name]}; it must be at most {most:,}.")


def _model(full: dict) -> None:
  """Sizes of layers: every whole number among a model's options, but for counts that may be 0."""
  model = full["model"]
  if model["dtype"] not in ("float32", "bfloat16"):
    raise UserError(f"config.model.dtype is {model['dtype']!r}; float32 or bfloat16.")
  for name, value in model.items():
    none = name in ("constant", "above", "bars", "components")
    none = none or (name == "blocks" and value == 0)
    least = 0 if none else 1
    for one in value if isinstance(value, list) else [value]:
      if isinstance(one, int) and not isinstance(one, bool) and not least <= one <= WIDEST:
        raise UserError(
          f"config.model.{name} is {value}; it must be at least {least} and at most"
          f" {WIDEST:,}."
        )


def _optimizer(optimizer: dict) -> None:
  for name in ("b1", "b2"):
    if not 0 <= optimizer[name] < 1:
      raise UserError(f"config.optimizer.{name} is {optimizer[name]}; it lies in [0, 1).")
  if not 0 < optimizer["eps"] < 1:
    raise UserError(f"config.optimizer.eps is {optimizer['eps']}; it lies in (0, 1).")


def _parts(full: dict) -> None:
  """Options of a likelihood and of an objective: widths and counts are above 0."""
  if full["likelihood"].get("levels", 2) < 2:
    raise UserError(
      f"config.likelihood.levels is {full['likelihood']['levels']}; it must be at least 2."
    )
  for part in ("likelihood", "objective"):
    for name, value in full[part].items():
      if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
        raise UserError(f"config.{part}.{name} is {value}; it must be above 0.")
      if isinstance(value, float) and value > FLOAT32:
        raise UserError(f"config.{part}.{name} is {value}; it must be within float32.")


def _at_least(name: str, value: float, least: int) -> None:
  if value < least:
    raise UserError(f"config.{name} is {value}; it must be at least {least}.")


def _finite(where: str, value: Any) -> None:
  if isinstance(value, dict):
    for name, inner in value.items():
      _finite(f"{where}.{name}", inner)
  elif isinstance(value, list):
    for inner in value:
      _finite(where, inner)
  elif isinstance(value, float) and not math.isfinite(value):
    raise UserError(f"{where} is {value}; it must be a finite number.")
