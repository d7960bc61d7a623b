"""TODO"""

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")

TITLE = "FactorVAE on dSprites"
KIND, DATA, HEADLINE, LICENCE = _plain.KIND, _plain.DATA, _plain.HEADLINE, _plain.LICENCE
USE = _plain.USE.replace("vae_dsprites", "factor_vae")

data, training = _plain.data, _plain.training


def model(gamma=35.0, critic_widths=(256, 256, 256), seed=0):
    return _plain.model(variant="FactorVAE", gamma=gamma, critic_widths=critic_widths, seed=seed)
