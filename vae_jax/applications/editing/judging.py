"""The two networks of real images that judge edits, and where real images lie."""

import jax

from vae_jax.applications.editing import spaces, traits
from vae_jax.baselines import judges
from vae_jax.evaluation.source import Source
from vae_jax.metrics import editing


def judge(source: Source) -> judges.Judge:
  """The classifier of all attributes, of real training images."""

  def fit() -> judges.Judge:
    known = traits.known(source)
    key = jax.random.key(source.settings["mask_seed"])
    values, counts = [v["train"] for _, v in known], [len(t.words) for t, _ in known]
    train = traits.pixels(source, "train")
    return judges.attributes(train, values, counts, key, source.settings["judge_steps"])

  return source.once("attribute judge", fit)


def identity(source: Source) -> judges.Features:
  """The network that knows an image again, of real training images."""

  def fit() -> judges.Features:
    key = jax.random.key(source.settings["mask_seed"] + 1000)
    train, who = traits.pixels(source, "train"), traits.who(source)
    return judges.identity(train, who, key, source.settings["judge_steps"])

  return source.once("identity judge", fit)


def region(source: Source) -> editing.Region:
  """Where real training images lie in the judge's hidden layer."""
  rows = spaces.fitted_rows(source)
  real = lambda: judge(source).features(traits.pixels(source, "train")[rows])
  return source.once("region", lambda: editing.region(real()))
