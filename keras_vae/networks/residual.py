"""Residual convolutional networks: strided stages of pre-activation blocks (He et al. 2016, "Identity mappings")."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_vae.networks.arguments import checked
from keras_vae.networks.arguments import image as image_shape
from keras_vae.networks.channels_last import Conv2D, Conv2DTranspose, Flatten
from keras_vae.networks.convolutional import crop, smallest_image, smallest_sides
from keras_vae.networks.subpixel import SubpixelConv2DTranspose


def residual_blocks(x, count, activation) -> Any:
    """`count` blocks on features `[batch, rows, columns, filters]`."""
    for _ in range(count):
        y = Conv2D(x.shape[-1], 3, padding="same")(layers.Activation(activation)(x))
        y = Conv2D(x.shape[-1], 3, padding="same", kernel_initializer="zeros")(layers.Activation(activation)(y))
        x = layers.Add()([x, y])  # zeros above: a block starts as the identity, deep stacks need no normalisation
    return x


def residual_stages(x, filters, blocks, activation) -> list[Any]:
    """What is left of images, `[batch, rows, columns, filters]`, after each stage, which halves them; no activation."""
    stages = []
    for count in filters:
        x = residual_blocks(Conv2D(count, 4, strides=2, padding="same")(x), blocks, activation)
        stages.append(x)
    return stages


def residual_image(x, shape, filters, blocks, activation, output_activation) -> Any:
    """Features to `[batch, *shape]`: stages of blocks, each of which doubles them. The first of `filters` is theirs."""
    for index in range(len(filters)):
        last = index == len(filters) - 1
        layer = SubpixelConv2DTranspose if last else Conv2DTranspose
        x = layer(
            shape[-1] if last else filters[index + 1],
            4,
            strides=2,
            padding="same",
            activation=output_activation if last else None,
            data_format="channels_last",
        )(layers.Activation(activation)(residual_blocks(x, blocks, activation)))
    return crop(x, shape)


@checked(shape=image_shape)
def residual_encoder(
    shape: tuple[int, ...],
    filters: Sequence[int] = (32, 64, 128),
    blocks: int = 1,
    width: int = 256,
    activation: Any = "silu",
    dropout: float = 0.0,
    grid: bool = False,
    name: str = "residual_encoder",
) -> keras.Model:
    """Encoder `[batch, height, width, channels]` to `[batch, width]`; every stage halves the image.

    `grid=True`: to `[batch, rows, columns, width]`, what the halvings leave of the image, without an activation.
    """
    inputs = keras.Input(shape)
    x = layers.Activation(activation)(residual_stages(inputs, filters, blocks, activation)[-1])
    if not grid:
        x = Flatten()(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    x = layers.Dense(width, activation=None if grid else activation)(x)
    return keras.Model(inputs, x, name=name)


@checked(shape=image_shape)
def residual_decoder(
    latent_size: int,
    shape: tuple[int, ...],
    filters: Sequence[int] = (128, 64, 32),
    blocks: int = 1,
    width: int = 256,
    activation: Any = "silu",
    output_activation: Any = None,
    grid: bool = False,
    name: str = "residual_decoder",
) -> keras.Model:
    """Decoder `[batch, latent_size]` to `[batch, *shape]`; every stage doubles the image.

    `grid=True`: from `[batch, rows, columns, latent_size]`, the smallest image; `width` is not used.
    """
    growth = 2 ** len(filters)
    if grid:
        inputs = keras.Input((*smallest_sides(shape, growth), latent_size))
        x = Conv2D(filters[0], 3, padding="same")(inputs)
    else:
        inputs = keras.Input((latent_size,))
        x = layers.Dense(width, activation=activation)(inputs)
        x = smallest_image(x, shape, growth, filters=filters[0])
    image = residual_image(x, shape, filters, blocks, activation, output_activation)
    return keras.Model(inputs, image, name=name)
