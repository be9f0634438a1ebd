"""A page in a headless browser, which has all the time it needs: what the page tells, and the log.

A page tells something by `tell(text)`, as often as it likes. It is read from the browser's log,
so that nothing depends on how long a busy machine takes to load, draw or decode.
"""

import base64
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import time

import pytest

BROWSER = next(
  filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path")
TELL = """<script>
const tell = (text) => {
  const bytes = Array.from(new TextEncoder().encode(text), (b) => String.fromCharCode(b));
  console.log(`TOLD ${btoa(bytes.join(""))} END`);
};
addEventListener("error", (event) => tell("ERROR " + event.message));
</script>"""
FLAGS = (
  "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
  " --disable-sync --hide-scrollbars --allow-file-access-from-files --enable-logging=stderr"
  " --window-size=1400,1000 --remote-debugging-port=0"
)
PATIENCE = 60  # seconds: only a page that is wrong takes them


def browsed(
  text: str, folder: pathlib.Path, width: int = 1280, where: str = "", until=None
) -> tuple[str, str]:
  """What a page told in a frame of some width, and what the browser logged until then.

  Chromium's own window does not go below 500 pixels, so the page is looked at in a frame.

  Args:
    text: the page, with a call of `tell` in it.
    folder: where the page and the browser's profile are written.
    width: of the frame, in pixels.
    where: the end of the page's address, as "#member=2".
    until: whether what was told is what is waited for; the first thing told where None.

  Returns:
    What was told when `until` said yes, or the last thing told; and the log without it.
  """
  head = "<head>" if "<head>" in text else ""
  (folder / "inner.html").write_text(text.replace(head, head + TELL, 1))
  (folder / "outer.html").write_text(
    f'<title>-</title><iframe src="inner.html{where}"'
    f' style="width:{width}px;height:900px;border:0"></iframe>'
  )
  command = [BROWSER, *FLAGS.split(), f"--user-data-dir={folder / 'profile'}"]
  with subprocess.Popen(
    [*command, (folder / "outer.html").as_uri()],
    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
  ) as browser:  # fmt: skip
    try:
      return _listened(browser.stderr, until or (lambda told: True))
    finally:
      os.killpg(browser.pid, signal.SIGKILL)


def _listened(stream, until) -> tuple[str, str]:
  """The last thing told, and the log without what was told."""
  log, told, ends = b"", None, time.monotonic() + PATIENCE
  pattern = re.compile(rb'\[[^\[\n]*CONSOLE[^\n]*"TOLD (\S*) END"[^\n]*\n')
  with selectors.DefaultSelector() as ready:
    ready.register(stream, selectors.EVENT_READ)
    while time.monotonic() < ends and ready.select(ends - time.monotonic()):
      piece = os.read(stream.fileno(), 1 << 16)
      if not piece:
        break
      log += piece
      for message in pattern.findall(log):
        told = base64.b64decode(message).decode()
        if until(told) or told.startswith("ERROR "):
          return told, pattern.sub(b"", log).decode(errors="replace")
      log = pattern.sub(b"", log)
  seconds = f"nothing else in {PATIENCE} s"
  return f"{told} ({seconds})", log.decode(errors="replace")
