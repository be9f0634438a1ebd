"""A training that begins with a run's parameters: fits a prior to them, or goes on from them.

A prior fitted after training (config.two_stage.learn="prior") is

    max over the prior's parameters of  E_train E_q(z|x)[log p(z)]

with q(z|x) and p(x|z) as they are: the second stage of van den Oord et al. (2017), section 3.3, and
Dai & Wipf (2019), section 3. By the chain rule the rate falls by what p(z) comes nearer to the
aggregate posterior q(z), KL(q(z) || p_before) - KL(q(z) || p_after), and the distortion stays.

With learn="all" every parameter is learned from there on, by any objective: a bound that costs more
a step for the last epochs, say. Adam, the schedules and the moving average begin anew. With
learn="fresh_decoder" what only the decoder has is drawn anew, and the rest goes on: after an
autoencoder, Li et al. (2019), section 3.
"""

import pathlib
from collections.abc import Callable

import jax
import numpy as np

from vae_jax import config as configuration
from vae_jax import latents, registry
from vae_jax.run import Run, open_run
from vae_jax.training import step, sweep
from vae_jax.training.workdir import some
from vae_jax.types import VAE, Params, UserError

SAME = ("data", "model", "likelihood", "posterior", "corruption")  # parts of both stages


def check(config: dict, vae: VAE) -> None:
  """Refuses a second stage that has nothing to fit, or another loss than the negative ELBO.

  Raises:
    UserError: a hierarchy, a prior without parameters, an objective other than beta.
  """
  if not latents.fits_prior(config):
    return
  if vae.family == "hierarchy":
    raise UserError(
      f"The prior of the hierarchy {config['model']['name']!r} is a part of its decoder, and"
      " config.two_stage fits a prior alone: take a model with one layer of latents."
    )
  name = config["prior"]["name"]
  if not hasattr(latents.part(config, "prior")[0], "parameters"):
    support = latents.part(config, "posterior")[0].SUPPORT
    learns = lambda prior: hasattr(prior, "parameters") and support in prior.SUPPORTS
    names = registry.names("priors")
    fit = [other for other in names if learns(registry.find("priors", other))]
    hint = (
      f"set config.prior.name to {' or '.join(fit)}" if fit else "no prior here has any"
    )
    raise UserError(
      f"The prior {name!r} has no parameters to fit after training; over {support} codes {hint}."
    )
  if config["objective"]["name"] != "beta":
    raise UserError(
      f"A prior is fitted by the rate of the negative ELBO, and the objective is"
      f" {config['objective']['name']!r}: set config.objective.name=beta."
    )


def opened(path: str, data_dir: str | None) -> Run:
  """The run of the first stage, each member at its least validation loss.

  Raises:
    UserError: no run of one program is there, or it has no checkpoint yet.
  """
  return open_run(path, data_dir=data_dir)


def matched(part: sweep.Part, opened: Callable[[str], Run]) -> np.ndarray:
  """Which member of the first stage each member of the second has, [M].

  Raises:
    UserError: the run is of another model or other data, its member is dead, or which member
      is meant is not told.
  """
  config = part.config
  path, member = config["two_stage"]["run"], config["two_stage"]["member"]
  if not path:
    return np.zeros(0, int)
  run = opened(path)
  lines = configuration.difference(_shared(run.config), _shared(config))
  if lines:
    raise UserError(
      f"config.two_stage keeps the model of {path}, and this configuration is of another:"
      f" {some(lines)}. Give what that run was trained with; the prior may be another."
    )
  places = [_place(run, member, row["seed"]) for row in part.rows]
  dead = [run.numbers[m] for m in places if run.ended[m].startswith("dead")]
  if dead:
    raise UserError(
      f"Member {dead[0]} of {path} is dead and has no parameters to keep: take another with"
      " config.two_stage.member."
    )
  return np.asarray(places)


def kept(part: sweep.Part, opened: Callable[[str], Run]) -> Params:
  """The parameters [M] that begin as the first stage left them; () where there is none."""
  places = matched(part, opened)
  if not len(places):
    return ()
  config, run = part.config, opened(part.config["two_stage"]["run"])
  drawn = {step.OWN, "prior"}  # anew
  if not latents.fits_prior(config) and config["prior"] == run.config["prior"]:
    drawn.remove("prior")
  rest = {name: tree for name, tree in run.params.items() if name not in drawn}
  counted = rest.pop(latents.STATE, {})
  if "posterior" in counted:
    rest[latents.STATE] = {"posterior": counted["posterior"]}
  return jax.tree.map(lambda x: np.asarray(x)[places], rest)


def _shared(config: dict) -> dict:
  """The parts that both stages have; a file of data may have been moved with its run."""
  parts = {name: dict(config[name]) for name in SAME}
  if "path" in parts["data"]:
    parts["data"]["path"] = pathlib.PurePath(parts["data"]["path"]).name
  return parts


def _place(run: Run, member: int, seed: int) -> int:
  """The place in a run of the member that a seed goes on from."""
  if member >= 0:
    if member not in run.numbers:
      raise UserError(
        f"config.two_stage.member is {member}, and {run.workdir} has members"
        f" {run.numbers[0]} to {run.numbers[-1]}."
      )
    return run.numbers.index(member)
  found = [m for m, row in enumerate(run.members) if row["seed"] == seed]
  found = [0] if len(run.members) == 1 else found
  if len(found) != 1:
    raise UserError(
      f"{run.workdir} has {len(found)} members of seed {seed}: say which is kept with"
      " config.two_stage.member."
    )
  return found[0]
