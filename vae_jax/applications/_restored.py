"""Restorations as tables, sentences and pictures."""

import numpy as np

from vae_jax.applications import _members, _pictures
from vae_jax.applications._restoration import CAP, METRICS, Scored, Task
from vae_jax.metrics import latent
from vae_jax.run import Run
from vae_jax.types import Figure, Table

TITLES = {"psnr": "PSNR in dB", "ssim": "SSIM", "mse": "Squared error"}
UNITS = {"psnr": (" dB", ".2f"), "ssim": (" SSIM", ".3f"), "mse": (" MSE", ".4f")}
LOWER = ("mse",)  # is better


def tables(
  task: Task,
  scored: list[Scored],
  damages: list[str],
  note: str,
  order: tuple[str, ...] = METRICS,
) -> list[Table]:
  """One table for each metric: a row for each member and method, a column for each damage."""
  run, head = task.run, _members.columns(task.run)
  kl = [latent.rates(m, v).sum() for m, v in zip(*task.posterior, strict=True)]
  found = []
  for metric in order:
    if metric not in scored[0].means:
      continue
    rows = []
    for one in scored:
      m = one.answer.member
      row = _members.cells(run, m) if m is not None else [None] * len(head)
      row += [None if m is None else trained_on(run, m), one.answer.method]
      known = m is not None
      row += [latent.verdict(task.posterior.mean[m]) if known else None]
      row += [float(kl[m]) if known and run.stochastic else None]
      rows.append([*row, *map(float, one.means[metric]), one.answer.seconds])
    columns = (*head, "trained on", "method", "active", "KL", *damages, "seconds")
    found.append(
      Table(
        TITLES.get(metric) or _judge_title(task),
        columns,
        rows,
        _note(task, note, scored),
      )
    )
    note = ""
  return found


def trained_on(run: Run, member: int) -> str:
  """What the encoder of a member saw in training: "clean", "5 %", "0 to 60 %", "holes 95 %"."""
  corruption, rate = run.config["corruption"], float(run.hyper["corruption_rate"][member])
  if corruption["name"] == "none" or rate == 0:
    return "clean"
  share = f"{'0 to ' if corruption.get('vary', False) else ''}{100 * rate:g} %"
  return share if corruption["name"] == "uniform" else f"{corruption['name']} {share}"


def _judge_title(task: Task) -> str:
  right = float((task.judge(task.clean) == task.examples["label"]).mean())
  return f"Accuracy of a fixed classifier ({right:.3f} on the clean images)"


def _note(task: Task, note: str, scored: list[Scored]) -> str:
  if not note:  # it stands below the first table alone
    return note
  error = max((e for s in scored for e in s.errors if np.isfinite(e)), default=np.nan)
  return (
    f"{note} Means over the first {len(task.clean):,} images of {task.settings['split']}; PSNR"
    f" is each image's (peak 1, {CAP:g} dB at most), and none of its standard errors is above"
    f" {error:.2f} dB. Baselines choose their numbers on {len(task.valid)} validation"
    " images. Trained on: the share of pixels replaced or hidden where the encoder looked;"
    " another corruption than that noise is named. KL (nats) and active latents are those of"
    " the clean images. Seconds: for every"
    " kind of damage together, a program's compilation included, fitting not. The likelihood"
    f" is {task.run.likelihood.name}."
  )


def best(
  scored: list[Scored], damage: int, model: bool, metric: str = "psnr"
) -> Scored | None:
  """The model's, or the baselines', best answer to one kind of damage."""
  those = [s for s in scored if (s.answer.member is not None) == model]
  finite = [s for s in those if np.isfinite(s.means[metric][damage])]
  sign = -1 if metric in LOWER else 1
  return max(finite, key=lambda s: sign * s.means[metric][damage], default=None)


