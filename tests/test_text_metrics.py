"""Known answers of what sentences are scored with and compared with."""

import itertools
import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax.baselines import delete_replace, kneser_ney, sentiment
from vae_jax.inference import strangers, walks
from vae_jax.metrics import comparison, information, text
from vae_jax.types import Posterior, UserError


def test_perplexity_is_over_the_corpus_and_its_interval_is_the_delta_method_s():
  nats, counts = np.asarray([4.0, 2.0]) * math.log(8), np.asarray([4, 2])
  np.testing.assert_allclose(text.perplexity(nats, counts), 8.0)
  rng = np.random.default_rng(0)
  counts = rng.integers(2, 20, 400)
  nats = counts * rng.normal(3.0, 0.5, 400)
  rows = np.stack([nats, counts], -1)
  found = comparison.estimate_of(text.perplexity_of, rows[None], replicates=2000)
  assert found.mean == pytest.approx(text.perplexity(nats, counts), rel=1e-12)
  ratio = nats.sum() / counts.sum()
  spread = np.std(nats - ratio * counts, ddof=1) / (counts.mean() * math.sqrt(400))
  half = stats.t.ppf(0.975, 399) * np.exp(ratio) * spread
  np.testing.assert_allclose(found.half, half, rtol=0.05)


def test_symbols_exact_match_edits_and_distinct():
  x = np.asarray([[3, 4, 1, 0], [5, 1, 0, 0]])
  np.testing.assert_array_equal(text.symbols(x), [3, 2])
  assert text.exact_match(x, x) == 1.0
  assert text.exact_match(x, [[3, 4, 1, 0], [6, 1, 0, 0]]) == 0.5
  assert text.edits("kitten", "sitting") == 3
  assert text.edits("", "abc") == text.edits("abc", "") == 3
  assert text.distinct(["abab", "ab"], 2) == 2 / 4
  assert text.words(np.asarray([3, 4, 1, 5])) == [3, 4]  # what stands after an end is none
  y = np.asarray([[3, 1, 0, 0], [6, 1, 0, 0]])
  assert text.edit_rate(y, x) == (1 + 1) / 3


