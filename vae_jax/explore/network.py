"""A dense or convolutional network as data: its layers in order, weights in 16 bits.

`network.js` computes the same from it in a browser, with the formulas of `models` and `layers`.
"""

import base64
import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import distributions, layers
from vae_jax.run import Run
from vae_jax.types import UserError

Layer = dict[str, Any]  # "op", and what it reads: weight, bias, act, sizes
LEVELS = 32767  # of a weight on each side of 0
SMALL = 100_000_000  # multiplications of a sentence, about a tenth of a second in a browser


def describe(run: Run, place: int, encoder: bool) -> dict[str, Any]:
  """One member's decoder, mean of p(x|z) and, where wanted, encoder of E[z|x].

  Args:
    run: an opened run whose model and likelihood passed `check`.
    place: of the member in it.
    encoder: whether pictures are encoded too.

  Returns:
    {"decoder": layers, "encoder": layers or None, "head": the likelihood's mean}.
  """
  params = jax.tree.map(lambda x: np.asarray(x[place], np.float32), run.params)
  up, down = MODELS[run.config["model"]["name"]]
  return {
    "decoder": up(run, params["model"]),
    "encoder": down(run, params["model"]) if encoder else None,
    "head": _head(run, params),
  }


def check(run: Run) -> None:
  """Raises a UserError where the decoder or the data has no form on the page."""
  model, family = run.config["model"]["name"], run.config["likelihood"]["name"]
  if model not in MODELS:
    raise UserError(
      f"The explorer shows runs of the models {', '.join(MODELS)}; {run.workdir} is one of"
      f" {model!r}, whose decoder it does not compute."
    )
  if family not in HEADS:
    raise UserError(
      f"The explorer draws the mean of the likelihoods {', '.join(HEADS)}; {run.workdir} has"
      f" {family!r}, of which it has no picture."
    )
  why = "The explorer moves a code along its numbers"
  distributions.require(run.vae, ("gaussian", "continuous"), why)
  if run.config["model"].get("blocks") and model == "conv":
    raise UserError(
      f"The decoder of {run.workdir} has residual blocks (model.blocks), which the explorer does"
      " not compute."
    )
  if run.config["model"].get("bars"):
    raise UserError(
      f"The decoder of {run.workdir} is hierarchical (model.bars), and the explorer computes flat"
      " ones."
    )
  if model == "sentence" and _work(run) > SMALL:
    raise UserError(
      f"A sentence of {run.workdir} takes {_work(run) / 1e6:.0f} million multiplications, more"
      f" than the {SMALL / 1e6:.0f} at which a page follows a slider: take a smaller vocabulary,"
      " model.embed or model.hidden."
    )
  shape = run.spec.shape
  if len(shape) > 3 or (len(shape) == 3 and shape[2] not in (1, 3)):
    raise UserError(
      f"The explorer draws images of one or three channels, tables (D,) and sequences (T, F),"
      f" and the examples of {run.workdir} have the shape {tuple(shape)}."
    )


def tensor(values: np.ndarray) -> dict[str, str]:
  """An array [..., N] as integers of 16 bits and a scale for each of the N columns.

  value = q s, s = max |column| / 32767: no value is further off than s / 2. A float16 of the
  same size is off by up to 1 / 2048 of the value, several times more for weights of a layer.
  """
  values = np.asarray(values, np.float32).reshape(-1, values.shape[-1])
  scale = np.abs(values).max(0) / LEVELS
  whole = np.round(values / np.where(scale > 0, scale, 1.0))
  return {"q": _text(whole.astype("<i2")), "s": _text(scale.astype("<f4"))}


def _text(values: np.ndarray) -> str:
  return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _dense(own: dict, act: str = "") -> Layer:
  bias = _text(own["bias"].astype("<f4"))
  return {"op": "dense", "weight": tensor(own["kernel"]), "bias": bias, "act": act}


def _strided(op: str, own: dict, sizes: tuple, act: str) -> Layer:
  """`layers.conv` ("down") or `layers.conv_transpose` ("up") between two sizes, stride 2."""
  bias = _text(own["bias"].astype("<f4"))
  found = {"op": op, "weight": tensor(own["kernel"]), "bias": bias, "act": act}
  kernel, inputs = own["kernel"].shape[0], own["kernel"].shape[2]
  (h, w), (to_h, to_w) = sizes
  return found | {"kernel": kernel, "stride": 2, "from": [h, w, inputs], "to": [to_h, to_w]}


def _label(run: Run) -> list[Layer]:
  """One-hot of the label beside what a dense layer reads, of a conditional model."""
  if run.vae.given is None:
    return []
  return [{"op": "label", "classes": len(run.spec.classes)}]


def _beside(run: Run) -> list[Layer]:
  """A mask of ones beside x, of an encoder that reads what is missing: nothing is."""
  observes = run.config["model"]["observes"]
  return [{"op": "beside", "channels": run.spec.shape[-1]}] if observes else []


