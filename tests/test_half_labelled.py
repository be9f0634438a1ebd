"""M2 against a sum written out, the marks of labelled rows, and the evaluation of few labels."""

import csv
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means, outcome, tiny
from made import identity, open_with, table_data

from vae_jax import data, report, run, vae
from vae_jax.baselines import few_labels
from vae_jax.objectives import beta, semisupervised
from vae_jax.studies import amounts
from vae_jax.training import loop
from vae_jax.types import VAE, Dataset, Spec, UserError

HYPER = {"beta": 0.7, "classifier": 3.0, "unlabelled": 1.0}
DIGITS = {"name": "digits", "labels": 20}
M2 = {
  "data": {**DIGITS, "draw": 1},
  "model": {"name": "mlp", "latents": 2, "hidden": [8], "condition": "label"},
  "objective": {"name": "semisupervised", "units": 16},
}


class Bound(NamedTuple):
  """M2 on an example, and what its loss is made of, computed apart from it."""

  made: VAE
  example: dict  # without a mark
  loss: Callable  # (row, hyper) -> the loss and its gradient by the parameters
  each: np.ndarray  # [C], L(x, y) by the β-VAE's own loss, with a uniform p(y)
  scores: np.ndarray  # [C], log q(y|x)


@pytest.fixture(scope="module")
def bound():
  config = tiny(**M2)
  dataset = data.load(config["data"], None)
  made = vae.build(config, dataset.spec)
  key = lambda: jax.random.key(2)
  params = jax.jit(made.init)(jax.random.key(0))
  own = semisupervised.parameters(jax.random.key(1), made.sizes, units=16)
  params = {**params, "objective": own}
  example = {"x": jnp.asarray(dataset.splits["test"]["x"][3]), "id": 3, "label": 4}
  of = lambda p, row, hyper: semisupervised.loss(made, p, row, key(), hyper).loss
  loss = jax.jit(jax.value_and_grad(of))
  hyper = {"beta": HYPER["beta"], "free_bits": 0.0}
  one = lambda y: beta.loss(made, params, {**example, "label": y}, key(), hyper).loss
  each = jax.jit(jax.vmap(one))(jnp.arange(10)) + np.log(10)
  scores = jax.nn.log_softmax(semisupervised.logits(own, example["x"]))
  return Bound(made, example, functools.partial(loss, params), each, scores)


def marked(bound, label, labelled, copies=1.0):
  marks = {"labelled": jnp.float32(labelled), "copies": jnp.float32(copies)}
  return {**bound.example, "label": label, **marks}


def test_without_a_label_it_is_the_sum_over_all_labels(bound):
  q = np.exp(bound.scores)
  want = np.sum(q * bound.each) + np.sum(q * bound.scores)
  for label in (4, 5):  # which is not read
    row = marked(bound, label, 0)
    np.testing.assert_allclose(bound.loss(row, HYPER)[0], want, rtol=1e-5)
    half = bound.loss(row, {**HYPER, "unlabelled": 0.5})[0]
    np.testing.assert_allclose(half, 0.5 * want, rtol=1e-5)


def test_with_a_label_it_is_the_bound_under_it_and_the_classifiers_loss(bound):
  for row, copies in ((bound.example, 1), (marked(bound, 4, 1, copies=5), 5)):
    want = bound.each[4] / copies - 3.0 * bound.scores[4]
    np.testing.assert_allclose(bound.loss(row, HYPER)[0], want, rtol=1e-5)


def test_the_classifier_learns_of_rows_without_a_label(bound):
  gradient = bound.loss(marked(bound, 4, 0), HYPER)[1]["objective"]
  assert all(jnp.any(leaf != 0) for leaf in jax.tree.leaves(gradient))


def test_a_model_without_a_condition_and_data_without_labels_are_refused(bound):
  config = tiny(data=DIGITS)
  made = vae.build(config, data.load(config["data"], None).spec)
  with pytest.raises(UserError, match=r"model\.condition=label"):
    semisupervised.loss(made, {}, bound.example, jax.random.key(0), HYPER)
  with pytest.raises(UserError, match="two classes or more"):
    semisupervised.parameters(jax.random.key(0), bound.made.sizes._replace(classes=0))
  with pytest.raises(UserError, match=r"objective\.units is 0"):
    semisupervised.parameters(jax.random.key(0), bound.made.sizes, units=0)


