"""`python -m vae_jax.cli`, where the console command is not on the path."""

from vae_jax.cli import main

if __name__ == "__main__":
  main()
