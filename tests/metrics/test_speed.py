"""Time of a training step, relative to another model's."""

import itertools
import types

import numpy as np
import pytest
from tiny import mvae, networks, vae, weights

import keras_vae
from keras_vae import metrics
from keras_vae.metrics import speed


def clock(monkeypatch, seconds):
    """Executions take so long, by the clock; before them come two that compile."""
    ticks = itertools.chain.from_iterable((0.0, taken) for taken in (9.0, 9.0, *seconds))
    monkeypatch.setattr(speed, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))


def test_it_is_the_median_ratio_of_rounds_and_trains_neither_model(images, monkeypatch):
    small, large = vae(), keras_vae.VAE(*networks(width=20), latent_size=3)
    for model in (small, large):
        model.build((None, 8, 8, 1))
    before = weights(large)
    clock(monkeypatch, [1.0, 4.0, 1.0, 3.0, 2.0, 1.0])  # the larger, the smaller, and again
    ratio = metrics.relative_step_time(large, small, images, batch_size=64, steps=5, rounds=3)
    assert ratio.value == pytest.approx(1 / 3)
    assert (ratio.unit, ratio.examples) == ("ratio", 3)
    np.testing.assert_array_equal(weights(large), before)


@pytest.mark.slow
def test_data_may_be_of_several_modalities(pairs, monkeypatch):
    model = mvae()
    model.build({name: data.shape for name, data in pairs.items()})
    clock(monkeypatch, [3.0, 2.0])
    assert metrics.relative_step_time(model, model, pairs, batch_size=32, steps=2, rounds=1).value == 1.5
