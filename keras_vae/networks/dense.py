"""Fully connected networks, for events of any shape."""

import math

import keras
from keras import layers


def dense_encoder(shape, widths=(400, 400), activation="relu", name="dense_encoder"):
    """Encoder `[batch, *shape]` to `[batch, widths[-1]]`."""
    inputs = keras.Input(shape)
    x = layers.Flatten()(inputs)
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    return keras.Model(inputs, x, name=name)


def dense_decoder(
    latent_size, shape, widths=(400, 400), activation="relu", output_activation=None, name="dense_decoder"
):
    """Decoder `[batch, latent_size]` to `[batch, *shape]`."""
    inputs = keras.Input((latent_size,))
    x = inputs
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    x = layers.Dense(math.prod(shape), activation=output_activation)(x)
    return keras.Model(inputs, layers.Reshape(shape)(x), name=name)
