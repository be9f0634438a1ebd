"""Denoisers side by side: trained at one share of noise, on a range of shares, or on none."""

from collections.abc import Sequence

import numpy as np

from vae_jax.applications import _restored
from vae_jax.applications._restoration import Scored
from vae_jax.run import Run
from vae_jax.training import sweep
from vae_jax.types import Table

ITSELF, RANGE, CLEAN, BASELINE = "the share itself", "0 to", "clean", "baseline"
# row of the table -> method -> what the member was trained on -> its answers, one a seed
Groups = dict[str, dict[str, dict[str, list[Scored]]]]


def is_for(run: Run, one: Scored, share: str) -> bool:
  """Whether an answer is of a member that was trained at this share of noise alone."""
  member = one.answer.member
  return member is not None and _restored.trained_on(run, member) == share


def grouped(solved: Sequence[tuple[Run, list[Scored]]]) -> Groups:
  """The answers by what their member was trained on, and those of the trained baseline.

  Members that were trained at one share each are one row, "the share itself", and members that
  differ in more than their noise and their seed are further rows.
  """
  found: Groups = {}
  for i, (run, scored) in enumerate(solved):
    for one in scored:
      member, method = one.answer.member, one.answer.method
      if member is None and (i or not method.startswith("supervised")):
        continue
      trained = BASELINE if member is None else _restored.trained_on(run, member)
      row = ITSELF if trained[0].isdigit() and not trained.startswith(RANGE) else trained
      row += "" if member is None else _further(run, member)
      found.setdefault(row, {}).setdefault(method, {}).setdefault(trained, []).append(one)
  return found


def _further(run: Run, member: int) -> str:
  """What distinguishes a member beside its seed and its noise, or nothing."""
  own = ("seed", "corruption_rate")
  rest = {
    name: value
    for name, value in run.members[member].items()
    if name not in own and not name.startswith("corruption.") and value is not None
  }
  return "".join(f", {name} {sweep.text(value)}" for name, value in rest.items())


def table(groups: Groups, shares: list[str]) -> Table | None:
  """PSNR by what a network was trained on; None where none was trained on this noise."""
  if not _on_noise(groups):
    return None
  rows = []
  for row in _order(groups):
    for method, by_noise in groups[row].items():
      cells = [_mean(row, by_noise, d, share) for d, share in enumerate(shares)]
      rows.append([row, method, max(map(len, by_noise.values())), *cells])
  note = (
    "PSNR in dB by what the network was trained on, a column for each share of noise. The share"
    " itself: in each column another network, the one that was trained at that share alone."
    " n: members of different seeds, of which a number is the mean."
  )
  columns = ("trained on", "method", "n", *shares)
  return Table("Which noise should a denoiser be trained on?", columns, rows, note)


def findings(
  groups: Groups, shares: list[str], baselines: Sequence[Scored] = ()
) -> list[str]:
  """The kinds of training and the best baseline at each share, and what has no place there."""
  if not _on_noise(groups):
    return []
  said, kept = [], _kept(groups)
  for d, share in enumerate(shares) if compares(groups) else ():
    best = {row: _best(row, groups[row], d, share) for row in kept}
    told = [f"trained on {row} {v:.2f} dB" for row, v in best.items() if v is not None]
    rivals = [(one.means["psnr"][d], one.answer.method) for one in baselines]
    told += [f"the best baseline, {name}, {v:.2f} dB" for v, name in sorted(rivals)[-1:]]
    said.append(f"{share}, each by the best of its methods: {', '.join(told)}.")
  fixed = {name for row in kept if row.startswith(ITSELF) for name in _trained(groups[row])}
  if fixed - set(shares):
    said.append(
      f"Members trained at {', '.join(sorted(fixed - set(shares)))} match none of the shares"
      f" {', '.join(shares)}: they are in the tables of all members alone."
    )
  kinds = (ITSELF, RANGE, CLEAN)
  other = [row for row in kept if not row.startswith(kinds)]
  if other:
    said.append(f"Trained on another corruption than this noise: {', '.join(other)}.")
  if not all(any(row.startswith(kind) for row in kept) for kind in kinds):
    said.append(
      "A denoiser for each share, one for the whole range and one that never saw noise stand"
      " side by side in a run of configs/mnist_denoising.py:all."
    )
  return said


def compares(groups: Groups) -> bool:
  """Whether there are several kinds of training, this noise among them."""
  return _on_noise(groups) and len(_kept(groups)) > 1


def _kept(groups: Groups) -> list[str]:
  return [row for row in _order(groups) if row != BASELINE]


def _on_noise(groups: Groups) -> bool:
  return any(row.startswith((ITSELF, RANGE)) for row in groups)


def _order(groups: Groups) -> list[str]:
  """Trained at the share, on ranges, clean, on something else; the baseline last."""
  kinds = (ITSELF, RANGE, CLEAN)
  rank = lambda row: next((i for i, k in enumerate(kinds) if row.startswith(k)), len(kinds))
  return sorted(groups, key=lambda row: (row == BASELINE, rank(row), row))


def _trained(methods: dict[str, dict[str, list[Scored]]]) -> set[str]:
  return {trained for by_noise in methods.values() for trained in by_noise}


def _mean(
  row: str, by_noise: dict[str, list[Scored]], damage: int, share: str
) -> float | None:
  """The mean PSNR of a row at one share; of `ITSELF` that of the members trained at it."""
  at = [share] if row.startswith(ITSELF) else list(by_noise)
  found = [one.means["psnr"][damage] for name in at for one in by_noise.get(name, ())]
  return float(np.mean(found)) if found else None


def _best(
  row: str, methods: dict[str, dict[str, list[Scored]]], damage: int, share: str
) -> float | None:
  values = [_mean(row, by_noise, damage, share) for by_noise in methods.values()]
  return max((v for v in values if v is not None), default=None)
