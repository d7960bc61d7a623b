"""The exact algebra of probabilistic PCA (Tipping & Bishop 1999), in NumPy float64; NaN is a missing entry.

`x = W z + mean + noise` with `z ~ N(0, I)` and `noise ~ N(0, variance I)`. Missing entries are integrated out: of an
example with observed features o all is as for complete data, with the rows `W_o` in place of `W`.
"""

from typing import NamedTuple

import numpy as np


class Parameters(NamedTuple):
    """Loadings W `[features, latent]`, mean `[features]` and the noise's variance."""

    loadings: np.ndarray
    mean: np.ndarray
    variance: float


class Inference(NamedTuple):
    """What is known of the latents of each example, and how likely the example is.

    Attributes:
        means, covariances: of p(z|x observed), `[examples, latent]` and `[examples, latent, latent]`.
        log_likelihood: `log p(x observed)`, nats, `[examples]`.
    """

    means: np.ndarray
    covariances: np.ndarray
    log_likelihood: np.ndarray


def closed_form(x, latent_size) -> Parameters:
    """Maximum-likelihood parameters of complete data `[examples, features]` (equations 7 and 8, with R = I)."""
    values, axes = np.linalg.eigh(np.cov(x, rowvar=False, bias=True))
    variance = values[:-latent_size].mean()
    kept = np.maximum(values[: -latent_size - 1 : -1] - variance, 0.0)
    return _checked(Parameters(axes[:, : -latent_size - 1 : -1] * np.sqrt(kept), x.mean(axis=0), variance))


def infer(x, parameters) -> Inference:
    """Exact posterior and log-likelihood of `x`, `[examples, features]`. Memory: examples x latents x latents."""
    (loadings, mean, variance), observed = parameters, ~np.isnan(x)
    latent_size = loadings.shape[1]
    centred = np.where(observed, x - mean, 0.0)
    inner = _sum_over(observed, loadings[:, :, None] * loadings[:, None, :]) + variance * np.eye(latent_size)  # M
    inverse = np.linalg.inv(inner)
    means = np.einsum("nij,nj->ni", inverse, centred @ loadings)
    counts = observed.sum(axis=1)
    # log |W W' + variance I| and its quadratic form, by way of the smaller M.
    log_determinant = np.linalg.slogdet(inner)[1] + (counts - latent_size) * np.log(variance)
    residual = np.where(observed, centred - means @ loadings.T, 0.0)
    quadratic = (residual**2).sum(axis=1) / variance + (means**2).sum(axis=1)
    log_likelihood = -0.5 * (counts * np.log(2 * np.pi) + log_determinant + quadratic)
    return Inference(means, variance * inverse, log_likelihood)


def expectation_maximisation(x, parameters, iterations, tolerance) -> tuple[Parameters, list[float]]:
    """Iterates until the mean log-likelihood rises by less than the tolerance.

    Returns:
        `(parameters, means)`: the best parameters, and the mean log-likelihoods before each iteration.
    """
    means = []
    while len(means) < iterations and not (len(means) > 1 and means[-1] - means[-2] < tolerance):
        parameters, log_likelihood = _iteration(x, parameters)
        means.append(log_likelihood.mean())
    return parameters, means


def _iteration(x, parameters):
    """Each feature is regressed on the latents of the examples that show it, all features at once."""
    means, covariances, log_likelihood = infer(x, parameters)
    observed = ~np.isnan(x)
    filled = np.where(observed, x, 0.0)
    latents = np.pad(means, ((0, 0), (0, 1)), constant_values=1.0)  # the last coefficient is the mean
    spread = np.pad(covariances, ((0, 0), (0, 1), (0, 1)))
    spread = _sum_over(observed.T, spread)
    moments = _sum_over(observed.T, latents[:, :, None] * latents[:, None, :]) + spread
    coefficients = np.linalg.solve(moments, (filled.T @ latents)[:, :, None])[..., 0]
    residual = np.where(observed, filled - latents @ coefficients.T, 0.0)
    uncertain = np.einsum("di,dij,dj->", coefficients, spread, coefficients)
    variance = ((residual**2).sum() + uncertain) / observed.sum()
    return _checked(Parameters(coefficients[:, :-1], coefficients[:, -1], variance)), log_likelihood


def _checked(parameters):
    if not parameters.variance > 1e-8 * max(1.0, np.square(parameters.loadings).max()):
        raise ValueError(
            f"The variance left for the noise is {parameters.variance:.1e}: the data lie in as few dimensions as there "
            "are latents, or their numbers are tiny. Take fewer latents, or rescale the data."
        )
    return parameters


def principal(loadings) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal axes of W `[features, latent]`, in falling order, and its scales along them `[latent]`.

    The largest entry of each axis is positive.
    """
    axes, scales, _ = np.linalg.svd(loadings, full_matrices=False)
    return axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)), scales


def _sum_over(weights, matrices):
    """`sum_b weights[a, b] matrices[b]`, `[a, i, j]`, as one product of matrices."""
    return (weights @ matrices.reshape(len(matrices), -1)).reshape(-1, *matrices.shape[1:])
