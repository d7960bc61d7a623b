"""The importance-weighted autoencoder (Burda et al. 2016)."""

from typing import Any

import keras

from keras_vae.models.vae import VAE
from keras_vae.networks import Network
from keras_vae.objectives import ImportanceWeighted, Objective


@keras.saving.register_keras_serializable("keras_vae")
class IWAE(VAE):
    """A VAE whose objective weighs K draws of z by their importance: a bound on `-log p(x)`, in nats per example, that
    tightens with K and is the VAE's at K = 1 (Burda et al. 2016, equation 8).

    Measured as `importance_bound`; `free_energy`, `distortion` and `rate` are averages over the K draws, so that
    models with different K compare. Encoding, sampling and the other verbs are the VAE's.

    Formula:
        `-log 1/K sum_k w_k >= -log p(x)`, with `w_k = p(x|z_k) p(z_k) / q(z_k|x)` and `z_k ~ q(z|x)`

    When to use:
        When the log-likelihood is what counts and K decodings of each example are affordable. As K grows, q(z|x) turns
        from the posterior into a proposal to be weighed (Cremer et al. 2017): for codes to work with, keep K small.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.IWAE(latent_size=8, importance_samples=10)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # importance_bound <= free_energy
        >>> nats = model.log_likelihood(x[:100], samples=100)  # [100]

    Args:
        encoder, decoder, latent_size: as in `VAE`.
        importance_samples: number K of draws of z an example.
        estimator: of the encoder's gradient, as `keras_vae.objectives.ImportanceWeighted` has it.
        beta: weighs `log q(z|x) - log p(z)` within `w_k`.
        objective: None, or an object in place of all that the three before say.
        **kwargs: further arguments of `VAE`.
    """

    shorthands = (*VAE.shorthands, "importance_samples", "estimator")

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        latent_size: int = 16,
        importance_samples: int = 50,
        estimator: str = "auto",
        beta: float = 1.0,
        objective: Objective | None = None,
        **kwargs: Any,
    ) -> None:
        if objective is None:
            objective = ImportanceWeighted(importance_samples, estimator, beta=beta)
        super().__init__(encoder, decoder, latent_size, objective=objective, **kwargs)
