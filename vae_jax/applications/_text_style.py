"""Turning the class of a sentence by a step in its code, beside copying and word swapping."""

from collections.abc import Callable

import numpy as np

from vae_jax.applications import _members, _text_control
from vae_jax.applications._text_scores import Scores, Section, Source
from vae_jax.baselines import delete_replace, kneser_ney
from vae_jax.baselines import sentiment as judges
from vae_jax.metrics import text
from vae_jax.types import Figure, Table

SCALES = (0.0, 1.0, 2.0, 4.0)  # lengths of the step, in differences of the class means
FITTED = 2_000  # training sentences that the class means are of
WRITTEN = 6


def sentiment(source: Source, scores: Scores, model: kneser_ney.Model) -> Section:
  """Classifier accuracy, BLEU with the input and perplexity of sentences turned over.

  z' = z + a (E[z | target] - E[z | other]), the means taken over training codes; decoded
  greedily. The judge is a classifier fitted on the training sentences.
  """
  run = source.run
  if len(run.spec.classes) != 2:
    count = len(run.spec.classes) or "no"
    found = f"Nothing is turned over: that needs two classes, and this data has {count}."
    return Section([], [], [found])
  label = source.examples["label"]
  target = 1 - label
  train = source.texts(source.train["x"])
  judge = judges.fit(train, source.train["label"])
  right = float((judges.predict(judge, source.sentences) == label).mean())
  written = _moved(source, scores, target)
  conditional = _text_control.controlled(source, target)
  columns = (*_members.columns(run), "method", "step", "accuracy, %", "bleu with input")
  columns += (f"{model.order}-gram ppl",)
  blanks = [None] * len(_members.columns(run))
  quality = _quality(source, judge, model, target)
  copied, swapped = source.examples["x"], _swapped(source, train, model, target)
  rows = [[*blanks, "copy the input", None, *quality(source.sentences, copied)]]
  rows.append([*blanks, "delete and replace", None, *quality(swapped, None)])
  for m in range(len(run.members)):
    for i, a in enumerate(SCALES):
      outputs = source.texts(written[m, i])
      cells = [*_members.cells(run, m), "attribute vector", a]
      rows.append([*cells, *quality(outputs, written[m, i])])
  rows += _conditional_rows(source, conditional, quality)
  note = (
    f"{len(label):,} sentences to be turned into the other class of"
    f" {' and '.join(run.spec.classes)}. accuracy: how many a TF-IDF + logistic regression"
    f" takes for it; on real sentences of {source.settings['split']} it is right in"
    f" {100 * right:.1f} %. bleu with input (self-BLEU): what is kept of the sentence."
    " step 0 is the plain reconstruction. delete and replace picks words by class counts"
    " and fills each place by the n-gram's choice: no sentence model at all."
  )
  if conditional is not None:
    note += (
      " A conditional model writes greedily from the code of the sentence under its own label"
      " and under the other; from the prior: the label alone is asked for, code and words are"
      " drawn."
    )
  table = Table("Turning the sentiment", columns, rows, note)
  lead = written[_members.shown(run)[0]]
  side = _side_by_side(source, swapped, lead, conditional, target)
  return Section([table, side], _figure(source, rows, len(blanks)), [_sentence(rows)])


def _moved(source: Source, scores: Scores, target: np.ndarray) -> np.ndarray:
  """Greedy sentences along the attribute vector, under their own label: [M, SCALES, R, T]."""
  steps = _steps(source, target)  # [M, R, L]
  codes = scores.codes.mean[:, source.rows]
  scaled = np.concatenate([codes + a * steps for a in SCALES], 1).astype(np.float32)
  own = np.tile(source.examples["label"], len(SCALES))
  return source.greedy(scaled, own).reshape(len(codes), len(SCALES), len(target), -1)


def _conditional_rows(
  source: Source, conditional: _text_control.Controlled | None, quality: Callable
) -> list[list]:
  """A row for each way a conditional model writes and each of its members."""
  if conditional is None:
    return []
  rows = []
  for m, first in enumerate(_text_control.names(source)):
    for way, method in _text_control.NAMES.items():
      x = getattr(conditional, way)[m]
      scored = quality(source.texts(x), x)
      if way == "drawn":
        scored[1] = None  # it never saw the input
      number = f" ({m})" if source.control is not source.run and m else ""
      rows.append([*first, method + number, None, *scored])
  return rows


def _steps(source: Source, target: np.ndarray) -> np.ndarray:
  """The step [M, R, L] of each sentence towards its target class."""
  part = source.run.dataset.splits["train"]
  rows = np.unique(np.linspace(0, len(part["x"]) - 1, FITTED).round().astype(int))
  fields = {name: values[rows] for name, values in part.items()}
  mean, label = source.encode({**fields, "id": rows.astype(np.int32)}).mean, fields["label"]
  difference = mean[:, label == 1].mean(1) - mean[:, label == 0].mean(1)  # [M, L]
  sign = np.where(target == 1, 1.0, -1.0)
  return sign[None, :, None] * difference[:, None, :]


