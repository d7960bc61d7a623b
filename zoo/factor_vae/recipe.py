"""TODO"""

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")

TITLE = "FactorVAE on dSprites"
KIND, DATA, HEADLINE, LICENCE = _plain.KIND, _plain.DATA, _plain.HEADLINE, _plain.LICENCE
USE = _plain.USE.replace("vae_dsprites", "factor_vae")
MEASURED_ON, COMPARED_WITH, SUMMARY = _plain.MEASURED_ON, _plain.COMPARED_WITH, _plain.SUMMARY

data, evaluate = _plain.data, _plain.evaluate
examples, preview = _plain.examples, _plain.preview


def model(gamma=35.0, critic_widths=(256, 256, 256), seed=0):
    return _plain.model(variant="FactorVAE", gamma=gamma, critic_widths=critic_widths, seed=seed)


def training(epochs=24, learning_rate=1e-3, critic_learning_rate=1e-3):
    import keras

    plan = _plain.training(epochs, learning_rate)
    critic = keras.optimizers.Adam(critic_learning_rate, beta_1=0.5, beta_2=0.9)
    each = keras.optimizers.OptimizerMap(plan["compile"]["optimizer"], {".*/critic/.*": critic})
    return {**plan, "compile": {**plan["compile"], "optimizer": keras.optimizers.MultiOptimizer(each)}}
