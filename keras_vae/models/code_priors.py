"""Priors over grids of codes."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.models.parts import build_part
from keras_vae.networks import gated_pixel_cnn

tfd = tfp.distributions


class _CodePrior(keras.layers.Layer):
    def __init__(self, codes=512, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.codes = codes

    def build(self, input_shape):
        self.grid = tuple(input_shape[1:])

    def get_config(self):
        return {**super().get_config(), "codes": self.codes}


@keras.saving.register_keras_serializable("keras_vae")
class UniformPrior(_CodePrior):
    """Every code as likely as any other, everywhere: `log_prob` is `-positions * log(codes)`."""

    def distribution(self):
        """TFP distribution over code grids, event shape `grid`."""
        return tfd.Independent(tfd.Categorical(logits=tf.zeros((*self.grid, self.codes))), len(self.grid))


@keras.saving.register_keras_serializable("keras_vae")
class AutoregressivePrior(_CodePrior):
    """`p(codes) = prod_i p(code_i | codes before i)`, row by row; a network gives the logits.

    Before its first step of training it is the uniform prior, at no cost.

    Args:
        codes: number of codes.
        network: causal network, int `[batch, *grid]` to logits `[batch, *grid, codes]`. None: a gated PixelCNN.
    """

    def __init__(self, codes=512, network=None, **kwargs):
        super().__init__(codes, **kwargs)
        self.network = network

    def build(self, input_shape):
        super().build(input_shape)
        if self.network is None:
            self.network = gated_pixel_cnn(self.grid, self.codes)
        build_part(self.network, input_shape)
        self.fitted = self.add_weight(shape=(), initializer="zeros", trainable=False, aggregation="mean", name="fitted")
        signature = [tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int32)]
        self.draw = tf.function(self._draw, input_signature=signature, autograph=False)

    def distribution(self):
        """TFP distribution over code grids, event shape `grid`."""
        return AutoregressiveCodes(self)

    def call(self, codes, training=False):
        """Codes `[batch, *grid]` to logits `[batch, *grid, codes]`, float32."""
        if training and self.trainable:
            self.fitted.assign(1.0)
        equal = tf.zeros([tf.shape(codes)[0], *self.grid, self.codes])
        logits = tf.cond(self.fitted.value > 0, lambda: tf.cast(self.network(codes), "float32"), lambda: equal)
        # Frozen weights of Keras are watched all the same, and XLA fails at the gradient that nobody asks for.
        return logits if self.trainable else tf.stop_gradient(logits)

    def _draw(self, count, seed):
        """Codes `[count, *grid]`, one position after another within one graph."""
        positions = math.prod(self.grid)

        def step(position, codes):
            logits = tf.reshape(self(tf.reshape(codes, [-1, *self.grid])), [count, positions, self.codes])
            here = tf.random.experimental.stateless_fold_in(seed, position)
            code = tf.random.stateless_categorical(logits[:, position], 1, here, dtype=tf.int32)
            return position + 1, tf.where(tf.range(positions) == position, code, codes)

        start = tf.zeros([count, positions], tf.int32)
        _, codes = tf.while_loop(
            lambda position, _: position < positions,
            step,
            (0, start),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, positions])),
        )
        return tf.reshape(codes, [-1, *self.grid])

    def get_config(self):
        return {**super().get_config(), "network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})


CODE_PRIORS = {"uniform": UniformPrior, "autoregressive": AutoregressivePrior}


class AutoregressiveCodes(tfd.Distribution):
    """The distribution over code grids of an `AutoregressivePrior`."""

    def __init__(self, prior, name="AutoregressiveCodes"):
        parameters = dict(locals())
        self.prior = prior
        super().__init__(
            dtype=tf.int32,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}

    def _batch_shape(self):
        return tf.TensorShape([])

    def _event_shape(self):
        return tf.TensorShape(self.prior.grid)

    def _event_shape_tensor(self):
        return tf.constant(self.prior.grid, tf.int32)

    def _log_prob(self, codes):
        flat = tf.reshape(codes, [-1, *self.prior.grid])
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=flat, logits=self.prior(flat))
        nats = tf.reduce_sum(nats, axis=list(range(1, len(flat.shape))))
        return tf.reshape(-nats, tf.shape(codes)[: -len(self.prior.grid)])

    def _sample_n(self, n, seed=None):
        return self.prior.draw(n, seed)
