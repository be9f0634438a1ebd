"""The packages of the wheel; everything else is in pyproject.toml.

`configs/` stays at the top of the repository, and the wheel carries it as `vae_jax/configs`. A
mapping beside packages that are found is what pyproject.toml cannot say.
"""

from setuptools import find_packages, setup

setup(
  packages=[*find_packages(include=["vae_jax*"]), "vae_jax.configs"],
  package_dir={"vae_jax.configs": "configs"},
)
