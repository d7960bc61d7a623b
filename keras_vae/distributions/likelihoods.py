"""Likelihoods p(x|z): what the decoder's outputs mean."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

tfd = tfp.distributions


class Likelihood(keras.layers.Layer):
    """Decoder outputs `[..., *parameters_shape(event)]` to a TFP distribution over x, `[..., *event]`, in float32.

    Attributes:
        support: `(lowest, highest)` value that x may take, or None for the real line.
    """

    support = None

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def build(self, input_shape=None):
        pass  # likelihoods without weights

    def parameters_shape(self, event_shape):
        """Shape, without batch, that the decoder must return for events of `event_shape`."""
        return tuple(event_shape)

    def distribution(self, parameters, batch_ndims=1):
        """TFP distribution over x of the decoder's output, whose first `batch_ndims` axes are not the event's."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution`.")


class _ScaledLikelihood(Likelihood):
    """Location from the decoder, one scale for every dimension: a number, or "learned"."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        if scale != "learned" and not (isinstance(scale, (int, float)) and scale > 0):
            raise ValueError(f'The scale must be a positive number or "learned"; got {scale!r}.')
        self.scale = scale

    def build(self, input_shape=None):
        if self.scale == "learned":
            start = keras.initializers.Constant(0.5413)  # softplus(0.5413) = 1
            self.raw_scale = self.add_weight(shape=(), initializer=start, name="raw_scale")

    def scale_value(self):
        """The scale as a float32 scalar."""
        return ops.softplus(self.raw_scale) + 1e-5 if self.scale == "learned" else float(self.scale)

    def assign_scale(self, scale):
        """Sets a learned scale, a number above 1e-5, or raises a ValueError."""
        if scale <= 1e-5:
            raise ValueError(f"The scale must be above 1e-05; got {scale:g}. Rescale the data.")
        self.raw_scale.assign(tfp.math.softplus_inverse(tf.cast(scale - 1e-5, "float32")))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keras_vae")
class NormalLikelihood(_ScaledLikelihood):
    """`N(f(z), scale**2 I)`; the decoder returns the mean."""

    def distribution(self, parameters, batch_ndims=1):
        return _independent(tfd.Normal(tf.cast(parameters, "float32"), self.scale_value()), batch_ndims)


@keras.saving.register_keras_serializable("keras_vae")
class LaplaceLikelihood(_ScaledLikelihood):
    """Laplace with independent dimensions; the decoder returns the location."""

    def distribution(self, parameters, batch_ndims=1):
        return _independent(tfd.Laplace(tf.cast(parameters, "float32"), self.scale_value()), batch_ndims)


@keras.saving.register_keras_serializable("keras_vae")
class BernoulliLikelihood(Likelihood):
    """Bernoulli with independent dimensions; the decoder returns logits. Data in [0, 1] count as expected bits."""

    support = (0.0, 1.0)

    def distribution(self, parameters, batch_ndims=1):
        bits = Bernoulli(logits=tf.cast(parameters, "float32"), dtype="float32")
        return _independent(bits, batch_ndims, IndependentBernoulli)


@keras.saving.register_keras_serializable("keras_vae")
class DiscretizedLogisticLikelihood(_ScaledLikelihood):
    """Logistic, rounded to `levels` evenly spaced values in [0, 1] (Kingma et al. 2016, equation 14).

    Args:
        levels: number of values.
        scale: "decoded": the decoder returns `[..., channels * 2]`, locations, then raw scales (`softplus` makes them
            positive); a number, or "learned": one scale for every dimension, and the decoder returns locations.
    """

    support = (0.0, 1.0)

    def __init__(self, levels=256, scale="decoded", **kwargs):
        super().__init__(1.0 if scale == "decoded" else scale, **kwargs)
        self.levels, self.scale = levels, scale

    def parameters_shape(self, event_shape):
        return event_shape if self.scale != "decoded" else (*event_shape[:-1], 2 * event_shape[-1])

    def scale_value(self):
        return 0.1 * ops.softplus(self.raw_scale) + 1e-4 if self.scale == "learned" else float(self.scale)

    def distribution(self, parameters, batch_ndims=1):
        parameters = tf.cast(parameters, "float32")
        if self.scale == "decoded":
            loc, raw_scale = tf.split(parameters, 2, axis=-1)
            scale = 0.1 * tf.nn.softplus(raw_scale) + 1e-4
        else:
            loc, scale = parameters, self.scale_value()
        return _independent(DiscretizedLogistic(loc, scale, self.levels), batch_ndims)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable("keras_vae")
class CategoricalLikelihood(Likelihood):
    """One-hot categories along the last axis; the decoder returns logits of the same shape."""

    support = (0.0, 1.0)

    def distribution(self, parameters, batch_ndims=1):
        categories = tfd.OneHotCategorical(logits=tf.cast(parameters, "float32"), dtype="float32")
        return _independent(categories, batch_ndims)


LIKELIHOODS = {
    "bernoulli": BernoulliLikelihood,
    "normal": NormalLikelihood,
    "laplace": LaplaceLikelihood,
    "discretized_logistic": DiscretizedLogisticLikelihood,
    "categorical": CategoricalLikelihood,
}


class Bernoulli(tfd.Bernoulli):
    """TFP's, with a log-probability and a gradient that take half the time."""

    def _log_prob(self, event):
        logits = self.logits_parameter()
        return tf.cast(event, logits.dtype) * logits - tf.nn.softplus(logits)


