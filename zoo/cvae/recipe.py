"""Conditional variational autoencoder (Sohn et al. 2015) of MNIST given its labels: the label, one-hot, enters the
encoder beside the image and the decoder beside the latents, which are standard normal whatever the label. So the label
chooses the digit, and the latents, which need not tell digits apart, hold how it is written.

The data and the dense networks with ELUs follow `vae`: new binary pixels drawn from the grey values at every epoch,
Adam with its learning rate along a cosine. No other settings were tried.

The likelihood is that of an image given its label, p(x|y): with log 10 = 2.30 nats added, for the label, the figure
below bounds -log p(x) from above. `class agreement` is the share of draws from the prior that
`classifier_mnist` puts into the class asked for; `class agreement of transferred styles` takes the latents of a test
image and another label, drawn. The latents keep the style as far as one draw looks alike under all ten labels: the
intraclass correlations of its slant and its ink say how far (1: depends on the latents alone, 0: does not).
The linear probe tells how much of the label is left in the latents (chance: about 10 %).
"""

from keras_vae.zoo import shared
from keras_vae.zoo.recipe import Recipe


def model(latent_size=32, width=300, activation="elu", beta=1.0, seed=0):
    import keras_vae
    from keras_vae.networks import dense_decoder, dense_encoder

    shape, classes, widths = (28, 28, 1), (10,), (width, width)
    made = keras_vae.CVAE(
        dense_encoder(shape, widths, activation, condition_shape=classes),
        dense_decoder(latent_size, shape, widths, activation, condition_shape=classes),
        latent_size=latent_size,
        beta=beta,
        seed=seed,
    )
    made.build({"x": (None, *shape), "condition": (None, *classes)})
    return made


def data_of(batch_size=200, seed=0, split="train"):
    import tensorflow as tf

    from keras_vae.data import arrays, batches

    images, labels = arrays("mnist", split)
    one_hot = tf.one_hot(labels, 10)
    return batches(
        images,
        batch_size,
        dynamic_binarization=True,
        condition=lambda x, indices, seed: tf.gather(one_hot, indices),
        seed=seed,
        drop_remainder=True,
    )


def training(epochs=200, learning_rate=2e-3, batch_size=200):
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * (60_000 // batch_size))
    compiled = {"optimizer": keras.optimizers.Adam(schedule), "steps_per_execution": 20, "jit_compile": True}
    return {"compile": compiled, "epochs": epochs}


def evaluate(model, samples=1000, styles=1000, seed=0):
    import numpy as np

    from keras_vae import metrics, zoo
    from keras_vae.data import arrays, binarize

    judge, classes = zoo.load("classifier_mnist"), np.eye(10, dtype="float32")
    images, labels = arrays("mnist", "test")
    x = {"x": binarize(images / 255.0, seed=seed).numpy(), "condition": classes[labels]}

    def decoded(z, condition, batch_size=100):
        parts = [slice(start, start + batch_size) for start in range(0, len(z), batch_size)]
        return np.concatenate([model.decode(z[part], condition(part)).mean() for part in parts])

    z = model.prior_of(None).sample((styles, 1), seed=(seed, 0)).numpy()
    made = decoded(z, lambda part: classes)  # [styles, 10, 28, 28, 1]
    split = "draws from the prior, each under ten labels"
    yield "class_agreement", metrics.class_agreement(made, np.arange(10), judge), split
    for name, values in (("slant", metrics.slant(made)), ("ink", made.mean(axis=(2, 3, 4)))):
        yield f"intraclass_correlation_of_{name}", metrics.intraclass_correlation(values), split
    others = (labels + np.random.default_rng(seed).integers(1, 10, len(labels))) % 10
    transferred = decoded(model.embed(x), lambda part: classes[others[part]])
    agreement = metrics.class_agreement(transferred, others, judge)
    yield "class_agreement_of_transferred_styles", agreement, "test images, binarized once, with another label"
    right = judge.predict(images / 255.0, verbose=0).argmax(axis=-1) == labels
    yield "mnist_classifier_accuracy", metrics.Estimate.of(right, "fraction"), "test images"

    split = "test images, binarized once"
    yield "negative_log_likelihood", metrics.negative_log_likelihood(model, x, samples, seed=seed, verbose=1), split
    for name, estimate in metrics.free_energy(model, x).items():
        yield name, estimate, split
    yield "active_units", metrics.active_units(model, x), split
    train_images, train_labels = arrays("mnist", "train[:10000]")
    train = {"x": binarize(train_images / 255.0, seed=seed + 1), "condition": classes[train_labels]}
    yield "linear_probe", metrics.linear_probe(model, train, train_labels, x, labels), split


def examples():
    import numpy as np

    from keras_vae.zoo import judges

    return {"x": judges.one_of_each("mnist"), "condition": np.eye(10, dtype="uint8") * 255}


def preview(model, x):
    import numpy as np

    classes = x["condition"]
    drawn = model.decode(model.prior_of(None).sample((6, 1), seed=(3, 0)), classes).mean()
    shown = {name: value[[2, 3, 4, 7, 8]] for name, value in x.items()}
    same = model.decode(model.embed(shown)[:, None], classes).mean()
    return {
        "One style a row, ten classes across: styles drawn from the prior": {
            f"draw {index + 1}": images for index, images in enumerate(drawn)
        },
        "The style of a test image (left), ten classes across": {
            f"test image {index + 1}": np.concatenate([shown["x"][index : index + 1], images])
            for index, images in enumerate(same)
        },
    }


RECIPE = Recipe(
    title="CVAE: MNIST given its labels",
    data="mnist with labels, dynamic binarization",
    headline="class_agreement",
    licence=shared.MNIST,
    use="""
    import numpy as np
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    labels = np.eye(10, dtype="float32")
    digits = model.sample(5, condition=labels, seed=0)  # [5, 10, 28, 28, 1]: one of each class, five times
    x = keras_vae.zoo.examples("{name}")  # {"x": [10, 28, 28, 1], "condition": [10, 10]}
    z = model.embed(x)  # [10, 32]: how each is written
    same_style = model.decode(z[:, None], labels).mean()  # [10 styles, 10 classes, 28, 28, 1]
    nats = model.log_likelihood(x, samples=100)  # log p(x|y), [10]
    """,
    model=model,
    data_of=data_of,
    training=training,
    evaluate=evaluate,
    examples=examples,
    preview=preview,
)
