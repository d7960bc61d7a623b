"""POISE-VAE on same-digit pairs of MNIST and SVHN: each modality has latents of its own, 12 for MNIST and 20 for SVHN,
and an exponential family couples 12 of either in the prior. Posteriors are products of that prior and of one normal
expert for each observed modality, all sampled by block Gibbs.

Networks, likelihoods, data, the private latents of SVHN's style and the warm-up of SVHN's likelihood are those of
`mvae_poe`; latents and prior differ.
"""

from keras_vae.zoo.entries import recipe

_product = recipe("mvae_poe")

TITLE = "POISE-VAE on MNIST-SVHN"
KIND, DATA, HEADLINE, LICENCE = _product.KIND, _product.DATA, _product.HEADLINE, _product.LICENCE
USE = _product.USE.replace('"mvae_poe"', '"poise_vae"')

COMPARED_WITH, SUMMARY = _product.COMPARED_WITH, _product.SUMMARY

data, examples, preview = _product.data, _product.examples, _product.preview


def model(coupled=12, private_svhn=8, start=0.95, gradient="pathwise", seed=0, **settings):
    from keras_vae.distributions import CoupledExponentialPrior

    prior = CoupledExponentialPrior((coupled, coupled), (0, private_svhn), start)
    options = {"prior": prior, "reconstruct_absent": True, "gradient": gradient}
    return _product.model(
        shared=2 * coupled, private_svhn=private_svhn, variant="POISEVAE", options=options, seed=seed, **settings
    )


def training(epochs=18, **settings):
    return _product.training(epochs=epochs, components=0, **settings)
