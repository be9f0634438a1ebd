"""Paraphrases: sentences decoded near the code of a sentence, beside words dropped or swapped."""

import jax
import numpy as np

from vae_jax import asking
from vae_jax.applications.text._written import Sentences
from vae_jax.baselines import augmenting_words, kneser_ney
from vae_jax.evaluation.protocol import Extra
from vae_jax.metrics import text
from vae_jax.run import Run
from vae_jax.studies import symbols
from vae_jax.studies.sections import each
from vae_jax.types import Table

SCALES = (0.0, 1.0, 2.0)  # of the noise, in standard deviations of q(z|x)
NEAR, WORDS = "near the code", "words dropped or swapped"
SHOWN = 8  # sentences that are written out


def paraphrases(part: Sentences) -> Extra:
  """What changes, and what of the sentence and of its class stays.

  z' = E[z|x] + a sd(z|x) ε with ε ~ N(0, I), decoded greedily; a of `SCALES`. The baseline
  drops or swaps a tenth of the words of the sentence (Wei & Zou 2019, without synonyms).
  """
  givers = [m for m in part.coded if m.run.stochastic and symbols.is_gaussian(m.run)]
  if not givers:
    return Extra()
  written = each(givers, lambda run: _decoded(part, run))
  judged = len(part.source.spec.classes) > 1
  heard = part.judged(part.x) if judged else None
  changed = augmenting_words.changed(part.x, np.random.default_rng(0))
  rows = [[*part.cells(None), WORDS, None, *_quality(part, changed, heard)]]
  for m in givers:
    for a, y in zip(SCALES, written[m.number], strict=True):
      rows.append([*part.cells(m), NEAR, a, *_quality(part, y, heard)])
  columns = (*part.keys, "method", "noise", "changed, %", "bleu with input")
  columns = (
    *columns,
    *(("class kept, %",) if judged else ()),
    f"{part.model.order}-gram ppl",
  )
  note = (
    f"{len(part.x):,} sentences. changed: how many differ from the sentence. noise: in standard"
    " deviations of q(z|x); without noise it is the plain reconstruction. A paraphrase changes"
    " the sentence, and keeps its class and much of its words."
  )
  table = Table("Paraphrases", columns, rows, note)
  return Extra([table, _beside(part, givers, written, changed)])


def _decoded(part: Sentences, run: Run) -> np.ndarray:
  """Greedy sentences at noisy codes, [M, SCALES, R, T]."""
  examples = part.task.examples
  q = part.source.posterior(run, examples)
  rng = np.random.default_rng(np.asarray(jax.random.key_data(part.source.key)))
  noise = rng.normal(size=q.mean.shape[1:])
  deviation = np.exp(q.logvar / 2)
  z = np.concatenate([q.mean + a * deviation * noise for a in SCALES], 1)
  label = examples.get("label")
  label = None if label is None else np.tile(label, len(SCALES))
  x = asking.greedy(run, z, label, *part.asked)
  return x.reshape(len(z), len(SCALES), len(part.x), -1)


def _quality(part: Sentences, x: np.ndarray, heard: np.ndarray | None) -> list[float]:
  """Share changed, BLEU with the input, share whose class stays, perplexity of an n-gram."""
  lines = part.texts(x)
  found = [100 * float(np.mean([a != b for a, b in zip(lines, part.lines, strict=True)]))]
  found.append(text.bleu(lines, part.lines))
  if heard is not None:
    found.append(100 * float((part.judged(x) == heard).mean()))
  return [*found, kneser_ney.perplexity(part.model, x)]


def _beside(part: Sentences, givers: list, written: dict, changed: np.ndarray) -> Table:
  lead = next((m for m in givers if m.number == part.lead.number), givers[0])
  side = {"sentence": part.lines[:SHOWN], WORDS: part.texts(changed[:SHOWN])}
  for a, y in zip(SCALES, written[lead.number], strict=True):
    side["its code" if a == 0 else f"noise {a:g}"] = part.texts(y[:SHOWN])
  rows = [list(row) for row in zip(*side.values(), strict=True)]
  return Table("Paraphrases: side by side", tuple(side), rows, part.title(lead))
