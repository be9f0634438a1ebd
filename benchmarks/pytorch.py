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
  """The network of configs/mnist.py."""
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
  """The parameters of vae_jax's network of the same name into this one."""
  if "encode_dense" in params:
    names = {
      "encoder.0": "down_0", "encoder.2": "down_1", "encoder.5": "encode_dense",
      "decoder.0": "decode_dense", "decoder.2": "decode_top",
      "decoder.5": "up_0", "decoder.7": "up_1",
    }  # fmt: skip
  else:
    names = {"encoder.1": "down_0", "decoder.0": "up_0", "decoder.2": "out"}
  for here, there in {"mean": "mean", "logvar": "logvar", **names}.items():
    module, leaf = net.get_submodule(here), _channels_first(there, params[there])
    module.weight.data.copy_(torch.from_numpy(leaf["kernel"].copy()))
    module.bias.data.copy_(torch.from_numpy(leaf["bias"].copy()))


def _channels_first(name: str, leaf: dict) -> dict:
  """A layer in PyTorch's layout: [out, in], and an image flattened as [C, H, W]."""
  kernel, bias = leaf["kernel"], leaf["bias"]
  order = np.arange(3136).reshape(7, 7, 64).transpose(2, 0, 1).reshape(-1)
  if name == "encode_dense":
    kernel = kernel[order]
  if name == "decode_top":
    kernel, bias = kernel[:, order], bias[order]
  if kernel.ndim == 2:
    return {"kernel": kernel.T, "bias": bias}
  outputs_first = (3, 2, 0, 1) if name.startswith("down") else (2, 3, 0, 1)
  return {"kernel": kernel.transpose(outputs_first), "bias": bias}
