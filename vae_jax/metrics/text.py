"""How sentences are scored: perplexity, BLEU, exact match, edit distance, bits per character."""

import bz2
import gzip
import lzma
import math
from collections.abc import Sequence

import numpy as np

from vae_jax.metrics.summary import of_sums
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


@of_sums
def perplexity_of(sums: np.ndarray) -> float:
  """`perplexity` of rows [N, 2]: of each sentence its -log p and its symbols."""
  return perplexity(*sums)


def words(row: np.ndarray) -> list[int]:
  """The symbols of a row [T] before its end."""
  ends = np.flatnonzero(np.asarray(row) < 2)
  return np.asarray(row)[: ends[0] if len(ends) else None].tolist()


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


def edit_rate(outputs: np.ndarray, references: np.ndarray) -> float:
  """Edits from outputs to references, rows [N, T] both, for each symbol of the references.

  The ends of sentences are not counted.
  """
  pairs = [(words(a), words(b)) for a, b in zip(outputs, references, strict=True)]
  return sum(edits(a, b) for a, b in pairs) / sum(len(b) for _, b in pairs)


def rebuilt(x: np.ndarray, y: np.ndarray, symbols: Sequence[str]) -> tuple[float, ...]:
  """BLEU, exact matches in % and edits per symbol of rows y [N, T] against rows x [N, T]."""
  lines = [[" ".join(symbols[i] for i in words(row)) for row in rows] for rows in (y, x)]
  return bleu(*lines), 100 * exact_match(x, y), edit_rate(y, x)


def bits_per_character(nats: float, characters: int) -> float:
  """nats / (ln 2 characters)."""
  return nats / (math.log(2) * characters)


def compressed_bits(text: str, codec: str, before: str = "") -> int:
  """8 times the bytes a codec needs for a text; with `before`, for what it adds to it."""
  size = lambda t: len(CODECS[codec](t.encode("utf-8")))
  return 8 * (size(before + text) - (size(before) if before else 0))


def compression(
  lines: Sequence[str], train: Sequence[str], nats: dict[str, float]
) -> tuple[int, dict[str, tuple[float | None, float]]]:
  """Bits per character of the same text by codecs and by models, `bits_per_character` of nats.

  The text has one sentence a line, and each unknown symbol as one character.

  Args:
    lines: the sentences.
    train: those that models are fitted on.
    nats: of each model, -log p of all the sentences together.

  Returns:
    How many characters; by name the bits of a codec alone, None of a model, and after train.
  """
  clean = lambda rows: "\n".join(rows).replace("<unk>", "?")
  plain, before = clean(lines), clean(train) + "\n"
  bits = lambda codec, *given: compressed_bits(plain, codec, *given) / len(plain)
  found = {codec: (bits(codec), bits(codec, before)) for codec in CODECS}
  models = {k: (None, bits_per_character(v, len(plain))) for k, v in nats.items()}
  return len(plain), {**found, **models}


def distinct(rows: Sequence[Sequence], n: int) -> float:
  """Distinct n-grams / all n-grams of many sentences. Li et al. (2016), section 5.2."""
  grams = [tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1)]
  return len(set(grams)) / len(grams) if grams else math.nan