def _mlp_decoder(run: Run, own: dict) -> list[Layer]:
  act, hidden = run.config["model"]["activation"], run.config["model"]["hidden"]
  hidden = [_dense(own[f"up_{i}"], act) for i in range(len(hidden))]
  return [*_label(run), *hidden, _dense(own["out"])]


def _mlp_encoder(run: Run, own: dict) -> list[Layer]:
  act, hidden = run.config["model"]["activation"], run.config["model"]["hidden"]
  hidden = [_dense(own[f"down_{i}"], act) for i in range(len(hidden))]
  return [*_beside(run), *_label(run), *hidden, _dense(own["mean"])]


def _linear_decoder(run: Run, own: dict) -> list[Layer]:
  return [*_label(run), _dense(own["out"])]


def _linear_encoder(run: Run, own: dict) -> list[Layer]:
  return [*_label(run), _dense(own["mean"])]


def _sizes(run: Run) -> list[tuple[int, int]]:
  """(H, W) of the image and after each convolution."""
  model, sizes = run.config["model"], [tuple(run.spec.shape[:2])]
  for _ in model["channels"]:
    sizes.append(tuple(layers.conv_size(n, model["kernel"]) for n in sizes[-1]))
  return sizes


def _conv_decoder(run: Run, own: dict) -> list[Layer]:
  sizes = _sizes(run)[::-1]
  steps = list(itertools.pairwise(sizes))
  up = [_strided("up", own[f"up_{i}"], step, "relu") for i, step in enumerate(steps)]
  up[-1]["act"] = ""
  dense = [_dense(own[name], "relu") for name in ("decode_dense", "decode_top")]
  return [*_label(run), *dense, *up]


def _conv_encoder(run: Run, own: dict) -> list[Layer]:
  sizes = _sizes(run)
  steps = enumerate(itertools.pairwise(sizes))
  down = [_strided("down", own[f"down_{i}"], step, "relu") for i, step in steps]
  dense = [_dense(own["encode_dense"], "relu"), _dense(own["mean"])]
  return [*_beside(run), *down, *_label(run), *dense]


def _sentence_decoder(run: Run, own: dict) -> list[Layer]:
  """Symbols one after the other, the likeliest each time; see `models.sentence.Model.generate`."""
  hidden, table = run.config["model"]["hidden"], own["table"]
  padding = np.arange(len(table)) == 0  # which `likelihoods.tokens` never draws
  barred = np.where(padding & (run.config["likelihood"]["name"] == "tokens"), -1e9, 0.0)
  plain = lambda kernel: _dense({"kernel": kernel, "bias": np.zeros(kernel.shape[1])})
  cell = {"kind": run.config["model"]["cell"], "hidden": hidden}
  layer = {
    "op": "sentence",
    "act": "",
    "count": run.spec.shape[0],
    "cell": cell | {"kernel": plain(own["writer"]["kernel"])},
    "start": _dense(own["start"], "tanh"),
    "input": _dense(own["writer_in"]),
    "fromZ": plain(own["writer_z"]["kernel"]),
    "last": plain(own["last"]["kernel"]),
    "lastZ": plain(own["last_z"]["kernel"]),
    "out": _dense({"kernel": table.T, "bias": own["out"]["bias"] + barred}),
  }
  return [*_label(run), layer]


def _work(run: Run) -> int:
  """Multiplications of one sentence: every matrix is read once at each of its places."""
  own = run.params["model"]
  every = [own["table"], own["writer"]["kernel"], own["writer_in"]["kernel"]]
  every.append(own["last"]["kernel"])
  return run.spec.shape[0] * sum(matrix[0].size for matrix in every)


MODELS: dict[str, tuple[Callable, Callable | None]] = {
  "conv": (_conv_decoder, _conv_encoder),
  "mlp": (_mlp_decoder, _mlp_encoder),
  "linear": (_linear_decoder, _linear_encoder),
  "sentence": (_sentence_decoder, None),
}
HEADS = {  # the mean of p(x|theta), by the name of its formula in network.js
  "bernoulli": "sigmoid",
  "cross_entropy": "sigmoid",
  "continuous_bernoulli": "continuous",
  "gaussian": "first",
  "student_t": "first",
  "discretised_logistic": "logistic",
  "logistic_mixture": "mixture",
  "categorical": "likeliest",
  "tokens": "likeliest",
}


def _head(run: Run, params: dict) -> dict[str, Any]:
  """The formula of the mean, and the numbers it reads."""
  options, outputs = run.config["likelihood"], run.likelihood.outputs
  if run.config["model"]["name"] == "sentence":
    return {"formula": "first", "outputs": 1}  # its symbols themselves
  found = {"formula": HEADS[options["name"]], "outputs": outputs}
  if options["name"] == "discretised_logistic":
    found["levels"] = options["levels"]
    shared = options["scale"] == "shared"
    found["log_scale"] = float(params["shared"][0]) if shared else None
    found["offset"] = math.log(options["std"] * 3**0.5 / math.pi)
  if options["name"] == "logistic_mixture":
    found |= {"levels": options["levels"], "offset": math.log(0.1)}
    found["components"] = options["components"]
  return found
