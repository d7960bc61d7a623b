"""Posteriors q(z|x): a head on the encoder's features, and the distribution that its outputs describe."""

import keras
import tensorflow_probability as tfp
from keras import ops

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
        return tfd.Independent(tfd.Normal(loc, scale), 1)


@keras.saving.register_keras_serializable("keras_vae")
class LaplacePosterior(_LocationScalePosterior):
    """Laplace posterior with independent coordinates."""

    def distribution(self, loc, scale):
        """`loc` and `scale`, `[..., latent]`, to a TFP distribution over z."""
        return tfd.Independent(tfd.Laplace(loc, scale), 1)


POSTERIORS = {"normal": NormalPosterior, "laplace": LaplacePosterior}
