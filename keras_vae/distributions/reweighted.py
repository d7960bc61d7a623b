"""A standard normal whose density is multiplied by a ratio."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.draws import stateless_normal
from keras_vae.distributions.own import Unbatched, event_ndims


class ReweightedNormal(Unbatched):
    """`p(z) = N(z; 0, I) r(z) / Z`. Draws are resampled: of several of the normal one, as probable as its ratio says;
    their distribution is p in the limit of many.

    Args:
        log_ratio: function of points `[n, size]` to log r, `[n]`.
        log_normalizer: log Z, a scalar.
        size: numbers of an event.
        proposals: draws of the normal for each one of p.
    """

    _parameter_properties = event_ndims(log_normalizer=0)

    def __init__(self, log_ratio: Callable, log_normalizer: tf.Tensor, size: int, proposals: int = 256) -> None:
        self.log_ratio, self.log_normalizer, self.size, self.proposals = log_ratio, log_normalizer, size, proposals
        parameters = {"log_ratio": log_ratio, "log_normalizer": log_normalizer, "size": size, "proposals": proposals}
        super().__init__((size,), tf.float32, parameters)

    def _log_prob(self, z):
        normal = -0.5 * (tf.reduce_sum(z**2, axis=-1) + self.size * np.log(2 * np.pi))
        ratio = tf.reshape(self.log_ratio(tf.reshape(z, [-1, self.size])), tf.shape(z)[:-1])
        return normal + ratio - self.log_normalizer

    def _sample_n(self, n, seed=None):
        first, second = tf.unstack(tf.random.experimental.stateless_split(tfp.random.sanitize_seed(seed), 2))
        z = stateless_normal([n * self.proposals, self.size], first)
        ratios = tf.reshape(self.log_ratio(z), [n, self.proposals])
        chosen = tf.random.stateless_categorical(ratios, 1, second)[:, 0]
        return tf.gather(tf.reshape(z, [n, self.proposals, self.size]), chosen, batch_dims=1)
