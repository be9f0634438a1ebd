"""Run directories that can be relied on: one training each, its own checkpoints, no way out."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import jax
import numpy as np
import pytest
from helpers import ROOT, called, copied, quick, tiny, validated

from vae_jax import files, report
from vae_jax import run as runs
from vae_jax.interrupt import Interrupt, Stopped
from vae_jax.report import destination
from vae_jax.training import checkpoint, lock, loop
from vae_jax.types import Figure, Report, Table, UserError

SMOKE = ["--config=configs/digits.py:smoke", "--config.model.name=mlp"]
SMOKE += ["--config.model.hidden=[16]"]
of_orbax = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def quiet(line):
  pass


@contextlib.contextmanager
def started(workdir: pathlib.Path, *words: str) -> Iterator[subprocess.Popen]:
  """A training with a log to wait for; killed at the end if it is still there."""
  command = [sys.executable, "-u", str(ROOT / "train.py"), f"--workdir={workdir}", *SMOKE]
  pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
  process = subprocess.Popen([*command, *words], cwd=ROOT, env=quick(), **pipes)
  try:
    yield process
  finally:
    process.kill()
    process.communicate()


def until(process: subprocess.Popen, start: str) -> str:
  """The first line of a process that begins so."""
  for line in process.stdout:
    if line.startswith(start):
      return line
  raise AssertionError(process.stderr.read())


LONG = ("--config.train.steps=1000000", "--config.train.log_every=20")


# dead is not finished


def images(tmp_path, scale):
  x = np.random.default_rng(0).integers(0, 256, (60, 6, 6)).astype(np.float32) * scale
  np.savez(tmp_path / "mine.npz", x=x)
  return ["--config=configs/arrays.py:smoke", f"--config.data.path={tmp_path}/mine.npz"]


def test_a_run_whose_members_all_died_exits_1_with_the_likely_cause(tmp_path):
  words = [*images(tmp_path, 1e4), "--config.data.kind=image", f"--workdir={tmp_path}/run"]
  done = called("train.py", *words)
  assert done.returncode == 1
  assert "Finished" not in done.stdout
  assert "Its member is dead" in done.stderr
  assert "x reaches 2.5" in done.stderr
  assert "standardise the data" in done.stderr
  assert called("train.py", *words).returncode == 1  # and so it does when it is asked again


def test_one_living_member_makes_a_run_finished(tmp_path):
  config = tiny(sweep={"learning_rate": [1e-3, 1e30]}, train={"steps": 24})
  said = []
  loop.train(config, tmp_path, None, said.append)
  assert said[-1].startswith("Finished: 24 steps")


@pytest.mark.parametrize(
  "likelihood", ["bernoulli", "cross_entropy", "continuous_bernoulli"]
)
def test_grey_levels_as_floats_are_refused_at_loading(tmp_path, likelihood):
  words = [*images(tmp_path, 1.0), f"--config.likelihood.name={likelihood}"]
  done = called("train.py", *words, f"--workdir={tmp_path}/run")
  assert done.returncode == 2
  assert "divide it by 255" in done.stderr
  words.append(
    "--config.data.domain=real"
  )  # then it is the likelihood that cannot be meant
  done = called("train.py", *words, f"--workdir={tmp_path}/run")
  assert done.returncode == 2
  assert "x reaches 255" in done.stderr
  assert "divide it by 255" in done.stderr


# one training a folder


def test_a_second_training_is_refused_and_the_first_is_not_touched(tmp_path):
  with started(tmp_path, *LONG) as first:
    validated(first)
    second = called("train.py", f"--workdir={tmp_path}", *SMOKE, *LONG)
    assert second.returncode == 2
    who = f"process {first.pid} on {socket.gethostname()}"
    assert f"is being trained by {who}" in second.stderr
    before = len(files.read_rows(tmp_path / "metrics.jsonl"))
    validated(first)
    assert len(files.read_rows(tmp_path / "metrics.jsonl")) > before
  assert (tmp_path / lock.NAME).is_file()  # of the one that was killed: no hindrance
  with lock.held(tmp_path, pytest.fail):
    pass
  assert not (tmp_path / lock.NAME).exists()


def test_a_lock_of_another_machine_is_watched(tmp_path, monkeypatch):
  monkeypatch.setattr(lock, "WATCH", 0.6)
  monkeypatch.setattr(lock, "BEAT", 0.1)
  gone = {"host": "elsewhere", "process": 7, "count": 3}
  path = tmp_path / lock.NAME
  path.write_text(json.dumps(gone))
  said = []
  with lock.held(tmp_path, said.append) as mine:
    mine.check()
  assert "trained by process 7 on elsewhere" in said[0]

  path.write_text(json.dumps(gone).ljust(lock.WIDTH))
  over = threading.Event()

  def elsewhere():  # a file system whose locks are each machine's own
    while not over.wait(0.1):
      gone["count"] += 1
      with path.open("r+") as file:
        file.write(json.dumps(gone).ljust(lock.WIDTH))

  thread = threading.Thread(target=elsewhere)
  thread.start()
  try:
    with pytest.raises(UserError, match="being trained by process 7 on elsewhere"):
      lock.held(tmp_path, said.append).__enter__()
  finally:
    over.set()
    thread.join()
  # where the file system has no locks at all, the count decides between processes of a machine
  monkeypatch.setattr(lock, "_locked", lambda descriptor: False)
  path.unlink()
  with (
    lock.held(tmp_path, quiet),
    pytest.raises(UserError, match=f"process {os.getpid()}"),
  ):
    lock.held(tmp_path, quiet).__enter__()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1]", b'{"host": 3}', b"{" * 2000])
def test_a_damaged_lock_is_no_hindrance(tmp_path, content):
  (tmp_path / lock.NAME).write_bytes(content)
  with lock.held(tmp_path, quiet):
    assert json.loads((tmp_path / lock.NAME).read_text())["process"] == os.getpid()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
  (tmp_path / "other").write_text("mine")
  (tmp_path / lock.NAME).symlink_to(tmp_path / "other")
  with pytest.raises(UserError, match="cannot be opened"):
    lock.held(tmp_path, quiet).__enter__()
  assert (tmp_path / "other").read_text() == "mine"


@pytest.mark.parametrize(
  "how", ["replaced", pytest.param("removed", marks=pytest.mark.slow)]
)
def test_a_run_directory_that_goes_while_it_is_trained_ends_with_a_sentence(tmp_path, how):
  folder = tmp_path / "run"
  with started(folder, *LONG) as process:
    validated(process)
    folder.rename(tmp_path / how)  # at once; to remove files takes a while
    if how == "replaced":
      folder.mkdir()
    _, errors = process.communicate(timeout=60)
  assert process.returncode == 2, errors
  assert "was removed or replaced while it was trained" in errors
  assert "Traceback" not in errors


@pytest.mark.parametrize("name", ["train.py", "evaluate.py"])
def test_an_empty_workdir_is_refused(name):
  done = called(name, "--workdir=", *(SMOKE if name == "train.py" else WORDS))
  assert done.returncode == 2
  assert "--workdir is empty" in done.stderr


@pytest.mark.slow
def test_evaluations_beside_one_another_and_beside_a_training(tmp_path):
  often = ("--config.train.eval_every=20", "--config.train.log_every=20")
  words = [f"--workdir={tmp_path}", *BRIEF]
  with contextlib.ExitStack() as stack:
    training = stack.enter_context(started(tmp_path, LONG[0], *often))
    validated(training, 100)
    command = [sys.executable, str(ROOT / "evaluate.py"), *words]
    other = stack.enter_context(
      subprocess.Popen(command, cwd=ROOT, env=quick(), stderr=subprocess.PIPE, text=True)
    )
    stack.callback(other.kill)
    seen = set()
    end = time.time() + 120
    while len(seen) < 8:  # each reads a checkpoint that is deleted a moment later
      assert time.time() < end, "the training stood still"
      run = runs.open_run(tmp_path, "latest")
      seen.add(int(run.step[0]))
      assert np.isfinite(jax.tree.leaves(run.params)[0]).all()
    done = called("evaluate.py", *words)
    assert done.returncode == 0, done.stderr
    errors = other.communicate(timeout=300)[1]
    assert other.returncode == 0, errors
    assert training.poll() is None
  assert (tmp_path / "report.html").is_file()
  assert not list(tmp_path.rglob(".*.json"))


# a checkpoint belongs to its run


def only_the_first(workdir: pathlib.Path, other: pathlib.Path) -> None:
  """The newest checkpoint of a run replaced by that of another run."""
  shutil.rmtree(workdir / "checkpoints" / "12")
  shutil.copytree(other / "checkpoints" / "12", workdir / "checkpoints" / "12")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  return copied(tiny(), tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture
def mine(trained, tmp_path):
  return shutil.copytree(trained, tmp_path / "mine")


@of_orbax
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize(
  ("parts", "said"),
  [
    ({"seed": 1}, "config.seed: 1 there, 0 here"),
    ({"model": {"latents": 4}}, "config.model.latents: 4 there, 3 here"),
    ({"hyper": {"beta": 2.0}}, "config.hyper.beta: 2.0 there, 1.0 here"),
    ({"sweep": {"beta": [1, 2]}}, "its members are others"),
  ],
)
def test_a_checkpoint_of_another_run_is_named_and_set_aside(
  mine, tmp_path, capsys, parts, said
):
  before = runs.open_run(mine, "latest")
  copied(tiny(**parts), tmp_path / "other")
  only_the_first(mine, tmp_path / "other")
  capsys.readouterr()
  assert runs.open_run(mine, "latest").step[0] == 6
  out = capsys.readouterr().out
  assert "Checkpoint 12" in out
  assert f"is of another run ({said}" in out
  loop.train(tiny(), mine, None)
  out = capsys.readouterr().out
  assert said in out
  assert "Going on from checkpoint 6" in out
  after = runs.open_run(mine, "latest")
  for a, b in zip(*(jax.tree.leaves(run.params) for run in (before, after)), strict=True):
    np.testing.assert_array_equal(a, b)
  assert (mine / "checkpoints" / f"12_{checkpoint.AWAY}").is_dir()


def test_a_checkpoint_in_the_place_of_another_step_is_named(mine, capsys):
  (mine / "checkpoints" / "12").rename(mine / "checkpoints" / "99")
  assert runs.open_run(mine, "latest").step[0] == 6
  assert "it says that it is of step 12" in capsys.readouterr().out


@of_orbax
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("edit", ["died", "seconds", "nothing", "list", "encoding"])
def test_an_edited_meta_is_damage(mine, capsys, edit):
  path = mine / "checkpoints" / "12" / "meta" / "metadata"
  meta = json.loads(path.read_text())
  if edit == "died":
    meta["died"] = [3]
  elif edit == "seconds":
    meta["seconds"] = 1.0
  elif edit == "nothing":
    meta = {}
  elif edit == "list":
    meta = []
  path.write_bytes(b"\xff\xfe" if edit == "encoding" else json.dumps(meta).encode())
  assert runs.open_run(mine, "latest").step[0] == 6
  assert "Checkpoint 12" in (out := capsys.readouterr().out)
  assert "is damaged" in out


def test_a_checkpoint_of_the_older_form_is_read_and_its_arrays_are_checked(mine, capsys):
  """One that says nothing of its run: the checksums of its arrays, in order."""
  before = runs.open_run(mine, "latest")
  for step in ("6", "12"):
    path = mine / "checkpoints" / step / "meta" / "metadata"
    meta = json.loads(path.read_text())
    sums = {name: [row[3] for row in rows] for name, rows in meta.pop("arrays").items()}
    meta = {k: v for k, v in meta.items() if k not in ("digest", "run")}
    if step == "12":
      sums["params"][0] += 1
    path.write_text(json.dumps({**meta, "checksums": sums}))
  assert before.step[0] == 12
  assert runs.open_run(mine, "latest").step[0] == 6
  assert "the checksum of 'params' does not match" in capsys.readouterr().out
  assert runs.open_run(mine, "best").ended == [""]


def test_a_missing_field_that_has_its_default_is_no_difference(mine, capsys):
  path = mine / "config.json"
  config = json.loads(path.read_text())
  del config["hyper"]["decoder_rate"], config["train"]["keep"], config["halving"]
  path.write_text(json.dumps(config))
  loop.train(tiny(), mine, None)
  assert "Finished already" in capsys.readouterr().out
  runs.open_run(mine)
  path.write_text(json.dumps(config))
  with pytest.raises(UserError, match=r"config\.train\.keep: 2 there, 3 here"):
    loop.train(tiny(train={"keep": 3}), mine, None)


# a foreign run directory can do nothing


def swept(folder):
  """A run of two parts."""
  config = tiny(sweep={"beta": [1, 2]}, train={"members_at_once": 1, "steps": 6})
  copied(config, folder)
  return config


def test_parts_outside_of_the_run_directory_are_not_followed(tmp_path):
  config = swept(tmp_path / "run")
  shutil.copytree(tmp_path / "run" / "parts" / "001", tmp_path / "outside")
  path = tmp_path / "run" / "parts.json"
  good = json.loads(path.read_text())
  rows = (tmp_path / "run" / "metrics.jsonl").read_text()
  for folder in ("../outside", str(tmp_path / "outside"), "parts/../../outside", 3, None):
    path.write_text(json.dumps([good[0], {**good[1], "folder": folder}]))
    for use in (lambda: runs.open_runs(tmp_path / "run"), lambda: trains(config, tmp_path)):
      with pytest.raises(UserError, match=r"parts\.json is damaged"):
        use()
  for value in ([], {}, [3], [{}], [good[0]], [good[0], good[0]], [good[1], good[0]]):
    path.write_text(json.dumps(value))
    for use in (lambda: runs.open_runs(tmp_path / "run"), lambda: trains(config, tmp_path)):
      with pytest.raises(UserError, match=r"parts\.json is damaged"):
        use()
  assert (tmp_path / "run" / "metrics.jsonl").read_text() == rows
  path.write_text(json.dumps(good))
  shutil.rmtree(tmp_path / "run" / "parts" / "001")
  (tmp_path / "run" / "parts" / "001").symlink_to(tmp_path / "outside")
  with pytest.raises(UserError, match="a link that leads out of its directory"):
    runs.open_runs(tmp_path / "run")


def trains(config, tmp_path):
  loop.train(config, tmp_path / "run", None, quiet)


def test_parts_of_another_sweep_are_refused(tmp_path):
  config = swept(tmp_path / "run")
  path = tmp_path / "run" / "parts.json"
  good = json.loads(path.read_text())
  path.write_text(json.dumps([{**entry, "program": 1} for entry in good]))
  with pytest.raises(UserError, match="does not divide the 2 members"):
    trains(config, tmp_path)


@pytest.mark.parametrize("name", ["checkpoints", "figures", "reports", "parts"])
def test_a_folder_that_leads_out_is_not_trained_in(tmp_path, name):
  (tmp_path / "outside").mkdir()
  (tmp_path / "run").mkdir()
  (tmp_path / "run" / name).symlink_to(tmp_path / "outside")
  with pytest.raises(UserError, match="leads out of its directory"):
    trains(tiny(), tmp_path)
  assert not list((tmp_path / "outside").iterdir())


# JSON of a wrong type or encoding

WRONG = {
  "list": b"[]",
  "number": b"3",
  "text": b'"a"',
  "null": b"null",
  "nothing": b"",
  "latin": '{"a": "é"}'.encode("latin-1"),
  "utf16": "{}".encode("utf-16"),
  "deep": b"[" * 100_000,
  "object": b"{}",
  "rows": b'[{"seed": "x"}]',
  "zeros": bytes(64),
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("name", ["config.json", "members.json", "run.json", "parts.json"])
def test_json_of_a_wrong_type_is_a_sentence(trained, tmp_path, name, how):
  for file in ("config.json", "members.json", "run.json", "metrics.jsonl"):
    shutil.copy(trained / file, tmp_path)
  (tmp_path / "checkpoints").symlink_to(trained / "checkpoints")
  (tmp_path / name).write_bytes(WRONG[how])
  if (name, how) in {("run.json", "object")}:
    return  # it says nothing, and nothing is missing that is needed
  with pytest.raises(UserError, match=name.replace(".", r"\.")) as error:
    runs.open_runs(tmp_path)
  assert "\n" not in str(error.value)


def test_rows_of_a_log_are_cut_at_the_end_and_refused_in_the_middle(tmp_path):
  row = json.dumps({"step": 3, "split": "train", "member": 0, "elbo": -1.0})
  path = tmp_path / "metrics.jsonl"
  for end in ("", row[:20], "\0" * 40, row[:20] + "\n" + row[:9], "[]", '{"step": 3}'):
    path.write_text(f"{row}\n{row}\n{end}")
    assert len(files.read_rows(path)) == 2
  for middle in (row[:20], "[]", row.replace("3", '"3"'), row.replace("0", "5")):
    path.write_text(f"{row}\n{middle}\n{row}\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2, is damaged"):
      files.read_rows(path, 1)


# files that last


def test_files_are_synced_before_they_take_their_name(tmp_path, monkeypatch):
  order = []
  sync, replace = os.fsync, pathlib.Path.replace
  monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd))[1])
  monkeypatch.setattr(
    pathlib.Path, "replace", lambda a, b: (order.append("rename"), replace(a, b))[1]
  )
  files.write_json(tmp_path / "a.json", {"b": 1})
  assert order == ["sync", "rename", "sync"]
  order.clear()
  monkeypatch.setattr(
    checkpoint.Checkpoints, "save", lambda self, *rest: order.append("save")
  )
  monkeypatch.setattr(
    "vae_jax.training.logging.Log.sync", lambda self: order.append("rows")
  )
  loop.train(tiny(), tmp_path / "run", None, quiet)
  kept = [what for what in order if what in ("rows", "save")]
  assert kept == ["rows", "save"] * 2


# Ctrl-C


def test_an_interrupt_saves_a_checkpoint_and_resumes_to_the_same_bits(tmp_path):
  train = {"steps": 24, "log_every": 4, "eval_every": 12}
  loop.train(tiny(train=train), tmp_path / "whole", None, quiet)
  for at in (4, 12, 24):
    watch, folder = Interrupt(), tmp_path / f"broken{at}"

    def check(self, at=at, watch=watch):
      watch.asked = watch.asked or self_step(self) >= at

    steps = []

    def self_step(_, steps=steps):
      steps.append(4)
      return sum(steps)

    with pytest.MonkeyPatch.context() as patch:
      patch.setattr(lock.Lock, "check", check)
      with pytest.raises(
        Stopped, match=f"Stopped at step {at} of 24; its checkpoint is saved"
      ):
        loop.train(tiny(train=train), folder, None, quiet, interrupt=watch)
    assert (folder / "checkpoints" / str(at)).is_dir()
    loop.train(tiny(train=train), folder, None, quiet)
    for which in ("latest", "best"):
      a, b = (runs.open_run(p, which) for p in (tmp_path / "whole", folder))
      for x, y in zip(*(jax.tree.leaves(run.params) for run in (a, b)), strict=True):
        np.testing.assert_array_equal(x, y)
    drop = lambda row: {k: v for k, v in row.items() if k != "examples_per_second"}
    assert [drop(r) for r in a.history] == [drop(r) for r in b.history]


@pytest.mark.slow
def test_ctrl_c_always_ends_a_training_with_its_checkpoint(tmp_path):
  """At several moments: Python's own way is swallowed in some of them."""
  rng = np.random.default_rng(0)
  for number in range(3):
    with started(tmp_path, *LONG) as process:
      validated(process)
      time.sleep(rng.uniform(0, 0.2))
      process.send_signal(signal.SIGINT)
      out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, (number, out, errors)
    assert "Traceback" not in errors
    step = int(errors.split("Stopped at step ")[1].split()[0])
    assert (tmp_path / "checkpoints" / str(step)).is_dir()