def test_labelled_rows_are_of_every_class_repeated_and_part_of_a_larger_draw():
  whole = data.load({"name": "digits"}, None).splits["train"]
  found = data.load({"name": "digits", "labels": 23, "draw": 2}, None)
  train = found.splits["train"]
  known = train["labelled"] > 0
  assert len(np.unique(train["x"][~known].reshape(-1, 64), axis=0)) <= 1297 - 23
  copies = int(train["copies"][known][0])
  assert known.sum() == 23 * copies
  assert 0.1 < known.mean() < 0.15
  counts = np.bincount(train["label"][known]) / copies
  assert set(counts) == {2, 3}
  assert set(found.splits["test"]["labelled"]) == {0}
  few = data.labelled_rows(whole["label"], 20, 2, found.spec.classes)
  more = data.labelled_rows(whole["label"], 50, 2, found.spec.classes)
  assert set(few) < set(more)
  other = data.labelled_rows(whole["label"], 20, 3, found.spec.classes)
  assert set(few) != set(other)
  alone = data.load({"name": "digits", "labels": 23, "unlabelled": False}, None)
  assert len(alone.splits["train"]["x"]) == 23


@pytest.mark.parametrize(
  ("options", "words"),
  [
    ({"labels": 9}, "at least one for each of the 10 classes"),
    ({"labels": 5000}, "at most the 1297"),
    ({"labels": 1297}, "takes 1.. examples of the class"),
    ({"labels": 20, "draw": -1}, r"data\.draw is -1"),
  ],
)
def test_labels_that_cannot_be_drawn_are_refused(options, words):
  with pytest.raises(UserError, match=words):
    data.load({"name": "digits", **options}, None)


def test_data_without_labels_and_a_class_without_an_example_are_refused(tmp_path):
  np.savez(tmp_path / "own.npz", x=np.zeros((50, 3), np.float32))
  with pytest.raises(UserError, match="has no labels of two classes"):
    data.load({"name": "arrays", "path": "own.npz", "labels": 2}, str(tmp_path))
  label = np.zeros(30, np.int32)
  with pytest.raises(UserError, match="'b', and train has 0"):
    data.labelled_rows(label, 4, 0, ("a", "b"))


def write_codes(folder, mean, std, label):
  for split in ("train", "valid", "test"):
    values = np.concatenate([mean, std, label[:, None]], 1).astype(np.float32)
    np.save(folder / f"features_{split}.npy", values)


def test_codes_are_drawn_in_training_and_are_means_elsewhere(tmp_path):
  mean = np.arange(12, dtype=np.float32).reshape(6, 2)
  std, label = np.full((6, 2), 0.5), np.array([0, 1, 2, 0, 1, 2])
  write_codes(tmp_path, mean, std, label)
  found = data.load({"name": "features", "path": str(tmp_path)}, None)
  assert (found.spec.shape, found.spec.classes) == ((2,), ("0", "1", "2"))
  row = lambda split: {k: jnp.asarray(v[2]) for k, v in found.splits[split].items()}
  draw = jax.vmap(lambda key: found.transform(key, row("train"))["x"])
  many = draw(jax.random.split(jax.random.key(0), 4000))
  np.testing.assert_allclose(many.mean(0), mean[2], atol=0.04)
  np.testing.assert_allclose(many.std(0), 0.5, atol=0.03)
  test = found.transform(jax.random.key(0), row("test"))
  np.testing.assert_array_equal(test["x"], mean[2])


def test_codes_that_are_none_are_refused(tmp_path):
  with pytest.raises(UserError, match=r"features_train\.npy"):
    data.load({"name": "features", "path": str(tmp_path)}, None)
  for split in ("train", "valid", "test"):
    np.save(tmp_path / f"features_{split}.npy", np.zeros((4, 4)))
  with pytest.raises(UserError, match=r"expected \[N, 2 L \+ 1\]"):
    data.load({"name": "features", "path": str(tmp_path)}, None)


@pytest.mark.parametrize("name", few_labels.METHODS)
def test_a_classifier_of_few_labels_tells_two_clouds_apart(name):
  rng = np.random.default_rng(0)
  cloud = lambda n: np.concatenate(
    [rng.normal(-3, 1, (n, 4)), rng.normal(3, 1, (n, 4))]
  ).astype(np.float32)
  truth = lambda n: np.repeat([0, 1], n)
  few = few_labels.Few(cloud(4), truth(4), cloud(40), 0)
  predict = few_labels.METHODS[name](few)
  assert (predict(cloud(30)) == truth(30)).mean() > 0.98


def test_a_row_that_no_label_reaches_has_the_class_of_the_nearest_label():
  rng = np.random.default_rng(0)
  near = lambda place: (place + rng.normal(size=(25, 2))).astype(np.float32)
  first, second, apart = near(0.0), near(20.0), near(100.0)
  x, label = np.concatenate([first[:3], second[:3]]), np.repeat([0, 1], 3)
  others = np.concatenate([first[3:], second[3:], apart])
  predict = few_labels.label_spreading(few_labels.Few(x, label, others, 0))
  assert (predict(first) == 0).all()
  assert (predict(np.concatenate([second, apart])) == 1).all()


