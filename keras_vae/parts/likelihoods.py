"""Likelihoods p(x|z): what the decoder's outputs mean."""

import math
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae import checks, devices
from keras_vae.distributions.bernoulli import Bernoulli, IndependentBernoulli
from keras_vae.distributions.discretized_logistic import DiscretizedLogistic
from keras_vae.networks import ends_in, output_shape, reach
from keras_vae.parts.part import Part

tfd = tfp.distributions


class Likelihood(Part):
    """Decoder outputs `[..., *parameters_shape(event)]` to a TFP distribution over x, `[..., *event]`, in float32.

    Attributes:
        support: `(lowest, highest)` value that x may take, or None for the real line.
        data_dtype: what x is made of: "float32", or "int32" for whole numbers, such as codes and tokens.
        one_hot: whether x must be one-hot along its last axis.
        logits: whether the decoder's outputs are logits, real numbers that no activation bounds.
        locations: whether the decoder's outputs are values of x, so that it must be able to return what x holds.
        binary: whether x must be 0 or 1, and nothing between.
        density: whether p(x|z) is a density, whose value depends on the unit of x, and no probability of discrete
            data, which alone can be given in bits. Say False in a likelihood of your own that is none.
        decoded: how many draws `log_likelihood` decodes at a time: what networks make of them stays in the processor's
            cache.
        refuses_images: whether what looks like 8-bit images, not brought to [0, 1], is refused.
    """

    support: tuple[float, float] | None = None
    data_dtype = "float32"
    one_hot = False
    refuses_images = False
    logits = locations = binary = False
    density = True
    decoded = 2000

    def parameters_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape, without batch, that the decoder must return for events of `event_shape`."""
        return tuple(event_shape)

    def check(
        self, decoder: keras.layers.Layer, input_shape: Any, event_shape: tuple[int, ...], name: str = ""
    ) -> None:
        """Builds a decoder; refuses one that returns another shape than this likelihood needs, and warns of one whose
        last activation bounds what are logits.

        Args:
            input_shape: of what it is given, batch included.
            event_shape: of the data.
            name: of the modality, for messages.
        """
        what = f"decoder of {name!r}" if name else "decoder"
        returned, wanted = output_shape(what, decoder, input_shape)[1:], tuple(self.parameters_shape(event_shape))
        if tuple(returned) != wanted:
            raise ValueError(
                f"The {what} returns {list(returned)} an example, but {type(self).__name__} needs {list(wanted)} for "
                "these data."
            )
        if self.logits and np.isfinite(reach(decoder)).any():
            warnings.warn(
                f"The {what} ends in a {ends_in(decoder)}, but {type(self).__name__} takes logits, which no activation "
                "bounds: leave it out, or reconstructions cannot reach the data.",
                stacklevel=2,
            )

    def start_at(self, x: tf.Tensor, observed: tf.Tensor | None = None, weight: Any = None) -> None:
        """Called in each step of training with its data, before anything is computed of them: where a scale that
        nothing has moved yet starts at theirs.

        Args:
            x: `[batch, *event]`.
            observed: None, or which rows hold anything, boolean `[batch]`.
            weight: None, or of one of several replicas: its examples over the mean number of those of a replica.
        """

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        """TFP distribution over x of the decoder's output, whose first `batch_ndims` axes are not the event's."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution`.")


class _ScaledLikelihood(Likelihood):
    """Location from the decoder, one scale for every dimension: a number, or "learned".

    A learned scale starts at that of the first batch it is trained on, unless it has been trained, loaded or assigned
    before; `floor` is what it stays above.
    """

    scales = ("learned",)  # that are named
    locations = True
    floor, unit = 1e-5, 1.0
    share = 1.0  # scale over standard deviation

    def __init__(self, scale: float | str = "learned", pace: float = 5.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pace = checks.number("pace", pace, above=0.0)
        if isinstance(scale, str):
            self.scale = checks.choice("scale", scale, self.scales)
        else:
            self.scale = checks.number("scale", scale, above=0.0)

    def build(self, input_shape=None):
        if self.scale == "learned":  # 0 is one that nothing has moved yet
            self.raw_scale = self.add_weight(shape=(), initializer="zeros", aggregation="mean", name="raw_scale")

    def scale_value(self) -> Any:
        """The scale as a float32 scalar."""
        if self.scale != "learned":
            return float(self.scale)
        if not self.built:
            return self.unit
        # Adam moves every weight by about the learning rate a step, and the scale has to fall as fast as the error of a
        # whole network does. Of optimizers that go by the gradient's size the step is the same at any pace.
        raw = devices.scaled_gradient(self.raw_scale.value, self.pace**-2)
        return self.floor + self.unit * ops.exp(self.pace * raw)

    def assign_scale(self, scale: float) -> None:
        """Sets a learned scale, a number above `floor`, or raises a ValueError."""
        if not scale > self.floor:
            raise ValueError(f"The scale must be above {self.floor:g}; got {scale:g}. Rescale the data.")
        self._assign_log(np.log((scale - self.floor) / self.unit))

    def _assign_log(self, value):
        self.raw_scale.assign(np.float32(value / self.pace))

    def start_at(self, x, observed=None, weight=None):
        if self.scale != "learned" or not self.trainable:
            return
        raw = self.raw_scale.value
        spread = tf.cond(raw == 0.0, lambda: _spread(x, observed), lambda: tf.zeros([]))
        start = tf.math.log(tf.maximum(spread * self.share / self.unit, self.floor)) / self.pace
        # Replicas' values are averaged, each by its share of the examples.
        self.raw_scale.assign(tf.where(spread > 0.0, start * (1.0 if weight is None else weight), raw))

    def save_own_variables(self, store):
        if self.scale == "learned":
            store["log_scale"] = self.pace * self.raw_scale.numpy().astype("float64")

    def load_own_variables(self, store):
        if self.scale != "learned":
            return
        names = set(store.keys())
        if "log_scale" in names:
            self._assign_log(np.asarray(store["log_scale"]))
        elif "0" in names:  # of an archive from before scales were learned in logarithms
            self._assign_log(np.log(np.logaddexp(0.0, np.asarray(store["0"], "float64"))))
        else:  # from before names meant a learned scale
            self.assign_scale(1.0)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "pace": self.pace}


