"""The values that pass between the parts: what an example, a posterior, a report is.

Axis letters, the same everywhere: B batch, L latent, K samples, M sweep members, T time,
V vocabulary, H W C. A shape in a comment here is that of ONE example; a batch adds [B] in
front and a sweep adds [M] before that.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

Array = jax.Array
NOTHING: Mapping = MappingProxyType({})  # the default of a field that holds values by name
Params = Any  # a pytree of arrays
Example = dict[str, Array]  # x, id, and what the dataset carries: label, observed, ...
Hyper = dict[str, Array]  # numbers by name; every leaf is traced, [] or [M]


class UserError(ValueError):
  """A mistake of the caller, told in one sentence: what was wrong, expected, to be done.

  The programs print it without a traceback and exit with `status`.
  """

  status = 2


class Column(NamedTuple):
  """One column of a table: what it holds, and how a stored number is one of the file's."""

  name: str
  kind: str = "real"  # "real", "positive", "count", "category" or "ordinal"
  categories: int = 0  # V, of the last two: stored as 0 ... V - 1
  shift: float = 0.0  # the file's number is shift + scale * x
  scale: float = 1.0
  unit: float = 1.0  # of a positive column: it is unit * (exp(shift + scale * x) - 1)
  names: tuple[str, ...] = ()  # of the categories where the file has words
  whole: bool = (
    False  # every number of the file is whole, and what is filled in is written so
  )


class Item(NamedTuple):
  """What a place of x stands for in data of users and items."""

  id: str  # as the file has it
  title: str = ""  # empty where the file names none


class Factor(NamedTuple):
  """One known cause of the data, of a set that was generated from known causes."""

  name: str
  values: tuple[float, ...]  # that it takes; the field `factors` holds the index of one
  names: tuple[str, ...] = ()  # of the values where they have words


class Spec(NamedTuple):
  """What one example of a dataset is; enough to build a model for it."""

  shape: tuple[int, ...]  # of x: (H, W, C), (D,) or (T, F)
  kind: str  # "image", "table", "sequence", "points" (P, 3) or "voxels" (S, S, S)
  domain: str  # "binary" {0, 1}, "unit" [0, 1], "real", "count", "category" or "mixed"
  categories: int = 0  # V, for the domain "category"
  classes: tuple[str, ...] = ()  # the names of the label values; empty: no labels
  symbols: tuple[str, ...] = ()  # the names of the V categories: words, notes; empty: none
  columns: tuple[
    Column, ...
  ] = ()  # of a table whose columns are known; all of them or none
  factors: tuple[Factor, ...] = ()  # of the field `factors` [F] int32; empty: not known
  items: tuple[Item, ...] = ()  # of x, a user's row over them; empty: x is no such row
  spread: float = 0.0  # standard deviation of x about its mean in train; 0: not told
  styles: tuple[str, ...] = ()  # the names of the values of the field `style`; empty: none
  strangers: tuple[str, ...] = ()  # the same of the field `stranger`, -1 for what is none

  @property
  def size(self) -> int:
    """Numbers per example: the denominator of bits per dimension."""
    return int(np.prod(self.shape))


class Dataset(NamedTuple):
  """Splits of examples on the host, and what is done to an example when it is drawn.

  `splits[name]` maps a field to an array with the examples on its first axis. There is
  always an `x`; there may be a `label` and others. Images of grey levels are kept as uint8
  and mean x / 255 (`data.decode`). `transform` is applied inside the compiled program, to
  one decoded example, with a key that depends on (data seed, epoch, example id) alone.
  """

  name: str
  spec: Spec
  splits: dict[str, dict[str, np.ndarray]]  # "train", "valid", "test"
  note: str = ""  # a sentence on where the data comes from, printed beside any number
  transform: Callable[[Array, Example], Example] | None = None
  # of members that each have rows of their own, {"train": [n], "valid": [n]} int32 of each choice
  choices: tuple[dict[str, np.ndarray], ...] = ()


class Sizes(NamedTuple):
  """What a part that brings parameters of its own has to know of the data and the code."""

  shape: tuple[int, ...]  # of x
  latents: int  # L
  classes: int = 0  # C of the label; 0: there is none
  symbols: tuple[int, int] = (0, 0)  # G of V values that a discrete code has; (0, 0): none


class Draw(NamedTuple):
  """One draw of a distribution over codes."""

  z: Array  # [L]
  log_prob: Array  # [] of this draw, nats: a flow knows it on the way and not afterwards
  path: Any = ()  # what its family wants back to tell a divergence: the groups of a hierarchy


class Distribution(Protocol):
  """A distribution over one code z [L]; `distributions` has the functions that ask it.

  It may also have `kl(p, drawn) -> [G]`, the divergence from p of each of its groups, in
  nats, or NotImplemented where it knows none of a p of that family. `Posterior` is one as
  plain data, without methods.
  """

  def draw(self, key: Array) -> Draw:
    """One reparameterised draw."""

  def log_prob(self, z: Array) -> Array:
    """The log-density or log-mass at z [L], [] nats; a UserError where it has no form."""

  def code(self) -> Array:
    """The point [L] that stands for it: what is walked, decoded and compared."""


