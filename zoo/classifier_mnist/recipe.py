"""Classifier of MNIST's digits, a judge of coherence: convolutions with batch normalisation, trained by AdamW along a
cosine with this package's augmentation (shifts, zooms, turns, contrast; no flips).
"""

from functools import partial

from keras_vae.zoo import judges

TITLE = "Digit classifier on MNIST"
KIND, DATA, HEADLINE = "classifier", "mnist", "accuracy"
LICENCE = (
    "Code and weights: Apache 2.0. The images of MNIST in `examples.npz` and the preview: Yann LeCun and Corinna "
    "Cortes, Creative Commons Attribution-Share Alike 3.0."
)
USE = """
import keras_vae

classifier = keras_vae.zoo.load("classifier_mnist")
x = keras_vae.zoo.examples("classifier_mnist")      # ten test images, [10, 28, 28, 1]
digits = classifier.predict(x).argmax(axis=-1)
"""

model = partial(judges.model, shape=(28, 28, 1))
data = partial(judges.data, source="mnist")
training = partial(judges.training, source="mnist", epochs=2)
evaluate = partial(judges.evaluate, source="mnist")
examples = partial(judges.one_of_each, source="mnist")
preview = judges.preview
