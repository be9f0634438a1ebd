"""What a training prints, and what TensorBoard gets."""

import io
import math

import numpy as np
import pytest
from helpers import tiny
from PIL import Image
from tensorboardX.proto import event_pb2
from tensorboardX.record_writer import masked_crc32c
from tqdm import tqdm

from vae_jax.training import console, logging, loop


def row(member, elbo, rate=2.0):
  return {"member": member, "elbo": elbo, "rate": rate, "distortion": -elbo - rate}


def table(members, total=100, start=0, seconds=0.0, times=(0.0,)):
  said, clock = [], iter([*times, *[times[-1]] * 50])
  made = console.Table(
    said.append, members, total, start, seconds, clock=lambda: next(clock)
  )
  return made, said


def test_one_member_has_a_line_for_each_validation():
  made, said = table([{"seed": 0}], times=(10.0, 30.0, 90.0), start=20, seconds=5.0)
  made.add(40, [row(0, -1234.5)], set(), True)
  made.add(60, [row(0, math.nan)], set(), False)
  head, titles, first, second = said
  assert "*: the least validation loss so far" in head
  assert titles.split() == ["step", "ELBO", "rate", "distortion", "elapsed", "left"]
  # 20 s for 20 of 80 steps, after 5 s before; then 80 s for 40 of them.
  assert first.split() == ["40*", "−1,234.50", "2.00", "1,232.50", "25", "s", "60", "s"]
  assert second.split() == ["60", "NaN", "2.00", "NaN", "85", "s", "80", "s"]
  assert len({len(line) for line in (titles, first, second)}) == 1


def test_a_sweep_has_a_line_for_each_setting():
  members = [{"beta": b, "seed": s} for b in (1.0, 4.0) for s in (0, 1, 2)]
  made, said = table(members)
  rows = [row(0, -10.0), row(1, -12.0), row(2, -99.0), row(3, -30.0), row(4, -30.0)]
  made.add(50, rows, {2}, True)
  _, titles, one, four = said
  assert titles.split()[:5] == ["step", "setting", "ELBO", "rate", "distortion"]
  # The dead member is in no mean; the standard deviation of -10 and -12 is 1.41.
  assert one.split()[:8] == ["50*", "beta", "1", "−11.00", "±", "1.41", "2.00", "9.00"]
  assert "1 of 3" in one
  assert four.split()[:5] == ["beta", "4", "−30.00", "±", "0.00"]
  assert "0 of 3" in four


def test_a_setting_that_was_stopped_has_no_line_and_a_dead_one_has():
  members = [{"beta": b, "seed": 0} for b in (1.0, 2.0, 4.0)]
  made, said = table(members)
  made.add(50, [row(0, -10.0)], {2}, False)
  assert len(said) == 4
  assert "beta 1" in said[2]
  assert said[3].split()[:3] == ["beta", "4", "NaN"]
  assert "1 of 1" in said[3]


def test_of_many_settings_the_best_have_a_line():
  members = [{"beta": float(b), "seed": 0} for b in range(25)]
  made, said = table(members)
  made.add(50, [row(b, -float(b)) for b in range(25)], set(), False)
  lines = said[2:]
  assert len(lines) == console.SHOWN + 1
  assert lines[-1].strip() == "and 15 more settings, down to an ELBO of −24.00"


@pytest.mark.parametrize(
  ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (600, "10 min"), (11_100, "3 h 05")]
)
def test_durations(seconds, text):
  assert console.duration(seconds) == text


def test_no_text_is_glued_to_a_bar(monkeypatch):
  screen = io.StringIO()
  monkeypatch.setattr("sys.stdout", screen)
  monkeypatch.setattr("sys.stderr", screen)
  bar = tqdm(total=10, file=screen, ncols=40)
  say = console.beside_bar(print)
  say("A sentence.")
  bar.close()
  before = screen.getvalue().partition("A sentence.")[0]
  # The line of the bar is overwritten with spaces before the sentence begins.
  assert before.endswith("\r" + " " * (len(before.rsplit("\r", 2)[1])) + "\r")


def events(folder):
  """Every event that TensorBoard would read below a folder."""
  found = []
  for path in sorted(folder.rglob("events.*")):
    content, at = path.read_bytes(), 0
    while at < len(content):
      size = int.from_bytes(content[at : at + 8], "little")
      assert masked_crc32c(content[at : at + 8]) == int.from_bytes(
        content[at + 8 : at + 12], "little"
      )
      found.append(event_pb2.Event.FromString(content[at + 12 : at + 12 + size]))
      at += 16 + size
  return found


def test_tensorboard_has_settings_in_tags_and_in_its_table(tmp_path):
  config = tiny(sweep={"beta": [1.0, 4.0]}, train={"steps": 4})
  said = []
  loop.train(config, tmp_path, None, said.append)
  assert said.index("Compiling ...") < next(
    i for i, line in enumerate(said) if line.startswith("Compiled in")
  )
  values = [v for e in events(tmp_path / "tensorboard") for v in e.summary.value]
  tags = {value.tag for value in values}
  assert {"valid/elbo/beta_1_seed_0", "train/loss/beta_4_seed_0"} <= tags
  table = (tmp_path / "tensorboard" / "beta_4_seed_0").iterdir()
  assert any(b"_hparams_/session_start_info" in path.read_bytes() for path in table)


def test_pictures_are_shown(tmp_path):
  Image.fromarray(np.full((4, 6), 200, np.uint8)).save(tmp_path / "a.png")
  logging.show_pictures(tmp_path, {"shown/a": tmp_path / "a.png"})
  (value,) = [v for e in events(tmp_path / "tensorboard") for v in e.summary.value]
  assert value.tag == "shown/a"
  assert (value.image.height, value.image.width) == (4, 6)
  logging.show_pictures(tmp_path / "none", {})
  assert not (tmp_path / "none").exists()
