"""beta-VAE (Higgins et al. 2017, equation 4) on dSprites: the VAE of `vae_dsprites` with the rate weighted by beta, 4
here. Beta trades distortion for a simpler code: what a latent tells must be worth beta times its nats. The table
has other values of beta as well; at 250 no factor is worth its price, and all latents collapse.

Data (a sub-grid of dSprites), networks, training and the definitions of the metrics are those of `vae_dsprites`.
"""

from dataclasses import replace

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")


def model(beta=4.0, latent_size=10, filters=32, width=128, seed=0):
    return _plain.model(latent_size, filters, width, seed, variant="BetaVAE", beta=beta)


RECIPE = replace(_plain, title="beta-VAE on dSprites", model=model)
