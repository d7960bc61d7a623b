"""VQ-VAE (van den Oord et al. 2017) on SVHN: an image becomes a grid of 8x8 codes out of 512, from which a residual
network rebuilds it. Then, the autoencoder being frozen, a gated PixelCNN (van den Oord et al. 2016) learns the prior
of the grids; samples are drawn from it code by code.

The likelihood is a logistic over the 256 levels of intensity with one learned scale (below, as a share of the range).
Bits per dimension are those of `-log2 p(x, codes)`, which bounds `-log2 p(x)` from above; the rate is that of the
learned prior, and would be 64 log 512 = 399.25 nats under the uniform one. The reconstruction error is the squared
error over the variance, beside that of PCA fitted to the same training images.

Unlike in the paper, codes out of use restart at encoder outputs, and the commitment weighs 4: the distortion is in
nats, and the smaller the scale becomes, the heavier it is. At 0.25 the encoder ran away from its codebook after some
20 epochs. Images are jittered (shifts, zooms, turns, contrast). Settings were chosen on the last tenth of the
training images: after 1,000 steps of batch 32 the reconstruction error was 0.0224 with a codebook by gradient and
0.0227 with moving averages; the prior took 223.9 nats as a gated PixelCNN and 234.7 as a transformer of four blocks
after the same computing time.

The paper reports 4.67 bits per dimension on CIFAR10; Sonnet's example, on CIFAR10 as well, an error of 0.056 with a
perplexity of 326. Weights here saw 9,000 images for training and are measured on 1,000 others, both from the official
test split. The time below was taken beside other work.
"""

from keras_vae.zoo import shared
from keras_vae.zoo.recipe import Recipe


def model(
    latent_size=64,
    codes=512,
    filters=(32, 96),
    blocks=1,
    commitment=4.0,
    codebook="gradient",
    shape=(32, 32, 3),
    seed=0,
):
    import keras_vae
    from keras_vae import networks
    from keras_vae.parts import DiscretizedLogisticLikelihood

    made = keras_vae.VQVAE(
        networks.residual_encoder(shape, filters, blocks, latent_size, grid=True),
        networks.residual_decoder(latent_size, shape, filters[::-1], blocks, grid=True),
        latent_size=latent_size,
        likelihood=DiscretizedLogisticLikelihood(scale="learned", pace=1.0),
        codes=codes,
        prior="autoregressive",
        posterior=codebook,
        commitment=commitment,
        seed=seed,
    )
    made.build((None, *shape))
    made.likelihood.assign_scale(0.1)
    return made


def data_of(batch_size=64, jittered=True, seed=0, split="train", name="svhn_cropped"):
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


RECIPE = Recipe(
    title="VQ-VAE on SVHN",
    data="svhn_cropped",
    headline="bits_per_dimension",
    licence=shared.SVHN,
    use="""
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    x = keras_vae.zoo.examples("{name}")  # ten test images, [10, 32, 32, 3]
    codes = model.embed(x)  # [10, 8, 8], integers below 512
    again = model.decode(codes).mean()  # [10, 32, 32, 3]
    numbers = model.sample(16, seed=0)  # [16, 32, 32, 3], codes drawn from the learned prior
    """,
    model=model,
    data_of=data_of,
    training=training,
    evaluate=evaluate,
    examples=examples,
    preview=shared.reconstructions_and_samples,
)
