"""Data sets in memory as uint8, and the tf.data pipelines that cast, binarize, augment and pair them in batches;
two small data sets of vectors, and the digits' names as text."""

from keras_vae.data.images import SHAPES, arrays, batches, binarize, digits
from keras_vae.data.pairs import pair_indices, paired_arrays, paired_batches
from keras_vae.data.vectors import oil_flow, tobamovirus
from keras_vae.data.visible import quadrants, random_quadrants, visible_part
from keras_vae.data.words import classify_words, digit_words, texts_of

__all__ = [
    "SHAPES",
    "arrays",
    "batches",
    "binarize",
    "classify_words",
    "digit_words",
    "digits",
    "oil_flow",
    "pair_indices",
    "paired_arrays",
    "paired_batches",
    "quadrants",
    "random_quadrants",
    "texts_of",
    "tobamovirus",
    "visible_part",
]
