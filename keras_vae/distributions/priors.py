"""Priors p(z)."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae.distributions.posteriors import NormalPosterior

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


@keras.saving.register_keras_serializable("keras_vae")
class ConditionalNormalPrior(_Prior):
    """Diagonal normal p(z|c), whose location and scale are read from the condition c (Sohn et al. 2015).

    Args:
        latent_size: number of latents.
        network: `[batch, *condition]` to features. None: the model chooses it from the shape of the condition.
    """

    def __init__(self, latent_size, network=None, **kwargs):
        super().__init__(latent_size, **kwargs)
        self.network = network

    def build(self, input_shape):
        if not self.network.built:
            self.network.build(input_shape)
        self.head = NormalPosterior(self.latent_size)
        self.head.build(self.network.compute_output_shape(input_shape))

    def distribution(self, condition):
        """TFP distribution over z, batch shape `[batch]`, of conditions `[batch, *condition]`."""
        return self.head.distribution(*self.head(self.network(condition)))

    def get_config(self):
        return {**super().get_config(), "network": self.network}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})


PRIORS = {"standard_normal": StandardNormalPrior, "laplace": LaplacePrior}
