"""Time of a training step, relative to another model's."""

import numpy as np
from tiny import mvae, networks, vae, weights

import keras_vae
from keras_vae import metrics


def test_it_is_a_ratio_of_rounds_and_trains_neither_model(images):
    small, large = vae(), keras_vae.VAE(*networks(width=20), latent_size=3)
    for model in (small, large):
        model.build((None, 8, 8, 1))
    before = weights(large)
    ratio = metrics.relative_step_time(large, small, images, batch_size=64, steps=5, rounds=3)
    assert ratio.value > 0
    assert (ratio.unit, ratio.examples) == ("ratio", 3)
    np.testing.assert_array_equal(weights(large), before)


def test_data_may_be_of_several_modalities(pairs):
    model = mvae()
    model.build({name: data.shape for name, data in pairs.items()})
    assert metrics.relative_step_time(model, model, pairs, batch_size=32, steps=2, rounds=1).value > 0
