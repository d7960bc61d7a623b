"""Priors p(z)."""

import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae import checks, networks
from keras_vae.distributions.mixtures import FullNormalMixture
from keras_vae.parts.fitting import draws
from keras_vae.parts.part import Prior
from keras_vae.parts.posteriors import NormalPosterior

tfd = tfp.distributions


class LatentPrior(Prior):
    """A prior of a vector of latents.

    Args:
        latent_size: their number.
    """

    def __init__(self, latent_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.latent_size = checks.whole("latent_size", latent_size)

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}


@keras.saving.register_keras_serializable("keras_vae")
class StandardNormalPrior(LatentPrior):
    """`N(0, I)`."""

    def distribution(self, given: Any = None) -> Any:
        """TFP distribution over z, event shape `[latent]`."""
        return tfd.Independent(tfd.Normal(tf.zeros(self.latent_size), tf.ones(self.latent_size)), 1)


@keras.saving.register_keras_serializable("keras_vae")
class LaplacePrior(LatentPrior):
    """Laplace prior at zero with learned scales `latent_size * softmax(raw)`, whose mean stays 1 (Shi et al. 2019)."""

    def build(self, input_shape=None):
        self.raw_scale = self.add_weight(shape=(self.latent_size,), initializer="zeros", name="raw_scale")

    def distribution(self, given: Any = None) -> Any:
        """TFP distribution over z, event shape `[latent]`."""
        scale = self.latent_size * ops.softmax(self.raw_scale)
        return tfd.Independent(tfd.Laplace(tf.zeros(self.latent_size), scale), 1)


@keras.saving.register_keras_serializable("keras_vae")
class SphericalUniformPrior(LatentPrior):
    """Every direction alike: unit vectors (Davidson et al. 2018), with the posterior "power_spherical".

    Args:
        latent_size: number of coordinates, at least 2; the sphere has one dimension less.
    """

    spherical = True

    def __init__(self, latent_size: int, **kwargs: Any) -> None:
        super().__init__(checks.whole("latent_size", latent_size, 2), **kwargs)

    def distribution(self, given: Any = None) -> Any:
        """TFP distribution over z, event shape `[latent]`."""
        return tfd.SphericalUniform(self.latent_size)


@keras.saving.register_keras_serializable("keras_vae")
class NormalMixturePrior(LatentPrior):
    """Mixture of normals with full covariances, learned: it holds what a standard normal cannot, such as clusters.

    Every component starts near the standard normal, and so does the mixture. `fit` trains it, unless `trainable` is
    False; `adapt` fits it to draws of the posteriors at once.

    Args:
        latent_size: number of latents.
        components: number of normals.
    """

    def __init__(self, latent_size: int, components: int = 100, **kwargs: Any) -> None:
        super().__init__(latent_size, **kwargs)
        self.components = checks.whole("components", components)

    def build(self, input_shape=None):
        shape = (self.components, self.latent_size)
        self.logits = self.add_weight(shape=shape[:1], initializer="zeros", name="logits")
        # Apart, if hardly: components that start alike stay alike.
        self.loc = self.add_weight(shape=shape, initializer=keras.initializers.RandomNormal(stddev=0.05), name="loc")
        # Cholesky factors of the precisions, their diagonals as logarithms.
        self.raw_precision = self.add_weight(
            shape=(*shape, self.latent_size), initializer="zeros", name="raw_precision"
        )

    def get_config(self):
        return {**super().get_config(), "components": self.components}

    def _factors(self):
        """Lower-triangular `A_k`, `[components, latent, latent]`, with precisions `A_k' A_k`."""
        strictly_lower = tf.linalg.band_part(self.raw_precision, -1, 0)
        return tf.linalg.set_diag(strictly_lower, tf.exp(tf.linalg.diag_part(self.raw_precision)))

    def distribution(self, given: Any = None) -> Any:
        """TFP distribution over z, event shape `[latent]`."""
        return FullNormalMixture(self.logits, self.loc, self._factors())

    def adapt(self, z: np.ndarray, iterations: int = 50, seed: int = 0) -> None:
        """Fits the mixture to latents `[examples, latent]` by expectation-maximisation (scikit-learn's).

        Raises:
            TypeError, ValueError: of latents that are not as described, of NaN, or fewer examples than components.
        """
        from sklearn.mixture import GaussianMixture

        z = draws(z, self.latent_size)
        if len(z) < self.components:
            raise ValueError(f"adapt needs at least {self.components} examples, one a component; got {len(z)}.")
        mixture = GaussianMixture(
            self.components, max_iter=iterations, reg_covar=1e-4, init_params="k-means++", random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it could go on: `iterations` were asked for
            mixture.fit(z)
        factors = np.swapaxes(mixture.precisions_cholesky_, 1, 2)  # scikit-learn has precisions U U', U = A'
        diagonal = np.eye(self.latent_size, dtype=bool)
        self.logits.assign(np.log(mixture.weights_))
        self.loc.assign(mixture.means_)
        self.raw_precision.assign(np.where(diagonal, np.log(np.where(diagonal, factors, 1.0)), factors))


@keras.saving.register_keras_serializable("keras_vae")
class ConditionalNormalPrior(LatentPrior):
    """Diagonal normal p(z|c), whose location and scale are read from the condition c (Sohn et al. 2015).

    Args:
        latent_size: number of latents.
        network: `[batch, *condition]` to features. None: the model chooses it from the shape of the condition.
    """

    def __init__(self, latent_size: int, network: keras.layers.Layer | None = None, **kwargs: Any) -> None:
        super().__init__(latent_size, **kwargs)
        self.network = networks.network("network", network)

    def build(self, input_shape):
        networks.built(self.network, input_shape)
        self.head = NormalPosterior(self.latent_size)
        self.head.build(self.network.compute_output_shape(input_shape))

    def distribution(self, given: Any = None) -> Any:
        """TFP distribution over z, batch shape `[batch]`, of conditions `[batch, *condition]`."""
        return self.head.distribution(self.network(given))

    def get_config(self):
        return {**super().get_config(), "network": self.network}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})


PRIORS = {
    "standard_normal": StandardNormalPrior,
    "laplace": LaplacePrior,
    "normal_mixture": NormalMixturePrior,
    "spherical_uniform": SphericalUniformPrior,
}
