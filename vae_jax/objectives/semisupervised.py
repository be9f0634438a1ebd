"""M2: a VAE that is given the label where it is known, and sums over all labels where it is not."""

import math

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.objectives import _dense
from vae_jax.types import (
  VAE,
  Array,
  Example,
  Hyper,
  Params,
  Sizes,
  Terms,
  UserError,
)

# classifier: of -log q(y|x) in a labelled row of train; unlabelled: of the rows without a label.
HYPER = {"beta": 1.0, "classifier": 1.0, "unlabelled": 1.0}
OPTIONS = {"units": 500, "layers": 1}  # of the classifier q(y|x)
UNLABELLED = True  # it reads no label of a row that is marked unlabelled


def parameters(key: Array, sizes: Sizes, units: int = 500, layers: int = 1) -> Params:
  """The classifier: `layers` hidden ones of `units`, "layer_0" and so on, and C logits.

  Raises:
    UserError: fewer than two classes, or a number of units or layers below 1.
  """
  if sizes.classes < 2:
    raise UserError(
      "The objective semisupervised needs labels of two classes or more, and this data has none:"
      " take labelled data."
    )
  return _dense.parameters(key, math.prod(sizes.shape), units, layers, sizes.classes)


def loss(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  hyper: Hyper,
  units: int = 500,
  layers: int = 1,
) -> Terms:
  """The bound of ONE example with its label, or the exact sum over labels without it, nats.

    L(x, y) = -E_q(z|x,y)[log p(x|y, z)] + β KL(q(z|x, y) || p(z)) - log p(y)
    labelled:    L(x, y) / copies - classifier log q(y|x)
    unlabelled:  unlabelled * (sum_y q(y|x) L(x, y) - H(q(y|x)))

  p(y) = 1 / C. z is drawn once for each label, from the same noise. A row is labelled where the
  data says so (`example["labelled"]`; every row of data without that mark), and counts once
  however often train repeats it (`copies`). The label of an unlabelled row is not read. Kingma
  et al. (2014), eq. 6, 7 and 9; their α N / N_l for each labelled example is `classifier`
  times the share of repeated rows over the share of labels.

  Raises:
    UserError: the model has no condition.
  """
  del units, layers
  distributions.require(vae, ("gaussian",), "M2 sums over draws of a Gaussian q")
  if vae.given is None:
    raise UserError(
      "The objective semisupervised gives the model a label: set config.model.condition=label,"
      " for a model that has it."
    )
  scores = jax.nn.log_softmax(logits(params["objective"], example["x"]))
  labelled = example.get("labelled", jnp.ones(()))
  known = jax.nn.one_hot(example["label"], len(scores))
  weights = jnp.where(labelled > 0, known, jnp.exp(scores))
  of_label = lambda y: _bound(vae.given(y), params, example, key)
  rate, distortion, q, z = jax.vmap(of_label)(jnp.arange(len(scores)))
  bound = distortion + hyper["beta"] * rate + jnp.log(float(len(scores)))
  entropy = -jnp.sum(jnp.exp(scores) * scores)
  supervised = jnp.sum(weights * bound) / example.get("copies", jnp.ones(()))
  supervised = supervised - hyper["classifier"] * jnp.sum(known * scores)
  without = hyper["unlabelled"] * (jnp.sum(weights * bound) - entropy)
  best = jnp.argmax(weights)
  q, z = jax.tree.map(lambda values: values[best], (q, z))
  rate, distortion = jnp.sum(weights * rate), jnp.sum(weights * distortion)
  return Terms(jnp.where(labelled > 0, supervised, without), rate, distortion, q, z)


def logits(own: Params, x: Array) -> Array:
  """The classifier's scores [C] of x [*shape]; their softmax is q(y|x)."""
  h = x.reshape(-1)
  layers = [own[f"layer_{i}"] for i in range(len(own))]
  for layer in layers[:-1]:
    h = jax.nn.relu(h @ layer["kernel"] + layer["bias"])
  return h @ layers[-1]["kernel"] + layers[-1]["bias"]


def _bound(vae: VAE, params: Params, example: Example, key: Array) -> tuple:
  """The rate, the distortion, q and the draw of z under one label."""
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = distributions.draw(q, key)
  rate = jnp.sum(distributions.rates(q, p, drawn))
  return rate, -vae.log_likelihood(params, drawn.z, example), q, drawn.z
