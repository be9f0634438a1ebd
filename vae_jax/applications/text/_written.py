"""Whether the code is used, and sentences written from codes: of an example, a path, the prior."""

import itertools
from typing import NamedTuple

import jax
import numpy as np

from vae_jax import asking
from vae_jax.baselines import kneser_ney
from vae_jax.baselines import sentiment as judges
from vae_jax.data import sentences
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.members import has_code
from vae_jax.evaluation.numbers import plus_minus
from vae_jax.evaluation.protocol import Extra
from vae_jax.evaluation.source import Source
from vae_jax.inference import walks
from vae_jax.inputs.sentences import Pair, Pairs, pair, pairs
from vae_jax.metrics import information, text
from vae_jax.run import Run, open_beside
from vae_jax.studies import language
from vae_jax.studies import rates as of_rates
from vae_jax.studies.sections import Part, each
from vae_jax.types import Figure, Table, UserError

PAIRS = 8  # of the split, that the curve of a path averages over; two are written out


class Own(NamedTuple):
  """What a task keeps beside the sentences that are scored."""

  rows: np.ndarray  # [R] of the split, that are scored
  pair: Pair | None  # this and what follows: named by the settings
  pairs: Pairs | None
  language: Run | None
  conditional: Run | None


def given(source: Source) -> tuple[Pair | None, Pairs | None, Run | None, Run | None]:
  """What the settings name, opened and refused before minutes of compute; see `Own`.

  Raises:
    UserError: a pair that cannot be read, a run that is no language model, no conditional VAE,
      or of other data, or a conditional one that has nothing to stand beside.
  """
  s, run = source.settings, source.run
  plain = has_code(run) and run.vae.given is None and len(run.spec.classes) == 2
  if s["conditional"] and not plain:
    raise UserError(
      f"The setting conditional names {s['conditional']}, which stands beside a VAE that is not"
      " conditional, on sentences of two classes alone; evaluate it alone."
    )
  listens = lambda other: other.vae.given is not None and has_code(other)
  unit = sentences.unit(run.config)
  both = pair(s["pair"], run.spec, unit) if s["pair"] else None
  many = pairs(s["pairs"], run.spec, unit) if s["pairs"] else None
  beside = language.opened(run, s["language_model"])
  told = "of a conditional VAE: train with model.condition=label"
  return both, many, beside, open_beside(run, s["conditional"], listens, told)


class Sentences(Part):
  """What the sections read beside the members and their answers."""

  def __init__(self, outcome: Outcome, number: int):
    super().__init__(outcome, number)
    self.train, self.x = self.source.data.splits["train"], self.task.examples["x"]
    self.asked = self.source.key, self.settings["batch"]
    size, order = self.source.spec.categories, self.settings["order"]
    self.model = kneser_ney.fit(self.train["x"], order, size)
    self.lines = self.texts(self.x)

  def texts(self, rows: np.ndarray) -> list[str]:
    """The sentences of rows [N, T]."""
    return sentences.lines(rows, self.source.spec, sentences.unit(self.source.run.config))

  def judged(self, rows: np.ndarray) -> np.ndarray:
    """The classes [N] of rows [N, T] by a classifier of the training sentences."""
    fit = lambda: judges.fit(self.texts(self.train["x"]), self.train["label"])
    return judges.predict(self.source.once("judge", fit), self.texts(rows)).astype(np.int32)


