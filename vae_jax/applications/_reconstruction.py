"""The scores of a reconstruction as tables and sentences."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications import _members, _pictures
from vae_jax.baselines import pca
from vae_jax.metrics import image, latent
from vae_jax.metrics.summary import bits_per_dimension, bytes_of, mean_and_error
from vae_jax.run import Run
from vae_jax.types import Dataset, Table


class Context(NamedTuple):
  """What the tables, figures and sentences are made of."""

  run: Run
  data: Dataset
  examples: dict[str, np.ndarray]
  scores: Any  # reconstruction.Scores
  settings: dict[str, Any]


def tables(c: Context) -> list[Table]:
  """Nats, squared errors beside PCA's, bytes, and the means over seeds where there are any."""
  keys = len(_members.columns(c.run))
  first = [_nats(c), _errors(c)]
  seeds = [_members.across_seeds(table, keys) for table in first]
  return [*first, *(table for table in seeds if table), _sizes(c)]


def _verdict(c: Context, member: int) -> str:
  return latent.verdict(c.scores.means[member])


def _nats(c: Context) -> Table:
  run, s = c.run, c.scores
  columns = [*_members.columns(run), "active", "rate", "distortion", "elbo", "± elbo"]
  columns += ["bits/dim"] * run.likelihood.proper
  weighted = _weighted(run)
  columns += [f"{weighted} (K={c.settings['samples']})", f"± {weighted}", "gap", "ess"]
  rows = []
  for m in range(len(run.members)):
    row = [*_members.cells(run, m), _verdict(c, m)]
    if not run.stochastic:
      blanks = [None] * (len(columns) - len(row) - 2)
      rows.append([*row, None, float(s.distortion[m].mean()), *blanks])
      continue
    loss = mean_and_error(s.rate[m] + s.distortion[m])
    nll = mean_and_error(-s.evidence.log_evidence[m])
    row += [float(s.rate[m].mean()), float(s.distortion[m].mean()), -loss.mean, loss.error]
    row += [bits_per_dimension(loss.mean, run.spec.size)] * run.likelihood.proper
    gap = (s.rate[m] + s.distortion[m])[s.rows] + s.evidence.log_evidence[m]
    row += [nll.mean, nll.error, float(gap.mean()), float(s.evidence.ess[m].mean())]
    rows.append(row)
  return Table("What the code costs and keeps", tuple(columns), rows, _nats_note(c))


def _weighted(run: Run) -> str:
  # Cross-entropy on grey levels is no likelihood, and its estimate must not be called one.
  return "nll" if run.likelihood.proper else "iw loss"


def _nats_note(c: Context) -> str:
  run, split = c.run, c.settings["split"]
  total, limited = f"{len(c.scores.x):,}", f"{len(c.scores.rows):,}"
  name = run.likelihood.name
  if not run.stochastic:
    note = (
      f"Nats per example on all {total} of {split}, likelihood {name}. A deterministic"
      " autoencoder has no rate, ELBO or likelihood of x: the distortion is all there is."
    )
  else:
    note = (
      f"Nats per example with ± its standard error, on all {total} of {split}, likelihood"
      f" {name}; elbo = −rate − distortion at β = 1, one sample of z, higher is better."
      f" {_weighted(run)} is the importance-weighted −log p(x) with K samples on {limited}"
      " of them, gap what the ELBO loses to it on the same, ess the effective number of the"
      f" K samples. active: latents with Var(E[z|x]) > {latent.THRESHOLD}."
    )
  if run.config["corruption"]["name"] != "none":
    note += (
      " The encoder sees corrupted examples in rate, distortion and elbo, as in training, and"
      " clean ones elsewhere and in the pictures."
    )
  if not run.likelihood.proper:
    what = "is cross-entropy + KL, the loss of the MNIST article,"
    note += (
      f" On grey levels this number {what if run.stochastic else 'is a cross-entropy'} and"
      " not a likelihood: compare it with runs of the same loss only."
    )
  return note


def _errors(c: Context) -> Table:
  run, s, peak = c.run, c.scores, _peak(c)
  head = [*_members.columns(run), "method", "active", "numbers"]
  columns = (*head, "mse", "± mse", "psnr", "mse, another's code")
  blanks = [None] * len(_members.columns(run))
  method, rows = "VAE" if run.stochastic else "autoencoder", []
  for m in range(len(run.members)):
    row = [*_members.cells(run, m), method, _verdict(c, m)]
    other = float(s.shuffled[m].mean())
    rows.append([*row, run.vae.latents, *_fidelity(s.mse[m], peak), other])
  if s.pca is not None:
    for numbers in _linear_sizes(c):
      mse = image.squared_error(s.x, pca.rebuild(s.pca, s.x, numbers))
      rows.append([*blanks, "PCA", None, numbers, *_fidelity(mse, peak), None])
    rows.append([*blanks, "average example", None, 0, *_fidelity(s.constant, peak), None])
  note = (
    f"Squared error per number of x, ± its standard error over the {len(s.x):,} examples of"
    f" {c.settings['split']}, and the mean over examples of the PSNR in dB (peak {peak:g})."
    " E[x|z] is taken at the posterior mean. PCA and the average are fitted on train;"
    " PCA is also given only as many numbers as the model uses."
    " Another's code: decoded from the code of a different example; no worse would mean that"
    " the code is not used."
  )
  return Table("Squared error beside the linear code", columns, rows, note)


def _linear_sizes(c: Context) -> list[int]:
  """As many components as the model has latents, and as some member has active ones."""
  active = {int(latent.active_units(means).sum()) for means in c.scores.means}
  sizes = {len(c.scores.pca.std), *sorted(active - {0})[-3:]}
  return sorted((n for n in sizes if n <= len(c.scores.pca.std)), reverse=True)


