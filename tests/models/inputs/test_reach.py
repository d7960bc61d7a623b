"""Decoders whose last activation cannot return what the data hold."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tiny import compiled, mvae, networks

import keras_vae

STANDARDISED = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")


def model(*tail, likelihood="normal"):
    encoder, _ = networks((6,))
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(6), *tail])
    return compiled(keras_vae.VAE(encoder, decoder, latent_size=3, likelihood=likelihood, seed=0))


def told(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(one.message) for one in caught if "cannot reach the data" in str(one.message)]


OUT_OF_REACH = {
    "a sigmoid": (lambda: [layers.Activation("sigmoid")], 2.0 * np.tanh(STANDARDISED)),
    "a tanh": (lambda: [layers.Dense(6, "tanh"), layers.Reshape((6,))], STANDARDISED),
    "a relu": (lambda: [layers.ReLU()], STANDARDISED),
    "a network in a network": (lambda: [keras.Sequential([layers.Dense(6, "softplus")])], STANDARDISED),
}
WITHIN = {
    "no activation": (lambda: [], STANDARDISED),
    "a tanh": (lambda: [layers.Activation("tanh")], np.tanh(STANDARDISED)),
    "a relu": (lambda: [layers.Activation("relu")], np.abs(STANDARDISED)),
    "one that is scaled": (lambda: [layers.Activation("sigmoid"), layers.Rescaling(20.0, -10.0)], STANDARDISED),
    "one that is shifted by weights": (
        lambda: [layers.Activation("sigmoid"), layers.BatchNormalization()],
        STANDARDISED,
    ),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("case", OUT_OF_REACH)
def test_data_out_of_reach_are_told_once(case, streamed):
    tail, x = OUT_OF_REACH[case]
    made = model(*tail())
    data = tf.data.Dataset.from_tensor_slices(x).batch(8) if streamed else x
    messages = told(lambda: [made.fit(data, epochs=2, verbose=0), made.embed(x)])
    assert len(messages) == 1
    assert "Leave the activation out" in messages[0]


@pytest.mark.parametrize("case", WITHIN)
def test_data_within_reach_are_not(case):
    tail, x = WITHIN[case]
    made = model(*tail())
    assert told(lambda: made.fit(x, verbose=0)) == []


def test_operations_count_as_layers_do():
    for change, count in ((lambda y: keras.ops.sigmoid(y), 1), (lambda y: 9.0 * keras.ops.sigmoid(y) - 4.0, 0)):
        z = keras.Input((3,))
        decoder = keras.Model(z, change(layers.Dense(6)(z)))
        made = compiled(keras_vae.VAE(networks((6,))[0], decoder, latent_size=3, likelihood="normal", seed=0))
        assert len(told(lambda made=made: made.fit(STANDARDISED, verbose=0))) == count


def test_a_modality_is_named():
    pairs = {"image": np.random.default_rng(0).random((16, 8, 8, 1), "float32"), "middle": np.zeros((16, 16)) - 1.0}
    made = mvae(likelihood={"image": "bernoulli", "middle": "normal"}, seed=0)
    made.decoders["middle"].layers[-1].activation = keras.activations.relu
    (message,) = told(lambda: compiled(made).fit(pairs, verbose=0))
    assert message.startswith("middle lies in")
    assert len(message) < 300


def test_logits_are_not_values_of_the_data():
    assert told(lambda: model(likelihood="bernoulli").fit(np.abs(np.tanh(STANDARDISED)), verbose=0)) == []
