"""Mult-VAE at the size of MovieLens-20M: users a second here and in PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks import comparisons, measure
from benchmarks.measure import Contestant
from benchmarks.report import Part
from vae_jax import config as configuration
from vae_jax import data

NETWORK = (600, 200)  # hidden units and latents: I-600-200-600-I
BATCH, RATE, DROPOUT = 500, 1e-3, 0.5
FULL = {"users": 140_000, "items": 20_000, "length": 70}
QUICK = {"users": 4_000, "items": 2_000, "length": 40}


def recommendation(quick: bool) -> Part:
  """Training of Mult-VAE on generated users, batches of 500, Adam, dropout 0.5, β = 0.2."""
  size, steps = (QUICK, 10) if quick else (FULL, 2)
  options = {"size": size, "steps": steps}
  contestants = [Contestant("vae_jax", "recommendation:ours", options)]
  contestants += [
    Contestant(name, "recommendation:pytorch", {**options, **choice})
    for name, choice in (
      ("PyTorch eager, 1 thread", {"threads": 1}),
      ("PyTorch eager, all cores", {"threads": comparisons.cores()}),
      ("PyTorch torch.compile, all cores", {"threads": comparisons.cores(), "compile": True}),
    )
  ]  # fmt: skip
  results, skipped = measure.alternate(contestants, 3)
  about = (
    f"{recommendation.__doc__} {size['users']:,} users of about {size['length']} of"
    f" {size['items']:,} items; a unit is {steps} steps."
  )
  return comparisons.versus("Users a second", about, results, skipped, "users/s")


def _config(size: dict[str, int], steps: int) -> dict[str, Any]:
  hidden, latents = NETWORK
  return configuration.resolve(
    {
      "data": {"name": "interactions", "set": "generated", "valid": 100, "test": 100, **size},
      "model": {
        "name": "multinomial", "latents": latents, "hidden": [hidden], "decoder": [hidden],
      },
      "likelihood": {"name": "multinomial"},
      "objective": {"name": "beta"},
      "corruption": {"name": "dropout"},
      "hyper": {"beta": 0.2, "corruption_rate": DROPOUT, "learning_rate": RATE},
      "train": {"batch_size": BATCH, "steps": steps},
    }
  )  # fmt: skip


def ours(size: dict[str, int], steps: int) -> tuple[Callable[[], None], int]:
  """`steps` steps in one dispatch, as the training loop does them."""
  from benchmarks import ours as shared
  from vae_jax.training import plan, sweep

  config = _config(size, 1_000_000)
  made = plan.assemble(sweep.parts(config)[0], data.load(config["data"], None))
  return shared.steps_of(made, shared.placed(made), steps), steps * BATCH


def pytorch(
  size: dict[str, int], steps: int, threads: int, compile: bool = False
) -> tuple[Callable[[], None], int]:
  """The same in PyTorch: sparse rows on the host, made dense a batch at a time."""
  import torch
  from torch import nn
  from torch.nn import functional

  from vae_jax.data import interactions

  torch.set_num_threads(threads)
  device = "cuda" if torch.cuda.is_available() else "cpu"
  rows = interactions.matrix(data.load(_config(size, steps)["data"], None), "train")
  rows, items = scipy.sparse.csr_matrix(rows), rows.shape[1]
  hidden, latents = NETWORK
  encoder = nn.Sequential(
    nn.Linear(items, hidden), nn.Tanh(), nn.Linear(hidden, 2 * latents)
  )
  decoder = nn.Sequential(nn.Linear(latents, hidden), nn.Tanh(), nn.Linear(hidden, items))
  net = nn.ModuleList([encoder, decoder]).to(device)
  optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)

  def loss(x: torch.Tensor) -> torch.Tensor:
    shown = functional.normalize(functional.dropout(x, DROPOUT))
    mean, logvar = encoder(shown).chunk(2, dim=1)
    logits = decoder(mean + torch.exp(0.5 * logvar) * torch.randn_like(mean))
    cross = -(functional.log_softmax(logits, 1) * x).sum()
    return (cross + 0.1 * (logvar.exp() + mean**2 - 1 - logvar).sum()) / len(x)

  of_batch = torch.compile(loss) if compile else loss
  rng = np.random.default_rng(0)

  def run() -> None:
    for _ in range(steps):
      x = rows[rng.integers(0, rows.shape[0], BATCH)].toarray()
      optimizer.zero_grad(set_to_none=True)
      of_batch(torch.from_numpy(x).to(device)).backward()
      optimizer.step()
    if device == "cuda":
      torch.cuda.synchronize()

  return run, steps * BATCH
