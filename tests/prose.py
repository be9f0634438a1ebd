"""The sentences and the links of a Markdown page."""

import ast
import pathlib
import re

FENCE = re.compile(r"^ *```.*?^ *``` *$", re.S | re.M)
COMMENT = re.compile(r"<!--.*?-->", re.S)
INDENTED = re.compile(r"(?:^|\n\n)(?: {4}.*\n?)+")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)]*)\)")
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img[^>]*>")
BLOCK = re.compile(r"^\s*(?:#|[-*] |\d+\. |\|)")
END = re.compile(r"(?<=[.!?])[\"'”*)]*\s+(?=[\"'“*(`\[]*[A-ZÀ-Þ0-9Α-ω`])")


def sentences(page: str) -> list[str]:
  """Every sentence of a page: code blocks, pictures and addresses left out.

  A heading, an item of a list and a cell of a table are each a paragraph of their own.
  """
  text = FENCE.sub("\n\n", COMMENT.sub("", page))
  text = IMAGE.sub("", INDENTED.sub("\n\n", text))
  text = LINK.sub(r"\1", text)
  paragraphs, lines = [], []
  for line in [*text.splitlines(), ""]:
    if (not line.strip() or BLOCK.match(line)) and lines:
      paragraphs.append(" ".join(lines))
      lines = []
    if line.lstrip().startswith("|"):
      paragraphs += line.strip().strip("|").split("|")
    elif line.strip():
      lines.append(re.sub(r"^\s*(?:#+|[-*]|\d+\.) ", "", line).strip())
  return [s.strip() for p in paragraphs for s in END.split(p) if s.strip()]


def words(sentence: str) -> int:
  """How many words a sentence has; a piece of code in it is one."""
  return len(re.sub(r"`[^`]*`", "code", sentence).split())


def links(page: str) -> list[str]:
  """The addresses that a page links to, code blocks left out."""
  return [address for _, address in LINK.findall(FENCE.sub("", page))]


def commands(page: str) -> list[str]:
  """The commands of all blocks of a shell, each on one line and without its comment."""
  fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```", page, re.S | re.M)
  blocks = [text for language, text in fences if language in ("", "bash")]
  lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
  return [re.sub(r"\s+#.*", "", line).strip() for line in lines if line.strip()]


def literals(folder: pathlib.Path) -> list[str]:
  """Every text of the sources below a folder, with … in the place of what is put in."""
  found = []
  for path in sorted(folder.rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.Constant) else "…" for v in node.values]
        found.append("".join(parts))
      elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        found.append(node.value)
  return found
