"""Masked networks: outputs of a place see the inputs before it, and no other (MADE, Germain et al. 2015)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_vae import checks
from keras_vae.networks import arguments


@keras.saving.register_keras_serializable("keras_vae")
class MaskedDense(keras.layers.Layer):
    """A dense layer whose kernel is multiplied by a mask of zeros and ones. Several inputs are as one, side by side,
    but what each says is found before they are broadcast against each other.

    Args:
        mask: `[inputs, units]`.
        activation, kernel_initializer: of `keras.layers.Dense`.
    """

    def __init__(self, mask: Any, activation: Any = None, kernel_initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.mask = np.asarray(mask, "float32")
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=self.mask.shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=self.mask.shape[1:], initializer="zeros", name="bias")

    def call(self, inputs):
        kernel = self.kernel * ops.cast(self.mask, self.compute_dtype)
        parts = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        ends = np.cumsum([part.shape[-1] for part in parts])
        said = [_times(part, kernel[end - part.shape[-1] : end]) for part, end in zip(parts, ends, strict=True)]
        return self.activation(sum(said, self.bias))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.mask.shape[1])


def _times(x, kernel):
    """Vectors `[..., inputs]` times a matrix."""
    return ops.matmul(x, kernel) if len(x.shape) == 2 else ops.tensordot(x, kernel, 1)


@keras.saving.register_keras_serializable("keras_vae")
class MaskedAutoregressiveNetwork(keras.layers.Layer):
    """Vectors `[..., places]` to `[..., places, outputs]`; output i sees inputs before i, and all of a context.

    It starts at zero everywhere.

    Args:
        places: number of inputs.
        outputs: numbers for each place.
        widths: of the hidden layers; none: a linear map.
        activation: of the hidden layers.
        context_size: size of a context `[..., context_size]`, given as the second of two inputs; 0: none.
    """

    def __init__(
        self,
        places: int,
        outputs: int = 2,
        widths: Sequence[int] = (64, 64),
        activation: str = "relu",
        context_size: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.places, self.outputs = checks.whole("places", places), checks.whole("outputs", outputs)
        self.widths = checks.sizes("widths", widths)
        self.activation, self.context_size = (
            arguments.activation("activation", activation),
            checks.whole("context_size", context_size, 0),
        )
        # A hidden unit of degree d sees the first d inputs, a place of degree d those before it.
        places = np.repeat(np.arange(self.places), self.outputs)
        seen = np.concatenate([np.arange(1, self.places + 1), np.zeros(self.context_size, int)])
        self.hidden = []
        for width in self.widths:
            degrees = (
                np.arange(width) % max(self.places, 1)
                if self.context_size
                else 1 + np.arange(width) % max(self.places - 1, 1)
            )
            self.hidden.append(MaskedDense(degrees[None] >= seen[:, None], self.activation, dtype=self.dtype_policy))
            seen = degrees
        self.last = MaskedDense(places[None] >= seen[:, None], None, "zeros", dtype="float32")

    def build(self, input_shape):
        size = self.places + self.context_size
        for layer in (*self.hidden, self.last):
            layer.build((None, size))
            size = layer.mask.shape[1]

    def call(self, inputs):
        x = inputs
        for layer in (*self.hidden, self.last):
            x = layer(x)
        return ops.reshape(x, (*ops.shape(x)[:-1], self.places, self.outputs))

    def get_config(self):
        names = ("places", "outputs", "widths", "activation", "context_size")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
