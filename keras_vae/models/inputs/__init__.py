"""All of the way from a user's data to a batch in standard form, and one clear error for what cannot go it."""

from keras_vae.models.inputs.arrays import EMPTY, OBSERVED, examples, one_array, slices, standard
from keras_vae.models.inputs.batch import Batch
from keras_vae.models.inputs.forms import ByModality, MissingAllowed, OneArray, WithCondition
from keras_vae.models.inputs.gate import Inputs, refuse_unused, unpack
from keras_vae.models.inputs.values import assert_shape, clear_errors

__all__ = [
    "EMPTY",
    "OBSERVED",
    "Batch",
    "ByModality",
    "Inputs",
    "MissingAllowed",
    "OneArray",
    "WithCondition",
    "assert_shape",
    "clear_errors",
    "examples",
    "one_array",
    "refuse_unused",
    "slices",
    "standard",
    "unpack",
]
