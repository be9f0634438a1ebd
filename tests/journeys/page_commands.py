"""The commands of the pages, as bash reads them, and how each is run within this process."""

import contextlib
import functools
import os
import pathlib
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import page_files
from helpers import ROOT

from vae_jax import cli, config, flags, registry
from vae_jax.cli import evaluate, train
from vae_jax.evaluation import answer

FENCE = re.compile(r"^ *```bash\n(.*?)^ *```", re.S | re.M)
PROGRAMS = (
  "python", "python3", "vae-jax", "pip", "make", "mkdocs", "pre-commit", "source", "srun",
  "gcloud", "sbatch",
)  # fmt: skip
SHELL = "".join(
  f'{name}() {{ printf "%s\\0" {name} "$@" >>"$CALLS"; printf "\\n\\0" >>"$CALLS"; }}\n'
  for name in PROGRAMS
)
TRAINING = {  # in the place of what the page's command and its configuration say
  "train.steps": 2,
  "train.batch_size": 8,
  "train.log_every": 2,
  "train.eval_every": 2,
  "train.checkpoint_every": 2,
}
SETTINGS = {  # of applications, where they have a number of this name
  **dict.fromkeys(("limit", "tune"), 12),
  **dict.fromkeys(("samples", "chunk", "importance", "weights", "proposals"), 4),
  **dict.fromkeys(("imputations", "searched", "weighed", "temperatures", "codes"), 4),
  **dict.fromkeys(("steps", "side", "components", "blends", "bins"), 3),
  **dict.fromkeys(("map_steps", "judge_steps", "pairs", "paths", "answers", "draws"), 2),
  **dict.fromkeys(("times", "repeats", "chains", "starts", "styles", "trees"), 2),
  **dict.fromkeys(("epochs", "rounds", "forest_rounds", "slow_limit"), 1),
  **dict.fromkeys(("features", "make", "neighbours", "order"), 5),
  **dict.fromkeys(("reference", "others", "probed", "sampled", "votes"), 30),
  "pool": 400,  # twice the sentences of the largest fold of a page
  **dict.fromkeys(("test_votes", "annealed"), 10),
  **dict.fromkeys(("budget", "crop"), 20),
  "active": 1e-9,  # of half_labelled: two steps switch no latent on
}
ON_DIGITS = (  # what `all` asks of the digits of README, as a test holds
  "compression", "editing", "generation", "inpainting", "likelihood_ladder",
  "noise_reduction", "reconstruction", "super_resolution",
)  # fmt: skip
NUMBER = re.compile(r"[-+.\d]+(e-?\d+)?$")


class ReadyError(Exception):
  """An evaluation has read and checked everything, and would begin to compute."""


def pages() -> list[pathlib.Path]:
  """README and all pages of docs that have a command."""
  found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
  found += sorted((ROOT / "docs").rglob("*.md"))
  return [page for page in found if FENCE.search(page.read_text())]


def of_page(page: pathlib.Path, folder: pathlib.Path) -> list[tuple[str, ...]]:
  """The words of every command of a page, in order, as bash hands them to the programs."""
  text = re.sub(r"<(data|folder)>", "data", "\n".join(FENCE.findall(page.read_text())))
  calls = folder / "calls"
  calls.write_text("")
  subprocess.run(
    ["bash", "-euc", SHELL + text], cwd=folder, check=True, capture_output=True,
    env={**os.environ, **page_files.VARIABLES, "CALLS": str(calls)},
  )  # fmt: skip
  found = [tuple(one.split("\0")[:-1]) for one in calls.read_text().split("\n\0")[:-1]]
  return list(dict.fromkeys(found))


def kind(words: tuple[str, ...]) -> str:
  """The command of the package: "train", "evaluate", another one, or nothing."""
  if words[0] == "vae-jax" or words[1:2] in (("train.py",), ("evaluate.py",)):
    return words[1].removesuffix(".py")
  return ""


@functools.cache
def first() -> dict[tuple, tuple[pathlib.Path, tuple[str, ...]]]:
  """What is asked, `likenesses`, and the first page and command that ask it."""
  found: dict[tuple, tuple[pathlib.Path, tuple[str, ...]]] = {}
  for page in pages():
    with tempfile.TemporaryDirectory() as folder:
      every = of_page(page, pathlib.Path(folder))
    for words in every:
      for one in likenesses(words, every):
        found.setdefault(one, (page, words))
  return found


