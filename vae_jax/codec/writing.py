"""How a model writes x from z, step by step or at once, as the codec asks it."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.codec.network import Network
from vae_jax.types import Array, Params, Spec


def of(net: Network, spec: Spec, one_by_one: bool) -> dict[str, Any]:
  """`begin`, `outputs`, `steps` and `whole` of a `chain.Model`.

  Args:
    net: of the model.
    spec: of the data.
    one_by_one: whether elements are coded in order, also where all are written at once.
  """
  if net.vae.waves is not None:
    return _in_waves(net, spec)
  if net.vae.forced is not None:
    return _forced(net, spec)
  return _at_once(net, spec, one_by_one)


def closed(end: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
  """Which elements of rows [n, T] can only be 0: those behind the symbol `end` or a 0."""

  def behind(x: np.ndarray, step: np.ndarray) -> np.ndarray:
    return (x[:, : step[0]] <= end).any(1)[:, None] & np.ones(len(step), bool)[None]

  return behind


def _at_once(net: Network, spec: Spec, one_by_one: bool) -> dict[str, Any]:
  """p(x|z) = prod_d p(x_d|z)."""
  vae, size, shares = net.vae, spec.size, net.log_shares or (lambda theta: theta)

  def theta(params: Params, z: Array, label: Array) -> Array:
    found = vae.theta(params, z, {"label": label} if vae.given else {})
    return shares(found).reshape(size, -1)

  decode = net.function("decode", theta)
  every = np.arange(size)
  steps = [every[d : d + 1] for d in every] if one_by_one else [every]
  return {
    "begin": lambda z, label: net.numbers(decode(z, label), len(z)),
    "outputs": lambda state, x, s: state[:, steps[s]] if one_by_one else state,
    "steps": steps,
  }


def _forced(net: Network, spec: Spec) -> dict[str, Any]:
  """p(x|z) = prod_t p(x_t | x_<t, z): the whole program for each t, of which row t is read."""
  vae, shape = net.vae, spec.shape

  def theta(params: Params, z: Array, label: Array, x: Array) -> Array:
    example = {"x": x.reshape(shape)} | ({"label": label} if vae.given else {})
    return vae.forced(params, z, example).reshape(spec.size, -1)

  run = net.function("forced", theta)
  steps = list(np.arange(spec.size).reshape(shape[0], -1))
  whole = lambda state, x: net.numbers(run(*state, x), len(x))
  return {
    "begin": lambda z, label: (z, label),
    "outputs": lambda state, x, s: whole(state, x)[:, steps[s]],
    "steps": steps,
    "whole": whole,
  }


def _in_waves(net: Network, spec: Spec) -> dict[str, Any]:
  """Several places at each step, from what was written before them."""
  waves, shape, channels, scale = net.vae.waves, spec.shape, spec.shape[-1], net.scale
  known = [row[row >= 0] for row in waves.order]
  steps = [
    (places[:, None] * channels + np.arange(channels)[None]).ravel() for places in known
  ]
  trunk = net.function("trunk", waves.trunk)

  def at(params: Params, trunk: Array, x: Array, places: Array) -> Array:
    return waves.at(params, trunk, x.reshape(shape).astype(jnp.float64) / scale, places)

  run = net.function("at", at, shared=1)

  def outputs(state: Any, x: np.ndarray, s: int) -> np.ndarray:
    found = run(state, x, np.maximum(waves.order[s], 0))
    found = net.numbers(found, len(x))[:, : len(known[s])]
    return found.reshape(len(x), len(steps[s]), -1)

  return {"begin": lambda z, label: trunk(z), "outputs": outputs, "steps": steps}
