"""The scores by name: which a run offers, which is judged, and those that need other examples."""

import io
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from vae_jax import columns, latents
from vae_jax.baselines import pca_gmm
from vae_jax.evaluation import settings as of_settings
from vae_jax.evaluation.source import Source
from vae_jax.metrics import detection
from vae_jax.run import Run

SQUARED = "squared error"
NLL = "reconstruction NLL"
KL = "KL"
LOSS = "−ELBO"
ENTROPY = "−ELBO − H(x)"
WEIGHTED = "−log p(x)"
REGRET = "likelihood regret"
COMPLEXITY = "−ELBO − PNG"
MAHALANOBIS = "Mahalanobis of the code"
MIXTURE = "mixture over codes"
TYPICAL = "typicality"
RANKS = "ranks of all"
METHODS = (
  SQUARED, NLL, KL, LOSS, ENTROPY, WEIGHTED, REGRET, COMPLEXITY, MAHALANOBIS, MIXTURE, TYPICAL,
  RANKS,
)  # fmt: skip
GIVEN, VALIDATION = "components", "validation"  # which mixture is fitted to codes
COUNTS = (5, 10, 20, 40)  # components that are tried for the latter
CODES = 10_000  # training codes that densities over codes are fitted on

Ask = Callable[[Source, Run, dict], dict[str, np.ndarray]]
Values = dict[str, np.ndarray]


def offered(run: Run) -> tuple[str, ...]:
  """The scores that a run has, in the order of METHODS."""
  spec, left_out = run.spec, set()
  if spec.domain not in ("unit", "binary", "real"):
    left_out |= {SQUARED}
  if run.likelihood.name != "cross_entropy" or spec.domain != "unit":
    left_out |= {ENTROPY}
  if spec.kind != "image" or spec.domain != "unit" or spec.shape[-1] not in (1, 3):
    left_out |= {COMPLEXITY}
  if not run.stochastic:
    left_out |= {NLL, KL, LOSS, ENTROPY, WEIGHTED, REGRET, COMPLEXITY, TYPICAL}
  if run.vae.family != "gaussian":
    left_out |= {REGRET}
  if run.vae.family == "discrete":
    left_out |= {MAHALANOBIS, MIXTURE}
  if latents.part(run.config, "posterior")[0].SUPPORT == "codebook":
    left_out |= {KL}
  return tuple(name for name in METHODS if name not in left_out)


def absent(runs: list[Run]) -> list[str]:
  """Sentences on the scores that a run lacks for its posterior; none of Gaussian ones."""
  families, said = {run.vae.family for run in runs}, []
  if families - {"gaussian"}:
    said.append(
      "Likelihood regret searches for a Gaussian posterior of its own, which is no gain over a"
      " posterior of another family: it is left out."
    )
  if "discrete" in families:
    said.append(
      "Discrete codes have no distances and no Gaussians: the two densities over codes are left"
      " out; so is the KL of a codebook, which is the same for every example."
    )
  return said


def chosen(runs: list[Run], settings: dict[str, Any]) -> str:
  """The score that is judged where validation has no anomalies to choose one with.

  All of them together: which one is best differs from data to data, and nothing says which.
  """
  both = [name for name in METHODS if all(name in offered(run) for run in runs)]
  if settings["score"] == "auto":
    return RANKS
  return of_settings.one_of(settings, "score", tuple(both))


def both_kinds(fields: Values) -> bool:
  """Whether a split has normal examples and anomalies, and says which is which."""
  return "anomaly" in fields and 0 < fields["anomaly"].mean() < 1


def scored(source: Source, run: Run, examples: Values, ask: Ask) -> Values:
  """Every score of every member and example, [M, N] each.

  The codes' densities are of the training codes of the same member; typicality is

    | -ELBO(x) - the mean of it over normal validation examples |    Nalisnick et al. (2019)

  and input complexity -ELBO - bits log 2 of the picture's PNG    Serrà et al. (2020), eq. 2
  """
  return _completed(source, run, examples, ask, dict(ask(source, run, examples)))


def _completed(
  source: Source, run: Run, examples: Values, ask: Ask, found: Values
) -> Values:
  """What a run says of examples, with the scores that need other examples."""
  normal = _normal(source, run, ask)
  names, code = offered(run), found.pop("code")
  if MAHALANOBIS in names:
    found |= _of_codes(source, run, code, normal["code"])
  if run.stochastic:
    found[LOSS] = found[NLL] + found[KL]
    centre = (normal[NLL] + normal[KL]).mean(1, keepdims=True)
    found[TYPICAL] = np.abs(found[LOSS] - centre)
  if ENTROPY in names:
    found[ENTROPY] = found[LOSS] - found.pop("entropy")
  if COMPLEXITY in names:
    found[COMPLEXITY] = found[LOSS] - png_nats(source.inputs(examples))[None]
  return {name: values for name, values in found.items() if name in names}