def use(part: Sentences) -> Extra:
  """What the code of another sentence costs and each latent is charged; the code's use in words."""
  gaps, rates, outcome, metrics = {}, {}, part.outcome, part.outcome.application.metrics
  for m in part.shown if part.coded else ():
    own = part.first[m.number].answer
    gaps[part.title(m, "sentences")] = own["stranger"] - own["own"]
    if m.run.vae.latents == part.lead.run.vae.latents and np.isfinite(own["charged"]).all():
      rates[part.title(m, "latents")] = np.sort(own["charged"])[::-1]
  labels = [str(i + 1) for i in range(part.lead.run.vae.latents)]
  gap = {
    "series": gaps,
    "x_label": "nats that the code of another sentence costs",
    "y_label": "share",
  }
  rate = {"series": rates, "x_label": "latent, the busiest first", "y_label": "nats"}
  caption = (
    "How much less likely a sentence is under the code of another one, for each sentence. A"
    " peak at 0 would be a decoder that does not read its code."
  )
  figures = [Figure("swapped", "histogram", gap, caption)]
  caption = "What each latent is charged on average: its KL to the prior."
  figures += [Figure("rates", "bars", {**rate, "labels": labels}, caption)] if rates else []
  scores, count = part.first[part.lead.number].scores, len(part.task.whole["x"])
  known = [name for name in ("kl", "mi", "own", "stranger") if name in scores]
  told = [f"{metrics[name].title} {scores[name].mean():.1f} nats" for name in known]
  active = f"; {part.lead.active} latents active" if part.lead.active else ""
  said = [f"{', '.join(told)}{active}."] if part.coded else []
  said += of_rates.absent(part.coded)
  full = [of_members.name(r.member.row) for r in part.first.values() if "mi" in r.scores and
          information.saturated(r.scores["mi"][0], count)]  # fmt: skip
  if full:
    said.append(
      f"Mutual information is at least that of the table for {', '.join(full)}: {count:,}"
      f" sentences show no more than {np.log(count):.1f} nats."
    )
  theirs = [one for one in outcome.baselines if one.method.startswith("language model")]
  for line in [
    one for one in theirs if outcome.verdicts and one is not outcome.verdicts[0].theirs
  ]:
    d = of_results.paired(outcome.chosen, line, "nll", metrics["nll"], "")
    said.append(f"Against the {line.method}: {plus_minus(d, 2, sign=True)} nats.")
  if part.coded and not theirs:
    said.append("No language model to compare with: --set language_model=<its run>.")
  arrays = part.stacked("rate", "distortion", "means", "written")
  return Extra([], figures if part.coded else [], said, arrays)


