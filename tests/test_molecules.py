"""Molecules: the loader, the scores, the searches and the application."""

import itertools
import re
import types

import helpers
import jax
import numpy as np
import pytest
from scipy.spatial.distance import jaccard

from vae_jax import config as configuration
from vae_jax import data
from vae_jax import run as runs
from vae_jax.applications import molecules
from vae_jax.applications.molecules import _nearby, _own
from vae_jax.baselines import kneser_ney, molecule_search
from vae_jax.data import _molecules
from vae_jax.data import molecules as loader
from vae_jax.evaluation import tables
from vae_jax.inference import gaussian_process as gp
from vae_jax.metrics import molecules as metrics
from vae_jax.report import store
from vae_jax.studies.sections import Part
from vae_jax.training import loop
from vae_jax.types import Report, UserError

rdkit = pytest.importorskip("rdkit")
pytest.importorskip("selfies")
from vae_jax.metrics import chemistry  # noqa: E402

FEW = ("CCO", "CC(C)=O", "c1ccccc1", "Nc1ccccc1", "CC#N", "Clc1ccccc1Br", "O=C(O)C1CC1")
QUICK = {
  "limit": 12, "tune": 6, "draws": 30, "times": 2, "samples": 4, "chunk": 2, "batch": 12,
  "steps": 3, "budget": 20, "repeats": 1, "starts": 2, "calls": 4,
}  # fmt: skip


def load(path="", **options):
  return data.load({"name": "molecules", "path": str(path), **options}, None)


def written(folder, name, text):
  (folder / name).write_text(text)
  return folder / name


def test_every_embedded_molecule_is_valid():
  every = [*_molecules.NAMED.values(), *_molecules.enumerated()]
  assert all(map(chemistry.canonical, every))
  assert len(set(map(chemistry.canonical, _molecules.enumerated()))) > 3900


def test_rows_give_their_molecules_back_and_no_molecule_is_in_two_splits():
  found = load(limit=200)
  text = {k: loader.smiles(v["x"], found.spec, "smiles") for k, v in found.splits.items()}
  known = {*_molecules.NAMED.values(), *_molecules.enumerated()}
  assert set().union(*text.values()) <= known
  for a, b in itertools.combinations(text.values(), 2):
    assert not set(a) & set(b)
  assert sum(map(len, text.values())) == 200


def test_selfies_say_the_same_molecules():
  found = load(limit=40, format="selfies", unknown=1.0)
  back = loader.smiles(found.splits["train"]["x"], found.spec, "selfies")
  known = {
    chemistry.canonical(s) for s in (*_molecules.NAMED.values(), *_molecules.enumerated())
  }
  assert {chemistry.canonical(s) for s in back} <= known


def test_an_element_of_two_letters_and_a_bracket_are_one_symbol():
  assert loader.tokens("[nH]1ccCBr%12Cl") == ("[nH]", "1", "c", "c", "C", "Br", "%12", "Cl")


@pytest.mark.parametrize("name", ["a.smi", "a.csv"])
def test_a_file_of_ones_own_is_read_line_by_line_or_by_its_column(tmp_path, name):
  lines = [f"{s} name{i}" for i, s in enumerate(FEW)]
  cells = ["id,SMILES,y", *(f"{i},{s},1.5" for i, s in enumerate(FEW))]
  path = written(tmp_path, name, "\n".join(lines if name == "a.smi" else cells))
  found = load(path, test=1.0, valid=1.0, unknown=1.0)
  assert sum(len(v["x"]) for v in found.splits.values()) == len(FEW)


def test_no_scaffold_of_test_is_in_train():
  found = load(limit=300, split="scaffold", unknown=1.0)
  of = lambda split: set(
    map(chemistry.scaffold, loader.smiles(found.splits[split]["x"], found.spec, "smiles"))
  )
  # A symbol that train lacks makes a molecule unreadable, so that its scaffold is "".
  assert not (of("test") - {""}) & of("train")


