"""The application text: on a model whose answers are known, and as a user runs it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import asking
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.applications import text
from vae_jax.data import sentences
from vae_jax.inference import importance
from vae_jax.report import store
from vae_jax.training import loop
from vae_jax.types import UserError

SMALL = {
  "data": {"name": "sentences", "n": 1200},
  "model": {"name": "sentence", "latents": 4, "hidden": 16, "embed": 8},
  "likelihood": {"name": "tokens"},
  "train": {"steps": 30, "batch_size": 32, "log_every": 30, "eval_every": 30},
}
CONDITIONAL = {**SMALL["model"], "condition": "label"}
QUICK = {"samples": 6, "chunk": 3, "limit": 24, "batch": 24, "steps": 3}


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


@pytest.fixture(scope="module")
def report(trained):
  run = runs.open_run(str(trained / "vae"))
  settings = {**QUICK, "language_model": str(trained / "lm")}
  return text.evaluate(run, run.dataset, jax.random.key(0), settings), run


def table(report, title):
  return next(t for t in report.tables if t.title == title)


def test_every_method_is_in_the_table_and_no_model_beats_the_grammar(report):
  found, _run = report
  likely = table(found, "How likely is a sentence?")
  at = {name: i for i, name in enumerate(likely.columns)}
  methods = [row[at["method"]] for row in likely.rows]
  assert methods == [
    "VAE", "VAE", "language model", "Kneser-Ney 1-gram", "Kneser-Ney 2-gram",
    "Kneser-Ney 3-gram", "Kneser-Ney 5-gram", "the grammar itself",
  ]  # fmt: skip
  nll = [row[at["nll"]] for row in likely.rows]
  # The grammar's own entropy is the floor: the difference is a KL plus sampling noise.
  assert min(nll) == nll[-1] or nll[-1] - min(nll) < 0.5
  assert all(row[at["ppl"]] > 1 for row in likely.rows)
  for m, row in enumerate(likely.rows[:2]):
    np.testing.assert_allclose(row[at["kl"]], found.arrays["rate"][m].mean(), rtol=1e-5)


def test_the_report_is_whole_and_can_be_saved(report, tmp_path):
  found, _ = report
  titles = [t.title for t in found.tables]
  for title in (
    "What survives the code",
    "Sentences out of the prior",
    "Turning the sentiment",
    "Bits per character",
    "Between two sentences (1)",
  ):
    assert title in titles
  for t in found.tables:
    assert all(len(row) == len(t.columns) for row in t.rows), t.title
  copied = next(r for r in table(found, "Turning the sentiment").rows if r[2] ==
                "copy the input")  # fmt: skip
  np.testing.assert_allclose(copied[5], 100.0)
  store.save(found, tmp_path)
  assert {f.name for f in found.figures} == {"swapped", "rates", "path", "sentiment"}


def test_the_language_model_alone_is_exact(trained):
  run = runs.open_run(str(trained / "lm"))
  found = text.evaluate(run, run.dataset, jax.random.key(0), QUICK)
  assert not any(t.title == "What survives the code" for t in found.tables)
  likely = table(found, "How likely is a sentence?")
  row, at = likely.rows[0], likely.columns.index("nll")
  rows = text._text_scores.Source(run, run.dataset, jax.random.key(0), {
    **text.SETTINGS, **QUICK}).rows  # fmt: skip
  exact = asking.terms(run, {k: v[rows] for k, v in run.dataset.splits["test"].items()})
  np.testing.assert_allclose(row[at], exact["distortion"].mean(), rtol=1e-5)


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
  return text.evaluate(run, run.dataset, jax.random.key(0), QUICK), run


def test_the_other_label_turns_what_an_obedient_model_writes(conditional):
  found, run = conditional
  turned = table(found, "Turning the sentiment")
  at = {name: i for i, name in enumerate(turned.columns)}
  rows = {row[at["method"]]: row for row in turned.rows}
  accuracy = {name: row[at["accuracy, %"]] for name, row in rows.items()}
  assert accuracy["conditional model, own label"] == 0
  assert accuracy["conditional model, other label"] == 100
  assert accuracy["conditional model, from the prior"] == 100
  assert accuracy["attribute vector"] == 0  # under the own label, whatever the step
  assert rows["conditional model, from the prior"][at["bleu with input"]] is None
  side = table(found, "Turning the sentiment: side by side")
  assert side.columns[-2:] == ("own label", "other label")
  word = {"good": "bright", "bad": "dull"}
  for row in side.rows:
    assert set(row[-1].split()) == {word[row[1]]}
    assert set(row[-2].split()) == set(word.values()) - {word[row[1]]}
  assert "conditional model, other label 100 %" in next(
    f for f in found.findings if f.startswith("Swapping words")
  )
  own = table(found, "What survives the code: side by side").rows
  label = run.dataset.splits["test"]["label"]
  rows = np.linspace(0, len(label) - 1, QUICK["limit"]).round().astype(int)
  for row, y in zip(own, label[rows], strict=False):
    assert set(row[1].split()) == {("dull", "bright")[y]}


def test_a_conditional_model_pays_for_the_label(conditional, trained):
  found, run = conditional
  likely = table(found, "How likely is a sentence?")
  at = {name: i for i, name in enumerate(likely.columns)}
  row = likely.rows[0]
  assert row[at["method"]] == "conditional VAE"
  label = run.dataset.splits["test"]["label"]
  rows = np.linspace(0, len(label) - 1, QUICK["limit"]).round().astype(int)
  share = np.mean(run.dataset.splits["train"]["label"])
  of_label = -np.log(np.where(label[rows] == 1, share, 1 - share))
  want = (of_label - found.arrays["log_evidence"][0]).mean()
  np.testing.assert_allclose(row[at["nll"]], want, rtol=1e-5)
  assert "count −log p(label)" in likely.note
  lm = runs.open_run(str(trained / "given_lm"))
  alone = text.evaluate(lm, lm.dataset, jax.random.key(0), QUICK)
  likely = table(alone, "How likely is a sentence?")
  one = dict(zip(likely.columns, likely.rows[0], strict=True))
  want = (of_label + alone.arrays["distortion"][0, rows]).mean()
  np.testing.assert_allclose(one["nll"], want, rtol=1e-5)
  written = table(alone, "Sentences out of the prior: written").rows
  assert [row[0] for row in written].count("greedy") == 2  # one of each label


def test_a_path_of_a_conditional_model_takes_the_label_of_the_nearer_end(trained):
  run = obedient(runs.open_run(str(trained / "given")))
  train = run.dataset.splits["train"]
  known = ~(train["x"] == 2).any(1)  # the classifier has seen these with their label
  first = [train["x"][known & (train["label"] == y)][0] for y in (0, 1)]
  pair = " | ".join(sentences.text(row, run.spec.symbols) for row in first)
  settings = {**QUICK, "steps": 4, "pair": pair}
  found = text.evaluate(run, run.dataset, jax.random.key(0), settings)
  path = table(found, "Between two sentences (1)")
  words = [set(row[1].split()) for row in path.rows]
  assert words == [{"dull"}, {"dull"}, {"bright"}, {"bright"}]
  assert "nearer end" in path.note


def test_a_conditional_run_stands_beside_one_that_is_not(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  ask = lambda **more: text.evaluate(run, run.dataset, jax.random.key(0), {**QUICK, **more})
  found = ask(conditional=str(trained / "given"))
  turned = table(found, "Turning the sentiment")
  methods = [row[turned.columns.index("method")] for row in turned.rows]
  assert methods == [
    "copy the input", "delete and replace", *["attribute vector"] * 4,
    "conditional model, own label", "conditional model, other label",
    "conditional model, from the prior",
  ]  # fmt: skip
  assert len(table(found, "How likely is a sentence?").rows) == 6  # it is not judged there
  for name, message in (("vae", "no conditional VAE"), ("given_lm", "no conditional VAE")):
    with pytest.raises(UserError, match=message):
      ask(conditional=str(trained / name))
  for name in ("given", "lm"):
    other = runs.open_run(str(trained / name))
    with pytest.raises(UserError, match="evaluate it alone"):
      text.evaluate(
        other, other.dataset, jax.random.key(0), {"conditional": str(trained / "given")}
      )


@pytest.mark.parametrize(("classes", "count"), [((), "no"), (("a", "b", "c"), "3")])
def test_sentences_without_two_classes_are_not_turned(trained, classes, count):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  run = run._replace(spec=run.spec._replace(classes=classes))
  settings = {**text.SETTINGS, **QUICK}
  source = text._text_scores.Source(run, run.dataset, jax.random.key(0), settings)
  section = text._text_style.sentiment(source, None, None)
  assert not section.tables
  assert f"this data has {count}" in section.findings[0]


def test_two_sentences_are_joined_and_bad_requests_are_told(trained):
  run = runs.select(runs.open_run(str(trained / "vae")), 0)
  ask = lambda **more: text.evaluate(run, run.dataset, jax.random.key(0), {**QUICK, **more})
  pair = "this film shines . | the soup is very cold ."
  path = table(ask(pair=pair), "Between two sentences (1)")
  assert len(path.rows) == QUICK["steps"]
  assert "this film shines ." in path.note
  for more, message in (
    ({"pair": "only one"}, "expected two sentences"),
    ({"pair": "xyz | this film shines ."}, "No word"),
    ({"language_model": run.workdir}, "expected a run of language_model"),
    ({"split": "tset"}, "Did you mean 'test'"),
  ):
    with pytest.raises(UserError, match=message):
      ask(**more)


def test_data_that_is_no_sentences_is_refused(trained):
  run = runs.open_run(str(trained / "lm"))
  spec = run.spec._replace(symbols=())
  with pytest.raises(UserError, match=r"configs/text\.py"):
    text.evaluate(run._replace(spec=spec), run.dataset, jax.random.key(0), QUICK)


def test_truth_is_refused_where_there_is_none(trained):
  run = runs.open_run(str(trained / "lm"))
  with pytest.raises(UserError, match="grammar"):
    sentences.truth(run.dataset._replace(name="mr"), run.dataset.splits["test"]["x"])
