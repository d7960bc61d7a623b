"""beta-TCVAE (Chen et al. 2018, equation 4) on dSprites: of the three parts of the rate only the total correlation of
the latents is weighted, by beta, 6 here. The aggregated posterior is estimated by minibatch-weighted sampling, whose
constants shift the values of the three parts (the total correlation upwards), but not their gradients.

Data (a sub-grid of dSprites), networks, training and the definitions of the metrics are those of `vae_dsprites`.
"""

from dataclasses import replace

from keras_vae.zoo.entries import recipe

_plain = recipe("vae_dsprites")


def model(beta=6.0, sampling="weighted", dataset_size=41_472, seed=0):
    return _plain.model(variant="BetaTCVAE", beta=beta, sampling=sampling, dataset_size=dataset_size, seed=seed)


RECIPE = replace(_plain, title="beta-TCVAE on dSprites", model=model)
