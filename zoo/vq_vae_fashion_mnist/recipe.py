"""VQ-VAE (van den Oord et al. 2017) on Fashion-MNIST, as `vq_vae` is on SVHN: grids of 7x7 codes out of 512, then a
gated PixelCNN as their prior. Images are not jittered here; settings are those of `vq_vae`, with fewer epochs of more
steps.

Bits per dimension are those of `-log2 p(x, codes)`, which bounds `-log2 p(x)` from above; the rate is that of the
learned prior, and would be 49 log 512 = 305.68 nats under the uniform one. The time below was taken beside other
work.
"""

from functools import partial

from keras_vae.zoo.entries import recipe

_svhn = recipe("vq_vae")

TITLE = "VQ-VAE on Fashion-MNIST"
KIND, DATA, HEADLINE = "model", "fashion_mnist", _svhn.HEADLINE
LICENCE = (
    "Code and weights: Apache 2.0. The images of Fashion-MNIST in `examples.npz` and the preview: Zalando SE, MIT "
    "licence."
)
USE = (
    _svhn.USE.replace('"vq_vae"', '"vq_vae_fashion_mnist"')
    .replace("32, 32, 3", "28, 28, 1")
    .replace("[10, 8, 8]", "[10, 7, 7]")
    .replace("numbers =", "clothes =")
)

model = partial(_svhn.model, shape=(28, 28, 1))
data = partial(_svhn.data, name="fashion_mnist", batch_size=128, jittered=False)
training = partial(_svhn.training, epochs=10, prior_epochs=6, steps=469)
evaluate = partial(_svhn.evaluate, name="fashion_mnist")
examples = partial(_svhn.examples, name="fashion_mnist")
preview = _svhn.preview
