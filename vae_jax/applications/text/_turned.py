"""Turning the class of a sentence by a step in its code, beside copying and word swapping."""

import numpy as np

from vae_jax import asking
from vae_jax.applications.text._written import Sentences
from vae_jax.baselines import delete_replace, kneser_ney
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.protocol import Extra, Member
from vae_jax.inference import walks
from vae_jax.inference.rewriting import guided, rewriter
from vae_jax.metrics import text
from vae_jax.run import Run
from vae_jax.studies.sections import each
from vae_jax.types import Figure, Table

# Lengths of the step, in differences of the class means.
SCALES = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0)
SHOWN = 2.0  # of them, of which sentences are written out
ENOUGH = (
  80.0  # % judged as the target: of the steps that reach it, one keeps most of the words
)
FITTED = 2_000  # training sentences that the class means are of
COPY, SWAP, VECTOR = "copy the input", "delete and replace", "attribute vector"
WAYS = ("own label", "other label", "from the prior")
OWN, OTHER, DRAWN = (f"conditional model, {way}" for way in WAYS)
BOTH, GUIDED = f"{OTHER} and step", f"{OTHER}, guided"
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5)  # of the guidance


def sentiment(part: Sentences) -> Extra:
  """Classifier accuracy, BLEU with the input and perplexity of sentences turned over.

  z' = z + a (E[z | target] - E[z | other]), the means taken over training codes; decoded
  greedily, by a conditional model under either label. The judge is a classifier fitted on the
  training sentences.
  """
  classes = part.source.spec.classes
  if not (part.coded and part.real and len(classes) == 2):
    said = "Nothing is turned over: that takes codes with directions, and two classes."
    return Extra(findings=[said] if part.coded else [])
  target = 1 - part.task.examples["label"]
  made = _made(part, part.task.examples, target)
  rows = _scored(part, made, part.task.examples)
  tuned, told = _tuned(part), []
  for method in (SWAP, VECTOR, OTHER):
    best = _best([row for row in tuned if row[1].startswith(method)])
    told += [_told(part, row) for row in rows if best and _place(row) == _place(best)]
  count = min(part.settings["tune"], len(part.source.split("valid")["x"]))
  said = (
    f"Turned into the other class, with BLEU to the input: {', '.join(told)}. Steps are chosen on"
    f" {count} validation sentences. Of the steps that turn {ENOUGH:.0f} % of them, the one that"
    " keeps most words is taken. If none does, the step that turns most is taken."
  )
  table = _table(part, rows, target)
  return Extra([table, _beside(part, made, target)], [_drawn(part, rows)], [said])


def _tuned(part: Sentences) -> list[tuple]:
  """The rows of the table, of validation sentences."""
  examples = part.source.spread("valid", part.settings["tune"])
  return _scored(part, _made(part, examples, 1 - examples["label"]), examples)


def _scored(part: Sentences, made: list[tuple], examples: dict[str, np.ndarray]) -> list:
  """Who, how, by which step, and the three scores."""
  lines, target = part.texts(examples["x"]), 1 - examples["label"]
  score = lambda method, y: _quality(part, method, y, lines, target)
  return [(who, method, step, *score(method, y)) for who, method, step, y in made]


def _place(row: tuple) -> tuple:
  """What tells a row: the member's number, the method, the step."""
  return row[0] and row[0].number, row[1], row[2]


def _best(rows: list[tuple]) -> tuple | None:
  """The row with most words kept of those that turn enough sentences; None of no row.

  If none does, the one that turns most.
  """
  enough = [row for row in rows if row[3] >= ENOUGH]
  if enough:
    return max(enough, key=lambda row: row[4])
  return max(rows, key=lambda row: row[3:5], default=None)


def _told(part: Sentences, row: tuple) -> str:
  """A row in words."""
  who, method, step, turned, kept, _ = row
  named = f" of {title}" if who and (title := part.title(who)) else ""
  at = "" if step is None else f", step {step:g}"
  return f"{method}{named}{at} {turned:.0f} % (BLEU {kept:.1f})"


