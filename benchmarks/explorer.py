"""How long a picture of the explorer takes: python -m benchmarks.explorer runs/mnist/explore.html.

Opens the page in a headless Chromium, draws 300 codes from the prior and prints milliseconds.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import tempfile

NAMES = ("chromium", "chromium-browser", "google-chrome")
MEASURE = """<script>
const found = JSON.parse(document.getElementById("data").textContent).members[0];
const timed = (fn) => {
  const start = performance.now();
  fn();
  return performance.now() - start;
};
const even = () => 1 - Math.random();
const normal = () => Math.sqrt(-2 * Math.log(even())) * Math.cos(2 * Math.PI * even());
const code = () => Float32Array.from({ length: found.latents }, normal);
const picture = () => network.decode(found.net, code(), 0);
const first = timed(picture);
const all = Array.from({ length: 300 }, () => timed(picture)).sort((a, b) => a - b);
document.title = [first, all[150], all[285]].map((v) => v.toFixed(1)).join(" ");
</script></body>"""


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("page", type=pathlib.Path)
  page = parser.parse_args().page
  browser = next(filter(None, map(shutil.which, NAMES)), None)
  if browser is None:
    parser.error(f"none of {', '.join(NAMES)} is on the path")
  with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder) / "page.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", MEASURE), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --dump-dom"
    words = [browser, *flags.split(), f"--user-data-dir={folder}/profile", copy.as_uri()]
    dom = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
  first, median, late = re.search("<title>(.*?)</title>", dom.stdout).group(1).split()
  print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
  print(f"a picture: median {median} ms, 95 % within {late} ms; the first {first} ms")


if __name__ == "__main__":
  main()
