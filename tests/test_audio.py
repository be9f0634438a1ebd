"""Sounds: the spectra, the files, the distances, and the whole evaluation on known answers."""

import io
import warnings

import numpy as np
import pytest
import scipy.signal
from helpers import evaluated, means
from made import identity, nothing, open_with

from vae_jax import data, spectra
from vae_jax.data import sounds
from vae_jax.metrics import sound as metrics
from vae_jax.spectra import Frames
from vae_jax.types import UserError

SMALL = Frames(rate=4000, size=128, hop=32, frames=24, bins=16)
OPTIONS = {**SMALL._asdict(), "name": "sounds", "count": 90, "valid": 20.0, "test": 20.0}


def tone(hertz, seconds=0.5, rate=4000, loud=1.0):
  return loud * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def test_a_wave_comes_back_from_its_transform_and_scipy_agrees():
  wave = np.random.default_rng(0).normal(size=SMALL.samples).astype(np.float32)
  found = np.asarray(spectra.stft(wave, 128, 32))
  np.testing.assert_allclose(np.asarray(spectra.istft(found, 128, 32)), wave, atol=1e-4)
  window = scipy.signal.windows.hann(128, sym=False)
  theirs = scipy.signal.ShortTimeFFT(window, 32, 4000, phase_shift=None).stft(wave, p1=24)
  np.testing.assert_allclose(np.abs(found), np.abs(theirs[:, -24:]), atol=1e-3)


@pytest.mark.slow
def test_librosa_has_the_same_spectrogram_and_bands():
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what it imports
    librosa = pytest.importorskip("librosa")
    librosa.stft(np.zeros(256, np.float32), n_fft=128)
  wave = np.random.default_rng(0).normal(size=SMALL.samples).astype(np.float32)
  theirs = librosa.stft(wave, n_fft=128, hop_length=32, pad_mode="constant")[:, :-1]
  np.testing.assert_allclose(np.asarray(spectra.stft(wave, 128, 32)), theirs, atol=1e-3)
  filters = librosa.filters.mel(sr=4000, n_fft=128, n_mels=16, htk=True, norm=None)
  np.testing.assert_allclose(spectra.bands(SMALL), filters, atol=1e-5)


def test_a_full_scale_sine_is_at_1_and_80_decibels_below_it_is_0():
  bins = SMALL._replace(kind="stft", bins=40)
  hertz = 4000 / 128 * 10  # the centre of bin 10
  for loud, expected in ((1.0, 1.0), (0.1, 0.75), (1e-4, 0.0)):
    x = np.asarray(spectra.picture(tone(hertz, 1, loud=loud)[: bins.samples], bins))
    assert x.shape == (40, 24, 1)
    assert x[:, 12, 0].argmax() == 10 or not expected
    np.testing.assert_allclose(x[10, 4:-4, 0], expected, atol=2e-3)


@pytest.mark.parametrize("kind", ["mel", "stft"])
def test_griffin_lim_finds_a_wave_with_the_spectrogram_of_a_tone(kind):
  import jax

  frames = SMALL._replace(kind=kind, bins=65 if kind == "stft" else 16)
  wave = (tone(300, 1) + tone(900, 1))[: frames.samples] / 2
  x = np.asarray(spectra.picture(wave, frames))
  found = spectra.picture(spectra.wave(x, frames, jax.random.key(0)), frames)
  silent = spectra.picture(np.zeros(frames.samples), frames)
  apart = [
    metrics.log_spectral_distance(x[None], np.asarray(y)[None]) for y in (found, silent)
  ]
  assert apart[0] < 8 < 20 < apart[1]
  assert (
    np.abs(np.asarray(spectra.wave(np.zeros_like(x), frames, jax.random.key(0)))).max() == 0
  )


def test_distances_of_known_differences():
  x = np.full((2, 16, 24, 1), 0.5, np.float32)
  rows = (np.arange(16) + 0.5) / 16
  wave = (8 * np.cos(np.pi * 3 * rows) / 80)[:, None, None]
  np.testing.assert_allclose(metrics.log_spectral_distance(x, x + 0.1), 8, rtol=1e-5)
  lsd = metrics.log_spectral_distance(x, (x + wave).astype(np.float32))
  mcd = metrics.mel_cepstral_distortion(x, (x + wave).astype(np.float32), SMALL)
  np.testing.assert_allclose([lsd, mcd], 8 / np.sqrt(2), rtol=1e-4)  # of a cosine
  np.testing.assert_allclose(
    metrics.mel_cepstral_distortion(x, x + 0.1, SMALL), 0, atol=1e-4
  )
  half = x.copy()
  half[:, :, 12:] = 0  # silence, which is not counted
  np.testing.assert_allclose(metrics.log_spectral_distance(half, x), 0, atol=1e-6)
  np.testing.assert_array_equal(
    metrics.never_falls(np.array([[0, 0.5, 0.495, 1], [0, 0.5, 0.48, 1]])), [1, 0]
  )


