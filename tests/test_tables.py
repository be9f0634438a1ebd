"""Tables with holes: what is hidden stays hidden, and what is written comes back."""

import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from vae_jax import data
from vae_jax.columns import features, natural
from vae_jax.likelihoods.bernoulli import bernoulli
from vae_jax.likelihoods.mixed import mixed
from vae_jax.likelihoods.multinomial import multinomial
from vae_jax.likelihoods.student_t import student_t
from vae_jax.types import Column, Spec, UserError


def load(folder=None, **options):
  return data.load({"name": "tables", **options}, folder and str(folder))


def test_what_is_hidden_is_seen_by_no_one():
  made = load(rate=0.3, mask_seed=3)
  raw = np.stack([c.shift + c.scale * made.splits["test"]["truth"][:, i]
                  for i, c in enumerate(made.spec.columns)], 1)  # fmt: skip
  for fields in made.splits.values():
    assert (fields["x"][~fields["observed"]] == 0).all()
    assert not (fields["observed"] & fields["hidden"]).any()
    kept = fields["observed"]
    np.testing.assert_array_equal(fields["x"][kept], fields["truth"][kept])
    np.testing.assert_allclose(raw[fields["row"]][:, 0], made.spec.columns[0].shift
      + made.spec.columns[0].scale * fields["truth"][:, 0], rtol=1e-5)  # fmt: skip
  train = made.splits["train"]
  seen = np.where(train["observed"], train["x"], np.nan)
  np.testing.assert_allclose(np.nanmean(seen, 0), 0, atol=1e-5)
  np.testing.assert_allclose(np.nanstd(seen, 0), 1, atol=1e-5)
  assert len(made.splits["test"]["x"]) == 569  # the whole table, in the order of the file
  assert abs(made.splits["test"]["hidden"].mean() - 0.3) < 0.01


@pytest.mark.parametrize("mechanism", ["mcar", "mar", "mnar", "self_masking"])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_mechanisms(mechanism, rate):
  made = load(mechanism=mechanism, rate=rate)
  again, other = (
    load(mechanism=mechanism, rate=rate),
    load(mechanism=mechanism, rate=rate, mask_seed=1),
  )
  hidden, truth = (made.splits["test"][k] for k in ("hidden", "truth"))
  np.testing.assert_array_equal(hidden, again.splits["test"]["hidden"])
  assert (hidden != other.splits["test"]["hidden"]).any()
  touched = hidden.any(0)
  share = hidden[:, touched].mean()
  if mechanism != "self_masking":
    assert abs(share - rate) < 0.03
  assert touched.sum() == {"mcar": 30, "mar": 20}.get(mechanism, 15)
  for column in np.flatnonzero(touched):
    low, high = truth[~hidden[:, column], column], truth[hidden[:, column], column]
    if mechanism in ("mnar", "self_masking"):
      assert low.max() <= high.min()


def test_mistakes_are_told_in_a_sentence(tmp_path):
  for options, match in (
    ({"set": "brest"}, "breast"),
    ({"mechanism": "mcarr"}, "mcar"),
    ({"rate": 1.0}, "rate"),
    ({"mechanism": "published"}, "hivae"),
    ({"set": "white"}, "UCI"),
    ({"set": "hivae/Adult"}, "HI-VAE"),
    ({"set": "own", "path": "a.txt"}, r"\.csv"),
    ({"set": "own", "path": "a.csv"}, "no file"),
    ({"path": "a.csv"}, "set=own"),
    ({"test": -1.0}, "data.test"),
  ):
    with pytest.raises(UserError, match=match):
      load(tmp_path, **options)


def test_positive_columns_are_logarithms_and_come_back():
  made = load(kind="positive", rate=0.2)
  plain = load(rate=0.2)
  a, b = (natural(d.spec.columns, d.splits["test"]["truth"]) for d in (made, plain))
  np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
  assert made.spec.domain == "mixed"
  with pytest.raises(UserError, match="real or positive"):
    load(kind="count")


def test_a_users_csv_with_words_and_holes(tmp_path):
  rows = ["age,city,score,sick"]
  rows += [f"{20 + i},{'Rome' if i % 2 else 'Oslo'},{i / 7:.3f},{'no' if i % 3 else 'yes'}"
           for i in range(30)]  # fmt: skip
  rows[3], rows[5] = "22,Oslo,,no", "NA,?,0.571,no"
  (tmp_path / "mine.csv").write_text("\n".join(rows))
  made = load(tmp_path, set="own", path="mine.csv", target="sick", rate=0.0)
  fields = made.splits["test"]
  assert made.spec.domain == "mixed"
  assert [c.kind for c in made.spec.columns] == ["real", "category", "real"]
  assert made.spec.columns[1].names == ("Oslo", "Rome")
  assert made.spec.classes == ("no", "yes")
  assert (~fields["observed"]).sum() == 3
  assert not fields["hidden"].any()
  np.testing.assert_allclose(natural(made.spec.columns, fields["x"])[0], [20, 0, 0],
                             atol=1e-5)  # fmt: skip
  (tmp_path / "bad.csv").write_text("a,b\n1\n2,3\n4,5")
  with pytest.raises(UserError, match="row 2 has 1 cells"):
    load(tmp_path, set="own", path="bad.csv")