def reference(source: Source, run: Run, ask: Ask) -> Values:
  """The scores of normal validation examples, [M, R] each, with the ranks among themselves."""

  def make() -> Values:
    own = dict(_normal(source, run, ask))
    found = _completed(source, run, _validation(source), ask, own)
    return {**found, RANKS: combined(found, found, among=True)}

  return source.once(f"reference of {id(run)}", make)


def with_p_values(
  source: Source, run: Run, examples: Values, ask: Ask
) -> tuple[Values, Values]:
  """Every score of every member and example, and its p-value among normal ones, [M, N] each."""
  found = scored(source, run, examples, ask)
  normal = reference(source, run, ask)
  found[RANKS] = combined(found, normal)
  names = offered(run)
  p = {
    k: np.stack(
      [detection.p_values(*pair) for pair in zip(found[k], normal[k], strict=True)]
    )
    for k in names
  }
  return {name: found[name] for name in names}, p


def combined(found: Values, normal: Values, among: bool = False) -> np.ndarray:
  """log sum_s 1 / p_s over all scores, p_s a score's p-value among normal examples; [M, N].

  Large where any score is rarely as high: the negative logarithm of the harmonic mean of the
  p-values, Wilson (2019), up to a constant.

  Args:
    found: of the examples, [M, N] each.
    normal: of normal examples, [M, R] each.
    among: the examples are the normal ones; each is ranked among the others.
  """
  names = [name for name in METHODS if name in found and name != RANKS]
  logs = []
  for name in names:
    p = np.stack(
      [detection.p_values(*x) for x in zip(found[name], normal[name], strict=True)]
    )
    count = normal[name].shape[1]
    logs.append(-np.log((p * (count + 1) - 1) / count if among else p))
  return logsumexp(np.stack(logs), axis=0)


def png_nats(x: np.ndarray) -> np.ndarray:
  """Nats of each image [N, H, W, 1 or 3] of grey levels in [0, 1] as a PNG of its own, [N]."""
  from PIL import Image

  def nats(one: np.ndarray) -> float:
    file = io.BytesIO()
    Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one).save(file, "PNG")
    return 8 * np.log(2) * len(file.getvalue())

  levels = np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)
  return np.array([nats(one) for one in levels])


def features(source: Source, examples: Values) -> np.ndarray:
  """Examples as rows of numbers [N, F], as an encoder reads them: categories one-hot."""
  x = source.inputs(examples)
  spec = source.spec
  if spec.domain != "mixed":
    return x.reshape(len(x), -1)
  seen = np.asarray(examples.get("observed", np.ones_like(x)), np.float32)
  of_row = lambda x, seen: columns.features(spec.columns, x, seen)[: -spec.size]
  return np.asarray(jax.jit(jax.vmap(of_row))(jnp.asarray(x), jnp.asarray(seen)))


def normal_rows(source: Source) -> Values:
  """Normal validation examples as stored: the first `reference` of them."""
  return _validation(source)


def _validation(source: Source) -> Values:
  fields = source.split("valid")
  if "anomaly" in fields:
    rows = np.flatnonzero(fields["anomaly"] == 0)
    fields = {name: values[rows] for name, values in fields.items()}
  return {k: v[: source.settings["reference"]] for k, v in fields.items()}


def _normal(source: Source, run: Run, ask: Ask) -> Values:
  """What a run says of normal validation examples."""
  make = lambda: ask(source, run, _validation(source))
  return source.once(f"normal of {id(run)}", make)


def _of_codes(source: Source, run: Run, code: np.ndarray, normal: np.ndarray) -> Values:
  """How far each code [M, N, L] is from the training codes of its member, [M, N] each.

  With `mixture` "validation" theirs has the number of COUNTS that gives the codes of normal
  validation examples, `normal` [M, R, L], the highest mean log-density.
  """
  from sklearn.covariance import LedoitWolf

  def fit() -> list:
    codes = source.posterior(run, source.spread("train", CODES)).mean
    seed, count = source.settings["mask_seed"], source.settings["components"]
    tried = (count,) if source.settings["mixture"] == GIVEN else COUNTS
    if not np.isfinite(codes).all():
      return [None] * len(codes)

    def mixture(z: np.ndarray, held_out: np.ndarray) -> Any:
      fitted = [pca_gmm.mixture(z, number, seed) for number in tried]
      return max(fitted, key=lambda one: one.score(held_out)) if fitted[1:] else fitted[0]

    both = zip(codes.astype(np.float64), normal.astype(np.float64), strict=True)
    return [(LedoitWolf().fit(z), mixture(z, held_out)) for z, held_out in both]

  found = {name: np.full(code.shape[:2], np.nan) for name in (MAHALANOBIS, MIXTURE)}
  for m, fitted in enumerate(source.once(f"codes of {id(run)}", fit)):
    if fitted is not None and np.isfinite(code[m]).all():
      z = code[m].astype(np.float64)
      found[MAHALANOBIS][m] = fitted[0].mahalanobis(z)
      found[MIXTURE][m] = -fitted[1].score_samples(z)
  return found
