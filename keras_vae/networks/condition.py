"""How a condition enters a network: beside the data, as its second input."""

import math
from typing import Any

import keras
from keras import layers

from keras_vae.networks.channels_last import Flatten


def input_shapes(shape: tuple[int, ...], condition_shape: tuple[int, ...] | None = None) -> Any:
    """Shape of a network's input, batch included, or shapes of `[input, condition]`."""
    return (None, *shape) if condition_shape is None else [(None, *shape), (None, *condition_shape)]


def flat_inputs(shape, condition_shape=None) -> Any:
    """Input of a dense network, or `[input, condition]`, and all their numbers as one vector."""
    if condition_shape is None:
        inputs = keras.Input(shape)
        return inputs, Flatten()(inputs)
    inputs = [keras.Input(shape), keras.Input(condition_shape, name="condition")]
    return inputs, layers.Concatenate()([Flatten()(part) for part in inputs])


def image_inputs(shape, condition_shape=None) -> Any:
    """Input of a convolutional network, or `[input, condition]`, and an image that holds them both as channels.

    A condition of the image's height and width is joined as it is, any other through a learned map to one channel.
    """
    if condition_shape is None:
        inputs = keras.Input(shape)
        return inputs, inputs
    inputs = image, condition = [keras.Input(shape), keras.Input(condition_shape, name="condition")]
    if tuple(condition_shape[:-1]) != tuple(shape[:-1]):
        channel = layers.Dense(math.prod(shape[:-1]))(Flatten()(condition))
        condition = layers.Reshape((*shape[:-1], 1))(channel)
    return inputs, layers.Concatenate()([image, condition])
