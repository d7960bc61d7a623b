"""Regularized autoencoder (RAE, Ghosh et al. 2020) on MNIST with new binary pixels at every epoch: a deterministic
encoder, and in place of noise a penalty on the latents and on the decoder's weights, those of the paper. 16 latents;
dense networks with two layers of 300 ELUs on either side. After training, a mixture of ten normals is fitted to the
latents of the training images (ex-post density estimation), and samples are drawn from it. The paper has convolutional
networks and squared errors, this entry the cross-entropy.

There is no noise, so there is no likelihood. Samples are what it is for: below stand the Frechet distances (Heusel et
al. 2017, equation 6) of 10,000 samples to the test images, in the last hidden layer of our classifier of digits, beside
those of the entry `vae`, which is trained for seven times as many epochs and has 50 latents. With one network and 20
epochs, `benchmarks/families.py` finds the same order. The time below was taken beside other work.
"""

from dataclasses import replace

from keras_vae.zoo.entries import recipe

_vae = recipe("vae")


def model(latent_size=16, width=300, components=10, beta=5e-3, decay=4e-5, seed=0, dataset="mnist"):
    import keras_vae
    from keras_vae.data import SHAPES
    from keras_vae.networks import dense_decoder, dense_encoder

    shape, widths = SHAPES[dataset], (width, width)
    made = keras_vae.VAE(
        dense_encoder(shape, widths, "elu"),
        dense_decoder(latent_size, shape, widths, "elu"),
        latent_size=latent_size,
        posterior="deterministic",
        prior=keras_vae.parts.NormalMixturePrior(latent_size, components, trainable=False),
        objective=keras_vae.objectives.Regularized(beta, decay),
        seed=seed,
    )
    made.build((None, *shape))
    return made


def training(epochs=100, learning_rate=2e-3, batch_size=200, seed=0, split="train", dataset="mnist"):
    from keras_vae.callbacks import Adapt
    from keras_vae.data import arrays, binarize

    plan = _vae.training(epochs, learning_rate, batch_size, dataset)
    x = binarize(arrays(dataset, split)[0] / 255.0, seed=seed)
    return {**plan, "callbacks": [Adapt(x, when="end")]}


def features(images):
    """What distributions of images are compared by: the classifier's last hidden layer, or of other shapes pixels."""
    from keras_vae import metrics, zoo

    if images.shape[1:] != (28, 28, 1):
        return images.reshape(len(images), -1)
    return metrics.classifier_features(zoo.load("classifier_mnist"), images)


def evaluate(model, seed=0, dataset="mnist"):
    import numpy as np

    from keras_vae import metrics, zoo
    from keras_vae.data import arrays, binarize

    (train, train_labels), (test, labels) = (arrays(dataset, split) for split in ("train", "test"))
    train, bits = (binarize(x / 255.0, seed=seed).numpy() for x in (train[:5000], test))
    real, split = features(test / np.float32(255)), "test images, binarized once"
    baseline = {"standard_normal/": zoo.load("vae")} if dataset == "mnist" else {}
    for prefix, one in {"": model, **baseline}.items():
        made = features(np.asarray(one.sample(len(test), seed=seed)))
        against = "test images, and as many samples"
        yield f"{prefix}frechet_distance", metrics.frechet_distance(real, made), against
        yield f"{prefix}reconstruction_error", metrics.reconstruction_error(bits, one.reconstruct(bits)), split
        probe = metrics.linear_probe(one, train, train_labels[:5000], bits, labels)
        yield f"{prefix}linear_probe", probe, f"{split}, fitted to 5,000 training images"
    distortion = model.evaluate(bits, batch_size=500, verbose=0, return_dict=True)["distortion"]
    yield "distortion", metrics.Estimate(distortion, "nats", len(bits)), split
    yield "active_units", metrics.active_units(model, bits), split


RECIPE = replace(
    _vae,
    title="Regularized autoencoder on dynamically binarized MNIST",
    headline="frechet_distance",
    use="""
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    digits = model.sample(16, seed=0)  # [16, 28, 28, 1], means in [0, 1]
    x = keras_vae.zoo.examples("{name}")  # ten test images
    z = model.embed(x)  # [10, latents]
    again = model.reconstruct(x)  # [10, 28, 28, 1]
    """,
    model=model,
    training=training,
    evaluate=evaluate,
    compared_with={"rae": "RAE, ten normals afterwards", "standard_normal": "the entry `vae`"},
    summary=("frechet_distance", "reconstruction_error", "linear_probe"),
    features=features,
    density=False,
)
