"""Importance-weighted autoencoder (Burda et al. 2016) with 50 samples, on statically binarized MNIST: the networks of
`vae_binarized_mnist`, trained on from its weights, with the settings of `iwae` and fewer epochs. The time
below was taken beside other work.

The figure that is usually compared is a negative log-likelihood of 87.1 nats; pythae's rerun has 86.82.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo.entries import recipe

_vae, _iwae = recipe("vae_binarized_mnist"), recipe("iwae")

RECIPE = replace(
    _vae,
    title="IWAE with 50 samples on statically binarized MNIST",
    model=partial(_iwae.model, start="vae_binarized_mnist"),
    data_of=partial(_vae.data_of, batch_size=100),
    training=partial(_iwae.training, epochs=15, first_epochs=5, examples=50_000),
    compared_with={"iwae_binarized_mnist": "IWAE, 50 samples", "vae_binarized_mnist": "VAE, from which it starts"},
)
