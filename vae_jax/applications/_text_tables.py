"""Likelihood, reconstruction and bits per character as tables and sentences."""

from typing import Any

import numpy as np

from vae_jax.applications import _members
from vae_jax.applications._text_scores import (
  Scores,
  Section,
  Source,
  negative_elbo,
  nll,
)
from vae_jax.baselines import kneser_ney
from vae_jax.data import sentences
from vae_jax.metrics import latent, text
from vae_jax.metrics.summary import mean_and_error
from vae_jax.types import Figure, Table

ORDERS = (1, 2, 3, 5)


def likelihood(source: Source, scores: Scores) -> Section:
  """Perplexities of all methods on the same sentences, with what the code contributes."""
  run, counts = source.run, text.symbols(source.examples["x"])
  columns = (*_members.columns(run), "method", "active", "kl", "mi", "nll", "± nll", "ppl")
  columns += ("± ppl", "elbo ppl", "own code", "stranger's code")
  blanks = [None] * len(_members.columns(run))
  rows, values = [], nll(source, scores)
  for m in range(len(run.members)):
    row = [*_members.cells(run, m), _method(source)]
    rows.append(row + _member_row(source, scores, values, counts, m))
  for m, nats in enumerate(scores.language if scores.language is not None else ()):
    name = f"language model {m}" if len(scores.language) > 1 else "language model"
    rows.append([*blanks, name, None, None, None, *_nats(nats, counts), *[None] * 3])
  grams = kneser_ney_nats(source)
  for order, nats in grams.items():
    name = f"Kneser-Ney {order}-gram"
    rows.append([*blanks, name, None, None, None, *_nats(nats, counts), *[None] * 3])
  if source.data.name == "grammar" and source.unit == "word":
    exact = -sentences.truth(source.data, source.examples["x"])
    rows.append([*blanks, "the grammar itself", *[None] * 3, *_nats(exact, counts)])
    rows[-1] += [None] * 3
  table = Table("How likely is a sentence?", columns, rows, _note(source, counts))
  seeds = _members.across_seeds(table, len(blanks) + 1)
  figures = [] if scores.codes is None else _figures(source, scores)
  return Section(
    [table, *([seeds] if seeds else [])], figures, _findings(source, scores, grams, counts)
  )


def kneser_ney_nats(source: Source) -> dict[int, np.ndarray]:
  """-log p of the sentences under n-gram models of several orders, nats [R]."""
  x, size = source.train["x"], source.run.spec.categories
  models = {n: kneser_ney.fit(x, n, size) for n in ORDERS}
  return {n: -kneser_ney.log_prob(m, source.examples["x"]) for n, m in models.items()}


def _method(source: Source) -> str:
  name = "VAE" if source.coded else "language model"
  return name if source.run.vae.given is None else f"conditional {name}"


def _member_row(
  source: Source, scores: Scores, values: Any, counts: np.ndarray, m: int
) -> list:
  if scores.codes is None:
    return [None, None, None, *_nats(values[m], counts), None, None, None]
  row = [latent.verdict(scores.codes.mean[m]), None, None, *[None] * 5]
  if source.run.stochastic:
    loss = negative_elbo(source, scores)[m]
    row[1:3] = [float(scores.rate[m].mean()), scores.information[m]]
    row[3:] = [*_nats(values[m], counts), text.perplexity(loss, counts)]
  return [*row, float(scores.own[m].mean()), float(scores.stranger[m].mean())]


def _nats(nats: np.ndarray, counts: np.ndarray) -> list[float]:
  summary = mean_and_error(nats)
  error = text.perplexity_error(nats, counts)
  return [summary.mean, summary.error, text.perplexity(nats, counts), error]


def _note(source: Source, counts: np.ndarray) -> str:
  k = source.settings["samples"]
  joint = (
    "A conditional model is given the label: its nll and perplexities count −log p(label) too,"
    " and so bound those of the sentence alone. "
  )
  joint = joint if source.label_nats.any() else ""
  return (
    f"{len(counts):,} sentences of {source.settings['split']}, {counts.sum():,} symbols with"
    f" the ends; nats per sentence, ± standard errors over sentences. nll of a VAE is"
    f" importance-weighted (K = {k}), an upper bound; the others are exact. kl and mi"
    f" (mutual information, at most log N) on all {len(source.all['x']):,}; active:"
    f" latents with Var(E[z|x]) > {latent.THRESHOLD}. own code, stranger's code: −log p(x|z)"
    " at the mean code of the sentence, and of others; no difference means the code is not"
    f" used. {joint}{source.data.note}"
  )


def _findings(
  source: Source, scores: Scores, grams: dict[int, np.ndarray], counts: np.ndarray
) -> list[str]:
  values = nll(source, scores)
  if values is None:
    return ["A deterministic autoencoder has no likelihood: only what it writes is judged."]
  best = int(np.nanargmin(values.mean(1))) if np.isfinite(values).any() else 0
  ppl, order = text.perplexity(values[best], counts), min(grams, key=_mean_of(grams))
  gram = text.perplexity(grams[order], counts)
  found = [
    f"Perplexity {ppl:.1f}; the best n-gram ({order}) has {gram:.1f}"
    + ("." if ppl < gram else ": the n-gram wins.")
  ]
  if scores.codes is not None:
    gap = float((scores.stranger - scores.own)[best].mean())
    found[0] += (
      f" KL {scores.rate[best].mean():.1f} nats, mutual information"
      f" {scores.information[best]:.1f}, {latent.verdict(scores.codes.mean[best])} latents"
      f" active; a stranger's code costs {gap:.1f} nats."
    )
    if scores.language is None:
      found.append(
        "No language model was given for comparison: --set language_model=<its run>."
      )
  if scores.language is not None:
    other = text.perplexity(scores.language.mean(0), counts)
    word = "above" if other < ppl else "below"
    found.append(
      f"The language model of the same size has {other:.1f}: the VAE is {word} it"
      + (" and loses." if other < ppl else ".")
    )
  return found


