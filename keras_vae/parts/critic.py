"""Critics: networks that tell draws of one kind from draws of another, trained beside a model in the same `fit`."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from keras_vae import checks


@keras.saving.register_keras_serializable("keras_vae")
class Critic(keras.layers.Layer):
    """Log-odds that a vector comes from the first of two kinds: leaky ReLUs and one output, in float32.

    A model is trained by `score`, to which the critic is fixed; the critic by `loss`, to which the vectors are.
    `model.compile` gives it an optimizer of its own.

    Args:
        widths: of the hidden layers.
    """

    def __init__(self, widths: Sequence[int] = (256, 256, 256), **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.widths = checks.sizes("widths", widths)

    def build(self, input_shape):
        hidden = [layers.Dense(width, activation="leaky_relu", dtype="float32") for width in self.widths]
        self.network = keras.Sequential([*hidden, layers.Dense(1, dtype="float32")], name="critic")
        self.network.build(input_shape)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Log-odds `[...]` of vectors `[..., features]`."""
        return self.network(values)[..., 0]

    def score(self, values: tf.Tensor) -> tf.Tensor:
        """Log-odds `[batch]`, whose gradient reaches the vectors alone."""
        weights = [ops.stop_gradient(weight.value) for weight in self.network.trainable_variables]
        outputs, _ = self.network.stateless_call(weights, self.network.non_trainable_variables, values)
        return outputs[..., 0]

    def loss(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """Cross-entropy in nats, `[batch]`, log 2 where it cannot tell them apart; its gradient reaches the critic
        alone."""
        first, second = self(ops.stop_gradient(first)), self(ops.stop_gradient(second))
        return 0.5 * (ops.softplus(-first) + ops.softplus(second))

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}
