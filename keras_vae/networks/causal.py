"""Causal networks over grids of codes: the logits of a code see the codes before it, row by row, and no other."""

import keras
from keras import layers, ops

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


@keras.saving.register_keras_serializable("keras_vae")
class Gate(layers.Layer):
    """`tanh(a) * sigmoid(b)` of the halves of the channels."""

    def call(self, x):
        content, gate = ops.split(x, 2, axis=-1)
        return ops.tanh(content) * ops.sigmoid(gate)
