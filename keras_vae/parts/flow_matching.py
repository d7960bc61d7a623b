"""A prior by flow matching (Lipman et al. 2023): what a normal becomes along learned velocities."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions.draws import stateless_normal, stateless_uniform
from keras_vae.distributions.probability_flow import ProbabilityFlow
from keras_vae.networks.velocity import VelocityNetwork
from keras_vae.parts.fitting import FittedByGradient
from keras_vae.parts.priors import LatentPrior


@keras.saving.register_keras_serializable("keras_vae")
class FlowMatchingPrior(FittedByGradient, LatentPrior):
    """p(z) of draws of the standard normal that move along `dz/dt = v(z, t)`, from t = 0 to 1. Its density, by the
    velocities' exact divergence, makes a free energy and likelihoods as every prior's does; it costs as many passes as
    `4 steps` times the number of latents, draws `4 steps`.

    `adapt` fits it to draws of the posteriors, without solving the equation: `|v((1 - t) e + t z, t) - (z - e)|^2`, e
    of the standard normal and t uniform (equation 23 at `sigma_min = 0`). It is a prior for a model that is
    trained already: until `adapt` it is the standard normal, and `fit` leaves its weights alone.

    Args:
        latent_size: number of latents.
        widths: of the hidden layers of the velocity's network.
        steps: of the equation, each a Runge-Kutta step of the fourth order.
    """

    def __init__(
        self, latent_size: int, widths: Sequence[int] = (256, 256, 256), steps: int = 16, **kwargs: Any
    ) -> None:
        super().__init__(latent_size, **kwargs)
        self.widths, self.steps = checks.sizes("widths", widths, fewest=1), checks.whole("steps", steps)
        self.network = VelocityNetwork(self.latent_size, self.widths, dtype="float32")

    def build(self, input_shape=None):
        self.network.build((None, self.latent_size))
        self.network.trainable = False  # by `fit`
        self.fitted = self.add_weight(shape=(), initializer="zeros", trainable=False, name="fitted")

    def distribution(self, given: Any = None) -> ProbabilityFlow:
        """TFP distribution over z, event shape `[latent]`."""
        network = self.network
        return ProbabilityFlow(network, network.with_divergence, self.latent_size, self.steps, self.fitted.value)

    def learner(self) -> keras.layers.Layer:
        return self.network

    def end(self, seed) -> None:
        self.fitted.assign(1.0)

    def nats(self, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The squared error of the velocities, `[batch]`, no nats: what is minimised in place of `-log p(z)`."""
        count, (first, second) = tf.shape(z)[0], tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        # One uniform number and the same distance between all times: as good as independent ones, and less noisy.
        spaced = tf.cast(tf.range(count), tf.float32) / tf.cast(count, tf.float32)
        times = tf.math.floormod(stateless_uniform([], first) + spaced, 1.0)
        noise = stateless_normal(tf.shape(z), second)
        path = (1.0 - times[:, None]) * noise + times[:, None] * z
        return tf.reduce_sum((self.network(path, times) - (z - noise)) ** 2, axis=-1)

    def get_config(self):
        return {**super().get_config(), "widths": self.widths, "steps": self.steps}