def _drawn(part: Sentences, rows: list[tuple]) -> Figure:
  """What each step turns against what it keeps, a curve for each way of the chosen member."""
  curves: dict[str, list[tuple]] = {}
  for row in rows:
    who, method, kept = row[0], row[1], row[4]
    if kept is not None and (who is None or who.number == part.lead.number):
      curves.setdefault(method, []).append(row)
  series = {
    method: {
      "x": np.array([row[4] for row in curve]),
      "y": np.array([row[3] for row in curve]),
      "labels": _ends([row[2] for row in curve]),
    }
    for method, curve in curves.items()
  }
  data = {"series": series, "x_label": "BLEU with the input", "square": True}
  data["y_label"] = "taken for the other class, %"
  caption = (
    "How many sentences the judge takes for the other class, against what is kept of their words."
    " Numbers at the ends of a curve are its first and last step. Up and to the right is better."
  )
  return Figure("sentiment", "lines", data, caption)


def _ends(steps: list[float | None]) -> list[str]:
  """Words beside the places of a curve: of the first and the last one; of one place none."""
  if len(steps) == 1:
    return [""]
  return [f"{steps[0]:g}", *[""] * (len(steps) - 2), f"{steps[-1]:g}"]


def referred(part: Sentences) -> Extra:
  """Sentences of a file turned over both ways, with BLEU to what the file has in their place."""
  if part.own.pairs is None or not (part.coded and part.real):
    return Extra()
  (x, lines), found = part.own.pairs, {}
  for label in (0, 1):
    rows = np.arange(len(x[label]), dtype=np.int32)
    examples = {"x": x[label], "label": np.full_like(rows, label), "id": rows}
    target = 1 - examples["label"]
    for who, method, step, y in _made(part, examples, target):
      number = None if who is None else who.number
      scores = (
        100 * float((part.judged(y) == target).mean()),
        text.bleu(part.texts(y), lines[1 - label]),
        text.bleu(part.texts(y), lines[label]),
      )
      found.setdefault((number, method, step), []).append((who, scores))
  rows = [
    [*part.cells(both[0][0]), method, step, *np.mean([one for _, one in both], 0).tolist()]
    for (_, method, step), both in found.items()
  ]
  note = (
    f"{x.shape[1]:,} pairs of the file, each sentence turned into the class of its partner;"
    " means of both directions. BLEU with reference: to the partner."
  )
  columns = (*part.keys, "method", "step", "accuracy, %", "bleu with reference")
  table = Table("Pairs of the file", (*columns, "bleu with input"), rows, note)
  return Extra([table])


def _made(
  part: Sentences, examples: dict[str, np.ndarray], target: np.ndarray
) -> list[tuple[Member | None, str, float | None, np.ndarray]]:
  """Who turned the examples, how, by which step, and into which sentences [R, T]."""
  x, train, other = examples["x"], part.train, part.own.conditional
  swapped = delete_replace.turn(x, target, train["x"], train["label"], part.model)
  moved = each(part.coded, lambda run: _moved(part, run, examples, target, 1 - target))
  fields = {**examples, "target": target.astype(np.int32)}
  givers = [m for m in part.coded if m.run.vae.given is not None]
  givers += of_members.of([other], [0]) if other else []
  rewrite = lambda run: asking.apply(run, rewriter(run.vae), fields, *part.asked)
  given = each(givers, rewrite)
  strong = each(givers, lambda run: _guided(part, run, fields))
  both = each(givers, lambda run: _moved(part, run, examples, target, target))
  made = [(None, COPY, None, x), (None, SWAP, None, swapped)]
  for m in part.coded:
    made += [(m, VECTOR, a, y) for a, y in zip(SCALES, moved[m.number], strict=True)]
  for m in givers:
    who, mark = (None, f" ({m.place})" if m.place else "") if m.run is other else (m, "")
    pairs = zip((OWN, OTHER, DRAWN), given[m.number], strict=True)
    made += [(who, f"{method}{mark}", None, y) for method, y in pairs]
    stepped = list(zip(SCALES, both[m.number], strict=True))[1:]  # step 0: the label alone
    made += [(who, f"{BOTH}{mark}", a, y) for a, y in stepped]
    weighed = zip(WEIGHTS, strong[m.number], strict=True)
    made += [(who, f"{GUIDED}{mark}", w, y) for w, y in weighed]
  return made