def test_ctrl_c_before_training_ends_at_once(tmp_path):
  with started(tmp_path, "--config.model.hidden=[2000,2000]", *LONG) as process:
    until(process, "digits")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
  assert process.returncode == 130
  assert errors.strip().startswith("Stopped. ")


def test_a_second_ctrl_c_ends_at_once(tmp_path):
  never = 10_000_000  # steps of a chunk that nobody waits for
  words = [
    f"--config.train.{name}={never}" for name in ("log_every", "steps", "eval_every")
  ]
  with started(tmp_path, *words) as process:
    until(process, "Compiled")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.time()
    _, errors = process.communicate(timeout=20)
  assert time.time() - began < 5
  assert process.returncode == 130
  assert "Stopping after this chunk" in errors


# reports


def a_report(**changes) -> Report:
  table = Table("Scores", ("seed", "elbo"), [[0, -3.0]], "")
  picture = Figure(
    "grid", "image_grid", {"images": np.zeros((1, 1, 4, 4, 1))}, "What it is."
  )
  made = Report("reconstruction", "How?", [table], [picture], ["So."], {})
  return made._replace(**changes)


def test_a_report_that_names_other_files_neither_deletes_nor_shows_them(tmp_path):
  secret = tmp_path / "x.png"
  folder = tmp_path / "run"
  report.save(a_report(), folder)
  picture = folder / "figures" / "reconstruction_grid.png"
  secret.write_bytes(picture.read_bytes())
  path = folder / "reports" / "reconstruction" / "report.json"
  good = json.loads(path.read_text())
  outside = [
    "../x.png",
    str(secret),
    "figures/../../x.png",
    "x.png",
    "figures/generation_a.png",
  ]
  (folder / "x.png").write_bytes(picture.read_bytes())
  (folder / "figures" / "reconstruction_link.png").symlink_to(secret)
  for file in [
    *outside,
    "figures/reconstruction_link.png",
    "figures/.reconstruction_a.png",
  ]:
    path.write_text(json.dumps({**good, "figures": [{**good["figures"][0], "file": file}]}))
    with pytest.raises(UserError):
      report.render(folder, "")
    report.save(a_report(figures=[]), folder)
    assert secret.is_file()
    assert (folder / "x.png").is_file()
  path.write_text(json.dumps(good))
  picture.write_text("top secret, and no picture at all")
  with pytest.raises(UserError, match="is no PNG picture"):
    report.render(folder, "")


