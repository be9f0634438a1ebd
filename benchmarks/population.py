"""A sweep against its own members one after another, from one member to many."""

import jax

from benchmarks import measure, problem
from benchmarks.measure import Contestant
from benchmarks.report import Part

NETWORKS = ("mlp", "conv")
MEMBERS = {"mlp": (1, 4, 16), "conv": (1, 4)}  # 64 and 16 are those of the part "sweep"
MANY = (256, 1024)  # of the small network, where there is a GPU
MEMBER_STEPS = {"mlp": 1200, "conv": 96}  # of a unit: a second or two on two cores


def population(quick: bool, data_dir: str | None) -> Part:
  """Time of a step of one member, batch 128, in a sweep and in runs one after another."""
  gpu = jax.default_backend() != "cpu"
  rows, results = [], []
  for network in NETWORKS:
    sizes = [
      *MEMBERS[network][: 2 if quick else None],
      *(MANY if gpu and network == "mlp" else ()),
    ]
    for members in sizes:
      found = _compared(network, members, gpu, quick, data_dir)
      results += found
      sweep, alone = found
      middle, low, high = measure.ratio(sweep, alone)
      per_step = lambda result: f"{1e3 * problem.BATCH / result.rate:.3f}"
      rows.append([
        network, str(members), per_step(sweep), per_step(alone),
        f"{middle:.2f} ({low:.2f}–{high:.2f})", f"{sweep.peak_bytes / 1e6:,.0f}",
      ])  # fmt: skip
  columns = ["network", "members", "ms a member-step, one sweep", "ms, one after another"]
  columns += ["the sweep is faster by (quartiles)", "peak MB of the sweep"]
  return Part("Population", population.__doc__ or "", [(columns, rows)], results)


def _compared(
  network: str, members: int, gpu: bool, quick: bool, data_dir: str | None
) -> list[measure.Result]:
  steps = max(2, MEMBER_STEPS[network] // members) * (10 if gpu else 1)
  options = {"network": network, "members": members, "steps": steps}
  options |= {"data_dir": data_dir} if data_dir else {}
  # Of many runs on a GPU the first few tell the time of one; all of them would take an hour.
  few = min(members, 16) if gpu else members
  contestants = [
    Contestant(f"{network}, {members} members, one sweep", "ours:training", options),
    Contestant(
      f"{network}, {members} members, one after another",
      "ours:one_after_another", {**options, "members": few},
    ),
  ]  # fmt: skip
  found, _ = measure.alternate(contestants, 2 if quick else 3, True)
  return found
