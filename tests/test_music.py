"""Melodies: the loader, the scores, MIDI, sound, and the application."""

import io
import json
import re
import types
import wave

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import config as configuration
from vae_jax import data
from vae_jax import run as runs
from vae_jax.applications import music
from vae_jax.applications.music import _moving
from vae_jax.data import _melodies
from vae_jax.data import melodies as loader
from vae_jax.evaluation import tables
from vae_jax.metrics import midi
from vae_jax.metrics import music as metrics
from vae_jax.report import page, store
from vae_jax.studies.sections import Part
from vae_jax.training import loop
from vae_jax.types import Report, UserError

pytest.importorskip("pretty_midi")
QUICK = {
  "limit": 16, "tune": 6, "samples": 4, "chunk": 2, "batch": 16, "steps": 3, "paths": 4, "order": 2,
}  # fmt: skip
SCALE = [60, 0, 62, 0, -1, 0, 64, 0, 65, 0, 67, 0, 69, 0, 71, 0]


def load(path="", **options):
  return data.load({"name": "melodies", "path": str(path), **options}, None)


def test_every_tune_fills_whole_bars_and_the_generated_ones_too():
  for name, text in _melodies.TUNES.items():
    assert len(_melodies.tune(text)) % 16 == 0, name
  made = _melodies.generated(5, 4, np.random.default_rng(0))
  assert {len(one) for one in made} == {64}
  assert _melodies.tune("C2z1") == [60, 0, 0, 0, -1, 0]


def test_windows_begin_with_the_note_that_goes_on_and_hop_by_bars():
  piece = [60, 0, 0, 0, 0, 62, -1, 0, 0, 0, 0, 0]
  assert loader.windows(piece, 4, 2) == [[60, 0, 0, 0], [60, 0, 0, 62], [60, 62, -1, 0]]


def test_rows_give_their_steps_back():
  found = load(n=10)
  for row in found.splits["train"]["x"][:20]:
    np.testing.assert_array_equal(
      loader.encode(loader.steps(row, found.spec), found.spec), row
    )


def test_no_piece_is_in_two_splits_and_train_alone_is_transposed():
  plain, moved = load(n=20), load(n=20, transpose=2)
  count = lambda found, split: len(found.splits[split]["x"])
  text = lambda found, split: {
    str(loader.steps(row, found.spec)) for row in found.splits[split]["x"]
  }
  assert 4 * count(plain, "train") < count(moved, "train") <= 5 * count(plain, "train")
  for split in ("valid", "test"):
    assert not text(moved, split) & text(moved, "train")
  assert text(moved, "test") >= text(plain, "test")
  assert text(plain, "train") < text(moved, "train")
  pieces = {"train": [[60 + i] * 1 + [0] * 31 for i in range(9)]}
  split = loader._held_out(pieces, {"seed": 0, "test": 2.0, "valid": 2.0})
  first = [{one[0] for one in split[k]} for k in ("train", "valid", "test")]
  assert sum(map(len, first)) == len(set.union(*first)) == 9


def test_chorales_are_read_by_voice_and_what_stays_is_held(tmp_path):
  piece = [[65, 60, 57, 53]] * 3 + [[67, 60, 57, -1]] * 29 + [[65, 60, 57, 53]] * 8
  path = tmp_path / "jsb.json"
  path.write_text(
    json.dumps({split: [piece, piece] for split in ("train", "valid", "test")})
  )
  with pytest.raises(UserError, match="every window of train is held out too"):
    load(path)
  found = load(path, apart=False)
  steps = loader.steps(found.splits["test"]["x"][0], found.spec)
  assert steps == [65, 0, 0, 67, *[0] * 28]
  bass = load(path, voice=3, apart=False)
  assert loader.steps(bass.splits["test"]["x"][0], bass.spec)[:5] == [53, 0, 0, -1, 0]


def test_a_melody_comes_back_from_its_midi_file():
  piece = midi.read(midi.content([SCALE], gap=0), "a.mid")
  assert piece.meter == "4/4"
  assert piece.steps == SCALE[: len(piece.steps)]
  assert len(piece.steps) == 16


