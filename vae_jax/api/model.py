"""A trained run as an object: encode, decode, sample, score, tables and reports."""

import contextlib
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from vae_jax import asking, distributions, evaluating, frames, report
from vae_jax import run as runs
from vae_jax.api import given
from vae_jax.run import Run
from vae_jax.types import NOTHING, Array, Example, Hyper, Params, UserError

if TYPE_CHECKING:
  import pandas

CHUNK = 50  # weighted draws of an example side by side: memory, not the result


def load(
  workdir: str | pathlib.Path,
  checkpoint: str = "best",
  data_dir: str | None = None,
  plugins: str | None = None,
) -> "Model":
  """Opens a run directory that `fit` or the command line has trained, finished or not.

  Args:
    workdir: the run directory.
    checkpoint: "best", each member at its least validation loss, or "latest".
    data_dir: where the data is now, if it is not where it was at training.
    plugins: the folder of files of one's own, when not where it was at training.

  Raises:
    UserError: no run is there, no checkpoint yet, or its data is missing.
  """
  found = runs.open_runs(str(workdir), checkpoint, data_dir, plugins)
  return Model(found, str(workdir), where={"data_dir": data_dir, "plugins": plugins})


class Model:
  """The members of a run.

  Of a sweep every result has the members' axis [M] in front, in the order of `members`;
  `model[2]` is one of them, and its results have no such axis. Nor have those of a run that
  is no sweep.
  """

  def __init__(
    self,
    programs: list[Run],
    workdir: str,
    member: int | None = None,
    where: Mapping[str, str | None] = NOTHING,
  ):
    """Holds opened runs: see `load` and `fit`, which make one."""
    self._runs, self.workdir, self._member, self._where = programs, workdir, member, where
    self._sweep = member is None and bool(programs[0].config["sweep"])

  def __len__(self) -> int:
    """How many members there are."""
    return sum(len(run.members) for run in self._runs)

  def __getitem__(self, member: int) -> "Model":
    """The model of one member, by its number in the sweep.

    Raises:
      IndexError: there is no such member.
    """
    numbers = sorted(n for run in self._runs for n in run.numbers)
    if member not in range(-len(numbers), len(numbers)):
      raise IndexError(f"There is no member {member}: there are {len(numbers)}.")
    number = numbers[member]
    run = next(run for run in self._runs if number in run.numbers)
    one = runs.select(run, run.numbers.index(number))
    return Model([one], self.workdir, number, self._where)

  def __repr__(self) -> str:
    run, which = self._runs[0], "" if self._member is None else f", member {self._member}"
    many = f", {len(self)} members" if self._sweep else which
    config = run.config
    return (
      f"<vae_jax model of {self.workdir}: {config['model']['name']} on {run.dataset.name},"
      f" {config['objective']['name']}{many}>"
    )

  @property
  def config(self) -> dict[str, Any]:
    """The complete configuration; of several programs that of the first."""
    return self._runs[0].config

  @property
  def spec(self) -> Any:
    """What one example is: its shape, kind, domain, columns and classes."""
    return self._runs[0].spec

  @property
  def members(self) -> "pandas.DataFrame":
    """What distinguishes the members: a row each, with the step of its parameters."""
    return frames.members(self._runs)

  def encode(self, x: Any) -> np.ndarray:
    """The codes [N, L] of examples, with [M] in front of a sweep: the mean of q(z|x).

    Of a posterior that is not Gaussian it is the point that stands for it.

    Args:
      x: an array [N, *shape] in the domain of the data (grey levels are uint8, or floats in
        [0, 1]); of a table a data frame, or numbers in the units of its file; a dict of fields
        such as x and label; or the name of a split.

    Raises:
      UserError: x is not what the model was trained on.
    """

    def code(run: Run) -> Callable:
      return lambda params, hyper, example, key: distributions.code(
        run.vae.posterior(params, example)
      )

    return self._asked(x, code)

  def decode(self, z: Any, label: Any = None) -> np.ndarray:
    """E[x|z] of latent vectors, [N, *shape], with [M] in front of a sweep.

    A table is in the units of its file; of symbols it is the likeliest sequence.

    Args:
      z: [N, L], the same for every member, or [M, N, L].
      label: [N], of a conditional model: names or numbers of classes.

    Raises:
      UserError: z is of another shape, or a label is missing or not wanted.
    """
    return self._written(z, label, draw=False, seed=0)

  def sample(
    self, count: int = 16, seed: int = 0, label: Any = None, noise: bool = False
  ) -> np.ndarray:
    """New examples [N, *shape], with [M] in front of a sweep: E[x|z] of z drawn from the prior.

    Args:
      count: N.
      seed: of the draws.
      label: [N], of a conditional model; by default the classes in turn.
      noise: x is drawn from p(x|z) too, in place of its mean.

    Raises:
      UserError: count is no positive integer, or the labels do not fit.
    """
    if not isinstance(count, int) or count < 1:
      raise UserError(f"count is {count!r}; expected how many examples, 1 or more.")
    classes, conditional = len(self.spec.classes), self._runs[0].vae.given is not None
    label = np.arange(count) % classes if conditional and label is None else label
    z = self._each(lambda run: _from_prior(run, count, seed, self._label(label, count)))
    return self._written(z if self._sweep else z[0], label, noise, seed)

  def score(self, x: Any, samples: int = 1, seed: int = 0) -> np.ndarray:
    """A lower bound of log p(x) of every example, nats [N], with [M] in front of a sweep.

    With one sample it is the ELBO of one draw; with K it is the importance-weighted log p_K(x),
    which is nearer. Of columns of a table it is the density of standardised numbers.

    Args:
      x: as in `encode`.
      samples: K.
      seed: of the K draws; the ELBO's draw is the run's own.

    Raises:
      UserError: also of a deterministic autoencoder, which has no bound.
    """
    if not isinstance(samples, int) or samples < 1:
      raise UserError(f"samples is {samples!r}; expected 1 or more.")
    fields, stored = given.examples(x, self._runs[0].dataset)

    def of_run(run: Run) -> np.ndarray:
      if not run.stochastic:
        raise UserError("A deterministic autoencoder has no bound of log p(x) to score by.")
      run = _plain(run, stored)
      if samples == 1:
        return asking.elbo(run, _complete(run, fields))["elbo"]
      args = jax.random.key(seed), samples, min(CHUNK, samples)
      return asking.evidence(run, _complete(run, fields), *args).log_evidence

    return self._squeezed(self._each(of_run))

  def latents(self, split: str = "test", limit: int | None = None) -> "pandas.DataFrame":
    """The codes of a split: a row for each member and example, with its label's name.

    Args:
      split: "train", "valid" or "test".
      limit: how many examples, the first ones; None: all.

    Raises:
      UserError: there is no such split.
    """
    with _exact():
      return frames.latents(self._runs, split, limit)

  def evaluate(self, application: str, **settings: Any) -> "pandas.DataFrame":
    """Runs an application, writes its report, and returns its scores in long form.

    Args:
      application: one, several separated by commas, or "all" that fit the data.
      **settings: of theirs, as `--set` of evaluate.py.

    Raises:
      UserError: an unknown application or setting, or data that does not fit.
    """
    names = application.split(",")
    words = {name: str(value) for name, value in settings.items()}
    which = self._runs[0].which
    evaluating.evaluate(
      self.workdir,
      names,
      words,
      which,
      self._member,
      called=_called(self),
      **self._where,
    )
    found = self.results()
    return found if names == ["all"] else found[found["application"].isin(names)]

  def results(self) -> "pandas.DataFrame":
    """The scores of every application asked so far, in long form: a row for each number.

    Raises:
      UserError: none was asked yet.
    """
    return frames.results(self.workdir)

  def report(self) -> pathlib.Path:
    """Writes the page of all reports so far, and returns its path."""
    return report.render(self.workdir, command=_called(self))

  def _asked(self, x: Any, of_run: Callable[[Run], Callable]) -> np.ndarray:
    """A function of one member and one example at every example."""
    fields, stored = given.examples(x, self._runs[0].dataset)
    key = jax.random.key(0)

    def ask(run: Run) -> np.ndarray:
      run = _plain(run, stored)
      return asking.apply(run, of_run(run), _complete(run, fields), key)

    return self._squeezed(self._each(ask))

  def _written(self, z: Any, label: Any, draw: bool, seed: int) -> np.ndarray:
    sizes = {run.vae.latents for run in self._runs}
    if len(sizes) > 1:
      raise UserError(
        f"The members have {sorted(sizes)} latents: decode with one of them, model[0]."
      )
    z = given.codes(z, len(self), sizes.pop(), self._sweep)
    label = self._label(label, z.shape[-2])
    key = jax.random.key(seed)

    def of_run(run: Run) -> np.ndarray:
      own = z if z.ndim == 2 else z[run.numbers]
      x = asking.write(run, _writer(run, draw), own, label, key)
      return given.own_units(np.asarray(x), run.spec)

    return self._squeezed(self._each(of_run))

  def _label(self, label: Any, count: int) -> np.ndarray | None:
    """The labels [N] that a conditional model writes under; None of the others."""
    conditional = self._runs[0].vae.given is not None
    if conditional == (label is None):
      raise UserError(
        "The model is conditional on a label: give label=[...], one for each z."
        if conditional
        else "The model is not conditional: leave label out."
      )
    if label is None:
      return None
    found = given.labels(label, self.spec)
    if found.shape != (count,):
      raise UserError(
        f"label has shape {found.shape}; expected one for each z, ({count},)."
      )
    return found

  def _each(self, of_run: Callable[[Run], np.ndarray]) -> np.ndarray:
    """What each program says, [M, ...] in the order of the members' numbers."""
    with _exact():
      found = [of_run(run) for run in self._runs]
    shapes = {x.shape[1:] for x in found}
    if len(shapes) > 1:
      raise UserError(
        f"The members' results have the shapes {sorted(shapes)}: ask one of them, model[0]."
      )
    numbers = [n for run in self._runs for n in run.numbers]
    return np.concatenate(found)[np.argsort(numbers)]

  def _squeezed(self, found: np.ndarray) -> np.ndarray:
    return found if self._sweep else found[0]


