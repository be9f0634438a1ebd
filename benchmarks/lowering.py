"""Convolutions of members side by side, in two forms, compiled for a TPU that is not there.

The compiler's own counts of a step; nothing runs. It needs the extra tpu-compile.
"""

from typing import Any

from benchmarks import problem
from benchmarks.report import Part
from vae_jax import flags
from vae_jax import vae as models
from vae_jax.training import plan, sweep, topology

SLICE = "v5e:2x2"
MEMBERS = (1, 4, 16, 64)  # on a chip
FORMS = {"native": "xla", "dense": "dense"}


def lowering(quick: bool) -> Part:
  """The network of configs/mnist.py as it was measured above, batch 128, in both forms."""
  flags.without_devices()
  chips, chip = topology.devices(SLICE), topology.chip(SLICE)
  rows = []
  for members in MEMBERS[: 2 if quick else None]:
    for form, name in FORMS.items():
      found = _compiled(members, name, chips)
      best = 1e3 * max(found.flops / chip.flops, found.moved / chip.bandwidth)
      rows.append([
        str(members), form, f"{found.flops / 1e9:.2f}", f"{found.moved / 1e9:.3f}",
        f"{best:.2f}", f"{found.memory / 1e6:,.0f}",
      ])  # fmt: skip
  columns = ["members on a chip", "form", "GFLOP", "GB moved", "ms at best", "MB of memory"]
  about = (
    f"{lowering.__doc__} Compiled for {SLICE} and not run. FLOPs and bytes of a step are the"
    " compiler's (`cost_analysis`). Memory is arguments, results and temporaries. \"ms at"
    f" best\" is the longer of the FLOPs at the chip's {chip.flops / 1e12:.0f} TFLOP/s and the"
    f" bytes at its {chip.bandwidth / 1e12:.2f} TB/s."
  )
  return Part("Two forms of a convolution", about, [(columns, rows)], [])


def _compiled(members: int, form: str, chips: list) -> topology.Compiled:
  """The program of that many members on each chip, all side by side."""
  total = members * len(chips)
  config: dict[str, Any] = problem.config("conv", total, problem.BATCH, None)
  part, dataset = sweep.parts(config)[0], problem.dataset()
  program = plan.assemble(part, dataset, members, "tpu")
  program = program._replace(vae=models.build(config, dataset.spec, form))
  each = plan.Plan(part, plan.memory(program, chips[0]), total, "pmap", "")
  return topology.compiled(program, each, chips)