def test_a_folder_of_midi_files_is_read(tmp_path):
  for i in range(5):
    moved = [step + i if step > 0 else step for step in SCALE * 2]
    (tmp_path / f"{i}.mid").write_bytes(midi.content([moved]))
  found = load(tmp_path, test=1.0, valid=1.0, transpose=5)
  assert {k: len(v["x"]) for k, v in found.splits.items()} == {
    "train": 27,
    "valid": 1,
    "test": 1,
  }
  assert "6 of its windows" in found.note  # the copies that are the held-out pieces


@pytest.mark.parametrize(
  ("name", "content", "told"),
  [
    ("a.mid", b"", "a.mid is no MIDI file"),
    ("a.mid", b"MThd nonsense", "a.mid is no MIDI file"),
    ("a.mid", midi.content([[-1, 0, 0, 0]]), "a.mid has no note"),
    ("a.json", b'{"train": [[1]]}', "a.json cannot be read"),
    ("a.json", b"{", "a.json cannot be read"),
  ],
)
def test_a_bad_file_is_one_sentence(tmp_path, name, content, told):
  (tmp_path / name).write_bytes(content)
  with pytest.raises(UserError, match=re.escape(told)):
    load(tmp_path / name)


def test_a_pitch_never_seen_is_named():
  with pytest.raises(UserError, match="the pitch 20, which no training melody has"):
    loader.encode([20] + [0] * 31, load(n=10).spec)


def test_accuracy_counts_steps_and_onsets_apart():
  x = np.array([[7, 3, 3, 8, 1]])
  y = np.array([[7, 3, 3, 3, 1]])
  assert metrics.accuracy(x, y) == 0.75
  assert metrics.onsets(x, y) == 0.5
  assert metrics.exact(x, y) == 0
  assert metrics.exact(x, x) == metrics.onsets(x, x) == 1
  np.testing.assert_array_equal(metrics.attributes(np.array([[7, 3, 11, 5, 1], [4, 3, 3, 3, 1]])),
                                [[3, 6, 5], [0, 0, 0]])  # fmt: skip


def test_a_cross_fade_ends_at_its_ends_and_a_straight_path_never_goes_back():
  a, b, rng = np.zeros((2, 50)), np.ones((2, 50)), np.random.default_rng(0)
  assert (metrics.crossfade(a, b, 0.0, rng) == a).all()
  assert (metrics.crossfade(a, b, 1.0, rng) == b).all()
  assert metrics.backwards([[0, 0.2, 0.2, 1]]) == 0
  assert metrics.backwards([[0, 1, 0.5]]) == 0.5


def test_sound_has_the_pitch_and_a_few_kilobytes():
  content = midi.sound([69] + [0] * 31)
  assert len(content) < 60_000
  with wave.open(io.BytesIO(content)) as file:
    samples = (
      np.frombuffer(file.readframes(file.getnframes()), np.uint8).astype(float) - 128
    )
    rate = file.getframerate()
  spectrum = np.abs(np.fft.rfft(samples))
  assert np.fft.rfftfreq(len(samples), 1 / rate)[spectrum.argmax()] == pytest.approx(
    440, abs=1
  )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp("music")
  config = configuration.resolve(
    {
      "data": {"name": "melodies", "n": 30},
      "model": {"name": "sentence", "latents": 4, "hidden": 16, "embed": 8},
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-2},
      "train": {"steps": 30, "batch_size": 32, "log_every": 30, "eval_every": 30},
    }
  )
  loop.train(config, str(folder / "run"), None, lambda line: None)
  return folder / "run"


@pytest.fixture(scope="module")
def outcome(trained):
  return helpers.outcome("music", runs.open_run(str(trained)), QUICK)


