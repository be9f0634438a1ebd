"""Prepares published data sets in a folder: `vae-jax data mnist --data_dir=data`.

The four idx files of MNIST are checked where they are in the folder (raw/mnist, or itself), and
those of Kuzushiji-MNIST in raw/kmnist.
Otherwise the set is downloaded by TensorFlow Datasets, which needs a network and the extra:
pip install 'vae-jax[tfds-prepare]'. What is written can be carried to machines without either.
"""

import argparse

from vae_jax import flags


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Prepares the sets that are named, one after the other."""
  parser = argparse.ArgumentParser(
    prog=prog,
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("sets", nargs="+", metavar="set", help="mnist, emnist/letters, ...")
  parser.add_argument("--data_dir", required=True, help="the folder of data files")
  known = parser.parse_args(words)
  with flags.told_in_one_sentence():
    for name in known.sets:
      for line in prepared(name, known.data_dir):
        print(line)


def prepared(name: str, data_dir: str) -> list[str]:
  """Makes a set ready, and says what it is and how it is trained on.

  Raises:
    UserError: a file is damaged or missing, the catalogue lacks the set, or TensorFlow is
      not installed.
  """
  from vae_jax import data
  from vae_jax.data import idx, tfds

  loader, option = "tfds", {"set": name}
  if not tfds.prepared(name, data_dir):
    if idx.published(name, data_dir):
      loader, option = "idx", {"path": idx.path_of(name)}
    else:
      tfds.prepare(name, data_dir)
  found = data.load({"name": loader, **option}, data_dir)
  return [data.describe(found), f"Train on it: {command(name, loader, data_dir)}"]


def command(name: str, loader: str, data_dir: str) -> str:
  """The command that trains on a set, with our configuration of it where there is one."""
  from vae_jax import config

  short = {"fashion_mnist": "fashion"}.get(name, name)
  file = short if short in config.names() else "mnist"
  words = [f"vae-jax train --config={file} --workdir=runs/{short.replace('/', '_')}"]
  words += [f"--data_dir={data_dir}"]
  if loader == "idx":
    from vae_jax.data import idx

    words += ["--config.data.name=idx"]
    words += [f"--config.data.path={idx.path_of(name)}"] if idx.path_of(name) else []
  elif file != short:
    words += [f"--config.data.set={name}"]
  return " ".join(words)
