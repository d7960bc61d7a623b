"""Networks of ladders: from data up to features of every rung, and from each rung down to the state of the next."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_vae import checks
from keras_vae.networks.arguments import checked
from keras_vae.networks.arguments import image as image_shape
from keras_vae.networks.arguments import shape as some
from keras_vae.networks.channels_last import Conv2D, Conv2DTranspose, Flatten
from keras_vae.networks.convolutional import crop, smallest_image, smallest_sides
from keras_vae.networks.dense import dense_encoder
from keras_vae.networks.residual import residual_blocks, residual_image, residual_stages


@checked(widths=some)
def dense_ladder_encoder(
    shape: tuple[int, ...],
    widths: Sequence[int] = (512, 256),
    activation: str = "elu",
    name: str = "dense_ladder_encoder",
) -> keras.Model:
    """Encoder `[batch, *shape]` to a list of features, one a rung, the lowest first: `[batch, width]` each, by two
    layers of that width on top of those below."""
    inputs = keras.Input(shape)
    x, features = layers.Flatten("channels_last")(inputs), []
    for width in widths:
        for _ in range(2):
            x = layers.Dense(width, activation=activation)(x)
        features.append(x)
    return keras.Model(inputs, features, name=name)


@checked(latent_sizes=some, widths=some)
def dense_top_down(
    latent_sizes: Sequence[int], widths: Sequence[int], activation: str = "elu", name: str = "top_down"
) -> list[keras.Model]:
    """Networks that make the state of each rung but the top one, the lowest first: `[batch, width]`, of the latents
    above it, `[batch, latent]`, and their state where they have one, `[batch, width]`.

    Raises:
        ValueError: not as many widths as rungs.
    """
    if len(widths) != len(latent_sizes):
        raise ValueError(f"widths must be {len(latent_sizes)}, one a rung; got {len(widths)}.")
    made, last = [], len(latent_sizes) - 1
    for rung in range(last):
        state = None if rung + 1 == last else (widths[rung + 1],)
        above = (latent_sizes[rung + 1],)
        width = widths[rung]
        made.append(dense_encoder(above, (width, width), activation, condition_shape=state, name=f"{name}_{rung + 1}"))
    return made


def _stages_of(filters, rungs):
    """Indices of the last stages, which have rungs, the lowest first."""
    if rungs > len(filters):
        raise ValueError(f"Each rung below the top has a stage: {rungs} need as many filters; got {len(filters)}.")
    return range(len(filters) - rungs, len(filters))


def _from_places(shape, stage, latent_size, filters):
    """The inputs `[z, state]` of the places of a stage, and both as its features."""
    sides = smallest_sides(shape, 2 ** (stage + 1))
    inputs = [keras.Input((*sides, latent_size)), keras.Input((*sides, filters[stage]), name="state")]
    return inputs, Conv2D(filters[stage], 3, padding="same")(layers.Concatenate()(inputs))


@checked(shape=image_shape, rungs=checks.whole)
def residual_ladder_encoder(
    shape: tuple[int, ...],
    filters: Sequence[int] = (32, 64, 128),
    rungs: int = 2,
    blocks: int = 1,
    width: int = 256,
    activation: Any = "silu",
    dropout: float = 0.0,
    name: str = "residual_ladder_encoder",
) -> keras.Model:
    """Encoder `[batch, height, width, channels]` to a list of features, the lowest rung's first: those that the last
    `rungs` stages leave, `[batch, rows, columns, filters]`, and of the top rung, a vector, `[batch, width]`.

    Every entry of `filters` is a stage, which halves the image. Dropout is before the top rung's.

    Raises:
        ValueError: more rungs than stages.
    """
    inputs = keras.Input(shape)
    stages = residual_stages(inputs, filters, blocks, activation)
    features = [layers.Activation(activation)(stages[stage]) for stage in _stages_of(filters, rungs)]
    top = Flatten()(features[-1])
    if dropout:
        top = layers.Dropout(dropout)(top)
    return keras.Model(inputs, [*features, layers.Dense(width, activation=activation)(top)], name=name)


@checked(latent_sizes=some, shape=image_shape)
def residual_top_down(
    latent_sizes: Sequence[int],
    shape: tuple[int, ...],
    filters: Sequence[int] = (32, 64, 128),
    blocks: int = 1,
    width: int = 256,
    activation: Any = "silu",
    name: str = "residual_top_down",
) -> list[keras.Model]:
    """Networks that make the state of each rung but the top one, the lowest first: `[batch, rows, columns, filters]`,
    of the latents above it and of their state.

    Args:
        latent_sizes: numbers of latents, the lowest rung's first: in each place of the last stages of `filters`, as
            `residual_ladder_encoder` has them, and last of the top rung, a vector.
        shape: of the images.

    Raises:
        ValueError: more rungs than stages.
    """
    made, stages = [], _stages_of(filters, len(latent_sizes) - 1)
    for stage, above in zip(stages, latent_sizes[1:], strict=True):
        sides = smallest_sides(shape, 2 ** (stage + 1))
        if stage == stages[-1]:
            inputs = keras.Input((above,))
            x = smallest_image(layers.Dense(width, activation=activation)(inputs), sides, 1, filters[stage])
        else:
            inputs, x = _from_places(shape, stage + 1, above, filters)
            x = layers.Activation(activation)(residual_blocks(x, blocks, activation))
            x = crop(Conv2DTranspose(filters[stage], 4, strides=2, padding="same")(x), sides)
        x = layers.Activation(activation)(residual_blocks(x, blocks, activation))
        made.append(keras.Model(inputs, x, name=f"{name}_{len(made) + 1}"))
    return made


@checked(shape=image_shape, rungs=checks.whole)
def residual_ladder_decoder(
    latent_size: int,
    shape: tuple[int, ...],
    filters: Sequence[int] = (32, 64, 128),
    rungs: int = 2,
    blocks: int = 1,
    activation: Any = "silu",
    output_activation: Any = None,
    name: str = "residual_ladder_decoder",
) -> keras.Model:
    """Decoder of the lowest rung, `[batch, rows, columns, latent_size]`, and of its state, `[batch, rows, columns,
    filters]`, to `[batch, *shape]`; `filters` and `rungs` are those of `residual_ladder_encoder`.

    Raises:
        ValueError: more rungs than stages.
    """
    lowest = _stages_of(filters, rungs)[0]
    inputs, x = _from_places(shape, lowest, latent_size, filters)
    x = residual_image(x, shape, filters[lowest::-1], blocks, activation, output_activation)
    return keras.Model(inputs, x, name=name)
