"""The n-gram model with interpolated Kneser-Ney smoothing: the baseline for sentences."""

import collections
from typing import NamedTuple

import numpy as np

from vae_jax.metrics import text
from vae_jax.types import UserError

START = 0  # the symbol before a sentence; it is never predicted
Gram = tuple[int, ...]


class Model(NamedTuple):
  """Counts by context, for each order."""

  order: int  # n: symbols looked at, the predicted one among them
  categories: int  # V: symbols that may be predicted, 1 ... V - 1
  counts: list[dict[Gram, dict[int, int]]]  # of order k + 1: context [k] -> symbol -> count
  totals: list[dict[Gram, int]]  # context -> the sum of its counts
  discounts: list[float]  # D of each order


def fit(x: np.ndarray, order: int, categories: int) -> Model:
  """Counts the n-grams of rows [N, T] of symbols, 0 after the end.

  The highest order counts occurrences, every lower one in how many contexts a symbol was seen.
  D = n1 / (n1 + 2 n2) with n_r the number of n-grams of count r. Symbols that never occur
  share what the first order leaves over, evenly.

  Kneser & Ney (1995); interpolated as in Chen & Goodman (1999), eq. 3.10 (modified: no).

  Raises:
    UserError: an order below 1, or no sentence.
  """
  if order < 1 or len(x) == 0:
    raise UserError(f"Kneser-Ney needs an order of at least 1 and sentences; got {order}.")
  grams = collections.Counter(
    gram for row in x for gram in _grams(row[row > 0].tolist(), order)
  )
  tables = [grams]
  for _ in range(order - 1):  # a lower order counts the distinct ways an n-gram is extended
    tables.append(collections.Counter(gram[1:] for gram in tables[-1]))
  tables.reverse()
  counts, totals, discounts = [], [], []
  for table in tables:
    by_context: dict[Gram, dict[int, int]] = collections.defaultdict(dict)
    for gram, n in table.items():
      by_context[gram[:-1]][gram[-1]] = n
    counts.append(dict(by_context))
    totals.append({context: sum(c.values()) for context, c in by_context.items()})
    once, twice = (sum(n == r for n in table.values()) for r in (1, 2))
    discounts.append(once / (once + 2 * twice) if once else 0.5)
  return Model(order, categories, counts, totals, discounts)


def prob(model: Model, context: Gram, symbol: int) -> float:
  """p(symbol | context): the last n - 1 symbols of the context are looked at.

  p_k(w | c) = max(n(c w) - D, 0) / n(c) + D |{w : n(c w) > 0}| / n(c) p_{k-1}(w | c without
  its first), ending in the uniform 1 / (V - 1). For a context never seen it is p_{k-1}.
  """
  padded = (START,) * (model.order - 1) + tuple(context)
  p = 1.0 / (model.categories - 1)
  for k in range(model.order):
    seen = padded[len(padded) - k :]
    total = model.totals[k].get(seen)
    if total is None:
      break
    found, discount = model.counts[k][seen], model.discounts[k]
    share = max(found.get(symbol, 0) - discount, 0.0)
    p = (share + discount * len(found) * p) / total
  return p


def probs(model: Model, context: Gram) -> np.ndarray:
  """p(symbol | context) of every symbol, [V] with 0 for the one that pads; see `prob`."""
  padded = (START,) * (model.order - 1) + tuple(context)
  p = np.full(model.categories, 1.0 / (model.categories - 1))
  p[START] = 0.0
  for k in range(model.order):
    seen = padded[len(padded) - k :]
    total = model.totals[k].get(seen)
    if total is None:
      break
    found, discount = model.counts[k][seen], model.discounts[k]
    p = discount * len(found) * p
    for symbol, count in found.items():
      p[symbol] += max(count - discount, 0.0)
    p /= total
  return p


def draw(
  model: Model, count: int, length: int, end: int, rng: np.random.Generator
) -> np.ndarray:
  """Rows [count, length] int32 drawn symbol by symbol, 0 after the symbol `end`."""
  x = np.zeros((count, length), np.int32)
  cache: dict[Gram, np.ndarray] = {}
  for row in x:
    context: Gram = (START,) * (model.order - 1)
    for t in range(length):
      if context not in cache:
        cache[context] = np.cumsum(probs(model, context))
      row[t] = min(np.searchsorted(cache[context], rng.random()), model.categories - 1)
      if row[t] == end:
        break
      context = (*context, int(row[t]))[1:] if model.order > 1 else ()
  return x


def log_prob(model: Model, x: np.ndarray) -> np.ndarray:
  """log p of each row of [N, T], its end included, in nats: [N]."""
  return np.asarray([_row(model, row[row > 0].tolist()) for row in np.asarray(x)])


def perplexity(model: Model, x: np.ndarray) -> float:
  """Of rows [N, T], their ends included."""
  return text.perplexity(-log_prob(model, x), text.symbols(x))


def fluency(model: Model, x: np.ndarray) -> np.ndarray:
  """Nats per symbol of P paths of S sentences, over all paths: [P, S, T] -> [S]."""
  nats = -log_prob(model, x.reshape(-1, x.shape[-1])).reshape(x.shape[:-1])
  return nats.sum(0) / text.symbols(x).sum(0)


def variety(
  model: Model, x: np.ndarray, held: np.ndarray, fitted: np.ndarray
) -> tuple[float, ...]:
  """How sentences x [N, T] read and how varied they are.

  Returns:
    Their perplexity under the model; that of held-out sentences under a bigram model of
    `fitted`, mostly x itself, which sees a lack of variety; distinct bigrams / all bigrams; the
    mean number of symbols.
  """
  back = perplexity(fit(fitted, 2, model.categories), held)
  distinct = text.distinct([text.words(row) for row in x], 2)
  return perplexity(model, x), back, distinct, float(text.symbols(x).mean())


def around(model: Model, row: Gram, place: int) -> float:
  """log p of the symbol at a place and of those whose context it is in, nats."""
  reach = range(place, min(place + model.order, len(row)))
  before = lambda t: tuple(row[max(0, t - model.order + 1) : t])
  return float(sum(np.log(prob(model, before(t), row[t])) for t in reach))


def _row(model: Model, row: list[int]) -> float:
  n = model.order - 1
  padded = (START,) * n + tuple(row)
  terms = [prob(model, padded[t : t + n], symbol) for t, symbol in enumerate(row)]
  return float(np.sum(np.log(terms)))


def _grams(row: list[int], order: int) -> list[Gram]:
  padded = (START,) * (order - 1) + tuple(row)
  return [padded[t : t + order] for t in range(len(row))]
