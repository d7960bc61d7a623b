"""Draws that are TFP's."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import draws

tfd = tfp.distributions


@pytest.mark.parametrize("kind", ["Normal", "Laplace"])
def test_draws_are_those_of_tfp_and_under_xla_of_the_same_distribution(kind):
    parts = {"loc": tf.constant([[1.0], [-2.0]]), "scale": tf.constant([0.5, 1.0, 3.0])}
    ours, theirs = getattr(draws, kind)(**parts), getattr(tfd, kind)(**parts)
    assert np.array_equal(ours.sample(5, seed=(1, 2)), theirs.sample(5, seed=(1, 2)))
    z = tf.function(lambda: ours.sample(20_000, seed=(1, 2)), jit_compile=True)()
    assert np.allclose(tf.reduce_mean(z, axis=0), theirs.mean(), atol=0.1)
    assert np.allclose(tf.math.reduce_std(z, axis=0), theirs.stddev(), rtol=0.03)
