"""Writes docs/errors.md from the sources: python docs/errors.py.

Every sentence that the package may raise as a `UserError` is there, below the part that raises
it, with the page that explains the part.
"""

import ast
import pathlib

DOCS = pathlib.Path(__file__).parent
PACKAGE = DOCS.parent / "vae_jax"
# Title, what to do, and the folders and files of the package.
GROUPS = (
  (
    "Flags and configurations",
    "Compare the name with those that the sentence lists. `vae-jax train --help` lists the"
    " flags, `vae-jax list` the parts, and `vae-jax list sweep` the numbers.",
    ("cli", "flags", "config", "ranges", "registry", "schedules", "own", "types"),
  ),
  (
    "Sweeps",
    "[Scaling](scaling.md#the-sweep) has the forms of a sweep with an example of each.",
    ("training/sweep", "training/halving", "training/plan"),
  ),
  (
    "The run directory and training",
    "[Troubleshooting](troubleshooting.md#the-run-directory) explains the frequent ones."
    " [Reliability](reliability.md) says what a killed training keeps.",
    ("training", "run", "files", "interrupt", "last_word"),
  ),
  (
    "Data",
    "[Data](data.md) says how files are read and which options a dataset has."
    " [Tables](data_tables.md) is about csv files.",
    ("data", "inputs", "columns"),
  ),
  (
    "In Python",
    "[The library in Python](python.md) has what each call takes.",
    ("api", "frames"),
  ),
  (
    "Parts of a model",
    "The page of the model, objective, prior or posterior has its settings:"
    " [all pages](index.md#models). [Choosing a likelihood](choosing_a_likelihood.md) is about"
    " likelihoods.",
    (
      "models", "objectives", "posteriors", "priors", "likelihoods", "vae", "corruptions",
      "latents", "noise", "families", "distributions", "layers", "linalg", "spectra",
    ),
  ),
  (
    "Applications",
    "The page of the application has its settings and what it needs:"
    " [all pages](index.md#applications).",
    (
      "applications", "evaluation", "studies", "baselines", "inference", "metrics",
      "evaluating", "asking",
    ),
  ),
  (
    "Reports and pages",
    "Evaluate again: a report is written anew. [Reading the results](reading_results.md)"
    " explains its files.",
    ("report", "explore", "plots"),
  ),
  (
    "Compressed files",
    "[Compression](applications/compression.md) says what a file needs.",
    ("codec",),
  ),
)  # fmt: skip
HEAD = """# Every error message

An error of this package is one sentence after the word `Error:`. In Python it is a
`vae_jax.UserError`. The sentence says what was wrong, what was expected and what to do. This
page lists all of them. A search finds the part that a sentence comes from, and the page about
that part. A `…` stands for a value of your own, so search for the words between two of them.
[Troubleshooting](troubleshooting.md) has more words about the frequent ones.

This page is written by `python docs/errors.py` from the sources.
"""


def written() -> str:
  """The page."""
  found: dict[str, dict[str, list[str]]] = {title: {} for title, _, _ in GROUPS}
  for path in sorted(PACKAGE.rglob("*.py")):
    if sentences := raised(path):
      name = path.relative_to(PACKAGE).with_suffix("").as_posix()
      section = found[group(name)].setdefault(part(name), [])
      section += [one for one in sentences if one not in section]
  text = HEAD
  for title, advice, _ in GROUPS:
    text += f"\n## {title}\n\n{advice}\n"
    for name, sentences in found[title].items():
      text += f"\n### {name}\n\n{page(name)}"
      text += "".join(f"- `{one.replace('`', chr(39))}`\n" for one in sorted(sentences))
  return text


def group(name: str) -> str:
  """The title of the group of a file; the first one that names it or a folder of it."""
  parts = name.split("/")
  above = {"/".join(parts[: i + 1]) for i in range(len(parts))}
  return next(title for title, _, names in GROUPS if above & set(names))


def part(name: str) -> str:
  """What a file is shown as: applications/anomaly for applications/anomaly/points."""
  kept = name.removesuffix("/__init__").split("/")[:2]
  return "/".join(word.lstrip("_") for word in kept)


def page(name: str) -> str:
  """A link to the page of a part, where it has one."""
  return f"Page: [{name}]({name}.md).\n\n" if (DOCS / f"{name}.md").is_file() else ""


def raised(path: pathlib.Path) -> list[str]:
  """The texts that a file raises as UserError; those that hold no words of their own left out."""
  calls = [
    node
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Call) and node.args
    if getattr(node.func, "id", getattr(node.func, "attr", "")) == "UserError"
  ]
  found = [" ".join(text(call.args[0]).split()) for call in calls]
  return [one for one in found if any(letter.isalpha() for letter in one)]


def text(node: ast.expr) -> str:
  """An expression as text, with … in the place of what is put in."""
  if isinstance(node, ast.Constant):
    return str(node.value)
  if isinstance(node, ast.JoinedStr):
    return "".join(text(v) if isinstance(v, ast.Constant) else "…" for v in node.values)
  if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
    return text(node.left) + text(node.right)
  return "…"


if __name__ == "__main__":
  (DOCS / "errors.md").write_text(written(), encoding="utf-8")
