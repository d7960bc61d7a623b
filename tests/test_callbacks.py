"""Warm-ups raise the weights of the objective, and nothing that is measured."""

import keras
import numpy as np
import pytest
from tiny import compiled, mvae, vae

from keras_vae.callbacks import WarmUp


def test_warm_up_rises_linearly_after_its_delay():
    warm_up = WarmUp(steps=10, target=3.0, start=1.0, delay=5)
    assert [warm_up.value(step) for step in (0, 5, 10, 15, 99)] == [1.0, 1.0, 2.0, 3.0, 3.0]


def test_warm_up_of_beta_follows_the_optimizer_and_goes_on_after_a_pause(images):
    model, seen = compiled(vae()), []
    spy = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(float(model.beta.numpy()))
    )
    for _ in range(2):
        model.fit(images, batch_size=32, epochs=1, verbose=0, callbacks=[WarmUp(steps=4, target=2.0), spy])
    assert seen == [0.0, 0.5, 1.0, 1.5]
    assert float(model.beta.numpy()) == 2.0


def test_warm_up_of_a_modality_changes_the_loss_and_not_the_free_energy(pairs):
    model = compiled(mvae(), optimizer=keras.optimizers.SGD(0.0))
    low = model.fit(pairs, verbose=0, callbacks=[WarmUp(steps=1000, modality="image")]).history
    model.modality_weights["image"].assign(1.0)
    high = model.fit(pairs, verbose=0).history
    assert low["loss"][0] < 0.8 * high["loss"][0]
    np.testing.assert_allclose(low["free_energy"], high["free_energy"], rtol=0.1)


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"steps": 1, "delay": -1}])
def test_impossible_warm_up_is_refused(arguments):
    with pytest.raises(ValueError, match="at least"):
        WarmUp(**arguments)


def test_warm_up_of_an_unknown_modality_is_refused(images):
    with pytest.raises(ValueError, match="no modality 'sound'"):
        compiled(vae()).fit(images, verbose=0, callbacks=[WarmUp(steps=1, modality="sound")])
