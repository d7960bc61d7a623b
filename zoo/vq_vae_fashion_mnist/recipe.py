"""VQ-VAE (van den Oord et al. 2017) on Fashion-MNIST, as `vq_vae` is on SVHN: grids of 7x7 codes out of 512, then a
gated PixelCNN as their prior. Images are not jittered here; settings are those of `vq_vae`, with fewer epochs of more
steps.

Bits per dimension are those of `-log2 p(x, codes)`, which bounds `-log2 p(x)` from above; the rate is that of the
learned prior, and would be 49 log 512 = 305.68 nats under the uniform one. The time below was taken beside other
work.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo.entries import recipe

_svhn = recipe("vq_vae")

RECIPE = replace(
    _svhn,
    title="VQ-VAE on Fashion-MNIST",
    data="fashion_mnist",
    licence=(
        "Code and weights: Apache 2.0. The images of Fashion-MNIST in `examples.npz` and the preview: Zalando SE, MIT "
        "licence."
    ),
    use="""
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    x = keras_vae.zoo.examples("{name}")  # ten test images, [10, 28, 28, 1]
    codes = model.embed(x)  # [10, 7, 7], integers below 512
    again = model.decode(codes).mean()  # [10, 28, 28, 1]
    clothes = model.sample(16, seed=0)  # [16, 28, 28, 1], codes drawn from the learned prior
    """,
    model=partial(_svhn.model, shape=(28, 28, 1)),
    data_of=partial(_svhn.data_of, name="fashion_mnist", batch_size=128, jittered=False),
    training=partial(_svhn.training, epochs=10, prior_epochs=6, steps=469),
    evaluate=partial(_svhn.evaluate, name="fashion_mnist"),
    examples=partial(_svhn.examples, name="fashion_mnist"),
)