def _beside(part: Sentences, made: list[tuple], target: np.ndarray) -> Table:
  """Six sentences and what is made of them."""
  mine = lambda who: who is None or who.number == part.lead.number
  by = {(one[1].split(" (")[0], one[2]): one[3] for one in made if mine(one[0])}
  side = {
    "sentence": part.lines,
    "to be": [part.source.spec.classes[int(y)] for y in target],
    SWAP: part.texts(by[SWAP, None]),
    f"step {SHOWN:g}": part.texts(by[VECTOR, SHOWN]),
  }
  for way, method in zip(WAYS[:2], (OWN, OTHER), strict=True):
    if (method, None) in by:
      side[way] = part.texts(by[method, None])
  rows = [list(row) for row in zip(*side.values(), strict=True)][:6]
  return Table("Turning the sentiment: side by side", tuple(side), rows)


def _moved(
  part: Sentences,
  run: Run,
  examples: dict[str, np.ndarray],
  target: np.ndarray,
  label: np.ndarray,
) -> np.ndarray:
  """Greedy sentences along the attribute vector, [M, SCALES, R, T].

  A conditional model reads the codes under the sentences' own labels and writes under `label`.
  """
  spaced = lambda: part.source.spread("train", FITTED)
  train = part.source.once("spaced sentences", spaced)  # the same arrays: asked once
  fitted = part.source.posterior(run, train).mean
  codes = part.source.posterior(run, examples).mean
  steps = walks.towards(fitted, train["label"], target)
  z = np.concatenate([codes + a * steps for a in SCALES], 1)
  x = asking.greedy(run, z, np.tile(label, len(SCALES)), *part.asked)
  return x.reshape(len(codes), len(SCALES), len(target), -1)


def _guided(part: Sentences, run: Run, fields: dict[str, np.ndarray]) -> np.ndarray:
  """Sentences of the other label, told more and more strongly: [M, WEIGHTS, R, T]."""
  told = [asking.apply(run, guided(run.vae, w), fields, *part.asked) for w in WEIGHTS]
  return np.stack(told, 1)


def _quality(
  part: Sentences, method: str, x: np.ndarray, lines: list[str], target: np.ndarray
) -> tuple:
  """The judge's accuracy in %, BLEU with the input, perplexity under the n-gram model."""
  kept = text.bleu(part.texts(x), lines)
  kept = None if method.startswith(DRAWN) else kept  # it never saw the input
  turned = 100 * float((part.judged(x) == target).mean())
  return turned, kept, kneser_ney.perplexity(part.model, x)


def _table(part: Sentences, rows: list[tuple], target: np.ndarray) -> Table:
  columns = (*part.keys, "method", "step", "accuracy, %", "bleu with input")
  right = 100 * float((part.judged(part.x) != target).mean())
  note = (
    f"{len(target):,} sentences to be turned into the other class of"
    f" {' and '.join(part.source.spec.classes)}. accuracy: how many a TF-IDF + logistic"
    f" regression takes for it; on real sentences of {part.settings['split']} it is right in"
    f" {right:.1f} %. bleu with input (self-BLEU): what is kept of the sentence. step 0 is the"
    " plain reconstruction. delete and replace picks words by class counts and fills each place"
    " by the n-gram's choice: no sentence model at all. A conditional model writes greedily from"
    " the code of the sentence under its own label and under the other; and step: the code is"
    " moved along the vector too; guided: step is the weight of what the two labels differ by in"
    " log p of the next word; from the prior: the label alone is asked for, code and words"
    " are drawn."
  )
  columns = (*columns, f"{part.model.order}-gram ppl")
  cells = [[*part.cells(member), *rest] for member, *rest in rows]
  return Table("Turning the sentiment", columns, cells, note)
