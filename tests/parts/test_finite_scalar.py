"""Finite scalar quantization: codes and levels are one and the same, and nothing is learned."""

import numpy as np
import pytest
import tensorflow as tf
from kinds import images
from tiny import IMAGE, compiled

import keras_vae
from keras_vae.networks import residual_decoder, residual_encoder
from keras_vae.parts import FiniteScalarCodebook

LEVELS = [(8, 8, 8), (5, 3), (2, 2, 2), (7,), (4, 3, 5)]


def codebook(levels):
    made = FiniteScalarCodebook(len(levels), int(np.prod(levels)), levels)
    made.build((None, 4, 4, len(levels)))
    return made


@pytest.mark.parametrize("levels", LEVELS)
def test_codes_and_vectors_are_a_bijection(levels):
    made = codebook(levels)
    codes = tf.range(made.codes)
    vectors = made.lookup(codes)
    assert len(np.unique(np.round(vectors, 5), axis=0)) == made.codes
    assert np.abs(vectors).max() <= 1.0
    # The features at which the bounded numbers are these vectors have these codes.
    sizes = np.array(levels)
    half, offset = (sizes - 1) * (1 + 1e-3) / 2, np.where(sizes % 2, 0.0, 0.5)
    features = np.arctanh((vectors.numpy() * (sizes // 2) + offset) / half) - np.arctanh(offset / half)
    np.testing.assert_array_equal(made(features.astype("float32")), codes)
    np.testing.assert_allclose(made.coordinates(features.astype("float32")), vectors, atol=1e-4)


@pytest.mark.parametrize("levels", LEVELS)
def test_every_feature_however_large_has_a_code(levels):
    made = codebook(levels)
    features = 1e4 * np.random.default_rng(0).normal(size=(50, len(levels))).astype("float32")
    codes = made(features).numpy()
    assert codes.min() >= 0
    assert codes.max() < made.codes


def test_levels_of_evenly_spread_numbers_are_used_evenly():
    made = codebook((8, 8, 8))
    spread = np.random.default_rng(0).uniform(-4.0, 3.0, size=(200_000, 3))
    half = 3.5 * (1 + 1e-3)
    features = np.arctanh(np.clip((spread + 0.5) / half, -0.9999, 0.9999)) - np.arctanh(0.5 / half)
    counts = np.bincount(made(features.astype("float32")), minlength=512).reshape(8, 8, 8)
    inner = counts[1:-1, 1:-1, 1:-1]  # the outermost levels have half a step
    assert abs(inner - inner.mean()).max() < 6 * np.sqrt(inner.mean())


def test_the_gradient_is_that_of_what_is_rounded():
    made = codebook((8, 5))
    features = tf.constant([[0.3, -1.2], [2.0, 0.1]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        bounded = made.coordinates(features)
        straight = bounded + tf.stop_gradient(made.lookup(made(features)) - bounded)
    np.testing.assert_array_equal(tape.gradient(bounded, features), tape.gradient(straight, features))
    np.testing.assert_allclose(straight, made.lookup(made(features)), atol=1e-6)


def test_a_model_with_it_learns_without_terms_of_a_codebook():
    model = keras_vae.VQVAE(
        residual_encoder(IMAGE, filters=(8,), width=3, grid=True),
        residual_decoder(3, IMAGE, filters=(8,), grid=True),
        latent_size=3,
        codes=64,
        posterior="finite_scalar",
        seed=0,
    )
    history = compiled(model, "adam").fit(images(32), batch_size=8, epochs=3, verbose=0).history
    assert history["distortion"][-1] < history["distortion"][0]
    np.testing.assert_allclose(history["rate"], 16 * np.log(64), rtol=1e-5)
    np.testing.assert_allclose(history["loss"], history["free_energy"], rtol=1e-5)
    assert model.posterior.levels == (4, 4, 4)
    assert not model.posterior.weights


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 500), "500 is no product of 3 equal"),
        ((2, 64, (8, 4)), "multiply to 64"),
        ((2, 64, (8, 8, 1)), "levels must be"),
    ],
)
def test_levels_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FiniteScalarCodebook(*arguments)
