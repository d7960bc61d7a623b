"""Moved to `keras_vae.parts`; its names work here for one more version."""

from keras_vae.distributions import __getattr__  # noqa: F401  warns, and hands over
