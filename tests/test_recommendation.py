"""The recommender's network, and the whole evaluation on models whose answer is known."""

import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means, outcome
from made import open_with, table_data

from vae_jax import data, distributions, registry, report
from vae_jax import vae as models
from vae_jax.data import interactions
from vae_jax.metrics import ranking
from vae_jax.types import VAE, Posterior, UserError

SMALL = {"users": 200, "items": 80, "length": 10, "test": 40, "valid": 30}
CONFIG = {"name": "interactions", **SMALL}
DATA = data.load(CONFIG, None)
ITEMS = len(DATA.spec.items)


def of(scores):
  """A VAE whose code is x and whose E[x|z] are `scores(z)`."""
  encode = lambda params, example: Posterior(
    example["x"] * params["scale"], jnp.full(ITEMS, -20.0)
  )
  return VAE(
    init=lambda key: {},
    posterior=encode,
    log_likelihood=lambda params, z, example: jnp.zeros(()),
    sample=lambda params, z, key: scores(z),
    mean=lambda params, z: scores(z),
    prior=models.standard_prior(ITEMS),
    latents=ITEMS,
    mode=lambda params, z: scores(z),
    decodes=lambda params: params,
  )


def run(scores, **options):
  found = open_with(DATA, of(scores), **options)
  return found._replace(
    config={**found.config, "data": data.options("interactions") | CONFIG}
  )


def popular(z):
  count = np.asarray(interactions.matrix(DATA, "train").sum(0)).ravel()
  return jnp.asarray(count, jnp.float32) + 0 * z


def test_a_model_that_knows_popularity_alone_scores_what_popularity_scores():
  found = evaluated("recommendation", run(popular))
  for metric in ("ndcg", "recall20", "recall50", "coverage", "lift", "novelty"):
    scores = means(found, metric)
    assert scores["encode and decode", ""] == pytest.approx(
      scores["popularity", ""], abs=1e-6
    )
  assert found.verdicts[0]["verdict"] in ("behind", "open")


def test_a_model_that_knows_the_hidden_items_is_perfect_and_ahead():
  shown = np.concatenate(
    [interactions.matrix(DATA, s).toarray() for s in ("test", "valid")]
  )
  hidden = np.concatenate(
    [interactions.targets(DATA.splits[s], ITEMS).toarray() for s in ("test", "valid")]
  )
  shown, hidden = jnp.asarray(shown), jnp.asarray(hidden, jnp.float32)
  oracle = lambda z: hidden[jnp.argmin(jnp.square(shown - z[None]).sum(-1))]
  found = evaluated("recommendation", run(oracle))
  for metric in ("ndcg", "recall20", "recall50"):
    assert means(found, metric)["encode and decode", ""] == pytest.approx(1)
  assert found.verdicts[0]["verdict"] == "ahead"


def test_what_a_user_shows_is_never_recommended():
  found = outcome("recommendation", run(lambda z: z))  # it would say what it was shown
  seen = interactions.matrix(DATA, "test")
  for result in found.results:
    lists = result.answer[:, :20]
    assert ranking.hits(lists, seen).sum() == 0
    assert len(np.unique(lists[0])) == 20


def test_scores_are_of_users_so_that_verdicts_are_paired():
  found = outcome("recommendation", run(popular))
  users = len(DATA.splits["test"]["x"])
  assert {len(r.scores["ndcg"]) for r in found.results} == {users}
  assert found.verdicts[0].difference.examples == users


def test_a_file_of_ones_own_gets_lists(tmp_path):
  ids = [item.id for item in DATA.spec.items]
  own = [("ann", ids[3]), ("ann", ids[5]), ("ann", ids[3]), ("bob", "unheard of")]
  path = tmp_path / "mine.csv"
  path.write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i in own))
  found = evaluated("recommendation", run(popular), {"input": str(path), "top": 4})
  report.save(found, tmp_path)
  with (tmp_path / "reports" / "recommendation" / "recommendations.csv").open() as file:
    rows = list(csv.DictReader(file))
  count = np.asarray(interactions.matrix(DATA, "train").sum(0)).ravel()
  order = [ids[i] for i in np.argsort(-count, kind="stable")]
  want = [i for i in order if i not in (ids[3], ids[5])][:4]
  assert [row["item"] for row in rows if row["user"] == "ann"] == want
  assert [row["item"] for row in rows if row["user"] == "bob"] == order[:4]
  assert [row["known items"] for row in rows] == ["2"] * 4 + ["0"] * 4
  assert "1 pairs have an item that the model does not know" in " ".join(found.findings)


def test_a_file_without_a_known_item_is_refused_first(tmp_path):
  path = tmp_path / "mine.csv"
  path.write_text("user,item\nann,unheard of\n")
  with pytest.raises(UserError, match="no item that the model knows"):
    evaluated("recommendation", run(popular), {"input": str(path)})


