"""Random draws that cost under XLA what they cost without it."""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions

# TensorFlow's own choice everywhere but under XLA on CPUs, where it takes another one that is 15 times as slow.
ALGORITHM = "philox"
stateless_normal = functools.partial(tf.random.stateless_normal, alg=ALGORITHM)
stateless_uniform = functools.partial(tf.random.stateless_uniform, alg=ALGORITHM)


class Normal(tfd.Normal):
    """TFP's, drawn by `stateless_normal`."""

    def _sample_n(self, n, seed=None):
        noise = stateless_normal(_shape(self, n), tfp.random.sanitize_seed(seed), dtype=self.dtype)
        return self.loc + self.scale * noise


class Laplace(tfd.Laplace):
    """TFP's, drawn by `stateless_uniform`."""

    def _sample_n(self, n, seed=None):
        seed = tfp.random.sanitize_seed(seed)
        lowest = np.nextafter(np.float32(-1), np.float32(1))  # -1 itself would be drawn as infinity
        uniform = stateless_uniform(_shape(self, n), seed, minval=lowest, maxval=1.0, dtype=self.dtype)
        return self.loc - self.scale * tf.sign(uniform) * tf.math.log1p(-tf.abs(uniform))


def _shape(distribution, n):
    return tf.concat([[n], distribution.batch_shape_tensor()], axis=0)
