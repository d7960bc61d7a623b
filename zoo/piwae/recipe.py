"""Partially importance-weighted autoencoder (PIWAE, Rainforth et al. 2018): 64 draws in 8 groups, the paper's numbers,
on MNIST with new binary pixels at every epoch. The decoder learns by the bound of all draws, as `iwae`'s does; the
encoder by the mean of the groups' bounds, in which its signal is less drowned.

Everything else is as in `iwae`: the networks of `vae`, trained on from its weights, with 8 draws first (each a group of
its own, so that the encoder learns by the free energy), then with 64. The time below was taken beside other work.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo import shared
from keras_vae.zoo.entries import recipe

_iwae = recipe("iwae")


def model(samples=64, groups=8, start="vae", seed=0):
    import keras_vae

    objective = keras_vae.objectives.PartiallyImportanceWeighted(samples, groups)
    return shared.started_from(start, keras_vae.VAE, seed, objective=objective)


RECIPE = replace(
    _iwae,
    title="PIWAE with 8 groups of 8 draws on dynamically binarized MNIST",
    model=model,
    training=partial(_iwae.training, first_importance_samples=8, importance_samples=64),
    compared_with={
        "piwae": "PIWAE, 64 samples in 8 groups",
        "iwae": "IWAE, 50 samples",
        "vae": "VAE, from which both start",
    },
)
