"""Priors p(z)."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

tfd = tfp.distributions


class _Prior(keras.layers.Layer):
    def __init__(self, latent_size, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.latent_size = latent_size

    def build(self, input_shape=None):
        pass  # priors have no input; Keras wants the argument

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}


@keras.saving.register_keras_serializable("keras_vae")
class StandardNormalPrior(_Prior):
    """`N(0, I)`."""

    def distribution(self):
        """TFP distribution over z, event shape `[latent]`."""
        return tfd.Independent(tfd.Normal(tf.zeros(self.latent_size), tf.ones(self.latent_size)), 1)


@keras.saving.register_keras_serializable("keras_vae")
class LaplacePrior(_Prior):
    """Laplace prior at zero with learned scales `latent_size * softmax(raw)`, whose mean stays 1 (Shi et al. 2019)."""

    def build(self, input_shape=None):
        self.raw_scale = self.add_weight(shape=(self.latent_size,), initializer="zeros", name="raw_scale")

    def distribution(self):
        """TFP distribution over z, event shape `[latent]`."""
        scale = self.latent_size * ops.softmax(self.raw_scale)
        return tfd.Independent(tfd.Laplace(tf.zeros(self.latent_size), scale), 1)


PRIORS = {"standard_normal": StandardNormalPrior, "laplace": LaplacePrior}
