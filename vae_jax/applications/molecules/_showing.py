"""Draws as molecules: beside held-out ones, as structures, and on a path between two."""

import jax
import numpy as np

from vae_jax import asking
from vae_jax.data import molecules as data
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.members import has_code
from vae_jax.evaluation.protocol import Extra
from vae_jax.evaluation.source import Source
from vae_jax.inference import walks
from vae_jax.metrics import chemistry
from vae_jax.metrics import molecules as metrics
from vae_jax.run import Run, select
from vae_jax.studies.sections import Part
from vae_jax.types import Figure, Table, UserError

SOME = 2000  # molecules of train that the features of the Fréchet distance are fitted to
SHOWN = 10  # structures in a row
HELD = "held-out molecules"


def form(run: Run) -> str:
  """What a symbol is of: "smiles" or "selfies"."""
  return run.config["data"]["format"]


def pair(given: str, run: Run) -> np.ndarray | None:
  """The two molecules of "a | b" as rows [2, T]; None of an empty setting.

  Raises:
    UserError: not two molecules, or one that the model cannot read.
  """
  if not given:
    return None
  both = given.split("|")
  if len(both) != 2:
    raise UserError(f"The setting pair is {given!r}; expected two molecules, 'a | b'.")
  return np.stack([data.parse(one, run.spec, form(run)) for one in both])


def known(source: Source) -> frozenset[str]:
  """The canonical SMILES of all training molecules."""
  return source.once("known", lambda: known_of(source.run))


def known_of(run: Run) -> frozenset[str]:
  """The same of an opened run."""
  rows = run.dataset.splits["train"]["x"]
  return frozenset(map(chemistry.canonical, data.smiles(rows, run.spec, form(run))))


def drawn(source: Source, run: Run) -> np.ndarray:
  """SMILES drawn from p(x|z) at draws of the prior: [M, draws] of words."""
  key = jax.random.clone(source.key)  # the model and the language model share it
  keys = jax.random.split(key, source.settings["draws"])
  z = np.asarray(jax.vmap(run.vae.prior.sample)(keys)) * np.float32(has_code(run))
  sample = lambda vae, params, z, key: vae.sample(params, z, key)
  x = asking.write(run, sample, z, None, source.key, source.settings["batch"])
  return np.array([data.smiles(rows, source.spec, form(run)) for rows in x], object)


def likeness(part: Part) -> Extra:
  """Draws of every model and baseline against held-out molecules."""
  source, count = part.source, part.settings["draws"]
  words = lambda rows: data.smiles(rows, source.spec, form(source.run))
  splits = source.data.splits
  rng = np.random.default_rng(0)
  some = lambda split, n: splits[split]["x"][rng.permutation(len(splits[split]["x"]))[:n]]
  ok = lambda found: [one for one in map(chemistry.canonical, found) if one]
  held = ok(words(some(part.task.split, count)))
  fitted = metrics.space(ok(words(some("train", SOME))))
  sets = [(r.member, r.method, r.answer["drawn"]) for r in part.results if _draws(r)]
  other = "valid" if part.task.split != "valid" else "test"
  sets.insert(0, (None, HELD, words(some(other, count))))
  rows = []
  for member, method, strings in sets:
    if len(valid := ok(strings)) > 2:
      values = metrics.likeness(fitted, valid, held).values()
      rows.append([*part.cells(member), method, *values])
  names = ("internal diversity", "nearest held-out", "weight, Da", "logP", "SA", "QED")
  columns = (*part.keys, "method", *names, "Fréchet descriptor distance")
  note = (
    "Valid draws against held-out molecules; the first row, held-out molecules of another split, is"
    " the best that draws can hope for. Internal diversity: 1 − the mean Tanimoto similarity of"
    " Morgan fingerprints; nearest: the mean similarity to the nearest held-out molecule. Weight,"
    " logP, SA and QED: Wasserstein-1 distances. The Fréchet distance is of standardised"
    f" descriptors and {metrics.COMPONENTS} components of the fingerprints: no FCD."
  )
  return Extra([Table("Draws beside held-out molecules", columns, rows, note)])


def structures(part: Part) -> Extra:
  """Structures of draws, and of molecules with what their code gives back."""
  found, lead = part.first[part.lead.number].answer, part.lead
  valid = [one for one in found["drawn"] if chemistry.canonical(one)]
  figures = []
  if valid:
    shown = [*dict.fromkeys(map(chemistry.canonical, valid))][: 2 * SHOWN]
    shown += [""] * (-len(shown) % SHOWN)
    images = np.stack([chemistry.picture(one) for one in shown])
    data_ = {"images": images.reshape(-1, SHOWN, *images.shape[1:])}
    caption = "Molecules drawn from the model; each valid one once."
    figures.append(Figure("draws", "image_grid", data_, caption))
  if has_code(lead.run):
    some = {name: values[:SHOWN] for name, values in part.task.examples.items()}
    alone = select(lead.run, lead.place)
    code = part.source.posterior(alone, some).mean
    written = asking.greedy(alone, code, None, part.source.key)[0]
    each = [data.smiles(x, part.source.spec, form(alone)) for x in (some["x"], written)]
    images = np.stack([[chemistry.picture(one) for one in row] for row in each])
    data_ = {"images": images, "rows": ["molecule", "from its\ncode"]}
    caption = (
      "Held-out molecules above the greedy decode of their mean code; blank: invalid."
    )
    figures.append(Figure("rebuilt", "image_grid", data_, caption))
  return Extra(figures=figures)


def path(part: Part) -> Extra:
  """Greedy decodes on the straight line between the codes of two molecules, as structures."""
  if not part.coded:
    return Extra()
  lead, s, spec = part.lead, part.settings, part.source.spec
  alone = select(lead.run, lead.place)
  x = pair(s["pair"], alone)
  rows = part.task.examples["x"]
  x = rows[[0, len(rows) // 2]] if x is None else x
  ends = part.source.posterior(alone, {"x": x, "id": np.arange(2, dtype=np.int32)}).mean
  z = walks.linear(ends[:, :1], ends[:, 1:], s["steps"])[0, 0]
  written = asking.greedy(alone, z[None], None, part.source.key)[0]
  smiles = data.smiles(written, spec, form(alone))
  valid = [bool(chemistry.canonical(one)) for one in smiles]
  first, last = data.smiles(x, spec, form(alone))
  marks = [chemistry.fingerprints([one])[0] for one in (first, last)]
  table = []
  for t, one, right in zip(np.linspace(0, 1, s["steps"]), smiles, valid, strict=True):
    like = [None, None]
    if right:
      own = chemistry.fingerprints([one])
      like = [float(metrics.tanimoto(own, mark[None])[0, 0]) for mark in marks]
    table.append([float(t), one, *like])
  images = np.stack([chemistry.picture(one) for one in (first, *smiles, last)])
  names = ["from", *(f"{t:.2f}" for t in np.linspace(0, 1, s["steps"])), "to"]
  figure = Figure(
    "path",
    "image_grid",
    {"images": images[None], "columns": names},
    "The way between two molecules through their codes: greedy decodes; blank: invalid.",
  )
  note = f"From {first} to {last}. {of_members.title(lead, part.outcome.members)}".strip()
  columns = ("way", "written", "similarity to the first", "to the last")
  told = f"Between two molecules {sum(valid)} of {len(valid)} decodes are valid."
  return Extra([Table("Between two molecules", columns, table, note)], [figure], [told])


def _draws(result: object) -> bool:
  return isinstance(result.answer, dict) and "drawn" in result.answer
