"""Mixtures of normals with equal shares: density and draws."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import NormalMixture

tfd = tfp.distributions


def test_mixture_of_normals_has_the_density_of_tfp_s_own_sharp_components_included():
    generator = np.random.default_rng(0)
    loc = generator.normal(size=(20, 5)).astype("float32")
    scale = np.exp(generator.normal(-2.0, 1.5, size=(20, 5))).astype("float32")
    mixture = NormalMixture(tf.constant(loc), tf.constant(scale))
    double = [tf.constant(part, "float64") for part in (loc, scale)]
    reference = tfd.MixtureSameFamily(
        tfd.Categorical(logits=tf.zeros(20, "float64")), tfd.MultivariateNormalDiag(*double)
    )
    z = tf.concat([mixture.sample((4, 50), seed=1), tf.random.normal((4, 50, 5))], axis=0)
    assert z.shape == (8, 50, 5)
    np.testing.assert_allclose(mixture.log_prob(z), reference.log_prob(tf.cast(z, "float64")), rtol=1e-5, atol=1e-3)


def test_mixture_of_normals_draws_each_component_alike():
    loc, scale = tf.constant([[-9.0, 9.0], [0.0, 0.0], [9.0, 9.0]]), tf.constant([[0.7, 0.1], [1.0, 1.0], [0.5, 3.0]])
    z = NormalMixture(loc, scale).sample((30, 100), seed=0).numpy().reshape(-1, 2)
    drawn = np.digitize(z[:, 0], [-5.5, 6.0])
    for component in range(3):
        rows = z[drawn == component]
        assert len(rows) == pytest.approx(1000, abs=100)
        np.testing.assert_allclose(rows.mean(axis=0), loc[component], atol=0.3)
        np.testing.assert_allclose(rows.std(axis=0), scale[component], rtol=0.1)
