"""The beta-VAE (Higgins et al. 2017)."""

from typing import Any

import keras

from keras_vae.models.vae import VAE
from keras_vae.networks import Network
from keras_vae.objectives import FreeEnergy, Objective


@keras.saving.register_keras_serializable("keras_vae")
class BetaVAE(VAE):
    """Minimises `distortion + beta * rate` (Higgins et al. 2017, equation 4); `VAE` with the weight given.

    Formula:
        `E_q(z|x)[-log p(x|z)] + beta KL(q(z|x) || p(z))`

    When to use:
        To trade reconstruction for latents that move one factor of variation each, by one weight. `BetaTCVAE` and
        `FactorVAE` press on the dependence between latents alone, and leave more of the reconstruction.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.BetaVAE(latent_size=8, beta=4.0)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> moved = model.traverse(x[:5], latent=0)  # [7, 5, 8, 8, 1]

    Args:
        encoder, decoder, latent_size, likelihood, **kwargs: as `VAE` takes them.
        beta: weight of the rate. 1 is the VAE; above it latents pay for themselves or fall silent.
        objective: None, or an object in place of all that `beta` says.
    """

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        *,
        beta: float = 4.0,
        objective: Objective | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, objective=FreeEnergy(beta) if objective is None else objective, **kwargs)
