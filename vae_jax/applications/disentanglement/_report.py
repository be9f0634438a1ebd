"""The disentanglement of a sweep in tables, sentences and pictures of its own."""

from typing import Any

import numpy as np

from vae_jax.evaluation import figures as kit
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.numbers import plus_minus, text
from vae_jax.evaluation.protocol import Member
from vae_jax.evaluation.sentences import WORDS
from vae_jax.metrics import comparison
from vae_jax.studies import latent_pictures as space
from vae_jax.studies import symbols
from vae_jax.studies.latent_pictures import Drawing
from vae_jax.types import Figure, Table

COMPARED = ("mig", "factor", "beta", "sap", "d")  # scores that a winner is named by
CURVES = ("mig", "factor", "beta", "sap", "d", "i")
SPAN, STEPS = 2.0, 9  # of a traversal, in the units of its `Drawing`
ROWS = 10  # latents that are walked along at most


def answers(outcome: Outcome) -> list[tuple[Member, dict[str, Any]]]:
  """Every member with its code and what was said of it, without codes that hold a NaN."""
  found = [(r.member, r.answer) for r in outcome.results if r.member and "mig" in r.scores]
  return sorted(found, key=lambda pair: pair[0].number)


def places(outcome: Outcome) -> Table:
  """For each member and factor the latent that knows most of it."""
  keys, rows = of_members.columns(outcome.members), []
  for member, answer in answers(outcome):
    known = answer["information"]
    for f, factor in enumerate(outcome.task.source.spec.factors):
      best, *rest = np.argsort(-known[:, f])
      row = [*(member.row.get(key) for key in keys), member.active, factor.name]
      row += [len(factor.values), int(best) + 1, float(known[best, f])]
      row += [float(known[rest[0], f]) if rest else 0.0, float(answer["accuracy"][f])]
      rows.append(row)
  columns = (*keys, "active", "factor", "values", "latent", "knows", "second knows")
  note = (
    "latent: the one with the most information on the factor, in shares of the factor's entropy;"
    " the MIG is the mean of the gaps to the second. accuracy: of DCI's classifier, from all"
    " latents, on examples held out."
  )
  return Table("Where each factor is", (*columns, "accuracy"), rows, note)


def winners(outcome: Outcome) -> list[str]:
  """The setting that each score prefers on validation, beside the best code without training."""
  metrics = outcome.application.metrics
  ours = {(line.setting, line.method): line for line in outcome.ours}
  best = {n: of_results.choose(outcome.known, n, metrics[n], ("",)) for n in COMPARED}
  found = {name: ours[which] for name, which in best.items() if which in ours}
  said, named = [], {name: of_members.name(line.setting) for name, line in found.items()}
  if found and outcome.on_validation:
    told = ", ".join(f"{metrics[name].title} {who}" for name, who in named.items())
    said.append(f"The setting that each score prefers on validation: {told}.")
  verdicts = [
    (name, *of_results.against_baselines(line, outcome.baselines, name, metrics[name], ("",)))
    for name, line in found.items() if outcome.baselines
  ]  # fmt: skip
  adjusted = comparison.holm(np.array([v.difference.p for _, v in verdicts]))
  words: dict[str, list[str]] = {}
  for (name, v), p in zip(verdicts, adjusted, strict=True):
    sign = "ahead" if v.difference.mean > 0 else "behind"
    value = text(of_results.mean(v.ours, name, metrics[name], ""), 2)
    told = f"{metrics[name].title} {value} ({plus_minus(v.difference, 2, sign=True)} to"
    words.setdefault(sign if p < 0.05 else "open", []).append(f"{told} {v.theirs.method})")
  by = "; each by the setting that the score prefers" if outcome.on_validation else ""
  said += [f"{WORDS[word].capitalize()}: {', '.join(v)}{by}." for word, v in words.items()]
  return said


def between(outcome: Outcome) -> list[str]:
  """How much of the MIG is the seed's and how much the setting's."""
  known = [(line, of_results.values(line, "mig", "")) for line in outcome.ours]
  mig = [(line, v.ravel()) for line, v in known if v is not None]
  several = [(line, v) for line, v in mig if len(v) > 1]
  if not several:
    return ["One seed a setting: how far a score is luck cannot be said."] if mig else []
  within = float(np.mean([np.ptp(v) for _, v in several]))
  line, widest = max(several, key=lambda pair: np.ptp(pair[1]))
  said = (
    f"Between seeds of one setting the MIG spreads by {within:.2f} on average, most for"
    f" {of_members.name(line.setting) or 'the model'} ({widest.min():.2f} to {widest.max():.2f})"
  )
  if len(mig) < 2:
    return [f"{said}."]
  across = float(np.ptp([v.mean() for _, v in mig]))
  verdict = "less than" if within < across else "as much as"
  return [f"{said}, {verdict} between the means of settings ({across:.2f})."]


