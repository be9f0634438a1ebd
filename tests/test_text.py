"""The application text: on a model whose answers are known, and as a user runs it."""

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import asking
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.applications import text as application
from vae_jax.applications.text import _turned, _written
from vae_jax.data import sentences
from vae_jax.evaluation.source import Source
from vae_jax.inference import importance, rewriting
from vae_jax.report import store
from vae_jax.studies.sections import Part
from vae_jax.training import loop
from vae_jax.types import UserError

SMALL = {
  "data": {"name": "sentences", "n": 1200},
  "model": {"name": "sentence", "latents": 4, "hidden": 16, "embed": 8},
  "likelihood": {"name": "tokens"},
  "train": {"steps": 30, "batch_size": 32, "log_every": 30, "eval_every": 30},
}
CONDITIONAL = {**SMALL["model"], "condition": "label"}
QUICK = {"samples": 6, "chunk": 3, "limit": 24, "tune": 12, "batch": 24, "steps": 3}
GRAMS = [f"Kneser-Ney {n}-gram" for n in (1, 2, 3, 5)]
ROWS = np.linspace(0, 999, QUICK["limit"]).round().astype(int)  # scored, of 1,000 in test


def config(**parts):
  return configuration.resolve({"objective": {"name": "beta"}, **SMALL, **parts})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp("text")
  quiet = lambda line: None
  sweep = config(sweep={"beta": [0.2, 1.0]}, hyper={"learning_rate": 1e-2})
  loop.train(sweep, str(folder / "vae"), None, quiet)
  lm = config(objective={"name": "language_model"}, hyper={"learning_rate": 1e-2})
  loop.train(lm, str(folder / "lm"), None, quiet)
  for name, objective in (("given", "beta"), ("given_lm", "language_model")):
    both = config(objective={"name": objective}, model=CONDITIONAL)
    loop.train(both, str(folder / name), None, quiet)
  return folder


def asked(run, **more):
  return helpers.evaluated("text", run, {**QUICK, **more})


@pytest.fixture(scope="module")
def report(trained):
  run = runs.open_run(str(trained / "vae"))
  return asked(run, language_model=str(trained / "lm"))


def table(report, title):
  return next(t for t in report.tables if t.title == title)


def column(found, name):
  return [row[found.columns.index(name)] for row in found.rows]


def nats(report, member=None):
  """The mean NLL of each method by name, of a member or of the baselines."""
  found = helpers.means(report, "nll", member=member)
  return {method: mean for (method, _), mean in found.items()}


def test_every_method_is_scored_and_no_model_beats_the_grammar(report):
  found = table(report, "Text")
  models = ["VAE, IW K = 6", "VAE, ELBO"] * 2
  baselines = [*GRAMS, "language model", "the grammar itself"]
  assert column(found, "method") == [*models, *baselines]
  nll = column(found, "NLL, nats")
  # The grammar's own entropy is the floor: the difference is a KL plus sampling noise.
  assert min(nll) == nll[-1] or nll[-1] - min(nll) < 0.5
  assert all(ppl > 1 for ppl in column(found, "Perplexity"))
  kl = column(found, "KL, nats")
  for m in range(2):
    np.testing.assert_allclose(kl[2 * m], report.arrays["rate"][m].mean(), rtol=1e-5)
    assert nll[2 * m] <= nll[2 * m + 1] + 0.1  # K draws against one


def test_the_perplexity_is_of_the_corpus(report, trained):
  run = runs.open_run(str(trained / "vae"))
  symbols = (run.dataset.splits["test"]["x"][ROWS] > 0).sum(-1)
  own = report.arrays["scores/nll/Kneser-Ney_3-gram"][0]
  found = table(report, "Text")
  ppl = dict(zip(column(found, "method"), column(found, "Perplexity"), strict=True))
  want = np.exp(own.sum() / symbols.sum())
  np.testing.assert_allclose(ppl["Kneser-Ney 3-gram"], want, rtol=1e-6)


def test_the_setting_is_chosen_on_validation_and_the_grammar_is_no_rival(report):
  (verdict,) = report.verdicts
  rivals = {k: v for k, v in nats(report).items() if k in (*GRAMS, "language model")}
  assert verdict["baseline"] == min(rivals, key=rivals.get)
  assert verdict["method"] == "VAE, IW K = 6"
  assert any("chosen on validation" in finding for finding in report.findings)
  marked = {table(report, "Text").rows[row][1] for row, _ in table(report, "Text").marks}
  assert not marked & {"the grammar itself", "VAE, ELBO"}


