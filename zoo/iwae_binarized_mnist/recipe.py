"""Importance-weighted autoencoder (Burda et al. 2016) with 50 samples, on statically binarized MNIST: the networks of
`vae_binarized_mnist`, trained on from its weights, with the settings of `iwae` and fewer epochs. The time
below was taken beside other work.

The figure that is usually compared is a negative log-likelihood of 87.1 nats; pythae's rerun has 86.82.
"""

from functools import partial

from keras_vae.zoo.entries import recipe

_vae, _iwae = recipe("vae_binarized_mnist"), recipe("iwae")

TITLE = "IWAE with 50 samples on statically binarized MNIST"
KIND, DATA, HEADLINE, LICENCE = _vae.KIND, _vae.DATA, _vae.HEADLINE, _vae.LICENCE
SUMMARY = _iwae.SUMMARY
COMPARED_WITH = {"iwae_binarized_mnist": "IWAE, 50 samples", "vae_binarized_mnist": "VAE, from which it starts"}
USE = _vae.USE.replace('"vae_binarized_mnist"', '"iwae_binarized_mnist"')

model = partial(_iwae.model, start="vae_binarized_mnist")


def data(batch_size=100, seed=0, split="train"):
    return _vae.data(batch_size, seed, split)


training = partial(_iwae.training, epochs=15, first_epochs=5, examples=50_000)
evaluate, examples, preview = _vae.evaluate, _vae.examples, _vae.preview
