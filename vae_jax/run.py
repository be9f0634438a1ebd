"""An opened run directory: what an evaluation needs, and nothing of training."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import data, layers, registry
from vae_jax import vae as models
from vae_jax.likelihoods import Likelihood
from vae_jax.training import evaluation, step, sweep
from vae_jax.training.checkpoint import Checkpoints
from vae_jax.training.logging import read_rows
from vae_jax.training.workdir import read_json
from vae_jax.types import VAE, Array, Dataset, Params, Spec, UserError

BATCH = 500


class Run(NamedTuple):
  """The members of a run at one checkpoint, and the functions to ask them with."""

  workdir: str
  config: dict  # complete
  spec: Spec
  vae: VAE
  likelihood: Likelihood
  params: Params  # every leaf [M, ...]
  hyper: dict[str, np.ndarray]  # [M] each
  members: list[dict]  # what distinguishes each: its seed, and the swept numbers
  step: np.ndarray  # [M] the step that each member's parameters are of
  which: str  # "best" or "latest"
  history: list[dict]  # rows of metrics.jsonl
  about: dict  # run.json: data sentence, data_dir, parameters, seconds, versions
  dataset: Dataset
  stochastic: bool  # False for the deterministic autoencoder: there is no ELBO


def open_run(workdir: str, which: str = "best", data_dir: str | None = None) -> Run:
  """Opens a run directory; it alone is needed, and the data it was trained on.

  Args:
    workdir: of a training, finished or not.
    which: "best", each member at its best validation ELBO, or "latest".
    data_dir: where the data lies now, when not where it was at training.

  Raises:
    UserError: no run is there, no checkpoint yet, or its data is missing.
  """
  folder = pathlib.Path(workdir)
  for name in ("config.json", "members.json", "run.json"):
    if not (folder / name).is_file():
      raise UserError(
        f"{workdir} is no run directory ({name} is missing): train one there first, with"
        f" python train.py --config=configs/digits.py --workdir={workdir}"
      )
  config, members, about = (
    read_json(folder / f"{name}.json") for name in ("config", "members", "run")
  )
  dataset = data.load(config["data"], data_dir or about["data_dir"])
  likelihood = models.build_likelihood(config["likelihood"], dataset.spec)
  lowering = layers.choose_lowering(jax.default_backend(), len(members))
  vae = models.build(config, dataset.spec, lowering)
  params, at = _read(folder, config, vae, len(members), which)
  objective = registry.find("objectives", config["objective"]["name"])
  return Run(
    workdir=str(workdir),
    config=config,
    spec=dataset.spec,
    vae=vae,
    likelihood=likelihood,
    params=params,
    hyper=sweep.stack(config, members),
    members=members,
    step=at,
    which=which,
    history=read_rows(folder / "metrics.jsonl"),
    about=about,
    dataset=dataset,
    stochastic=getattr(objective, "STOCHASTIC", True),
  )


def select(run: Run, member: int) -> Run:
  """The run of one member alone.

  Raises:
    UserError: there is no such member.
  """
  if not 0 <= member < len(run.members):
    raise UserError(
      f"There is no member {member}: {run.workdir} has members 0 to {len(run.members) - 1}."
    )
  one = slice(member, member + 1)
  rows = [{**row, "member": 0} for row in run.history if row["member"] == member]
  return run._replace(
    params=jax.tree.map(lambda x: x[one], run.params),
    hyper={name: values[one] for name, values in run.hyper.items()},
    members=run.members[one],
    step=run.step[one],
    history=rows,
  )


def apply(
  run: Run,
  fn: Callable,
  examples: dict[str, np.ndarray],
  key: Array,
  batch_size: int = BATCH,
) -> Any:
  """`fn(params, hyper, example, key)` for every member and every example.

  Args:
    run: an opened run.
    fn: of ONE member and ONE example; returns a pytree.
    examples: fields [N, ...] as stored in a split, with their `id` [N] when they are not its
      first N rows. They are decoded and transformed here.
    key: the example's id is folded in, so results do not depend on the batch size.
    batch_size: examples at once.

  Returns:
    The pytree with numpy leaves [M, N, ...].
  """
  mapped = evaluation.over_examples(fn, run.dataset, run.config["data"]["seed"])
  return mapped(run.params, run.hyper, examples, key, batch_size)


def apply_latents(
  run: Run, fn: Callable, z: np.ndarray, key: Array, batch_size: int = BATCH
) -> Any:
  """`fn(params, z, key)` for every member and every latent vector.

  Args:
    run: an opened run.
    fn: of ONE member and ONE z [L]; returns a pytree.
    z: [N, L], the same for every member, or [M, N, L].
    key: the row's number is folded in.
    batch_size: rows at once.

  Returns:
    The pytree with numpy leaves [M, N, ...].
  """
  n, axis = z.shape[-2], 0 if z.ndim == 3 else None
  width = min(batch_size, n)

  @jax.jit
  def batch(params: Params, z: Array, ids: Array, key: Array) -> Any:
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, ids)
    of_batch = jax.vmap(fn, in_axes=(None, 0, 0))
    return jax.vmap(of_batch, in_axes=(0, axis, None))(params, z, keys)

  results = []
  for start in range(0, n, width):
    ids = np.minimum(np.arange(start, start + width), n - 1)
    results.append(jax.device_get(batch(run.params, z[..., ids, :], ids, key)))
  return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, :n], *results)


def terms(
  run: Run, examples: dict[str, np.ndarray], batch_size: int = BATCH
) -> dict[str, np.ndarray]:
  """The training loss's own terms: "loss", "rate", "distortion", "elbo", nats [M, N] each."""
  objective = registry.find("objectives", run.config["objective"]["name"])
  of_split = evaluation.split_terms(run.vae, objective, run.config, run.dataset)
  return of_split(run.params, run.hyper, examples, batch_size)


def _read(
  folder: pathlib.Path, config: dict, vae: VAE, members: int, which: str
) -> tuple[Params, np.ndarray]:
  if which not in ("best", "latest"):
    raise UserError(f"The checkpoint is {which!r}; expected best or latest.")
  one = jax.eval_shape(
    functools.partial(step.init, vae, config), jax.ShapeDtypeStruct((), "int32")
  )
  like = jax.tree.map(lambda x: np.empty((members, *x.shape), x.dtype), one)
  params = step.evaluated(like)
  items = {
    "best": {"params": params, "elbo": np.empty(members, np.float32), "step": like.step},
    "latest": {"params": like.params, "ema": like.ema},
  }
  item = {"best": "best", "latest": "params"}[which]
  checkpoints = Checkpoints.existing(folder)
  found = checkpoints.restore({item: items[which]})
  checkpoints.close()
  if found is None:
    raise UserError(
      f"{folder} has no checkpoint yet: let its training reach the first one."
    )
  for sentence in found.damaged:
    print(f"{sentence} Evaluating checkpoint {found.step}.")
  values = found.items[item]
  if which == "latest":
    ema = values["ema"]
    params = values["params"] if isinstance(ema, tuple | list) and not ema else ema
    return params, np.full(members, found.step)
  if (values["step"] < 0).any():
    never = np.flatnonzero(values["step"] < 0).tolist()
    raise UserError(
      f"Member(s) {never} of {folder} never had a finite validation ELBO: look at the last"
      f" parameters with --checkpoint=latest, or evaluate another with --member."
    )
  return values["params"], values["step"]