def hivae(folder, pairs):
  draw = np.random.default_rng(0)
  columns = [draw.normal(size=60), draw.integers(0, 9, 60), draw.integers(1, 4, 60)]
  text = "\n".join(",".join(f"{v:.4g}" for v in row) for row in zip(*columns, strict=True))
  with zipfile.ZipFile(folder / "uci_hivae.zip", "w") as archive:
    archive.writestr("Toy/data.csv", text)
    archive.writestr("Toy/data_types.csv", "type,dim,nclass\rreal,1,\rcount,1,\rcat,3,3")
    archive.writestr("Toy/Missing20_1.csv", "\n".join(f"{r},{c}" for r, c in pairs))


def test_published_masks_count_from_one(tmp_path):
  hivae(tmp_path, [(1, 1), (60, 3)])
  made = load(tmp_path, set="hivae/Toy", mechanism="published", rate=0.2)
  assert np.argwhere(made.splits["test"]["hidden"]).tolist() == [[0, 0], [59, 2]]
  assert [c.kind for c in made.spec.columns] == ["real", "count", "category"]
  assert made.splits["test"]["truth"][:, 2].min() == 0  # categories of the file are 1 ... 3
  with pytest.raises(UserError, match="there are 20 %"):
    load(tmp_path, set="hivae/Toy", mechanism="published", rate=0.1)
  hivae(tmp_path, [(0, 1)])
  with pytest.raises(UserError, match="count rows and columns from 1"):
    load(tmp_path, set="hivae/Toy", mechanism="published", rate=0.2)


COLUMNS = (
  Column("r"),
  Column("p", "positive"),
  Column("n", "count"),
  Column("c", "category", 4),
  Column("o", "ordinal", 5),
)


@pytest.mark.parametrize("tails", ["gaussian", "student_t"])
@pytest.mark.parametrize("column", range(5))
def test_every_kind_of_column_sums_to_one_and_draws_its_mean(column, tails):
  family = mixed(Spec((5,), "table", "mixed", columns=COLUMNS), tails)
  theta = 0.4 * jnp.asarray(np.random.default_rng(column).normal(size=(5, family.outputs)))
  real = np.linspace(-200, 200, 100_001)
  grids = [real, real, np.arange(200.0), np.arange(4.0), np.arange(5.0)]
  grid = grids[column]
  of = lambda x: family.terms(theta, jnp.zeros(5).at[column].set(x))[column]
  mass = np.exp(np.asarray(jax.jit(jax.vmap(of))(jnp.asarray(grid, jnp.float32)), float))
  total = integrate.trapezoid(mass, grid) if column < 2 else mass.sum()
  np.testing.assert_allclose(total, 1.0, atol=2e-3)
  if column == 3:
    return  # a category has no mean
  keys = jax.random.split(jax.random.key(1), 20_000)
  drawn = np.asarray(jax.jit(jax.vmap(lambda k: family.sample(theta, k)[column]))(keys))
  expected = integrate.trapezoid(mass * grid, grid) if column < 2 else (mass * grid).sum()
  np.testing.assert_allclose(family.mean(theta)[column], expected, rtol=5e-3, atol=2e-3)
  assert abs(drawn.mean() - expected) < 5 * drawn.std() / 20_000**0.5 + 1e-2 * abs(expected)


def test_student_t_is_scipys():
  family = student_t(Spec((2,), "table", "real"))
  theta, x = jnp.array([[0.2, 0.5, 1.0], [1.0, -1.0, 3.0]]), np.array([0.5, -2.0])
  scale = np.logaddexp(0, theta[:, 1]) + 1e-3
  expected = stats.t.logpdf(x, 3 + np.logaddexp(0, theta[:, 2]), theta[:, 0], scale).sum()
  np.testing.assert_allclose(family.log_prob(theta, jnp.asarray(x)), expected, rtol=1e-5)


def test_a_family_over_all_elements_together_cannot_leave_one_out():
  bag = multinomial(Spec((3,), "table", "count"))
  with pytest.raises(UserError, match="together"):
    bag.each(jnp.zeros((3, 1)), jnp.ones(3))
  coins = bernoulli(Spec((2, 2), "image", "binary"))
  each = coins.each(jnp.ones((2, 2, 1)), jnp.eye(2))
  np.testing.assert_allclose(each.sum(), coins.log_prob(jnp.ones((2, 2, 1)), jnp.eye(2)))
  assert each.shape == (2, 2)


def test_features_hide_what_is_not_observed():
  x, seen = jnp.array([0.3, 2.0, 3.0, 1.0, 4.0]), jnp.array([1.0, 0.0, 1.0, 1.0, 0.0])
  got = np.asarray(features(COLUMNS, x, seen))
  np.testing.assert_allclose(got, [0.3, 0, np.log(4), 0, 1, 0, 0, 0, *seen], rtol=1e-6)
