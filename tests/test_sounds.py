"""Sounds of a report: the files, the players, and what is refused."""

import base64
import io
import json
import re
import wave

import numpy as np
import pytest

from vae_jax import report
from vae_jax.types import Report, Sound, UserError

TONE = np.sin(2 * np.pi * 440 * np.arange(800) / 8000)


def made(*sounds) -> Report:
  return Report("audio", "How?", [], [], [], {}, sounds=sounds)


def test_a_sound_is_written_and_played_sample_for_sample(tmp_path):
  sounds = [
    Sound("a", 0.5 * TONE, 8000, "the <first>", "Two"),
    Sound("b", 3 * TONE, 8000, "too loud: clipped", "Two"),
  ]
  folder = report.save(made(*sounds), tmp_path).parent
  with wave.open(str(folder / "a.wav")) as file:
    assert file.getparams()[:4] == (1, 2, 8000, 800)
    stored = np.frombuffer(file.readframes(800), "<i2") / 32767
  np.testing.assert_allclose(stored, 0.5 * TONE, atol=0.5 / 32767)
  page = report.render(tmp_path, "").read_text()
  played = re.findall(
    r'<audio controls preload="none" src="data:audio/wav;base64,([^"]*)"', page
  )
  assert len(played) == 2
  with wave.open(io.BytesIO(base64.b64decode(played[1]))) as file:
    loud = np.frombuffer(file.readframes(800), "<i2") / 32767
  np.testing.assert_allclose(loud, np.clip(3 * TONE, -1, 1), atol=0.5 / 32767)
  assert "the &lt;first&gt;" in page
  report.save(made(sounds[1]), tmp_path)
  assert [path.name for path in folder.glob("*.wav")] == ["b.wav"]


@pytest.mark.parametrize(
  "sound",
  [
    Sound("../a", TONE, 8000, ""), Sound("A b", TONE, 8000, ""),
    Sound("a", TONE[None], 8000, ""), Sound("a", TONE * np.nan, 8000, ""),
    Sound("a", np.zeros(2_000_000), 8000, ""),
  ],
)  # fmt: skip
def test_a_sound_that_no_page_can_play_is_refused_when_it_is_saved(tmp_path, sound):
  with pytest.raises(ValueError, match="sound"):
    report.save(made(sound), tmp_path)


@pytest.mark.parametrize("edit", [{"name": "../../x"}, {"name": 3}, {"caption": None}])
def test_a_report_that_names_other_sounds_is_a_sentence(tmp_path, edit):
  path = report.save(made(Sound("a", TONE, 8000, "")), tmp_path)
  found = json.loads(path.read_text())
  path.write_text(json.dumps({**found, "sounds": [found["sounds"][0] | edit]}))
  with pytest.raises(UserError, match="sounds with name and caption"):
    report.render(tmp_path, "")


def test_a_file_that_is_no_sound_or_lies_elsewhere_is_not_shown(tmp_path):
  folder = report.save(made(Sound("a", TONE, 8000, "")), tmp_path / "run").parent
  (folder / "a.wav").write_text("top secret")
  with pytest.raises(UserError, match=r"is no \.wav"):
    report.render(tmp_path / "run", "")
  (folder / "a.wav").unlink()
  assert "<audio" not in report.render(tmp_path / "run", "").read_text()
  (tmp_path / "x.wav").write_bytes(b"RIFF    WAVE")
  (folder / "a.wav").symlink_to(tmp_path / "x.wav")
  with pytest.raises(UserError, match="leads out"):
    report.render(tmp_path / "run", "")
