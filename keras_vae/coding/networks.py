"""Networks evaluated in whole numbers: layer by layer, from the weights of a Keras model, on NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from keras_vae.coding import fixed_point
from keras_vae.coding.fixed_point import GRID, LARGEST, shifted, to_grid

WEIGHT_BITS = 16  # weights are multiples of 2^-16, or coarser where a layer's sums might leave float64's whole numbers
LARGEST_SUM = 2**51


class ExactNetwork:
    """A Keras network whose outputs are the same on every machine, as multiples of 2^-12.

    Args:
        network: a built functional or sequential model of dense and convolutional layers.
        name: what errors call it.

    Raises:
        ValueError: a layer, or an activation, that is not known here.
    """

    def __init__(self, network: keras.Model, name: str) -> None:
        if not hasattr(network, "inputs") or not hasattr(network, "outputs"):
            raise ValueError(f"The {name} must be a functional or sequential model to be computed exactly.")
        self.inputs = [id(tensor) for tensor in network.inputs]
        self.outputs = [id(tensor) for tensor in network.outputs]
        self.steps = [_step(layer, name) for layer in network.layers if not isinstance(layer, layers.InputLayer)]
        known = set(self.inputs)
        for _, taken, made in self.steps:
            known |= {made} if known.issuperset(taken) else set()
        if not known.issuperset(self.outputs):
            raise ValueError(f"The {name} cannot be computed exactly: it has a layer that is used twice.")

    def __call__(self, x: Any) -> Any:
        """Whole numbers in float64, `[batch, *event]`, or a list of such, to the outputs as the network has them."""
        known = dict(zip(self.inputs, x if isinstance(x, list) else [x], strict=True))
        for function, taken, made in self.steps:
            known[made] = np.clip(function(*(known[one] for one in taken)), -LARGEST, LARGEST)
        found = [known[one] for one in self.outputs]
        return found[0] if len(found) == 1 else found


def exact_layer(layer: keras.layers.Layer, name: str = "layer") -> Callable:
    """What a layer does to multiples of 2^-12, `[batch, ...]`.

    Raises:
        ValueError: a layer that is not known here.
    """
    for kind in type(layer).__mro__:
        if kind in LAYERS:
            return LAYERS[kind](layer, name)
    raise ValueError(
        f"The {name} cannot be computed exactly: it has a {type(layer).__name__}. Known are "
        f"{', '.join(sorted(kind.__name__ for kind in LAYERS))}."
    )


def _step(layer, name):
    function = exact_layer(layer, name)
    return function, [id(one) for one in tree.flatten(layer.input)], id(layer.output)


def _activation(layer, name):
    activation = getattr(layer, "activation", None)
    kind = "linear" if activation is None else getattr(activation, "__name__", type(activation).__name__)
    if kind not in ("linear", "relu", *fixed_point.FUNCTIONS):
        known = ", ".join(("relu", *fixed_point.FUNCTIONS))
        raise ValueError(f"The {name} cannot be computed exactly: it has the activation {kind!r}. Known are {known}.")
    return lambda x: fixed_point.apply(kind, x)


def _weighted(layer, name, inputs, product):
    """A layer with a kernel.

    Args:
        inputs: how many of its inputs are summed for an output; for the bits that are left to the weights.
        product: `(x, whole kernel)` to sums.
    """
    kernel, bits = np.asarray(layer.kernel, "float64"), WEIGHT_BITS
    while bits > 0 and inputs(np.abs(to_grid(kernel, bits))).max() * LARGEST > LARGEST_SUM:
        bits -= 1
    whole, activation = to_grid(kernel, bits), _activation(layer, name)
    bias = to_grid(layer.bias, GRID + bits) if layer.use_bias else 0.0
    return lambda x: activation(np.clip(shifted(product(x, whole) + bias, bits), -LARGEST, LARGEST))


def _dense(layer, name):
    def product(x, kernel):
        return (x.reshape(-1, len(kernel)) @ kernel).reshape(*x.shape[:-1], -1)

    return _weighted(layer, name, lambda kernel: kernel.sum(axis=0), product)


def _convolution(layer, name):
    _require_plain(layer, name)
    (rows, columns), (down, across) = layer.kernel_size, layer.strides

    def product(x, kernel):
        if layer.padding == "same":
            pads = [_same(*sides) for sides in zip(x.shape[1:3], layer.kernel_size, layer.strides, strict=True)]
            x = np.pad(x, [(0, 0), *pads, (0, 0)])
        views = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))[:, ::down, ::across]
        places = views.shape[:3]  # [batch, height, width, channels, rows, columns]
        flat = views.transpose(0, 1, 2, 4, 5, 3).reshape(-1, rows * columns * x.shape[-1])
        return (flat @ kernel.reshape(flat.shape[1], -1)).reshape(*places, -1)

    return _weighted(layer, name, lambda kernel: kernel.sum(axis=(0, 1, 2)), product)


def _same(side, size, stride):
    total = max((-(-side // stride) - 1) * stride + size - side, 0)
    return total // 2, total - total // 2


def _transposed(layer, name):
    _require_plain(layer, name)
    if layer.padding != "same" or layer.output_padding is not None:
        raise ValueError(
            f'The {name} cannot be computed exactly: its transposed convolutions must have padding="same".'
        )
    (rows, columns), (down, across) = layer.kernel_size, layer.strides

    def product(x, kernel):  # kernel [rows, columns, filters, channels]
        batch, height, width, channels = x.shape
        whole = np.zeros((batch, down * (height - 1) + rows, across * (width - 1) + columns, kernel.shape[2]))
        products = x.reshape(-1, channels) @ kernel.transpose(3, 0, 1, 2).reshape(channels, -1)
        products = products.reshape(batch, height, width, rows, columns, -1)
        for row in range(rows):
            for column in range(columns):
                there = whole[:, row : row + down * height : down, column : column + across * width : across]
                there += products[:, :, :, row, column]
        top, left = max(rows - down, 0) // 2, max(columns - across, 0) // 2
        missing = [(0, 0), *((0, max(stride - size, 0)) for stride, size in ((down, rows), (across, columns))), (0, 0)]
        return np.pad(whole, missing)[:, top : top + down * height, left : left + across * width]

    return _weighted(layer, name, lambda kernel: kernel.sum(axis=(0, 1, 3)), product)


def _require_plain(layer, name):
    if layer.data_format != "channels_last" or tuple(layer.dilation_rate) != (1, 1) or getattr(layer, "groups", 1) > 1:
        raise ValueError(
            f"The {name} cannot be computed exactly: convolutions must have channels last, no dilation and one group."
        )


def _normalised(layer, name):
    """Batch normalization as at test time: a factor and a shift of each channel."""
    deviation = np.sqrt(np.asarray(layer.moving_variance, "float64") + layer.epsilon)  # a root rounds alike everywhere
    factor = (np.asarray(layer.gamma, "float64") if layer.scale else 1.0) / deviation
    shift = (np.asarray(layer.beta, "float64") if layer.center else 0.0) - layer.moving_mean * factor
    factor, shift = to_grid(factor, WEIGHT_BITS), to_grid(shift, GRID + WEIGHT_BITS)
    return lambda x: shifted(x * factor + shift, WEIGHT_BITS)


def _pooled(layer, name):
    (rows, columns), (down, across) = layer.pool_size, layer.strides
    if layer.padding != "valid" or layer.data_format != "channels_last":
        raise ValueError(f'The {name} cannot be computed exactly: pooling must have channels last and padding="valid".')

    def largest(x):
        views = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))
        return views[:, ::down, ::across].max(axis=(-2, -1))

    return largest


def _cropped(layer, name):
    (top, bottom), (left, right) = layer.cropping
    return lambda x: x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]


LAYERS: dict[type, Callable] = {
    layers.Dense: _dense,
    layers.Conv2D: _convolution,
    layers.Conv2DTranspose: _transposed,
    layers.BatchNormalization: _normalised,
    layers.MaxPooling2D: _pooled,
    layers.Cropping2D: _cropped,
    layers.Activation: _activation,
    layers.Dropout: lambda layer, name: lambda x: x,
    layers.Flatten: lambda layer, name: lambda x: x.reshape(len(x), -1),
    layers.Reshape: lambda layer, name: lambda x: x.reshape(len(x), *layer.target_shape),
    layers.Add: lambda layer, name: lambda *parts: sum(parts[1:], parts[0]),
    layers.Concatenate: lambda layer, name: lambda *parts: np.concatenate(parts, axis=layer.axis),
}
