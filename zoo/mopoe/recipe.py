"""Multimodal variational autoencoder with a mixture of products of experts (MoPoE, Sutter et al. 2021) on same-digit
pairs of MNIST and SVHN: the posterior is the uniform mixture of MNIST's expert, SVHN's, and their product.

Networks, likelihoods, data, the private latents of SVHN's style, the warm-up of SVHN's likelihood and the mixture prior
are those of `mvae_poe`; the fusion alone differs, and with it the rate, which is that of the mixture.
"""

from dataclasses import replace

from keras_vae.zoo.entries import recipe

_product = recipe("mvae_poe")


def model(objective="free_energy", shared=12, components=100, seed=0):
    options = {"objective": objective}
    return _product.model(variant="MoPoE", shared=shared, components=components, options=options, seed=seed)


RECIPE = replace(_product, title="MoPoE (mixture of products of experts) on MNIST-SVHN", model=model)
