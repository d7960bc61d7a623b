"""Priors over grids of codes."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.distributions.autoregressive import AutoregressiveCodes, draw_in_turn
from keras_vae.networks import built, gated_pixel_cnn
from keras_vae.networks import network as check_network
from keras_vae.parts.part import Prior

tfd = tfp.distributions


class CodePrior(Prior):
    """A prior over grids of codes, whose shape `build` takes.

    Args:
        codes: number of codes.
    """

    def __init__(self, codes: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes = checks.whole("codes", codes)

    def build(self, input_shape):
        self.grid = tuple(input_shape[1:])

    def get_config(self):
        return {**super().get_config(), "codes": self.codes}


@keras.saving.register_keras_serializable("keras_vae")
class UniformPrior(CodePrior):
    """Every code as likely as any other, everywhere: `log_prob` is `-positions * log(codes)`."""

    def distribution(self, given: Any = None) -> Any:
        """TFP distribution over code grids, event shape `grid`."""
        return tfd.Independent(tfd.Categorical(logits=tf.zeros((*self.grid, self.codes))), len(self.grid))


@keras.saving.register_keras_serializable("keras_vae")
class AutoregressivePrior(CodePrior):
    """`p(codes) = prod_i p(code_i | codes before i)`, row by row; a network gives the logits.

    Before its first step of training it is the uniform prior, at no cost.

    Args:
        codes: number of codes.
        network: causal network, int `[batch, *grid]` to logits `[batch, *grid, codes]`. None: a gated PixelCNN.
    """

    def __init__(self, codes: int = 512, network: keras.layers.Layer | None = None, **kwargs: Any) -> None:
        super().__init__(codes, **kwargs)
        self.network = check_network("network", network)

    def build(self, input_shape):
        super().build(input_shape)
        if self.network is None:
            self.network = gated_pixel_cnn(self.grid, self.codes)
        built(self.network, input_shape)
        self.fitted = self.add_weight(shape=(), initializer="zeros", trainable=False, aggregation="mean", name="fitted")
        signature = [tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int32)]

        def draw(count, seed):
            return draw_in_turn(self, self.grid, count, seed)

        self.draw = tf.function(draw, input_signature=signature, autograph=False)

    def distribution(self, given: Any = None) -> AutoregressiveCodes:
        """TFP distribution over code grids, event shape `grid`."""
        return AutoregressiveCodes(self, self.grid, self.draw)

    def call(self, codes: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Codes `[batch, *grid]` to logits `[batch, *grid, codes]`, float32."""
        if training and self.trainable:
            self.fitted.assign(1.0)
        equal = tf.zeros([tf.shape(codes)[0], *self.grid, self.codes])
        logits = tf.cond(self.fitted.value > 0, lambda: tf.cast(self.network(codes), "float32"), lambda: equal)
        # Frozen weights of Keras are watched all the same, and XLA fails at the gradient that nobody asks for.
        return logits if self.trainable else tf.stop_gradient(logits)

    def get_config(self):
        return {**super().get_config(), "network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})


CODE_PRIORS = {"uniform": UniformPrior, "autoregressive": AutoregressivePrior}
