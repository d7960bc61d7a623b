"""Classifier of SVHN's digits, a judge of coherence: convolutions with batch normalisation, trained by AdamW along a
cosine with this package's augmentation (shifts, zooms, turns, contrast; no flips).
"""

from functools import partial

from keras_vae.zoo import judges

TITLE = "Digit classifier on SVHN"
KIND, DATA, HEADLINE = "classifier", "svhn_cropped", "accuracy"
LICENCE = (
    "Code: Apache 2.0. SVHN (Netzer et al. 2011) is for non-commercial use only, and so are these weights, trained on "
    "it, and its images in `examples.npz` and the preview."
)
USE = """
import keras_vae

classifier = keras_vae.zoo.load("classifier_svhn")
x = keras_vae.zoo.examples("classifier_svhn")      # ten test images, [10, 32, 32, 3]
digits = classifier.predict(x).argmax(axis=-1)
"""

model = partial(judges.model, shape=(32, 32, 3))
data = partial(judges.data, source="svhn_cropped")
training = partial(judges.training, source="svhn_cropped", epochs=30)
evaluate = partial(judges.evaluate, source="svhn_cropped")
examples = partial(judges.one_of_each, source="svhn_cropped")
preview = judges.preview