@pytest.mark.parametrize("name", ["reports", "reports/reconstruction", "figures"])
def test_a_report_is_not_written_through_a_link(tmp_path, name):
  outside, place = tmp_path / "outside", tmp_path / "run" / name
  outside.mkdir()
  (outside / "precious.csv").write_text("1")
  place.parent.mkdir(parents=True)
  place.symlink_to(outside)
  with pytest.raises(UserError, match="leads out of its directory"):
    report.save(a_report(), tmp_path / "run")
  assert [p.name for p in outside.iterdir()] == ["precious.csv"]


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize(
  "name", ["reports/reconstruction/report.json", "config.json", "members.json", "run.json"]
)
def test_a_page_of_damaged_files_is_a_sentence(tmp_path, name, how):
  report.save(a_report(), tmp_path)
  (tmp_path / name).write_bytes(WRONG[how])
  if how == "object" and name in ("run.json", "config.json"):
    return  # of these a page shows what is there
  with pytest.raises(UserError, match=pathlib.Path(name).name) as error:
    report.render(tmp_path, "")
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  "edit",
  [
    {"application": "x"}, {"findings": [3]}, {"tables": [{}]}, {"figures": [{}]}, {"nans": "1"},
    {"tables": [{"title": "a", "note": "", "columns": ["a"], "rows": [[1, 2]]}]},
    {"tables": [{"title": "a", "note": "", "columns": ["a"], "rows": [[{}]]}]},
    {"question": None}, {"figures": [{"name": "a", "file": 3, "caption": "b"}]},
  ],
)  # fmt: skip
def test_an_edited_report_is_a_sentence(tmp_path, edit):
  path = report.save(a_report(), tmp_path)
  path.write_text(json.dumps({**json.loads(path.read_text()), **edit}))
  with pytest.raises(UserError, match=r"report\.json is damaged \(expected"):
    report.render(tmp_path, "")


