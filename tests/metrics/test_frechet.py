"""The Fréchet distance where it is known: between normals given by their means and covariances."""

import keras
import numpy as np
import pytest

from keras_vae import metrics


def normal(mean, covariance, examples=200, seed=0):
    """Features of exactly this mean and covariance, `[examples, features]`: white ones, coloured."""
    draws = np.random.default_rng(seed).normal(size=(examples, len(mean)))
    white = np.linalg.qr(draws - draws.mean(axis=0))[0] * np.sqrt(examples - 1)
    return np.asarray(mean) + white @ np.linalg.cholesky(covariance).T


def rotation(size, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def distance(features, other):
    return metrics.frechet_distance(features, other).value


def test_of_diagonal_covariances_is_that_of_means_and_of_standard_deviations():
    scales, others = np.array([1.0, 2.0, 0.5]), np.array([3.0, 1.0, 0.5])
    features, other = normal([0, 1, 2], np.diag(scales**2)), normal([1, 1, 0], np.diag(others**2), 300, seed=1)
    measured = metrics.frechet_distance(features, other)
    assert measured.value == pytest.approx(1 + 4 + np.square(scales - others).sum())
    assert (measured.unit, measured.examples) == ("score", 200)


def test_of_one_feature_and_of_covariances_that_do_not_commute():
    assert distance(normal([0.0], [[4.0]]), normal([3.0], [[1.0]])) == pytest.approx(9 + 1)
    one, other = np.array([[2.0, 0.8], [0.8, 1.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    product = one @ other  # of two rows: the trace of its root is sqrt(trace + 2 sqrt(determinant))
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(one) + np.trace(other) - 2 * root
    assert distance(normal([0, 0], one), normal([0, 0], other, seed=1)) == pytest.approx(expected)


@pytest.mark.parametrize("examples", [5, 500])  # fewer than features: a covariance without full rank
def test_of_a_set_and_itself_is_zero_and_of_a_shifted_copy_the_shift(examples):
    features = np.random.default_rng(0).normal(size=(examples, 20)) * np.geomspace(1e-4, 1e2, 20)
    assert distance(features, features) == pytest.approx(0, abs=1e-8)
    assert distance(features, features[::-1] + 3.0) == pytest.approx(9 * 20)


def test_is_symmetric_and_does_not_change_with_a_rotation():
    features, other = (
        normal([0, 1, 2], np.diag([1, 4, 9])),
        normal([1, 0, 1], rotation(3) @ np.diag([1, 2, 3]) @ rotation(3).T),
    )
    assert distance(features, other) == pytest.approx(distance(other, features))
    assert distance(features @ rotation(3, 2), other @ rotation(3, 2)) == pytest.approx(distance(features, other))


def test_takes_half_precision_in_double():
    features = (1000 + np.random.default_rng(0).normal(size=(100, 3))).astype("float16")
    assert distance(features, features.astype("float64") + 1) == pytest.approx(3)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((1, 3), (5, 3)), r"at least 2 examples.*\(1, 3\)"),
        (((5, 3), (5,)), r"\[examples, features\].*\(5,\)"),
        (((5, 3), (5, 4)), "different numbers of features, 3 and 4"),
    ],
)
def test_refuses_sets_that_are_no_two_samples_of_the_same_features(shapes, message):
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(*map(np.zeros, shapes))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_values_that_are_not_finite(value):
    features = np.zeros((5, 3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        metrics.frechet_distance(features, np.where(np.eye(5, 3) > 0, value, features))


def classifier():
    """Two hidden layers; logits, then a softmax."""
    layers = [keras.layers.Dense(7, "relu"), keras.layers.Dense(5, "relu"), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), *layers, keras.layers.Softmax()])


def test_classifier_features_are_what_its_last_dense_layer_takes(images):
    model = classifier()
    features = metrics.classifier_features(model, images, batch_size=30)
    assert (type(features), features.shape) == (np.ndarray, (64, 5))
    logits = features @ model.layers[-2].kernel.numpy() + model.layers[-2].bias.numpy()
    np.testing.assert_allclose(keras.ops.softmax(logits), model(images), rtol=1e-4)


@pytest.mark.parametrize("judge", [np.sum, keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])])
def test_classifier_features_need_a_dense_layer(judge):
    with pytest.raises(ValueError, match="include a Dense one"):
        metrics.classifier_features(judge, np.zeros((2, 4)))
