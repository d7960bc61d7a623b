"""VQ-VAE with finite scalar quantization (Mentzer et al. 2024) on Fashion-MNIST: each place of a 7x7 grid has three
numbers, bounded and rounded to eight levels each, so 512 codes as `vq_vae_fashion_mnist` has them, and everything
else is as there. No codebook is learned, so none can collapse, and nothing is added to the objective: neither a
commitment to be weighed nor codes to be restarted.

Bits per dimension are those of `-log2 p(x, codes)`, which bounds `-log2 p(x)` from above; the rate is that of the
learned prior, and would be 49 log 512 = 305.68 nats under the uniform one. The time below was taken beside other
work.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo.entries import recipe

_vq = recipe("vq_vae_fashion_mnist")

RECIPE = replace(
    _vq,
    title="VQ-VAE with finite scalar quantization on Fashion-MNIST",
    model=partial(_vq.model, latent_size=3, codebook="finite_scalar", commitment=None),
    compared_with={"fsq_vae": "finite scalar quantization", "vq_vae_fashion_mnist": "codebook by gradient"},
    space=("learning_rate",),  # the numbers of latents and of codes are bound to each other
    summary=("bits_per_dimension", "reconstruction_error", "rate", "distortion", "codes_used", "perplexity"),
)
