"""pythae's own trainer and its own likelihood estimate, on the network of configs/mnist.py."""

import tempfile
from collections.abc import Callable

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn

from benchmarks import problem, pytorch


class Encoder(BaseEncoder):
  """Its encoder in pythae's interface."""

  def __init__(self, net: pytorch.Vae):
    BaseEncoder.__init__(self)
    self.body, self.mean, self.logvar = net.encoder, net.mean, net.logvar

  def forward(self, x: torch.Tensor) -> ModelOutput:
    """Mean and logvar."""
    h = self.body(x)
    return ModelOutput(embedding=self.mean(h), log_covariance=self.logvar(h))


class Decoder(BaseDecoder):
  """Its decoder; pythae's cross-entropy wants probabilities."""

  def __init__(self, net: pytorch.Vae):
    BaseDecoder.__init__(self)
    self.body = nn.Sequential(net.decoder, nn.Sigmoid())

  def forward(self, z: torch.Tensor) -> ModelOutput:
    """Probabilities of the pixels."""
    return ModelOutput(reconstruction=self.body(z))


def model() -> VAE:
  """The network of configs/mnist.py as a model of pythae."""
  net = pytorch.conv()
  config = VAEConfig(input_dim=(1, 28, 28), latent_dim=10, reconstruction_loss="bce")
  return VAE(config, Encoder(net), Decoder(net)).to(pytorch.DEVICE)


def training(
  steps: int, threads: int, data_dir: str | None = None
) -> tuple[Callable[[], None], int]:
  """One epoch of its trainer over as many rows as `steps` batches hold."""
  torch.set_num_threads(threads)
  rows = steps * problem.BATCH
  x = pytorch.tensor(problem.images(problem.TRAIN, data_dir=data_dir)[:rows]).cpu()
  options = BaseTrainerConfig(
    output_dir=tempfile.mkdtemp(),
    num_epochs=1,
    learning_rate=problem.RATE,
    per_device_train_batch_size=problem.BATCH,
    optimizer_cls="Adam",
  )
  trainer = BaseTrainer(model(), BaseDataset(x, torch.zeros(rows)), None, options)
  trainer.prepare_training()
  epoch = 0

  def run() -> None:
    nonlocal epoch
    epoch += 1
    loaders = {"train_loader": trainer.train_loader, "eval_loader": None}
    told = {"training_config": options, "epoch": epoch, **loaders}
    trainer.callback_handler.on_epoch_begin(**told)
    trainer.train_step(epoch)
    trainer.callback_handler.on_epoch_end(training_config=options)

  return run, rows


def evidence(
  images: int, samples: int, threads: int, batch: int = 100, data_dir: str | None = None
) -> tuple[Callable[[], None], int]:
  """`get_nll` with K = samples; `batch` of them at once, its default."""
  torch.set_num_threads(threads)
  net = model().eval()
  x = pytorch.tensor(problem.images(problem.TRAIN, data_dir=data_dir)[:images])

  def run() -> None:
    with torch.no_grad():
      net.get_nll(x, n_samples=samples, batch_size=batch)

  return run, images
