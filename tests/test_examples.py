"""Job files: their shell, their fields, and that the programs know the flags they are given."""

import pathlib
import re
import shlex
import subprocess

import pytest
import yaml
from helpers import ROOT

from vae_jax import config as configuration
from vae_jax import flags
from vae_jax.cli import evaluate, train
from vae_jax.training import sweep

FOLDER = ROOT / "examples"
SLURM = sorted(FOLDER.glob("*.slurm"))
# What a shell, a scheduler or a cluster puts into the words.
FILLED = {
  "$(seq -s, 0 99)": "0, 1", '$(echo "$SKYPILOT_NODE_IPS" | head -n1)': "10.0.0.1",
  "$SKYPILOT_NUM_NODES": "2", "$SKYPILOT_NODE_RANK": "1", "$JOB_COMPLETION_INDEX": "3",
  "$NAME": "mnist_2d", "$WORK": "/scratch",
}  # fmt: skip


def documents(name: str) -> list[dict]:
  return list(yaml.safe_load_all((FOLDER / name).read_text()))


def container() -> dict:
  return documents("kubernetes.yaml")[1]["spec"]["template"]["spec"]["containers"][0]


def scripts() -> dict[str, str]:
  """The shell of every job file."""
  found = {path.name: path.read_text() for path in SLURM}
  found["kubernetes.yaml"] = container()["args"][0]
  found["skypilot.yaml"] = documents("skypilot.yaml")[0]["run"]
  return found


def commands(script: str) -> list[list[str]]:
  """Its calls of the two programs, as the words that these are handed."""
  for name, value in FILLED.items():
    script = script.replace(name, value)
  lines = script.replace("\\\n", " ").splitlines()
  of_ours = [line for line in lines if re.match(r"\s*(srun )?python ", line)]
  found = [shlex.split(line) for line in of_ours]
  return [words[words.index("python") + 1 :] for words in found]


def test_every_file_of_the_folder_is_a_job_that_is_checked_here():
  assert {path.name for path in FOLDER.iterdir()} == set(scripts())


@pytest.mark.parametrize("name", sorted(scripts()))
def test_the_programs_know_the_flags_that_a_job_gives(name):
  called = commands(scripts()[name])
  assert called
  for program, *words in called:
    assert (ROOT / program).is_file()
    if program == "evaluate.py":
      known, rest = evaluate._parser(None).parse_known_args(words)
      assert not rest
    else:
      known, rest = train._parser(None).parse_known_args(words)
      config = configuration.load(str(ROOT / known.config), flags.overrides(rest))
      assert sweep.members(config)
    if known.coordinator_address:
      assert known.distributed
      assert 0 <= known.process_id < known.num_processes


@pytest.mark.parametrize("name", sorted(scripts()))
def test_the_shell_of_a_job_parses(name):
  done = subprocess.run(["bash", "-n"], input=scripts()[name], text=True, check=False)
  assert done.returncode == 0


@pytest.mark.parametrize("path", SLURM, ids=lambda path: path.stem)
def test_the_options_of_a_slurm_job_are_ones_that_sbatch_has(path):
  known = {
    "job-name", "nodes", "ntasks", "ntasks-per-node", "gpus-per-node", "gpus-per-task",
    "cpus-per-task", "time", "requeue", "array",
  }  # fmt: skip
  options = re.findall(r"^#SBATCH --([\w-]+)", path.read_text(), re.M)
  assert {"job-name", "time", "requeue"} <= set(options) <= known
  assert path.read_text().startswith("#!/bin/bash\n")


def test_every_task_of_the_array_has_a_config():
  text = (FOLDER / "array.slurm").read_text()
  names = re.search(r"CONFIGS=\((.*)\)", text)[1].split()
  assert f"--array=0-{len(names) - 1}\n" in text
  assert all((ROOT / "configs" / f"{name}.py").is_file() for name in names)


def test_the_kubernetes_job_has_what_its_api_asks_for():
  """A headless service, and an indexed job of as many pods as processes, which finds it."""
  service, job = documents("kubernetes.yaml")
  spec, pod = job["spec"], job["spec"]["template"]["spec"]
  assert (service["apiVersion"], service["kind"]) == ("v1", "Service")
  assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
  assert service["spec"]["clusterIP"] == "None"
  name = job["metadata"]["name"]
  assert service["spec"]["selector"] == {"job-name": name}
  assert pod["subdomain"] == service["metadata"]["name"]
  assert spec["completionMode"] == "Indexed"
  assert pod["restartPolicy"] in ("Never", "OnFailure")
  script = container()["args"][0]
  assert spec["completions"] == spec["parallelism"]
  assert f"--num_processes={spec['completions']} " in script
  assert f"={name}-0.{pod['subdomain']}:" in script  # the host name of pod 0
  mounts = {mount["name"] for mount in container()["volumeMounts"]}
  assert mounts == {volume["name"] for volume in pod["volumes"]}
  assert isinstance(container()["image"], str)


def test_the_skypilot_task_has_the_fields_of_its_schema():
  (task,) = documents("skypilot.yaml")
  fields = {
    "name",
    "workdir",
    "num_nodes",
    "envs",
    "resources",
    "file_mounts",
    "setup",
    "run",
  }
  assert set(task) <= fields
  assert isinstance(task["num_nodes"], int)
  assert "BUCKET" in task["envs"]
  assert task["file_mounts"]["/shared"]["mode"] == "MOUNT"
  assert re.search(r"\[(\w+)\]", task["setup"])[1] in _extras()


def _extras() -> dict:
  import tomllib

  text = pathlib.Path(ROOT / "pyproject.toml").read_text()
  return tomllib.loads(text)["project"]["optional-dependencies"]
