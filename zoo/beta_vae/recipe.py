"""TODO"""

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")

TITLE = "beta-VAE on dSprites"
KIND, DATA, HEADLINE, LICENCE = _plain.KIND, _plain.DATA, _plain.HEADLINE, _plain.LICENCE
USE = _plain.USE.replace("vae_dsprites", "beta_vae")

data, training = _plain.data, _plain.training


def model(beta=4.0, seed=0):
    return _plain.model(variant="BetaVAE", beta=beta, seed=seed)
