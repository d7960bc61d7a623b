"""Independent bits whose log-probabilities are summed with few logarithms."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Bernoulli(tfd.Bernoulli):
    """TFP's, with a log-probability and a gradient that take half the time."""

    def _log_prob(self, event):
        logits = self.logits_parameter()
        return tf.cast(event, logits.dtype) * logits - tf.nn.softplus(logits)


class IndependentBernoulli(tfd.Independent):
    """Independent Bernoulli dimensions. Their sum needs fewer logarithms than its parts."""

    def _log_prob(self, x):
        if not self.event_shape.is_fully_defined():
            return super()._log_prob(x)
        logits = self.distribution.logits_parameter()
        products = tf.cast(x, logits.dtype) * logits
        axes = list(range(-self.event_shape.rank, 0))
        flat = tf.concat([self.batch_shape_tensor(), [np.prod(self.event_shape, dtype=int)]], axis=0)
        normalisers = summed_softplus(tf.reshape(logits, flat))
        return tf.reduce_sum(products, axis=axes) - tf.ensure_shape(normalisers, self.batch_shape)


@tf.custom_gradient
def summed_softplus(logits) -> tf.Tensor:
    """`sum log(1 + exp(logits))` over the last axis, whose size is known: `[..., size]` to `[...]`.

    Of `log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|))`, 16 second parts share a logarithm, of their product.
    """
    terms = 1.0 + tf.exp(-tf.abs(logits))
    missing = -logits.shape[-1] % 16
    if missing:
        terms = tf.pad(terms, [[0, 0]] * (logits.shape.rank - 1) + [[0, missing]], constant_values=1.0)
    groups = tf.concat([tf.shape(terms)[:-1], [terms.shape[-1] // 16, 16]], axis=0)
    logs = tf.math.log(tf.reduce_prod(tf.reshape(terms, groups), axis=-1))
    total = tf.reduce_sum(tf.nn.relu(logits), axis=-1) + tf.reduce_sum(logs, axis=-1)
    return total, lambda gradient: gradient[..., None] * tf.sigmoid(logits)
