"""Strided convolutional networks, for images `[height, width, channels]` of any size."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_vae.networks.arguments import checked, image
from keras_vae.networks.channels_last import Conv2D, Conv2DTranspose, Cropping2D, Flatten, MaxPooling2D
from keras_vae.networks.condition import flat_inputs, image_inputs
from keras_vae.networks.subpixel import SubpixelConv2DTranspose


@checked(shape=image)
def convolutional_encoder(
    shape: tuple[int, ...],
    filters: Sequence[int] = (32, 64, 128),
    width: int = 256,
    activation: Any = "relu",
    first_stride: int = 2,
    condition_shape: tuple[int, ...] | None = None,
    name: str = "convolutional_encoder",
) -> keras.Model:
    """Encoder `[batch, height, width, channels]` to `[batch, width]`; every entry of `filters` halves the image.

    With a condition, of `[x, condition]`. `first_stride=4` makes the first a fourth: several times faster on large
    images.
    """
    inputs, x = image_inputs(shape, condition_shape)
    for stage, count in enumerate(filters):
        x = Conv2D(count, 4, strides=2 if stage else first_stride, padding="same", activation=activation)(x)
    x = Flatten()(x)
    return keras.Model(inputs, layers.Dense(width, activation=activation)(x), name=name)


@checked(shape=image)
def pooling_encoder(
    shape: tuple[int, ...],
    filters: Sequence[int] = (32, 64, 128),
    width: int = 256,
    dropout: float = 0.0,
    activation: Any = "relu",
    name: str = "pooling_encoder",
) -> keras.Model:
    """Encoder `[batch, height, width, channels]` to `[batch, width]` that tells classes apart sooner than strides do:
    convolutions with batch normalisation; every entry of `filters` halves the image, the first by a stride."""
    inputs = keras.Input(shape)
    x = Conv2D(filters[0], 5, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.Activation(activation)(layers.BatchNormalization()(x))
    for count in filters[1:]:
        x = Conv2D(count, 3, padding="same", use_bias=False)(x)
        x = MaxPooling2D()(layers.Activation(activation)(layers.BatchNormalization()(x)))
    x = layers.Dropout(dropout)(Flatten()(x))
    return keras.Model(inputs, layers.Dense(width, activation=activation)(x), name=name)


@checked(shape=image)
def convolutional_decoder(
    latent_size: int,
    shape: tuple[int, ...],
    filters: Sequence[int] = (128, 64, 32),
    width: int = 256,
    activation: Any = "relu",
    output_activation: Any = None,
    last_stride: int = 2,
    condition_shape: tuple[int, ...] | None = None,
    name: str = "convolutional_decoder",
) -> keras.Model:
    """Decoder `[batch, latent_size]` to `[batch, *shape]`; every entry of `filters` doubles the image.

    With a condition, of `[z, condition]`. `last_stride=4` makes the last quadruple it, as the encoder's `first_stride`.
    """
    inputs, x = flat_inputs((latent_size,), condition_shape)
    x = layers.Dense(width, activation=activation)(x)
    growth = 2 ** (len(filters) - 1) * last_stride
    x = smallest_image(x, shape, growth, filters=filters[0], activation=activation)
    for count in (*filters[1:], None):
        last = count is None
        layer = SubpixelConv2DTranspose if last else Conv2DTranspose
        x = layer(
            shape[-1] if last else count,
            4,
            strides=last_stride if last else 2,
            padding="same",
            activation=output_activation if last else activation,
            data_format="channels_last",
        )(x)
    return keras.Model(inputs, crop(x, shape), name=name)


def smallest_image(x, shape, growth, filters, activation=None) -> Any:
    """Features to the image that, `growth` times larger on each side, is at least as large as `shape`."""
    sides = smallest_sides(shape, growth)
    x = layers.Dense(math.prod(sides) * filters, activation=activation)(x)
    return layers.Reshape((*sides, filters))(x)


def smallest_sides(shape, growth) -> list[int]:
    """Height and width of the smallest image that, `growth` times larger on each side, is as large as `shape`."""
    return [math.ceil(side / growth) for side in shape[:2]]


def crop(x, shape) -> Any:
    """Cuts what the doublings made too large at the bottom and the right."""
    excess = [(0, have - want) for have, want in zip(x.shape[1:3], shape[:2], strict=True)]
    return Cropping2D(excess)(x) if any(right for _, right in excess) else x