def test_every_method_is_scored_by_what_it_has(outcome):
  report = types.SimpleNamespace(scores=tables.long_form(outcome))
  nll, forced = helpers.means(report, "nll"), helpers.means(report, "forced")
  grams = {f"Kneser-Ney {n}-gram" for n in (2, 4, 8)}
  assert {method for method, _ in nll} == {"VAE", "VAE, ELBO", *grams}
  assert {method for method, _ in forced} == {"VAE", "always hold", *grams}
  x = outcome.task.truth
  assert forced["always hold", ""] == pytest.approx((x[:, :-1] == loader.HOLD).mean())
  assert helpers.means(report, "forced_onset")["always hold", ""] == 0
  near = helpers.means(report, "free")["nearest in train", ""]
  train = outcome.task.source.data.splits["train"]["x"]
  best = [(train[:, :-1] == row[:-1]).mean(1).max() for row in x]
  assert near == pytest.approx(np.mean(best), abs=1e-6)


def test_teacher_forced_theta_is_that_of_the_likelihood(outcome):
  run = outcome.runs[0]
  params = jax.tree.map(lambda v: jnp.asarray(v[0]), run.params)
  example, z = {"x": jnp.asarray(outcome.task.truth[0])}, jnp.ones(run.vae.latents)
  theta = run.vae.forced(params, z, example)
  expected = run.likelihood.log_prob(theta, example["x"])
  np.testing.assert_allclose(
    run.vae.log_likelihood(params, z, example), expected, rtol=1e-5
  )
  later = {"x": example["x"].at[-1].set(2)}
  np.testing.assert_array_equal(
    run.vae.forced(params, z, later), theta
  )  # nothing stands after it


def test_the_report_is_seen_heard_and_written(outcome, tmp_path):
  found = music.further(outcome)
  assert {"samples", "path", "paths", "distance", "rebuilt"} <= {
    f.name for f in found.figures
  }
  assert found.arrays["path.mid"].tobytes()[:4] == b"MThd"
  store.save(Report("music", "", [], [], [], found.arrays), tmp_path)
  (written,) = store.load(tmp_path)
  assert written["sounds"] == sorted(k for k in found.arrays if k.endswith(".wav"))
  sounds = page._section(tmp_path, written)["sounds"]
  assert all(one["uri"].startswith("data:audio/wav;base64,UklGR") for one in sounds)
  (tmp_path / "reports" / "music" / "path.wav").write_bytes(b"<script>")
  with pytest.raises(UserError, match="is no WAV"):
    page._section(tmp_path, written)


def test_a_users_own_files_are_morphed(outcome, tmp_path):
  run = outcome.runs[0]
  low = [step - 12 if step > 0 else step for step in SCALE * 2]
  for name, steps in (("a.mid", SCALE * 2), ("b.mid", low)):
    (tmp_path / name).write_bytes(midi.content([steps]))
  first, last = (_moving.read(str(tmp_path / name), run) for name in ("a.mid", "b.mid"))
  np.testing.assert_array_equal(first, last)  # an octave lower is moved to known pitches
  settings = {"input": str(tmp_path / "a.mid"), "towards": str(tmp_path / "b.mid")}
  outcome.task.source.settings |= settings
  found = _moving.own(Part(outcome, 0))
  written = midi.read(found.arrays["morph.mid"].tobytes(), "morph.mid").steps
  assert written[:32] == SCALE * 2


@pytest.mark.parametrize(
  ("settings", "told"),
  [
    ({"input": "nowhere.mid"}, "There is no file 'nowhere.mid'"),
    ({"towards": "b.mid"}, "towards needs the setting input"),
  ],
)
def test_settings_that_cannot_be_meant_are_refused_at_once(trained, settings, told):
  with pytest.raises(UserError, match=told):
    helpers.evaluated("music", runs.open_run(str(trained)), {**QUICK, **settings})


def test_other_data_and_a_missing_extra_are_one_sentence(trained, monkeypatch, tmp_path):
  import sys

  run = runs.open_run(str(trained))
  other = run._replace(config={**run.config, "data": {"name": "sentences"}})
  with pytest.raises(UserError, match="reads runs on the data 'melodies'"):
    helpers.evaluated("music", other, QUICK)
  (tmp_path / "a.mid").write_bytes(midi.content([SCALE]))
  monkeypatch.setitem(sys.modules, "pretty_midi", None)
  with pytest.raises(UserError, match=r"pip install 'vae-jax\[music\]'"):
    load(tmp_path / "a.mid")
