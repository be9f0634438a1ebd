"""The sentence VAE: padding, causality, dropout, its likelihood and its remedies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny

from vae_jax import corruptions, registry, schedules
from vae_jax import vae as models
from vae_jax.training import loop, step, trainer
from vae_jax.types import Posterior, Spec, UserError

V, T = 9, 7
X = jnp.asarray([3, 5, 4, 8, 1, 0, 0], jnp.int32)


def build(length=T, symbols=V, classes=("bad", "good"), **options):
  config = {
    "model": {"name": "sentence", "latents": 3, "hidden": 8, "embed": 6, **options},
    "likelihood": {"name": "tokens"},
  }
  return models.build(config, Spec((length,), "sequence", "category", symbols, classes))


def small(label, bars=0):
  """A model of few enough sentences to list; conditional where there is a label."""
  options = {"latents": 2, "hidden": 4, "embed": 3, "bars": bars}
  if label is None:
    vae = build(3, 4, **options)
    return vae, jax.jit(vae.init)(jax.random.key(1))
  vae = build(3, 4, condition="label", **options)
  return vae.given(label), jax.jit(vae.init)(jax.random.key(1))


def example(x, **fields):
  return {"x": jnp.asarray(x, jnp.int32), "id": jnp.int32(0), **fields}


@pytest.mark.parametrize(
  ("cell", "pool"), [("gru", "max"), ("lstm", "last"), ("gru", "mean")]
)
def test_padding_changes_nothing(cell, pool):
  short, long = build(cell=cell, pool=pool), build(T + 5, cell=cell, pool=pool)
  params = jax.jit(short.init)(jax.random.key(0))
  padded = jnp.concatenate([X, jnp.zeros(5, X.dtype)])
  z = jnp.asarray([0.3, -1.0, 2.0])
  ask = lambda vae, x: jax.jit(
    lambda p: (vae.posterior(p, example(x)), vae.log_likelihood(p, z, example(x)))
  )(params)
  (a, one), (b, other) = ask(short, X), ask(long, padded)
  np.testing.assert_allclose(a.mean, b.mean, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(a.logvar, b.logvar, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(one, other, rtol=1e-5)
  cut = build(5, cell=cell, pool=pool)  # alone, without any padding
  alone = ask(cut, X[:5])[1]
  np.testing.assert_allclose(one, alone, rtol=1e-5)


def test_words_that_are_masked_are_deleted_for_the_encoder_and_scored():
  vae = build()
  params = jax.jit(vae.init)(jax.random.key(0))
  read = np.asarray(corruptions.mask(jax.random.key(3), X, jnp.float32(0.4)))
  assert 0 < (read > 0).sum() < (np.asarray(X) > 0).sum()
  left = np.zeros_like(read)
  left[: (read > 0).sum()] = read[read > 0]
  ask = jax.jit(lambda e: (vae.posterior(params, e), vae.log_likelihood(params, e["z"], e)))
  z = jnp.asarray([0.3, -1.0, 2.0])
  got, scored = ask(example(X, input=jnp.asarray(read), z=z))
  np.testing.assert_allclose(got.mean, ask(example(left, z=z))[0].mean, rtol=1e-5)
  np.testing.assert_allclose(scored, ask(example(X, z=z))[1], rtol=1e-6)


def test_a_symbol_is_predicted_from_those_before_it_alone():
  module = registry.find("models", "sentence").Model((T,), V, 3, hidden=8, embed=6)
  params = jax.jit(module.init)(jax.random.key(0), jnp.zeros(T))
  onehot = jax.nn.one_hot(X, V)
  table = params["params"]["table"]

  def theta(soft):  # the symbols enter as rows of the table: differentiate through them
    rows = jnp.concatenate([table[:1], soft @ table, table])
    wide = module.clone(outputs=1 + T + V)
    moved = {**params["params"], "table": rows, "out": {"bias": jnp.zeros(1 + T + V)}}
    x = 1 + jnp.arange(T)
    outputs = wide.apply({"params": moved}, jnp.ones(3), x, method="decode")
    return outputs[:, 1 + T + 3]  # a fixed symbol's logit at every place: [T]

  jacobian = np.abs(np.asarray(jax.jit(jax.jacobian(theta))(onehot))).sum(-1)  # [T, T]
  # Reading symbol s at place s: place t may depend on s < t only.
  assert np.allclose(np.triu(jacobian), 0, atol=1e-9)
  assert (np.diag(jacobian, -1) > 0).all()


KINDS = [
  (None, 0),
  (1, 0),
  (None, 3),
  (None, 2),
]  # the label, and the parts of a hierarchical decoder


@pytest.mark.parametrize(("label", "bars"), KINDS)
def test_the_likelihood_sums_to_one_over_all_sentences(label, bars):
  """Over V = 4, T = 3: every string that ends, and every string cut at T, has mass one."""
  vae, params = small(label, bars)
  rows = [[1, 0, 0]]
  rows += [[a, 1, 0] for a in (2, 3)]
  rows += [[a, b, c] for a in (2, 3) for b in (2, 3) for c in (1, 2, 3)]
  score = jax.jit(jax.vmap(lambda x: vae.log_likelihood(params, jnp.ones(2), example(x))))
  total = jnp.exp(score(jnp.asarray(rows))).sum()
  np.testing.assert_allclose(total, 1.0, rtol=1e-5)


@pytest.mark.parametrize(("label", "bars"), KINDS)
def test_samples_have_the_likelihood_s_frequencies_and_padding_after_the_end(label, bars):
  vae, params = small(label, bars)
  params = jax.tree.map(lambda v: 3 * v, params)  # away from uniform
  z = jnp.ones(2)
  keys = jax.random.split(jax.random.key(2), 4000)
  drawn = np.asarray(jax.jit(jax.vmap(lambda key: vae.sample(params, z, key)))(keys))
  assert not ((drawn[:, :-1] < 2) & (drawn[:, 1:] != 0)).any()
  rows, counts = np.unique(drawn, axis=0, return_counts=True)
  score = jax.jit(jax.vmap(lambda x: vae.log_likelihood(params, z, example(x))))
  for count, p in zip(counts, np.exp(score(rows)), strict=True):
    assert abs(count / 4000 - p) < 5 * np.sqrt(p * (1 - p) / 4000) + 1e-9
  greedy, mean = jax.jit(lambda p: (vae.mode(p, z), vae.mean(p, z)))(params)
  first = np.argmax(np.asarray(mean)[0])
  assert greedy[0] == first != 0


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_part_of_a_hierarchical_decoder_begins_anew(cell):
  module = registry.find("models", "sentence").Model(
    (6,), V, 3, hidden=8, embed=6, bars=2, cell=cell
  )
  params = jax.jit(module.init)(jax.random.key(0), jnp.zeros(6))
  theta = jax.jit(lambda x: module.apply(params, jnp.ones(3), x, method="decode"))
  x = jnp.asarray([3, 5, 4, 8, 6, 7])
  changed = np.abs(theta(x) - theta(x.at[1].set(2))).max(-1) > 1e-7
  np.testing.assert_array_equal(changed, [0, 0, 1, 0, 0, 0])  # not beyond its own part
  changed = np.abs(theta(x) - theta(x.at[2].set(2))).max(-1) > 1e-7
  np.testing.assert_array_equal(changed, [0, 0, 0, 1, 1, 1])  # the symbol before a part
  same = jnp.zeros(6, int)
  assert (np.abs(theta(same)[0] - theta(same)[3]) > 1e-4).any()  # parts are told apart
  with pytest.raises(UserError, match="no more parts than a row's 6 places"):
    module.clone(bars=7).init(jax.random.key(0), jnp.zeros(6))


def test_the_last_part_has_the_places_that_are_left_over():
  """Of five places in two parts: 0 and 1, then 2, 3 and 4."""
  module = registry.find("models", "sentence").Model((5,), V, 3, hidden=8, embed=6, bars=2)
  params = jax.jit(module.init)(jax.random.key(0), jnp.zeros(5))
  theta = jax.jit(lambda x: module.apply(params, jnp.ones(3), x, method="decode"))
  x = jnp.asarray([3, 5, 4, 8, 6])
  reads = lambda place: np.abs(theta(x) - theta(x.at[place].set(2))).max(-1) > 1e-7
  np.testing.assert_array_equal(reads(0), [0, 1, 0, 0, 0])
  np.testing.assert_array_equal(reads(1), [0, 0, 1, 1, 1])
  np.testing.assert_array_equal(reads(3), [0, 0, 0, 0, 1])


def test_word_dropout_is_what_the_decoder_reads_in_training_alone():
  config = tiny(
    data={"name": "sentences", "n": 1200}, model={"name": "sentence", "hidden": 8},
    likelihood={"name": "tokens"}, corruption={"name": "words"},
    hyper={"corruption_rate": 1.0, "dropout": 0.5},
  )  # fmt: skip
  program = loop.assemble(config, None)
  seen = []
  spy = program.vae._replace(
    posterior=lambda p, e: seen.append(e) or Posterior(jnp.zeros(3), jnp.zeros(3))
  )
  spy = spy._replace(log_likelihood=lambda p, z, e: jnp.zeros(()))
  params = {}
  hyper = {k: jnp.asarray(v[0]) for k, v in program.hyper.items()}
  terms = step.example_terms(spy, registry.find("objectives", "beta"), config)
  x = program.dataset.splits["train"]["x"][0]
  for use in ("train", "evaluation"):
    terms(params, {"x": jnp.asarray(x), "id": jnp.int32(0)}, hyper, 0, use)
  train, evaluation = seen
  np.testing.assert_array_equal(train["x"], x)
  np.testing.assert_array_equal(train["read"], np.where(x > 0, 2, 0))
  assert train["noise"]["dropout"] == 0.5
  assert "input" not in train
  assert set(evaluation) == {"x", "id"}


def test_dropout_is_off_at_rate_0_and_on_average_unbiased():
  vae = build()
  params = jax.jit(vae.init)(jax.random.key(0))
  ask = jax.jit(lambda **fields: vae.posterior(params, example(X, **fields)))
  plain = ask()
  noise = {"key": jax.random.key(3), "dropout": jnp.float32(0.0)}
  same = ask(noise=noise)
  np.testing.assert_allclose(plain.mean, same.mean, rtol=1e-6)
  strong = {**noise, "dropout": jnp.float32(0.5)}
  assert not np.allclose(plain.mean, ask(noise=strong).mean)


def test_the_decoder_s_own_parameters_are_known_and_stand_still_at_rate_0():
  vae = build()
  params = jax.jit(vae.init)(jax.random.key(0))
  own = vae.decodes(params)["model"]
  found = {name for name, leaves in own.items() if all(jax.tree.leaves(leaves))}
  assert found == {
    "start", "writer_in", "writer_z", "writer", "last", "last_z", "out"
  }  # fmt: skip
  config = tiny(hyper={"decoder_rate": 0.0})
  program = loop.assemble(config, None)
  state = jax.tree.map(lambda x: x[0], trainer.init(program))
  hyper = {k: jnp.asarray(v[0]) for k, v in program.hyper.items()}
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  train_step = step.make(program.vae, config, program.total, program.feed.examples)
  new, _ = jax.jit(train_step)(state, hyper, batch)
  moved = {
    name: not np.array_equal(a["kernel"], state.params["model"][name]["kernel"])
    for name, a in new.params["model"].items()
  }
  assert moved == {
    "down_0": True, "mean": True, "logvar": True, "up_0": False, "out": False
  }  # fmt: skip


def without_label(params):
  """The parameters of the conditional model cut down to those of the plain one."""
  rows = {"reader_in": 6, "writer_z": 3, "start": 3, "last_z": 3}
  model = {
    name: {**leaves, "kernel": leaves["kernel"][: rows[name]]} if name in rows else leaves
    for name, leaves in params["model"].items()
  }
  return {"model": model}


def test_a_conditional_model_whose_label_has_no_weight_is_the_plain_one():
  plain, conditional = build(), build(condition="label")
  params = jax.jit(conditional.init)(jax.random.key(0))
  own = without_label(params)
  shapes = jax.eval_shape(plain.init, jax.random.key(0))
  same = jax.tree.map(lambda a, b: a.shape == b.shape, own, shapes)
  assert all(jax.tree.leaves(same))
  fill = lambda whole, cut: np.pad(
    cut, [(0, a - b) for a, b in zip(whole.shape, cut.shape, strict=True)]
  )
  silent = jax.tree.map(fill, params, own)
  z = jnp.asarray([0.3, -1.0, 2.0])

  def all_of(vae, params, example, writes):
    posterior = vae.posterior(params, example)
    said = vae.log_likelihood(params, z, example), writes.mean(params, z)
    return posterior, said, writes.sample(params, z, jax.random.key(5))

  want = jax.jit(lambda p: all_of(plain, p, example(X), plain))(own)
  for label in (0, 1):
    row, given = example(X, label=label), conditional.given(label)
    asked = jax.jit(lambda p, r=row, g=given: all_of(conditional, p, r, g))
    got = asked(silent)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, want)


def test_the_label_is_read_by_both_halves_and_by_what_is_given():
  vae = build(condition="label")
  params = jax.jit(vae.init)(jax.random.key(0))
  z = jnp.asarray([0.3, -1.0, 2.0])
  means, scores = [], []
  for label in (0, 1):
    one, fixed = example(X, label=jnp.int32(label)), vae.given(label)
    means.append(vae.posterior(params, one).mean)
    scores.append(vae.log_likelihood(params, z, one))
    np.testing.assert_array_equal(fixed.posterior(params, example(X)).mean, means[-1])
    np.testing.assert_array_equal(fixed.log_likelihood(params, z, example(X)), scores[-1])
    # the field of the example does not overrule what is given
    other = example(X, label=jnp.int32(1 - label))
    np.testing.assert_array_equal(fixed.log_likelihood(params, z, other), scores[-1])
    assert fixed.given is None
  assert not np.allclose(*means)
  assert not np.allclose(*scores)
  traced = jax.jit(jax.vmap(lambda label: vae.given(label).mode(params, z)))(jnp.arange(2))
  for label in (0, 1):
    np.testing.assert_array_equal(traced[label], vae.given(label).mode(params, z))
  of_label = lambda p: vae.log_likelihood(p, z, example(X, label=jnp.int32(1)))
  gradient = jax.jit(jax.grad(of_label))(params)["model"]
  for name in ("writer_z", "start", "last_z"):
    assert np.abs(gradient[name]["kernel"][4]).max() > 0
    assert np.abs(gradient[name]["kernel"][3]).max() == 0  # the label that it is not
  assert vae.decodes(params)["model"]["reader_in"]["kernel"] is False


def test_a_condition_that_cannot_be_met_is_told():
  for classes in ((), ("only",)):
    with pytest.raises(UserError, match="no labels of two classes"):
      build(condition="label", classes=classes)
  with pytest.raises(UserError, match=r"model\.condition is 'lable'"):
    build(condition="lable")
  vae = build(condition="label")
  params = jax.jit(vae.init)(jax.random.key(0))
  for ask in (
    lambda: vae.posterior(params, example(X)),
    lambda: vae.log_likelihood(params, jnp.zeros(3), example(X)),
    lambda: vae.sample(params, jnp.zeros(3), jax.random.key(0)),
    lambda: vae.mode(params, jnp.zeros(3)),
  ):
    with pytest.raises(UserError, match="asked without one"):
      ask()
  for label in (-1, 2):
    with pytest.raises(
      UserError, match=f"The label is {label}; expected an integer from 0"
    ):
      vae.given(label)
  assert build().given is None


def test_schedules_of_pretraining_and_of_the_lagging_encoder():
  at = lambda name, s: float(getattr(schedules, name)(2.0, jnp.float32(s), 10.0, 99.0))
  assert [at("pretrain", s) for s in (0, 9, 10, 15, 20, 50)] == [0, 0, 0, 1, 2, 2]
  lagging = [at("lagging", s) for s in range(20)]
  assert lagging == [0.0] * 9 + [2.0] * 11


def test_wrong_options_are_told():
  for options, message in (
    ({"cell": "rnn"}, "model.cell is 'rnn'"),
    ({"pool": "sum"}, "model.pool is 'sum'"),
  ):
    with pytest.raises(UserError, match=message):
      build(**options).init(jax.random.key(0))
