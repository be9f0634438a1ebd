"""The codec: what goes in comes out, for its negative ELBO, and nothing else ever does."""

import functools
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from helpers import program, tiny
from scipy.special import ndtr
from scipy.stats import norm

from vae_jax import codec, data
from vae_jax import vae as models
from vae_jax.codec import binding, chain, container, tables
from vae_jax.codec.stack import Stack, StreamError
from vae_jax.config import override
from vae_jax.run import Run
from vae_jax.training import sweep
from vae_jax.types import Column, Dataset, Spec, UserError


def random_run(spec: Spec, likelihood: dict, seed=0, parts=None, **model) -> Run:
  """A run of a model that was never trained; `parts` are further ones of its configuration."""
  config = tiny(
    data={"name": "digits"},
    likelihood=likelihood,
    **(parts or {}),
  )
  config = override(config, {f"model.{name}": value for name, value in model.items()})
  vae = models.build(config, spec)
  params = jax.tree.map(
    lambda x: np.asarray(x)[None], jax.jit(vae.init)(jax.random.key(seed))
  )
  members = sweep.members(config)
  dataset = Dataset("made", spec, {"test": {"x": np.zeros((0, *spec.shape), np.float32)}})
  return Run(
    workdir="", config=config, spec=spec, vae=vae,
    likelihood=models.build_likelihood(config["likelihood"], spec), params=params,
    hyper=sweep.stack(config, members), members=members, step=np.zeros(1, int),
    which="best", history=[], about={}, dataset=dataset, stochastic=True, numbers=[0],
    ended=[""],
  )  # fmt: skip


