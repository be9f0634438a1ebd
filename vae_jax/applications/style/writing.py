"""Codes that examples share."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.applications.style.asked import Asked
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member
from vae_jax.evaluation.source import Source
from vae_jax.inference.joint import Joint
from vae_jax.inference.latent_map import latent_map
from vae_jax.run import Run, select
from vae_jax.types import VAE, Array, Example, Hyper, Params, Posterior

MEAN, PRODUCT, SEARCHED = "mean of codes", "product of experts", "most probable code"
RATE = 0.1  # of the search's first step, in units of z
GROUP = 50  # examples that are searched for at once: memory, not the result


# What makes one code [..., L] of several posteriors [..., K, L].
WAYS: dict[str, Callable[[Posterior], np.ndarray]] = {
  MEAN: lambda q: q.mean.mean(-2),
  PRODUCT: lambda q: np.asarray(distributions.product(q).mean),
}


def posterior(source: Source, run: Run, found: Asked) -> Posterior:
  """q(z|x, y) of everything that is shown, [M, N, K, L] each."""
  rows = {"x": found.x.reshape(-1, *found.x.shape[2:]), "label": found.label.ravel()}
  rows["id"] = np.arange(len(rows["x"]), dtype=np.int32)
  q = source.posterior(run, rows)
  return Posterior(*(part.reshape(len(part), *found.label.shape, -1) for part in q))


def ways(found: Asked) -> tuple[str, ...]:
  """The names of the ways to a code.

  The search is left out where every example is a style of its own: the code that explains an
  example best says what it is too, and under another label it would write the example again.
  """
  return (*WAYS, *(() if found.style is None else (SEARCHED,)))


def code(source: Source, run: Run, found: Asked, count: int, name: str) -> np.ndarray:
  """The code [M, N, L] of the first `count` that are shown, by one of `ways`."""
  if name != SEARCHED:
    q = posterior(source, run, found)
    return WAYS[name](Posterior(*(part[:, :, :count] for part in q)))
  climb = _climb(run.vae, run.stochastic, source.settings["map_steps"])
  rows = {"x": found.x[:, 0], "beside": found.x[:, :count]}
  rows |= {"beside_label": found.label[:, :count]}
  return asking.apply(run, climb, rows, source.key, batch_size=GROUP)


@functools.lru_cache(maxsize=4)  # one function, so that it is compiled once for each count
def _climb(vae: VAE, scored: bool, steps: int) -> Callable:
  """argmax_z sum_k log p(x_k|z, y_k) + log p(z) of ONE example, from their product on."""

  def climb(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    shown = {"x": example["beside"], "label": example["beside_label"]}
    each = jax.vmap(lambda one: vae.posterior(params, one))(shown)
    told = lambda z: jax.vmap(lambda one: vae.log_likelihood(params, z, one))(shown)
    joint = Joint(lambda z: jnp.sum(told(z)), vae.prior(params), scored)
    start = distributions.product(each).mean[None]
    return latent_map(joint, start, steps, RATE, newton=False).z

  return climb


def shared(outcome: Outcome, lead: Member, source: Source, found: Asked) -> np.ndarray:
  """The code [N, L] of all that is shown, by the method chosen, of the member in pictures."""
  run = select(lead.run, lead.place)
  method = MEAN if outcome.chosen is None else outcome.chosen.method
  return code(source, run, found, found.label.shape[1], method)[0]
