"""Fully connected networks, for events of any shape."""

import math

import keras
from keras import layers

from keras_vae.networks.condition import flat_inputs


def dense_encoder(
    shape, widths=(400, 400), activation="relu", condition_shape=None, name="dense_encoder"
) -> keras.Model:
    """Encoder `[batch, *shape]` to `[batch, widths[-1]]`; with a condition, of `[x, condition]`."""
    inputs, x = flat_inputs(shape, condition_shape)
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    return keras.Model(inputs, x, name=name)


def dense_decoder(
    latent_size,
    shape,
    widths=(400, 400),
    activation="relu",
    output_activation=None,
    condition_shape=None,
    name="dense_decoder",
) -> keras.Model:
    """Decoder `[batch, latent_size]` to `[batch, *shape]`; with a condition, of `[z, condition]`."""
    inputs, x = flat_inputs((latent_size,), condition_shape)
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    x = layers.Dense(math.prod(shape), activation=output_activation)(x)
    return keras.Model(inputs, layers.Reshape(shape)(x), name=name)
