"""The same networks and loss in PyTorch, as its own users write them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import problem

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Vae(nn.Module):
  """An encoder with two heads and a decoder that ends in logits."""

  def __init__(self, encoder: nn.Module, decoder: nn.Module, width: int, latents: int):
    super().__init__()
    self.encoder, self.decoder = encoder, decoder
    self.mean, self.logvar = nn.Linear(width, latents), nn.Linear(width, latents)

  def forward(self, x: torch.Tensor, eps: torch.Tensor) -> tuple:
    """Logits, mean and logvar of a batch, with given noise."""
    h = self.encoder(x)
    mean, logvar = self.mean(h), self.logvar(h)
    return self.decoder(mean + torch.exp(0.5 * logvar) * eps), mean, logvar

  def loss(self, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Cross-entropy + KL, summed over pixels and latents, averaged over the batch."""
    logits, mean, logvar = self(x, eps)
    cross = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = 0.5 * (logvar.exp() + mean**2 - 1 - logvar).sum()
    return (cross + kl) / len(x)


def conv(latents: int = 10) -> Vae:
  """The MNIST article's network."""
  encoder = nn.Sequential(
    nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
    nn.Flatten(), nn.Linear(3136, 400), nn.ReLU(),
  )  # fmt: skip
  decoder = nn.Sequential(
    nn.Linear(latents, 400), nn.ReLU(), nn.Linear(400, 3136), nn.ReLU(),
    nn.Unflatten(1, (64, 7, 7)), nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU(),
    nn.ConvTranspose2d(32, 1, 3, 2, 1, 1),
  )  # fmt: skip
  return Vae(encoder, decoder, 400, latents)


def mlp(latents: int = 20) -> Vae:
  """784-200-20 and back."""
  encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.ReLU())
  decoder = nn.Sequential(
    nn.Linear(latents, 200), nn.ReLU(), nn.Linear(200, 784), nn.Unflatten(1, (1, 28, 28))
  )
  return Vae(encoder, decoder, 200, latents)


def training(
  steps: int,
  network: str = "conv",
  threads: int = 1,
  compile: bool = False,
  members: int = 1,
  channels_last: bool = False,
  data_dir: str | None = None,
) -> tuple[Callable[[], None], int]:
  """`steps` steps of each member, one member after another; the data lies in memory."""
  torch.set_num_threads(threads)
  torch.manual_seed(0)
  data = tensor(problem.images(problem.TRAIN, data_dir=data_dir))
  layout = torch.channels_last if channels_last else torch.contiguous_format
  data = data.to(memory_format=layout)
  build = {"conv": conv, "mlp": mlp}[network]
  steppers = [
    _stepper(build().to(DEVICE, memory_format=layout), compile) for _ in range(members)
  ]

  def run() -> None:
    for step in steppers:
      for _ in range(steps):
        index = torch.randint(len(data), (problem.BATCH,), device=DEVICE)
        step(data[index])
    if DEVICE == "cuda":
      torch.cuda.synchronize()

  return run, steps * problem.BATCH * members


def tensor(images: np.ndarray) -> torch.Tensor:
  """uint8 [N, H, W, 1] as float32 [N, 1, H, W] in [0, 1] on the device."""
  return torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255).to(DEVICE)


def _stepper(net: Vae, compile: bool) -> Callable[[torch.Tensor], None]:
  latents = net.mean.out_features
  # Measured on a CPU: the fused optimizer is the fastest of the three forms of Adam.
  optimizer = torch.optim.Adam(net.parameters(), lr=problem.RATE, fused=True)
  mode = "reduce-overhead" if DEVICE == "cuda" else "default"
  loss = torch.compile(net.loss, mode=mode) if compile else net.loss

  def step(x: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss(x, torch.randn(len(x), latents, device=DEVICE)).backward()
    optimizer.step()

  return step


def copy_weights(net: Vae, params: dict) -> None:
  """Gives a network the parameters of vae_jax's, which flattens [H, W, C] where it is [C, H, W]."""
  convolutional = "encode_dense" in params
  state = {"mean": params["mean"], "logvar": params["logvar"]}
  if convolutional:
    state |= {"encoder.0": params["down_0"], "encoder.2": params["down_1"]}
    state |= {"encoder.5": _flat(params["encode_dense"], 0)}
    state |= {"decoder.0": params["decode_dense"], "decoder.2": _flat(params["decode_top"], 1)}
    state |= {"decoder.5": params["up_0"], "decoder.7": params["up_1"]}
  else:
    state |= {"encoder.1": params["down_0"], "decoder.0": params["up_0"], "decoder.2": params["out"]}
  transposed = ("decoder.5", "decoder.7")
  for name, leaf in state.items():
    axes = (2, 3, 0, 1) if name in transposed else (3, 2, 0, 1)
    kernel = leaf["kernel"].transpose(axes[-leaf["kernel"].ndim :] if leaf["kernel"].ndim == 4 else (1, 0))
    module = net.get_submodule(name)
    module.weight.data.copy_(torch.from_numpy(kernel.copy()))
    module.bias.data.copy_(torch.from_numpy(leaf["bias"].copy()))


def _flat(leaf: dict, axis: int) -> dict:
  """A dense layer on [7, 7, 64] flattened, as one on [64, 7, 7] flattened."""
  order = np.arange(3136).reshape(7, 7, 64).transpose(2, 0, 1).reshape(-1)
  bias = leaf["bias"][order] if axis == 1 else leaf["bias"]
  return {"kernel": np.take(leaf["kernel"], order, axis), "bias": bias}