class Posterior(NamedTuple):
  """N(mean, diag(exp(logvar))); logvar is the log of the variance, natural log."""

  mean: Array  # [L]
  logvar: Array  # [L]


class Terms(NamedTuple):
  """What an objective says of one example, in nats."""

  loss: Array  # [] what is minimised; lower is better
  rate: Array  # [] KL(q(z|x) || p(z))
  distortion: Array  # [] -log p(x|z)
  posterior: Distribution
  z: Array  # [L] the sample the distortion was computed at
  statistics: Any = ()  # averaged over the batch and handed to the objective's `update`


class Batch(NamedTuple):
  """What a batch-level loss sees beside the codes; always of the whole batch."""

  mask: Array  # [B] 1 where a row counts, 0 where it only fills the batch
  key: Array  # of this step and member, the same on every device
  params: Params  # of the whole model; params["objective"] are the objective's own
  examples: int  # N, rows of the training split


class Waves(NamedTuple):
  """How a sequential model writes x in few steps, several places of x at each."""

  order: np.ndarray  # [S, A] places in x.reshape(-1, C) of each step, -1: none
  trunk: Callable[[Params, Array], Array]  # params, z -> what every place is told of z
  # params, trunk, x, places [A] -> theta [A, C, P], given what x holds before them
  at: Callable[[Params, Array, Array, Array], Array]


class VAE(NamedTuple):
  """A model and a likelihood bound into pure functions of ONE example."""

  init: Callable[[Array], Params]  # key -> params
  posterior: Callable[[Params, Example], Distribution]
  log_likelihood: Callable[[Params, Array, Example], Array]  # params, z, example -> [] nats
  sample: Callable[[Params, Array, Array], Array]  # params, z, key -> x
  mean: Callable[[Params, Array], Array]  # params, z -> E[x|z], the shape of x
  prior: Callable[..., Distribution]  # params, and an example where it is conditional
  latents: int  # L
  mode: Callable[
    [Params, Array], Array
  ]  # params, z -> likeliest x, greedy where sequential
  decodes: Callable[[Params], Any]  # params -> True for each leaf that only the decoder has
  noise: tuple[str, ...] = ()  # numbers of hyper that it reads in example["noise"]
  # the condition [] -> the VAE of p(x|z, condition); None: the model has no condition
  given: Callable[[Array], "VAE"] | None = None
  # params, z, what it is conditional on -> theta [*shape, P], the likelihood's parameters; None: x
  # is written step by step
  theta: Callable[..., Array] | None = None
  # params, z, example -> theta [*shape, P] of a sequential model, whose step t is told what stands
  # before it in the example; None: it is not sequential
  forced: Callable[[Params, Array, Example], Array] | None = None
  waves: Waves | None = (
    None  # of a sequential model that can write several elements at once
  )
  family: str = "gaussian"  # of q(z|x): also "continuous", "hierarchy" or "discrete"
  standard: bool = True  # p(z) is N(0, I)
  numbers: tuple[str, ...] = ()  # of hyper that q reads in example["numbers"], in training
  sizes: Sizes | None = None  # for what brings parameters of its own
  # of a posterior that is counted and not learned, a codebook's: its q -> what is averaged
  # over the batch, and (its state, those averages, hyper) -> its next state
  statistics: Callable[[Any], Any] | None = None
  update: Callable[[Any, Any, Hyper], Any] | None = None


class Table(NamedTuple):
  """Rows of a report: one per member, method or example."""

  title: str
  columns: tuple[str, ...]
  rows: list[list[Any]]  # numbers, strings or None (shown as a dash)
  note: str = ""  # what the numbers mean, in a line
  marks: Sequence[tuple[int, int]] = ()  # (row, column) of the best number of each column


class Figure(NamedTuple):
  """A picture as data: `plots.<kind>(**data)` draws it."""

  name: str  # its file name, without the ending
  kind: str  # a function in plots
  data: dict[str, Any]
  caption: str


class Sound(NamedTuple):
  """Something to listen to, as data: written as a .wav, and played by the page."""

  name: str  # its file name, without the ending: small letters, digits and underscores
  samples: np.ndarray  # [T] in [-1, 1], one channel
  rate: int  # of them in a second
  caption: str
  group: str = ""  # sounds of one group stand in a row below this heading


class Report(NamedTuple):
  """The answer of one application: numbers, sentences and pictures as data."""

  application: str
  question: str
  tables: list[Table]
  figures: list[Figure]
  findings: list[str]  # plain sentences, the baseline's victories among them
  arrays: dict[str, np.ndarray]  # what a later analysis wants: per-example scores, codes
  scores: Table | None = None  # all scores in long form: scores.csv
  verdicts: Sequence[dict[str, Any]] = ()  # against the hardest baseline, by condition
  headline: Mapping[str, Any] = (
    NOTHING  # where one number stands for all: of the page's top
  )
  block: Sequence[str] = ()  # lines for the terminal
  seconds: float = 0.0  # that the evaluation took
  metrics: Mapping[str, Any] = NOTHING  # of scores.csv: title, unit, better, digits by name
  choice: Table | None = None  # choice.csv: the means on validation that were chosen among
  sounds: Sequence[Sound] = ()
