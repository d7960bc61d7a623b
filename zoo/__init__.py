"""The zoo: pretrained models by name.

>>> import keras_vae
>>> keras_vae.zoo.names()
>>> model = keras_vae.zoo.load("mvae_poe")
>>> print(keras_vae.zoo.card("mvae_poe"))

Each entry is a folder beside this file: `recipe.py` (what it is and how it was made: a `Recipe`), `model.keras`,
`metrics.json`, `README.md` (the card), `preview.png` and `examples.npz` (a few inputs, and the outputs expected of
them). Importing this module does not import TensorFlow.
"""

from keras_vae.zoo.cards import card, results_table
from keras_vae.zoo.entries import examples, load, metrics, names, recipe, save
from keras_vae.zoo.recipe import Recipe  # of the module: `zoo.recipe` is the function

__all__ = ["Recipe", "card", "examples", "load", "metrics", "names", "recipe", "results_table", "save"]
