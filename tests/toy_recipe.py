"""A toy: a small VAE of scikit-learn's digits."""

from keras_vae.zoo.recipe import Recipe


def model(latent_size=2, beta=1.0, seed=0):
    import keras_vae

    made = keras_vae.VAE(latent_size=latent_size, beta=beta, seed=seed)
    made.build((None, 8, 8, 1))
    return made


def data_of(batch_size=100, seed=0, split="train"):
    from keras_vae.data import arrays, batches

    source = "test" if split == "train[90%:]" else "train"
    return batches(arrays("digits", source)[0], batch_size, seed=seed)


def training(epochs=3, learning_rate=1e-3):
    import keras

    return {"compile": {"optimizer": keras.optimizers.Adam(learning_rate)}, "epochs": epochs}


def evaluate(model):
    from keras_vae import data, metrics

    for name, estimate in metrics.free_energy(model, data.digits("test")[0]).items():
        yield name, estimate, "test images"


def examples():
    from keras_vae.data import arrays

    return arrays("digits", "test")[0][:10]


def preview(model, x):
    return {"Reconstructions": {"test images": x, "means": model.reconstruct(x)}}


RECIPE = Recipe(
    title="Toy",
    data="digits",
    headline="free_energy",
    licence="none",
    use="""
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    """,
    model=model,
    data_of=data_of,
    training=training,
    evaluate=evaluate,
    examples=examples,
    preview=preview,
)