def _swapped(
  source: Source, train: list[str], model: kneser_ney.Model, target: np.ndarray
) -> list[str]:
  number = {symbol: i for i, symbol in enumerate(source.run.spec.symbols)}
  words = [sentence.split() for sentence in train]
  weights = delete_replace.salience(words, source.train["label"])
  weights.pop("<unk>", None)

  def fluency(option: list[str], place: int) -> float:
    ids = [number.get(word, 2) for word in option] + [1]
    reach = range(place, min(place + model.order, len(ids)))
    before = lambda t: tuple(ids[max(0, t - model.order + 1) : t])
    return float(sum(np.log(kneser_ney.prob(model, before(t), ids[t])) for t in reach))

  return [
    " ".join(delete_replace.transfer(s.split(), weights, int(y), fluency))
    for s, y in zip(source.sentences, target, strict=True)
  ]


def _quality(
  source: Source, judge: judges.Judge, model: kneser_ney.Model, target: np.ndarray
) -> Callable:
  """`(sentences, rows) -> [accuracy in %, BLEU with the input, n-gram perplexity]`."""
  number = {symbol: i for i, symbol in enumerate(source.run.spec.symbols)}

  def quality(outputs: list[str], rows: np.ndarray | None) -> list[float]:
    if rows is None:
      ids = [[number.get(word, 2) for word in s.split()] + [1] for s in outputs]
      rows = np.zeros((len(ids), max(map(len, ids))), np.int32)
      for i, row in enumerate(ids):
        rows[i, : len(row)] = row
    turned = 100 * float((judges.predict(judge, outputs) == target).mean())
    nats = -kneser_ney.log_prob(model, rows)
    return [
      turned,
      text.bleu(outputs, source.sentences),
      text.perplexity(nats, text.symbols(rows)),
    ]

  return quality


def _side_by_side(
  source: Source,
  swapped: list[str],
  written: np.ndarray,
  conditional: _text_control.Controlled | None,
  target: np.ndarray,
) -> Table:
  count, scale = min(WRITTEN, len(target)), SCALES.index(2.0)
  columns = {
    "sentence": source.sentences[:count],
    "to be": [source.run.spec.classes[int(y)] for y in target[:count]],
    "delete and replace": swapped[:count],
    f"step {SCALES[scale]:g}": source.texts(written[scale, :count]),
  }
  if conditional is not None:
    lead = _members.shown(source.control)[0]
    columns["own label"] = source.texts(conditional.own[lead, :count])
    columns["other label"] = source.texts(conditional.other[lead, :count])
  rows = [list(row) for row in zip(*columns.values(), strict=True)]
  return Table("Turning the sentiment: side by side", tuple(columns), rows)


def _figure(source: Source, rows: list[list], keys: int) -> list[Figure]:
  shown = {_members.title(source.run, m) or "attribute vector": m for m in
           _members.shown(source.run)}  # fmt: skip
  series = {}
  for name, m in shown.items():
    cells = _members.cells(source.run, m)
    own = [r for r in rows if r[: keys + 1] == [*cells, "attribute vector"]]
    series[name] = np.asarray([row[keys + 2] for row in own])
  data = {"x": np.asarray(SCALES), "series": series, "x_label": "step along the vector"}
  data["y_label"] = "taken for the other class, %"
  caption = "How many sentences the judge takes for the other class as the step grows."
  return [Figure("sentiment", "lines", data, caption)]


def _sentence(rows: list[list]) -> str:
  """The best of each kind of model against the word swap, by accuracy and kept words."""
  swap = next(r for r in rows if "delete and replace" in r)
  told = f"Swapping words turns {swap[-3]:.0f} % of the sentences with BLEU {swap[-2]:.1f}"
  told += " to the input"
  for method in ("attribute vector", _text_control.NAMES["other"]):
    of_method = [r for r in rows if any(str(cell).startswith(method) for cell in r)]
    if not of_method:
      continue
    best = max(of_method, key=lambda r: r[-3])
    told += f"; the {method} {best[-3]:.0f} % with {best[-2]:.1f}, {_verdict(swap, best)}"
  return f"{told}."


def _verdict(swap: list, model: list) -> str:
  """The model against the word swap in accuracy and BLEU with the input, of two rows."""
  if swap[-3] >= model[-3] and swap[-2] >= model[-2]:
    return "no better on either"
  if swap[-3] <= model[-3] and swap[-2] <= model[-2]:
    return "no worse on either"
  return "better on one of the two"
