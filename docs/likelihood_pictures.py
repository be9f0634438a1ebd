"""Draws the pictures of docs/likelihoods: python docs/likelihood_pictures.py [name ...].

A small model of each likelihood is trained for a minute or less, on data that comes with the
package. Rows of a picture, from the top: data, E[x|z] of codes drawn from the prior, and a draw
of p(x|z) for the same codes.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image

import vae_jax
from vae_jax import config, data

TARGET = pathlib.Path(__file__).parent / "images" / "likelihoods"
COUNT, SCALE, GAP = 12, 5, 2  # pictures of a row, their enlargement, white pixels between
STEPS = 1500
OPTIONS = {  # of scikit-learn's digits, 8 x 8 with 17 grey levels
  "bernoulli": {"data.binarise": "static"},
  "continuous_bernoulli": {},
  "cross_entropy": {},
  "discretised_logistic": {"likelihood.levels": 17},
  "beta_binomial": {"likelihood.levels": 17},
  "binned": {"likelihood.levels": 17, "likelihood.width": 4, "likelihood.single": 2},
  "logistic_mixture": {"likelihood.levels": 17},
  "gaussian": {"likelihood.scale": "shared", "likelihood.std": 0.2},
  "student_t": {},
}


def digits(given: dict | None = None) -> np.ndarray:
  """The training images [N, 8, 8, 1]."""
  settings = config.load("digits", given or {})
  return data.load(settings["data"], None).splits["train"]["x"]


def of_digits(name: str) -> None:
  """A model of digits with this likelihood."""
  options = dict(OPTIONS[name])
  shown = digits({k: v for k, v in options.items() if k.startswith("data.")})
  model = vae_jax.fit(
    "digits", fields={"likelihood.name": name, **options}, steps=STEPS, quiet=True
  )
  strips(name, shown, model)


def of_counts() -> None:
  """A digit as counts: where its ink lies, of as much ink as a digit has."""
  ink = np.rint(digits()[..., 0].reshape(-1, 64) * 16).astype(np.float32)
  fields = {"data.domain": "count", "likelihood.name": "multinomial"}
  fields |= {"likelihood.total": 300, "model.name": "multinomial"}
  model = vae_jax.fit(ink, fields=fields, steps=STEPS, quiet=True)
  strips("multinomial", ink, model, top=16.0)


def of_categories() -> None:
  """Three categories a pixel: black, grey and white."""
  levels = np.digitize(digits(), [0.25, 0.75]).astype(np.int32)
  fields = {"data.domain": "category", "likelihood.name": "categorical"}
  model = vae_jax.fit(levels, model="mlp", fields=fields, steps=STEPS, quiet=True)
  rows = [levels[:COUNT], _likeliest(model.sample(COUNT)), model.sample(COUNT, noise=True)]
  save("categorical", [row / 2.0 for row in rows])


def of_points() -> None:
  """Chairs, tables and solids as points, seen from the front."""
  fields = {"data.count": 300, "data.points": 128, "data.pool": 256}
  model = vae_jax.fit("shapes:one", fields=fields, steps=min(400, STEPS), quiet=True)
  settings = config.load("shapes:one", fields)
  pool = data.load(settings["data"], None).splits["train"]["x"]
  shown = pool[:COUNT, : fields["data.points"]]
  again = model.decode(model.encode(shown))
  save("chamfer", [_seen(shown), _seen(again)], scale=1)


def of_table() -> None:
  """Two columns of a generated table, and as many draws of a model of it."""
  import matplotlib.pyplot as plt
  import pandas

  draw = np.random.default_rng(0)
  size = draw.normal(size=600)
  price = np.exp(5 + 0.4 * size + 0.1 * draw.normal(size=600))
  heating = np.where(size + draw.normal(size=600) > 0, "gas", "oil")
  table = pandas.DataFrame({"size": size, "price": price, "heating": heating})
  model = vae_jax.fit(table, latents=2, steps=STEPS, quiet=True)
  made = pandas.DataFrame(model.sample(600, noise=True), columns=list(table))
  words = model.spec.columns[2].names
  made["heating"] = [words[int(place)] for place in made["heating"]]
  figure, axes = plt.subplots(1, 2, figsize=(6, 2.6), sharex=True, sharey=True, dpi=80)
  shown = (table, "data"), (made, "draws of p(x|z)")
  for axis, (rows, title) in zip(axes, shown, strict=True):
    for kind, colour in (("gas", "#c2571a"), ("oil", "#2a5f8f")):
      part = rows[rows["heating"] == kind]
      axis.scatter(part["size"], part["price"], s=4, color=colour, label=kind)
    axis.set(title=title, xlabel="size", ylabel="price")
  axes[0].legend()
  figure.tight_layout()
  TARGET.mkdir(parents=True, exist_ok=True)
  figure.savefig(TARGET / "mixed.png")


def strips(name: str, shown: np.ndarray, model: vae_jax.Model, top: float = 1.0) -> None:
  """Data, means and draws as three rows."""
  found = [shown[:COUNT], model.sample(COUNT), model.sample(COUNT, noise=True)]
  if top > 1:  # each against its own largest value
    found = [x / np.maximum(x.reshape(len(x), -1).max(1)[:, None], 1e-6) for x in found]
  save(name, found)


def save(name: str, rows: list[np.ndarray], scale: int = SCALE) -> None:
  """Rows of pictures [N, H, W, 1] or [N, H W] within [0, 1], as one PNG."""
  lines = []
  for row in rows:
    side = round((row.size / len(row)) ** 0.5)
    squares = np.clip(np.reshape(row, (len(row), side, side)), 0, 1)
    large = squares.repeat(scale, 1).repeat(scale, 2)
    framed = np.pad(large, ((0, 0), (GAP, GAP), (GAP, GAP)), constant_values=1.0)
    lines.append(np.concatenate(list(framed), axis=1))
  TARGET.mkdir(parents=True, exist_ok=True)
  levels = (255 * np.concatenate(lines)).astype(np.uint8)
  Image.fromarray(levels).save(TARGET / f"{name}.png", optimize=True)


def _likeliest(probabilities: np.ndarray) -> np.ndarray:
  """The likeliest category, where a mean is a probability of each."""
  given = probabilities.ndim > 4
  return probabilities.argmax(-1) if given else probabilities


def _seen(points: np.ndarray, side: int = 56) -> np.ndarray:
  """Points [N, P, 3] within the unit ball as dark pixels [N, side, side]."""
  places = np.clip((points[..., [0, 2]] + 1) / 2 * side, 0, side - 1).astype(int)
  found = np.ones((len(points), side, side))
  for picture, one in zip(found, places, strict=True):
    picture[side - 1 - one[:, 1], one[:, 0]] = 0.0
  return found


OTHERS = {
  "categorical": of_categories,
  "chamfer": of_points,
  "mixed": of_table,
  "multinomial": of_counts,
}


def main() -> None:
  """Draws those named, or all."""
  global STEPS
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("names", nargs="*", help="of likelihoods; without one all")
  parser.add_argument("--steps", type=int, default=STEPS, help="of a training")
  given = parser.parse_args()
  STEPS = given.steps
  for name in given.names or [*OPTIONS, *OTHERS]:
    OTHERS[name]() if name in OTHERS else of_digits(name)
    print(f"Drew {TARGET / name}.png")


if __name__ == "__main__":
  main()