def test_a_comparison_that_is_not_of_this_run_is_a_sentence(mine):
  rows = [[0, "elbo", -3.0], [7, "elbo", -4.0]]
  scores = Table("Scores", ("member", "metric", "value"), rows, "")
  report.save(a_report(application="sweep_comparison", scores=scores), mine)
  with pytest.raises(UserError, match="is damaged or not of this run"):
    report.render(mine, "")


# where an evaluation writes


def tree(folder):
  return {p: p.lstat().st_mtime_ns for p in folder.rglob("*")} | {
    folder: folder.stat().st_mtime_ns
  }


WORDS = ["--application=generation", "--set=limit=60", "--set=epochs=1"]
BRIEF = ["--application=reconstruction", "--set=samples=2", "--set=limit=8", "--set=tune=8"]


def test_out_evaluates_a_run_without_a_change_to_it(trained, tmp_path):
  before, out = tree(trained), tmp_path / "out"
  done = called("evaluate.py", f"--workdir={trained}", f"--out={out}", *WORDS)
  assert done.returncode == 0, done.stderr
  assert tree(trained) == before
  assert f"Open {out}/report.html" in done.stdout
  page = (out / "report.html").read_text()
  assert "ELBO, nats" in page  # the curves of its training
  assert "mlp model" in page
  (out / "members.json").write_text("[]")
  done = called("evaluate.py", f"--workdir={trained}", f"--out={out}", *WORDS)
  assert done.returncode == 2
  assert "has the reports of another run" in done.stderr