def _exact() -> contextlib.AbstractContextManager:
  """Products in float32 on every device: codes and likelihoods are exact, as in evaluations."""
  return jax.default_matmul_precision("float32")


def _called(model: Model) -> str:
  """The call that the page names as its origin."""
  which = "" if model._member is None else f"[{model._member}]"
  return f"vae_jax.load({model.workdir!r}){which}.report()"


def _plain(run: Run, stored: bool) -> Run:
  """The run for given arrays, which are what a transform would have made of stored rows."""
  return run if stored else run._replace(dataset=run.dataset._replace(transform=None))


def _complete(run: Run, fields: given.Fields) -> given.Fields:
  """The fields with those a conditional model reads.

  Raises:
    UserError: the model is conditional on a label, and there is none.
  """
  if run.vae.given is not None and "label" not in fields:
    raise UserError(
      "The model is conditional on a label: give a dict with x and label, or name a split."
    )
  return fields


def _from_prior(run: Run, count: int, seed: int, label: np.ndarray | None) -> np.ndarray:
  """Draws [M, N, L] of the prior, the same for every member where it is N(0, I)."""
  key = jax.random.fold_in(jax.random.key(seed), 1)
  rows = {"x": np.zeros((count, 1), np.float32)}
  rows |= {} if label is None else {"label": label}

  def draw(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    about = {} if label is None else {"label": example["label"]}
    return distributions.draw(run.vae.prior(params, about), key).z

  return asking.apply(_plain(run, False), draw, rows, key)


def _writer(run: Run, draw: bool) -> Callable:
  if draw:
    return lambda vae, params, z, key: vae.sample(params, z, key)
  if run.spec.domain == "category":
    return lambda vae, params, z, key: vae.mode(params, z)
  return lambda vae, params, z, key: vae.mean(params, z)
