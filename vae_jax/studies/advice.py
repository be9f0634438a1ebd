"""What a run says of its own training, and what to try next where PCA is ahead, in order."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions, registry
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.run import Run
from vae_jax.training.patience import comparable
from vae_jax.types import Array, Example, Hyper, Params

LEAST = 10  # evaluations from which a curve says something
SHARE = 0.05  # of what was gained since the first fifth, gained in the last one
NOISE = 2.0  # standard deviations of an evaluation that such a gain is above
ROWS = 256  # examples of train that tell the likeliest scale
SHIFTS = np.linspace(-4.0, 4.0, 81)  # of the logarithm of a learned scale
NEAR = 1.25  # a scale within this factor of the likeliest one has arrived
EARLY = 0.5  # of the run: a best validation before it means that the rest overfits
LAYERS = {"image": "conv", "sequence": "lstm"}  # the model that suits a kind of data


class Gain(NamedTuple):
  """What the last fifth of a training still gained, in nats of the validation."""

  nats: float
  share: float  # of what was gained since the first fifth


def sentences(outcome: Outcome) -> list[str]:
  """How training ended, and, where PCA is ahead, what to try next, the likeliest first.

  Args:
    outcome: of an application that holds models against PCA.
  """
  members = of_members.spread(outcome.members)
  gains = {member.number: gain(member) for member in members}
  factors = {member.number: factor(outcome, member) for member in members}
  found = []
  for member in members:
    name = of_members.title(member, outcome.members)
    where = f"{name}: t" if name else "T"
    if (one := gains[member.number]) is not None:
      found.append(
        f"{where}raining was still improving at its end: its last fifth gained {one.nats:.2g} nats"
        f" of validation, {100 * one.share:.0f} % of all that was gained after the first fifth"
        f" (said from {100 * SHARE:.0f} % on, and above the noise of the curve)."
      )
    if _is_off(times := factors[member.number]):
      found.append(
        f"{where}he learned scale of the likelihood had not arrived: on train one {times:.2g}"
        " times as large is likelier."
      )
  if any(verdict.word == "behind" for verdict in outcome.verdicts):
    lead = outcome.lead
    known = gains.get(lead.number), factors.get(lead.number, 1.0)
    tried = steps(lead, *known)
    found.append(f"PCA is ahead. What to try next, in this order: {'; '.join(tried)}.")
  return found


def gain(member: Member) -> Gain | None:
  """What the last fifth of a training gained, where training was still improving; else None.

  v is the member's validation loss, or the negative ELBO if losses of two steps cannot be
  compared. It was improving if the best v is in the last tenth of the evaluations, and
  g = min v before the last fifth - min v is large. It exceeds SHARE of (min v of the first fifth -
  min v) and NOISE standard deviations of one v, from the differences of the last two fifths.
  """
  run = member.run
  objective = registry.find("objectives", run.config["objective"]["name"])
  rows = [r for r in run.history if r["split"] == "valid" and r["member"] == member.place]
  name, sign = ("loss", 1.0) if comparable(objective) else ("elbo", -1.0)
  v = sign * np.array([float(row[name]) for row in rows], np.float64)
  count = len(v)
  if count < LEAST or not np.isfinite(v).all():
    return None
  fifth, best = count // 5, float(v.min())
  won = float(v[:-fifth].min()) - best
  noise = float(np.diff(v[-2 * fifth :]).std()) / math.sqrt(2)
  whole = float(v[:fifth].min()) - best
  late = int(v.argmin()) >= count - math.ceil(count / 10)
  if not late or won <= NOISE * noise or won <= SHARE * whole:
    return None
  return Gain(won, won / whole)


def factor(outcome: Outcome, member: Member) -> float:
  """By what a learned scale is to be multiplied to be the likeliest on train; 1 without one.

  The codes are draws of q(z|x) at the parameters that are evaluated, and the factor is the best
  of exp(SHIFTS).
  """
  run = member.run
  if not run.likelihood.shared or "shared" not in run.params:
    return 1.0
  source = outcome.tasks[member.part].source
  times = 2.0 if run.likelihood.name == "gaussian" else 1.0  # its parameter is log s^2

  def shifted(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper
    z = distributions.draw(run.vae.posterior(params, example), key).z
    at = lambda shift: {**params, "shared": params["shared"] + shift}
    score = lambda shift: run.vae.log_likelihood(at(shift), z, example)
    return jax.vmap(score)(jnp.asarray(times * SHIFTS, jnp.float32))

  ask = lambda: asking.apply(run, shifted, source.spread("train", ROWS), source.key)
  found = source.once(f"scale of {id(run)}", ask)[member.place]
  return float(np.exp(SHIFTS[np.nanargmax(found.mean(0, dtype=np.float64))]))


def steps(member: Member, gained: Gain | None, times: float) -> list[str]:
  """What to try next for a member that PCA is ahead of, each from a fact of the run."""
  run, found = member.run, []
  config, length = run.config, int(run.about.get("steps", 0))
  at = int(run.step[member.place])
  longer = f"--config.train.steps={2 * length}" if length else "--config.train.steps"
  if gained is not None:
    found.append(f"train longer ({longer}), as it was still improving")
  if _is_off(times):
    found.append(f"{_scaled(run, longer)}, as its scale had not arrived")
  if gained is None and length and at < EARLY * length:
    found.append(
      "a smaller network, --config.hyper.weight_decay=0.01 or more data, as the best validation"
      f" was at step {at:,} of {length:,} and the rest overfits"
    )
  active, _, total = member.active.split(" COLLAPSED")[0].partition(" of ")
  beta = f"--config.hyper.beta={_beta(member) / 4:g}"
  if total and int(active) < int(total) and "beta" in run.hyper:
    found.append(
      f"a smaller β ({beta}) or a warm-up (--config.schedule.beta=linear), as {active} of"
      f" {total} latents are active and PCA uses all of them"
    )
  suits, model = LAYERS.get(run.spec.kind), config["model"]["name"]
  if suits and model in ("mlp", "linear") and _fits(run, suits):
    found.append(
      f"a model for such data (--config.model.name={suits}), as this is {model!r}"
    )
  if not total or active == total:
    found.append(
      f"more latents (--config.model.latents={2 * run.vae.latents}), as all are in use"
    )
  if not any("smaller β" in one for one in found) and "beta" in run.hyper:
    found.append(
      f"a smaller β ({beta}), as a VAE pays for the precision of its code and PCA does not"
    )
  found.append("PCA itself, as what is linear needs no network")
  return [f"({i}) {one}" for i, one in enumerate(found, 1)]


def _scaled(run: Run, longer: str) -> str:
  """What lets a learned scale arrive."""
  likelihood = run.config["likelihood"]
  if likelihood.get("start") == "std" and run.spec.spread:
    return "a scale that starts at the spread of the data (--config.likelihood.start=data)"
  return f"a longer training ({longer}) or a larger --config.hyper.learning_rate"


def _beta(member: Member) -> Any:
  return (
    float(member.run.hyper["beta"][member.place]) if "beta" in member.run.hyper else 1.0
  )


def _fits(run: Run, model: str) -> bool:
  return model != "conv" or min(run.spec.shape[:2]) >= 4


def _is_off(times: float) -> bool:
  return not 1 / NEAR <= times <= NEAR
