"""Text: what the code says of a sentence, and moving from one sentence to another."""

from typing import Any

from vae_jax.applications import _members, _text_paths, _text_scores, _text_style
from vae_jax.applications import _text_tables as tables
from vae_jax.baselines import kneser_ney
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Report, UserError

QUESTION = "Does the code say something of a sentence, and can one move through it?"
SETTINGS = {
  "split": "test",
  "samples": 500,  # K of the importance-weighted NLL
  "limit": 200,  # sentences that all perplexities, and sentences written, are of
  "chunk": 10,  # of the K samples at once: memory, not the result
  "batch": 20,  # sentences at once: memory, not the result
  "order": 3,  # n of the Kneser-Ney model that judges what is written
  "steps": 7,  # sentences of an interpolation
  "pair": "",  # two sentences to go between, "a | b"; empty: a few of the split
  "language_model": "",  # a run of the objective language_model on the same data
  "conditional": "",  # a run with model.condition=label on the same data
}


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Likelihood beside n-grams and a language model, reconstruction, paths, style, bits.

  Every perplexity is of the same `limit` sentences and counts the end as a symbol. The NLL of
  a VAE is importance-weighted with `samples` draws, an upper bound; that of the language model
  and of Kneser-Ney is exact. All baselines are fitted on the training split.

  Args:
    run: an opened run; a row for each of its members.
    data: the dataset it was trained on, of symbols.
    key: of everything that is drawn.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting or split, data that is no sentences, a pair that cannot be
      read, a language model or a conditional model that is none or of other data.
  """
  settings = _members.resolve(SETTINGS, settings)
  if len(run.spec.shape) != 1 or not run.spec.symbols:
    raise UserError(
      f"The application text reads rows of symbols, and {data.name} has none; train with"
      " --config=configs/text.py."
    )
  source = _text_scores.Source(run, data, key, settings)
  scores = _text_scores.measure(source)
  model = kneser_ney.fit(source.train["x"], settings["order"], run.spec.categories)
  read = _sections(source, scores, model)
  return Report(
    "text",
    QUESTION,
    read["tables"],
    read["figures"],
    read["findings"],
    _text_scores.arrays(scores),
  )


def _sections(source: Any, scores: Any, model: Any) -> dict[str, list]:
  """Every section: its tables, figures and sentences in the order they are read."""
  found: dict[str, list] = {"tables": [], "figures": [], "findings": []}
  sections = [tables.likelihood(source, scores)]
  if scores.codes is not None:
    sections.append(tables.reconstruction(source, scores))
    sections.append(_text_paths.interpolation(source, scores, model))
  sections.append(_text_paths.samples(source, scores, model))
  if scores.codes is not None:
    sections.append(_text_style.sentiment(source, scores, model))
  sections.append(tables.compression(source, scores))
  for section in sections:
    for kind, values in zip(found, section, strict=True):
      found[kind] += values
  return found
