"""What every model promises of `fit` and of its verbs, run over each kind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import FIRSTS, KINDS, built, close, every_kind, explained, leaves, masked, mean_terms, same, train
from tiny import compiled, translated_for_xla, vae, weights

import keras_vae
from keras_vae.distributions import Joint


def means(model, z, data):
    """Means of p(x|z) of the data's examples."""
    p = model.likelihood_of(tf.nest.map_structure(tf.constant, z), model.prepare(data))
    return p.mean()


def sample(model, data, count, **kwargs):
    if model.takes_condition:
        return model.sample(condition=data["condition"][:count], **kwargs)
    return model.sample(count, **kwargs)


# --- fit ------------------------------------------------------------------------------------------------------------


@every_kind()
def test_fit_reports_finite_terms_and_their_validation_twins(kind, fitted):
    model, history = fitted(kind.name)
    names = {"loss", "free_energy", *model.term_names}
    assert {"loss", "free_energy", "distortion", "rate"} <= names
    assert set(history) == names | {f"val_{name}" for name in names}
    assert all(np.isfinite(values).all() and len(values) == 1 for values in history.values())
    np.testing.assert_allclose(
        history["val_free_energy"], np.add(history["val_distortion"], history["val_rate"]), rtol=1e-5
    )


@every_kind(lambda kind: kind.multimodal)
def test_distortion_is_the_sum_of_those_of_the_modalities(kind, fitted):
    _, history = fitted(kind.name)
    parts = np.add(history["distortion_image"], history["distortion_middle"])
    np.testing.assert_allclose(history["distortion"], parts, rtol=1e-5)


@every_kind()
def test_fit_lowers_the_free_energy_and_moves_every_weight(kind, data):
    model = compiled(built(kind, seed=1), keras.optimizers.Adam(0.01))
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "likelihood",
    ["laplace", "discretized_logistic", keras_vae.parts.NormalLikelihood("learned")],
    ids=str,
)
def test_default_networks_fit_every_likelihood(likelihood, images):
    model = compiled(keras_vae.VAE(latent_size=2, likelihood=likelihood), run_eagerly=True)
    assert np.isfinite(model.fit(images, verbose=0).history["loss"]).all()
    assert model.sample(3, seed=0).shape == (3, 8, 8, 1)


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
    name, make = FORMS[form]
    x = make(images, pairs)
    model = compiled(KINDS[name].make(seed=1), run_eagerly=True)
    assert np.isfinite(model.fit(x, verbose=0).history["loss"]).all()


@pytest.mark.slow
@every_kind(lambda kind: kind.name in ("vae", "cvae", "mvae"))
def test_arrays_and_datasets_give_the_same_weights(kind, data, fitted):
    model, _ = train(kind, tf.data.Dataset.from_tensor_slices(data).batch(16))
    np.testing.assert_allclose(weights(model), weights(fitted(kind.name)[0]), atol=1e-6)


@every_kind(lambda kind: kind in FIRSTS)
def test_fit_compiles_under_xla(kind, data):
    if kind.multimodal:
        data = masked(data)
    history = compiled(kind.make(seed=1), jit_compile=True).fit(data, batch_size=16, verbose=0).history
    assert np.isfinite(np.concatenate(list(history.values()))).all()


@pytest.mark.further
@every_kind(lambda kind: kind not in FIRSTS)
def test_a_step_of_fit_is_translated_for_xla(kind, data):
    assert "HloModule" in translated_for_xla(kind.make(seed=1), masked(data) if kind.multimodal else data)


@pytest.mark.slow
@every_kind()
def test_same_seed_gives_the_same_weights_bit_for_bit(kind, fitted):
    np.testing.assert_array_equal(weights(train(kind)[0]), weights(fitted(kind.name)[0]))


def test_another_seed_gives_other_weights_from_the_start():
    def start(seed):
        keras.utils.set_random_seed(seed)
        return weights(built(KINDS["vae"]))

    assert not np.array_equal(start(1), start(2))


