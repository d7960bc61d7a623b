"""Multimodal variational autoencoder with a mixture of experts (MMVAE, Shi et al. 2019) on same-digit pairs of MNIST
and SVHN: each modality alone must explain both, so either is generated from the other, and both from nothing.

The posterior is the uniform mixture of the two experts; draws are stratified, and each reconstructs both modalities.
Networks, likelihoods, data, the private latents of SVHN's style, the warm-up of SVHN's likelihood and the mixture prior
are those of `mvae_poe`: what differs is the fusion, and that experts alone are trained, never their product. The paper
has Laplace posteriors and no private latents; here experts are normal, for comparison with `mvae_poe` and `mopoe`.
"""

from dataclasses import replace

from keras_vae.zoo.entries import recipe

_product = recipe("mvae_poe")


def model(objective="free_energy", shared=12, components=100, seed=0):
    options = {"objective": objective, "posterior": "normal"}
    return _product.model(variant="MMVAE", shared=shared, components=components, options=options, seed=seed)


RECIPE = replace(_product, title="MMVAE (mixture of experts) on MNIST-SVHN", model=model)
