"""Warm-ups raise the weights of the objective, and nothing that is measured."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import IMAGE, compiled, mvae, picture, vae, vqvae

import keras_vae
from keras_vae.callbacks import Adapt, Capacity, ChainMixing, Cycles, ImageGrid, WarmUp


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


def beta_vae(beta=4.0, **kwargs):
    return compiled(vae(keras_vae.BetaVAE, beta=beta, seed=0, **kwargs))


def weights_of_steps(model, images, epochs=1, **kwargs):
    """Beta in each training step of a fit with a `WarmUp` of these arguments."""
    seen = []
    spy = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda *_, **__: seen.append(float(model.beta.numpy())))
    model.fit(images, batch_size=32, epochs=epochs, verbose=0, callbacks=[WarmUp(**kwargs), spy])
    return seen


def test_warm_up_without_a_target_ends_at_the_models_own_beta(images):
    model = beta_vae()
    assert weights_of_steps(model, images, epochs=3, steps=4) == [0.0, 1.0, 2.0, 3.0, 4.0, 4.0]
    assert float(model.beta.numpy()) == 4.0


@pytest.mark.parametrize("first", [True, False])
def test_warm_up_goes_on_to_the_same_beta_from_what_was_saved_on_the_way(images, tmp_path, first):
    model = beta_vae()
    keeps = keras.callbacks.ModelCheckpoint(tmp_path / "half.keras")
    warm_up = WarmUp(steps=4)
    model.fit(images, batch_size=32, verbose=0, callbacks=[keeps, warm_up] if first else [warm_up, keeps])
    for resumed in (model, keras.models.load_model(tmp_path / "half.keras")):
        assert float(resumed.beta.numpy()) == 4.0
        assert weights_of_steps(resumed, images, epochs=2, steps=4) == [2.0, 3.0, 4.0, 4.0]
    fresh = beta_vae()
    fresh.fit(images, batch_size=32, verbose=0)
    fresh.load_weights(tmp_path / "half.keras")
    assert weights_of_steps(fresh, images, epochs=2, steps=4) == [2.0, 3.0, 4.0, 4.0]


def test_warm_up_after_an_interruption_within_a_step_ends_at_the_models_own_beta(images):
    class Interrupts(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    model = beta_vae()
    with pytest.raises(KeyboardInterrupt):
        model.fit(images, batch_size=32, verbose=0, callbacks=[WarmUp(steps=3), Interrupts()])
    assert float(model.beta.numpy()) == pytest.approx(4 / 3)
    assert weights_of_steps(model, images, epochs=2, steps=3)[-1] == 4.0
    assert float(model.beta.numpy()) == 4.0


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ({"steps": 0}, ValueError),
        ({"steps": 1, "delay": -1}, ValueError),
        ({"steps": "10"}, TypeError),
        ({"steps": None}, TypeError),
        ({"steps": True}, TypeError),
        ({"steps": float("nan")}, ValueError),
        ({"steps": 1, "target": -1.0}, ValueError),
        ({"steps": 1, "target": float("inf")}, ValueError),
        ({"steps": 1, "start": "0"}, TypeError),
    ],
)
def test_impossible_warm_up_is_refused(arguments, refusal):
    with pytest.raises(refusal, match=r"must be a finite number at least [01]; got") as error:
        WarmUp(**arguments)
    assert len(str(error.value)) < 300


def test_weight_without_a_target_is_not_known_before_a_training():
    with pytest.raises(ValueError, match="once a training starts"):
        WarmUp(steps=1).value(0)


def test_callbacks_of_another_model_are_refused_before_its_first_step(images):
    model = compiled(keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)]), loss="mse")
    for callback, error in (
        (WarmUp(steps=1), TypeError),
        (Adapt(images), TypeError),
        (ChainMixing(), TypeError),
        (Capacity(steps=1, target=1.0), ValueError),
    ):
        with pytest.raises(error, match=r"^Sequential|of Sequential"):
            model.fit(images, np.zeros((64, 1)), verbose=0, callbacks=[callback])
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Capacity(steps=1, target=None), TypeError, "target must be a finite number"),
        (lambda: ChainMixing(every=0), ValueError, "every must be a positive integer"),
        (lambda: ChainMixing(threshold="1.1"), TypeError, "threshold must be a finite number"),
        (lambda: ChainMixing(chain=3), TypeError, r"Unknown options \['chain'\].*'chains'"),
        (lambda: ChainMixing(chains=1), ValueError, "chains must be an integer of at least 2"),
        (lambda: ImageGrid("folder", every=1.5), TypeError, "every must be a positive integer"),
        (lambda: ImageGrid("folder", samples=0), ValueError, "samples must be a positive integer"),
        (lambda: ImageGrid(3), TypeError, "folder must be the path of a folder"),
        (lambda: WarmUp(1, modality=3), TypeError, "modality must be the name"),
        (lambda: ImageGrid("folder", preview="x"), TypeError, "preview must be a function"),
        (lambda: ImageGrid(__file__), ValueError, r"folder must be a folder; .* is a file"),
    ],
)
def test_bad_arguments_are_refused_at_once(make, error, message):
    with pytest.raises(error, match=message) as raised:
        make()
    assert len(str(raised.value)) < 300 + len(__file__)


def test_warm_up_of_an_unknown_modality_is_refused(images):
    with pytest.raises(ValueError, match="no modality 'sound'"):
        compiled(vae()).fit(images, verbose=0, callbacks=[WarmUp(steps=1, modality="sound")])


def test_cycles_rise_hold_and_start_again_until_they_are_over():
    cycles = Cycles(steps=2, period=4, cycles=2, target=2.0, delay=10)
    expected = {0: 0.0, 10: 0.0, 11: 1.0, 12: 2.0, 13: 2.0, 14: 0.0, 15: 1.0, 17: 2.0, 18: 2.0, 99: 2.0}
    assert {step: cycles.value(step) for step in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"steps": 5, "period": 4}, ValueError, "period must be at least steps"),
        ({"steps": 1, "period": 1, "cycles": 0}, ValueError, "cycles must be a positive integer"),
        ({"steps": 1, "period": "4"}, TypeError, "period must be a finite number"),
    ],
)
def test_impossible_cycles_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Cycles(**arguments)


@pytest.mark.slow
@pytest.mark.parametrize("nats", [2.0, 6.0])
def test_capacity_holds_the_rate_where_it_was_asked_to(nats, images):
    model = compiled(vae(objective=keras_vae.objectives.Capacity(), seed=0), keras.optimizers.Adam(0.01))
    capacity = Capacity(steps=1, target=nats)
    rate = model.fit(images, batch_size=32, epochs=60, verbose=0, callbacks=[capacity]).history["rate"][-1]
    assert rate == pytest.approx(nats, abs=0.3)


def test_after_a_fit_with_capacity_the_objective_keeps_it(images):
    model = compiled(vae(objective=keras_vae.objectives.Capacity(beta=3.0), seed=0), keras.optimizers.SGD(0.0))
    model.fit(images, verbose=0, callbacks=[Capacity(steps=1, target=50.0, start=50.0)])
    logs = model.fit(images, verbose=0).history
    assert logs["loss"][0] == pytest.approx(logs["distortion"][0] + 3.0 * (50.0 - logs["rate"][0]), rel=1e-5)


@pytest.mark.parametrize(
    "model", [vae(keras_vae.IWAE), vae(keras_vae.BetaTCVAE, dataset_size=64), vqvae()], ids=lambda model: model.name
)
def test_capacity_of_an_objective_without_one_is_refused(model, images):
    with pytest.raises(ValueError, match="holds no capacity"):
        compiled(model).fit(images, verbose=0, callbacks=[Capacity(steps=1, target=5.0)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vae", "mvae"])
def test_image_grid_draws_reconstructions_and_samples_each_epoch(kind, images, pairs, tmp_path):
    x = images if kind == "vae" else {"image": pairs["image"]}
    model = compiled(vae() if kind == "vae" else mvae(shapes=(("image", IMAGE),)))
    grid = ImageGrid(tmp_path / "png", log_dir=tmp_path / "logs", x=tf.nest.map_structure(lambda part: part[:5], x))
    model.fit(x, epochs=2, verbose=0, callbacks=[grid])
    pictures = sorted((tmp_path / "png").iterdir())
    assert [path.name for path in pictures] == ["epoch-00001.png", "epoch-00002.png"]
    first, second = (tf.io.decode_png(path.read_bytes()) for path in pictures)
    assert not np.array_equal(first, second)
    events = [
        event for path in (tmp_path / "logs").iterdir() for event in tf.compat.v1.train.summary_iterator(str(path))
    ]
    assert sorted(event.step for event in events if event.summary.value) == [1, 2]


def test_image_grid_draws_what_it_is_told_and_as_often(images, tmp_path):
    seen = []

    def preview(model):
        seen.append(int(model.optimizer.iterations))
        return {"Inputs": {"": images[:3]}}

    compiled(vae()).fit(
        images, batch_size=32, epochs=4, verbose=0, callbacks=[ImageGrid(tmp_path, preview=preview, every=2)]
    )
    assert seen == [4, 8]


@pytest.mark.slow
def test_image_grid_of_a_conditional_model_samples_the_conditions_of_its_inputs(images, tmp_path):
    x = {"x": images, "condition": np.eye(4, dtype="float32")[np.arange(64) % 4]}
    some = {name: part[:3] for name, part in x.items()}
    compiled(keras_vae.CVAE(latent_size=2)).fit(x, verbose=0, callbacks=[ImageGrid(tmp_path, x=some)])
    picture(tmp_path / "epoch-00001.png")
    with pytest.raises(ValueError, match="given a condition: pass x"):
        compiled(keras_vae.CVAE(latent_size=2)).fit(x, verbose=0, callbacks=[ImageGrid(tmp_path)])


@pytest.mark.parametrize("shape", [(8, 8, 2), (8, 8, 4), (8, 8), (12, 5)])
def test_image_grid_draws_images_of_any_channels_and_of_none(shape, tmp_path):
    data = np.random.default_rng(0).random((16, *shape), "float32")
    compiled(keras_vae.VAE(latent_size=2)).fit(data, verbose=0, callbacks=[ImageGrid(tmp_path, x=data[:3])])
    assert (tmp_path / "epoch-00001.png").is_file()


def test_image_grid_of_what_is_no_picture_is_refused_before_the_first_step(tmp_path):
    model = compiled(vae(shape=(2, 4, 4, 1)))
    with pytest.raises(ValueError, match=r"A picture is drawn of images.*is float32 \[10, 2, 4, 4, 1\]"):
        model.fit(np.zeros((8, 2, 4, 4, 1), "float32"), verbose=0, callbacks=[ImageGrid(tmp_path)])
    assert int(model.optimizer.iterations) == 0
    assert not list(tmp_path.iterdir())


def test_image_grid_that_goes_nowhere_is_refused():
    with pytest.raises(ValueError, match="Give a folder for PNG files, a log_dir for TensorBoard, or both"):
        ImageGrid()


def test_adapt_is_called_when_a_training_starts_and_not_when_it_goes_on(images):
    model = compiled(vae(keras_vae.VampVAE, components=4), keras.optimizers.SGD(0.0))
    for first in (0, 8):
        model.fit(images, verbose=0, callbacks=[Adapt(images[first:])])
        np.testing.assert_array_equal(model.pseudo_inputs, images[:4])


def test_adapt_at_the_end_is_called_after_the_last_epoch_alone_and_before_it_is_saved(images, tmp_path):
    prior = keras_vae.parts.NormalMixturePrior(3, 2, trainable=False)
    model = compiled(vae(objective="regularized", posterior="deterministic", prior=prior))
    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(np.array(model.prior.loc)))
    model.fit(images, epochs=3, verbose=0, callbacks=[Adapt(images, "end"), note])
    np.testing.assert_array_equal(seen[0], seen[1])
    assert not np.allclose(seen[1], seen[2])
    np.testing.assert_allclose(model.prior_of().mean(), model.embed(images).mean(axis=0), atol=1e-4)
    with pytest.raises(ValueError, match="Unknown when 'last'"):
        Adapt(images, when="last")
