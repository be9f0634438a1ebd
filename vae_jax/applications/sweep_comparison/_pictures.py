"""What each member reconstructs, invents and varies, as small pictures for the sweep's page."""

import jax
import numpy as np

from vae_jax.asking import apply_latents
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Result
from vae_jax.inference import walks
from vae_jax.run import Run
from vae_jax.studies import thumbnails
from vae_jax.types import Array

SPAN = 3.0  # a traversal goes from -SPAN to SPAN


def arrays(outcome: Outcome) -> dict[str, np.ndarray]:
  """The pictures as the arrays that the page is made of; none where x is no picture.

  Returns:
    sweep_pictures uint8 [P, tiles, H, W, C]: reconstructions, samples, traversals row by row;
    sweep_originals [R, H, W, C]; sweep_members [P], whose they are; sweep_layout [4];
    sweep_walks [P, latents], of each traversal (-1: none); sweep_values [steps]; sweep_palette.
  """
  task, data, every = outcome.task, outcome.task.source.data, outcome.results
  if not pictures.drawable(data.spec):
    return {}
  plan = thumbnails.plan(len(every), data.spec.shape)
  some = [every[i] for i in pictures.spread(len(every), plan.members)]
  weighed = {name: values[task.own] for name, values in task.examples.items()}
  picked = pictures.chosen(weighed, data.spec, plan.reconstructions)
  plan = plan._replace(reconstructions=len(picked))
  small = lambda x: thumbnails.small(x, plan.stride, pictures.limits(data))
  tiles, walked = [], []
  for run in outcome.runs:
    own = [result for result in some if result.member.run is run]
    if own:
      drawn, latents = _of_program(
        run, own, picked, plan, jax.random.fold_in(outcome.key, 3)
      )
      tiles += map(small, drawn)
      walked += [*latents]
  return {
    "sweep_pictures": np.stack(tiles),
    "sweep_members": np.asarray([result.member.number for result in some]),
    "sweep_originals": small(pictures.plain(weighed["x"][picked], data.spec)),
    "sweep_layout": np.asarray([len(picked), *plan[1:4]]),
    "sweep_walks": np.stack(walked),
    "sweep_values": walks.ticks("linear", plan.steps, SPAN),
    "sweep_palette": np.asarray(outcome.settings["palette"]),
  }


def _of_program(
  run: Run, own: list[Result], picked: np.ndarray, plan: thumbnails.Plan, key: Array
) -> tuple[np.ndarray, np.ndarray]:
  """Pictures [M, tiles, *shape] of some members of a program, and the latents walked [M, A]."""
  at = np.asarray([result.member.place for result in own])
  keys = jax.vmap(jax.random.fold_in, (None, 0))(key, np.arange(plan.samples))
  drawn = np.asarray(jax.vmap(run.vae.prior.sample)(keys))
  ticks = walks.ticks("linear", plan.steps, SPAN)
  count = min(plan.latents, run.vae.latents)
  z, walked = [], np.full((len(at), plan.latents), -1)
  for m, result in enumerate(own):
    codes = result.answer["codes"][picked]
    walked[m, :count] = np.argsort(-result.answer["latents"], kind="stable")[:count]
    paths = np.tile(codes[0], (plan.latents, plan.steps, 1))
    paths[:count] = walks.walks(codes[0], walked[m, :count], ticks)
    z.append(np.concatenate([codes, drawn, paths.reshape(-1, codes.shape[1])]))
  show = lambda params, z, key: pictures.shown(run.vae, run.spec, params, z)
  some = run._replace(params=jax.tree.map(lambda x: np.asarray(x)[at], run.params))
  return apply_latents(some, show, np.stack(z).astype(np.float32), key), walked
