"""Fully connected networks, for events of any shape."""

import math

import keras
from keras import layers, ops

from keras_vae.networks.condition import flat_inputs


def _dense(x, width, activation):
    """A layer; under "glu" half of twice as many units gate the others (Dauphin et al. 2017)."""
    if activation == "glu":  # changes the number of features, which `activation=` may not
        return ops.glu(layers.Dense(2 * width)(x))
    return layers.Dense(width, activation=activation)(x)


def dense_encoder(shape, widths=(400, 400), activation="relu", condition_shape=None, dropout=0.0, name="dense_encoder"):
    """Encoder `[batch, *shape]` to `[batch, widths[-1]]`; with a condition, of `[x, condition]`.

    `activation`: one of Keras's, or "glu" for gated layers. In training each input and hidden unit is left out with
    probability `dropout`.
    """
    inputs, x = flat_inputs(shape, condition_shape)
    for width in widths:
        x = layers.Dropout(dropout)(x) if dropout else x
        x = _dense(x, width, activation)
    return keras.Model(inputs, x, name=name)


def dense_decoder(
    latent_size,
    shape,
    widths=(400, 400),
    activation="relu",
    output_activation=None,
    condition_shape=None,
    dropout=0.0,
    name="dense_decoder",
):
    """Decoder `[batch, latent_size]` to `[batch, *shape]`; with a condition, of `[z, condition]`.

    `activation`: one of Keras's, or "glu" for gated layers. In training each hidden unit is left out with probability
    `dropout`.
    """
    inputs, x = flat_inputs((latent_size,), condition_shape)
    for width in widths:
        x = _dense(x, width, activation)
        x = layers.Dropout(dropout)(x) if dropout else x
    x = layers.Dense(math.prod(shape), activation=output_activation)(x)
    return keras.Model(inputs, layers.Reshape(shape)(x), name=name)
