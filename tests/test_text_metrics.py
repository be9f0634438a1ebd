"""Known answers of what sentences are scored with and compared with."""

import itertools
import math

import numpy as np
import pytest

from vae_jax.baselines import delete_replace, kneser_ney, sentiment
from vae_jax.metrics import information, text
from vae_jax.types import UserError


def test_perplexity_is_over_the_corpus_and_its_error_is_the_bootstrap_s():
  nats, counts = np.asarray([4.0, 2.0]) * math.log(8), np.asarray([4, 2])
  np.testing.assert_allclose(text.perplexity(nats, counts), 8.0)
  assert text.perplexity_error(nats, counts) < 1e-6
  rng = np.random.default_rng(0)
  counts = rng.integers(2, 20, 400)
  nats = counts * rng.normal(3.0, 0.5, 400)
  draws = rng.integers(0, 400, (2000, 400))
  spread = np.std([text.perplexity(nats[d], counts[d]) for d in draws])
  np.testing.assert_allclose(text.perplexity_error(nats, counts), spread, rtol=0.1)


def test_symbols_exact_match_edits_and_distinct():
  x = np.asarray([[3, 4, 1, 0], [5, 1, 0, 0]])
  np.testing.assert_array_equal(text.symbols(x), [3, 2])
  assert text.exact_match(x, x) == 1.0
  assert text.exact_match(x, [[3, 4, 1, 0], [6, 1, 0, 0]]) == 0.5
  assert text.edits("kitten", "sitting") == 3
  assert text.edits("", "abc") == text.edits("abc", "") == 3
  assert text.distinct(["abab", "ab"], 2) == 2 / 4


def test_bleu_of_a_copy_is_100_and_of_the_textbook_example_its_number():
  pytest.importorskip("sacrebleu")
  lines = ["the cat is on the mat", "there is a dog here ."]
  np.testing.assert_allclose(text.bleu(lines, lines), 100.0)
  assert text.bleu(["x y z u v w"], ["a b c d e f"]) < 10
  # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 1 of 2 * 3 by the smoothing; equal lengths
  got = text.bleu(["the cat sat on the mat"], ["the cat is on the mat"])
  want = 100 * (5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** 0.25
  np.testing.assert_allclose(got, want, rtol=1e-6)


def test_bits_per_character_and_codecs():
  np.testing.assert_allclose(text.bits_per_character(math.log(2) * 30, 10), 3.0)
  line = "the same line again and again\n" * 50
  for codec in text.CODECS:
    alone, after = (
      text.compressed_bits(line, codec),
      text.compressed_bits(line, codec, line),
    )
    assert 0 <= after < alone < 8 * len(line)


def test_mutual_information_of_known_codes():
  rng = np.random.default_rng(0)
  n = 512
  apart = np.arange(n)[:, None] * 100.0
  sure = information.mutual_information(apart, np.zeros((n, 1)), rng)
  np.testing.assert_allclose(sure, math.log(n), rtol=1e-6)  # each code names its example
  blind = information.mutual_information(np.zeros((n, 3)), np.zeros((n, 3)), rng)
  np.testing.assert_allclose(blind, 0.0, atol=1e-9)
  # x ~ N(0, 1), z = x + noise of variance v: I = log(1 + 1 / v) / 2
  x, v = rng.standard_normal((4000, 1)), 0.25
  got = information.mutual_information(x, np.full((4000, 1), math.log(v)), rng)
  np.testing.assert_allclose(got, 0.5 * math.log(1 + 1 / v), atol=0.05)


def test_kneser_ney_by_hand():
  """Three rows over a = 2, b = 3: "a b", "a b", "b a"; bigrams 0a 0a 0b ab ab ba b1 b1 a1."""
  x = np.asarray([[2, 3, 1], [2, 3, 1], [3, 2, 1]])
  model = kneser_ney.fit(x, 2, 4)
  # bigram counts: 0a 2, 0b 1, ab 2, ba 1, b1 2, a1 1: n1 = 3, n2 = 3, D = 3 / 9
  np.testing.assert_allclose(model.discounts[1], 1 / 3)
  # distinct contexts: a (0, b) 2, b (0, a) 2, 1 (a, b) 2: n1 = 0, so D is set to 1 / 2
  np.testing.assert_allclose(model.discounts[0], 0.5)
  first = (2 - 0.5) / 6 + 0.5 * 3 / 6 * (1 / 3)  # the same for a, b and the end
  np.testing.assert_allclose(first, 1 / 3)
  # after a: b twice and the end once; D * 2 kinds / 3 is left for the lower order
  want = (2 - 1 / 3) / 3 + (1 / 3) * 2 / 3 * first
  np.testing.assert_allclose(kneser_ney.prob(model, (2,), 3), want)
  np.testing.assert_allclose(kneser_ney.prob(model, (2,), 2), (1 / 3) * 2 / 3 * first)
  start = (2 - 1 / 3) / 3 + (1 / 3) * 2 / 3 * first  # "a" after the start
  end = (1 - 1 / 3) / 3 + (1 / 3) * 2 / 3 * first  # the end after "a"
  got = kneser_ney.log_prob(model, np.asarray([[2, 1, 0]]))
  np.testing.assert_allclose(got, [math.log(start * end)])


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_ney_sums_to_one_after_any_context(order):
  rng = np.random.default_rng(order)
  x = rng.integers(2, 12, (40, 8))
  x[:, -1] = 1
  model = kneser_ney.fit(x, order, 15)  # 12 ... 14 never occur
  contexts = [
    (),
    (2,),
    (14,),
    *itertools.islice(itertools.product(range(2, 5), repeat=4), 9),
  ]
  for context in contexts:
    total = sum(kneser_ney.prob(model, context, v) for v in range(1, 15))
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)
    assert kneser_ney.prob(model, context, 14) > 0


def test_kneser_ney_beats_the_unigram_where_order_matters():
  x = np.asarray([[2, 3, 4, 5, 1]] * 5 + [[5, 4, 3, 2, 1]] * 5)
  nats = [-kneser_ney.log_prob(kneser_ney.fit(x, n, 6), x).mean() for n in (1, 2, 3)]
  assert nats[2] < nats[1] < nats[0]
  with pytest.raises(UserError, match="order of at least 1"):
    kneser_ney.fit(x, 0, 6)


def test_a_judge_and_the_word_swap_agree_on_plain_sentences():
  good = [f"a fine film {i}" for i in range(20)]
  bad = [f"a dull film {i}" for i in range(20)]
  label = np.repeat([1, 0], 20)
  judge = sentiment.fit(good + bad, label)
  assert (sentiment.predict(judge, ["a fine day", "a dull day"]) == [1, 0]).all()
  weights = delete_replace.salience([s.split() for s in good + bad], label)
  np.testing.assert_allclose(weights["fine"], 20 / math.sqrt(24))
  assert weights["film"] == 0
  swapped = delete_replace.transfer(
    ["a", "dull", "film"], weights, 1, lambda words, place: words[place] == "fine"
  )
  assert swapped == ["a", "fine", "film"]
  kept = delete_replace.transfer(["a", "film"], weights, 1, lambda words, place: 0.0)
  assert kept == ["a", "film"]
  with pytest.raises(UserError, match="two classes"):
    sentiment.fit(good, np.ones(20, int))
