"""Variational autoencoders as pure functions: one example, then a batch, a sweep, a pod."""
