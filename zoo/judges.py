"""What the recipes of the digit classifiers share: they judge the coherence of multimodal models."""

from typing import Any


def model(shape, width=32, dropout=0.2) -> Any:
    """Convolutions with batch normalisation, images `[batch, *shape]` to logits `[batch, 10]`."""
    import keras
    from keras import layers

    inputs = x = keras.Input(shape)
    for stage, (filters, convolutions) in enumerate(((width, 1), (2 * width, 2), (4 * width, 2))):
        for _ in range(convolutions):
            x = layers.Conv2D(filters, 3 if stage else 5, padding="same", use_bias=False)(x)
            x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.Dropout(dropout)(layers.MaxPooling2D()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, dtype="float32")(x), name="digit_classifier")


def data_of(source, batch_size=128, seed=0, split="train") -> Any:
    """Augmented batches `(images in [0, 1], labels)` of the training split."""
    import functools

    import tensorflow as tf

    from keras_vae.data import arrays
    from keras_vae.data.augmentation import jitter
    from keras_vae.data.images import index_batches

    images, labels = map(tf.constant, arrays(source, split))
    augment = functools.partial(jitter, shift=3.0, zoom=0.15, angle=0.15, contrast=0.5, brightness=0.2)

    def make(indices, seeds):
        return augment(tf.cast(tf.gather(images, indices), "float32") / 255.0, seeds), tf.gather(labels, indices)

    return index_batches(len(images), batch_size, True, seed).map(make, tf.data.AUTOTUNE).prefetch(2)


def objective() -> Any:
    """What a classifier is compiled with, besides an optimizer."""
    import keras

    return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}


def training(source, epochs, learning_rate=1e-3, batch_size=128) -> Any:
    """AdamW along a cosine."""
    import keras

    from keras_vae.data import arrays

    steps = -(-len(arrays(source, "train")[0]) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    return {
        "compile": {
            "optimizer": keras.optimizers.AdamW(schedule, weight_decay=1e-2),
            **objective(),
        },
        "epochs": epochs,
    }


def evaluate(model, source) -> Any:
    """Accuracy on the test split."""
    from keras_vae.data import arrays
    from keras_vae.metrics import Estimate

    images, labels = arrays(source, "test")
    right = model.predict(images / 255.0, verbose=0).argmax(axis=-1) == labels
    yield "accuracy", Estimate.of(right, "fraction"), "test images"


def one_of_each(source, split="test") -> Any:
    """The first image of each digit, uint8 `[10, ...]`."""
    import numpy as np

    from keras_vae.data import arrays

    images, labels = arrays(source, split)
    return images[[int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]]


def preview(model, x) -> dict[str, Any]:
    """The ten examples, and what they are judged as."""
    digits = model.predict(x, verbose=0).argmax(axis=-1)
    return {"Judged as " + "  ".join(map(str, digits)): {"test images": x}}