class IndependentBernoulli(tfd.Independent):
    """Independent Bernoulli dimensions. Their sum needs fewer logarithms than its parts."""

    def _log_prob(self, x):
        if not self.event_shape.is_fully_defined():
            return super()._log_prob(x)
        logits = self.distribution.logits_parameter()
        products = tf.cast(x, logits.dtype) * logits
        axes = list(range(-self.event_shape.rank, 0))
        flat = tf.concat([self.batch_shape_tensor(), [np.prod(self.event_shape, dtype=int)]], axis=0)
        normalisers = summed_softplus(tf.reshape(logits, flat))
        return tf.reduce_sum(products, axis=axes) - tf.ensure_shape(normalisers, self.batch_shape)


@tf.custom_gradient
def summed_softplus(logits):
    """`sum log(1 + exp(logits))` over the last axis, whose size is known: `[..., size]` to `[...]`.

    Of `log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|))`, 16 second parts share a logarithm, of their product.
    """
    terms = 1.0 + tf.exp(-tf.abs(logits))
    missing = -logits.shape[-1] % 16
    if missing:
        terms = tf.pad(terms, [[0, 0]] * (logits.shape.rank - 1) + [[0, missing]], constant_values=1.0)
    groups = tf.concat([tf.shape(terms)[:-1], [terms.shape[-1] // 16, 16]], axis=0)
    logs = tf.math.log(tf.reduce_prod(tf.reshape(terms, groups), axis=-1))
    total = tf.reduce_sum(tf.nn.relu(logits), axis=-1) + tf.reduce_sum(logs, axis=-1)
    return total, lambda gradient: gradient[..., None] * tf.sigmoid(logits)


def given_visible(p, visible, mask):
    """p(x|z) with some dimensions known: draws and means hold `visible` there, log-densities cover the others only.

    Args:
        p: TFP distribution of a likelihood with independent dimensions.
        visible: known values, `[batch, *event]`.
        mask: boolean, true where they are known; broadcasts to `[batch, *event]`.
    """
    hidden = tfd.Masked(p.distribution, ~mask, safe_sample_fn=lambda _: visible)
    return tfd.Independent(hidden, p.reinterpreted_batch_ndims)


def _independent(distribution, batch_ndims, kind=tfd.Independent):
    """All dimensions after the first `batch_ndims` are one event."""
    return kind(distribution, reinterpreted_batch_ndims=len(distribution.batch_shape) - batch_ndims)


class DiscretizedLogistic(tfd.Distribution):
    """Logistic rounded to `levels` evenly spaced values in [0, 1]; the outermost values take the tails."""

    def __init__(self, loc, scale, levels=256, name="DiscretizedLogistic"):
        parameters = dict(locals())
        self.loc, self.scale, self.levels = loc, scale, levels
        super().__init__(
            dtype=loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"loc": tfp.util.ParameterProperties(), "scale": tfp.util.ParameterProperties()}

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        half_bin = 0.5 / (self.levels - 1)
        upper = (x + half_bin - self.loc) / self.scale
        lower = (x - half_bin - self.loc) / self.scale
        # log(sigmoid(upper) - sigmoid(lower)) without cancellation, from sigmoid(b) - sigmoid(a)
        # = sigmoid(b) sigmoid(-a) (1 - exp(a - b)).
        inside = tf.math.log_sigmoid(upper) + tf.math.log_sigmoid(-lower) + tfp.math.log1mexp(upper - lower)
        lowest, highest = x < half_bin, x > 1.0 - half_bin
        return tf.where(lowest, tf.math.log_sigmoid(upper), tf.where(highest, tf.math.log_sigmoid(-lower), inside))

    def _sample_n(self, n, seed=None):
        draws = tfd.Logistic(self.loc, self.scale).sample(n, seed=seed)
        return tf.round(tf.clip_by_value(draws, 0.0, 1.0) * (self.levels - 1)) / (self.levels - 1)

    def _mean(self):
        # The integral over [0, 1] of P(X > t), in closed form for the logistic before rounding.
        return self.scale * (tf.nn.softplus(self.loc / self.scale) - tf.nn.softplus((self.loc - 1.0) / self.scale))
