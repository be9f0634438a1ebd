"""Moving through the codes: from one sentence to another, and out of the prior."""

import jax
import numpy as np

from vae_jax.applications import _latents, _members
from vae_jax.applications._text_scores import Scores, Section, Source
from vae_jax.baselines import kneser_ney
from vae_jax.baselines import sentiment as judges
from vae_jax.metrics import text
from vae_jax.types import Figure, Table

PAIRS = 8  # of the split, that the curves average over; the first are written out
WRITTEN = 2


def interpolation(source: Source, scores: Scores, model: kneser_ney.Model) -> Section:
  """Greedy sentences on straight lines between two codes, their fluency and their steps."""
  run, steps = source.run, source.settings["steps"]
  ends = _ends(source, scores)  # [M, P, 2, L]
  paths = np.stack(
    [[_latents.linear(a, b, steps) for a, b in member] for member in ends]
  ).astype(np.float32)
  z = paths.reshape(len(paths), -1, paths.shape[-1])
  labels = _labels(source, paths.shape[1], steps)
  written = source.greedy(z, labels).reshape(*paths.shape[:3], -1)  # [M, P, S, T]
  nats = -kneser_ney.log_prob(model, written.reshape(-1, written.shape[-1]))
  fluency = nats.reshape(written.shape[:3])
  fluency = fluency.sum(1) / text.symbols(written).sum(1)  # [M, S]
  shown, t = _members.shown(run), np.linspace(0, 1, steps)
  series = {_members.title(run, m) or "greedy": fluency[m] for m in shown}
  label = f"nats per symbol ({model.order}-gram)"
  figure = Figure(
    "path",
    "lines",
    {"x": t, "series": series, "x_label": "way along the path", "y_label": label},
    "How fluent the sentences between two sentences are, judged by a Kneser-Ney model fitted"
    " on the training text; lower reads better, and a hill in the middle would be a hole.",
  )
  tables = []
  for pair in range(min(WRITTEN, written.shape[1])):
    lead, rows, before = shown[0], [], None
    for way, row in zip(t, written[shown[0], pair], strict=True):
      line = source.texts(row[None])[0]
      moved = None if before is None else text.edits(before.split(), line.split())
      rows.append([float(way), line, moved])
      before = line
    first, last = _originals(source)[pair]
    note = [f"From “{first}” to “{last}”.", _members.title(run, lead)]
    if labels is not None:
      note.append("The label is that of the nearer end.")
    columns = ("way", "written", "edits from the one above")
    title = f"Between two sentences ({pair + 1})"
    tables.append(Table(title, columns, rows, " ".join(filter(None, note))))
  return Section(tables, [figure], [])


def _ends(source: Source, scores: Scores) -> np.ndarray:
  if source.pair is None:
    mean = scores.codes.mean[:, source.rows]
    count = min(PAIRS, mean.shape[1] // 2)
    return np.stack([mean[:, :count], mean[:, -count:]], 2)
  examples = {name: values[:2] for name, values in source.all.items()}
  if source.run.vae.given is not None:
    examples["label"] = _judged(source)
  return source.encode(examples | {"x": source.pair[1]}).mean[:, None]


def _labels(source: Source, pairs: int, steps: int) -> np.ndarray | None:
  """The label of every sentence on the paths, [P S]: that of the nearer end; None without."""
  if source.run.vae.given is None:
    return None
  label = source.examples["label"]
  ends = np.stack([label[:pairs], label[-pairs:]], 1)
  if source.pair is not None:
    ends = _judged(source)[None]
  nearer = (np.linspace(0, 1, steps) > 0.5).astype(int)
  return ends[:, nearer].reshape(-1)


def _judged(source: Source) -> np.ndarray:
  """The labels [2] that a classifier of the training sentences gives the pair."""
  train = source.texts(source.train["x"])
  judge = judges.fit(train, source.train["label"])
  return judges.predict(judge, source.texts(source.pair[1])).astype(np.int32)


def _originals(source: Source) -> list[tuple[str, str]]:
  if source.pair is not None:
    return [tuple(source.pair[0])]
  lines = source.sentences
  count = min(PAIRS, len(lines) // 2)
  return list(zip(lines[:count], lines[-count:], strict=True))


def samples(source: Source, scores: Scores, model: kneser_ney.Model) -> Section:
  """Sentences out of the prior: fluency under n-grams, and n-grams fitted on them."""
  del scores
  run, count = source.run, source.settings["limit"]
  keys = jax.random.split(source.key, count)
  z = np.asarray(jax.vmap(run.vae.prior.sample)(keys))
  z = z if source.coded else np.zeros_like(z)
  label = _as_in_train(source, count)
  draw = lambda vae, params, z, key: vae.sample(params, z, key)
  drawn = source.write(draw, z, label)
  greedy = source.greedy(*_few(source, z, label))
  columns = (*_members.columns(run), "method", f"{model.order}-gram ppl", "reverse ppl")
  columns += ("distinct-2", "symbols")
  blanks = [None] * len(_members.columns(run))
  rows = [[*blanks, "held-out sentences", *_quality(source, source.examples["x"], model)]]
  for m in range(len(run.members)):
    rows.append([*_members.cells(run, m), "samples", *_quality(source, drawn[m], model)])
  note = (
    f"{count:,} sentences each. {model.order}-gram ppl: perplexity under Kneser-Ney of the"
    " training text; reverse ppl: of the held-out sentences under a bigram fitted on the"
    " sentences of the row alone (of held-out ones: on as many training sentences), which"
    " sees a lack of variety. distinct-2: distinct bigrams over all."
  )
  lead = _members.shown(run)[0]
  lines = [["drawn", s] for s in source.texts(drawn[lead, :10])]
  lines += [["greedy", s] for s in source.texts(greedy[lead])]
  origin = "z ~ N(0, I)" if source.coded else "z = 0"
  note_lines = (
    f"{origin}; words drawn from p(x_t | x_<t, z), or the likeliest at each step."
  )
  title = "Sentences out of the prior"
  return Section(
    [
      Table(title, columns, rows, note),
      Table(f"{title}: written", ("words", "sentence"), lines, note_lines),
    ],
    [],
    [],
  )


def _as_in_train(source: Source, count: int) -> np.ndarray | None:
  """Labels [N] drawn as they are in train, for a conditional model; None for another."""
  if source.run.vae.given is None:
    return None
  rng = np.random.default_rng(np.asarray(jax.random.key_data(source.key)))
  return rng.choice(source.train["label"], count)


def _few(
  source: Source, z: np.ndarray, label: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
  """The codes and labels whose greedy sentences are shown: all that differ, at most 8."""
  if source.coded:
    return z[:8], None if label is None else label[:8]
  if label is None:
    return z[:1], None
  classes = np.arange(len(source.run.spec.classes), dtype=np.int32)
  return z[: len(classes)], classes


def _quality(source: Source, x: np.ndarray, model: kneser_ney.Model) -> list[float]:
  held = source.examples["x"]
  fitted = source.train["x"][: len(x)] if x is held else x
  backwards = kneser_ney.fit(fitted, 2, source.run.spec.categories)
  words = [row[row > 1].tolist() for row in x]
  return [
    text.perplexity(-kneser_ney.log_prob(model, x), text.symbols(x)),
    text.perplexity(-kneser_ney.log_prob(backwards, held), text.symbols(held)),
    text.distinct(words, 2),
    float(text.symbols(x).mean()),
  ]
