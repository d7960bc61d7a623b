"""Searching a recipe's hyperparameters with keras-tuner.

`search("vae", {"latent_size": [20, 50, 100], "beta": (0.5, 4.0)}, trials=10, epochs=20)` returns the best overrides,
which, written to a file as JSON, are what `keras-vae train vae --set best.json` takes. `RecipeHyperModel` is the bare
`keras_tuner.HyperModel`, for a tuner of your own. On the command line: `keras-vae tune`.
"""

from keras_vae.tuning.hypermodel import RecipeHyperModel, default_space, parse_space
from keras_vae.tuning.objectives import OBJECTIVES
from keras_vae.tuning.results import table, trials
from keras_vae.tuning.search import ORACLES, search

__all__ = ["OBJECTIVES", "ORACLES", "RecipeHyperModel", "default_space", "parse_space", "search", "table", "trials"]
