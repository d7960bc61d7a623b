"""Standard normals whose density is multiplied by a weight."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.draws import stateless_normal, stateless_uniform
from keras_vae.distributions.own import Unbatched, event_ndims
from keras_vae.distributions.seeds import fold_in

AT_A_TIME = 2**14  # draws of the normal that are weighed: so many rows of a critic's hidden layers are in memory


class _WeightedNormal(Unbatched):
    """What they share: the density, and draws of which one in several is taken.

    Args:
        log_weight: function of points `[n, size]` to logs, `[n]`.
        log_normalizer: log Z, of the weight's mean over the standard normal; a scalar.
        size: numbers of an event.
        **several: by its name, how many draws of the normal there are for each one of p.
    """

    _parameter_properties = event_ndims(log_normalizer=0)

    def __init__(self, log_weight: Callable, log_normalizer: tf.Tensor, size: int, **several: int) -> None:
        self.log_weight, self.log_normalizer, self.size = log_weight, log_normalizer, size
        (self.several,) = several.values()
        parameters = {"log_weight": log_weight, "log_normalizer": log_normalizer, "size": size, **several}
        super().__init__((size,), tf.float32, parameters)

    def _log_prob(self, z):
        normal = -0.5 * (tf.reduce_sum(z**2, axis=-1) + self.size * np.log(2 * np.pi))
        return normal + tf.reshape(self._log_ratio(self.log_weight(tf.reshape(z, [-1, self.size]))), tf.shape(z)[:-1])

    def _sample_n(self, n, seed=None):
        seed, count = tfp.random.sanitize_seed(seed), max(AT_A_TIME // self.several, 1)
        parts = tf.range((n + count - 1) // count)
        z = tf.map_fn(lambda part: self._part(count, fold_in(seed, part)), parts, fn_output_signature=tf.float32)
        return tf.reshape(z, [-1, self.size])[:n]

    def _part(self, count, seed):
        """So many draws of p, `[count, size]`."""
        first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        z = stateless_normal([count * self.several, self.size], first)
        chosen = self._choose(tf.reshape(self.log_weight(z), [count, self.several]), second)
        return tf.gather(tf.reshape(z, [count, self.several, self.size]), chosen, batch_dims=1)

    def _log_ratio(self, log_weight):
        """`log p(z) - log N(z; 0, I)` of logs of weights, `[n]`."""
        raise NotImplementedError

    def _choose(self, log_weights, seed):
        """Which of the draws in each row is taken, `[n]`, of logs of weights `[n, several]`."""
        raise NotImplementedError


class ReweightedNormal(_WeightedNormal):
    """`p(z) = N(z; 0, I) r(z) / Z`. Draws are resampled: of several of the normal one, as probable as its weight r
    says; their distribution is p in the limit of many.

    Args:
        log_weight: function of points `[n, size]` to log r, `[n]`.
        log_normalizer: log Z, a scalar.
        size: numbers of an event.
        proposals: draws of the normal for each one of p.
    """

    def __init__(self, log_weight: Callable, log_normalizer: tf.Tensor, size: int, proposals: int = 256) -> None:
        super().__init__(log_weight, log_normalizer, size, proposals=proposals)

    def _log_ratio(self, log_weight):
        return log_weight - self.log_normalizer

    def _choose(self, log_weights, seed):
        return tf.random.stateless_categorical(log_weights, 1, seed)[:, 0]


class ResampledNormal(_WeightedNormal):
    """Draws of the normal, each accepted with the probability a(z); of so many tries the last is taken as it comes
    (Bauer & Mnih 2019, equation 4).

    Args:
        log_weight: function of points `[n, size]` to log a, `[n]`, at most 0.
        log_normalizer: log Z, Z being the share of draws that is accepted; a scalar.
        size: numbers of an event.
        tries: draws of the normal for each one of p, at most; two or more.
    """

    def __init__(self, log_weight: Callable, log_normalizer: tf.Tensor, size: int, tries: int = 100) -> None:
        super().__init__(log_weight, log_normalizer, size, tries=tries)

    def _log_ratio(self, log_weight):
        return truncated(log_weight, self.log_normalizer, self.several)

    def _choose(self, log_weights, seed):
        accepted = tf.math.log(stateless_uniform(tf.shape(log_weights), seed)) < log_weights
        last = tf.range(self.several) == self.several - 1
        return tf.argmax(tf.logical_or(accepted, last), axis=-1)  # the first


def truncated(log_acceptance: tf.Tensor, log_normalizer: tf.Tensor, tries: int) -> tf.Tensor:
    """`log((1 - alpha) a / Z + alpha)`, `alpha = (1 - Z)^(tries - 1)`, of `log a` and `log Z`."""
    log_alpha = (tries - 1) * _log1mexp(log_normalizer)
    return tfp.math.log_add_exp(_log1mexp(log_alpha) + log_acceptance - log_normalizer, log_alpha)


def _log1mexp(x):
    """log(1 - exp(x)), whose gradient is NaN at numbers that float32 takes for 0."""
    return tfp.math.log1mexp(tf.minimum(x, -1e-6))
