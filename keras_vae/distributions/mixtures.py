"""Mixtures of diagonal normals with many components."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class NormalMixture(tfd.MixtureSameFamily):
    """Uniform mixture of diagonal normals whose log-density is a matrix product: components times latents are never
    held for each draw, which `tfd.MixtureSameFamily` does.

    Args:
        loc, scale: means and standard deviations, `[components, latent]` each.
    """

    def __init__(self, loc, scale, name="NormalMixture"):
        self.loc, self.scale = loc, scale
        parameters = {"loc": loc, "scale": scale, "name": name}
        super().__init__(
            tfd.Categorical(logits=tf.zeros(loc.shape[0])), tfd.MultivariateNormalDiag(loc, scale), name=name
        )
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties(event_ndims=2)
        return {"loc": properties, "scale": properties}

    def _log_prob(self, z):
        # ((z - loc) / scale)^2 multiplied out, in float64: a sharp component's terms are large and nearly cancel
        rows, loc, precision = (tf.cast(part, "float64") for part in (z, self.loc, self.scale**-2.0))
        rows = tf.reshape(rows, [-1, z.shape[-1]])
        squares = tf.matmul(rows**2, precision, transpose_b=True)
        squares += tf.reduce_sum(loc**2 * precision, axis=-1) - 2.0 * tf.matmul(rows, loc * precision, transpose_b=True)
        logs = -0.5 * tf.cast(squares, z.dtype) - tf.reduce_sum(tf.math.log(self.scale), axis=-1)
        components, latents = self.loc.shape
        constant = 0.5 * latents * math.log(2.0 * math.pi) + math.log(components)
        return tf.reshape(tf.reduce_logsumexp(logs, axis=-1) - constant, tf.shape(z)[:-1])
