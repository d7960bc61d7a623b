"""The objective of the MVAE paper (Wu & Goodman 2018, equation 4) as it stands, for comparison with `mvae_poe`: the sum
of the evidence lower bounds of both modalities together and of each one alone, a subset reconstructing only itself.
Networks, data and likelihoods are those of `mvae_poe`; all 20 latents are shared, nothing is warmed up.
"""

from functools import partial

from keras_vae.zoo.entries import recipe

_shipped = recipe("mvae_poe")

TITLE = "MVAE with the paper's objective on MNIST-SVHN"
KIND, DATA, HEADLINE, LICENCE = _shipped.KIND, _shipped.DATA, _shipped.HEADLINE, _shipped.LICENCE
USE = _shipped.USE.replace('"mvae_poe"', '"mvae_poe_paper"')

model = partial(_shipped.model, shared=20, private_svhn=0, svhn_scale=0.35, components=0, options={})
data = partial(_shipped.data, augmentation=1.0)
training = partial(_shipped.training, epochs=5, prior_epochs=0, first_steps=0)
evaluate = _shipped.evaluate
examples = _shipped.examples
preview = _shipped.preview
