"""p(x|z) families: log-density, mean and sample from what a decoder puts out.

A file holds one family, the function of its name, `(spec, **options) -> Likelihood`; its
keyword arguments are the options `config.likelihood.<option>`. A decoder puts out `outputs`
numbers per element of x, without a squashing function. A family may add shared parameters, one
number for the whole data set. `bind` appends them, so that theta [*shape, P] is outputs and
shared together.
"""

from vae_jax.likelihoods._base import Likelihood, total

__all__ = ["FUNCTIONS", "Likelihood", "total"]

FUNCTIONS = True  # an entry of the registry is the function that a file is named after
