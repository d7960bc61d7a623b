"""Posteriors q(z|x): a head on the encoder's features, and the distribution that its outputs describe."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae import checks
from keras_vae.distributions.draws import Laplace, Normal
from keras_vae.distributions.spherical import PowerSpherical
from keras_vae.parts.part import Posterior

tfd = tfp.distributions

SMALLEST_SCALE = 1e-5


class HeadPosterior(Posterior):
    """A posterior whose parameters a dense head reads from the encoder's features.

    Args:
        latent_size: number of latents.
    """

    least_size = 1

    def __init__(self, latent_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.latent_size = checks.whole("latent_size", latent_size, self.least_size)

    def outputs(self) -> int:
        """How many numbers the head gives."""
        raise NotImplementedError(f"{type(self).__name__} must define `outputs`.")

    def build(self, input_shape):
        self.flatten = keras.layers.Flatten("channels_last", dtype="float32")
        self.flatten.build(input_shape)
        self.head = keras.layers.Dense(self.outputs(), dtype="float32", name="head")
        self.head.build(self.flatten.compute_output_shape(input_shape))

    def call(self, features: tf.Tensor) -> Any:
        """Features `[batch, ...]` to what the head gives, `[batch, outputs]`."""
        return self.head(self.flatten(features))

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}


class LocationScalePosterior(HeadPosterior):
    """Independent latents of one family, whose locations and scales are read from the encoder's features.

    Args:
        latent_size: number of latents.
    """

    def outputs(self) -> int:
        return 2 * self.latent_size

    def call(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Features `[batch, ...]` to `(loc, scale)`, `[batch, latent]` each; scales are `softplus(raw) + 1e-5`."""
        loc, raw_scale = ops.split(super().call(features), 2, axis=-1)
        return loc, ops.softplus(raw_scale) + SMALLEST_SCALE

    def family(self, loc: tf.Tensor, scale: tf.Tensor) -> Any:
        """Locations and scales, `[..., latent]` each, to a TFP distribution over z."""
        raise NotImplementedError(f"{type(self).__name__} must define `family`.")

    def distribution(self, given: Any = None) -> Any:
        """Features `[batch, ...]` to a TFP distribution over z, batch shape `[batch]` and event shape `[latent]`."""
        return self.family(*self(given))


@keras.saving.register_keras_serializable("keras_vae")
class NormalPosterior(LocationScalePosterior):
    """Diagonal normal posterior."""

    def family(self, loc: tf.Tensor, scale: tf.Tensor) -> Any:
        return tfd.Independent(Normal(loc, scale), 1)


@keras.saving.register_keras_serializable("keras_vae")
class LaplacePosterior(LocationScalePosterior):
    """Laplace posterior with independent coordinates."""

    def family(self, loc: tf.Tensor, scale: tf.Tensor) -> Any:
        return tfd.Independent(Laplace(loc, scale), 1)


@keras.saving.register_keras_serializable("keras_vae")
class HomoscedasticNormalPosterior(NormalPosterior):
    """Diagonal normal posterior whose mean is the encoder's output and whose scales are learned, the same for all x.

    It has no head of its own: the encoder must return `[batch, latent]`.
    """

    def build(self, input_shape):
        if tuple(input_shape[1:]) != (self.latent_size,):
            raise ValueError(
                f"{type(self).__name__} takes its mean from the encoder, which must return {self.latent_size} numbers "
                f"an example; got {list(input_shape[1:])}."
            )
        start = keras.initializers.Constant(0.5413)  # softplus(0.5413) = 1
        self.raw_scale = self.add_weight(shape=(self.latent_size,), initializer=start, name="raw_scale")

    def call(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loc = ops.cast(features, "float32")
        return loc, ops.broadcast_to(ops.softplus(self.raw_scale) + SMALLEST_SCALE, ops.shape(loc))

    def assign_scale(self, scale: np.ndarray) -> None:
        """Sets the scales, `[latent]`, each above 1e-5, or raises a ValueError."""
        if not np.min(scale) > SMALLEST_SCALE:
            raise ValueError(f"Scales must be above {SMALLEST_SCALE:g}; got {np.min(scale):g}. Rescale the data.")
        self.raw_scale.assign(tfp.math.softplus_inverse(ops.cast(scale - SMALLEST_SCALE, "float32")))


@keras.saving.register_keras_serializable("keras_vae")
class DeterministicPosterior(HeadPosterior):
    """A point an example, the encoder's: it has no density, so there is no rate, no free energy and no likelihood. For
    objectives that ask for none: `MaximumMeanDiscrepancy`, `AdversarialMatching`, `Regularized`."""

    density = False

    def outputs(self) -> int:
        return self.latent_size

    def distribution(self, given: Any = None) -> Any:
        """Features `[batch, ...]` to a point, batch shape `[batch]` and event shape `[latent]`."""
        return tfd.VectorDeterministic(self(given))


@keras.saving.register_keras_serializable("keras_vae")
class PowerSphericalPosterior(HeadPosterior):
    """Directions: unit vectors around a mean direction, by the power spherical distribution (De Cao & Aziz 2020), for
    the hyperspherical VAE (Davidson et al. 2018); with the prior "spherical_uniform".

    Args:
        latent_size: number of coordinates, at least 2; the sphere has one dimension less.
    """

    spherical, least_size = True, 2

    def outputs(self) -> int:
        return self.latent_size + 1

    def call(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Features `[batch, ...]` to the mean direction, `[batch, latent]`, and the concentration, `[batch]`, which is
        `softplus(raw) + 1` (Davidson et al.'s, so that no posterior is uniform)."""
        raw = super().call(features)
        return tf.math.l2_normalize(raw[..., :-1], axis=-1), ops.softplus(raw[..., -1]) + 1.0

    def distribution(self, given: Any = None) -> PowerSpherical:
        """Features `[batch, ...]` to a TFP distribution over z, batch shape `[batch]` and event shape `[latent]`."""
        return PowerSpherical(*self(given))


# Those that go with any encoder
POSTERIORS = {
    "normal": NormalPosterior,
    "laplace": LaplacePosterior,
    "deterministic": DeterministicPosterior,
    "power_spherical": PowerSphericalPosterior,
}
