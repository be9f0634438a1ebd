"""H.264 and H.265 by ffmpeg: what grey clips cost, and what comes back of them."""

import subprocess

import numpy as np

from vae_jax.types import UserError

# The slowest search; no adaptive cut; without the message that names the encoder.
OPTIONS = {
  "H.264": ["-c:v", "libx264", "-preset", "veryslow", "-x264-params", "scenecut=0",
            "-bsf:v", "filter_units=remove_types=6"],
  "H.265": ["-c:v", "libx265", "-preset", "veryslow", "-bsf:v", "filter_units=remove_types=39",
            "-x265-params", "scenecut=0:ctu=16:min-cu-size=8:log-level=none:info=0"],
}  # fmt: skip
FORMATS = {"H.264": "h264", "H.265": "hevc"}
QUALITIES = (18, 24, 30, 36, 42, 48)  # constant rate factors, 0 to 51


def coded(clips: np.ndarray, name: str, quality: int) -> tuple[float, np.ndarray]:
  """Grey clips as one stream without a container: its bits, and the clips that it shows.

  Every clip begins with a frame of its own, so that none is told by the clip before it.

  Args:
    clips: [N, T, H, W] uint8, H and W even.
    name: of OPTIONS.
    quality: the constant rate factor; larger is smaller and worse.

  Raises:
    UserError: an odd side, the extra video is not installed, or ffmpeg has no such encoder.
  """
  frames, height, width = clips.shape[1:]
  if height % 2 or width % 2:
    raise UserError(f"{name} codes frames of even sides; these are {height} x {width}.")
  kind, grey = FORMATS[name], ["-pix_fmt", "gray"]
  raw = ["-f", "rawvideo", *grey]
  groups = ["-crf", str(quality), "-g", str(frames), "-keyint_min", str(frames)]
  size = ["-s", f"{width}x{height}", "-r", "25", "-i", "-"]
  out = [*OPTIONS[name], *groups, *grey, "-f", kind, "-"]
  stream = _ffmpeg([*raw, *size, *out], np.ascontiguousarray(clips).tobytes(), name)
  shown = _ffmpeg(["-f", kind, "-i", "-", *raw, "-"], stream, name)
  if len(shown) != clips.size:
    raise UserError(f"ffmpeg gave {len(shown):,} of {clips.size:,} pixels of {name} back.")
  return 8.0 * len(stream), np.frombuffer(shown, np.uint8).reshape(clips.shape)


def _ffmpeg(words: list[str], given: bytes, name: str) -> bytes:
  try:
    import imageio_ffmpeg
  except ImportError as error:
    raise UserError(
      f"{name} is written by ffmpeg: install the extra with pip install 'vae-jax[video]'."
    ) from error
  command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *words]
  done = subprocess.run(command, input=given, capture_output=True, check=False)
  if done.returncode:
    why = done.stderr.decode(errors="replace").strip().splitlines()
    raise UserError(f"This ffmpeg cannot code {name}: {why[-1] if why else 'it gave up'}")
  return done.stdout