def test_one_setting_is_not_asked_of_validation(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  assert not helpers.outcome("text", run, QUICK).on_validation


def test_the_report_is_whole_and_can_be_saved(report, tmp_path):
  titles = [t.title for t in report.tables]
  for title in (
    "What survives the code",
    "Sentences out of the prior",
    "Turning the sentiment",
    "Bits per character",
    "Between two sentences (1)",
  ):
    assert title in titles
  for t in report.tables:
    assert all(len(row) == len(t.columns) for row in t.rows), t.title
  turned = table(report, "Turning the sentiment")
  copied = column(turned, "method").index("copy the input")
  np.testing.assert_allclose(column(turned, "bleu with input")[copied], 100.0)
  store.save(report, tmp_path)
  own = {"swapped", "rates", "path", "sentiment"}
  assert {f.name for f in report.figures} == {*own, "sweep"}
  for name, shape in (("means", (2, 1000, 4)), ("written", (2, 24))):
    assert report.arrays[name].shape[: len(shape)] == shape


def test_bits_per_character_are_the_nats_of_the_same_text(report, trained):
  run = runs.open_run(str(trained / "vae"))
  x, symbols = run.dataset.splits["test"]["x"][ROWS], run.spec.symbols
  plain = "\n".join(sentences.text(row, symbols) for row in x).replace("<unk>", "?")
  bits = {row[0]: row[2] for row in table(report, "Bits per character").rows}
  for method in ("Kneser-Ney 3-gram", "language model"):
    want = nats(report)[method] * len(x) / np.log(2) / len(plain)
    np.testing.assert_allclose(bits[method], want, rtol=1e-6)
  assert {"gzip", "bz2", "lzma", "VAE, ELBO β 1 · seed 0"} <= bits.keys()


def test_the_language_model_alone_is_exact_and_has_no_code(trained):
  run = runs.open_run(str(trained / "lm"))
  found = asked(run)
  assert not any(t.title == "What survives the code" for t in found.tables)
  assert not any("COLLAPSED" in finding for finding in found.findings)
  exact = asking.terms(run, {k: v[ROWS] for k, v in run.dataset.splits["test"].items()})
  want = exact["distortion"].mean()
  np.testing.assert_allclose(nats(found, 0)["language model"], want, rtol=1e-5)


def test_a_deterministic_autoencoder_is_judged_by_what_it_writes_alone(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  plain = {**run.config, "objective": {"name": "autoencoder"}}
  found = asked(run._replace(config=plain, stochastic=False))
  assert not found.verdicts
  assert set(column(table(found, "Text"), "method")) >= {"autoencoder", *GRAMS}
  scored = helpers.means(found, "own", member=0)
  assert set(scored) == {("autoencoder", "")}
  assert table(found, "What survives the code").rows


def test_the_bound_is_one_whatever_the_objective_trains(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 1)
  several = {**run.config, "objective": {"name": "miwae", "samples": 4}}
  examples = {k: v[ROWS] for k, v in run.dataset.splits["test"].items()}
  plain = asking.terms(run, examples)
  found = asking.elbo(run._replace(config=several), examples)
  np.testing.assert_array_equal(found["elbo"], plain["elbo"])
  assert (
    asking.terms(run._replace(config=several), examples)["elbo"] != plain["elbo"]
  ).any()


def test_a_saturated_mutual_information_is_told_as_a_bound(report, trained):
  assert not any("at least" in finding for finding in report.findings)
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  vae = run.vae
  apart = jnp.asarray(np.random.default_rng(0).normal(size=(15, 4)), jnp.float32)
  far = lambda p, e: vae.posterior(p, e)._replace(
    mean=50.0 * e["x"] @ apart, logvar=jnp.full(4, -6.0)
  )
  outcome = helpers.outcome("text", run._replace(vae=vae._replace(posterior=far)), QUICK)
  part = Part(outcome, 0)
  test = run.dataset.splits["test"]["x"]
  _, counts = np.unique(test, axis=0, return_counts=True)
  want = np.log(len(test)) - (counts * np.log(counts)).sum() / len(test)  # its entropy
  np.testing.assert_allclose(part.first[0].scores["mi"], want, rtol=1e-4)
  said = _written.use(part).findings
  assert any("at least" in finding and "6.9 nats" in finding for finding in said)


def test_the_importance_weighted_bound_of_a_collapsed_code_is_the_likelihood_itself(
  trained,
):
  """Where the decoder ignores z and q is the prior, every weight is p(x): no variance."""
  run = runs.open_run(str(trained / "lm"))
  vae = run.vae
  params = jax.tree.map(lambda v: jnp.asarray(v[0]), run.params)
  at_zero = lambda p, z, e: vae.log_likelihood(p, jnp.zeros_like(z), e)
  prior = lambda p, e: jax.tree.map(jnp.zeros_like, vae.posterior(p, e))
  flat = vae._replace(log_likelihood=at_zero, posterior=prior)
  x = jnp.asarray(run.dataset.splits["test"]["x"][0])
  one = {"x": x, "id": jnp.int32(0)}
  estimate = jax.jit(lambda key: importance.estimate(flat, params, one, key, 8, 4))
  found = estimate(jax.random.key(0))
  exact = jax.jit(lambda p: vae.log_likelihood(p, jnp.zeros(4), one))(params)
  np.testing.assert_allclose(found.log_evidence, exact, rtol=1e-5)
  np.testing.assert_allclose(found.ess, 8, rtol=1e-3)


def test_a_large_split_is_stood_for_by_evenly_spaced_sentences(trained, monkeypatch):
  """The sentences that are scored stay the same, and are among those that stand for it."""
  monkeypatch.setattr(application, "WHOLE", 100)
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  source = Source(run, {**application.SETTINGS, **QUICK}, jax.random.key(0))
  task = application.prepare(source, "test", QUICK["limit"])
  np.testing.assert_array_equal(task.examples["x"], run.dataset.splits["test"]["x"][ROWS])
  assert 100 <= len(task.whole["x"]) <= 124
  np.testing.assert_array_equal(task.whole["id"][task.own.rows], ROWS)


def obedient(run):
  """The conditional run with weights that write one word of the asked class for ever."""
  params = jax.tree.map(np.array, run.params)
  words = [run.spec.symbols.index(word) for word in ("dull", "bright")]
  model = params["model"]
  model["table"][:, :, 0] = 0
  model["table"][:, words, 0] = [-1, 1]
  model["last_z"]["kernel"][:, -2:, 0] = [-30, 30]
  return run._replace(params=params)


@pytest.fixture(scope="module")
def conditional(trained):
  run = obedient(runs.open_run(str(trained / "given")))
  return asked(run), run


def test_the_other_label_turns_what_an_obedient_model_writes(conditional):
  found, run = conditional
  turned = table(found, "Turning the sentiment")
  methods = column(turned, "method")
  accuracy = dict(zip(methods, column(turned, "accuracy, %"), strict=True))
  assert accuracy["conditional model, own label"] == 0
  assert accuracy["conditional model, other label"] == 100
  assert accuracy["conditional model, from the prior"] == 100
  assert accuracy["attribute vector"] == 0  # under the own label, whatever the step
  assert accuracy["conditional model, other label and step"] == 100
  assert accuracy["conditional model, other label, guided"] == 100
  assert column(turned, "step")[-10:] == [1, 1.5, 2, 3, 4, 0.1, 0.2, 0.3, 0.4, 0.5]
  kept = dict(zip(methods, column(turned, "bleu with input"), strict=True))
  assert kept["conditional model, from the prior"] is None
  side = table(found, "Turning the sentiment: side by side")
  assert side.columns[-2:] == ("own label", "other label")
  word = {"good": "bright", "bad": "dull"}
  for row in side.rows:
    assert set(row[-1].split()) == {word[row[1]]}
    assert set(row[-2].split()) == set(word.values()) - {word[row[1]]}
  assert "conditional model, other label 100 %" in next(
    f for f in found.findings if f.startswith("Turned into the other class")
  )
  own = table(found, "What survives the code: side by side").rows
  label = run.dataset.splits["test"]["label"]
  for row, y in zip(own, label[ROWS], strict=False):
    assert set(row[1].split()) == {("dull", "bright")[y]}


def test_guidance_weighs_what_the_labels_differ_by_at_every_place(trained):
  """By hand: at each place the best of (1 + w) log p' - w log p after what is written."""
  run = runs.open_run(str(trained / "given"))
  vae, params = run.vae, jax.tree.map(lambda v: jnp.asarray(v[0]), run.params)
  params["model"]["last_z"]["kernel"] *= 20  # a label and a code that say much
  x = jnp.asarray(run.dataset.splits["test"]["x"][0])
  example = {"x": x, "id": jnp.int32(0), "label": jnp.int32(0), "target": jnp.int32(1)}
  write = lambda w: np.asarray(jax.jit(rewriting.guided(vae, w))(params, {}, example, None))
  z = vae.posterior(params, example).mean
  np.testing.assert_array_equal(write(0.0), vae.given(1).mode(params, z))
  got = write(1.5)
  log = lambda y: jax.nn.log_softmax(
    vae.given(y).forced(params, z, {"x": jnp.asarray(got)})
  )
  best = 1 + np.argmax((2.5 * log(1) - 1.5 * log(0))[:, 1:], -1)
  end = [*got, 1].index(1) + 1
  np.testing.assert_array_equal(got[:end], best[:end])
  assert not got[end:].any()


def test_of_the_steps_that_turn_enough_the_one_that_keeps_most_words_is_told():
  row = lambda turned, kept: (None, "", None, turned, kept, 0.0)
  best = lambda *scores: _turned._best([row(*one) for one in scores])
  assert best((79.9, 60.0), (95.0, 10.0), (81.0, 30.0)) == row(81.0, 30.0)
  assert best((10.0, 90.0), (60.0, 20.0)) == row(60.0, 20.0)
  assert best() is None


def test_a_step_is_chosen_on_validation_and_told_of_the_scored_sentences(
  conditional, monkeypatch
):
  _, run = conditional
  made, tuned, asked_of = _turned._made, _turned._tuned, []

  def spy(part, examples, target):
    asked_of.append(examples["x"])
    return made(part, examples, target)

  def favours(part):  # as if a step of 1.5 had turned all validation sentences
    return [(*row[:3], 100.0 * (row[2] == 1.5), *row[4:]) for row in tuned(part)]

  monkeypatch.setattr(_turned, "_made", spy)
  monkeypatch.setattr(_turned, "_tuned", favours)
  found = asked(run)
  valid = run.dataset.splits["valid"]["x"]
  rows = np.linspace(0, len(valid) - 1, QUICK["tune"]).round().astype(int)
  np.testing.assert_array_equal(asked_of[0], run.dataset.splits["test"]["x"][ROWS])
  np.testing.assert_array_equal(asked_of[1], valid[rows])
  (said,) = [f for f in found.findings if f.startswith("Turned into the other class")]
  assert "attribute vector, step 1.5 0 % (" in said  # of the scored ones it turns none
  assert "conditional model, other label and step, step 1.5 100 % (" in said
  assert "chosen on 12 validation sentences" in said


def test_pairs_of_a_file_are_turned_both_ways(trained, tmp_path):
  """Partners that are the sentence itself: what copies has BLEU 100 with them and turns none."""
  run = obedient(runs.open_run(str(trained / "given")))
  lines = sentences.lines(run.dataset.splits["test"]["x"][:6], run.spec, "word")
  file = tmp_path / "pairs.tsv"
  file.write_text("".join(f"{line}\t{line}\n" for line in lines))
  outcome = helpers.outcome("text", run, {**QUICK, "pairs": str(file)})
  found = table(_turned.referred(_written.Sentences(outcome, 0)), "Pairs of the file")
  assert column(found, "bleu with reference") == column(found, "bleu with input")
  by = dict(zip(column(found, "method"), found.rows, strict=True))
  at = found.columns.index
  assert by["copy the input"][at("bleu with reference")] == pytest.approx(100)
  assert (
    by["copy the input"][at("accuracy, %")] == 50
  )  # one sentence, asked for both classes
  assert by["conditional model, other label"][at("accuracy, %")] == 100
  assert by["conditional model, own label"][at("accuracy, %")] == 0


def test_what_is_decoded_near_a_code(report):
  """Without noise it is what survives the code; the baseline changes a sentence and keeps much."""
  near, plain = table(report, "Paraphrases"), table(report, "What survives the code")
  own = [row for row in plain.rows if row[plain.columns.index("method")] == "own code"]
  still = [row for row in near.rows if row[near.columns.index("noise")] == 0]
  bleu = near.columns.index("bleu with input")
  assert [row[bleu] for row in still] == [row[plain.columns.index("bleu")] for row in own]
  words = near.rows[0]
  assert words[near.columns.index("changed, %")] > 90
  assert 20 < words[bleu] < 90


def test_a_conditional_model_pays_for_the_label(conditional, trained):
  found, run = conditional
  test = {name: values[ROWS] for name, values in run.dataset.splits["test"].items()}
  share = np.mean(run.dataset.splits["train"]["label"])
  of_label = -np.log(np.where(test["label"] == 1, share, 1 - share))
  weighed = asking.evidence(
    run, test | {"id": ROWS.astype(np.int32)}, jax.random.key(0), 6, 3
  )
  want = (of_label - weighed.log_evidence[0]).mean()
  got = nats(found, 0)["conditional VAE, IW K = 6"]
  np.testing.assert_allclose(got, want, rtol=1e-5)
  assert "count −log p(label)" in table(found, "Text").note
  lm = runs.open_run(str(trained / "given_lm"))
  alone = asked(lm)
  want = (of_label + alone.arrays["distortion"][0, ROWS]).mean()
  np.testing.assert_allclose(nats(alone, 0)["conditional language model"], want, rtol=1e-5)
  written = table(alone, "Sentences out of the prior: written").rows
  assert [row[0] for row in written].count("greedy") == 2  # one of each label


def test_a_path_of_a_conditional_model_takes_the_label_of_the_nearer_end(trained):
  run = obedient(runs.open_run(str(trained / "given")))
  train = run.dataset.splits["train"]
  known = ~(train["x"] == 2).any(1)  # the classifier has seen these with their label
  first = [train["x"][known & (train["label"] == y)][0] for y in (0, 1)]
  pair = " | ".join(sentences.text(row, run.spec.symbols) for row in first)
  path = table(asked(run, steps=4, pair=pair), "Between two sentences (1)")
  words = [set(row[1].split()) for row in path.rows]
  assert words == [{"dull"}, {"dull"}, {"bright"}, {"bright"}]
  assert "nearer end" in path.note


def test_a_conditional_run_stands_beside_one_that_is_not(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  found = asked(run, conditional=str(trained / "given"))
  methods = column(table(found, "Turning the sentiment"), "method")
  assert methods == [
    "copy the input", "delete and replace", *["attribute vector"] * 6,
    "conditional model, own label", "conditional model, other label",
    "conditional model, from the prior",
    *["conditional model, other label and step"] * 5,
    *["conditional model, other label, guided"] * 5,
  ]  # fmt: skip
  assert len(table(found, "Text").rows) == 7  # it is not judged there
  for name in ("vae", "given_lm"):
    with pytest.raises(UserError, match="not of a conditional VAE"):
      asked(run, conditional=str(trained / name))
  for name in ("given", "lm"):
    other = runs.open_run(str(trained / name))
    with pytest.raises(UserError, match="evaluate it alone"):
      asked(other, conditional=str(trained / "given"))


@pytest.mark.parametrize("classes", [(), ("a", "b", "c")])
def test_sentences_without_two_classes_are_not_turned(trained, classes):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  data = run.dataset._replace(spec=run.spec._replace(classes=classes))
  outcome = helpers.outcome("text", run._replace(spec=data.spec, dataset=data), QUICK)
  section = _turned.sentiment(_written.Sentences(outcome, 0))
  assert not section.tables
  assert "and two classes" in section.findings[0]


def test_two_sentences_are_joined_and_bad_requests_are_told(trained, tmp_path):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  pair = "this film shines . | the soup is very cold ."
  path = table(asked(run, pair=pair), "Between two sentences (1)")
  assert len(path.rows) == QUICK["steps"]
  assert "this film shines ." in path.note
  (tmp_path / "one.tsv").write_text("this film shines .\tthe soup is cold .\nonly one\n")
  (tmp_path / "none.tsv").write_text("")
  for more, message in (
    ({"pairs": str(tmp_path / "one.tsv")}, "Line 2 .* has 1 part"),
    ({"pairs": str(tmp_path / "none.tsv")}, "has no line"),
    ({"pairs": str(tmp_path / "absent.tsv")}, "is no text file"),
    ({"pair": "only one"}, "expected two sentences"),
    ({"pair": "xyz | this film shines ."}, "No word"),
    ({"language_model": run.workdir}, "not of language_model"),
    ({"split": "tset"}, "Did you mean 'test'"),
  ):
    with pytest.raises(UserError, match=message):
      asked(run, **more)


def test_a_run_on_other_sentences_is_no_rival(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  splits = {**run.dataset.splits, "valid": run.dataset.splits["test"]}
  other = run._replace(dataset=run.dataset._replace(splits=splits))
  with pytest.raises(UserError, match="trained on other data"):
    asked(other, language_model=str(trained / "lm"))


def test_data_that_is_no_sentences_is_refused(trained):
  run = runs.open_run(str(trained / "lm"))
  spec = run.spec._replace(symbols=())
  with pytest.raises(UserError, match=r"configs/text\.py"):
    asked(run._replace(spec=spec))


def test_truth_is_refused_where_there_is_none(trained):
  run = runs.open_run(str(trained / "lm"))
  with pytest.raises(UserError, match="grammar"):
    sentences.truth(run.dataset._replace(name="mr"), run.dataset.splits["test"]["x"])