@pytest.mark.parametrize(
  ("text", "options", "told"),
  [
    ("CCO\nC?C\nC", {}, "a.smi, line 2: 'C?C' is no SMILES"),
    ("CCO\nC1CC\nC", {"canonical": True}, "a.smi, line 2: 'C1CC' is no valid SMILES"),
    ("smiles,y\nCCO,1\n,2\nC,3\n", {}, "line 3, has no SMILES"),
    ("a,y\nCCO,1\nC,3\n", {"column": "mol"}, "no column 'mol'; it has a, y"),
    ("C\nN\nO\nF\nS\n[Se]", {}, "100.0 % of the symbols are not in train"),
    ("CCO\n" * 9, {}, "1 molecules"),
    ("", {}, "is empty"),
  ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, text, options, told):
  with pytest.raises(UserError, match=re.escape(told)):
    load(written(tmp_path, "a.smi", text), **options)


def test_a_symbol_never_seen_is_named():
  spec = load(limit=200).spec
  with pytest.raises(UserError, match=r"the symbol '\[Se\]', which the model was not"):
    loader.parse("C[Se]C", spec, "smiles")
  assert loader.parse("aspirin", load().spec, "smiles").any()


def test_random_selfies_are_all_valid():
  rng = np.random.default_rng(0)
  made = molecule_search.random_selfies(200, np.arange(3, 15), chemistry.alphabet(), rng)
  assert np.mean([bool(chemistry.canonical(s)) for s in made]) > 0.99  # "" alone is none
  assert all(chemistry.molecule(s) is not None or s == "" for s in made)


def test_copies_have_no_novelty_and_a_new_one_has():
  known = frozenset(map(chemistry.canonical, FEW))
  of = lambda found: metrics.numbered([chemistry.canonical(s) for s in found], known)
  assert metrics.novel(of(["OCC", "CCO", "N#CC"])) == 0
  assert metrics.unique(of(["OCC", "CCO", "N#CC", "C("])) == pytest.approx(2 / 3)
  assert metrics.novel(of(["CCO", "CCCC", "CCCC"])) == 0.5
  assert np.isnan(metrics.novel(of(["C("])))


def test_similarity_is_one_less_the_jaccard_distance_and_one_molecule_has_no_diversity():
  prints = chemistry.fingerprints(FEW)
  each = [[1 - jaccard(a, b) for b in prints] for a in prints]
  np.testing.assert_allclose(metrics.tanimoto(prints, prints), each, rtol=1e-6)
  assert metrics.diversity(prints[[0, 0]]) == pytest.approx(0, abs=1e-6)
  assert metrics.nearest(prints[:2], prints) == pytest.approx(1)


def test_a_set_is_as_like_itself_as_can_be():
  every = [s for s in _molecules.NAMED.values() if len(s) > 1]
  found = metrics.likeness(metrics.space(every), every, every)
  for name in ("weight", "logP", "SA", "QED", "frechet"):
    assert found[name] == pytest.approx(0, abs=1e-6)
  half = metrics.likeness(metrics.space(every), every[:20], every)
  assert half["frechet"] > 0.1


def test_penalised_logp_counts_what_a_ring_is_too_large():
  from rdkit import Chem
  from rdkit.Chem import Crippen

  ring = Chem.MolFromSmiles("C1CCCCCCC1")
  value = Crippen.MolLogP(ring) - chemistry.synthetic(ring) - 2
  assert chemistry.plogp("C1CCCCCCC1") == pytest.approx(value)


def test_the_nats_of_a_bigram_are_those_by_hand():
  # Rows "CC", "CO", "C" with their ends: C = 3, O = 4, the end = 1. Bigrams: 0C 3 times; CC,
  # CO, C1 (twice), O1 once: of count 1 there are 3, of count 2 one, so D = 3 / 5.
  x = np.array([[3, 3, 1], [3, 4, 1], [3, 1, 0]])
  model = kneser_ney.fit(x, 2, 5)
  discount = 3 / 5
  assert model.discounts[1] == pytest.approx(discount)
  # Lower order: distinct contexts, C after 0 and C; O after C; 1 after C and O: 5 bigram kinds.
  kinds = {3: 2, 4: 1, 1: 2}
  low = model.discounts[0]
  first = {s: (kinds[s] - low + 3 * low / 4) / 5 for s in kinds}
  after_start = (3 - discount + discount * first[3]) / 3
  after_c = (2 - discount + 3 * discount * first[1]) / 4
  nats = -np.log(after_start) - np.log(after_c)
  assert -kneser_ney.log_prob(model, x[2:])[0] == pytest.approx(nats)


def test_draws_of_an_n_gram_have_its_probabilities():
  x = np.array([[3, 3, 1], [3, 4, 1], [3, 1, 0]])
  model = kneser_ney.fit(x, 2, 5)
  for context in ((), (3,), (4,)):
    each = [kneser_ney.prob(model, context, s) for s in range(1, 5)]
    np.testing.assert_allclose(kneser_ney.probs(model, context)[1:], each)
  drawn = kneser_ney.draw(model, 4000, 3, 1, np.random.default_rng(0))
  share = (drawn == x[2]).all(1).mean()
  assert share == pytest.approx(np.exp(kneser_ney.log_prob(model, x[2:])[0]), abs=0.03)


def test_the_oracle_counts_each_molecule_once_and_no_invalid_one():
  asked = []
  one = molecule_search.Oracle(lambda s: asked.append(s) or len(s), 3)
  one.ask(["CCO", "OCC", "C(", "C", "CCCC", "CCCCC"])
  assert asked == ["CCO", "C", "CCCC"]
  assert one.left == 0
  assert one.best(2) == [("CCCC", 4.0), ("CCO", 3.0)]
  np.testing.assert_array_equal(one.curve(), [3, 3, 4])


def test_evolution_finds_longer_chains_than_chance():
  carbons = lambda s: float(s.count("C"))
  found, chance = (molecule_search.Oracle(carbons, 300) for _ in range(2))
  rng, letters = np.random.default_rng(0), ("[C]", "[O]", "[N]")
  molecule_search.evolve(found, ["CCO", "CN", "CC"], letters, rng)
  while chance.left:
    chance.ask(molecule_search.random_selfies(20, np.arange(2, 7), letters, rng))
  assert found.best(1)[0][1] > chance.best(1)[0][1]


def test_the_process_is_that_of_scikit_learn_and_its_gradient_that_of_differences():
  from sklearn.gaussian_process import GaussianProcessRegressor
  from sklearn.gaussian_process.kernels import RBF

  rng = np.random.default_rng(0)
  z = rng.normal(size=(30, 3))
  y = np.sin(z[:, 0]) + z[:, 1] + 0.05 * rng.normal(size=30)
  fitted, new = gp.fit(z, y), rng.normal(size=(5, 3))
  noise = fitted.factor @ fitted.factor.T
  theirs = GaussianProcessRegressor(
    RBF(fitted.length), alpha=noise[0, 0] - 1, optimizer=None
  ).fit(z, (y - y.mean()) / y.std())
  mean, std = theirs.predict(new, return_std=True)
  ours = gp.predict(fitted, new)
  np.testing.assert_allclose(ours[0], y.mean() + y.std() * mean, rtol=1e-6)
  np.testing.assert_allclose(ours[1], y.std() * std, rtol=1e-5)
  step = 1e-5 * np.eye(3)
  each = [
    (gp.predict(fitted, new + s)[0] - gp.predict(fitted, new - s)[0]) / 2e-5 for s in step
  ]
  np.testing.assert_allclose(gp.gradient(fitted, new), np.stack(each, 1), rtol=1e-4)
  best = y.max()
  draws = rng.normal(ours[0][0], ours[1][0], 200_000)
  expected = np.maximum(draws - best, 0).mean()
  assert gp.improvement(fitted, new[:1], best)[0] == pytest.approx(expected, abs=3e-3)
  climbed = gp.ascend(fitted, new, 10, 0.1)
  assert (gp.predict(fitted, climbed)[0] >= ours[0]).all()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp("molecules")
  config = configuration.resolve(
    {
      "data": {"name": "molecules", "limit": 300},
      "model": {"name": "sentence", "latents": 4, "hidden": 16, "embed": 8},
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-2},
      "train": {"steps": 40, "batch_size": 32, "log_every": 40, "eval_every": 40},
    }
  )
  loop.train(config, str(folder / "run"), None, lambda line: None)
  return folder / "run"


