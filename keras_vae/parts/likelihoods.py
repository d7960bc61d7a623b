"""Likelihoods p(x|z): what the decoder's outputs mean."""

import warnings
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae import checks
from keras_vae.distributions.bernoulli import Bernoulli, IndependentBernoulli
from keras_vae.distributions.discretized_logistic import DiscretizedLogistic
from keras_vae.networks import ends_in, output_shape
from keras_vae.parts.part import Part

tfd = tfp.distributions


class Likelihood(Part):
    """Decoder outputs `[..., *parameters_shape(event)]` to a TFP distribution over x, `[..., *event]`, in float32.

    Attributes:
        support: `(lowest, highest)` value that x may take, or None for the real line.
        data_dtype: what x is made of: "float32", or "int32" for whole numbers, such as codes and tokens.
        one_hot: whether x must be one-hot along its last axis.
        logits: whether the decoder's outputs are logits, real numbers that no activation bounds.
        refuses_images: whether what looks like 8-bit images, not brought to [0, 1], is refused.
    """

    support: tuple[float, float] | None = None
    data_dtype = "float32"
    one_hot = False
    refuses_images = False
    logits = False

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
        if self.logits and ends_in(decoder) in ("sigmoid", "softmax", "relu", "tanh", "hard_sigmoid", "softplus"):
            warnings.warn(
                f"The {what} ends in a {ends_in(decoder)}, but {type(self).__name__} takes logits, which no activation "
                "bounds: leave it out, or reconstructions cannot reach the data.",
                stacklevel=2,
            )

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        """TFP distribution over x of the decoder's output, whose first `batch_ndims` axes are not the event's."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution`.")


class _ScaledLikelihood(Likelihood):
    """Location from the decoder, one scale for every dimension: a number, or "learned"."""

    scales = ("learned",)  # that are named

    def __init__(self, scale: float | str = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(scale, str):
            self.scale = checks.choice("scale", scale, self.scales)
        else:
            self.scale = checks.number("scale", scale, above=0.0)

    def build(self, input_shape=None):
        if self.scale == "learned":
            start = keras.initializers.Constant(0.5413)  # softplus(0.5413) = 1
            self.raw_scale = self.add_weight(shape=(), initializer=start, name="raw_scale")

    def scale_value(self) -> Any:
        """The scale as a float32 scalar."""
        return ops.softplus(self.raw_scale) + 1e-5 if self.scale == "learned" else float(self.scale)

    def assign_scale(self, scale: float) -> None:
        """Sets a learned scale, a number above 1e-5, or raises a ValueError."""
        if not scale > 1e-5:
            raise ValueError(f"The scale must be above 1e-05; got {scale:g}. Rescale the data.")
        self.raw_scale.assign(tfp.math.softplus_inverse(tf.cast(scale - 1e-5, "float32")))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class _RealLikelihood(_ScaledLikelihood):
    """Of real numbers.

    Args:
        scale: a number, or "learned".
        refuses_images: False where images of numbers up to 255 are what they look like and no forgotten division.
    """

    def __init__(self, scale: float | str = 1.0, refuses_images: bool = True, **kwargs: Any) -> None:
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

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        return independent(tfd.Laplace(tf.cast(given, "float32"), self.scale_value()), batch_ndims)


@keras.saving.register_keras_serializable("keras_vae")
class BernoulliLikelihood(Likelihood):
    """Bernoulli with independent dimensions; the decoder returns logits. Data in [0, 1] count as expected bits."""

    support = (0.0, 1.0)
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
    """

    support = (0.0, 1.0)
    scales = ("learned", "decoded")

    def __init__(self, levels: int = 256, scale: float | str = "decoded", **kwargs: Any) -> None:
        super().__init__(scale, **kwargs)
        self.levels = checks.whole("levels", levels, least=2)

    def parameters_shape(self, event_shape) -> tuple[int, ...]:
        return event_shape if self.scale != "decoded" else (*event_shape[:-1], 2 * event_shape[-1])

    def scale_value(self) -> Any:
        return 0.1 * ops.softplus(self.raw_scale) + 1e-4 if self.scale == "learned" else float(self.scale)

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Any:
        parameters = tf.cast(given, "float32")
        if self.scale == "decoded":
            loc, raw_scale = tf.split(parameters, 2, axis=-1)
            scale = 0.1 * tf.nn.softplus(raw_scale) + 1e-4
        else:
            loc, scale = parameters, self.scale_value()
        return independent(DiscretizedLogistic(loc, scale, self.levels), batch_ndims)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable("keras_vae")
class CategoricalLikelihood(Likelihood):
    """One-hot categories along the last axis; the decoder returns logits of the same shape."""

    support = (0.0, 1.0)
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
