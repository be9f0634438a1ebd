"""For the explorer's tests: runs that are drawn and not trained, and a browser."""

import base64
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
from made import open_with

from vae_jax import config as configuration
from vae_jax import vae as models
from vae_jax.evaluation import pictures
from vae_jax.types import Dataset, Spec

IMAGE = Spec((8, 7, 1), "image", "unit", classes=("zero", "one", "two"))
COLOUR = Spec((9, 6, 3), "image", "unit")
TABLE = Spec((5,), "table", "real")
NOTES = Spec((4, 3), "sequence", "category", categories=4)
# A case for every kind of layer, activation and likelihood: spec, model, likelihood.
CASES = {
  "conv": (IMAGE, {"name": "conv", "channels": [4, 6], "dense": 9}, {"name": "cross_entropy"}),
  "conv, colour, kernel 5": (
    COLOUR, {"name": "conv", "channels": [4], "dense": 9, "kernel": 5, "observes": True},
    {"name": "discretised_logistic", "levels": 17},
  ),
  "conv, mixture": (
    IMAGE, {"name": "conv", "channels": [3, 4], "dense": 9}, {"name": "logistic_mixture"},
  ),
  "linear": (TABLE, {"name": "linear"}, {"name": "gaussian"}),
  "relu": (IMAGE, {"name": "mlp", "hidden": [9, 7]}, {"name": "continuous_bernoulli"}),
  "gelu": (TABLE, {"name": "mlp", "hidden": [9]}, {"name": "gaussian", "scale": "predicted"}),
  "silu": (TABLE, {"name": "mlp", "hidden": [9]}, {"name": "student_t"}),
  "elu": (
    IMAGE, {"name": "mlp", "hidden": [9]},
    {"name": "discretised_logistic", "levels": 17, "scale": "predicted"},
  ),
  "tanh": (
    IMAGE._replace(domain="binary"), {"name": "mlp", "hidden": [9], "observes": True},
    {"name": "bernoulli"},
  ),
  "softplus": (NOTES, {"name": "mlp", "hidden": [9]}, {"name": "categorical"}),
  "leaky_relu": (TABLE, {"name": "mlp", "hidden": [9]}, {"name": "gaussian", "scale": "shared"}),
}  # fmt: skip


def made(spec, model, likelihood, latents=3, count=30, axes=None):
  """A run with drawn data and drawn parameters, biases among them."""
  config = configuration.resolve(
    {
      "data": {"name": "digits"}, "model": {**model, "latents": latents},
      "likelihood": likelihood, "objective": {"name": "beta"},
    }
  )  # fmt: skip
  rng = np.random.default_rng(0)
  x = rng.random((count, *spec.shape), np.float32)
  if spec.domain == "category":
    x = rng.integers(0, spec.categories, x.shape, dtype=np.int32)
  rows = {"x": np.round(x) if spec.domain == "binary" else x}
  if spec.classes:
    rows["label"] = (np.arange(count) % len(spec.classes)).astype(np.int32)
  splits = dict.fromkeys(("train", "valid", "test"), rows)
  vae = models.build(config, spec)
  run = open_with(Dataset("made", spec, splits, "Made."), vae, axes=axes)
  members = len(run.members)

  def draw(leaf):
    fan_in = np.prod(leaf.shape[:-1]) if leaf.ndim > 1 else 10
    return rng.normal(size=(members, *leaf.shape), scale=1.8 * fan_in**-0.5).astype("f4")

  shapes = jax.eval_shape(vae.init, jax.random.key(0))
  params = jax.tree.map(draw, shapes)
  likelihood = models.build_likelihood(config["likelihood"], spec)
  if likelihood.shared:
    params["shared"] = 0.3 * params["shared"] + np.asarray(likelihood.shared, np.float32)
  return run._replace(
    config={**run.config, "model": config["model"], "likelihood": config["likelihood"]},
    likelihood=likelihood,
    params=params,
  )


def sentences(cell, condition="none"):
  """A model of sentences of six words, conditional on one of two labels or not."""
  words = ("", "·", "the", "a", "cat", "dog", "runs", "sits", "here")
  spec = Spec((6,), "sequence", "category", categories=9, symbols=words, classes=("x", "y"))
  model = {
    "name": "sentence",
    "cell": cell,
    "hidden": 8,
    "embed": 7,
    "condition": condition,
  }
  return made(spec, model, {"name": "tokens"})


def case(name, latents=3):
  """A run of CASES; an mlp's name is that of its activation."""
  spec, model, likelihood = CASES[name]
  options = {"activation": name} if model["name"] == "mlp" else {}
  return made(spec, {**model, **options}, likelihood, latents)


def embedded(path) -> dict:
  found = re.search(
    r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S
  )
  return json.loads(found.group(1))


def unpacked(packed) -> np.ndarray:
  scale = np.frombuffer(base64.b64decode(packed["s"]), "<f4")
  whole = np.frombuffer(base64.b64decode(packed["q"]), "<i2")
  return whole.reshape(-1, len(scale)) * scale


def three_members():
  """Three members on images with three classes: two seeds of a β, and another β."""
  rows = [{"beta": 1.0, "seed": 0}, {"beta": 1.0, "seed": 1}, {"beta": 4.0, "seed": 0}]
  return made(*CASES["conv"], axes=rows)


def at(run, member):
  return jax.tree.map(lambda x: jnp.asarray(x[member]), run.params)


def drawn(run, member, z) -> np.ndarray:
  """What JAX draws at a code, [*shape]."""
  show = lambda z: pictures.shown(run.vae, run.spec, at(run, member), z)
  return np.asarray(jax.jit(show)(jnp.asarray(z, jnp.float32)))


def codes(run, member) -> np.ndarray:
  encode = lambda x: run.vae.posterior(at(run, member), {"x": x}).mean
  return np.asarray(jax.jit(jax.vmap(encode))(run.dataset.splits["test"]["x"]))
