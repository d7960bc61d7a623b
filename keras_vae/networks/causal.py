"""Causal networks over grids, of codes or pixels: what they return for one sees those before it, row by row, alone."""

import functools

import keras
from keras import layers, ops

from keras_vae import checks
from keras_vae.networks.arguments import checked, grid
from keras_vae.networks.channels_last import Conv2D, Cropping2D, ZeroPadding2D


@checked(grid=grid)
def gated_pixel_cnn(
    grid: tuple[int, int],
    codes: int,
    width: int = 64,
    blocks: int = 8,
    dropout: float = 0.1,
    name: str = "gated_pixel_cnn",
) -> keras.Model:
    """Gated PixelCNN (van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders", figure 2).

    Int `[batch, rows, columns]` to logits `[batch, rows, columns, codes]`. Every block widens what a code sees by a row
    above and by a column to the left, and in the rows above by one to the right.
    """
    inputs = keras.Input(grid, dtype="int32")
    x = layers.Embedding(codes, width)(inputs)
    # Shifted by one, so that neither stack sees the code itself: the rows above, and what is left in its own row.
    above = Cropping2D(((0, 1), (0, 0)))(ZeroPadding2D(((1, 0), (0, 0)))(x))
    left = Cropping2D(((0, 0), (0, 1)))(ZeroPadding2D(((0, 0), (1, 0)))(x))
    for _ in range(blocks):
        y = Conv2D(2 * width, (2, 3))(ZeroPadding2D(((1, 0), (1, 1)))(above))
        z = Conv2D(2 * width, (1, 2))(ZeroPadding2D(((0, 0), (1, 0)))(left))
        z = layers.Add()([z, Conv2D(2 * width, 1)(y)])
        above = layers.Add()([above, Gate()(y)])
        left = layers.Add()([left, layers.Dropout(dropout)(Conv2D(width, 1)(Gate()(z)))])
    x = Conv2D(2 * width, 1, activation="relu")(layers.Activation("relu")(left))
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(codes, kernel_initializer="zeros", dtype="float32")(x), name=name)


@checked(
    window=functools.partial(checks.whole, least=0),
    **dict.fromkeys(("channels", "features", "outputs"), checks.whole),
)
def local_pixel_cnn(
    channels: int,
    features: int,
    outputs: int,
    window: int = 2,
    width: int = 32,
    blocks: int = 2,
    name: str = "local_pixel_cnn",
) -> keras.Model:
    """A gated PixelCNN of a small window: what it returns for a pixel sees the features there, `window` rows above it,
    with as many columns on both sides, and as many pixels to its left, whatever the number of blocks.

    Images `[batch, rows + window, columns + 2 * window, channels]`, padded above and on both sides, and features
    `[batch, rows, columns, features]`, to `[batch, rows, columns, outputs]`. Only the first convolution is wider than a
    pixel, so that a part of an image gives the same as the whole. With a window of 0 no pixel sees another.
    """
    image, given = keras.Input((None, None, channels)), keras.Input((None, None, features))
    seen = [layers.Dense(2 * width)(given)]
    if window:  # the rows above, and what is left in its own row
        above = Cropping2D(((0, 1), (0, 0)))(image)
        left = Cropping2D(((window, 0), (0, window + 1)))(image)
        seen.append(Conv2D(2 * width, (window, 2 * window + 1), use_bias=False)(above))
        seen.append(Conv2D(2 * width, (1, window), use_bias=False)(left))
    x = Gate()(layers.Add()(seen) if window else seen[0])
    for _ in range(blocks):
        y = layers.Add()([layers.Dense(2 * width)(x), layers.Dense(2 * width, use_bias=False)(given)])
        x = layers.Add()([x, layers.Dense(width)(Gate()(y))])
    return keras.Model([image, given], layers.Dense(outputs, dtype="float32")(x), name=name)


@keras.saving.register_keras_serializable("keras_vae")
class Gate(layers.Layer):
    """`tanh(a) * sigmoid(b)` of the halves of the channels."""

    def call(self, x):
        content, gate = ops.split(x, 2, axis=-1)
        return ops.tanh(content) * ops.sigmoid(gate)
