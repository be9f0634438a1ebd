"""How a step is compiled: which members and which rows of a batch run on which device.

- `single`: all members on one device.
- `pmap`: the members spread over the devices, without communication; where there are fewer
  members than devices, every device has them all and a part of each batch.
- `mesh`: a grid of devices ("member", "data"): the members spread over one axis, the rows of
  each batch over the other, by the compiler's own partitioning.

All give the numbers of a member alone on one device, but for the order of sums. The state of
a placement is opaque to its caller: `put` makes it, `chunk` trains it, `get` reads it.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from vae_jax.training import arrays, cores
from vae_jax.training.feed import Feed
from vae_jax.training.step import METRICS, State
from vae_jax.training.sweep import ROWS
from vae_jax.types import Array, Hyper, UserError

NAMES = ("auto", "single", "pmap", "mesh")
CACHE_BYTES = 2_000_000  # measured: docs/benchmarks.md, "Members side by side"

FIXED = {"gpu": 32}  # steps of the inner loop by platform; others: one loop of any length


class Placement(NamedTuple):
  """C members on some devices; a tree of theirs is [C, ...] outside and as it likes inside.

  C is the capacity: `put` fills fewer members up with copies of the last one.
  """

  name: str
  sentence: str  # which members are where
  put: Callable[[Any], Any]  # host tree [up to C, ...] -> placed
  # A part of what is placed is named by `pick`, as in `get(state, lambda state: state.params)`.
  get: Callable[..., Any]  # placed -> numpy tree [C, ...], the same in every process
  local: Callable[..., tuple[Any, Callable]]  # placed -> this process's members, and back
  source: Callable[[Any], Any]  # host tree -> on every device
  chunk: Callable[..., tuple[Any, Any]]  # (state, hyper, source, start, stop)
  program: Callable  # the compiled function behind `chunk`
  shapes: Callable[[Any], Any]  # of one member's tree -> what `program` is given of all


def choose(name: str, members: int, devices: int) -> str:
  """The placement that "auto" stands for, or the name itself.

  One device: single. No fewer members than devices, or one member: pmap. Else mesh.

  Raises:
    UserError: there is no such placement.
  """
  if name not in NAMES:
    raise UserError(f"The placement is {name!r}; expected one of {', '.join(NAMES)}.")
  if name != "auto":
    return name
  if devices == 1:
    return "single"
  return "pmap" if members >= devices or members == 1 else "mesh"


def make(
  name: str,
  members: int,
  devices: list,
  train_step: Callable[[str | None], Callable],
  feed: Feed,
  bytes_each: int,
) -> Placement:
  """A placement of up to C members.

  `chunk(state, hyper, source, start, stop) -> (state, metrics)` takes all steps from `start`
  to `stop` in one dispatch. The bounds are traced: chunks of any length are one program. The
  state is donated. A metric is its average over the chunk, but "skipped" is a count.

  Args:
    name: "single", "pmap" or "mesh".
    members: C.
    devices: of all processes, `jax.devices()`; `single` uses the first.
    train_step: device axis or None -> the step of one member.
    feed: where the batches come from.
    bytes_each: of one member's state, for how many step side by side on a CPU.
  """
  platform = devices[0].platform
  fit = functools.partial(side_by_side, platform, bytes_each=bytes_each)
  fixed = FIXED.get(platform, 0)
  if name == "single":
    return single(members, train_step(None), feed, fit(members), fixed)
  if name == "mesh":
    return _mesh(members, devices, train_step(None), feed, fixed)
  if members >= len(devices):
    return _spread(members, devices, train_step(None), feed, fit, fixed)
  return _split(members, devices, train_step(arrays.SHARDS), feed, fit(members), fixed)


def shares(name: str, members: int, devices: int) -> tuple[int, float]:
  """How many members a device has, and which share of a batch's rows."""
  if name == "single":
    return members, 1.0
  if name == "pmap":
    return (
      (math.ceil(members / devices), 1.0) if members >= devices else (members, 1 / devices)
    )
  across = wide(members, devices)
  return math.ceil(members / across), across / devices


