"""What is watched in every training: collapsed posteriors, and scales that start where the data are."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, mvae, vae, vqvae

import keras_vae
from keras_vae.models.training import Watch
from keras_vae.objectives import Capacity, FreeEnergy
from keras_vae.parts import DiscretizedLogisticLikelihood, NormalLikelihood


def watched(rates, batches=5, objective=None):
    """Messages of a training with these rates, one an epoch."""
    watch = Watch()
    watch.set_model(vae(objective=objective or FreeEnergy()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watch.on_train_begin()
        for epoch, rate in enumerate(rates):
            watch.on_epoch_begin(epoch)
            for batch in range(batches):
                watch.on_train_batch_end(batch)
            watch.on_epoch_end(epoch, {"loss": 1.0, "rate": rate})
            during = len(caught)
        watch.on_train_end()
    return during, [str(one.message) for one in caught]


def test_epochs_without_a_rate_are_told_once_at_the_end():
    during, messages = watched([1.0] + 5 * [0.001])
    assert during == 0
    assert len(messages) == 1
    assert "5 epochs: the posterior has collapsed" in messages[0]
    assert len(messages[0]) < 300


def test_a_long_training_is_told_at_once():
    assert watched(5 * [-0.001], batches=400)[0] == 1
    assert len(watched(9 * [0.001], batches=400)[1]) == 1


@pytest.mark.parametrize(
    ("rates", "objective"),
    [
        ([1.0, 0.001, 0.001], None),
        (4 * [0.001] + [0.3], None),
        ([0.001, 0.001, 0.3, 0.001, 0.001], None),
        (5 * [0.001], FreeEnergy(0.0)),
        (5 * [0.001], Capacity(0.0)),
    ],
    ids=["two epochs", "it has come back", "not in a row", "nothing weighs it", "none is asked for"],
)
def test_a_rate_that_is_small_for_a_while_or_by_intent_is_not_told(rates, objective):
    assert watched(rates, 400 if objective else 5, objective)[1] == []


@pytest.mark.further
def test_a_scale_too_large_for_the_data_is_told_and_a_learned_one_is_not(images):
    for likelihood in (NormalLikelihood(10.0), NormalLikelihood()):
        model = compiled(vae(likelihood=likelihood, seed=0), keras.optimizers.Adam(0.01))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(images, batch_size=16, epochs=40, verbose=0)
        told = [one for one in caught if "collapsed" in str(one.message)]
        assert len(told) == (likelihood.scale == 10.0)


def test_codes_of_no_rate_are_none_of_a_posterior_that_collapsed(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        compiled(vqvae(codes=1, prior="uniform")).fit(images, epochs=4, verbose=0)


# --- scales ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "likelihood",
    ["normal", "laplace", DiscretizedLogisticLikelihood(scale="learned")],
    ids=["normal", "laplace", "discretized_logistic"],
)
def test_latents_explain_grey_images_as_much_as_under_a_scale_that_fits(likelihood):
    x = keras_vae.data.digits("train")[0][:500]
    unexplained = {}
    for name, chosen in {"fixed": NormalLikelihood(0.15), "learned": likelihood}.items():
        keras.utils.set_random_seed(0)
        model = compiled(keras_vae.VAE(latent_size=8, likelihood=chosen, seed=0), "adam")
        model.fit(x, batch_size=50, epochs=40, verbose=0)
        unexplained[name] = ((x - np.asarray(model.reconstruct(x))) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert unexplained["learned"] < 1.6 * unexplained["fixed"] < 0.5  # that of squares


@pytest.mark.parametrize("streamed", [False, True])
def test_one_step_brings_a_scale_to_the_data(images, streamed):
    x = 1e3 * images
    model = compiled(vae(likelihood=NormalLikelihood(refuses_images=False), seed=0), "adam")
    model.fit(tf.data.Dataset.from_tensor_slices(x).batch(64) if streamed else x, batch_size=64, verbose=0)
    wanted = np.sqrt(((x - x.mean(axis=0)) ** 2).mean())
    assert float(model.likelihood.scale_value()) == pytest.approx(wanted, rel=0.02)


def test_scales_of_modalities_are_their_own_and_of_observed_rows(images):
    pairs = {"image": images, "middle": 100.0 * images[:, 2:6, 2:6].reshape(-1, 16)}
    rows = np.arange(len(images)) % 2 == 0
    data = {**pairs, "middle": np.where(rows[:, None], pairs["middle"], np.nan), "observed": {"middle": rows}}
    model = compiled(mvae(likelihood="normal", seed=0), "adam")
    model.fit(data, batch_size=64, verbose=0)
    for name, x in {"image": images, "middle": pairs["middle"][rows]}.items():
        wanted = np.sqrt(((x - x.mean(axis=0)) ** 2).mean())
        assert float(model.likelihood[name].scale_value()) == pytest.approx(wanted, rel=0.02), name


def test_a_saved_scale_goes_on_where_it_was(images, tmp_path):
    model = compiled(vae(likelihood="normal", seed=0), "adam")
    model.fit(images, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.likelihood.raw_scale.numpy() == model.likelihood.raw_scale.numpy()
    for one in (model, again):
        one.fit(10.0 * images, verbose=0)
    assert again.likelihood.raw_scale.numpy() == pytest.approx(model.likelihood.raw_scale.numpy(), rel=1e-4)
    assert float(model.likelihood.scale_value()) < 0.5


@pytest.mark.parametrize("x", [np.full((32, 8, 8, 1), 5.1), np.zeros((32, 8, 8, 1)), np.ones((1, 8, 8, 1)) / 3])
def test_data_without_spread_end_in_no_nan(x):
    model = compiled(vae(likelihood="normal", seed=0), keras.optimizers.Adam(0.01))
    history = model.fit(x.astype("float32"), epochs=30, verbose=0).history
    assert np.isfinite(history["free_energy"]).all()
