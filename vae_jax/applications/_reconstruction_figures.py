"""The scores of a reconstruction as figures."""

import numpy as np

from vae_jax.applications import _members, _pictures
from vae_jax.applications._reconstruction import Context
from vae_jax.baselines import pca
from vae_jax.metrics import latent
from vae_jax.types import Figure


def figures(c: Context, rows: dict[str, np.ndarray], pictures: np.ndarray) -> list[Figure]:
  """Side-by-side pictures, the rate of each latent, errors, and the codes where L is 2."""
  drawn = _members.shown(c.run)
  titles = [_members.title(c.run, m) for m in drawn]
  named = [t.replace(" · ", "\n") or "rebuilt" for t in titles]
  found, start = [], 0
  captions = {
    "chosen": "Originals above what is rebuilt from the code; the last row is PCA with as"
    " many numbers.",
    "median": "The examples in the middle of the order of distortion: the usual case. The"
    " number is the distortion in nats.",
    "worst": "The examples of the highest distortion. The number is the distortion in nats.",
  }
  for name, index in rows.items():
    count = len(drawn) if name == "chosen" else 1
    images = [c.scores.x[index], *pictures[drawn[:count], start : start + len(index)]]
    labels = ["original", *named[:count]]
    if c.scores.pca is not None:
      images.append(pca.rebuild(c.scores.pca, images[0]))
      labels.append("PCA")
    above = _pictures.names(c.examples, c.run.spec, index)
    if name != "chosen":
      above = [f"{v:.0f}" for v in c.scores.distortion[drawn[0]][index]]
    data = {"images": np.stack(images), "rows": labels, "columns": above}
    data |= _pictures.style(c.data, c.settings)
    found.append(Figure(name, "pairs", data, captions[name]))
    start += len(index)
  return [*found, *_latent_figures(c, drawn, titles), *_error_figure(c, drawn, titles)]


def _latent_figures(c: Context, drawn: list[int], titles: list[str]) -> list[Figure]:
  found, s = [], c.scores
  if c.run.stochastic:
    rates = [latent.rates(s.means[m], s.logvars[m]) for m in drawn]
    order = np.argsort(-rates[0])
    series = {t or "rate": r[order] for t, r in zip(titles, rates, strict=True)}
    data = {"series": series, "labels": [str(i + 1) for i in order]}
    data |= {"x_label": "latent", "y_label": "KL in nats"}
    caption = (
      "What each latent carries on average, sorted; a bar at 0 is a latent not used."
    )
    found.append(Figure("rates", "bars", data, caption))
  if s.means.shape[-1] == 2:
    rows = _pictures.spread(len(s.x), 3000)
    classes = c.run.spec.classes
    labels = c.examples["label"][rows] if "label" in c.examples and classes else None
    data = {"points": s.means[drawn[0]][rows], "labels": labels, "names": classes}
    data |= {"x_label": "z₁", "y_label": "z₂", "title": titles[0]}
    caption = "Where the encoder puts the examples; the colour is the class it never saw."
    found.append(Figure("codes", "scatter", data, caption))
  return found


def _error_figure(c: Context, drawn: list[int], titles: list[str]) -> list[Figure]:
  if c.scores.pca is None:
    return []
  series = {t or "model": c.scores.mse[m] for m, t in zip(drawn, titles, strict=True)}
  data = {"series": {**series, "PCA": c.scores.linear}, "x_label": "squared error"}
  data["y_label"] = "share of examples"
  caption = "The squared error of each example; further left is nearer to the original."
  return [Figure("errors", "histogram", data, caption)]
