"""Videos: the generator, files, the classic rules, and the evaluation of a model of frames."""

import shutil
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from helpers import evaluated, tiny
from made import open_with
from PIL import Image

from vae_jax import asking, data, plots
from vae_jax import vae as models
from vae_jax.applications import video
from vae_jax.applications.video import _between, _coding
from vae_jax.baselines import video as classic
from vae_jax.baselines import video_codecs
from vae_jax.data import _sheets, videos
from vae_jax.types import Figure, UserError

OPTIONS = {"name": "videos", "side": 16, "frames": 5, "count": 60, "valid": 8.0}
OPTIONS["test"] = 8.0


def moving(count=3, frames=8, side=16, step=(1, -1)):
  """[N, T, H, W]: a bright block of 3 x 3 that moves by `step` in a frame."""
  x = np.zeros((count, frames, side, side), np.float32)
  for n in range(count):
    for t in range(frames):
      i, j = 2 + n + step[0] * t, 10 + step[1] * t
      x[n, t, i : i + 3, j : j + 3] = np.arange(1, 10).reshape(3, 3) / 9
  return x


def test_digits_move_on_straight_lines_and_bounce():
  image = np.full((1, 8, 8), 255, np.float32)
  rng = np.random.RandomState(0)
  x = videos.clips(rng, image, np.zeros((20, 1), int), 30, 16).reshape(20, 30, 16, 16)
  assert (x.sum((2, 3)) == 64 * 255).all()  # it never leaves the frame
  rows = np.argmax(x.any(3), 2), np.argmax(x.any(2), 2)  # [20, 30] each
  for at in rows:
    step = np.abs(np.diff(at, axis=1))
    assert step.max() <= np.ceil(0.09 * 16) + 1
    assert at.min() == 0 or at.max() == 8  # some border was met
  first = data.load(OPTIONS, None).splits
  assert [len(first[s]["x"]) for s in first] == [60, 8, 8]


def test_constant_velocity_is_exact_until_a_border():
  clips = moving()
  found = classic.constant_velocity(clips[:, :4], 4, 2)
  np.testing.assert_array_equal(found, clips[:, 4:])
  still = moving(step=(0, 0))
  np.testing.assert_array_equal(classic.last_frame(still[:, :4], 4), still[:, 4:])
  np.testing.assert_array_equal(classic.constant_velocity(still[:, :4], 4, 1), still[:, 4:])


def test_the_linear_rule_finds_linear_dynamics():
  turn = 0.3
  angle = turn * np.arange(10)[None] + np.random.default_rng(0).uniform(0, 6, (50, 1))
  plane = np.random.default_rng(1).normal(size=(2, 16)) / 20
  x = 0.5 + np.stack([np.cos(angle), np.sin(angle)], -1) @ plane
  clips = x.reshape(50, 10, 4, 4).astype(np.float32)
  found = classic.Rule(clips, 2)(clips[:, :5], 5)
  assert np.abs(found - clips[:, 5:]).max() < 0.05 * np.abs(plane).max()


def test_an_animation_has_a_picture_for_each_moment(tmp_path):
  from PIL import Image

  frames = np.random.default_rng(0).uniform(size=(4, 2, 3, 8, 8, 1))
  figure = Figure("a", "animation", {"frames": frames, "rows": ["x", "y"]}, "")
  plots.draw(figure, tmp_path / "a.png")
  content = (tmp_path / "a.png").read_bytes()
  assert content[:8] == b"\x89PNG\r\n\x1a\n"
  assert content[12:16] == b"IHDR"
  with Image.open(tmp_path / "a.png") as found:
    assert found.n_frames == 4


# files


def test_a_folder_of_videos_is_cut_into_clips(tmp_path):
  imageio = pytest.importorskip("imageio.v3")
  folder = tmp_path / "mine"
  folder.mkdir()
  for i in range(4):
    frames = np.zeros((9, 20, 32, 3), np.uint8)
    frames[:, :, 6:16] = 250  # the left half of the middle square
    frames[np.arange(9), 0, np.arange(9) % 5] = (
      250  # outside of it: no two frames are alike
    )
    imageio.imwrite(folder / f"{i}.gif", frames, plugin="pillow")
  config = {**OPTIONS, "path": "mine", "frames": 4, "side": 10, "valid": 1.0, "test": 1.0}
  found = data.load(config, str(tmp_path))
  assert [len(found.splits[s]["x"]) for s in found.splits] == [4, 2, 2]
  x = found.splits["train"]["x"].reshape(4, 4, 10, 10)
  assert (x[..., :5] > 240).all()
  assert (x[..., 5:] < 10).all()
  with pytest.raises(UserError, match=r"0\.gif has 5 frames.*a clip has 8"):
    data.load({**config, "every": 2, "frames": 8}, str(tmp_path))
  (folder / "4.gif").write_text("no video")
  with pytest.raises(UserError, match=r"4\.gif cannot be read"):
    data.load(config, str(tmp_path))
  with pytest.raises(UserError, match=r"no folder of videos 'mime'.*'mine'"):
    data.load({**config, "path": "mime"}, str(tmp_path))


