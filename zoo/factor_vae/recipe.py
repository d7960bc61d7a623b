"""FactorVAE (Kim & Mnih 2018, equation 2) on dSprites: the total correlation of the latents, weighted by gamma, 10
here, is what a critic makes of it that is trained beside the model, in the same `fit`. The critic is smaller than the
paper's (three layers of 256 for six of 1000), learns as fast as the model, and sees the same batch, shuffled, for the
second.

Data (a sub-grid of dSprites), networks, training and the definitions of the metrics are those of `vae_dsprites`.
"""

from dataclasses import replace

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")


def model(gamma=10.0, critic_widths=(256, 256, 256), seed=0):
    return _plain.model(variant="FactorVAE", gamma=gamma, critic_widths=critic_widths, seed=seed)


def training(epochs=24, learning_rate=1e-3, critic_learning_rate=1e-3):
    import keras

    plan = _plain.training(epochs, learning_rate)
    critic = keras.optimizers.Adam(critic_learning_rate, beta_1=0.5, beta_2=0.9)
    each = keras.optimizers.OptimizerMap(plan["compile"]["optimizer"], {".*/critic/.*": critic})
    return {**plan, "compile": {**plan["compile"], "optimizer": keras.optimizers.MultiOptimizer(each)}}


RECIPE = replace(_plain, title="FactorVAE on dSprites", model=model, training=training)