def test_labels_spread_along_two_moons_from_one_label_each():
  from sklearn.datasets import make_moons

  x, label = make_moons(400, noise=0.06, random_state=0)
  one = np.array([np.flatnonzero(label == c)[0] for c in (0, 1)])
  few = few_labels.Few(x[one], label[one], np.delete(x, one, 0), 0)
  test, truth = make_moons(400, noise=0.06, random_state=100)
  assert (few_labels.label_spreading(few)(test) != truth).mean() < 0.01


def test_a_machine_that_trains_itself_follows_the_rows_without_a_label():
  """Two clouds, long and apart, of which one end each has labels: the far ends are learned."""
  rng = np.random.default_rng(0)
  place = rng.uniform(0, 6, 600)
  label = np.arange(600) % 2
  x = np.stack([place, place + np.where(label, 1.5, -1.5)], 1)
  x = (x + 0.1 * rng.normal(size=x.shape)).astype(np.float32)
  near = np.flatnonzero(place < 0.3)
  few = few_labels.Few(x[near], label[near], np.delete(x, near, 0), 0)
  wrong = lambda fit: (fit(few)(x) != label).mean()
  assert wrong(few_labels.self_trained_svm) < 0.02
  assert wrong(few_labels.svm) > 0.1


def test_a_graph_has_the_weights_of_its_equation_in_both_directions():
  x = np.random.default_rng(0).normal(size=(20, 2))
  kernel = few_labels.graph(x, 3)
  far = np.linalg.norm(x[:, None] - x, axis=-1)
  order = np.argsort(far, 1)[:, 1:4]
  scale = np.sort(far, 1)[:, 3]
  near = np.zeros((20, 20), bool)
  np.put_along_axis(near, order, True, 1)
  want = np.where(near | near.T, np.exp(-(far**2) / np.outer(scale, scale)), 0)
  np.testing.assert_allclose(kernel(x, x).toarray(), want, rtol=1e-6)
  # Three rows of the graph are near a new one, and a copy of a row is as near as can be.
  other = kernel(x, x[:2].copy()).toarray()
  assert other.shape == (20, 2)
  assert ((other > 0).sum(0) == 3).all()
  np.testing.assert_allclose(np.diag(other[:2]), 1)