def _fidelity(mse: np.ndarray, peak: float) -> list[float]:
  summary = mean_and_error(mse)
  return [summary.mean, summary.error, float(image.psnr(mse, peak).mean())]


def _peak(c: Context) -> float:
  low, high = _pictures.limits(c.data)
  return high - low if high > low else 1.0


def original_bytes(c: Context) -> float:
  """What one example takes uncompressed: a bit, a byte or four bytes per number."""
  spec = c.run.spec
  if spec.domain == "binary":
    return spec.size / 8
  if spec.kind == "image" and spec.domain == "unit":
    return float(spec.size)
  return 4.0 * spec.size


def _sizes(c: Context) -> Table:
  run, latents, size = c.run, c.run.vae.latents, c.run.spec.size
  columns = (*_members.columns(run), "active", "numbers", "of", "numbers, %")
  columns += ("float32 bytes", "original bytes", "bytes, %", "rate bytes", "rate, %")
  whole = original_bytes(c)
  rows = []
  for m in range(len(run.members)):
    row = [*_members.cells(run, m), _verdict(c, m), latents, size, 100 * latents / size]
    row += [
      4 * latents,
      int(whole) if whole == int(whole) else whole,
      400 * latents / whole,
    ]
    rate = bytes_of(float(c.scores.rate[m].mean())) if run.stochastic else None
    rows.append([*row, rate, None if rate is None else 100 * rate / whole])
  note = (
    "numbers counts the latents against the numbers of x, which is the ratio of the MNIST"
    " article (10 of 784 is 1.3 %; it prints 1.2 %). A count is no size: float32 bytes stores"
    " them plainly, and rate bytes = KL / (8 ln 2) is what an ideal coder with the prior"
    " would need. Neither keeps x exactly; original is one byte per grey level, one bit per"
    " binary number, else four bytes."
  )
  return Table("Size of the code", columns, rows, note)


def findings(c: Context) -> list[str]:
  """The best member beside PCA, the size, and every caution the numbers call for."""
  run, s = c.run, c.scores
  loss = (s.rate + s.distortion).mean(1) if run.stochastic else s.distortion.mean(1)
  best = int(np.nanargmin(loss)) if np.isfinite(loss).any() else 0
  who = f"The best of {len(run.members)} ({_members.title(run, best)})"
  who = "The model" if len(run.members) == 1 else who
  found = [_loss_sentence(c, who, best, float(loss[best]))]
  if s.pca is not None:
    found.append(_pca_sentence(c, best))
  found.append(_size_sentence(c, best))
  flat = _members.collapsed(run, s.means)
  if flat:
    found.append(
      f"COLLAPSED: no latent is active in {flat}; its scores say nothing of a code."
    )
  lost = int(np.isnan(s.rate + s.distortion).sum())
  if lost:
    found.append(f"{lost:,} of {s.rate.size:,} scores are NaN; they are in every mean.")
  if run.stochastic and float(s.evidence.ess[best].mean()) < 0.05 * c.settings["samples"]:
    found.append(
      f"Only {s.evidence.ess[best].mean():.1f} of {c.settings['samples']} importance samples"
      f" count: the {_weighted(run)} is an upper bound that more samples would lower."
    )
  return found


def _loss_sentence(c: Context, who: str, m: int, loss: float) -> str:
  s, where = c.scores, f"on {c.settings['split']}"
  if not c.run.stochastic:
    return f"{who} keeps a distortion of {loss:.2f} nats per example {where}."
  kind = "−ELBO" if c.run.likelihood.proper else "cross-entropy + KL"
  return (
    f"{who} has a {kind} of {loss:.2f} nats per example {where}: {s.rate[m].mean():.2f} for"
    f" the code (rate) and {s.distortion[m].mean():.2f} for what it leaves out (distortion);"
    f" {_verdict(c, m)} latents are active."
  )


def _pca_sentence(c: Context, m: int) -> str:
  ours, theirs = float(c.scores.mse[m].mean()), float(c.scores.linear.mean())
  numbers = len(c.scores.pca.std)
  if not np.isfinite(ours):
    return (
      f"PCA with {numbers} numbers has a squared error of {theirs:.4f}; the model's is NaN."
    )
  if ours < theirs:
    share = 100 * ours / theirs
    return (
      f"With {c.run.vae.latents} numbers its squared error is {ours:.4f}, {share:.0f} % of"
      f" PCA's {theirs:.4f} with {numbers}."
    )
  return (
    f"PCA wins on squared error: {theirs:.4f} with {numbers} numbers against {ours:.4f} with"
    f" {c.run.vae.latents}."
  )


def _size_sentence(c: Context, m: int) -> str:
  latents, size, whole = c.run.vae.latents, c.run.spec.size, original_bytes(c)
  text = (
    f"The code is {latents} numbers of {size} ({100 * latents / size:.1f} %); stored as"
    f" float32 that is {4 * latents} of {whole:g} bytes ({400 * latents / whole:.1f} %)"
  )
  if not c.run.stochastic:
    return text + "."
  rate = bytes_of(float(c.scores.rate[m].mean()))
  return (
    text + f", and the information in it is {rate:.1f} bytes ({100 * rate / whole:.1f} %)."
  )


def arrays(c: Context) -> dict[str, np.ndarray]:
  """Per-example scores and codes, for a later analysis."""
  s = c.scores
  found = {
    "id": c.examples["id"],
    "distortion": s.distortion,
    "mse": s.mse,
    "code": s.means,
  }
  found |= {"mse_pca": s.linear, "nll_id": s.rows}
  if c.run.stochastic:
    found |= {"rate": s.rate, "logvar": s.logvars, "nll": -s.evidence.log_evidence}
  return found