def test_data_without_items_is_refused():
  made = table_data()
  other = open_with(made, of(popular))
  with pytest.raises(UserError, match="needs users and items"):
    evaluated("recommendation", other)
  with pytest.raises(UserError, match="hide no item"):
    evaluated("recommendation", run(popular), {"split": "train"})


def test_folds_are_repetitions_of_one_setting():
  parts = []
  for fold in range(2):
    config = {**CONFIG, "folds": 4, "fold": fold}
    made = data.load(config, None)
    count = np.asarray(interactions.matrix(made, "train").sum(0)).ravel()
    items = len(count)
    score = lambda z, count=count: jnp.asarray(count, jnp.float32) + 0 * z
    vae = of(score)._replace(
      latents=items,
      posterior=lambda params, example, items=items: Posterior(
        example["x"] * params["scale"], jnp.full(items, -20.0)
      ),
    )
    opened = open_with(made, vae, numbers=[fold])
    full = data.options("interactions") | config
    members = [{**opened.members[0], "data.fold": fold}]
    parts.append(opened._replace(config={**opened.config, "data": full}, members=members))
  found = outcome("recommendation", parts)
  own = [line for line in found.lines if line.setting is not None]
  assert [len(line.cells[""]) for line in own] == [2, 2]  # the two methods
  assert found.verdicts[0].difference.seeds == 2


def build(**options):
  model = registry.find("models", "multinomial").Model((50,), 1, 3, **options)
  return model, jax.jit(model.init)(jax.random.key(0), jnp.zeros(50))


def test_how_often_an_item_is_counted_changes_nothing_and_nothing_gives_a_finite_gradient():
  model, params = build(hidden=(8,), decoder=(8,))
  x = jnp.zeros(50).at[jnp.array([3, 7])].set(1.0)
  encode = lambda params, x: model.apply(params, x, method="encode")
  a, b = encode(params, x), encode(params, 2 * x)
  np.testing.assert_allclose(a.mean, b.mean, rtol=1e-5)
  slope = jax.grad(lambda x: encode(params, x).mean.sum())(jnp.zeros(50))
  assert jnp.isfinite(slope).all()


def test_mult_vae_by_hand():
  model, params = build(hidden=(8,), decoder=(8,))
  x = jnp.zeros(50).at[jnp.array([3, 7])].set(1.0)
  p = params["params"]
  layer = lambda name, h: h @ p[name]["kernel"] + p[name]["bias"]
  h = jnp.tanh(layer("down_0", x / jnp.sqrt(2.0)))
  q = model.apply(params, x, method="encode")
  np.testing.assert_allclose(q.mean, layer("mean", h), rtol=1e-5)
  logits = model.apply(params, q.mean, method="decode")
  want = layer("out", jnp.tanh(layer("up_0", q.mean)))
  np.testing.assert_allclose(logits[:, 0], want, rtol=1e-5, atol=1e-6)


def test_recvaes_encoder_by_hand_and_its_linear_decoder():
  model, params = build(hidden=(6, 6, 6), decoder=(), encoder="dense", activation="silu")
  x = jnp.zeros(50).at[jnp.array([3, 7])].set(1.0)
  p, total = params["params"], jnp.zeros(6)
  h = x / jnp.sqrt(2.0)
  for k in range(3):
    h = jax.nn.silu(h @ p[f"down_{k}"]["kernel"] + p[f"down_{k}"]["bias"] + total)
    h = (h - h.mean()) / jnp.sqrt(h.var() + 0.1)
    total = total + h
  q = model.apply(params, x, method="encode")
  want = h @ p["mean"]["kernel"] + p["mean"]["bias"]
  np.testing.assert_allclose(q.mean, want, rtol=1e-4, atol=1e-5)
  z = jnp.array([1.0, -2.0, 0.5])
  decode = lambda z: model.apply(params, z, method="decode")
  straight = decode(z) + decode(jnp.zeros(3)) - decode(z / 2) * 2
  np.testing.assert_allclose(straight, 0, atol=1e-5)


@pytest.mark.parametrize(
  ("options", "word"),
  [
    ({"encoder": "dens"}, "model.encoder"),
    ({"encoder": "dense", "hidden": (3, 4)}, "width"),
  ],
)
def test_options_are_checked(options, word):
  with pytest.raises(UserError, match=word):
    build(**options)


def test_distributions_of_the_network_are_those_of_the_likelihood():
  config = {
    "model": {"name": "multinomial", "latents": 3},
    "likelihood": {"name": "multinomial"},
  }
  vae = models.build(config, DATA.spec)
  params = jax.jit(vae.init)(jax.random.key(0))
  mean = vae.mean(params, jnp.zeros(3))
  assert mean.shape == (ITEMS,)
  np.testing.assert_allclose(mean.sum(), 1, rtol=1e-5)
  q = vae.posterior(params, {"x": jnp.zeros(ITEMS)})
  assert jnp.isfinite(distributions.kl(q))
