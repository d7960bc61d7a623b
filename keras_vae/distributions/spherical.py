"""Directions: unit vectors, that is points of a hypersphere."""

import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.draws import stateless_normal

tfd = tfp.distributions

NEAREST = 1e-6  # of a Beta's draws to 0 and 1, where the gradient of sin = sqrt(1 - cos^2) is infinite


class PowerSpherical(tfd.PowerSpherical):
    """TFP's (De Cao & Aziz 2020, algorithm 1), but the gradient of its draws is finite, on a circle too, and it has
    standard deviations."""

    def _sample_n(self, n, seed=None):
        first, second = tfp.random.split_seed(seed)
        half = 0.5 * (self.event_shape[0] - 1.0)
        concentration = tf.broadcast_to(self.concentration, self.batch_shape_tensor())
        share = tfd.Beta(half + concentration, half).sample(n, seed=first)
        share = tf.clip_by_value(share, NEAREST, 1.0 - NEAREST)[..., None]
        shape = tf.concat([tf.shape(share)[:-1], [self.event_shape[0] - 1]], axis=0)
        across = tf.math.l2_normalize(stateless_normal(shape, second, dtype=self.dtype), axis=-1)
        # Around the first axis, which a reflection takes to the mean direction
        drawn = tf.concat([2.0 * share - 1.0, 2.0 * tf.sqrt(share * (1.0 - share)) * across], axis=-1)
        pole = tf.one_hot(0, self.event_shape[0], dtype=self.dtype)
        mirror = tf.math.l2_normalize(pole - self.mean_direction, axis=-1)
        drawn -= 2.0 * tf.reduce_sum(drawn * mirror, axis=-1, keepdims=True) * mirror
        return tf.math.l2_normalize(drawn, axis=-1)

    def _variance(self):
        return tf.linalg.diag_part(self._covariance())