def likenesses(words: tuple[str, ...], every: list[tuple[str, ...]]) -> list[tuple]:
  """What a command asks for, without its numbers and without the name of its run.

  A training is known by the parts of its configuration and by the words of its own. An evaluation
  is one for each application, known by which of its settings are files, runs or sentences: that
  an application answers on models of every kind is what its own tests are for.
  """
  if kind(words) == "train":
    kept = [w for w in words if re.match(r"--config\.(data|model|objective|corruption)", w)]
    return [("train", *_parts(words), *sorted(map(_plain, kept)))]
  if kind(words) != "evaluate":
    return [words]
  known = evaluate._parser(None).parse_args(words[2:])
  names = ON_DIGITS if known.application == "all" else known.application.split(",")
  files = [word for word in known.set if re.search(r"[./ ]", _plain(word))]
  own = sorted(word.partition("=")[0] for word in files)
  return [("evaluate", name, known.export, *own) for name in names]


def _parts(words: tuple[str, ...]) -> tuple[str, ...]:
  """The data set of a training and the names of the parts of its model."""
  (name,) = (w.partition("=")[2] for w in words if w.startswith("--config="))
  full = config.load(name, {})
  given = dict(w[9:].split("=", 1) for w in words if re.match(r"--config\.\w+\.name=", w))
  return tuple(given.get(f"{part}.name", full[part]["name"]) for part in config.PARTS)


def _plain(word: str) -> str:
  return "" if NUMBER.match(word.rpartition("=")[2]) else word


def short_training(words: list[str]) -> list[str]:
  """A training of two steps on little data."""
  known, rest = train._parser(None).parse_known_args(words)
  full = config.load(known.config, flags.overrides(rest), known.data_dir)
  fields = {**TRAINING, **page_files.shorter(full), "sweep": smaller(full["sweep"])}
  return [*words, *(f"--config.{name}={value}" for name, value in fields.items())]


def smaller(sweep: Any) -> Any:
  """The same sweep with two values of each axis, and no more steps than TRAINING has."""
  if isinstance(sweep, list):
    return [{k: TRAINING.get(k, v) for k, v in row.items()} for row in sweep[:2]]
  return {
    name: [smaller(part) for part in axis]
    if name in ("product", "chain")
    else [TRAINING.get(name, value) for value in axis[:2]]
    for name, axis in sweep.items()
  }


def short_evaluation(words: list[str], everything: bool) -> list[str]:
  """An evaluation of little; `all` becomes two applications unless everything is asked."""
  known = evaluate._parser(None).parse_args(words)
  if known.application == "all" and not everything:
    known.application = "reconstruction,generation"
    words = [*words, f"--application={known.application}"]
  names = known.application.split(",")
  names = registry.names("applications") if names == ["all"] else names
  settings: dict[str, Any] = {}
  for name in names:
    settings |= registry.find("applications", name).SETTINGS
  fields = {k: v for k, v in SETTINGS.items() if isinstance(settings.get(k), int | float)}
  return [*words, *(f"--set={name}={value}" for name, value in fields.items())]


def run(
  words: tuple[str, ...], folder: pathlib.Path, whole: bool, everything: bool
) -> None:
  """Runs one command within this process, in the folder.

  Args:
    words: of the command.
    folder: of the page.
    whole: else a training only plans, and an evaluation ends where it begins to compute.
    everything: whether `all` applications are all of them.
  """
  name, rest = kind(words), list(words[1:])
  if name == "train":
    rest = [rest[0], *short_training(rest[1:]), *([] if whole else ["--plan"])]
  if name == "evaluate":
    rest = [rest[0], *short_evaluation(rest[1:], everything)]
  with (
    mock.patch.object(sys, "argv", [words[0], *rest]),
    mock.patch.object(answer, "_of_model", answer._of_model if whole else _ready),
    contextlib.chdir(folder),
    contextlib.suppress(ReadyError),
  ):
    code = 0
    try:
      _program(words[0], name, rest)()
    except SystemExit as end:
      code = end.code
  assert not code, f"{' '.join(words)}: status {code}; its message is above"


def _ready(*asked: Any) -> None:
  raise ReadyError


def _program(program: str, name: str, rest: list[str]) -> Callable[[], Any]:
  if program == "vae-jax":
    return cli.main
  if name:
    return lambda: {"train": train, "evaluate": evaluate}[name].main(rest[1:])
  if rest[0] == "-c":
    return lambda: exec(rest[1], {})
  sys.argv = rest[1:] if rest[0] == "-m" else [*rest, "--steps=4"]
  start = runpy.run_module if rest[0] == "-m" else runpy.run_path
  return lambda: start(rest[rest[0] == "-m"], run_name="__main__")
