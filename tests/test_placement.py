"""Which members run on which device, and that it does not matter for the numbers."""

import subprocess
import sys

import pytest
from helpers import ROOT, quick

from vae_jax.training import placement
from vae_jax.types import UserError


@pytest.mark.parametrize(
  "which", ["not slow", pytest.param("slow", marks=pytest.mark.slow)]
)
def test_in_a_process_with_eight_virtual_devices(which):
  """`eight_devices.py`: every placement on 1, 2, 4 and 8 devices is the solo run."""
  done = subprocess.run(
    [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", which, "tests/eight_devices.py"],
    cwd=ROOT, env=quick(devices=8), capture_output=True, text=True,
    check=False,
  )  # fmt: skip
  assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize(
  ("members", "devices", "chosen"),
  [
    (1, 1, "single"),
    (64, 1, "single"),
    (8, 8, "pmap"),
    (9, 8, "pmap"),
    (1, 8, "pmap"),
    (3, 8, "mesh"),
  ],
)
def test_auto_takes_the_placement_without_communication_where_there_is_one(
  members, devices, chosen
):
  assert placement.choose("auto", members, devices) == chosen
  assert placement.choose("single", members, devices) == "single"


def test_an_unknown_placement_lists_the_known_ones():
  with pytest.raises(UserError, match="expected one of auto, single, pmap, mesh"):
    placement.choose("tpu", 1, 1)


def test_what_a_device_holds():
  assert placement.shares("single", 5, 1) == (5, 1.0)
  assert placement.shares("pmap", 9, 8) == (2, 1.0)
  assert placement.shares("pmap", 3, 8) == (3, 1 / 8)
  assert placement.shares("mesh", 3, 8) == (2, 2 / 8)