def test_seed_of_the_model_changes_its_noise_and_not_the_weights_it_starts_from(images):
    def start(seed):
        keras.utils.set_random_seed(0)
        model = built(KINDS["vae"], seed=seed)
        return weights(model), mean_terms(model, images)[0]["distortion"]

    (first, noise), (second, other_noise) = start(1), start(2)
    np.testing.assert_array_equal(first, second)
    assert noise != other_noise


# --- verbs ----------------------------------------------------------------------------------------------------------


@every_kind()
def test_embed_returns_posterior_means_as_numpy_whatever_the_batch_size(kind, data, fitted):
    model, _ = fitted(kind.name)
    z = model.embed(data)
    assert all(isinstance(part, np.ndarray) for part in tf.nest.flatten(z))
    shapes = model.latent_shape()
    shapes = [shapes[name] for name in sorted(shapes)] if isinstance(shapes, dict) else [shapes]
    assert [part.shape for part in tf.nest.flatten(z)] == [(32, *shape) for shape in shapes]
    close(z, model.encode(data).mean())
    close(z, model.embed(data, batch_size=20))


@every_kind()
def test_reconstruct_is_the_decoders_mean_at_the_embedding(kind, data, fitted):
    model, _ = fitted(kind.name)
    got, expected = model.reconstruct(data, batch_size=20), means(model, model.embed(data), data)
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, expected)
    assert [part.shape for part in leaves(got)] == [part.shape for part in leaves(explained(model, data))]


@every_kind()
def test_sample_returns_means_of_the_data_s_shape_and_repeats_by_seed(kind, data, fitted):
    model, _ = fitted(kind.name)
    samples = sample(model, data, 5, seed=1)
    assert [part.shape for part in leaves(samples)] == [(5, *part.shape[1:]) for part in leaves(explained(model, data))]
    assert not kind.bounded or all(part.min() >= 0 and part.max() <= 1 for part in leaves(samples))
    assert all(len(np.unique(part)) > 5 * 8 for part in leaves(samples))
    assert same(samples, sample(model, data, 5, seed=1))
    assert not same(samples, sample(model, data, 5, seed=2))
    assert not same(sample(model, data, 5), sample(model, data, 5))


@every_kind(lambda kind: kind.continuous)
def test_traverse_changes_the_one_latent_and_keeps_the_others(kind, data, fitted):
    model, _ = fitted(kind.name)
    part = tf.nest.map_structure(lambda x: x[:3], data)
    got = model.traverse(part, latent=1, values=(-2.0, 0.5))
    z = model.embed(part)
    z[:, 1] = 0.5
    expected = means(model, z, part)
    assert [x.shape for x in leaves(got)] == [(2, 3, *x.shape[1:]) for x in leaves(explained(model, data))]
    for value, wanted in zip(leaves(got), leaves(expected), strict=True):
        np.testing.assert_allclose(value[1], wanted, atol=1e-5)


@every_kind()
def test_log_likelihood_is_one_finite_number_an_example_and_repeats_by_seed(kind, data, fitted):
    model, _ = fitted(kind.name)
    values = model.log_likelihood(data, samples=7, batch_size=20, chunk=3)
    assert isinstance(values, np.ndarray)
    assert values.shape == (32,)
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, model.log_likelihood(data, samples=7, batch_size=20, chunk=3))
    other = model.log_likelihood(data, samples=7, batch_size=20, chunk=3, seed=1)
    assert np.array_equal(values, other) == kind.exact_likelihood


@every_kind(lambda kind: kind.multimodal)
def test_translate_makes_the_absent_modality_and_repeats_by_seed(kind, pairs, fitted):
    model, _ = fitted(kind.name)
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


@every_kind(lambda kind: kind.continuous)
def test_decode_takes_any_leading_axes(kind, data, fitted):
    model, _ = fitted(kind.name)
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


@every_kind()
def test_verbs_leave_metrics_and_weights_alone(kind, data, fitted):
    model, _ = fitted(kind.name)
    before, trackers = weights(model), [np.array(tracker.result()) for tracker in model.trackers.values()]
    model.embed(data), model.reconstruct(data), sample(model, data, 2), model.log_likelihood(data, samples=2)
    np.testing.assert_array_equal(before, weights(model))
    np.testing.assert_array_equal(trackers, [np.array(tracker.result()) for tracker in model.trackers.values()])


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
