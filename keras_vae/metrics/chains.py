"""Whether the chains of a model that is sampled by Gibbs mix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.distributions.seeds import stateless

if TYPE_CHECKING:
    import keras


class Chains(NamedTuple):
    """What chains of one distribution tell of each latent.

    Attributes:
        split_r_hat: potential scale reduction of halved chains (Gelman et al. 2013, section 11.4), `[latent]`; near 1
            where they mix.
        effective_sample_size: independent draws that a sweep of all chains is worth, as a fraction, `[latent]`.
        autocorrelation: `[lags, latent]`, by the number of sweeps between, the first at 0.
        owner: the modality of each latent, integers `[latent]`.
    """

    split_r_hat: np.ndarray
    effective_sample_size: np.ndarray
    autocorrelation: np.ndarray
    owner: np.ndarray


def chain_diagnostics(
    model: keras.Model, x: Any = None, chains: int = 16, sweeps: int = 500, lags: int = 50, seed: int = 0
) -> Chains:
    """Runs chains of a `POISEVAE`'s prior, or of its posteriors, and says how well they mix (`tfp.mcmc`).

    Chains start where draws do: those of the prior at its persistent ones, those of posteriors at the product of the
    experts with a standard normal. The first tenth is left out. Chains that have all settled in the same one of
    several modes look as if they mixed.

    Args:
        x: None for the prior; data as the model takes them for posteriors, of which figures are the worst of examples.
        chains: number of chains an example, at least 2.
        sweeps: of each chain, at least 10.
        lags: largest lag of the autocorrelation, in sweeps.

    Returns:
        `Chains`.

    Raises:
        TypeError: the model has no chains, an argument is no integer.
        ValueError: a number out of its range; data that the model cannot take.
    """
    if not hasattr(getattr(model, "prior", None), "advance"):
        raise TypeError(f"{type(model).__name__} draws exactly: there are no chains to diagnose.")
    check_options(chains=chains, sweeps=sweeps, lags=lags, seed=seed)
    chains, sweeps, lags, seed = map(int, (chains, sweeps, lags, seed))  # NumPy's are welcome
    if x is None:
        traces = [trace(model.prior.distribution(), chains, sweeps, seed)[:, :, None]]
    else:
        traces = (trace(model.encode(part), chains, sweeps, seed) for part in model.batches(x, 100))
    r_hats, sizes, correlations = zip(*(_figures(states[sweeps // 10 :], lags) for states in traces), strict=True)
    return Chains(np.max(r_hats, axis=0), np.min(sizes, axis=0), np.max(correlations, axis=0), model.prior.owner)


def check_options(chains: int = 16, sweeps: int = 500, lags: int = 50, seed: int = 0, x: Any = None) -> None:
    """Refuses options of `chain_diagnostics` without running anything.

    Raises:
        TypeError, ValueError: no integer, or one out of its range.
    """
    for name, value, least in (("chains", chains, 2), ("sweeps", sweeps, 10), ("lags", lags, 0)):
        checks.whole(name, value, least)
    checks.seed(seed, none=False)


def _figures(states, lags):
    """Those of `Chains` of states `[sweeps, chains, examples, latent]`, the worst of examples."""
    sweeps, chains = states.shape[:2]
    r_hat = tfp.mcmc.potential_scale_reduction(states, independent_chain_ndims=1, split_chains=True)
    size = tfp.mcmc.effective_sample_size(states, cross_chain_dims=1) / (sweeps * chains)
    correlation = tfp.stats.auto_correlation(states, axis=0, max_lags=min(lags, sweeps - 1))
    return np.max(r_hat, axis=0), np.min(size, axis=0), np.max(np.mean(correlation, axis=1), axis=1)


def trace(distribution: tfp.distributions.Distribution, chains: int, sweeps: int, seed: int = 0) -> tf.Tensor:
    """States of chains of a `CoupledExponential` after each sweep, `[sweeps, chains, ..., latent]`."""
    first, seed = stateless(seed), tf.constant([seed, 1])
    start = distribution.starts(chains, first)

    @tf.function(autograph=False)
    def run():
        def sweep(z, index):
            noise = tf.random.stateless_normal(tf.shape(z), tf.random.experimental.stateless_fold_in(seed, index))
            return distribution.sweep(z, noise)

        return tf.scan(sweep, tf.range(sweeps), start)

    return run()
