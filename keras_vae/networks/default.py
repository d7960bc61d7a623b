"""The networks that a model takes when its user names none, chosen from the shape of the data."""

import math

import keras

from keras_vae.networks.arguments import checked
from keras_vae.networks.convolutional import convolutional_decoder, convolutional_encoder
from keras_vae.networks.dense import dense_decoder, dense_encoder
from keras_vae.networks.residual import residual_decoder, residual_encoder

_SMALLEST_CONVOLVED_SIDE = 16


def _stages(shape):
    """How many halvings bring an image to about 4 pixels; 0 for what is not an image worth convolving."""
    if len(shape) != 3 or min(shape[:2]) < _SMALLEST_CONVOLVED_SIDE:
        return 0
    return max(1, math.floor(math.log2(min(shape[:2]) / 4) + 0.2))


@checked()
def default_encoder(shape: tuple[int, ...], condition_shape: tuple[int, ...] | None = None) -> keras.Model:
    """Convolutional for images `[height, width, channels]` with sides of 16 or more, else dense.

    With a condition, of `[x, condition]`.
    """
    stages = _stages(shape)
    if not stages:
        return dense_encoder(shape, condition_shape=condition_shape)
    return convolutional_encoder(shape, filters=_filters(stages), condition_shape=condition_shape)


@checked()
def default_decoder(
    latent_size: int,
    shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    condition_shape: tuple[int, ...] | None = None,
) -> keras.Model:
    """Mirror image of `default_encoder(shape)`; returns likelihood parameters of `output_shape`.

    With a condition, of `[z, condition]`.
    """
    stages = _stages(shape)
    if not stages:
        return dense_decoder(latent_size, output_shape, condition_shape=condition_shape)
    filters = _filters(stages)[::-1]
    return convolutional_decoder(latent_size, output_shape, filters=filters, condition_shape=condition_shape)


@checked()
def default_grid_encoder(shape: tuple[int, ...], latent_size: int) -> keras.Model:
    """Residual, for images: to a grid of vectors `[batch, rows, columns, latent_size]`, a quarter of the image's sides,
    or half of them where they are less than 16 pixels."""
    if len(shape) != 3:
        raise ValueError(
            f"Grids are made of images [height, width, channels]; for data of {list(shape)} give networks."
        )
    return residual_encoder(shape, _grid_filters(shape)[::-1], width=latent_size, grid=True)


@checked()
def default_grid_decoder(latent_size: int, output_shape: tuple[int, ...]) -> keras.Model:
    """Mirror image of `default_grid_encoder(shape)`; returns likelihood parameters of `output_shape`."""
    return residual_decoder(latent_size, output_shape, _grid_filters(output_shape), grid=True)


def _grid_filters(shape):
    return (128, 64) if min(shape[:2]) >= _SMALLEST_CONVOLVED_SIDE else (64,)


def _filters(stages):
    return tuple(min(32 * 2**stage, 128) for stage in range(stages))
