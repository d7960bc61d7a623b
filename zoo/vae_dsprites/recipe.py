"""The plain variational autoencoder on dSprites: the baseline of `beta_vae`, `beta_tc_vae` and `factor_vae`.
"""

TITLE = "VAE on dSprites"
KIND, DATA, HEADLINE = "model", "dsprites", "mutual_information_gap"
LICENCE = (
    "Code and weights: Apache 2.0. The images of dSprites (Matthey et al. 2017) in `examples.npz` and the preview: "
    "zlib/libpng licence."
)
USE = """
import keras_vae

model = keras_vae.zoo.load("vae_dsprites")
x = keras_vae.zoo.examples("vae_dsprites")                       # [10, 64, 64, 1]
z = model.embed(x)                                               # [10, 10]
images = model.traverse(x, latent=3, values=(-3.0, 0.0, 3.0))    # [3, 10, 64, 64, 1]
"""


def model(latent_size=10, filters=32, width=128, seed=0, variant="VAE", **options):
    import keras_vae
    from keras_vae.networks import convolutional_decoder, convolutional_encoder

    shape, stages = (64, 64, 1), (filters, filters, 2 * filters)
    made = getattr(keras_vae, variant)(
        convolutional_encoder(shape, stages, width, first_stride=4),
        convolutional_decoder(latent_size, shape, stages[::-1], width, last_stride=4),
        latent_size=latent_size,
        seed=seed,
        **options,
    )
    made.build((None, *shape))
    return made


def data(batch_size=64, seed=0, split="train[:90%]"):
    from keras_vae.data import arrays, batches

    return batches(arrays("dsprites", split)[0], batch_size, drop_remainder=True, seed=seed)


def training(epochs=24, learning_rate=1e-3):
    import keras

    return {"compile": {"optimizer": keras.optimizers.Adam(learning_rate), "steps_per_execution": 12}, "epochs": epochs}