def side_by_side(platform: str, members: int, bytes_each: int) -> int:
  """How many members step under one `vmap`: all on an accelerator, a cacheful on a CPU.

  Args:
    platform: of the device, "cpu" or another.
    members: M on one device.
    bytes_each: of one member's state: parameters and moments.

  Returns:
    A divisor of M.
  """
  if platform != "cpu":
    return members
  most = max(1, CACHE_BYTES // bytes_each)
  return max(d for d in range(1, members + 1) if members % d == 0 and d <= most)


def single(
  members: int, train_step: Callable, feed: Feed, together: int, fixed: int = 0
) -> Placement:
  """All members on one device: a list of groups, `together` of them under one `vmap`.

  Every group runs its whole chunk by the same compiled program, so that on a CPU the state of
  a group can stay in the cache. There as many groups run at once as there are cores. One group
  would not keep all cores busy.
  """
  program = jax.jit(_groups(_steps(train_step, feed, fixed), together), donate_argnums=0)
  starts = range(0, members, together)

  def put(tree: Any) -> list:
    whole = arrays.filled(tree, members)
    cut = lambda at: jax.tree.map(lambda x: x[at : at + together], whole)
    return [jax.device_put(cut(at)) for at in starts]

  def chunk(state: list, hyper: list, source: Any, start: Any, stop: Any) -> tuple:
    of_group = lambda group: program(*group, source, start, stop)
    done = cores.each(of_group, zip(state, hyper, strict=True), "A chunk of training steps")
    return [state for state, _ in done], [metrics for _, metrics in done]

  def local(groups: list, pick: Callable = _all) -> tuple[Any, Callable]:
    joined = lambda *parts: parts[0] if len(parts) == 1 else jnp.concatenate(parts)
    return jax.tree.map(joined, *map(pick, groups)), jax.device_get

  def get(groups: list, pick: Callable = _all) -> Any:
    host = jax.device_get([pick(group) for group in groups])
    return jax.tree.map(lambda *parts: np.concatenate(parts), *host)

  at_once = min(len(starts), cores.count())
  sentence = (
    f"1 device, {members} member(s), {together} side by side, {at_once} group(s) at once"
  )
  shapes = functools.partial(_shapes, (together,))
  return Placement(
    "single", sentence, put, get, local, jax.device_put, chunk, program, shapes
  )


def _spread(
  members: int, devices: list, train_step: Callable, feed: Feed, fit: Callable, fixed: int
) -> Placement:
  """pmap over members: [D, M / D, ...], filled up with copies of the last member."""
  each = math.ceil(members / len(devices))
  together = fit(each)
  chunk = jax.pmap(
    _groups(_steps(train_step, feed, fixed), together),
    in_axes=(0, 0, None, None, None), donate_argnums=0, devices=devices,
  )  # fmt: skip
  here, own = arrays.own(devices)

  def put(tree: Any) -> Any:
    blocks = lambda x: x.reshape(len(devices), each, *x.shape[1:])[own]
    blocked = jax.tree.map(blocks, arrays.filled(tree, len(devices) * each))
    return jax.device_put(blocked, NamedSharding(here, P(arrays.SHARDS)))

  def get(tree: Any, pick: Callable = _all) -> Any:
    return jax.tree.map(
      lambda x: arrays.flat(arrays.gathered(x, here))[:members], pick(tree)
    )

  def local(tree: Any, pick: Callable = _all) -> tuple[Any, Callable]:
    def back(results: Any) -> Any:
      parts = jax.device_get(results)
      return jax.tree.map(lambda x: arrays.everywhere(x)[:members], parts)

    own = arrays.on_host_devices(pick(tree), here)
    return jax.jit(lambda t: jax.tree.map(arrays.flat, t))(own), back

  sentence = f"{len(devices)} devices, {each} member(s) on each, {together} side by side"
  source = lambda tree: jax.device_put(tree, NamedSharding(here, P()))
  shapes = functools.partial(_shapes, (len(devices), each))
  return Placement("pmap", sentence, put, get, local, source, chunk, chunk, shapes)


def _split(
  members: int, devices: list, train_step: Callable, feed: Feed, together: int, fixed: int
) -> Placement:
  """pmap over the rows of a batch: every device has all members, [D, M, ...] copies."""
  rows = math.ceil(feed.batch_size / len(devices))
  place = lambda: jax.lax.axis_index(arrays.SHARDS) * rows + jnp.arange(rows)
  chunk = jax.pmap(
    _groups(_steps(train_step, feed, fixed, place), together), axis_name=arrays.SHARDS,
    in_axes=(0, 0, None, None, None), donate_argnums=0, devices=devices,
  )  # fmt: skip
  here, own = arrays.own(devices)

  def put(tree: Any) -> Any:
    copies = lambda x: np.broadcast_to(x, (len(own), *x.shape))
    copied = jax.tree.map(copies, arrays.filled(tree, members))
    return jax.device_put(copied, NamedSharding(here, P(arrays.SHARDS)))

  def get(tree: Any, pick: Callable = _all) -> Any:
    first = lambda x: np.asarray(x.addressable_shards[0].data)[0]
    return jax.tree.map(first, pick(tree))

  sentence = f"{len(devices)} devices, {members} member(s) on each, {rows} rows of a batch"
  source = lambda tree: jax.device_put(tree, NamedSharding(here, P()))
  local = lambda tree, pick=_all: (get(tree, pick), jax.device_get)
  shapes = functools.partial(_shapes, (len(devices), members))
  return Placement("pmap", sentence, put, get, local, source, chunk, chunk, shapes)


def _mesh(
  members: int, devices: list, train_step: Callable, feed: Feed, fixed: int
) -> Placement:
  """jit over a grid of devices, the members on one axis and the rows on the other."""
  across = wide(members, len(devices))
  data = len(devices) // across
  grid = jax.sharding.Mesh(np.asarray(devices).reshape(across, data), ("member", "data"))
  padded = math.ceil(members / across) * across
  by_member, everywhere = NamedSharding(grid, P("member")), NamedSharding(grid, P())
  by_row = NamedSharding(grid, P("data"))
  rows = math.ceil(feed.batch_size / data) * data

  def batch(*asked: Any) -> Any:
    found = feed.batch(*asked)
    return jax.lax.with_sharding_constraint(found, by_row)

  spread = feed._replace(batch=batch)
  of_member = _steps(train_step, spread, fixed, lambda: jnp.arange(rows))
  every = jax.vmap(of_member, in_axes=(0, 0, None, None, None), spmd_axis_name="member")
  shardings = (by_member, by_member, everywhere, None, None)
  chunk = jax.jit(every, in_shardings=shardings, out_shardings=by_member, donate_argnums=0)

  def put(tree: Any) -> Any:
    return jax.tree.map(lambda x: arrays.spread(x, by_member), arrays.filled(tree, padded))

  def get(tree: Any, pick: Callable = _all) -> Any:
    return jax.tree.map(lambda x: arrays.everywhere(x)[:members], pick(tree))

  def local(tree: Any, pick: Callable = _all) -> tuple[Any, Callable]:
    if jax.process_count() > 1:
      return get(tree, pick), jax.device_get
    return pick(tree), lambda results: jax.tree.map(
      lambda x: x[:members], jax.device_get(results)
    )

  source = lambda tree: jax.tree.map(
    lambda x: arrays.spread(np.asarray(x), everywhere), tree
  )
  sentence = (
    f"{across} × {data} devices (members × rows), {padded // across} member(s) on each"
  )
  shapes = functools.partial(_shapes, (padded,))
  return Placement("mesh", sentence, put, get, local, source, chunk, chunk, shapes)


def _shapes(front: tuple[int, ...], tree: Any) -> Any:
  return jax.tree.map(lambda x: jax.ShapeDtypeStruct((*front, *x.shape), x.dtype), tree)


def _all(tree: Any) -> Any:
  return tree


def _steps(
  train_step: Callable, feed: Feed, fixed: int, place: Callable | None = None
) -> Callable:
  """`(state, hyper, source, start, stop) -> (state, metrics)` of one member."""

  def of_member(
    state: State, hyper: Hyper, source: Any, start: Array, stop: Array
  ) -> tuple[State, dict[str, Array]]:
    rows = place() if place else None

    def body(step: Array, carry: tuple) -> tuple:
      state, sums = carry
      batch = feed.batch(source, step, rows, hyper.get("data_seed"), hyper.get(ROWS))
      state, metrics = train_step(state, hyper, batch)
      return state, {name: sums[name] + metrics[name] for name in METRICS}

    zeros = {name: jnp.zeros(()) for name in METRICS}
    state, sums = _looped(start, stop, body, (state, zeros), fixed)
    share = 1.0 / (stop - start)
    return state, {k: v if k == "skipped" else v * share for k, v in sums.items()}

  return of_member


def _looped(start: Array, stop: Array, body: Callable, carry: Any, fixed: int) -> Any:
  """`fori_loop(start, stop, body, carry)`; as far as it goes in loops of `fixed` steps each.

  A loop whose end is a number of the program asks for its condition at every step, on a GPU of
  the host. One of a known length does not, and is one graph of a GPU's commands.
  """
  if not fixed:
    return jax.lax.fori_loop(start, stop, body, carry)
  whole = (stop - start) // fixed

  def several(number: Array, carry: Any) -> Any:
    first = start + number * fixed
    one = lambda carry, i: (body(first + i, carry), None)
    return jax.lax.scan(one, carry, jnp.arange(fixed, dtype=jnp.int32))[0]

  carry = jax.lax.fori_loop(0, whole, several, carry)
  return jax.lax.fori_loop(start + whole * fixed, stop, body, carry)


def _groups(of_member: Callable, together: int) -> Callable:
  """`of_member` over [M]: group after group, `together` of them under one `vmap`.

  Each group runs its whole chunk, so that on a CPU its state can stay in the cache.
  """

  def chunk(state: State, hyper: Hyper, source: Any, start: Array, stop: Array) -> tuple:
    one = lambda member: of_member(*member, source, start, stop)
    return jax.lax.map(one, (state, hyper), batch_size=together if together > 1 else None)

  return chunk


def wide(members: int, devices: int) -> int:
  """How many devices of a mesh share the members; the others share the rows."""
  return max(d for d in range(1, devices + 1) if devices % d == 0 and d <= members)
