"""Conditional variational autoencoder (Sohn et al. 2015) that completes MNIST digits of which some quadrants are
visible: a many-to-one condition, which many digits answer. The prior p(z|c) is learned, and the likelihood covers the
hidden pixels only. One model serves every choice of visible quadrants: each training image shows one, two or three of
them, drawn anew. The figures below are for the lower left quadrant, for the left half, and for all
but the lower right quadrant, as in Pyro's version of the task (github.com/pyro-ppl/pyro, examples/cvae).

Pixels are binary, drawn from the grey values: anew at every epoch in training, once for the test images. Networks are
dense, with two layers of 256 ELUs; Adam's learning rate falls along a cosine; the weight of the rate rises from 0.1 to
1 over the first 10 epochs. No other settings were tried.

`negative log likelihood` is that of the hidden pixels given the visible ones, in nats, by importance sampling. Beside
it stands `deterministic`: a dense network of two layers from the visible pixels to the probabilities of the hidden
ones, with as many parameters as the whole CVAE, which `keras-vae evaluate` trains on the same data and measures.

| published, nats per example | one quadrant visible | two | three |
| --- | --- | --- | --- |
| deterministic network, Pyro | 100.4 | 61.9 | 25.4 |
| CVAE, free energy, Pyro | 71.8 | 51.0 | 24.2 |
| CVAE, importance sampling, the paper (from memory) | 63.9 | 44.7 | 21.0 |

Pyro's figures are for grey values as expected bits, with one model for each column; the rows named `grey` are our
weights under the same reading. How the paper treats grey values is not known to us.
"""

from keras_vae.zoo import shared
from keras_vae.zoo.recipe import Recipe

SHAPE = (28, 28, 1)
VISIBLE = {  # upper left, upper right, lower left, lower right
    "one_quadrant": (False, False, True, False),
    "two_quadrants": (True, False, True, False),
    "three_quadrants": (True, True, True, False),
}


def model(latent_size=32, width=256, activation="elu", beta=1.0, seed=0):
    import keras

    import keras_vae
    from keras_vae.networks import dense_decoder, dense_encoder
    from keras_vae.parts import ConditionalNormalPrior

    widths = (width, width)

    def compact(network, own_shape):
        """The network on its own input and the condition in one channel: -1 and 1 where visible, 0 where hidden."""
        own, condition = keras.Input(own_shape), keras.Input((28, 28, 2), name="condition")
        signs = 2 * condition[..., :1] - condition[..., 1:]
        return keras.Model([own, condition], network([own, signs]), name=network.name)

    condition = keras.Input((28, 28, 2))
    features = dense_encoder(SHAPE, widths, activation)(2 * condition[..., :1] - condition[..., 1:])
    made = keras_vae.CVAE(
        compact(dense_encoder(SHAPE, widths, activation, condition_shape=SHAPE), SHAPE),
        compact(dense_decoder(latent_size, SHAPE, widths, activation, condition_shape=SHAPE), (latent_size,)),
        latent_size=latent_size,
        prior=ConditionalNormalPrior(latent_size, keras.Model(condition, features, name="prior_network")),
        completes=True,
        beta=beta,
        seed=seed,
    )
    made.build({"x": (None, *SHAPE), "condition": (None, 28, 28, 2)})
    return made


def data_of(batch_size=200, seed=0, split="train"):
    import tensorflow as tf

    from keras_vae.data import arrays, batches, random_quadrants, visible_part

    return batches(
        arrays("mnist", split)[0],
        batch_size,
        dynamic_binarization=True,
        condition=lambda x, indices, seed: visible_part(x, random_quadrants(tf.shape(x)[0], 28, 28, seed)),
        seed=seed,
        drop_remainder=True,
    )


