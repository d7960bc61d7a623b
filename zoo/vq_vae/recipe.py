"""VQ-VAE (van den Oord et al. 2017) on SVHN."""

TITLE = "VQ-VAE on SVHN"
KIND, DATA, HEADLINE = "model", "svhn_cropped", "bits_per_dimension"
LICENCE = (
    "Code: Apache 2.0. SVHN (Netzer et al. 2011) is for non-commercial use only, and so are these weights, trained on "
    "it, and its images in `examples.npz` and the preview."
)
USE = """
import keras_vae

model = keras_vae.zoo.load("vq_vae")
x = keras_vae.zoo.examples("vq_vae")               # ten test images, [10, 32, 32, 3]
codes = model.embed(x)                             # [10, 8, 8], integers below 512
again = model.decode(codes).mean()                 # [10, 32, 32, 3]
numbers = model.sample(16, seed=0)                 # [16, 32, 32, 3], codes drawn from the learned prior
"""


def model(
    latent_size=64,
    codes=512,
    filters=(32, 96),
    blocks=1,
    beta=4.0,
    codebook="gradient",
    shape=(32, 32, 3),
    seed=0,
):
    import keras_vae
    from keras_vae import networks
    from keras_vae.distributions import DiscretizedLogisticLikelihood

    made = keras_vae.VQVAE(
        networks.residual_encoder(shape, filters, blocks, latent_size, grid=True),
        networks.residual_decoder(latent_size, shape, filters[::-1], blocks, grid=True),
        latent_size=latent_size,
        likelihood=DiscretizedLogisticLikelihood(scale="learned"),
        codes=codes,
        prior="autoregressive",
        posterior=codebook,
        beta=beta,
        seed=seed,
    )
    made.build((None, *shape))
    return made


def data(batch_size=64, jittered=True, seed=0, split="train", name="svhn_cropped"):
    from keras_vae.data import arrays, batches
    from keras_vae.data.augmentation import jitter

    return batches(arrays(name, split)[0], batch_size, augment=jitter if jittered else None, seed=seed)


def training(epochs=60, prior_epochs=50, learning_rate=1e-3, prior_learning_rate=1e-3, steps=141):
    import keras

    def adam(rate, epochs):
        return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, epochs * steps))

    autoencoder = ("encoder", "decoder", "posterior", "likelihood")
    return [
        {"compile": {"optimizer": adam(learning_rate, epochs)}, "epochs": epochs, "frozen": ("prior",)},
        {
            "compile": {"optimizer": adam(prior_learning_rate, prior_epochs)},
            "epochs": prior_epochs,
            "frozen": autoencoder,
        },
    ]


def evaluate(model, name="svhn_cropped"):
    from sklearn.decomposition import PCA

    from keras_vae import metrics
    from keras_vae.data import arrays

    train, x = (arrays(name, split)[0] / 255.0 for split in ("train", "test"))
    yield "bits_per_dimension", metrics.bits_per_dimension(model, x, samples=1), "test images"
    yield "reconstruction_error", metrics.reconstruction_error(x, model.reconstruct(x)), "test images"
    flat = x.reshape(len(x), -1)
    for size in (32, 64):
        pca = PCA(size, svd_solver="randomized", random_state=0).fit(train.reshape(len(train), -1).astype("float32"))
        rebuilt = pca.inverse_transform(pca.transform(flat))
        yield f"reconstruction_error_of_pca_{size}", metrics.reconstruction_error(flat, rebuilt), "test images"
    for metric, estimate in {**metrics.codebook_use(model, x), **metrics.free_energy(model, x)}.items():
        if metric != "quantization_error":  # no nats
            yield metric, estimate, "test images"
    scale = float(model.likelihood.scale_value())
    yield "likelihood_scale", metrics.Estimate(scale, "intensity", len(train)), "training images"


def examples(name="svhn_cropped"):
    from keras_vae.zoo import judges

    return judges.one_of_each(name)


def preview(model, x):
    return {
        "Reconstructions": {"test images": x, "means": model.reconstruct(x)},
        "Samples from the prior": {"means": model.sample(10, seed=1), "": model.sample(10, seed=2)},
    }
