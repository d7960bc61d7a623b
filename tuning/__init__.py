"""Searching a recipe's hyperparameters with keras-tuner.

>>> best = keras_vae.tuning.search("vae", {"latent_size": [20, 50, 100], "beta": (0.5, 4.0)}, trials=10, epochs=20)
>>> pathlib.Path("best.json").write_text(json.dumps(best))       # then: keras-vae train vae --set best.json
"""

from keras_vae.tuning.search import RecipeHyperModel, search

__all__ = ["RecipeHyperModel", "search"]