BINARY = Spec((4, 3, 1), "image", "binary")
KINDS = {  # of likelihoods: the data, the likelihood, the symbols
  "binary": (BINARY, {"name": "bernoulli"}, 2),
  "grey": (Spec((4, 3, 1), "image", "unit"), {"name": "discretised_logistic"}, 256),
  "levels": (
    Spec((3, 3, 3), "image", "unit"),
    {"name": "discretised_logistic", "levels": 17, "scale": "predicted"},
    17,
  ),
  "binned": (Spec((3, 4, 1), "image", "unit"), {"name": "binned"}, 256),
  "beta": (Spec((3, 4, 1), "image", "unit"), {"name": "beta_binomial"}, 256),
  "mixture": (Spec((3, 4, 1), "image", "unit"), {"name": "logistic_mixture"}, 256),
  "words": (Spec((7,), "table", "category", categories=5), {"name": "categorical"}, 5),
}
COINS = {"name": "bernoulli"}
MODELS = {  # the data, the likelihood, the symbols, the model and other parts
  "two_layers": (BINARY, COINS, 2, {"name": "two_layers", "hidden": [8]}, {}),
  "ladder": (
    Spec((8, 8, 1), "image", "binary"), COINS, 2,
    {"name": "ladder", "channels": [3, 4], "blocks": [1, 1], "latents": 1}, {},
  ),
  "frames": (
    Spec((3, 4), "video", "binary"), COINS, 2,
    {"name": "frames", "hidden": 5, "widths": [4], "latents": 1}, {},
  ),
  "columns": (
    Spec((3,), "table", "mixed", columns=(
      Column("a", "category", 3), Column("b", "ordinal", 5), Column("c", "category", 2))),
    {"name": "mixed"}, 5, {"name": "table", "hidden": [4]}, {},
  ),
  "mixture prior": (BINARY, COINS, 2, {}, {"prior": {"name": "mixture", "components": 4}}),
  "vamp": (BINARY, COINS, 2, {}, {"prior": {"name": "vamp", "components": 3}}),
  "label": (BINARY._replace(classes=("a", "b", "c")), COINS, 2, {"condition": "label"}, {}),
  "pixels": (
    Spec((4, 5, 3), "image", "unit"), {"name": "discretised_logistic", "levels": 17}, 17,
    {"name": "pixel_vae", "hidden": [8], "features": 2, "width": 5, "reach": 2}, {},
  ),
  "sentences": (
    Spec((6,), "text", "category", categories=7), {"name": "tokens"}, 7,
    {"name": "sentence", "hidden": 6, "embed": 5}, {},
  ),
  "tokens at once": (
    Spec((6,), "text", "category", categories=7), {"name": "tokens"}, 7,
    {"name": "mlp", "hidden": [6]}, {},
  ),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def bound_once():
  """A program is compiled once for a run and a batch, not once for each call."""
  bind, known = binding.bind, {}

  def once(run, member, batch):
    if not run.workdir:  # those made here, which live as long as this module
      if (id(run), batch) not in known:
        known[id(run), batch] = run, bind(run, member, batch)
      return known[id(run), batch][1]
    return bind(run, member, batch)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(binding, "bind", once)
    yield


@functools.cache
def run_of(kind: str) -> Run:
  spec, likelihood, _, *rest = (KINDS | MODELS)[kind]
  model, parts = rest or ({}, {})
  return random_run(spec, likelihood, parts=parts, **model)


@functools.cache
def made(kind: str, count: int):
  run, rng = run_of(kind), np.random.default_rng(count)
  x = rng.integers(0, run.likelihood.symbols, (count, *run.spec.shape))
  if run.likelihood.end:
    x[np.cumsum(x <= run.likelihood.end, 1) > (x == 1)] = 0  # nothing behind an end
  label = rng.integers(0, len(run.spec.classes), count) if run.spec.classes else None
  return run, x, label, codec.compress(run, x, label=label)


@pytest.mark.parametrize("kind", [*KINDS, *MODELS])
@pytest.mark.parametrize("count", [0, 1, 5, 90])
def test_decoding_after_encoding_is_the_identity(kind, count):
  run, x, label, found = made(kind, count)
  ((again, named),) = codec.unblocked(run, found.content)
  assert again.shape == x.shape
  np.testing.assert_array_equal(again, x)
  np.testing.assert_array_equal(named, 0 if label is None else label)


def test_symbols_come_off_a_stack_as_they_were_put_on():
  rng = np.random.default_rng(0)
  stack, put = Stack(seed=1), []
  stack.open(5)
  before = [v.copy() for v in stack.dump()]
  for _ in range(300):
    n, precision = int(rng.integers(1, 6)), int(rng.integers(2, 31))
    edges = np.sort(rng.choice(1 << min(precision, 16), 2 if precision == 2 else 3, False))
    start = np.full(n, edges[0])
    mass = np.full(n, edges[1] - edges[0])
    stack.push(start, mass, precision)
    put.append((start, mass, precision))
  for start, mass, precision in reversed(put):

    def find(place, start=start, mass=mass):
      assert ((place >= start) & (place < start + mass)).all()
      return place, start, mass

    stack.pop(len(start), find, precision)
  for now, then in zip(stack.dump(), before, strict=True):
    np.testing.assert_array_equal(now, then)


def test_a_stack_costs_the_entropy():
  rng, stack = np.random.default_rng(0), Stack(seed=0)
  stack.open(20)
  start = stack.bits
  p = 0.1
  ones = rng.random((4000, 20)) < p
  mass = np.round(np.where(ones, p, 1 - p) * 2**16).astype(int)
  for row, one in zip(mass, ones, strict=True):
    stack.push(np.where(one, round((1 - p) * 2**16), 0), row, 16)
  entropy = -np.log2(mass / 2**16).sum()
  assert stack.bits - start == pytest.approx(entropy, rel=2e-3)


def test_nothing_comes_off_an_empty_stack():
  stack = Stack.load(np.full(3, 1 << 32, np.uint64), np.zeros(0, np.uint32))
  find = lambda place: (place, place, np.ones_like(place))
  with pytest.raises(StreamError):
    stack.pop(3, find, 30)
  with pytest.raises(StreamError):
    Stack.load(np.zeros(2, np.uint64), np.zeros(1, np.uint32))


def test_every_symbol_has_a_mass_and_all_of_them_fill_the_range():
  for below, symbols in (
    (lambda k: np.where(k > 3, 1.0, 0.0), 9),  # all of it on one symbol
    (lambda k: k / 5, 5),
    (lambda k: np.full(len(k), np.nan_to_num(0.0)), 4),
  ):
    start = tables.integers(below, symbols, 12)
    edges = start(np.arange(symbols + 1))
    assert edges[0] == 0
    assert edges[-1] == 1 << 12
    assert (np.diff(edges) >= 1).all()
    places = np.arange(1 << 12)
    found, first, mass = tables.finder(start, symbols)(places)
    assert ((first <= places) & (places < first + mass)).all()
    np.testing.assert_array_equal(np.bincount(found, minlength=symbols), np.diff(edges))


def test_bins_have_equal_mass_and_a_posterior_its_own():
  np.testing.assert_allclose(np.diff(norm.cdf(tables.EDGES)), 2.0**-tables.BINS, rtol=1e-6)
  mean, logvar = np.array([0.3]), np.array([-4.0])
  start = tables.posterior(mean, logvar)
  k = np.arange(0, (1 << tables.BINS) + 1, 997)
  share = np.array([start(np.array([i]))[0] for i in k]) / 2.0**tables.POSTERIOR
  exact = ndtr((tables.EDGES[k] - 0.3) / np.exp(-2.0))
  np.testing.assert_allclose(share, exact, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_below_is_the_cumulative_mass_of_the_likelihood(kind):
  spec, options, symbols = KINDS[kind]
  likelihood = models.build_likelihood(options, spec)
  rng = np.random.default_rng(3)
  theta = rng.normal(size=(6, likelihood.outputs)).astype(np.float32)
  if likelihood.shared:
    shared = np.broadcast_to(np.float32(likelihood.shared), (6, len(likelihood.shared)))
    theta = np.concatenate([theta, shared], -1)
  scale = 1 if spec.domain == "category" else symbols - 1
  for k in rng.choice(symbols, min(symbols, 9), replace=False):
    values = np.full(6, k)
    edges = [likelihood.below(theta.astype(float))(values + i) for i in (0, 1)]
    edges = [np.where(values + i <= 0, 0, np.where(values + i >= symbols, 1, e))
             for i, e in enumerate(edges)]  # fmt: skip
    x = (values / scale).astype(np.float32)
    log_prob = np.array(
      [likelihood.log_prob(t[None], v[None]) for t, v in zip(theta, x, strict=True)]
    )
    np.testing.assert_allclose(edges[1] - edges[0], np.exp(log_prob), rtol=2e-3, atol=1e-6)


def test_the_net_cost_is_the_negative_elbo():
  """On the codes that the stream drew, and on average over fresh ones, within a per cent."""
  spec, likelihood, _ = KINDS["binary"]
  run = random_run(spec, likelihood, latents=2)
  x = np.random.default_rng(0).integers(0, 2, (3000, *spec.shape))
  found = codec.compress(run, x)
  examples = {"x": x.astype(np.float32)}

  def cost(params, x, key):
    example = {"x": x}
    q = run.vae.posterior(params, example)
    z = q.mean + jax.numpy.exp(0.5 * q.logvar) * jax.random.normal(key, q.mean.shape)
    normal = jax.scipy.stats.norm.logpdf
    rate = normal(z, q.mean, jax.numpy.exp(0.5 * q.logvar)).sum() - normal(z).sum()
    return rate - run.vae.log_likelihood(params, z, example)

  params = jax.tree.map(lambda leaf: leaf[0], run.params)
  keys = jax.random.split(jax.random.key(2), len(x))
  nats = jax.vmap(cost, (None, 0, 0))(params, examples["x"], keys).sum()
  expected, heads = float(nats) / np.log(2), 50 * chain.examples(len(x))
  assert abs(found.bits - found.borrowed - expected) < 0.005 * expected + heads


def test_a_long_file_is_blocks_that_belong_together(monkeypatch):
  run, x, *_ = made("binary", 90)
  monkeypatch.setattr(codec, "BLOCK", 40)
  parts = [made.content for made in codec.blocks(run, x)]
  other = [made.content for made in codec.blocks(run, x[::-1])]
  assert len(parts) == 3
  np.testing.assert_array_equal(codec.decompress(run, b"".join(parts)), x)
  for wrong, match in (
    (parts[:2], "80 of 90"),
    (parts[1:], "follow"),
    ([parts[0], parts[2], parts[1]], "follow"),
    ([parts[0], other[1], parts[2]], "what was put in"),
  ):
    with pytest.raises(UserError, match=match):
      codec.decompress(run, b"".join(wrong))


def test_a_block_is_read_when_it_is_coded(monkeypatch):
  run, x, *_ = made("binary", 90)
  monkeypatch.setattr(codec, "BLOCK", 40)

  class Rows:  # of a file on the disk
    read = 0

    def __len__(self):
      return len(x)

    def __getitem__(self, rows):
      self.read = rows.stop
      return x[rows]

  rows = Rows()
  blocks = codec.blocks(run, rows)
  content = next(blocks).content
  assert rows.read == 40
  content += b"".join(made.content for made in blocks)
  first, _ = next(codec.unblocked(run, content))
  np.testing.assert_array_equal(first, x[:40])


def test_heads_of_every_length_are_packed_and_read_again():
  heads = np.concatenate([1 << np.arange(32, 64, dtype=np.uint64)] * 2)
  heads[32:] = heads[32:] * np.uint64(2) - np.uint64(1)  # all ones
  heads = np.append(heads, np.uint64(2**64 - 1))
  packed = container._packed(heads)
  assert 8 * len(packed) - container.head_bits(heads) in range(8)
  np.testing.assert_array_equal(container._unpacked(memoryview(packed), len(heads)), heads)
  assert container._unpacked(memoryview(packed), len(heads) - 1) is None
  assert container._unpacked(memoryview(packed[:-1]), len(heads)) is None


def test_another_model_and_no_file_are_told():
  run, _, _, found = made("grey", 5)
  other = random_run(*KINDS["grey"][:2], seed=1)
  for content, match in (
    (b"", "VJZ"),
    (b"GIF89a" + found.content, "VJZ"),
    (found.content[:3] + b"\x09" + found.content[4:], "version"),
    (found.content[:-1], "cut"),
    (found.content + b"\0", "cut"),
  ):
    with pytest.raises(UserError, match=match):
      codec.decompress(run, content)
  with pytest.raises(UserError, match="another model"):
    codec.decompress(other, found.content)


def test_what_cannot_be_coded_is_refused():
  run, x, *_ = made("grey", 5)
  for wrong, match in (
    (x[:, :2], "shape"),
    (x + 1000, "levels"),
    (x - 1, "levels"),
    (x / 255 + 0.001, "levels"),
    (x.astype(str), "type"),
  ):
    with pytest.raises(UserError, match=match):
      codec.compress(run, wrong)
  real = random_run(Spec((4,), "table", "real"), {"name": "gaussian"})
  with pytest.raises(UserError, match="mass"):
    codec.compress(real, np.zeros((2, 4)))
  zeros, codes = np.zeros((2, 4, 3, 1), int), {"name": "categorical", "categories": 2}
  prior = {"name": "autoregressive_categorical", "hidden": 4}
  for match, model, parts in (
    ("a mixture as its prior", {"name": "two_layers", "hidden": [8], "components": 2}, {}),
    ("is discrete", {"latents": 4}, {"posterior": codes, "prior": prior}),
  ):
    with pytest.raises(UserError, match=match):
      codec.compress(random_run(BINARY, COINS, parts=parts, **model), zeros)
  # Grey levels without their channel, and as shares of 1, are the same file.
  assert codec.compress(run, x[..., 0] / 255).content == made("grey", 5)[3].content


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
  """A mutation that keeps the outer checksum right, so that the stream itself is wrong."""
  body = bytearray(content[container.FRONT.size :])
  for _ in range(rng.integers(1, 4)):
    body[rng.integers(len(body))] ^= 1 << rng.integers(8)
  if rng.random() < 0.3:
    body = body[: rng.integers(len(body))]
  check = container.zlib.crc32(body)
  front = container.FRONT.pack(container.MAGIC, container.VERSION, check, len(body))
  return front + bytes(body)


def survives(run, x, content) -> bool:
  try:
    found = codec.decompress(run, content)
  except UserError:
    return False
  np.testing.assert_array_equal(found, x)  # the original, never other data
  return True


def mutations(rounds: int, seed: int) -> None:
  run, x, _, found = made("levels", 5)
  rng = np.random.default_rng(seed)
  for _ in range(rounds):
    wrong = damaged(found.content, rng)  # a bit may be turned there and back
    assert wrong == found.content or not survives(run, x, wrong)
    plain = bytearray(found.content)
    plain[rng.integers(len(plain))] ^= 1 << rng.integers(8)
    assert not survives(run, x, bytes(plain))


def test_an_altered_file_is_never_other_data():
  mutations(60, 0)


@pytest.mark.slow
def test_ten_thousand_altered_files_are_never_other_data():
  mutations(5000, 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp("codec")
  done = program(
    "train.py", "--config=configs/digits.py", f"--workdir={folder}/run",
    "--config.train.epochs=2", "--config.model.name=mlp", "--config.model.hidden=[32]",
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  x = np.round(data.load({"name": "digits"}, None).splits["test"]["x"] * 16).astype(
    np.uint8
  )
  np.save(folder / "x.npy", x)
  return folder, x


def command(*words, threads="2", devices=1):
  flags = f"--xla_cpu_multi_thread_eigen={'true' if threads != '1' else 'false'}"
  flags += f" --xla_force_host_platform_device_count={devices}"
  env = {**os.environ, "XLA_FLAGS": flags, "NPROC": threads}
  call = [sys.executable, "-m", "vae_jax.codec", *words]
  return subprocess.run(call, capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
def test_other_processes_devices_and_threads_give_the_same_bytes(trained):
  folder, x = trained
  run = ("--run", f"{folder}/run")
  sides = [("2", 1), ("1", 1), ("4", 4)]
  for i, (threads, devices) in enumerate(sides):
    done = command(
      "compress",
      f"{folder}/x.npy",
      f"{folder}/{i}.vjz",
      *run,
      threads=threads,
      devices=devices,
    )
    assert done.returncode == 0, done.stderr
    assert "bits a value" in done.stdout
  contents = {(folder / f"{i}.vjz").read_bytes() for i in range(len(sides))}
  assert len(contents) == 1
  done = command("decompress", f"{folder}/0.vjz", f"{folder}/again.npz", *run, threads="1")
  assert done.returncode == 0, done.stderr
  np.testing.assert_array_equal(np.load(folder / "again.npz")["x"], x)
  done = command("decompress", f"{folder}/0.vjz", f"{folder}/again.npy", *run)
  assert done.returncode == 0, done.stderr
  np.testing.assert_array_equal(np.load(folder / "again.npy"), x)
  assert "250 examples" in command("info", f"{folder}/0.vjz").stdout


@pytest.mark.slow
def test_mistakes_of_the_command_are_sentences(trained):
  folder, _ = trained
  run = ("--run", f"{folder}/run")
  (folder / "junk.vjz").write_bytes(b"nothing")
  for words, match in (
    (("compress", f"{folder}/none.npy", f"{folder}/a.vjz", *run), "no file"),
    (("decompress", f"{folder}/none.vjz", f"{folder}/a.npy", *run), "no file"),
    (("decompress", f"{folder}/junk.vjz", f"{folder}/a.npy", *run), "VJZ"),
    (("compress", f"{folder}/x.npy", f"{folder}/no/a.vjz", *run), "no folder"),
    (("compress", f"{folder}/x.npy", f"{folder}/a.vjz", *run, "--member=7"), "member"),
  ):
    done = command(*words)
    assert done.returncode == 2, (words, done.stderr)
    assert match in done.stderr
    assert done.stderr.count("\n") == 1
