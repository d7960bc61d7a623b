"""Networks on whole numbers: as Keras computes them, and the same in any order."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_vae import networks
from keras_vae.coding.networks import ExactNetwork

SHAPE = (14, 9, 3)
NETWORKS = {
    "dense": lambda: networks.dense_encoder(SHAPE, (30, 20), "elu"),
    "conditional": lambda: networks.dense_encoder(SHAPE, (30,), "tanh", condition_shape=(4,)),
    "convolutional": lambda: networks.convolutional_encoder(SHAPE, (4, 8), first_stride=4),
    "pooling": lambda: networks.pooling_encoder(SHAPE, (4, 8)),
    "residual": lambda: networks.residual_ladder_encoder(SHAPE, (4, 8)),
    "transposed": lambda: networks.convolutional_decoder(5, SHAPE, (8, 4), last_stride=4),
    "residual decoder": lambda: networks.residual_decoder(5, SHAPE, (8, 4), output_activation="sigmoid"),
    "sequential": lambda: keras.Sequential([keras.Input((6,)), layers.Dense(4, "gelu"), layers.Reshape((2, 2))]),
}


def stirred(network):
    """With other weights than the zeros and ones that some start at."""
    rng = np.random.default_rng(0)
    network.set_weights([weight + 0.05 * np.abs(rng.normal(size=weight.shape)) for weight in network.get_weights()])
    return network


def inputs(network):
    rng = np.random.default_rng(1)
    made = [np.rint(4096 * rng.uniform(-1, 1, size=(6, *one.shape[1:]))) for one in network.inputs]
    return made if len(made) > 1 else made[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_keras_s_and_do_not_depend_on_what_stands_beside(name):
    network = stirred(NETWORKS[name]())
    x, exact = inputs(network), ExactNetwork(network, name)
    found = keras.tree.flatten(exact(x))
    of_keras = keras.tree.flatten(network(keras.tree.map_structure(lambda part: (part / 4096).astype("float32"), x)))
    for whole, wanted in zip(found, of_keras, strict=True):
        np.testing.assert_array_equal(whole, np.rint(whole))
        np.testing.assert_allclose(whole / 4096, wanted, atol=3e-3)
    alone = keras.tree.flatten(exact(keras.tree.map_structure(lambda part: part[3:4], x)))
    for whole, one in zip(found, alone, strict=True):
        np.testing.assert_array_equal(whole[3:4], one)


def test_a_permuted_sum_is_the_same_to_the_last_bit():
    network, rng = stirred(networks.dense_encoder((784,), (50,), "elu")), np.random.default_rng(2)
    order, x = rng.permutation(784), np.rint(4096 * rng.normal(size=(3, 784)))
    permuted = networks.dense_encoder((784,), (50,), "elu")
    kernel, bias = network.get_weights()
    permuted.set_weights([kernel[order], bias])
    np.testing.assert_array_equal(ExactNetwork(network, "one")(x), ExactNetwork(permuted, "other")(x[:, order]))


def test_large_weights_are_taken_coarser_rather_than_wrong():
    network = keras.Sequential([keras.Input((3,)), layers.Dense(2, kernel_initializer="ones")])
    network.layers[0].kernel.assign([[1e6, 1.0], [-1e6, 1.0], [0.5, 0.5]])
    found = ExactNetwork(network, "network")(4096.0 * np.array([[2.0, 1.999, 0.0], [1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(found[1] / 4096, [0.5, 2.5], atol=0.02)
    assert found[0, 0] > 0


class Twice(layers.Layer):
    def call(self, x):
        return 2.0 * x


def shared():
    x, dense = keras.Input((4,)), layers.Dense(4)
    return keras.Model(x, dense(dense(x)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: keras.Sequential([keras.Input((4,)), Twice()]), "it has a Twice. Known are Activation, Add,"),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Dense(2, "softmax")]), "the activation 'softmax'"),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3, dilation_rate=2)]), "no dilation"),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2DTranspose(2, 3)]), 'have padding="same"'),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.MaxPooling2D(2, padding="same")]), "pooling must"),
        (shared, "a layer that is used twice"),
        (Twice, "must be a functional or sequential model"),
    ],
)
def test_what_is_not_known_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        ExactNetwork(make(), "encoder")
