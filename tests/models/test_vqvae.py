"""Vector quantization: what the objective, its gradients and a training must be by their definitions."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, vqvae, weights

import keras_vae
from keras_vae import metrics
from keras_vae.parts import AutoregressivePrior, GradientCodebook, MovingAverageCodebook, UniformPrior

POSITIONS = 16


def trained(images, epochs=2, **kwargs):
    model = compiled(vqvae(seed=0, **kwargs), keras.optimizers.Adam(0.01))
    model.fit(images, batch_size=16, epochs=epochs, verbose=0)
    return model


@pytest.fixture(scope="module")
def fitted(images):
    """`trained` by codebook. Read-only: shared by the tests."""

    @functools.cache
    def once(posterior="moving_average"):
        keras.utils.set_random_seed(0)
        return trained(images, posterior=posterior)

    return once


def gradients(model, images, name):
    """Paths of the weights that the gradient of one term of the objective reaches."""
    with tf.GradientTape() as tape:
        _, objective, _ = model.terms(model.prepare(images), training=False)
        loss = tf.reduce_mean(objective[name])
    found = zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True)
    return {
        weight.path for weight, gradient in found if gradient is not None and np.any(tf.convert_to_tensor(gradient))
    }


def paths(part):
    return {weight.path for weight in part.trainable_variables}


# --- the objective ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["uniform", "autoregressive"])
def test_a_codebook_of_one_code_says_nothing_of_the_image(prior, images):
    model = trained(images, codes=1, prior=prior)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["rate"] == pytest.approx(0.0, abs=1e-5)
    assert logs["free_energy"] == pytest.approx(logs["distortion"])
    np.testing.assert_array_equal(model.embed(images), np.zeros((64, 4, 4)))
    made = model.reconstruct(images)
    np.testing.assert_allclose(made, np.repeat(made[:1], 64, axis=0), atol=1e-6)
    assert metrics.codebook_use(model, images)["perplexity"].value == 1


@pytest.mark.slow
@pytest.mark.parametrize("posterior", ["moving_average", "gradient"])
def test_loss_and_terms_do_not_change_with_the_batch_size(posterior, images, fitted):
    one, *others = [
        fitted(posterior).evaluate(images, batch_size=batch_size, verbose=0, return_dict=True)
        for batch_size in (64, 16, 4)
    ]
    for logs in others:
        assert logs == pytest.approx(one, rel=1e-5)


def test_rate_under_the_uniform_prior_is_the_number_of_positions_times_log_codes(images):
    for model in (vqvae(prior="uniform"), vqvae()):  # a prior that learns starts there
        logs = compiled(model).evaluate(images, verbose=0, return_dict=True)
        assert logs["rate"] == pytest.approx(POSITIONS * np.log(8), rel=1e-6)


def test_free_energy_is_the_joint_log_likelihood_of_the_images_and_their_codes(images, fitted):
    model = fitted()
    codes = model.embed(images)
    joint = model.decode(codes).log_prob(images) + model.prior_of().log_prob(codes)
    np.testing.assert_allclose(model.log_likelihood(images), joint, rtol=1e-5)
    assert model.evaluate(images, verbose=0, return_dict=True)["free_energy"] == pytest.approx(
        -np.mean(joint), rel=1e-5
    )


@pytest.mark.slow
def test_free_energy_bounds_the_exact_log_likelihood(images):
    """Summed over every grid of codes there is: 3 codes at 2 places."""
    layers = keras.layers
    shape = (2, 1, 2)
    encoder = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(4), layers.Reshape(shape)])
    decoder = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(64), layers.Reshape((8, 8, 1))])
    model = compiled(
        keras_vae.VQVAE(encoder, decoder, latent_size=2, codes=3, prior="autoregressive"), keras.optimizers.Adam(0.01)
    )
    model.fit(images, batch_size=16, epochs=3, verbose=0)
    grids = np.array(list(itertools.product(range(3), repeat=2)), "int32").reshape(9, 1, 2, 1)
    exact = tf.reduce_logsumexp(model.decode(grids).log_prob(images) + model.prior_of().log_prob(grids), axis=0)
    bound = model.log_likelihood(images)
    assert (bound <= exact.numpy() + 1e-4).all()
    assert (bound < exact.numpy() - 1e-4).any()


def test_distortion_s_gradient_passes_from_the_codebook_to_the_encoder_as_it_is(images, fitted):
    model = fitted()
    batch = model.prepare(images)
    vectors = model.posterior.lookup(model.embed(images))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(vectors)
        direct = tf.reduce_sum(model.decode_vectors(vectors).log_prob(batch.x))
        features = model.encoder(batch.x)
        straight = tf.reduce_sum(features * tf.stop_gradient(tape.gradient(direct, vectors)))
        distortion = tf.reduce_sum(model.terms(batch, training=False)[0]["distortion"])
    expected = tape.gradient(straight, model.encoder.trainable_variables)
    for got, wanted in zip(tape.gradient(distortion, model.encoder.trainable_variables), expected, strict=True):
        np.testing.assert_allclose(got, -wanted, atol=1e-3, rtol=1e-3)


def test_each_term_s_gradient_reaches_its_own_part_alone(images, fitted):
    model = fitted("gradient")
    assert gradients(model, images, "codebook") == paths(model.posterior) == {model.posterior.table.path}
    assert gradients(model, images, "commitment") <= paths(model.encoder)
    assert gradients(model, images, "rate") <= paths(model.prior)
    assert gradients(model, images, "distortion") <= paths(model.encoder) | paths(model.decoder)
    for name in ("commitment", "rate", "distortion"):
        assert gradients(model, images, name)
    assert not gradients(fitted(), images, "codebook")  # moving averages take none


def test_beta_weighs_the_commitment_and_no_measured_term(images):
    model = compiled(vqvae(seed=0))
    one = model.evaluate(images, verbose=0, return_dict=True)
    model.commitment.assign(2.25)
    other = model.evaluate(images, verbose=0, return_dict=True)
    assert other.pop("loss") - one.pop("loss") == pytest.approx(2.0 * one["quantization_error"], rel=1e-4)
    assert one == other


# --- codebooks --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_gradient_descent_moves_a_vector_towards_its_features(images):
    model = trained(images, posterior="gradient")
    model.compile(keras.optimizers.SGD(0.05))
    for part in (model.encoder, model.decoder, model.prior):
        part.trainable = False
    before = model.evaluate(images, verbose=0, return_dict=True)["quantization_error"]
    model.fit(images, batch_size=16, verbose=0)
    assert model.evaluate(images, verbose=0, return_dict=True)["quantization_error"] < 0.99 * before


@pytest.mark.slow
def test_training_updates_the_codebook_and_neither_evaluation_nor_a_frozen_one_does(images):
    model = compiled(vqvae(seed=0))
    model.evaluate(images, verbose=0)
    before = weights(model.posterior)
    assert not before.any()
    model.posterior.trainable = False
    compiled(model).fit(images, verbose=0)
    np.testing.assert_array_equal(weights(model.posterior), before)
    model.posterior.trainable = True
    compiled(model).fit(images, verbose=0)
    assert not np.array_equal(weights(model.posterior), before)


def one_epoch(model, images):
    model.compile(keras.optimizers.SGD(0.001))
    return model.fit(images, batch_size=16, shuffle=False, verbose=0).history


@pytest.mark.slow
@pytest.mark.parametrize("cls", [MovingAverageCodebook, GradientCodebook])
def test_two_replicas_learn_what_one_device_learns_from_the_global_batch(cls, strategy, images):
    start = weights_of_a_start(cls, images)
    images = images[:49]  # the last batch leaves one of the replicas without an example

    def fit():
        model = vqvae(seed=0, posterior=cls(3, codes=8, restart_below=0.0))
        model.build((None, 8, 8, 1))
        model.set_weights(start)
        return model, one_epoch(model, images)

    single, history = fit()
    with strategy.scope():
        mirrored, mirrored_history = fit()
    for one, other in zip(single.weights, mirrored.weights, strict=True):
        if "seed" not in one.path:
            np.testing.assert_allclose(other, one, atol=1e-5, err_msg=one.path)
    for name, values in history.items():
        np.testing.assert_allclose(mirrored_history[name], values, rtol=1e-4, err_msg=name)


def weights_of_a_start(cls, images):
    return trained(images, epochs=1, posterior=cls(3, codes=8)).get_weights()


# --- priors over codes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_stages_train_the_autoencoder_and_then_the_prior_alone(images):
    model = vqvae(seed=0)
    model.prior.trainable = False
    history = compiled(model).fit(images, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["rate"], POSITIONS * np.log(8), rtol=1e-6)
    autoencoder = (model.encoder, model.decoder, model.posterior)
    for part in (model.prior, *autoencoder):
        part.trainable = part is model.prior
    before = [weights(part) for part in autoencoder]
    history = compiled(model, keras.optimizers.Adam(0.01)).fit(images, epochs=10, batch_size=16, verbose=0).history
    assert history["rate"][-1] < 0.9 * history["rate"][0]
    for part, value in zip(autoencoder, before, strict=True):
        np.testing.assert_array_equal(weights(part), value)


def test_saved_model_draws_the_same_from_its_learned_prior(images, fitted, tmp_path):
    model = fitted()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=4), model.sample(3, seed=4))
    assert float(loaded.prior.fitted) == 1.0


def test_default_networks_are_those_of_a_grid(images):
    model = compiled(keras_vae.VQVAE(latent_size=4, codes=16))
    model.fit(images, verbose=0)
    assert model.embed(images).shape == (64, 4, 4)
    large = keras_vae.VQVAE(latent_size=4, codes=16)
    large.build((None, 28, 28, 1))
    assert large.latent_shape() == (7, 7)


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = {
    "traverse": (
        lambda images: vqvae().traverse(images, latent=0),
        ValueError,
        "VQVAE has no traversals",
    ),
    "no codes": (lambda images: vqvae(codes=0, prior="uniform"), ValueError, "codes must be a positive integer; got 0"),
    "decay": (lambda images: MovingAverageCodebook(3, decay=1.0), ValueError, r"decay must lie in \[0, 1\)"),
    "codes of the prior": (lambda images: vqvae(prior=UniformPrior(4)), ValueError, "codes is 8, but 4 of the prior"),
    "unknown codebook": (lambda images: vqvae(posterior="normal"), ValueError, "Unknown posterior.*moving_average"),
    "unknown prior": (lambda images: vqvae(prior="standard_normal"), ValueError, "Unknown prior.*autoregressive"),
    "vectors to decode": (
        lambda images: vqvae().decode(np.zeros((1, 4, 4, 3))),
        TypeError,
        "must be whole numbers",
    ),
    "features of another size": (
        lambda images: vqvae(posterior=MovingAverageCodebook(5, codes=8)).sample(),
        ValueError,
        "returns vectors of 3 .* latent_size is 5",
    ),
    "prior over a line of codes": (
        lambda images: AutoregressivePrior(4).build((None, 16)),
        ValueError,
        r"\(rows, columns\); got 1: \(16,\)",
    ),
    "commitment to levels": (
        lambda images: keras_vae.VQVAE(latent_size=3, codes=27, posterior="finite_scalar", commitment=1.0),
        ValueError,
        "FiniteScalarCodebook learns nothing to commit to",
    ),
    "commitment twice": (
        lambda images: vqvae(objective=keras_vae.objectives.VectorQuantized(), commitment=1.0),
        ValueError,
        "belongs to the objective",
    ),
    "no image": (lambda images: keras_vae.VQVAE().build((None, 16)), ValueError, "Grids are made of images"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_one_clear_error(case, images):
    call, error, says = REFUSED[case]
    with pytest.raises(error, match=says):
        call(images)
