"""Bits of a character of sentences, beside gzip, bz2 and lzma on the same text."""

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra
from vae_jax.metrics import text
from vae_jax.types import Table


def characters(outcome: Outcome) -> Extra:
  """What files need for a character, and what archives need for the same characters."""
  task = outcome.tasks[outcome.lead.part]
  spec = task.source.spec
  apart = "" if all(len(symbol) == 1 for symbol in spec.symbols[3:]) else " "
  lines = [apart.join(spec.symbols[i] for i in text.words(row)) for row in task.own]
  before = task.source.data.splits["train"]["x"]
  before = [apart.join(spec.symbols[i] for i in text.words(row)) for row in before]
  size, bits = text.compression(lines, before, {})
  rows = [[name, alone, after, None] for name, (alone, after) in bits.items()]
  for result in outcome.results:
    if result.member is None or result.member.part != outcome.lead.part:
      continue
    scale = spec.size * len(task.own) / size
    title = of_members.title(result.member, outcome.members) or "VAE"
    whole = result.scores.get("total")
    mean = lambda v, scale=scale: None if v is None else float(v.mean() * scale)
    rows.append(
      [f"{title}, {result.method}", None, mean(result.scores["bits"]), mean(whole)]
    )
  note = (
    f"Bits per character of {size:,} characters, a sentence a line. Alone: the text by itself."
    " After train: what it adds to an archive that holds the training text already; the model was"
    " fitted on that text. Whole file: with its random bits and its header."
  )
  columns = ("method", "alone", "after train", "whole file")
  return Extra([Table("Bits per character", columns, rows, note)])
