"""What every model promises, run over each of them."""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, completing_cvae, cvae, mvae, vae, vqvae, weights

import keras_vae
from keras_vae.data import digits
from keras_vae.distributions import Joint
from keras_vae.objectives import ImportanceWeighted

MODELS = {
    "vae": vae,
    "iwae": functools.partial(vae, keras_vae.IWAE, importance_samples=4),
    "vamp_vae": functools.partial(vae, keras_vae.VampVAE, components=6),
    "beta_vae": functools.partial(vae, keras_vae.BetaVAE),
    "beta_tc_vae": functools.partial(vae, keras_vae.BetaTCVAE, dataset_size=32),
    "factor_vae": functools.partial(vae, keras_vae.FactorVAE, critic_widths=(8,)),
    "ppca": functools.partial(keras_vae.PPCA, latent_size=3),
    "vqvae": vqvae,
    "cvae": cvae,
    "completing_cvae": completing_cvae,
    "mvae": mvae,
    "mvae_private": functools.partial(
        mvae, latent_size=4, private_latents={"image": 1, "middle": 1}, reconstruct_absent=True
    ),
    "mmvae": functools.partial(mvae, cls=keras_vae.MMVAE, objective=ImportanceWeighted(2)),
    "mopoe": functools.partial(
        mvae, cls=keras_vae.MoPoE, latent_size=4, private_latents={"middle": 1}, stratified=False
    ),
    "poise_vae": functools.partial(
        mvae,
        cls=keras_vae.POISEVAE,
        latent_size=5,
        private_latents={"middle": 1},
        reconstruct_absent=True,
        sweeps=4,
        gradient_sweeps=2,
    ),
}
DEFAULTS = {
    "vae": keras_vae.VAE,
    "iwae": keras_vae.IWAE,
    "vamp_vae": keras_vae.VampVAE,
    "cvae": keras_vae.CVAE,
    "mvae": keras_vae.MVAE,
    "mmvae": keras_vae.MMVAE,
    "poise_vae": keras_vae.POISEVAE,
}
MULTIMODAL = ["mvae", "mvae_private", "mmvae", "mopoe", "poise_vae"]
CONTINUOUS = [kind for kind in MODELS if kind != "vqvae"]  # latents are vectors and drawn, not codes and certain


def data_of(kind, images, pairs):
    """What a kind of model is fitted to."""
    x = images[:32]
    if kind == "ppca":
        return pairs["middle"]  # vectors
    if kind == "cvae":
        return {"x": x, "condition": digits("train")[1][:32, None] == np.arange(10)}
    if kind == "completing_cvae":
        masks = keras_vae.data.random_quadrants(32, 8, 8, tf.constant([0, 0]))
        return {"x": x, "condition": keras_vae.data.visible_part(x, masks).numpy()}
    return pairs if kind in MULTIMODAL else x


@pytest.fixture
def data(kind, images, pairs):
    return data_of(kind, images, pairs)


def train(kind, x, seed=1, **kwargs):
    """`(model, history)` of the one short fit that the tests compare with."""
    keras.utils.set_random_seed(seed)
    model = compiled(MODELS[kind]())
    batch_size = None if isinstance(x, tf.data.Dataset) else 16
    return model, model.fit(x, batch_size=batch_size, shuffle=False, verbose=0, **kwargs).history


@pytest.fixture(scope="module")
def fitted(images, pairs):
    """`(model, history)` of `train` by kind. Read-only: shared by the tests."""

    @functools.cache
    def once(kind):
        x = data_of(kind, images, pairs)
        return train(kind, x, validation_data=(x,))

    return once


def build(model, data):
    model.build(tf.nest.map_structure(np.shape, data))
    return model


def explained(model, data):
    """The part of the data that is x."""
    return data["x"] if model.takes_condition else data


def means(model, z, data):
    """Means of p(x|z) of the data's examples."""
    p = model.likelihood_of(tf.constant(z), model.prepare(data))
    return p.mean()


def sample(model, data, count, **kwargs):
    if model.takes_condition:
        return model.sample(condition=data["condition"][:count], **kwargs)
    return model.sample(count, **kwargs)


def first_terms(model, data):
    terms, _, _ = model.terms(model.prepare(data), training=False)
    return {name: np.mean(value) for name, value in terms.items()}


def leaves(value):
    return [np.asarray(leaf) for leaf in tf.nest.flatten(value)]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(leaves(first), leaves(second), strict=True))


