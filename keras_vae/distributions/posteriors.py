"""Posteriors q(z|x): a head on the encoder's features, and the distribution that its outputs describe."""

import keras
import numpy as np
import tensorflow_probability as tfp
from keras import ops

from keras_vae.distributions.draws import Laplace, Normal

tfd = tfp.distributions

SMALLEST_SCALE = 1e-5


class _LocationScalePosterior(keras.layers.Layer):
    """Features `[batch, ...]` to `(loc, scale)`, `[batch, latent]` each; scales are `softplus(raw) + 1e-5`."""

    def __init__(self, latent_size, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.latent_size = latent_size

    def build(self, input_shape):
        self.flatten = keras.layers.Flatten(dtype="float32")
        self.flatten.build(input_shape)
        self.head = keras.layers.Dense(2 * self.latent_size, dtype="float32", name="head")
        self.head.build(self.flatten.compute_output_shape(input_shape))

    def call(self, features):
        loc, raw_scale = ops.split(self.head(self.flatten(features)), 2, axis=-1)
        return loc, ops.softplus(raw_scale) + SMALLEST_SCALE

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}


@keras.saving.register_keras_serializable("keras_vae")
class NormalPosterior(_LocationScalePosterior):
    """Diagonal normal posterior."""

    def distribution(self, loc, scale):
        """`loc` and `scale`, `[..., latent]`, to a TFP distribution over z."""
        return tfd.Independent(Normal(loc, scale), 1)


@keras.saving.register_keras_serializable("keras_vae")
class LaplacePosterior(_LocationScalePosterior):
    """Laplace posterior with independent coordinates."""

    def distribution(self, loc, scale):
        """`loc` and `scale`, `[..., latent]`, to a TFP distribution over z."""
        return tfd.Independent(Laplace(loc, scale), 1)


@keras.saving.register_keras_serializable("keras_vae")
class HomoscedasticNormalPosterior(keras.layers.Layer):
    """Diagonal normal posterior whose mean is the encoder's output and whose scales are learned, the same for all x.

    It has no head of its own: the encoder must return `[batch, latent]`.
    """

    def __init__(self, latent_size, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.latent_size = latent_size

    def build(self, input_shape):
        if tuple(input_shape[1:]) != (self.latent_size,):
            raise ValueError(
                f"{type(self).__name__} takes its mean from the encoder, which must return {self.latent_size} numbers "
                f"an example; got {list(input_shape[1:])}."
            )
        start = keras.initializers.Constant(0.5413)  # softplus(0.5413) = 1
        self.raw_scale = self.add_weight(shape=(self.latent_size,), initializer=start, name="raw_scale")

    def call(self, features):
        loc = ops.cast(features, "float32")
        return loc, ops.broadcast_to(ops.softplus(self.raw_scale) + SMALLEST_SCALE, ops.shape(loc))

    def distribution(self, loc, scale):
        """`loc` and `scale`, `[..., latent]`, to a TFP distribution over z."""
        return tfd.Independent(Normal(loc, scale), 1)

    def assign_scale(self, scale):
        """Sets the scales, `[latent]`, each above 1e-5, or raises a ValueError."""
        if np.min(scale) <= SMALLEST_SCALE:
            raise ValueError(f"Scales must be above {SMALLEST_SCALE:g}; got {np.min(scale):g}. Rescale the data.")
        self.raw_scale.assign(tfp.math.softplus_inverse(ops.cast(scale - SMALLEST_SCALE, "float32")))

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}


POSTERIORS = {"normal": NormalPosterior, "laplace": LaplacePosterior}  # those that go with any encoder