def _mean_of(grams: dict[int, np.ndarray]) -> Any:
  return lambda n: grams[n].mean()


def _figures(source: Source, scores: Scores) -> list[Figure]:
  run, shown = source.run, _members.shown(source.run)
  gaps = {
    _members.title(run, m) or "sentences": (scores.stranger - scores.own)[m] for m in shown
  }
  data = {"series": gaps, "x_label": "nats that a stranger's code costs"}
  caption = (
    "How much less likely a sentence is under the code of another one, for each sentence. A"
    " peak at 0 would be a decoder that does not read its code."
  )
  found = [Figure("swapped", "histogram", {**data, "y_label": "share"}, caption)]
  rates = {}
  for m in shown:
    each = latent.rates(scores.codes.mean[m], scores.codes.logvar[m])
    rates[_members.title(run, m) or "latents"] = np.sort(each)[::-1]
  labels = [str(i + 1) for i in range(run.vae.latents)]
  data = {"series": rates, "labels": labels, "x_label": "latent, the busiest first"}
  caption = "What each latent is charged on average: its KL to the prior."
  return [*found, Figure("rates", "bars", {**data, "y_label": "nats"}, caption)]


def reconstruction(source: Source, scores: Scores) -> Section:
  """What survives the code: BLEU, exact match, edits; and sentences side by side."""
  run, x = source.run, source.examples["x"]
  originals, counts = source.sentences, text.symbols(x)
  columns = (*_members.columns(run), "method", "bleu", "exact, %", "edits per symbol")
  rows, shown = [], []
  for m in range(len(run.members)):
    cells = _members.cells(run, m)
    for method, y in (
      ("own code", scores.written[m]),
      ("stranger's code", np.roll(scores.written[m], max(1, len(x) // 2), 0)),
    ):
      outputs = source.texts(y)
      pairs = zip(outputs, originals, strict=True)
      edits = sum(text.edits(a.split(), b.split()) for a, b in pairs) / (counts - 1).sum()
      score = text.bleu(outputs, originals)
      rows.append([*cells, method, score, 100 * text.exact_match(x, y), edits])
  lead = _members.shown(run)[0]
  for i in range(min(8, len(x))):
    shown.append([originals[i], source.texts(scores.written[lead, i : i + 1])[0]])
  note = (
    "Greedy decoding of the mean code against the sentence; BLEU-4 of the corpus (sacrebleu,"
    " 0 to 100). stranger's code: what was written from another sentence's, the floor."
  )
  title = "What survives the code"
  name = _members.title(run, lead)
  side = Table(f"{title}: side by side", ("sentence", "written from its code"), shown, name)
  found = f"Reconstruction BLEU {rows[0][-3]:.1f}, exact {rows[0][-2]:.1f} %."
  return Section([Table(title, columns, rows, note), side], [], [found])


def compression(source: Source, scores: Scores) -> Section:
  """Bits per character of the same text: codecs alone, after train, and the models."""
  clean = lambda rows: "\n".join(rows).replace("<unk>", "?")
  plain, before = (
    clean(source.sentences),
    clean(source.texts(source.train["x"])) + "\n",
  )
  rows = [
    [
      name,
      text.compressed_bits(plain, name) / len(plain),
      text.compressed_bits(plain, name, before) / len(plain),
    ]
    for name in text.CODECS
  ]
  bits = lambda nats: text.bits_per_character(float(np.sum(nats)), len(plain))
  grams = kneser_ney_nats(source)
  order = min(grams, key=_mean_of(grams))
  rows.append([f"Kneser-Ney {order}-gram", None, bits(grams[order])])
  if scores.language is not None:
    rows.append(["language model", None, bits(scores.language.mean(0))])
  values, loss = nll(source, scores), negative_elbo(source, scores)
  for m in range(len(source.run.members)):
    name = f"{_method(source)} {_members.title(source.run, m)}".strip()
    if values is None:
      continue
    if source.coded:
      rows.append([f"{name}, elbo (bits-back)", None, bits(loss[m])])
    rows.append([f"{name}, nll" if source.coded else name, None, bits(values[m])])
  note = (
    f"Bits per character of {len(plain):,} characters: the sentences one a line, each unknown"
    " symbol as one character, so that all code the same text. 'after train': what the"
    " codec adds for it after the training text; models are fitted on that text and their"
    " bits are ideal, nats / ln 2, without a coder's overhead and without the model's size."
  )
  best = min((r for r in rows if r[0] not in text.CODECS), key=lambda r: r[2])
  codec = min((r for r in rows if r[0] in text.CODECS), key=lambda r: min(r[1:]))
  found = (
    f"Compression: {best[0]} needs {best[2]:.2f} bits per character,"
    f" {codec[0]} {min(codec[1:]):.2f}."
  )
  columns = ("method", "alone", "after train")
  return Section([Table("Bits per character", columns, rows, note)], [], [found])
