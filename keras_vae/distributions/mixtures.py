"""Mixtures of normals whose log-densities are matrix products."""

import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.draws import stateless_normal, stateless_uniform
from keras_vae.distributions.own import OwnDistribution, event_ndims

tfd = tfp.distributions


class NormalMixture(tfd.MixtureSameFamily):
    """Uniform mixture of diagonal normals, fast where there are many: components times latents are never held for each
    draw, be it to draw or for the density, as they are by `tfd.MixtureSameFamily`.

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

    _parameter_properties = event_ndims(loc=2, scale=2)

    def _sample_n(self, n, seed=None):
        first, second = tfp.random.split_seed(seed)
        components, latents = self.loc.shape
        chosen = stateless_uniform([n], first, minval=0, maxval=components, dtype=tf.int32)
        noise = stateless_normal([n, latents], second, dtype=self.loc.dtype)
        return tf.gather(self.loc, chosen) + tf.gather(self.scale, chosen) * noise

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


class FullNormalMixture(OwnDistribution):
    """Mixture of normals with full covariances.

    Args:
        logits: of the components, `[components]`.
        loc: means, `[components, latent]`.
        factors: triangular `A_k`, `[components, latent, latent]`; the precisions are `A_k' A_k`.
    """

    _parameter_properties = event_ndims(logits=1, loc=2, factors=3)

    def __init__(self, logits, loc, factors):
        self.logits, self.loc, self.factors = (tf.convert_to_tensor(part) for part in (logits, loc, factors))
        super().__init__(self.loc.dtype, {"logits": logits, "loc": loc, "factors": factors})

    def _event_shape(self):
        return self.loc.shape[1:]

    def _event_shape_tensor(self):
        return tf.shape(self.loc)[1:]

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], tf.int32)

    def component_log_prob(self, z) -> tf.Tensor:
        """`log p(k) + log p(z|k)`, `[..., components]`."""
        components, latents = self.loc.shape
        rows = tf.reshape(z, [-1, latents])
        # One product for all components: [draws, latent] times [latent, components * latent].
        whitened = tf.matmul(rows, tf.reshape(tf.transpose(self.factors, [2, 0, 1]), [latents, components * latents]))
        centres = tf.linalg.matvec(self.factors, self.loc)
        squares = tf.reduce_sum((tf.reshape(whitened, [-1, components, latents]) - centres) ** 2, axis=-1)
        logs = -0.5 * squares + tf.reduce_sum(tf.math.log(tf.linalg.diag_part(self.factors)), axis=-1)
        logs += tf.nn.log_softmax(self.logits) - 0.5 * latents * math.log(2.0 * math.pi)
        return tf.reshape(logs, tf.concat([tf.shape(z)[:-1], [components]], axis=0))

    def _log_prob(self, z):
        return tf.reduce_logsumexp(self.component_log_prob(z), axis=-1)

    def _mean(self):
        return tf.linalg.matvec(self.loc, tf.nn.softmax(self.logits), transpose_a=True)

    def _sample_n(self, n, seed=None):
        first, second = tfp.random.split_seed(seed)
        chosen = tf.random.stateless_categorical(self.logits[None], n, first)[0]
        noise = stateless_normal([n, self.loc.shape[1]], second)
        return self._draw(chosen, noise)

    def _draw(self, chosen, noise):
        """Draws `[draws, latent]` of the chosen components, `[draws]`, from standard normal noise."""
        solved = tf.linalg.triangular_solve(tf.gather(self.factors, chosen), noise[..., None])[..., 0]
        return tf.gather(self.loc, chosen) + solved

    def complete(self, z, known, seed) -> tf.Tensor:
        """Draws of the unknown latents given the known ones.

        Args:
            z: `[..., latent]`; what stands in the unknown latents is not read.
            known: boolean `[latent]`.
            seed: stateless int32 pair.

        Returns:
            `z` with the unknown latents drawn from `p(unknown | known)`.
        """
        order = np.argsort(np.asarray(known), kind="stable")  # the unknown ones first
        rows = tf.reshape(tf.gather(z, order, axis=-1), [-1, len(order)])
        unknown = int(np.sum(~np.asarray(known)))
        if unknown == len(order):
            return tf.reshape(self._sample_n(tf.shape(rows)[0], seed), tf.shape(z))
        # Upper-triangular factors of the precisions in this order: the last rows are the marginal of the known ones,
        # the first the conditional of the others. No covariance: a narrow component's cannot be inverted.
        upper = tf.linalg.qr(tf.gather(self.factors, order, axis=2)).r
        upper *= tf.sign(tf.linalg.diag_part(upper))[..., None]
        loc, seeds = tf.gather(self.loc, order, axis=1), tfp.random.split_seed(seed)
        marginal = FullNormalMixture(self.logits, loc[:, unknown:], upper[:, unknown:, unknown:])
        logits = marginal.component_log_prob(rows[:, unknown:])
        chosen = tf.random.stateless_categorical(logits, 1, seeds[0])[:, 0]
        loc, upper = tf.gather(loc, chosen), tf.gather(upper, chosen)[:, :unknown]
        noise = stateless_normal([tf.shape(rows)[0], unknown], seeds[1])
        noise -= tf.linalg.matvec(upper[:, :, unknown:], (rows - loc)[:, unknown:])
        solved = tf.linalg.triangular_solve(upper[:, :, :unknown], noise[..., None], lower=False)[..., 0]
        completed = tf.concat([loc[:, :unknown] + solved, rows[:, unknown:]], axis=1)
        return tf.reshape(tf.gather(completed, np.argsort(order), axis=-1), tf.shape(z))
