"""The networks of the workloads in Keras, for us and for the hand-written loop."""

import keras
from keras import layers

from benchmarks.peers.workloads import CONVOLUTIONAL_WIDTH, DENSE_WIDTHS, FILTERS, GRID_FILTERS
from keras_vae import networks


def encoder(kind, shape, latent_size):
    if kind == "dense":
        return networks.dense_encoder(shape, DENSE_WIDTHS)
    if kind == "convolutional":
        return networks.convolutional_encoder(shape, FILTERS, CONVOLUTIONAL_WIDTH)
    convolutions = [layers.Conv2D(count, 4, 2, "same", activation="relu") for count in GRID_FILTERS]
    return keras.Sequential([keras.Input(shape), *convolutions, layers.Dense(latent_size)])


def decoder(kind, shape, latent_size):
    if kind == "dense":
        return networks.dense_decoder(latent_size, shape, DENSE_WIDTHS)
    if kind == "convolutional":
        return networks.convolutional_decoder(latent_size, shape, FILTERS[::-1], CONVOLUTIONAL_WIDTH)
    first, *others = GRID_FILTERS[::-1]
    grid = (*(side // 2 ** len(GRID_FILTERS) for side in shape[:2]), latent_size)
    growing = [layers.Conv2DTranspose(count, 4, 2, "same", activation="relu") for count in others]
    last = networks.SubpixelConv2DTranspose(shape[-1], 4, 2, "same")
    return keras.Sequential([keras.Input(grid), layers.Dense(first, activation="relu"), *growing, last])
