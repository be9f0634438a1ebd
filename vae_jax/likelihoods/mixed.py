"""Each column of a table under the family of its kind."""

from scipy.special import softmax

from vae_jax.columns import columns_of
from vae_jax.likelihoods import _columns
from vae_jax.likelihoods._base import Likelihood, stepwise, total
from vae_jax.types import Spec, UserError


def mixed(spec: Spec, tails: str = "gaussian", min_std: float = 1e-2) -> Likelihood:
  """Each column of a table under the family of its kind; see `_columns`.

  Args:
    spec: of the data, with its `columns`; without them every column is real.
    tails: of real and positive columns, "gaussian" or "student_t".
    min_std: a floor of every scale, in units of the stored column.

  Nazábal et al. (2020), HI-VAE, section 3.
  """
  if tails not in ("gaussian", "student_t"):
    raise UserError(f"likelihood.tails is {tails!r}; expected gaussian or student_t.")
  family = _columns.Family(columns_of(spec), tails == "student_t", min_std)
  return Likelihood(
    "mixed",
    family.outputs,
    lambda theta, x: total(family.log_probs(theta, x)),
    family.mean,
    family.sample,
    ("mixed", "real"),
    is_density=any(c.kind in ("real", "positive") for c in family.columns),
    terms=family.log_probs,
    symbols=family.symbols,
    below=(lambda log_p: stepwise(softmax(log_p, -1))) if family.symbols else None,
    log_shares=family.log_shares if family.symbols else None,
  )