@pytest.fixture(scope="module")
def report(trained, tmp_path_factory):
  """The report of an evaluation, and what `further` adds to it for a file of one's own."""
  path = tmp_path_factory.mktemp("own") / "mine.csv"
  rows = [f"{s},{len(s)}" for s in _molecules.enumerated()[:2000:40]]
  path.write_text("\n".join(["smiles,size", *rows, "[Se],3", "CC,"]))
  outcome = helpers.outcome("molecules", runs.open_run(str(trained)), QUICK)
  plain = types.SimpleNamespace(scores=tables.long_form(outcome))
  extra = molecules.further(outcome)
  plain.figures, plain.tables, plain.findings = extra.figures, extra.tables, extra.findings
  more = {"input": str(path), "property": "size", "top": 3}
  outcome.task.source.settings |= more
  return plain, _own.proposals(Part(outcome, 0))


def test_every_method_is_scored_by_what_it_has(report):
  plain, _ = report
  mean = helpers.means(plain, "nll")
  assert {method for method, _ in mean} == {
    "VAE", "VAE, ELBO", *(f"Kneser-Ney {n}-gram" for n in (3, 5, 8))
  }  # fmt: skip
  valid, novel = helpers.means(plain, "valid"), helpers.means(plain, "novel")
  assert valid["random SELFIES", ""] > 0.96
  assert (valid["training molecules", ""], novel["training molecules", ""]) == (1, 0)
  best = helpers.means(plain, "best")
  assert {method for method, _ in best} == {
    "gradient ascent in z", "Bayesian search in z", "random search in z", "best of training",
    "genetic algorithm on SELFIES",
  }  # fmt: skip
  third = helpers.means(plain, "third")
  assert all(best[line] >= third[line] for line in best)
  assert [f.name for f in plain.figures if f.name in ("path", "search", "found")]


