"""The navigation of the site: the headings and links of index.md, so that it is written once."""

import pathlib
import re


def entries(index: str) -> list[dict]:
  """[{heading: [{title: page}, ...]}, ...] of an index; pages of the site alone."""
  found: list[dict] = [{"All pages": "index.md"}]
  for heading, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", index, re.S | re.M):
    links = re.findall(r"^- \[(.*?)\]\((.*?\.md)\)", text, re.M)
    found.append({heading: [{title: page} for title, page in links]})
  return found


def on_config(config):
  """Called by MkDocs before it reads the pages."""
  index = pathlib.Path(config["docs_dir"]) / "index.md"
  config["nav"] = entries(index.read_text(encoding="utf-8"))
  return config
