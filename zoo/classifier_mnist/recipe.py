"""Classifier of MNIST's digits, a judge of coherence: convolutions with batch normalisation, trained by AdamW along a
cosine with this package's augmentation (shifts, zooms, turns, contrast; no flips).
"""

from functools import partial

from keras_vae.zoo import judges, shared
from keras_vae.zoo.recipe import Recipe

RECIPE = Recipe(
    title="Digit classifier on MNIST",
    kind="classifier",
    data="mnist",
    headline="accuracy",
    licence=shared.MNIST,
    use="""
    import keras_vae

    classifier = keras_vae.zoo.load("{name}")
    x = keras_vae.zoo.examples("{name}")  # ten test images
    digits = classifier.predict(x).argmax(axis=-1)
    """,
    model=partial(judges.model, shape=(28, 28, 1)),
    data_of=partial(judges.data_of, source="mnist"),
    training=partial(judges.training, source="mnist", epochs=2),
    evaluate=partial(judges.evaluate, source="mnist"),
    examples=partial(judges.one_of_each, source="mnist"),
    preview=judges.preview,
)
