"""Directions: what TFP's power spherical has no number or no gradient for, and its divergence from the uniform."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import PowerSpherical, centre, divergences, frozen, nearest

tfd = tfp.distributions


def around(latents, concentration, rows=1):
    directions = np.random.default_rng(0).normal(size=(rows, latents)).astype("float32")
    return PowerSpherical(tf.math.l2_normalize(directions, axis=-1), tf.fill((rows,), concentration))


@pytest.mark.parametrize("latents", [2, 3, 16])
def test_draws_are_unit_vectors_of_its_moments(latents):
    q = around(latents, 5.0)
    z = q.sample(20_000, seed=(0, latents))[:, 0]
    np.testing.assert_allclose(tf.norm(z, axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.mean(z, axis=0), q.mean()[0], atol=0.02)
    np.testing.assert_allclose(np.std(z, axis=0), q.stddev()[0], atol=0.02)
    np.testing.assert_array_equal(centre(q), q.mean_direction)
    np.testing.assert_allclose(nearest(q, 3.0 * z), z, atol=1e-5)


@pytest.mark.parametrize("concentration", [1.0, 1e4])
def test_gradients_of_draws_on_a_circle_are_finite(concentration):
    concentration = tf.fill((5000,), concentration)
    direction = tf.math.l2_normalize(tf.ones((5000, 2)), axis=-1)
    with tf.GradientTape() as tape:
        tape.watch([direction, concentration])
        z = PowerSpherical(direction, concentration).sample(seed=(1, 2))
    assert all(np.isfinite(part).all() for part in tape.gradient(z, [direction, concentration]))


@pytest.mark.parametrize(("latents", "concentration"), [(2, 1.0), (3, 20.0), (16, 60.0)])
def test_the_divergence_from_the_uniform_is_that_of_draws(latents, concentration):
    q, p = around(latents, concentration), tfd.SphericalUniform(latents)
    z = q.sample(20_000, seed=(1, latents))
    estimates = q.log_prob(z) - p.log_prob(z)
    error = np.std(estimates) / np.sqrt(len(z))
    assert divergences(q, p, z).numpy() == pytest.approx(np.mean(estimates), abs=5 * error)


def test_frozen_parameters_get_no_gradient():
    parameters = [tf.math.l2_normalize(tf.ones((4, 3)), axis=-1), tf.ones(4)]
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        log_prob = frozen(PowerSpherical(*parameters)).log_prob(tf.one_hot([0] * 4, 3))
    assert tape.gradient(log_prob, parameters) == [None, None]


def test_a_point_has_no_divergence():
    assert divergences(tfd.VectorDeterministic(tf.zeros((4, 3))), tfd.SphericalUniform(3), tf.zeros((4, 3))) == {}
