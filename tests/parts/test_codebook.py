"""Codebooks: what their vectors and codes must be by definition."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.parts import GradientCodebook, MovingAverageCodebook


def codebook(cls=MovingAverageCodebook, vectors=((0.0, 0.0), (10.0, 0.0)), started=True, **options):
    """Codebook whose vectors are all in equal use."""
    made = cls(2, codes=len(vectors), **options)
    made.build((None, 3, 2))
    made.shares.assign([1.0 / len(vectors)] * len(vectors))
    made.started.assign(float(started))
    made.restart(np.ones((len(vectors), 1), bool), tf.constant(vectors))
    return made


FEATURES = tf.constant([[[1.0, 1.0], [9.0, 0.0], [2.0, 0.0]]])  # [1 example, 3 places, 2]


@pytest.mark.parametrize("cls", [MovingAverageCodebook, GradientCodebook])
def test_codes_are_the_nearest_vectors(cls):
    made = codebook(cls)
    np.testing.assert_array_equal(made(FEATURES), [[0, 1, 0]])
    np.testing.assert_allclose(made.lookup([[0, 1, 0]]), [[[0, 0], [10, 0], [0, 0]]], atol=1e-4)


def test_moving_averages_of_shares_and_sums_give_the_vectors():
    made = codebook(decay=0.75, restart_below=0.0)
    made.update(FEATURES, made(FEATURES), (0, 0))
    shares = np.array([0.75 / 2 + 0.25 * 2 / 3, 0.75 / 2 + 0.25 / 3])
    sums = 0.75 * np.array([[0.0, 0.0], [5.0, 0.0]]) + 0.25 * np.array([[3.0, 1.0], [9.0, 0.0]]) / 3
    np.testing.assert_allclose(made.shares, shares, rtol=1e-6)
    smoothed = (shares + 1e-6) / (1 + 2e-6)  # Laplace's
    np.testing.assert_allclose(made.vectors(), sums / smoothed[:, None], rtol=1e-5)


def test_without_decay_a_vector_is_the_mean_of_its_features():
    made = codebook(decay=0.0, restart_below=0.0)
    made.update(FEATURES, made(FEATURES), (0, 0))
    np.testing.assert_allclose(made.vectors(), [[1.5, 0.5], [9.0, 0.0]], rtol=1e-5)


@pytest.mark.parametrize("cls", [MovingAverageCodebook, GradientCodebook])
def test_a_code_out_of_use_restarts_at_a_feature_and_only_then(cls):
    vectors = ((0.0, 0.0), (10.0, 0.0), (500.0, 0.0))
    made, kept = (codebook(cls, vectors, decay=0.5, restart_below=below) for below in (0.6, 0.4))
    for each in (made, kept):
        each.update(FEATURES, each(FEATURES), (0, 0))  # halves the share of the third
    assert np.abs(made.vectors()[2] - FEATURES).sum(axis=-1).min() < 1e-4
    np.testing.assert_allclose(kept.vectors()[2], (500.0, 0.0), rtol=1e-4)
    np.testing.assert_allclose(made.vectors()[:2], kept.vectors()[:2])


@pytest.mark.parametrize("cls", [MovingAverageCodebook, GradientCodebook])
def test_the_first_step_draws_every_vector_from_the_features(cls):
    made = codebook(cls, started=False, restart_below=0.0)
    made.update(FEATURES, made(FEATURES), (0, 0))
    for vector in np.array(made.vectors()):
        assert np.abs(vector - FEATURES).sum(axis=-1).min() < 1e-4


def test_restarts_on_two_replicas_are_features_and_of_both(strategy):
    with strategy.scope():
        made = MovingAverageCodebook(2, codes=4)
        made.build((None, 3, 2))

    def step():
        index = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "float32")
        features = tf.ones((1, 3, 2)) * (1.0 + 2.0 * index)
        made.update(features, tf.zeros((1, 3), tf.int32), (0, 0))

    tf.function(lambda: strategy.run(step), autograph=False)()
    np.testing.assert_allclose(made.vectors()[:, 0], [1, 3, 1, 3], rtol=1e-4)
