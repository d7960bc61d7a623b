"""The beta-VAE (Higgins et al. 2017)."""

import keras

from keras_vae.models.vae import VAE


@keras.saving.register_keras_serializable("keras_vae")
class BetaVAE(VAE):
    """Minimises `distortion + beta * rate` (Higgins et al. 2017, equation 4); `VAE` with the weight given.

    Args:
        encoder, decoder, latent_size, likelihood, **kwargs: as `VAE` takes them.
        beta: weight of the rate. 1 is the VAE; above it latents pay for themselves or fall silent.
    """

    def __init__(self, encoder=None, decoder=None, *, beta=4.0, **kwargs):
        super().__init__(encoder, decoder, beta=beta, **kwargs)
