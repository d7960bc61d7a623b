"""Searching a recipe's hyperparameters with keras-tuner.

`search("vae", {"latent_size": [20, 50, 100], "beta": (0.5, 4.0)}, trials=10, epochs=20)` returns the best overrides,
which, written to a file as JSON, are what `keras-vae train vae --set best.json` takes.
"""

from keras_vae.tuning.search import RecipeHyperModel, search

__all__ = ["RecipeHyperModel", "search"]