def test_better_molecules_that_resemble_one_are_looked_for_three_ways(report):
  plain, _ = report
  table = next(t for t in plain.tables if t.title == "Improved and alike")
  assert [row[0] for row in table.rows] == [_nearby.CODE, _nearby.SYMBOLS, _nearby.KNOWN]
  for _, share, gain, _, alike in table.rows:
    assert (share > 0) == (gain > 0) == (alike is not None)
    assert alike is None or alike >= _nearby.ALIKE
  near = next(t for t in plain.tables if t.title == "Around a molecule")
  assert all(row[0] != row[1] and 0 <= row[3] <= 1 for row in near.rows)


def test_only_what_is_alike_is_asked_and_the_best_of_it_is_the_gain():
  start, asked = "CCCCO", []
  made = ["CCCCCO", "c1ccccc1", "no molecule", start, "CCCCCCO", "OCCCCC"]
  fn = lambda smiles: asked.append(smiles) or len(smiles)
  gain, alike = _nearby._climb(start, fn, 9, lambda parents, rng: made, None)
  assert (gain, asked[0]) == (2, start)
  assert sorted(asked[1:]) == ["CCCCCCO", "CCCCCO"]  # the same one twice is one
  mark = chemistry.fingerprints([start, "CCCCCCO"])
  assert alike == pytest.approx(metrics.tanimoto(mark[:1], mark[1:])[0, 0])
  worse = _nearby._climb(start, lambda smiles: -len(smiles), 9, lambda p, r: made, None)
  assert worse == (0.0, 1.0)


def test_a_file_of_ones_own_is_answered_with_valid_new_molecules(report, tmp_path):
  _, own = report
  rows = own.arrays["proposals.csv"]
  train = set(_molecules.enumerated())
  for smiles in rows[1:, 0]:
    assert chemistry.canonical(smiles) == smiles
    assert smiles not in train
  store.save(Report("molecules", "", [], [], [], own.arrays), tmp_path)
  text = (tmp_path / "reports" / "molecules" / "proposals.sdf").read_text()
  assert text.count("$$$$") == len(rows) - 1
  assert any("2 left out" in said for said in own.findings)


@pytest.mark.parametrize(
  ("settings", "told"),
  [
    ({"property": "colour"}, "expected qed or plogp"),
    ({"pair": "CCO"}, "expected two molecules"),
    ({"pair": "CCO | [Se]"}, "the symbol '\\[Se\\]'"),
    ({"input": "nowhere.csv"}, "There is no file 'nowhere.csv'"),
    ({"budget": 3}, "expected at least 20"),
  ],
)
def test_settings_that_cannot_be_meant_are_refused_at_once(trained, settings, told):
  with pytest.raises(UserError, match=told):
    helpers.evaluated("molecules", runs.open_run(str(trained)), {**QUICK, **settings})


def test_other_data_and_a_missing_extra_are_one_sentence(trained, monkeypatch):
  import sys

  run = runs.open_run(str(trained))
  other = run._replace(config={**run.config, "data": {"name": "sentences"}})
  with pytest.raises(UserError, match="reads runs on the data 'molecules'"):
    helpers.evaluated("molecules", other, QUICK)
  monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
  with pytest.raises(UserError, match=r"pip install 'vae-jax\[chem\]'"):
    helpers.evaluated("molecules", run, QUICK)
  assert load(limit=50).splits["train"]["x"].any()  # trains without it


def test_searches_of_one_seed_are_the_same(trained):
  from vae_jax.applications.molecules import _search
  from vae_jax.evaluation.source import Source

  run = runs.open_run(str(trained))
  full = {"property": "qed", "budget": 24, "repeats": 1, "batch": 12, "input": ""}
  twice = [_search.without(Source(run, full, jax.random.key(0))) for _ in range(2)]
  a, b = (one["genetic algorithm on SELFIES"]()["best"] for one in twice)
  np.testing.assert_array_equal(a, b)