# --- fit ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_fit_reports_finite_terms_and_their_validation_twins(kind, fitted):
    model, history = fitted(kind)
    names = {"loss", "free_energy", *model.term_names}
    assert {"loss", "free_energy", "distortion", "rate"} <= names
    assert set(history) == names | {f"val_{name}" for name in names}
    assert all(np.isfinite(values).all() and len(values) == 1 for values in history.values())
    np.testing.assert_allclose(
        history["val_free_energy"], np.add(history["val_distortion"], history["val_rate"]), rtol=1e-5
    )


@pytest.mark.parametrize("kind", MULTIMODAL)
def test_distortion_is_the_sum_of_those_of_the_modalities(kind, fitted):
    _, history = fitted(kind)
    parts = np.add(history["distortion_image"], history["distortion_middle"])
    np.testing.assert_allclose(history["distortion"], parts, rtol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_fit_lowers_the_free_energy_and_moves_every_weight(kind, data):
    model = build(compiled(MODELS[kind](seed=1), keras.optimizers.Adam(0.01)), data)
    before = [np.array(weight) for weight in model.trainable_variables]
    history = model.fit(data, batch_size=8, epochs=8, verbose=0).history["free_energy"]
    assert history[-1] < 0.95 * history[0]
    for weight, value in zip(model.trainable_variables, before, strict=True):
        assert not np.array_equal(weight, value), weight.path


def test_default_networks_of_large_images_are_convolutional():
    model = keras_vae.VAE(latent_size=3)
    model.build((None, 28, 28, 1))
    assert "conv" in model.encoder.name
    assert "conv" in model.decoder.name


@pytest.mark.parametrize(
    "likelihood",
    ["laplace", "discretized_logistic", keras_vae.parts.NormalLikelihood("learned")],
    ids=str,
)
def test_default_networks_fit_every_likelihood(likelihood, images):
    model = compiled(keras_vae.VAE(latent_size=2, likelihood=likelihood))
    assert np.isfinite(model.fit(images, verbose=0).history["loss"]).all()
    assert model.sample(3, seed=0).shape == (3, 8, 8, 1)


def masked(pairs):
    rows = np.arange(32) % 3 > 0
    middle = np.where(rows[:, None], pairs["middle"], np.nan)
    return {"image": pairs["image"], "middle": middle, "observed": {"middle": rows}}


FORMS = {
    "float64 array": ("vae", lambda images, pairs: images.astype("float64")),
    "tensor": ("vae", lambda images, pairs: tf.constant(images)),
    "dataset of (x,)": ("vae", lambda images, pairs: tf.data.Dataset.from_tensor_slices((images,)).batch(24)),
    "dict with masks": ("mvae", lambda images, pairs: masked(pairs)),
    "dict with a key left out": ("mvae", lambda images, pairs: {"middle": pairs["middle"]}),
    "dataset of dicts with masks": (
        "mvae",
        lambda images, pairs: tf.data.Dataset.from_tensor_slices(masked(pairs)).batch(12),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_fit_accepts(form, images, pairs):
    kind, make = FORMS[form]
    x = make(images, pairs)
    assert np.isfinite(compiled(MODELS[kind](seed=1)).fit(x, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("kind", ["vae", "cvae", "mvae"])
def test_arrays_and_datasets_give_the_same_weights(kind, data, fitted):
    model, _ = train(kind, tf.data.Dataset.from_tensor_slices(data).batch(16))
    np.testing.assert_allclose(weights(model), weights(fitted(kind)[0]), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_fit_compiles_under_xla(kind, data):
    if kind in MULTIMODAL:
        data = masked(data)
    history = compiled(MODELS[kind](seed=1), jit_compile=True).fit(data, batch_size=16, verbose=0).history
    assert np.isfinite(np.concatenate(list(history.values()))).all()


@pytest.mark.parametrize("kind", MODELS)
def test_same_seed_gives_the_same_weights_bit_for_bit(kind, data, fitted):
    np.testing.assert_array_equal(weights(train(kind, data)[0]), weights(fitted(kind)[0]))


def test_another_seed_gives_other_weights_from_the_start(images):
    first, second = (weights(build(_seeded(seed), images)) for seed in (1, 2))
    assert not np.array_equal(first, second)


def _seeded(seed):
    keras.utils.set_random_seed(seed)
    return vae()


def test_seed_of_the_model_changes_its_noise_and_not_the_weights_it_starts_from(images):
    def start(seed):
        keras.utils.set_random_seed(0)
        model = vae(seed=seed)
        model.build((None, 8, 8, 1))
        return weights(model), first_terms(model, images)["distortion"]

    (first, noise), (second, other_noise) = start(1), start(2)
    np.testing.assert_array_equal(first, second)
    assert noise != other_noise


# --- saving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_saved_model_embeds_the_same_and_continues_training_as_the_original_would(kind, data, tmp_path):
    model = compiled(MODELS[kind](seed=1), keras.optimizers.Adam(0.01))
    model.fit(data, batch_size=16, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.embed(data), model.embed(data), atol=1e-6)
    assert int(loaded.optimizer.iterations) == 4
    for saved, original in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, original)
    loaded.seed_generator.state.assign(model.seed_generator.state)  # Keras does not save it: the same noise for both
    for each in (model, loaded):
        each.fit(data, batch_size=16, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights(loaded), weights(model), atol=1e-6)


def without_shapes(config):
    """A configuration without Keras's own records of what was built: tuples that JSON makes lists."""
    if isinstance(config, dict):
        return {key: without_shapes(value) for key, value in config.items() if key != "build_config"}
    return [without_shapes(value) for value in config] if isinstance(config, (list, tuple)) else config


OPTIONS = {
    "vae": {"prior": "laplace", "likelihood": keras_vae.parts.NormalLikelihood("learned")},
    "iwae": {"importance_samples": 3, "estimator": "reparameterized"},
    "vamp_vae": {"components": 5},
    "cvae": {"prior": "conditional"},
    "mvae": {
        "likelihood": {"image": "bernoulli", "middle": "normal"},
        "modality_weights": {"image": 1.0, "middle": 4.0},
        "private_latents": {"middle": 1},
        "random_subsets": 2,
    },
    "poise_vae": {
        "latent_size": 5,
        "private_latents": {"middle": 1},
        "gradient": "covariance",
        "modality_weights": {"image": 1.0, "middle": 4.0},
    },
    "mmvae": {
        "objective": "importance_weighted",
        "modality_weights": {"image": 1.0, "middle": 4.0},
        "private_latents": {"middle": 1},
    },
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_model_with_default_networks_fits_and_comes_back_with_its_arguments(kind, data, tmp_path):
    model = compiled(DEFAULTS[kind](**{"latent_size": 3, "beta": 2.5, "seed": 7, **OPTIONS[kind]}))
    assert np.isfinite(model.fit(data, batch_size=32, verbose=0).history["loss"]).all()
    x = explained(model, data)
    assert [part.shape for part in leaves(model.reconstruct(data))] == [part.shape for part in leaves(x)]
    model.beta.assign(3.5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.embed(data), model.embed(data), atol=1e-6)
    assert without_shapes(loaded.get_config()) == without_shapes(model.get_config())
    assert float(loaded.beta) == 3.5
    assert loaded.seed == 7
    if kind in MULTIMODAL:
        assert dict(loaded.private_latents) == {"middle": 1}
        assert dict(loaded.modality_weights) == {"image": 1.0, "middle": 4.0}


@pytest.mark.parametrize("kind", MODELS)
def test_weights_alone_can_be_saved_and_loaded(kind, data, fitted, tmp_path):
    model, _ = fitted(kind)
    model.save_weights(tmp_path / "m.weights.h5")
    fresh = build(MODELS[kind](seed=9), data)
    assert np.abs(fresh.embed(data) - model.embed(data)).max() > 1e-3
    fresh.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(fresh.embed(data), model.embed(data), atol=1e-6)


@pytest.mark.slow
def test_model_loads_in_another_process(fitted, images, tmp_path):
    model, _ = fitted("vae")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", images)
    code = (
        "import keras, numpy, keras_vae.models; "
        "model = keras.saving.load_model('model.keras'); "
        "numpy.save('z.npy', model.embed(numpy.load('x.npy')))"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"}
    )
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), model.embed(images), atol=1e-6)


# --- verbs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_embed_returns_posterior_means_as_numpy_whatever_the_batch_size(kind, data, fitted):
    model, _ = fitted(kind)
    z = model.embed(data)
    assert isinstance(z, np.ndarray)
    assert z.shape == (32, *model.latent_shape())
    np.testing.assert_allclose(z, model.encode(data).mean(), atol=1e-6)
    np.testing.assert_allclose(z, model.embed(data, batch_size=5), atol=1e-6)


@pytest.mark.parametrize("kind", MODELS)
def test_reconstruct_is_the_decoders_mean_at_the_embedding(kind, data, fitted):
    model, _ = fitted(kind)
    got, expected = model.reconstruct(data, batch_size=9), means(model, model.embed(data), data)
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, expected)
    assert [part.shape for part in leaves(got)] == [part.shape for part in leaves(explained(model, data))]


@pytest.mark.parametrize("kind", MODELS)
def test_sample_returns_means_of_the_data_s_shape_and_repeats_by_seed(kind, data, fitted):
    model, _ = fitted(kind)
    samples = sample(model, data, 5, seed=1)
    assert [part.shape for part in leaves(samples)] == [(5, *part.shape[1:]) for part in leaves(explained(model, data))]
    bounded = kind != "ppca"
    assert not bounded or all(part.min() >= 0 and part.max() <= 1 for part in leaves(samples))
    assert all(len(np.unique(part)) > 5 * 8 for part in leaves(samples))
    assert same(samples, sample(model, data, 5, seed=1))
    assert not same(samples, sample(model, data, 5, seed=2))
    assert not same(sample(model, data, 5), sample(model, data, 5))


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_traverse_changes_the_one_latent_and_keeps_the_others(kind, data, fitted):
    model, _ = fitted(kind)
    part = tf.nest.map_structure(lambda x: x[:3], data)
    got = model.traverse(part, latent=1, values=(-2.0, 0.5))
    z = model.embed(part)
    z[:, 1] = 0.5
    expected = means(model, z, part)
    assert [x.shape for x in leaves(got)] == [(2, 3, *x.shape[1:]) for x in leaves(explained(model, data))]
    for value, wanted in zip(leaves(got), leaves(expected), strict=True):
        np.testing.assert_allclose(value[1], wanted, atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_log_likelihood_is_one_finite_number_an_example_and_repeats_by_seed(kind, data, fitted):
    model, _ = fitted(kind)
    values = model.log_likelihood(data, samples=7, batch_size=20, chunk=3)
    assert isinstance(values, np.ndarray)
    assert values.shape == (32,)
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, model.log_likelihood(data, samples=7, batch_size=20, chunk=3))
    other = model.log_likelihood(data, samples=7, batch_size=20, chunk=3, seed=1)
    exact = kind == "ppca" or kind not in CONTINUOUS  # nothing is drawn
    assert np.array_equal(values, other) == exact


@pytest.mark.parametrize("kind", MULTIMODAL)
def test_translate_makes_the_absent_modality_and_repeats_by_seed(kind, pairs, fitted):
    model, _ = fitted(kind)
    given = {"image": pairs["image"]}
    made = model.translate(given, to="middle", seed=1)
    assert made.shape == (32, 16)
    assert same(made, model.translate(given, to="middle", seed=1))
    assert not same(made, model.translate(given, to="middle", seed=2))
    several = model.translate(given, to="middle", samples=3, seed=1, batch_size=10)
    assert several.shape == (3, 32, 16)
    assert not np.allclose(several[0], several[1])
    everything = model.translate(given, seed=1)
    assert set(everything) == {"middle"}
    assert same(everything["middle"], made)


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_decode_takes_any_leading_axes(kind, data, fitted):
    model, _ = fitted(kind)
    z = tf.random.stateless_normal((4, 2, model.latent_size), (0, 1))
    if model.takes_condition:
        given = data["condition"][:2]
        whole, flat = model.decode(z, given), model.decode(tf.reshape(z, (8, -1)), np.concatenate([given] * 4))
    else:
        whole, flat = model.decode(z), model.decode(tf.reshape(z, (8, -1)))
    if not isinstance(whole, Joint):
        whole, flat = {"x": whole}, {"x": flat}
    for name, p in whole.items():
        assert p.batch_shape == (4, 2)
        np.testing.assert_allclose(tf.reshape(p.mean(), flat[name].mean().shape), flat[name].mean(), atol=1e-6)


@pytest.mark.parametrize("kind", MODELS)
def test_verbs_leave_metrics_and_weights_alone(kind, data, fitted):
    model, _ = fitted(kind)
    before, trackers = weights(model), [np.array(tracker.result()) for tracker in model.trackers.values()]
    model.embed(data), model.reconstruct(data), sample(model, data, 2), model.log_likelihood(data, samples=2)
    np.testing.assert_array_equal(before, weights(model))
    np.testing.assert_array_equal(trackers, [np.array(tracker.result()) for tracker in model.trackers.values()])


# --- mixed precision ------------------------------------------------------------------------------------------------

# Networks of three layers round activations of size about 1 three times, to 2^-8 (bfloat16) or 2^-11 (float16) each;
# a term is a sum over many pixels, whose errors mostly cancel: five roundings are a generous bound.
TOLERANCE = {"mixed_bfloat16": 5 * 2**-8, "mixed_float16": 5 * 2**-11}


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("kind", MODELS)
def test_terms_under_mixed_precision_are_float32_and_agree_with_it(kind, policy, data, fitted):
    expected = build(MODELS[kind](seed=5), data)
    expected.set_weights(fitted(kind)[0].get_weights())
    keras.config.set_dtype_policy(policy)
    model = build(MODELS[kind](seed=5), data)
    model.set_weights(expected.get_weights())
    half, full = first_terms(model, data), first_terms(expected, data)
    assert all(value.dtype == np.float32 for value in half.values())
    assert half == pytest.approx(full, rel=TOLERANCE[policy])
    assert half != full  # or the policy did nothing


@pytest.mark.parametrize(("kind", "policy"), [*((kind, "mixed_bfloat16") for kind in MODELS), ("vae", "mixed_float16")])
def test_fit_under_mixed_precision_is_finite_in_every_term_and_agrees_with_float32(kind, policy, data, fitted):
    keras.config.set_dtype_policy(policy)
    model, history = train(kind, data)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert np.isfinite(np.concatenate(list(history.values()))).all()
    for name, values in history.items():
        # Same seed, so same start and noise; the steps of training may move the two apart by as much again.
        np.testing.assert_allclose(values, fitted(kind)[1][name], rtol=2 * TOLERANCE[policy], err_msg=name)


@pytest.mark.slow
def test_a_thousand_steps_of_scaled_losses_stay_finite_and_reach_what_float32_reaches(tmp_path):
    x, start, reached = np.tile(digits("train")[0][:160], (10, 1, 1, 1)), {}, {}
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(policy)
        each = keras.optimizers.OptimizerMap(keras.optimizers.Adam(3e-3), {".*critic.*": keras.optimizers.Adam(1e-3)})
        optimizer = keras.optimizers.MultiOptimizer(each)
        model = compiled(MODELS["factor_vae"](seed=0), optimizer, steps_per_execution=100)
        losses = model.fit(x, batch_size=16, epochs=10, verbose=0).history["loss"]
        assert np.isfinite(losses).all()
        start[policy], reached[policy] = losses[0], losses[-1]
    assert reached["float32"] < 0.75 * start["float32"]
    assert reached["mixed_float16"] == pytest.approx(reached["float32"], rel=0.01)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, keras.optimizers.LossScaleOptimizer)
    for saved, original in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, original, err_msg=original.path)


@pytest.mark.parametrize("policy", TOLERANCE)
def test_metrics_of_many_examples_add_up_under_mixed_precision(policy, images):
    """Counts above 256 (bfloat16) or 2048 (float16) and sums above 65504 (float16) need float32 accumulators."""
    keras.config.set_dtype_policy(policy)
    many = np.tile(images, (36, 1, 1, 1))
    logs = compiled(vae(seed=1)).evaluate(many, batch_size=256, verbose=0, return_dict=True)
    assert logs["distortion"] * len(many) > 65504
    assert logs["free_energy"] == pytest.approx(logs["distortion"] + logs["rate"], rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["free_energy"], rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"prior": "laplace"},
        {"likelihood": keras_vae.parts.NormalLikelihood("learned")},
        {"beta": 1.003},  # 1 in half precision
    ],
    ids=["laplace prior", "learned scale", "beta"],
)
def test_weights_of_distributions_and_beta_stay_float32_in_fit_under_mixed_precision(options, images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    logs = compiled(vae(seed=1, **options)).fit(images, verbose=0).history
    beta = options.get("beta", 1.0)
    assert logs["loss"][0] == pytest.approx(logs["distortion"][0] + beta * logs["rate"][0], rel=1e-5)


# --- a user's own variant -------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tests")
class FreeBitsVAE(keras_vae.VAE):
    def terms(self, batch, training):
        terms, objective, output = super().terms(batch, training)
        return terms, {**objective, "rate": tf.maximum(objective["rate"], 100.0)}, output


def test_a_variant_of_three_lines_fits_saves_and_loads(images, tmp_path):
    model = compiled(vae(FreeBitsVAE, seed=1))
    history = model.fit(images, verbose=0).history
    assert history["loss"][0] == pytest.approx(history["distortion"][0] + 100.0, rel=1e-5)
    assert history["free_energy"][0] == pytest.approx(history["distortion"][0] + history["rate"][0], rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is FreeBitsVAE
    np.testing.assert_allclose(loaded.embed(images), model.embed(images), atol=1e-6)