@pytest.mark.slow
def test_mp4_is_read(tmp_path, monkeypatch):
  jax.devices()  # JAX warns against a fork of a process in which it runs
  pytest.importorskip("imageio_ffmpeg")
  imageio = pytest.importorskip("imageio.v3")
  folder = tmp_path / "mine"
  folder.mkdir()
  frames = np.full((8, 32, 32, 3), 200, np.uint8)
  with monkeypatch.context() as patch:
    patch.setenv("IMAGEIO_FFMPEG_NO_PREVENT_SIGINT", "1")
    for i in range(3):
      imageio.imwrite(folder / f"{i}.mp4", frames, fps=10, plugin="FFMPEG")
  config = {**OPTIONS, "path": "mine", "frames": 4, "valid": 1.0, "test": 1.0}
  found = data.load(config, str(tmp_path))
  assert np.abs(found.splits["test"]["x"].astype(int) - 200).max() < 10


@pytest.mark.parametrize(
  ("option", "value"), [("side", 4), ("frames", 2), ("objects", 0), ("source", "letters")]
)
def test_clips_that_cannot_be_are_refused(option, value):
  with pytest.raises(UserError, match=rf"data\.{option}"):
    data.load({**OPTIONS, option: value}, None)


def test_a_moved_frame_is_exact_and_a_faded_one_a_mean():
  clips = moving(frames=5, step=(2, -2))
  a, b = clips[:, 1], clips[:, 3]
  np.testing.assert_allclose(classic.moved_between(a, b, 0.5), clips[:, 2], atol=1e-6)
  np.testing.assert_array_equal(classic.cross_fade(a, b, 0.25), 0.75 * a + 0.25 * b)


@pytest.mark.parametrize("name", video_codecs.OPTIONS)
def test_a_stream_of_ffmpeg_comes_back_and_is_smaller_where_it_is_worse(name):
  pytest.importorskip("imageio_ffmpeg")
  clips = np.round(255 * moving(frames=4, side=32)).astype(np.uint8)
  fine, coarse = (video_codecs.coded(clips, name, q) for q in (10, 48))
  off = [np.square(x.astype(float) - clips).mean() for _, x in (fine, coarse)]
  assert off[0] < 2 < off[1]
  assert 0 < coarse[0] < fine[0] < 8 * clips.size
  with pytest.raises(UserError, match="even sides"):
    video_codecs.coded(clips[..., :31], name, 10)


# sprites


def sheets(folder, own=2):
  """A folder of two sheets for each layer: squares that get smaller towards the top."""
  rng = np.random.default_rng(0)
  for number, layer in enumerate(_sheets.LAYERS):
    (folder / layer).mkdir(parents=True)
    for i in range(own):
      x = np.zeros((21, 13, 64, 64, 4), np.uint8)
      inside = slice(4 * number, 64 - 4 * number)
      x[:, :, inside, inside, :3] = rng.integers(0, 255, (21, 13, 1, 1, 3))
      x[:, :, inside, inside, 3] = 255
      whole = x.swapaxes(1, 2).reshape(21 * 64, 13 * 64, 4)
      Image.fromarray(whole).save(folder / layer / f"{i}.png")
  return folder


def test_layers_lie_on_one_another():
  below, above = np.zeros((2, 1, 1, 1, 4), np.uint8)
  below[..., :] = [200, 100, 0, 255]
  above[..., :] = [0, 0, 100, 102]
  np.testing.assert_array_equal(_sheets.composed([below, above])[0, 0, 0], [120, 60, 40])
  above[..., 3] = 255
  np.testing.assert_array_equal(_sheets.composed([below, above])[0, 0, 0], [0, 0, 100])


def test_sprites_are_characters_of_their_own_split_and_move(tmp_path):
  sheets(tmp_path / "mine")
  asked = {**OPTIONS, "source": "sprites", "path": "mine", "frames": 9}
  found = data.load(asked, str(tmp_path))
  x, label = (found.splits["train"][k] for k in ("x", "label"))
  assert x.shape == (60, 9, 256)
  assert found.spec.classes[label[0]] in _sheets.CLASSES
  slash = np.flatnonzero(label >= 6)[0]  # six frames, and then again
  np.testing.assert_array_equal(x[slash, 0], x[slash, 6])
  assert (x[slash, 0] != x[slash, 1]).any()
  ends = lambda split: {clip[0].tobytes() for clip in found.splits[split]["x"]}
  assert not ends("train") & ends("test")
  (tmp_path / "mine/hair/1.png").write_bytes(b"no picture")
  with pytest.raises(UserError, match=r"1\.png"):
    data.load(asked, str(tmp_path))
  Image.new("RGBA", (64, 64)).save(tmp_path / "mine/hair/1.png")
  with pytest.raises(UserError, match="64 x 64 pixels; a sheet has 832 x 1344"):
    data.load(asked, str(tmp_path))
  shutil.rmtree(tmp_path / "mine/hair")
  with pytest.raises(UserError, match="no sheets in a folder 'hair'"):
    data.load(asked, str(tmp_path))


# the application


