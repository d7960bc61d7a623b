"""Fully connected networks, for events of any shape."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_vae.networks.arguments import checked
from keras_vae.networks.condition import flat_inputs


@checked()
def dense_encoder(
    shape: tuple[int, ...],
    widths: Sequence[int] = (400, 400),
    activation: Any = "relu",
    condition_shape: tuple[int, ...] | None = None,
    name: str = "dense_encoder",
) -> keras.Model:
    """Encoder `[batch, *shape]` to `[batch, widths[-1]]`; with a condition, of `[x, condition]`."""
    inputs, x = flat_inputs(shape, condition_shape)
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    return keras.Model(inputs, x, name=name)


@checked()
def dense_decoder(
    latent_size: int,
    shape: tuple[int, ...],
    widths: Sequence[int] = (400, 400),
    activation: Any = "relu",
    output_activation: Any = None,
    condition_shape: tuple[int, ...] | None = None,
    name: str = "dense_decoder",
) -> keras.Model:
    """Decoder `[batch, latent_size]` to `[batch, *shape]`; with a condition, of `[z, condition]`."""
    inputs, x = flat_inputs((latent_size,), condition_shape)
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    x = layers.Dense(math.prod(shape), activation=output_activation)(x)
    return keras.Model(inputs, layers.Reshape(shape)(x), name=name)
