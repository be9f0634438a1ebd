"""How sentences are scored: perplexity, BLEU, exact match, edit distance, bits per character."""

import bz2
import gzip
import lzma
import math
from collections.abc import Sequence

import numpy as np

from vae_jax.types import UserError

CODECS = {
  "gzip": lambda raw: gzip.compress(raw, 9, mtime=0),
  "bz2": lambda raw: bz2.compress(raw, 9),
  "lzma": lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
}


def symbols(x: np.ndarray) -> np.ndarray:
  """How many symbols each row of [..., T] has, its end included and padding not: [...]."""
  return (np.asarray(x) > 0).sum(-1)


def perplexity(nats: np.ndarray, counts: np.ndarray) -> float:
  """exp(sum of -log p / sum of symbols): over the corpus, not the mean over sentences.

  The end of a sentence counts as a symbol; the start, which is not predicted, does not.

  Args:
    nats: -log p of each sentence [N].
    counts: its symbols [N].
  """
  return float(np.exp(np.sum(nats, dtype=np.float64) / np.sum(counts)))


def perplexity_error(nats: np.ndarray, counts: np.ndarray) -> float:
  """The standard error of `perplexity` over sentences, by the delta method for a ratio."""
  nats, counts = np.asarray(nats, np.float64), np.asarray(counts, np.float64)
  if len(nats) < 2:
    return math.nan
  ratio = nats.sum() / counts.sum()
  spread = np.std(nats - ratio * counts, ddof=1) / (counts.mean() * math.sqrt(len(nats)))
  return float(np.exp(ratio) * spread)


def exact_match(x: np.ndarray, y: np.ndarray) -> float:
  """The share of rows of [N, T] that are the same in both, symbol by symbol."""
  return float((np.asarray(x) == np.asarray(y)).all(-1).mean())


def bleu(outputs: Sequence[str], references: Sequence[str]) -> float:
  """BLEU-4 of a corpus, 0 to 100, on the symbols between blanks as they are.

  Papineni et al. (2002), eq. 1-3, by sacrebleu with its exponential smoothing.

  Raises:
    UserError: sacrebleu is not installed.
  """
  try:
    import sacrebleu
  except ImportError as error:
    raise UserError(
      "BLEU needs the package sacrebleu; install the extra: pip install 'vae-jax[text]'."
    ) from error
  scored = sacrebleu.corpus_bleu(
    list(outputs), [list(references)], tokenize="none", force=True
  )
  return float(scored.score)


def edits(a: Sequence, b: Sequence) -> int:
  """Levenshtein's distance: insertions, deletions and substitutions from a to b."""
  row = list(range(len(b) + 1))
  for i, left in enumerate(a, 1):
    before, row[0] = row[0], i
    for j, right in enumerate(b, 1):
      before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
  return row[-1]


def bits_per_character(nats: float, characters: int) -> float:
  """nats / (ln 2 characters)."""
  return nats / (math.log(2) * characters)


def compressed_bits(text: str, codec: str, before: str = "") -> int:
  """8 times the bytes a codec needs for a text; with `before`, for what it adds to it."""
  size = lambda t: len(CODECS[codec](t.encode("utf-8")))
  return 8 * (size(before + text) - (size(before) if before else 0))


def distinct(rows: Sequence[Sequence], n: int) -> float:
  """Distinct n-grams / all n-grams of many sentences. Li et al. (2016), section 5.2."""
  grams = [tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1)]
  return len(set(grams)) / len(grams) if grams else math.nan
