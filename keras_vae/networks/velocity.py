"""Networks of velocities: of a point and a time, with the divergence that densities need."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_vae import checks

FREQUENCIES = 4  # of the time's features: once, twice, ... over its course


@keras.saving.register_keras_serializable("keras_vae")
class VelocityNetwork(keras.layers.Layer):
    """Points `[batch, size]` and times `[batch]` in [0, 1] to velocities `[batch, size]`: dense layers of SiLUs, which
    give zero at the start.

    Args:
        size: numbers of a point.
        widths: of the hidden layers.
    """

    def __init__(self, size: int, widths: Sequence[int] = (256, 256, 256), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.widths = checks.whole("size", size), checks.sizes("widths", widths, fewest=1)
        self.hidden = [layers.Dense(width, dtype=self.dtype_policy) for width in self.widths]
        self.last = layers.Dense(self.size, kernel_initializer="zeros", dtype=self.dtype_policy)

    def build(self, input_shape):
        width = self.size + 1 + 2 * FREQUENCIES
        for layer in (*self.hidden, self.last):
            layer.build((None, width))
            width = layer.units

    def call(self, points, times):
        x = self._with_time(points, times)
        for layer in self.hidden:
            x = ops.silu(layer(x))
        return self.last(x)

    def with_divergence(self, points: Any, times: Any) -> tuple[Any, Any]:
        """Velocities, and their divergences `sum_i d v_i / d x_i`, `[batch]`: exact, by the chain rule forwards, at the
        cost of one more pass for each number of a point."""
        x = self._with_time(points, times)
        tangents = None  # [size, batch, width], of each number of a point in turn
        for layer in self.hidden:
            before = layer(x)
            gate = ops.sigmoid(before)
            slope = gate * (1.0 + before * (1.0 - gate))
            forward = layer.kernel[: self.size, None] if tangents is None else ops.matmul(tangents, layer.kernel)
            tangents, x = forward * slope, before * gate
        return self.last(x), ops.einsum("ibw,wi->b", tangents, ops.convert_to_tensor(self.last.kernel))

    def _with_time(self, points, times):
        angles = 2.0 * math.pi * ops.expand_dims(times, -1) * np.arange(1, FREQUENCIES + 1, dtype="float32")
        return ops.concatenate([points, ops.expand_dims(times, -1), ops.sin(angles), ops.cos(angles)], axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "size": self.size, "widths": self.widths}
