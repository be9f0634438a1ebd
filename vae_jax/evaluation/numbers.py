"""Numbers in words: digits, signs, intervals, p-values."""

import math

from vae_jax.metrics.comparison import Estimate


def text(value: float, digits: int) -> str:
  """With a true minus sign, no minus before a zero, and NaN as a word."""
  if not math.isfinite(value):
    return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
  plain = f"{value:,.{digits}f}"
  return (
    plain.lstrip("-") if float(plain.replace(",", "")) == 0 else plain.replace("-", "−")
  )


def signed(value: float, digits: int) -> str:
  """With its sign always."""
  plain = text(value, digits)
  return plain if plain[0] in "−N" or value < 0 else f"+{plain}"


def plus_minus(found: Estimate, digits: int, sign: bool = False, told: bool = True) -> str:
  """A mean and its half width, "1.31 ± 0.54"; the mean alone of two seeds that tell nothing."""
  mean = (signed if sign else text)(found.mean, digits)
  known = math.isfinite(found.half) and (told or found.seeds != 2)  # t = 12.7
  return f"{mean} ± {text(found.half, digits)}" if known else mean


def listed(words: list[str]) -> str:
  """The words "a", "a and b", "a, b and c"."""
  return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def counted(count: int, word: str) -> str:
  """The words "1 seed", "3 seeds"."""
  return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def p_value(p: float) -> str:
  """The words "= 0.012" or "< 0.001"."""
  return "< 0.001" if p < 0.001 else f"= {p:.2g}"