def opened(dataset):
  config = tiny(
    data={**data.options("videos"), **OPTIONS},
    model={"name": "frames", "latents": 2, "hidden": 8, "widths": [8]},
  )
  vae = models.build(config, dataset.spec)
  params = jax.tree.map(lambda x: np.asarray(x)[None], jax.jit(vae.init)(jax.random.key(0)))
  run = open_with(dataset, vae)
  return run._replace(config=config, params=params)


QUICK = {"limit": 8, "tune": 4, "context": 3, "draws": 3}


@pytest.fixture(scope="module")
def clips():
  return data.load(OPTIONS, None)


@pytest.fixture(scope="module")
def outcome(clips):
  from helpers import outcome

  return outcome("video", opened(clips), QUICK)


@pytest.mark.slow
def test_what_is_to_come_is_not_read(clips, outcome):
  from helpers import outcome as ask

  test = clips.splits["test"]
  x = test["x"].copy()
  x[:, 3:] = 255 - x[:, 3:]
  other = clips._replace(splits={**clips.splits, "test": {**test, "x": x}})
  again = ask("video", opened(other), QUICK)
  answers = [
    {r.method: r.answer["x"] for r in one.results if r.condition == "1"}
    for one in (outcome, again)
  ]
  for method, found in answers[0].items():
    np.testing.assert_array_equal(found, answers[1][method])


def test_draws_differ_and_the_best_is_no_worse_than_the_mean(outcome):
  found = {(r.method, r.condition): r for r in outcome.results}
  draws = found[video.PRIOR, "2"].answer["x"]
  assert draws.shape == (8, 3, 2, 256)
  assert (draws[:, 0] != draws[:, 1]).any()
  assert found[video.MEAN, "2"].answer["x"].shape == (8, 1, 2, 256)
  total = lambda name: sum(
    found[video.PRIOR, c].scores[name].mean() for c in outcome.conditions
  )
  assert total("ssim_best") >= total("ssim")
  assert total("psnr_best") >= total("psnr")


def test_the_truth_has_an_ssim_of_1_and_no_distance(outcome):
  task = outcome.task
  x = np.asarray(video.as_bytes(task.truth)).reshape(8, 1, 2, 256)
  found = video.score(task, video.measured(x, task.truth), 0)
  np.testing.assert_allclose(found["ssim"], 1, atol=1e-4)
  assert (found["psnr"] == video.CAP).all()
  assert abs(found["frechet"].mean()) < 1e-4


def test_the_report_shows_clips_that_move_and_has_the_baselines(outcome):
  outcome.settings["map_steps"] = 3
  extra = video.further(outcome)
  named = {figure.name: figure for figure in extra.figures}
  assert {"clips", "rate_distortion", "between_2"} <= set(named)
  assert named["clips"].data["frames"].shape == (5, 4, 6, 16, 16, 1)
  between = next(t for t in extra.tables if t.title == "Frames between frames")
  assert [row[1] for row in between.rows[:4]] == [
    _between.WALK,
    _between.MAP,
    *_between.BASELINES,
  ]
  assert any("1 of 2 known: the latent MAP is" in said for said in extra.findings)
  asked = {(r.method, r.condition) for r in outcome.results}
  assert asked >= {("last frame", "1"), ("constant velocity", "2")}


def test_steps_of_the_prior_give_the_clip_that_the_reader_of_a_file_has(clips, monkeypatch):
  """With fine steps it is the decoded mean of q, and each step is around the prior's mean."""
  monkeypatch.setattr(_coding, "STEPS", (1e-3, 4.0))
  run, test = opened(clips), clips.splits["test"]
  places, made = _coding.quantised(run, test, jax.random.key(0))
  assert places.shape == (8, 2, 10)

  def decoded(params, hyper, example, key):
    walk = _between.walked(run, params, example, np.ones(5, bool))
    return video.as_bytes(run.vae.mean(params, walk))

  expected = asking.apply(run, decoded, test, jax.random.key(0))[0]
  assert np.abs(made[:, 0].astype(int) - expected.astype(int)).max() <= 1
  assert np.abs(places[:, 0]).max() > 1000 * np.abs(places[:, 1]).max()


def test_hidden_frames_are_not_read(clips):
  run, test = opened(clips), clips.splits["test"]
  seen = _between.known(5, 4)
  np.testing.assert_array_equal(seen, [True, False, False, False, True])
  outcome = SimpleNamespace(settings={"map_steps": 3, "map_rate": 0.1, "batch": 8})
  outcome.key = jax.random.key(0)
  other = test["x"].copy()
  other[:, ~seen] = 255 - other[:, ~seen]
  found = [
    _between._of_model(run, {**test, "x": x}, seen, outcome) for x in (test["x"], other)
  ]
  for name, x in found[0].items():
    np.testing.assert_array_equal(x, found[1][name])


@pytest.mark.parametrize("context", [1, 5])
def test_too_few_or_too_many_given_frames_are_refused(clips, context):
  with pytest.raises(UserError, match="The setting context is"):
    evaluated("video", opened(clips), {**QUICK, "context": context})
