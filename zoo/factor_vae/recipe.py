"""TODO"""

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")

TITLE = "FactorVAE on dSprites"
KIND, DATA, HEADLINE, LICENCE = _plain.KIND, _plain.DATA, _plain.HEADLINE, _plain.LICENCE
USE = _plain.USE.replace("vae_dsprites", "factor_vae")
MEASURED_ON, COMPARED_WITH, SUMMARY = _plain.MEASURED_ON, _plain.COMPARED_WITH, _plain.SUMMARY

data, training, evaluate = _plain.data, _plain.training, _plain.evaluate
examples, preview = _plain.examples, _plain.preview


def model(gamma=35.0, critic_widths=(256, 256, 256), seed=0):
    return _plain.model(variant="FactorVAE", gamma=gamma, critic_widths=critic_widths, seed=seed)