def figures(outcome: Outcome) -> list[Figure]:
  """Scores over what is swept; heat maps and traversals of a few members."""
  known = {member.number: answer for member, answer in answers(outcome)}
  drawn = {m.number: m for m in (outcome.lead, *of_members.spread(outcome.members))}
  drawn = [m for number, m in drawn.items() if number in known][: of_members.SHOWN]
  several = [(space.of(outcome, m), known[m.number]) for m in drawn]
  text = (
    "What each latent knows of each factor, in shares of the factor's entropy. One bright cell in"
    " each column and at most one in each row is a disentangled code."
  )
  found = _curves(outcome) + [
    _map(d, f"information_{i + 1}", answer["information"], text)
    for i, (d, answer) in enumerate(several)
  ]
  text = (
    "How much each latent serves the classifier of each factor that DCI fits, of the member that"
    " is drawn first; columns sum to 1."
  )
  found += [_map(d, "importance", answer["importance"], text) for d, answer in several[:1]]
  return found + [
    _walk(outcome, d, f"traversal_{i + 1}", answer["information"])
    for i, (d, answer) in enumerate(several)
  ]


def _curves(outcome: Outcome) -> list[Figure]:
  """Every score over β, or over the first number that is swept, where nothing else is."""
  lines = of_results.lines([r for r in outcome.results if r.member])  # the collapsed, too
  axis = kit.axis_of([line.setting for line in lines])
  others = {tuple(kv for kv in line.setting if kv[0] != axis) for line in lines}
  by = {dict(line.setting).get(axis): line for line in lines if of_results.has(line, "mig")}
  if not axis or len(others) > 1 or None in by or len(by) < 2:
    return []
  at, series = kit.axis_places(list(by)), {}
  for name in CURVES:
    metric = outcome.application.metrics[name]
    found = [of_results.interval(by[v], name, metric, "") for v in at]
    series[metric.title] = kit.curve([*at.values()], found)
  label = of_members.short(axis)
  ticks = {of_members.sweep.text(value): x for value, x in at.items()}
  data = {"series": series, "x_label": label, "y_label": "score", "ticks": ticks}
  data["log"] = kit.log_scale([*at.values()])
  text = (
    f"The mean over seeds of each score over {label}, and its 95 % interval. Each score has a"
    " ceiling and a floor of its own: compare shapes, not heights."
  )
  return [Figure("scores", "lines", data, text)]


def _map(d: Drawing, name: str, matrix: np.ndarray, caption: str) -> Figure:
  """A matrix [L, F] as colours, the latents by what they carry."""
  rows = [f"z{i + 1}" for i in d.order]
  if d.member.run.stochastic and symbols.is_gaussian(d.member.run):
    rows = [f"z{i + 1} · {d.rates[i]:.1f} nats" for i in d.order]
  data = {"values": matrix[d.order], "rows": rows, "title": d.title, "limits": (0.0, 1.0)}
  data |= {"columns": [factor.name for factor in d.source.spec.factors], "form": ".2f"}
  return Figure(name, "heatmap", data | {"y_label": "latent · its rate"}, caption)


def _walk(outcome: Outcome, d: Drawing, name: str, known: np.ndarray) -> Figure:
  """One latent varies in each row, the others stay at the code of one example."""
  factors, v = d.source.spec.factors, outcome.tasks[d.member.part].truth
  sizes = np.array([len(factor.values) for factor in factors])
  aim = np.array([1.0 if f.name == "scale" else 0.5 for f in factors])
  middle = int(np.argmin(np.abs(v / (sizes - 1) - aim).sum(1)))  # a large one
  labels = []
  for axis in d.busy[: 1 if "COLLAPSED" in d.member.active else ROWS]:
    f = int(np.argmax(known[axis]))
    labels.append(f"z{axis + 1} · {factors[f].name} {known[axis, f]:.2f}")
  text = (
    "Each row walks along one latent, the others held at the code of one example. Beside it: the"
    " factor it knows most of, and that information in shares of the factor's entropy."
  )
  return space.traversal(d, name, middle, np.linspace(-SPAN, SPAN, STEPS), labels, text)