def _spread(x, observed=None):
    """Standard deviation of data `[batch, *event]` around the mean of each dimension; where that is nothing, as of one
    example, around the mean of all; 0 where they are constant."""
    shares = tf.ones(tf.shape(x)[:1]) if observed is None else tf.cast(observed, "float32")
    shares = tf.math.divide_no_nan(shares, tf.reduce_sum(shares))
    x = tf.reshape(tf.cast(x, "float32"), [tf.shape(x)[0], -1])
    means = tf.linalg.matvec(x, shares, transpose_a=True)
    of_all = [tf.reduce_mean(means), means, tf.zeros([])]
    around_all, around_each, size = (
        tf.sqrt(tf.tensordot(shares, tf.reduce_mean((x - centre) ** 2, axis=1), 1)) for centre in of_all
    )
    rounding = 1e-5 * size
    around_all = tf.where(around_all > rounding, around_all, 0.0)
    return tf.where(around_each > rounding, around_each, around_all)


class _RealLikelihood(_ScaledLikelihood):
    """Of real numbers.

    Args:
        scale: a number, or "learned", as the names "normal" and "laplace" have it.
        refuses_images: False where images of numbers up to 255 are what they look like and no forgotten division.
        **kwargs: `pace`, by how much the logarithm of a learned scale moves where Adam moves a weight by 1.
    """

    def __init__(self, scale: float | str = "learned", refuses_images: bool = True, **kwargs: Any) -> None:
        super().__init__(scale, **kwargs)
        self.refuses_images = checks.flag("refuses_images", refuses_images)

    def get_config(self):
        return {**super().get_config(), "refuses_images": self.refuses_images}


@keras.saving.register_keras_serializable("keras_vae")
class NormalLikelihood(_RealLikelihood):
    """`N(f(z), scale**2 I)`; the decoder returns the mean."""

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        return independent(tfd.Normal(tf.cast(given, "float32"), self.scale_value()), batch_ndims)


@keras.saving.register_keras_serializable("keras_vae")
class LaplaceLikelihood(_RealLikelihood):
    """Laplace with independent dimensions; the decoder returns the location."""

    share = 0.5**0.5

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        return independent(tfd.Laplace(tf.cast(given, "float32"), self.scale_value()), batch_ndims)


@keras.saving.register_keras_serializable("keras_vae")
class BernoulliLikelihood(Likelihood):
    """Bernoulli with independent dimensions; the decoder returns logits. Data in [0, 1] count as expected bits."""

    support = (0.0, 1.0)
    density = False
    logits = True

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        bits = Bernoulli(logits=tf.cast(given, "float32"), dtype="float32")
        return independent(bits, batch_ndims, IndependentBernoulli)


@keras.saving.register_keras_serializable("keras_vae")
class DiscretizedLogisticLikelihood(_ScaledLikelihood):
    """Logistic, rounded to `levels` evenly spaced values in [0, 1] (Kingma et al. 2016, equation 14).

    Args:
        levels: number of values.
        scale: "decoded": the decoder returns `[..., channels * 2]`, locations, then raw scales (`softplus` makes them
            positive); a number, or "learned": one scale for every dimension, and the decoder returns locations.
        **kwargs: `pace`, as in `NormalLikelihood`.
    """

    support = (0.0, 1.0)
    density = False
    scales = ("learned", "decoded")
    floor, unit, share = 1e-4, 0.1, 3**0.5 / math.pi

    def __init__(self, levels: int = 256, scale: float | str = "decoded", **kwargs: Any) -> None:
        super().__init__(scale, **kwargs)
        self.levels = checks.whole("levels", levels, least=2)

    def parameters_shape(self, event_shape) -> tuple[int, ...]:
        return event_shape if self.scale != "decoded" else (*event_shape[:-1], 2 * event_shape[-1])

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        parameters = tf.cast(given, "float32")
        if self.scale == "decoded":
            loc, raw_scale = tf.split(parameters, 2, axis=-1)
            scale = self.unit * tf.nn.softplus(raw_scale) + self.floor
        else:
            loc, scale = parameters, self.scale_value()
        return independent(DiscretizedLogistic(loc, scale, self.levels), batch_ndims)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable("keras_vae")
class CategoricalLikelihood(Likelihood):
    """One-hot categories along the last axis; the decoder returns logits of the same shape."""

    support = (0.0, 1.0)
    density = False
    logits = True
    one_hot = True

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        categories = tfd.OneHotCategorical(logits=tf.cast(given, "float32"), dtype="float32")
        return independent(categories, batch_ndims)


LIKELIHOODS = {
    "bernoulli": BernoulliLikelihood,
    "normal": NormalLikelihood,
    "laplace": LaplaceLikelihood,
    "discretized_logistic": DiscretizedLogisticLikelihood,
    "categorical": CategoricalLikelihood,
}


def independent(distribution, batch_ndims, kind=tfd.Independent) -> Any:
    """All dimensions after the first `batch_ndims` are one event."""
    return kind(distribution, reinterpreted_batch_ndims=len(distribution.batch_shape) - batch_ndims)
