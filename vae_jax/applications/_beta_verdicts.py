"""What the comparison says in sentences: which setting is better, or why it cannot be said."""

import math

from vae_jax.applications import _beta_settings as groups
from vae_jax.applications._beta_scores import SCORES, Member
from vae_jax.applications._beta_settings import Design, Pair
from vae_jax.metrics.comparison import Interval
from vae_jax.training import sweep

LEVEL = 0.05  # of Holm's p-value, below which a difference is called one
NEAR = 0.5  # nats below the ceiling from which the information is called cut off
SENTENCES = 8  # pairs told in words; the table has all of them


def findings(
  found: Design, pairs: list[Pair], averages: list[dict[str, Interval]], title: str
) -> list[str]:
  """The best setting, the verdicts, the collapsed, the dead and the stopped.

  Args:
    found: the design.
    pairs: of settings, compared.
    averages: of each setting by score.
    title: of the score.
  """
  top = groups.best(found)
  average = next(
    (a[found.score] for s, a in zip(found.settings, averages, strict=True) if s is top),
    None,
  )
  if top is None or average is None:
    said = ["No setting has a member with a finite score: there is nothing to compare."]
  elif len(found.settings) == 1:
    said = [
      f"There is one setting only, with {title} {interval(average)}: sweep a number to compare"
      f" settings. {seeds_known(len(top.members))}"
    ]
  else:
    said = [
      f"Of {len(found.settings)} settings {groups.label(top)} has the lowest {title}:"
      f" {interval(average)} over {_seeds(len(top.members))}."
    ]
  told = [
    pair for pair in pairs if len(pairs) <= SENTENCES or top is pair.a or top is pair.b
  ]
  said += [sentence(pair, found.score) for pair in told[:SENTENCES]]
  if len(pairs) > len(told[:SENTENCES]):
    said.append(f"The table has all {len(pairs)} pairs.")
  return said + _cautions(found)


def saturated(
  found: Design, averages: list[dict[str, Interval]], ceiling: float
) -> list[str]:
  """Where the information is as large as the examples can show, in a sentence.

  Args:
    found: the design.
    averages: of each setting by score.
    ceiling: nats, of `_beta_scores.ceiling`.
  """
  full = [
    groups.label(setting)
    for setting, average in zip(found.settings, averages, strict=True)
    if average and float(average["information"].mean) > ceiling - NEAR
  ]
  if not full:
    return []
  return [
    f"The mutual information of {'; '.join(full)} is within {NEAR:g} nats of {ceiling:.2f}, the"
    " log of the number of examples: it is at least that, and KL(q(z) ‖ p(z)) and the total"
    " correlation are at most what the tables say."
  ]


def sentence(pair: Pair, score: str) -> str:
  """The verdict on two settings: better by how much, or what it would take to say."""
  d, what = pair.difference, SCORES[score]
  a, b = groups.label(pair.a), groups.label(pair.b)
  if not math.isfinite(d.mean):
    return f"{a} against {b}: NaN, at least one of the scores is."
  relation = "better" if what.lower_is_better else f"lower in {what.label}"
  size = interval(Interval(-d.mean, -d.high, -d.low)).replace(" [", f" {what.unit} [")
  if d.seeds == 1:
    return (
      f"Whether {a} is {relation} than {b} cannot be said with one seed: the two models differ"
      f" by {size}, an interval of the test examples alone; train more seeds of both."
    )
  p = f"Holm p {p_value(pair.p)}"
  if pair.p < LEVEL:
    return f"{a} is {relation} than {b} by {size}, {p} ({_seeds(d.seeds)})."
  return (
    f"Whether {a} is {relation} than {b} cannot be said with {_seeds(d.seeds)}: {size}, {p};"
    f" {more(pair)}."
  )


def more(pair: Pair) -> str:
  """How many more seeds would settle it, and what would if none do."""
  d = pair.difference
  if pair.needed is None:
    if d.example_error > d.seed_std / math.sqrt(d.seeds):
      return "more seeds would not settle it, more test examples might"
    return "1,000 seeds would not settle it: there is no difference to speak of"
  extra = max(1, pair.needed - d.seeds)
  return f"about {extra} more seed{'s' if extra > 1 else ''} would settle it"


def verdict(pair: Pair) -> str:
  """The same in a cell of a table."""
  if not math.isfinite(pair.difference.mean):
    return "NaN"
  if pair.difference.seeds == 1:
    return "one seed"
  return "yes" if pair.p < LEVEL else f"cannot be said; {more(pair)}"


def interval(found: Interval) -> str:
  """A mean with its interval to two figures of its width, "1.31 [0.82, 1.90]", or alone."""
  mean, low, high = (float(v) for v in found)
  if not math.isfinite(mean):
    return "NaN"
  if not math.isfinite(high - low):
    return number(mean, 2)
  size = max(abs(low), abs(high))
  if size < 1e-6:
    return "0 [0, 0]"
  digits = 3 - math.floor(math.log10(size))  # four figures at most, however narrow
  if low < high:
    digits = min(digits, 2 - math.ceil(math.log10(high - low)))
  return "{} [{}, {}]".format(*(number(v, max(0, digits)) for v in (mean, low, high)))


def number(value: float, digits: int) -> str:
  """With a true minus sign, and no minus before a zero."""
  text = f"{value:,.{digits}f}"
  return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def p_value(p: float) -> str:
  """The words "= 0.012" or "< 0.001"."""
  return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def seeds_known(count: int) -> str:
  """What an interval is of."""
  if count == 1:
    return "With one seed only the test examples' part of the uncertainty is known."
  return f"The interval is of {_seeds(count)} and the test examples."


def name(member: Member) -> str:
  """A member in a sentence."""
  return f"{sweep.label(member.row)} (member {member.number})"


def _cautions(found: Design) -> list[str]:
  said = []
  flat = [s for s in found.settings if groups.collapse(s)]
  if flat:
    count = lambda s: f"{sum(m.collapsed for m in s.members)} of {_seeds(len(s.members))}"
    names = "; ".join(f"{groups.named(s.values)} ({count(s)})" for s in flat)
    said.append(
      f"COLLAPSED: no latent is active in {names}; such scores say nothing of a code."
    )
  left = [member for setting in found.settings for member in setting.left_out]
  for word, why in (("dead", "its numbers became NaN"), ("stopped", "by early stopping")):
    some = [m for m in left if m.ended.startswith(word)]
    if some:
      named = "; ".join(f"{name(m)}, {m.ended}" for m in some[:5])
      named += f" and {len(some) - 5} more" if len(some) > 5 else ""
      verb = "is" if len(some) == 1 else "are"
      said.append(f"{len(some)} {word} ({why}) {verb} in no average: {named}.")
  return said


def _seeds(count: int) -> str:
  return "one seed" if count == 1 else f"{count} seeds"
