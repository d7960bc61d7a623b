"""Finite scalar quantization (Mentzer et al. 2024): a codebook that is a grid, with nothing to learn."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.parts.codebook import CODEBOOKS, Codebook


@keras.saving.register_keras_serializable("keras_vae")
class FiniteScalarCodebook(Codebook):
    """Each number of a feature is bounded by a tanh and rounded to one of a few levels, evenly spaced in [-1, 1]; the
    code is the index of their combination. No vector is learned, none can die, and no term is added to the objective
    (Mentzer et al. 2024, section 3.1).

    Args:
        latent_size: numbers a feature: how many levels there are.
        codes: the product of the levels.
        levels: of each number. None: the same for all, where `codes` is a power of `latent_size`.

    Raises:
        TypeError, ValueError: levels that are none, or that do not multiply to `codes`.
    """

    def __init__(self, latent_size: int, codes: int = 512, levels: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(latent_size, codes, **kwargs)
        if levels is None:
            levels = (round(self.codes ** (1.0 / self.latent_size)),) * self.latent_size
            if math.prod(levels) != self.codes:
                raise ValueError(
                    f"{self.codes} is no product of {self.latent_size} equal whole numbers: give a latent_size that "
                    "it is a power of, such as 3 for 512 codes of 8 levels each; or levels, to "
                    "keras_vae.parts.FiniteScalarCodebook(3, 480, levels=(8, 10, 6))."
                )
        self.levels = checks.sizes("levels", levels, least=2)
        if len(self.levels) != self.latent_size or math.prod(self.levels) != self.codes:
            raise ValueError(
                f"The levels must be {self.latent_size}, one a number, and multiply to {self.codes} codes; got "
                f"{self.levels}. FiniteScalarCodebook(3, 512, levels=(8, 8, 8)) is an example."
            )
        sizes = np.array(self.levels)
        self.lowest = (-(sizes // 2)).astype("float32")  # of the rounded numbers, whole ones
        self.places = np.concatenate([[1], np.cumprod(sizes[:-1])]).astype("int32")

    def bounded(self, features) -> tf.Tensor:
        """Features to numbers of which rounding makes each level, `[..., latent]`."""
        half = (np.array(self.levels, "float32") - 1.0) * (1.0 + 1e-3) / 2.0
        offset = np.where(np.array(self.levels) % 2, 0.0, 0.5).astype("float32")
        return tf.tanh(tf.cast(features, "float32") + np.arctanh(offset / half)) * half - offset

    def coordinates(self, features) -> tf.Tensor:
        return self.bounded(features) / -self.lowest

    def call(self, features):
        steps = tf.cast(tf.round(self.bounded(features)) - self.lowest, tf.int32)
        return tf.reduce_sum(tf.clip_by_value(steps, 0, np.array(self.levels) - 1) * self.places, axis=-1)

    def lookup(self, codes) -> tf.Tensor:
        steps = tf.cast(codes, tf.int32)[..., None] // self.places % np.array(self.levels, "int32")
        return (tf.cast(steps, "float32") + self.lowest) / -self.lowest

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


CODEBOOKS["finite_scalar"] = FiniteScalarCodebook