# files


def wav(path, wave, rate=4000, kind="WAV"):
  soundfile = pytest.importorskip("soundfile")
  path.parent.mkdir(parents=True, exist_ok=True)
  soundfile.write(path, wave, rate, format=kind)


def test_a_folder_of_speakers_and_words(tmp_path):
  for word, hertz in (("one", 300), ("two", 700)):
    for speaker in ("ann", "ben"):
      for i in range(8):
        wav(tmp_path / f"fsd/{word}_{speaker}_{i}.wav", tone(hertz + 3 * i))
  config = {**OPTIONS, "path": "fsd", "valid": 2.0}
  found = data.load(config, str(tmp_path))
  assert found.spec.classes == ("one", "two")
  assert [len(found.splits[s]["x"]) for s in ("train", "valid", "test")] == [10, 2, 20]
  assert sorted(found.splits["test"]["label"]) == [0] * 10 + [1] * 10
  held = data.load({**config, "test_source": "ben"}, str(tmp_path))
  assert set(held.splits["test"]["source"]) == {1}
  assert set(held.splits["train"]["source"]) == {0}
  with pytest.raises(UserError, match=r"data\.test_source is 'bem'.*'ben'"):
    data.load({**config, "test_source": "bem"}, str(tmp_path))


def test_windows_of_a_file_stay_in_its_split_and_other_formats_are_read(tmp_path):
  for i in range(6):
    kind, ending = (("FLAC", "flac"), ("MP3", "mp3"))[i % 2]
    long = np.concatenate([tone(200 + 100 * i, 0.192), tone(250 + 100 * i, 0.1)])
    rate = 8000 if ending == "mp3" else 4000
    wave = scipy.signal.resample_poly(long, rate // 4000, 1)
    wav(tmp_path / f"mine/{'ab'[i % 2]}/f{i}.{ending}", 0.5 * wave, rate, kind)
  config = {**OPTIONS, "path": "mine", "valid": 1.0, "test": 1.0, "windows": 2}
  with pytest.raises(UserError, match="no sound in train"):
    data.load({**config, "test": 4.0}, str(tmp_path))  # which leaves one file
  found = data.load(config, str(tmp_path))
  sources = [set(found.splits[s]["source"]) for s in ("train", "valid", "test")]
  assert sum(map(len, sources)) == len(set.union(*sources)) == 6
  assert len(found.splits["train"]["x"]) == 8  # two windows of each of four files


@pytest.mark.parametrize(
  ("content", "said"),
  [
    (b"no sound at all", "cannot be read"),
    (b"", "cannot be read"),
    (np.zeros(0), "is empty"),
    (np.zeros(800), "is silent"),
    (np.full(800, np.nan), "samples that are no numbers"),
  ],
)
def test_a_file_that_is_no_sound_is_a_sentence(tmp_path, content, said):
  soundfile = pytest.importorskip("soundfile")
  path = tmp_path / "mine" / "a.wav"
  path.parent.mkdir()
  if isinstance(content, bytes):
    path.write_bytes(content)
  else:
    soundfile.write(path, content, 4000, subtype="FLOAT")
  with pytest.raises(UserError, match=said) as error:
    data.load({**OPTIONS, "path": "mine"}, str(tmp_path))
  assert "a.wav" in str(error.value)
  assert "\n" not in str(error.value)


def test_another_rate_is_resampled_and_two_channels_are_averaged():
  soundfile = pytest.importorskip("soundfile")
  raw = io.BytesIO()
  both = np.stack([tone(300, rate=11025), tone(300, rate=11025)], 1)
  soundfile.write(raw, 0.2 * both, 11025, format="WAV")
  found = sounds.pictures([sounds.read("a", raw.getvalue(), SMALL, 1)], SMALL)
  plain = sounds.pictures([tone(300).astype(np.float32)], SMALL)
  assert metrics.log_spectral_distance(plain, found)[0] < 4


@pytest.mark.parametrize(
  ("option", "value"),
  [("rate", 10), ("hop", 100), ("bins", 99), ("kind", "cqt"), ("size", 99), ("windows", 0)],
)
def test_frames_that_cannot_be_are_refused(option, value):
  with pytest.raises(UserError, match=rf"data\.{option}"):
    data.load({**OPTIONS, option: value}, None)


# the application


@pytest.fixture(scope="module")
def tones():
  """Generated tones whose class is the register: fifty of them are too few to tell instruments."""
  found = data.load(OPTIONS, None)
  swap = lambda part: {**part, "label": part["source"], "source": part["label"]}
  splits = {name: swap(part) for name, part in found.splits.items()}
  spec = found.spec._replace(classes=("high", "low", "middle"))
  return found._replace(splits=splits, spec=spec)


def opened(dataset, vae):
  run = open_with(dataset, vae)
  return run._replace(config={**run.config, "data": {**data.options("sounds"), **OPTIONS}})


QUICK = {"limit": 20, "tune": 10, "blends": 6, "steps": 3, "epochs": 60, "features": 32}


@pytest.fixture(scope="module")
def report(tones, tmp_path_factory):
  folder = tmp_path_factory.mktemp("own")
  soundfile = pytest.importorskip("soundfile")
  for name, hertz in (("a", 300), ("b", 800)):
    soundfile.write(folder / f"{name}.wav", tone(hertz), 4000)
  own = {"input": str(folder / "a.wav"), "towards": str(folder / "b.wav")}
  return evaluated("audio", opened(tones, identity(tones)), {**QUICK, **own})


def test_the_identity_loses_nothing_and_reaches_the_ceiling(report):
  lsd, mcd = means(report, "lsd"), means(report, "mcd")
  assert lsd["encode and decode", "spectrogram"] < 1e-4
  assert mcd["encode and decode", "spectrogram"] < 1e-3
  ceiling = lsd["true spectrogram", "sound"]
  assert 0 < ceiling < 12
  assert lsd["encode and decode", "sound"] == pytest.approx(ceiling, rel=1e-3)
  assert lsd["average sound", "spectrogram"] > 5
  assert means(report, "accuracy")["true spectrogram", "spectrogram"] > 0.6


def test_blends_of_the_identity_are_averages_of_spectra(report):
  table = next(t for t in report.tables if t.title.startswith("Blends: Probability"))
  rows = {row[0]: row[2] for row in table.rows}
  assert rows["line between codes"] == pytest.approx(rows["average of spectra"], abs=1e-3)
  assert 0 < rows["average of spectra"] <= 1


def test_the_report_plays_sounds_and_the_users_blend(report):
  names = [sound.name for sound in report.sounds]
  assert len(set(names)) == len(names)
  assert {"yours_000", "yours_050", "yours_100", "made_up_0", "rebuilt_0_0"} <= set(names)
  own = {s.name: s.samples for s in report.sounds if s.name.startswith("yours")}
  power = lambda wave: np.abs(np.fft.rfft(wave)) ** 2
  hertz = np.fft.rfftfreq(SMALL.samples, 1 / 4000)
  assert abs(hertz[power(own["yours_000"]).argmax()] - 300) < 60
  assert abs(hertz[power(own["yours_100"]).argmax()] - 800) < 100


@pytest.mark.slow
def test_a_collapsed_model_is_the_average_and_is_called_so(tones):
  found = evaluated("audio", opened(tones, nothing(tones)), QUICK)
  lsd = means(found, "lsd")
  assert lsd["encode and decode", "spectrogram"] > 5
  assert any("COLLAPSED" in said for said in found.findings)


@pytest.mark.parametrize(
  ("settings", "said"),
  [
    ({"input": "a.wav"}, "give both"),
    ({"input": "no.wav", "towards": "no.wav"}, "There is no file"),
    ({"steps": 2}, "3 or more"),
  ],
)
def test_a_blend_that_cannot_be_is_refused_before_anything(tones, settings, said):
  with pytest.raises(UserError, match=said):
    evaluated("audio", opened(tones, identity(tones)), settings)


def test_other_data_are_refused():
  digits = data.load({"name": "digits"}, None)
  with pytest.raises(UserError, match="audio needs sounds"):
    evaluated("audio", open_with(digits, nothing(digits)))


def test_the_rate_is_told_and_a_coders_lag_is_undone(report):
  table = next(t for t in report.tables if t.title == "What a second costs")
  rows = {row[0]: row[1:] for row in table.rows}
  assert "VAE" in rows
  from vae_jax.applications.audio import _rates

  wave = np.random.default_rng(0).normal(size=500).astype(np.float32)
  late = np.concatenate([np.zeros(37, np.float32), wave])
  np.testing.assert_array_equal(_rates.aligned(late, wave), wave)
  early = _rates.aligned(wave[20:], wave)
  np.testing.assert_array_equal(early[20:], wave[20:])