def compare(
  task: Task, scored: list[Scored], damages: list[str], metric: str = "psnr"
) -> list[str]:
  """A sentence for each kind of damage: the model's best method, and the best of the others."""
  unit, digits = UNITS[metric]
  found = []
  for d, damage in enumerate(damages):
    ours, theirs = best(scored, d, True, metric), best(scored, d, False, metric)
    if ours is None or theirs is None:
      continue
    a, b = ours.means[metric][d], theirs.means[metric][d]
    name = _members.title(task.run, ours.answer.member)
    who = f"{ours.answer.method}{f' ({name})' if name else ''}"
    ahead = a <= b if metric in LOWER else a >= b
    verdict = "ahead of" if ahead else "and the baseline wins:"
    found.append(
      f"{damage}: {who} reaches {a:{digits}}{unit}, {verdict} {theirs.answer.method} at"
      f" {b:{digits}}{unit}."
    )
  return found


def warnings(task: Task, scored: list[Scored]) -> list[str]:
  """COLLAPSED members, and answers that hold a NaN."""
  found = []
  for m in range(len(task.run.members)):
    if latent.collapsed(task.posterior.mean[m]):
      name = _members.title(task.run, m) or "The model"
      found.append(f"COLLAPSED: {name} has no active latent and restores one picture only.")
  lost = sum(int(np.isnan(s.answer.x).any((2, 3, 4)).sum()) for s in scored)
  return found + ([f"{lost:,} restored images hold a NaN; they count."] if lost else [])


def shown_rows(task: Task, count: int = 10) -> np.ndarray:
  """The images that are drawn: the first of each class."""
  return _pictures.chosen(task.examples, task.run.spec, count)


def who(task: Task, one: Scored) -> str:
  """A method and its member as the beginning of a sentence: "Latent MAP, β 1 · seed 0"."""
  name, method = _members.title(task.run, one.answer.member), one.answer.method
  return method[0].upper() + method[1:] + (f", {name}" if name else "")


def worth(
  scored: list[Scored], once: str, inferred: str, damages: list[str], metric: str = "psnr"
) -> str:
  """A sentence on what inference gains over one encode-and-decode of the same networks."""
  of = lambda method: np.mean(
    [s.means[metric] for s in scored if s.answer.method == method], 0
  )
  before, after, (unit, digits) = of(once), of(inferred), UNITS[metric]
  pairs = [f"{a:{digits}} to {b:{digits}}" for a, b in zip(before, after, strict=True)]
  return (
    f"What inference is worth, the {inferred} against one encode-and-decode of the same"
    f" network: {', '.join(pairs)}{unit} at {', '.join(damages)}."
  )


def side_by_side(
  task: Task, scored: list[Scored], damage: int, name: str, metric: str, seen: np.ndarray
) -> Figure:
  """Every method on the same images: originals, what was seen [N, H, W, C], the answers."""
  rows = shown_rows(task)
  lead = best(scored, damage, True, metric).answer.member
  ours = [s.answer for s in scored if s.answer.member in (None, lead)]
  ours = [a for a in ours if a.x.shape[1] > rows.max()]
  images = [task.clean[rows], seen[rows], *(a.x[damage][rows] for a in ours)]
  labels = ["original", "damaged", *(_broken(a.method.split(" (")[0]) for a in ours)]
  data = {
    "images": np.stack(images),
    "rows": labels,
    "title": _members.title(task.run, lead),
  }
  data["columns"] = _pictures.names(task.examples, task.run.spec, rows)
  data |= _pictures.style(task.data, task.settings)
  caption = f"Every method on the same images: {name}."
  where = "".join(c for c in name if c.isalnum())
  return Figure(f"methods_{where}", "image_grid", data, caption)


def _broken(label: str) -> str:
  # A long label in two lines, so that the margin of a picture stays narrow.
  for sign in (", ", " and ", " + "):
    first, found, rest = label.partition(sign)
    if found and len(label) > 14:
      return (
        f"{first}{sign.rstrip()}\n{rest}"
        if sign == ", "
        else f"{first}\n{sign.strip()} {rest}"
      )
  return label