def reconstruction(part: Sentences) -> Extra:
  """What survives the code: BLEU, exact match, edits; and sentences side by side."""
  rows, symbols = [], part.source.spec.symbols
  for m in part.coded:
    own = part.first[m.number].answer["written"]
    stranger = np.roll(own, max(1, len(own) // 2), 0)
    for method, y in (("own code", own), ("another's code", stranger)):
      rows.append([*part.cells(m), method, *text.rebuilt(part.x, y, symbols)])
  if not rows:
    return Extra()
  note = (
    "Greedy decoding of the mean code against the sentence; BLEU-4 of the corpus (sacrebleu,"
    " 0 to 100). another's code: what was written from the code of another sentence, the floor."
  )
  lead = part.first[part.lead.number].answer["written"]
  shown = [list(pair) for pair in zip(part.lines, part.texts(lead[:8]), strict=False)]
  title, names = "What survives the code", ("sentence", "written from its code")
  side = Table(f"{title}: side by side", names, shown, part.title(part.lead))
  columns = (*part.keys, "method", "bleu", "exact, %", "edits per symbol")
  bleu, exact, _ = text.rebuilt(part.x, lead, symbols)
  told = f"Reconstruction BLEU {bleu:.1f}, exact {exact:.1f} %."
  return Extra([Table(title, columns, rows, note), side], [], [told])


def interpolation(part: Sentences) -> Extra:
  """Greedy sentences on straight lines between two codes, their fluency and their steps."""
  if not (part.coded and part.real):
    return Extra()
  steps, model, (lines, ends, label) = part.settings["steps"], part.model, _ends(part)
  t = np.linspace(0, 1, steps)
  nearer = None if label is None else label[:, (t > 0.5).astype(int)].reshape(-1)

  def along(run: Run) -> np.ndarray:
    first, last = np.split(part.source.posterior(run, ends).mean, 2, 1)
    z = walks.linear(first, last, steps)  # [M, P, S, L]
    flat = z.reshape(len(z), -1, z.shape[-1])
    return asking.greedy(run, flat, nearer, *part.asked).reshape(*z.shape[:3], -1)

  written, tables = each(part.coded, along), []
  reads = lambda member: kneser_ney.fluency(model, written[member.number])
  series = {part.title(m, "greedy"): reads(m) for m in part.shown}
  for i, path in enumerate(written[part.lead.number][:2]):
    first, last = lines[i :: len(lines) // 2]
    moved = itertools.starmap(text.edits, itertools.pairwise(map(text.words, path)))
    rows = zip(t.tolist(), part.texts(path), [None, *moved], strict=True)
    note = f"From “{first}” to “{last}”. {part.title(part.lead)}".strip()
    note += "" if label is None else " The label is that of the nearer end."
    columns, title = ("way", "written", "edits from the one above"), "Between two sentences"
    tables.append(Table(f"{title} ({i + 1})", columns, [*map(list, rows)], note))
  data = {"x": t, "series": series, "x_label": "way along the path"}
  data["y_label"] = f"nats per symbol ({model.order}-gram)"
  caption = (
    "How fluent the sentences between two sentences are, judged by a Kneser-Ney model fitted"
    " on the training text; lower reads better, and a hill in the middle would be a hole."
  )
  return Extra(tables, [Figure("path", "lines", data, caption)])


def _ends(part: Sentences) -> tuple[list[str], dict[str, np.ndarray], np.ndarray | None]:
  """The 2 P ends of P paths, all first and then all last ones; labels [P, 2] or None."""
  pair, conditional = part.own.pair, any(m.run.vae.given is not None for m in part.coded)
  rows = np.r_[: 1 if pair else min(PAIRS, len(part.x) // 2)]
  rows = np.r_[rows, rows - len(rows)]
  ends = {name: values[rows] for name, values in part.task.examples.items()}
  if pair:
    ends["x"] = pair.x
    ends |= {"label": part.judged(pair.x)} if conditional else {}
  lines = pair.written if pair else part.texts(ends["x"])
  return lines, ends, ends["label"].reshape(2, -1).T if conditional else None


def samples(part: Sentences) -> Extra:
  """Sentences out of the prior: fluency under n-grams, and n-grams fitted on them."""
  count, model, variety = part.settings["limit"], part.model, kneser_ney.variety
  keys = jax.random.split(part.source.key, count)
  rng = np.random.default_rng(np.asarray(jax.random.key_data(part.source.key)))
  label = rng.choice(part.train.get("label", np.zeros(1)), count)

  def draw(run: Run) -> tuple[np.ndarray, np.ndarray]:
    z = asking.prior_draws(run, keys) * np.float32(has_code(run))
    sample = lambda vae, params, z, key: vae.sample(params, z, key)
    drawn = asking.write(run, sample, z, label, *part.asked)
    return drawn, asking.greedy(run, z[:, :8], label[:8], *part.asked)

  found = each(part.members, draw)
  held = variety(model, part.x, part.x, part.train["x"][: len(part.x)])
  rows = [[*part.cells(None), "held-out sentences", *held]]
  for m in part.members:
    x = found[m.number][0]
    rows.append([*part.cells(m), "samples", *variety(model, x, part.x, x)])
  columns = (*part.keys, "method", f"{model.order}-gram ppl", "reverse ppl", "distinct-2")
  note = (
    f"{count:,} sentences each. {model.order}-gram ppl: perplexity under Kneser-Ney of the"
    " training text; reverse ppl: of the held-out sentences under a bigram fitted on the"
    " sentences of the row alone (of held-out ones: on as many training sentences), which"
    " sees a lack of variety. distinct-2: distinct bigrams over all."
  )
  drawn, likeliest = found[part.lead.number]
  lines = [["drawn", s] for s in part.texts(drawn[:10])]
  lines += [["greedy", s] for s in dict.fromkeys(part.texts(likeliest))]
  prior = "N(0, I)" if part.lead.run.vae.standard else "the model's own prior"
  origin = f"z ~ {prior}" if has_code(part.lead.run) else "z = 0"
  words = f"{origin}; words drawn from p(x_t | x_<t, z), or the likeliest at each step."
  title = "Sentences out of the prior"
  written = Table(f"{title}: written", ("words", "sentence"), lines, words)
  return Extra([Table(title, (*columns, "symbols"), rows, note), written])


def compression(part: Sentences) -> Extra:
  """Bits per character of the same text: codecs alone, after train, and the models."""
  name = lambda r: f"{r.method} {part.title(r.member) if r.member else ''}".strip()
  nats = {name(r): float(r.scores["nll"].sum()) for r in part.results if "nll" in r.scores}
  size, bits = text.compression(part.lines, part.texts(part.train["x"]), nats)
  note = (
    f"Bits per character of {size:,} characters: the sentences one a line, each unknown symbol"
    " as one character, so that all code the same text. 'after train': what the codec adds for"
    " it after the training text; models are fitted on that text and their bits are ideal,"
    " nats / ln 2 (of an ELBO by bits-back), without a coder's overhead and without the model's"
    f" size. {part.source.data.note}"
  )
  best = min((k for k in nats if not k.startswith("the grammar")), key=nats.get)
  codec = min(bits.keys() - nats, key=lambda k: min(bits[k]))
  told = f"Compression: {best} needs {bits[best][1]:.2f} bits per character, {codec}"
  rows = [[k, *v] for k, v in bits.items()]
  table = Table("Bits per character", ("method", "alone", "after train"), rows, note)
  return Extra([table], [], [f"{told} {min(bits[codec]):.2f}."])
