"""Logistic distributions of 8-bit data and the like."""

import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.own import OwnDistribution, event_ndims

tfd = tfp.distributions


class DiscretizedLogistic(OwnDistribution):
    """Logistic rounded to `levels` evenly spaced values in [0, 1]; the outermost values take the tails."""

    _parameter_properties = event_ndims(loc=0, scale=0)

    def __init__(self, loc, scale, levels=256):
        self.loc, self.scale, self.levels = loc, scale, levels
        super().__init__(loc.dtype, {"loc": loc, "scale": scale, "levels": levels})

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        half_bin = 0.5 / (self.levels - 1)
        upper = (x + half_bin - self.loc) / self.scale
        lower = (x - half_bin - self.loc) / self.scale
        # log(sigmoid(upper) - sigmoid(lower)) without cancellation, from sigmoid(b) - sigmoid(a)
        # = sigmoid(b) sigmoid(-a) (1 - exp(a - b)).
        inside = tf.math.log_sigmoid(upper) + tf.math.log_sigmoid(-lower) + tfp.math.log1mexp(upper - lower)
        lowest, highest = x < half_bin, x > 1.0 - half_bin
        return tf.where(lowest, tf.math.log_sigmoid(upper), tf.where(highest, tf.math.log_sigmoid(-lower), inside))

    def _sample_n(self, n, seed=None):
        draws = tfd.Logistic(self.loc, self.scale).sample(n, seed=seed)
        return tf.round(tf.clip_by_value(draws, 0.0, 1.0) * (self.levels - 1)) / (self.levels - 1)

    def _mode(self):
        inside = tf.round(tf.clip_by_value(self.loc, 0.0, 1.0) * (self.levels - 1)) / (self.levels - 1)
        outermost = tf.where(self.loc < 0.5, tf.zeros_like(inside), tf.ones_like(inside))  # which have the tails
        return tf.where(self._log_prob(outermost) > self._log_prob(inside), outermost, inside)

    def _mean(self):
        # The integral over [0, 1] of P(X > t), in closed form for the logistic before rounding.
        return self.scale * (tf.nn.softplus(self.loc / self.scale) - tf.nn.softplus((self.loc - 1.0) / self.scale))