def test_bleu_of_a_copy_is_100_and_of_the_textbook_example_its_number():
  pytest.importorskip("sacrebleu")
  lines = ["the cat is on the mat", "there is a dog here ."]
  np.testing.assert_allclose(text.bleu(lines, lines), 100.0)
  assert text.bleu(["x y z u v w"], ["a b c d e f"]) < 10
  # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 1 of 2 * 3 by the smoothing; equal lengths
  got = text.bleu(["the cat sat on the mat"], ["the cat is on the mat"])
  want = 100 * (5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** 0.25
  np.testing.assert_allclose(got, want, rtol=1e-6)


def test_what_is_rebuilt_is_scored_as_text_and_as_symbols():
  pytest.importorskip("sacrebleu")
  symbols = ("", "", "<unk>", *"abcdef")
  x = np.asarray([[3, 4, 5, 6, 1], [4, 5, 6, 7, 1]])
  assert text.rebuilt(x, x, symbols) == pytest.approx((100.0, 100.0, 0.0))
  y = np.asarray([[3, 4, 5, 6, 1], [4, 5, 6, 8, 1]])
  want = 100 * (7 / 8 * 5 / 6 * 3 / 4 * 1 / 2) ** 0.25
  assert text.rebuilt(x, y, symbols) == pytest.approx((want, 50.0, 1 / 8))


def test_codecs_and_models_code_the_same_text():
  lines, train = ["a <unk> film"] * 30, ["a film"] * 30
  size, bits = text.compression(lines, train, {"model": 60.0})
  assert size == 30 * len("a ? film") + 29
  assert bits["model"] == (None, pytest.approx(60 / math.log(2) / size))
  for codec in text.CODECS:
    plain = "\n".join(["a ? film"] * 30)
    assert bits[codec][0] == text.compressed_bits(plain, codec) / size
    before = "\n".join(train) + "\n"
    assert bits[codec][1] == text.compressed_bits(plain, codec, before) / size


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


def test_information_is_saturated_where_more_examples_would_show_more():
  """Codes that each tell of exp(I) examples apart, seen as -log(exp(-I) + 1 / N)."""
  count = 1000
  seen = lambda true: -math.log(math.exp(-true) + 1 / count)
  assert not information.saturated(seen(math.log(50)), count)  # 0.05 nats too low
  assert information.saturated(seen(math.log(200)), count)  # 0.18 nats too low
  assert information.saturated(math.log(count), count)
  assert not information.saturated(0.0, count)
  assert not information.saturated(math.nan, count)


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


def test_what_is_read_off_a_model_agrees_with_its_probabilities():
  rng = np.random.default_rng(0)
  x = rng.integers(2, 8, (30, 6))
  x[:, -1] = 1
  model = kneser_ney.fit(x, 3, 10)
  row = tuple(x[0].tolist())
  by_hand = sum(math.log(kneser_ney.prob(model, row[max(0, t - 2) : t], row[t])) for t in
                (2, 3, 4))  # fmt: skip
  np.testing.assert_allclose(kneser_ney.around(model, row, 2), by_hand)
  nats = -kneser_ney.log_prob(model, x)
  want = math.exp(nats.sum() / x.size)
  np.testing.assert_allclose(kneser_ney.perplexity(model, x), want)
  paths = x.reshape(10, 3, 6)  # 10 paths of 3 sentences
  np.testing.assert_allclose(
    kneser_ney.fluency(model, paths), nats.reshape(10, 3).sum(0) / 60
  )
  own, back, distinct, symbols = kneser_ney.variety(model, x[:5], x, x[:5])
  np.testing.assert_allclose(own, kneser_ney.perplexity(model, x[:5]))
  bigrams = kneser_ney.fit(x[:5], 2, 10)
  np.testing.assert_allclose(back, kneser_ney.perplexity(bigrams, x))
  assert symbols == 6
  assert distinct == text.distinct([row[:-1].tolist() for row in x[:5]], 2)


def test_sentences_are_turned_word_for_word():
  film, fine, dull, rare = 3, 4, 5, 2
  good, bad = [film, fine, 1, 0], [film, dull, 1, 0]
  train, labels = np.asarray([good, bad] * 20), np.asarray([1, 0] * 20)
  model = kneser_ney.fit(train, 2, 6)
  x = np.asarray([bad, good, [film, rare, 1, 0]])
  found = delete_replace.turn(x, np.asarray([1, 0, 1]), train, labels, model)
  np.testing.assert_array_equal(found, [good, bad, [film, rare, 1, 0]])
  np.testing.assert_array_equal(x[0], bad)


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


def test_lines_join_codes_and_a_step_leads_to_the_other_class():
  a, b = np.zeros((2, 3, 4)), np.arange(24.0).reshape(2, 3, 4)
  found = walks.linear(a, b, 5)
  assert found.shape == (2, 3, 5, 4)
  np.testing.assert_allclose(found[:, :, 3], 0.75 * b)
  labels = np.asarray([0, 0, 1, 1])
  codes = np.asarray([[0.0, 1], [0, 3], [2, 0], [4, 0]])
  step = walks.towards(np.stack([codes, 2 * codes]), labels, np.asarray([1, 0]))
  np.testing.assert_allclose(step, [[[3, -2], [-3, 2]], [[6, -4], [-6, 4]]])


def test_strangers_stand_apart_and_their_codes_are_scored():
  x = np.arange(9.0)
  fields = strangers.beside({"x": x, "id": np.arange(9)})
  np.testing.assert_array_equal(
    fields["other_x"], np.stack([np.roll(x, 3), np.roll(x, 6)], 1)
  )
  assert "other_id" not in fields
  # The code is the example itself, and the likelihood a Gaussian's around it.
  vae = SimpleNamespace(
    posterior=lambda params, e: Posterior(e["x"][None], jnp.zeros(1)),
    log_likelihood=lambda params, z, e: -jnp.square(z[0] - e["x"]),
  )
  one = {k: jnp.asarray(v[4]) for k, v in fields.items()}
  found = strangers.nats(vae, {}, one)
  assert found["own"] == 0
  np.testing.assert_allclose(found["stranger"], ((4 - 1) ** 2 + (4 - 7) ** 2) / 2)