def training(epochs=120, learning_rate=2e-3, batch_size=200, beta=1.0, warm_up=10):
    import keras

    from keras_vae.callbacks import WarmUp

    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * (60_000 // batch_size))
    compiled = {"optimizer": keras.optimizers.Adam(schedule), "steps_per_execution": 20, "jit_compile": True}
    # The condition alone explains much, and at full weight the rate would switch latents off before they are of use.
    rise = WarmUp(steps=warm_up * (60_000 // batch_size), start=0.1, target=beta)
    return {"compile": compiled, "epochs": epochs, "callbacks": [rise]}


def deterministic(width=580, epochs=20, learning_rate=1e-3, seed=0, split="train"):
    """A network from conditions to logits of x, fitted to the hidden pixels."""
    import keras
    import tensorflow as tf

    from keras_vae.networks import dense_decoder, dense_encoder

    keras.utils.set_random_seed(seed)
    condition = keras.Input((28, 28, 2))
    features = dense_encoder(SHAPE, (width,), "elu")(2 * condition[..., :1] - condition[..., 1:])
    network = keras.Model(condition, dense_decoder(width, SHAPE, (width,), "elu")(features))

    def nats_of_hidden_pixels(target, logits):
        nats = tf.nn.sigmoid_cross_entropy_with_logits(target[..., :1], logits)
        return tf.reduce_sum(nats * (1.0 - target[..., 1:]), axis=(1, 2, 3))

    @tf.autograph.experimental.do_not_convert
    def pair(batch):
        return batch["condition"], tf.concat([batch["x"], batch["condition"][..., 1:]], axis=-1)

    batches = data_of(seed=seed, split=split)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))
    network.compile(keras.optimizers.Adam(schedule), nats_of_hidden_pixels, steps_per_execution=20, jit_compile=True)
    network.fit(batches.map(pair), epochs=epochs, verbose=0, shuffle=False)
    return network


def evaluate(model, samples=200, seed=0):
    from keras_vae import metrics
    from keras_vae.data import arrays, binarize, quadrants, visible_part
    from keras_vae.distributions import given_visible
    from keras_vae.parts import BernoulliLikelihood

    grey = arrays("mnist", "test")[0] / 255.0
    bits = binarize(grey, seed=seed).numpy()
    network = deterministic(seed=seed)
    for form, images in (("", bits), ("_grey", grey.astype("float32"))):
        split = "test images, grey values as expected bits" if form else "test images, binarized once"
        for name, visible in VISIBLE.items():
            condition = visible_part(images, quadrants(visible, 28, 28)).numpy()
            x = {"x": images, "condition": condition}
            nats = metrics.negative_log_likelihood(model, x, samples, seed=seed, verbose=1)
            yield f"negative_log_likelihood_given_{name}{form}", nats, split
            yield f"free_energy_given_{name}{form}", metrics.free_energy(model, x)["free_energy"], split
            p = BernoulliLikelihood().distribution(network.predict(condition, batch_size=500, verbose=0))
            p = given_visible(p, condition[..., :1], condition[..., 1:] > 0.5)
            yield f"deterministic_given_{name}{form}", metrics.Estimate.of(-p.log_prob(images), "nats"), split


def examples():
    import numpy as np

    from keras_vae.data import binarize, quadrants, visible_part
    from keras_vae.zoo import judges

    x = binarize(judges.one_of_each("mnist") / 255.0, seed=0)
    condition = visible_part(x, quadrants(VISIBLE["one_quadrant"], 28, 28))
    return {name: np.uint8(255 * part.numpy()) for name, part in (("x", x), ("condition", condition))}


def preview(model, x):
    import numpy as np

    from keras_vae.data import quadrants, visible_part

    sections = {}
    for name, visible in VISIBLE.items():
        condition = visible_part(x["x"], quadrants(visible, 28, 28)).numpy()
        completions = model.sample(2 if all(visible[:3]) else 4, condition=condition, seed=0)
        sections[f"{name.replace('_', ' ').capitalize()} visible"] = {
            "visible": np.where(condition[..., 1:] > 0.5, condition[..., :1], 0.5),
            **{f"completion {index + 1}": images for index, images in enumerate(completions)},
            "truth": x["x"],
        }
    return sections


RECIPE = Recipe(
    title="CVAE: completing MNIST from some quadrants",
    data="mnist, dynamic binarization",
    headline="negative_log_likelihood_given_one_quadrant",
    licence=shared.MNIST,
    use="""
    import keras_vae
    from keras_vae.data import quadrants, visible_part

    model = keras_vae.zoo.load("{name}")
    x = keras_vae.zoo.examples("{name}")["x"]  # [10, 28, 28, 1]
    mask = quadrants([False, False, True, False], 28, 28)  # upper left, upper right, lower left, lower right
    condition = visible_part(x, mask)  # [10, 28, 28, 2]
    completions = model.sample(5, condition=condition, seed=0)  # [5, 10, 28, 28, 1], the visible quadrant as it was
    nats = model.log_likelihood({"x": x, "condition": condition})  # log p(hidden pixels | visible pixels), [10]
    """,
    model=model,
    data_of=data_of,
    training=training,
    evaluate=evaluate,
    examples=examples,
    preview=preview,
)
