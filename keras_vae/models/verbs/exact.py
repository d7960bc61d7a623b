"""What users do with a linear-Gaussian model besides: fit it at once, and infer without drawing."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.distributions import linear_gaussian
from keras_vae.models.inputs import assert_shape
from keras_vae.models.verbs.general import Verbs


class ExactVerbs(Verbs):
    """The verbs of probabilistic PCA, whose weights are those of its encoder, decoder, posterior and likelihood."""

    def fit_closed_form(self, x: Any) -> keras.callbacks.History:
        """Sets the weights to the maximum of the likelihood of complete data (Tipping & Bishop 1999, equations 7, 8).

        Returns:
            History whose `free_energy` is that of `x`, nats per example.

        Raises:
            ValueError: NaN or infinite values, or data that leave no variance for the noise.
        """
        x = self._enough(x)
        if np.isnan(x).any():
            raise ValueError("x holds NaN. Missing entries need fit_em.")
        self._assign(linear_gaussian.closed_form(x, self.latent_size))
        return _history(-self.log_likelihood(x).mean(keepdims=True))

    def fit_em(
        self, x: Any, iterations: int = 1000, tolerance: float = 1e-8, warm_start: bool = False
    ) -> keras.callbacks.History:
        """Expectation maximisation, with missing entries (NaN) integrated out.

        Args:
            x: `[examples, features]`; every feature must be observed somewhere.
            iterations: at most so many.
            tolerance: stops when an iteration lowers the free energy by less, in nats per example.
            warm_start: from the present weights on, not from the closed form of the data with missing entries replaced
                by their features' means. With missing entries there are local optima, which that start avoids.

        Returns:
            History of the free energy, `-log p(x observed)` in nats per example, before each iteration.

        Raises:
            ValueError: infinite values, a feature without values, or data that leave no variance for the noise.
        """
        checks.whole("iterations", iterations), checks.number("tolerance", tolerance, 0.0)
        checks.flag("warm_start", warm_start)
        x = self._enough(x)
        unseen = np.flatnonzero(np.isnan(x).all(axis=0))
        if len(unseen):
            raise ValueError(f"Features {unseen.tolist()} of x have no observed value. Leave them out.")
        start = self.parameters
        if not warm_start:
            start = linear_gaussian.closed_form(np.where(np.isnan(x), np.nanmean(x, axis=0), x), self.latent_size)
        parameters, means = linear_gaussian.expectation_maximisation(x, start, iterations, tolerance)
        self._assign(parameters)
        return _history(-np.array(means))

    def log_likelihood(
        self,
        x: Any,
        samples: int | None = None,
        batch_size: int = 4096,
        chunk: int | None = None,
        seed: int | None = 0,
        progress: Callable[[int], Any] | None = None,
    ) -> np.ndarray:
        """Exact `log p(x)`, nats, NumPy `[examples]`; of the observed entries alone where `x` holds NaN.

        Nothing is drawn: any `samples`, `chunk` and `seed`, which other models need, give the same.
        """
        checks.whole("samples", samples, none=True), checks.whole("chunk", chunk, none=True), checks.seed(seed)
        batch_size = checks.whole("batch_size", batch_size, none=True) or 4096
        checks.function("progress", progress, none=True)
        x, parameters, results = self._vectors(x), self.parameters, []
        for start in range(0, len(x), batch_size):
            results.append(linear_gaussian.infer(x[start : start + batch_size], parameters).log_likelihood)
            if progress is not None:
                progress(len(results[-1]))
        return np.concatenate(results)

    def exact_posterior(self, x: Any) -> Any:
        """p(z|x): TFP normal of full covariance, batch shape `[batch]`; given the observed entries where x holds NaN.

        `encode` is what the encoder has learned of it.
        """
        means, covariances, _ = linear_gaussian.infer(self._vectors(x), self.parameters)
        scale = np.linalg.cholesky(covariances).astype("float32")
        return tfp.distributions.MultivariateNormalTriL(means.astype("float32"), scale)

    @property
    def parameters(self) -> linear_gaussian.Parameters:
        """Loadings W `[features, latent]`, mean `[features]` and variance of the noise, NumPy float64."""
        self.require_built()
        kernel, mean = (weight.astype("float64") for weight in self.decoder.get_weights())
        return linear_gaussian.Parameters(kernel.T, mean, float(self.likelihood.scale_value()) ** 2)

    @property
    def principal_axes(self) -> np.ndarray:
        """Orthonormal axes that the loadings span, `[features, latent]`, in falling order of variance.

        The largest entry of each is positive.
        """
        return linear_gaussian.principal(self.parameters.loadings)[0]

    def _assign(self, parameters):
        """Takes over parameters, turned to the principal axes, and their exact posterior."""
        axes, scales = linear_gaussian.principal(parameters.loadings)
        loadings, precisions = axes * scales, scales**2 + parameters.variance  # M is diagonal along the axes
        # The scales first: they may be refused, and then nothing has changed.
        self.posterior.assign_scale((parameters.variance / precisions) ** 0.5)
        self.likelihood.assign_scale(parameters.variance**0.5)
        self.decoder.set_weights([loadings.T, parameters.mean])
        self.encoder.set_weights([loadings / precisions, -parameters.mean @ loadings / precisions])

    def _vectors(self, x):
        """Data as NumPy float64, NaN where missing; builds the model for them."""
        if isinstance(x, np.ma.MaskedArray):
            x = x.astype("float64").filled(np.nan)
        parts = [np.asarray(part, "float64") for part in self._parts(x, None)]
        x = np.concatenate(parts)
        if np.isinf(x).any() or not len(x):
            raise ValueError("x must hold at least one example and no infinite values. NaN is a missing entry.")
        self.build_for(x)
        assert_shape(tf.TensorSpec(x.shape), self.event_shape, "x")
        return x

    def _enough(self, x):
        x = self._vectors(x)
        if len(x) < self.latent_size + 2:
            raise ValueError(f"{self.latent_size} latents need {self.latent_size + 2} examples; got {len(x)}.")
        return x


def _history(free_energies):
    history = keras.callbacks.History()
    history.history = {"free_energy": free_energies.tolist()}
    return history