def test_training_refuses_to_give_a_model_labels_that_are_not_known(tmp_path):
  config = tiny(data=DIGITS, model=M2["model"])
  with pytest.raises(UserError, match="'beta' would give a conditional model their labels"):
    loop.train(config, str(tmp_path / "run"), None)
  known = tiny(data={**DIGITS, "unlabelled": False}, model=M2["model"])
  loop.train(known, str(tmp_path / "known"), None, plan_only=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """M2 on two draws of 20 labels."""
  folder = tmp_path_factory.mktemp("half")
  axes = [{"data.draw": draw} for draw in (0, 1)]
  train = {"steps": 30, "batch_size": 64, "eval_every": 30}
  loop.train(tiny(**{**M2, "train": train}, sweep=axes), str(folder), None)
  return folder


SMALL = {"limit": 60, "tune": 40, "others": 200, "styles": 3}


def test_every_draw_is_a_repetition_with_baselines_of_its_own(
  trained, tmp_path, monkeypatch
):
  few = {k: few_labels.METHODS[k] for k in ("kNN", "LabelSpreading on PCA")}
  monkeypatch.setattr(few_labels, "METHODS", few)  # each of them has a test of its own
  own = tmp_path / "own.npz"
  np.savez(own, x=np.zeros((3, 8, 8, 1), np.float32))
  opened = run.open_runs(str(trained), "latest", None)
  found = evaluated("half_labelled", opened, {**SMALL, "input": str(own)})
  (verdict,) = found.verdicts
  assert (verdict["method"], verdict["seeds"]) == ("M2", 2)
  assert {name for name, _ in means(found, "error")} == {"M2", *few}
  assert any("last step" in said for said in found.findings)
  (picture,) = (f for f in found.figures if f.name == "analogies")
  assert picture.data["images"].shape == (3, 11, 8, 8, 1)
  report.save(found, tmp_path)
  with (tmp_path / "reports/half_labelled/classes.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 3
  assert {row["class"] for row in rows} <= set("0123456789")


def test_numbers_of_labels_are_conditions_and_draws_are_repetitions_within_each(
  trained, monkeypatch
):
  """Two members that are known to be trained on 20 labels, and two that are said to have 30."""
  nearest = few_labels.METHODS["kNN"]
  monkeypatch.setattr(few_labels, "METHODS", {"kNN": nearest})
  opened = run.open_runs(str(trained), "latest", None)
  more = []
  for number, one in enumerate(opened):
    config = {**one.config, "data": {**one.config["data"], "labels": 30}}
    members = [{**row, "data.labels": 30} for row in one.members]
    made = {"config": config, "members": members, "numbers": [2 + number]}
    dataset = data.load(config["data"], None)
    more.append(one._replace(**made, dataset=dataset))
  found = outcome("half_labelled", [*opened, *more], SMALL)
  assert found.conditions == ("20 labels", "30 labels")
  (line,) = found.ours
  assert [len(line.cells[c]) for c in found.conditions] == [2, 2]
  (kin,) = found.baselines
  at = lambda c: [r.scores["error"] for r in kin.cells[c]]
  for members, condition in ((opened, "20 labels"), (more, "30 labels")):
    for one, scores in zip(members, at(condition), strict=True):
      train, test = one.dataset.splits["train"], one.dataset.splits["test"]
      rows = np.unique(np.flatnonzero(train["labelled"] > 0))
      known = few_labels.Few(
        train["x"][rows][: int(condition[:2])].reshape(-1, 64),
        train["label"][rows][: int(condition[:2])],
        train["x"][:0].reshape(0, 64),
        0,
      )
      said = nearest(known)(test["x"][:60].reshape(60, 64))
      np.testing.assert_array_equal(scores > 0, said != test["label"][:60])
  assert [(v.condition, v.difference.seeds) for v in found.verdicts] == [
    ("20 labels", 2),
    ("30 labels", 2),
  ]
  assert amounts.lead(found).number == 2
  (figure,) = amounts.curve(found)
  assert figure.data["ticks"] == {"20": 20.0, "30": 30.0}
  np.testing.assert_allclose(
    figure.data["series"]["kNN"]["y"], [np.mean(at(c)) for c in found.conditions]
  )


def coded() -> Dataset:
  """Rows whose two classes are far apart, as M1 may find them."""
  found = table_data()
  spec = Spec(found.spec.shape, "table", "real", classes=("minus-one", "plus"))
  splits = {
    name: {**fields, "x": fields["x"] + 8 * (2 * fields["label"][:, None] - 1)}
    for name, fields in found.splits.items()
  }
  return found._replace(spec=spec, splits={k: cast(v) for k, v in splits.items()})


def cast(fields):
  return {**fields, "x": fields["x"].astype(np.float32)}


def test_m1_is_a_classifier_on_codes_and_its_codes_are_written(tmp_path):
  dataset = coded()
  found = open_with(dataset, identity(dataset))
  config = {**found.config, "data": {**data.options("digits"), "name": "made"}}
  told = evaluated("half_labelled", found._replace(config=config), {"labels": 6})
  found = means(told, "error")
  for method in ("SVM", "kNN", "LabelSpreading"):
    assert found[f"M1 + {method}", "6 labels"] == 0
  report.save(told, tmp_path)
  again = data.load(
    {"name": "features", "path": str(tmp_path / "reports/half_labelled")}, None
  )
  for split, fields in dataset.splits.items():
    np.testing.assert_allclose(again.splits[split]["x"], fields["x"], rtol=1e-5)
    np.testing.assert_array_equal(again.splits[split]["label"], fields["label"])


def test_what_it_cannot_answer_is_refused(trained):
  plain = table_data(labels=False)
  with pytest.raises(UserError, match="needs labels"):
    evaluated("half_labelled", open_with(plain, identity(plain)))
  first, _ = run.open_runs(str(trained), "latest", None)
  m1 = {**first.config, "objective": {"name": "beta"}}
  with pytest.raises(UserError, match="conditional on them"):
    evaluated("half_labelled", first._replace(config=m1), SMALL)


@pytest.mark.slow
def test_with_every_label_m2_is_the_supervised_classifier(tmp_path):
  """The bound does not reach the classifier where no label is missing."""
  train = {"steps": 1500, "batch_size": 64, "eval_every": 500}
  parts = {**M2, "data": {"name": "digits"}, "train": train}
  parts["objective"] = {"name": "semisupervised", "units": 500}
  loop.train(tiny(**parts, sweep={"seed": [0, 1, 2]}), str(tmp_path), None)
  opened = run.open_runs(str(tmp_path), "latest", None)
  found = outcome("half_labelled", opened)
  from vae_jax.evaluation import results

  line = next(one for one in found.baselines if one.method == "supervised network")
  metric = found.application.metrics["error"]
  gap = results.paired(found.chosen, line, "error", metric, found.conditions[0])
  assert abs(gap.mean) <= gap.half


@pytest.mark.parametrize("name", few_labels.METHODS)
def test_classifiers_do_without_unlabelled_rows(name):
  rng = np.random.default_rng(0)
  label = np.arange(40) % 2
  x = (rng.normal(size=(40, 3)) + 4 * label[:, None]).astype(np.float32)
  predict = few_labels.METHODS[name](few_labels.Few(x, label, x[:0], 0))
  assert (predict(x) == label).mean() > 0.9
