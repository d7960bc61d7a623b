"""Causal networks over grids of codes: the logits of a code see the codes before it, row by row, and no other."""

import math

import keras
from keras import layers


def causal_transformer(grid, codes, width=128, blocks=4, heads=4, dropout=0.1, name="causal_transformer"):
    """Transformer, int `[batch, *grid]` to logits `[batch, *grid, codes]`; it starts from equal logits."""
    positions = math.prod(grid)
    inputs = keras.Input(grid, dtype="int32")
    x = layers.Embedding(codes, width)(layers.Reshape((positions,))(inputs))
    x = layers.Cropping1D((0, 1))(layers.ZeroPadding1D((1, 0))(x))  # every place gets the code before it
    x = Positions()(x)
    x = layers.Dropout(dropout)(x)
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(heads, width // heads)(y, y, use_causal_mask=True)
        x = layers.Add()([x, layers.Dropout(dropout)(y)])
        y = layers.Dense(4 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dropout(dropout)(layers.Dense(width)(y))])
    x = layers.Dense(codes, kernel_initializer="zeros", dtype="float32")(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Reshape((*grid, codes), dtype="float32")(x), name=name)


@keras.saving.register_keras_serializable("keras_vae")
class Positions(layers.Layer):
    """Adds a learned vector for each position, to `[batch, positions, width]`."""

    def build(self, input_shape):
        self.vectors = self.add_weight(
            shape=input_shape[1:], initializer=keras.initializers.RandomNormal(stddev=0.02), name="vectors"
        )

    def call(self, x):
        return x + self.vectors


def gated_pixel_cnn(grid, codes, width=64, blocks=8, dropout=0.1, name="gated_pixel_cnn"):
    """Gated PixelCNN (van den Oord et al. 2016), int `[batch, *grid]` to logits `[batch, *grid, codes]`."""
    inputs = keras.Input(grid, dtype="int32")
    x = layers.Embedding(codes, width)(inputs)
    above = layers.Cropping2D(((0, 1), (0, 0)))(layers.ZeroPadding2D(((1, 0), (0, 0)))(x))
    left = layers.Cropping2D(((0, 0), (0, 1)))(layers.ZeroPadding2D(((0, 0), (1, 0)))(x))
    for _ in range(blocks):
        y = layers.Conv2D(2 * width, (2, 3))(layers.ZeroPadding2D(((1, 0), (1, 1)))(above))
        z = layers.Conv2D(2 * width, (1, 2))(layers.ZeroPadding2D(((0, 0), (1, 0)))(left))
        z = layers.Add()([z, layers.Conv2D(2 * width, 1)(y)])
        above = layers.Add()([above, _gate(y)])
        left = layers.Add()([left, layers.Dropout(dropout)(layers.Conv2D(width, 1)(_gate(z)))])
    x = layers.Conv2D(2 * width, 1, activation="relu")(layers.Activation("relu")(left))
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(codes, kernel_initializer="zeros", dtype="float32")(x), name=name)


def _gate(x):
    count = x.shape[-1] // 2
    return layers.Multiply()([layers.Activation("tanh")(x[..., :count]), layers.Activation("sigmoid")(x[..., count:])])