def test_out_of_a_run_of_several_parts(tmp_path):
  swept(tmp_path / "run")
  before = tree(tmp_path / "run")
  target = destination.checked(str(tmp_path / "run"), str(tmp_path / "out"))
  destination.described(str(tmp_path / "run"), target)
  assert tree(tmp_path / "run") == before
  assert {row["member"] for row in files.read_rows(target / "metrics.jsonl")} == {0, 1}
  with pytest.raises(UserError, match="is a run directory itself"):
    destination.checked(str(tmp_path / "out"), str(tmp_path / "run"))
  with pytest.raises(UserError, match="--out is empty"):
    destination.checked(str(tmp_path / "run"), "")


def test_it_is_tried_whether_a_report_can_be_written_before_it_is_computed(
  mine, monkeypatch
):
  monkeypatch.setattr(runs, "open_runs", lambda *_: pytest.fail("it computes"))

  def read_only(folder):
    raise OSError(30, "Read-only file system")

  with monkeypatch.context() as patch:
    patch.setattr(files, "check_writable", read_only)
    done = called("evaluate.py", f"--workdir={mine}", *WORDS)
  assert done.returncode == 2
  assert "cannot be written" in done.stderr
  assert "name another folder with --out" in done.stderr
  (mine / "reports" / "text").mkdir(parents=True)
  (mine / "reports" / "text" / "report.json").write_text("{}")
  done = called("evaluate.py", f"--workdir={mine}", *WORDS)
  assert "report.json is damaged" in done.stderr
