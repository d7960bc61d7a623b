"""Classifier of SVHN's digits, a judge of coherence: convolutions with batch normalisation, trained by AdamW along a
cosine with this package's augmentation (shifts, zooms, turns, contrast; no flips).
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo import judges, shared
from keras_vae.zoo.entries import recipe

RECIPE = replace(
    recipe("classifier_mnist"),
    title="Digit classifier on SVHN",
    data="svhn_cropped",
    licence=shared.SVHN,
    model=partial(judges.model, shape=(32, 32, 3)),
    data_of=partial(judges.data_of, source="svhn_cropped"),
    training=partial(judges.training, source="svhn_cropped", epochs=30),
    evaluate=partial(judges.evaluate, source="svhn_cropped"),
    examples=partial(judges.one_of_each, source="svhn_cropped"),
)
