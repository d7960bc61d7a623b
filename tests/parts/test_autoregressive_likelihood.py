"""Likelihoods of pixels that depend on each other: probabilities, what a pixel sees, draws, refusals."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled

import keras_vae
from keras_vae.distributions import shown
from keras_vae.distributions.seeds import fold_in
from keras_vae.networks import dense_decoder, dense_encoder, local_pixel_cnn
from keras_vae.parts import (
    AutoregressiveLikelihood,
    BernoulliLikelihood,
    DiscretizedLogisticLikelihood,
    NormalLikelihood,
)

FEATURES = 3
BITS = np.array(list(itertools.product([0, 1], repeat=4)), "float32")  # all of four
THREE = np.array(list(itertools.product([0, 1, 2], repeat=4)))
EVERY = {  # all images, by base
    "bernoulli": ("bernoulli", BITS.reshape(-1, 2, 2, 1)),
    "bernoulli of two channels": ("bernoulli", BITS.reshape(-1, 1, 2, 2)),
    "discretized_logistic": (DiscretizedLogisticLikelihood(3, scale=0.5), np.float32(THREE / 2).reshape(-1, 2, 2, 1)),
    "categorical": ("categorical", np.eye(3, dtype="float32")[THREE].reshape(-1, 2, 2, 3)),
}


def made(event, window=1, base="bernoulli"):
    """A likelihood of images `event`, whose small network has random weights."""
    network = local_pixel_cnn(event[-1], FEATURES, event[-1], window, width=4, blocks=2)
    likelihood = AutoregressiveLikelihood(base, window, FEATURES, network)
    likelihood.build((None, *event))
    rng = np.random.default_rng(0)
    network.set_weights([0.7 * rng.normal(size=weight.shape) for weight in network.get_weights()])
    return likelihood


def features(*lead, event=(2, 2, 1)):
    return tf.constant(np.random.default_rng(1).normal(size=(*lead, *event[:2], FEATURES)), tf.float32)


def model(window=1, base="bernoulli", **kwargs):
    """A tiny VAE of 8x8 images."""
    decoder = dense_decoder(3, (8, 8, FEATURES), widths=(16,))
    likelihood = AutoregressiveLikelihood(base, window, FEATURES)
    return keras_vae.VAE(dense_encoder((8, 8, 1), widths=(16,)), decoder, 3, likelihood, seed=0, **kwargs)


@pytest.fixture(scope="module")
def bits(images):
    return (images > 0.5).astype("float32")


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("window", [0, 1, 2])
def test_probabilities_of_all_images_add_up_to_one(name, window):
    base, every = EVERY[name]
    p = made(every.shape[1:], window, base).distribution(features(5, event=every.shape[1:]))
    probabilities = np.exp(p.log_prob(every[:, None]))
    np.testing.assert_allclose(probabilities.sum(axis=0), np.ones(5), rtol=1e-5)
    assert probabilities.max() > 2 / len(every)


@pytest.mark.parametrize("window", [1, 2])
def test_a_pixel_s_logit_sees_the_window_before_it_alone(window):
    event, rows = (4, 5, 1), [divmod(place, 5) for place in range(20)]
    likelihood = made(event, window)
    with tf.GradientTape() as tape:
        x = tf.random.stateless_normal((1, *event), (0, 1))
        tape.watch(x)
        logits = likelihood._given(x, features(1, event=event)).distribution.logits
    jacobian = tape.batch_jacobian(logits, x).numpy().reshape(20, 20)  # of the logit i, to the pixel j
    for (i, (row, column)), (j, (above, beside)) in itertools.product(enumerate(rows), enumerate(rows)):
        within = row - above <= window and abs(column - beside) <= window
        assert (jacobian[i, j] != 0.0) == (j < i and within), (i, j)


@pytest.mark.parametrize("name", EVERY)
def test_drawing_in_turn_has_the_log_probability_of_teacher_forcing(name):
    """Each pixel is drawn again of the whole network on what stands before it; the draws cost it their window alone."""
    base, every = EVERY[name]
    (height, width, channels), count = every.shape[1:], 50
    likelihood = made(every.shape[1:], 1, base)
    given, seed, total = features(count, event=every.shape[1:]), tf.constant([3, 4]), 0.0
    p = likelihood.distribution(given)
    x, mode = (
        np.zeros((count, height, width, channels), "float32"),
        np.zeros((count, height, width, channels), "float32"),
    )
    for place, (row, column) in enumerate(itertools.product(range(height), range(width))):
        of = [
            likelihood.network([likelihood._padded(part), given])[:, row, column][:, None, None] for part in (x, mode)
        ]
        here, likeliest = (likelihood.base.distribution(part) for part in of)
        drawn = here.sample(seed=fold_in(seed, place))
        x[:, row, column], total = drawn[:, 0, 0], total + here.log_prob(drawn)
        mode[:, row, column] = likeliest.mode()[:, 0, 0]
    np.testing.assert_array_equal(p.sample(seed=seed), x)
    np.testing.assert_array_equal(p.mode(), mode)
    np.testing.assert_allclose(p.log_prob(x), total, rtol=1e-5, atol=1e-5)
    assert len(np.unique(x.reshape(count, -1), axis=0)) > 8
    assert (p.log_prob(mode) > p.log_prob(x) - 1e-5).numpy().mean() > 0.5


def test_draws_have_the_probabilities_that_the_likelihood_gives_them():
    p, count = made((2, 2, 1)).distribution(features(1)), 10_000
    observed = np.bincount(
        p.sample(count, seed=(1, 2)).numpy().reshape(count, 4).astype(int) @ [8, 4, 2, 1], minlength=16
    )
    expected = count * np.exp(p.log_prob(BITS.reshape(-1, 1, 2, 2, 1)))[:, 0]
    assert np.sum((observed - expected) ** 2 / expected) < 15 + 5 * np.sqrt(2 * 15)  # 15 degrees of freedom
    assert np.sum((observed - count / 16) ** 2 / (count / 16)) > 1000  # or a uniform sampler would pass


def test_many_latents_of_an_image_have_the_log_probabilities_that_they_have_alone():
    likelihood, given, x = made((2, 2, 1)), features(4, 3), BITS[:3].reshape(3, 2, 2, 1)
    p = likelihood.distribution(given, batch_ndims=2)
    assert p.batch_shape == (4, 3)
    assert p.event_shape == (2, 2, 1)
    for row, one in zip(p.log_prob(x), tf.unstack(given), strict=True):
        np.testing.assert_allclose(row, likelihood.distribution(one).log_prob(x), rtol=1e-5)
    assert p.sample((2, 5), seed=(0, 1)).shape == (2, 5, 4, 3, 2, 2, 1)
    assert p.mode().shape == (4, 3, 2, 2, 1)


def test_without_a_window_it_is_its_base():
    likelihood, given, x = made((2, 2, 1), window=0), features(3), BITS[5:8].reshape(3, 2, 2, 1)
    base = BernoulliLikelihood().distribution(likelihood.network([tf.constant(x), given]))
    p = likelihood.distribution(given)
    np.testing.assert_allclose(p.log_prob(x), base.log_prob(x), rtol=1e-6)
    np.testing.assert_array_equal(p.mode(), base.mode())


@pytest.mark.filterwarnings("ignore:The rate has been below")
def test_what_the_window_explains_leaves_the_latents():
    """Rows that are all alike: without a window latents must hold a row; with one nothing is left for them to say."""
    x = np.repeat(np.random.default_rng(0).integers(0, 2, (256, 1, 8, 1)), 8, axis=1).astype("float32")
    rates, energies = {}, {}
    for window in (0, 1):
        keras.utils.set_random_seed(0)
        one = compiled(model(window), keras.optimizers.Adam(0.02), steps_per_execution=4)
        history = one.fit(x, batch_size=64, epochs=20, verbose=0).history
        rates[window], energies[window] = history["rate"][-1], history["free_energy"][-1]
    assert rates[1] < 0.1 < 1.0 < rates[0]
    assert 8 * np.log(2) - 0.2 < energies[1] < 8 * np.log(2) + 1 < energies[0]  # a row is eight bits


def test_verbs_show_the_likeliest_pixels_and_see_x_through_z_alone(bits):
    one = model()
    one.build(bits.shape)
    made = one.reconstruct(bits)
    assert set(np.unique(made)) <= {0.0, 1.0}
    np.testing.assert_array_equal(made, one.decode(one.embed(bits)).mode())
    np.testing.assert_array_equal(made, shown(one.decode(one.embed(bits))))
    np.testing.assert_array_equal(one.sample(5, seed=1), one.sample(5, seed=1))
    assert one.traverse(bits[:2], latent=0, values=(-9.0, 9.0)).shape == (2, 2, 8, 8, 1)
    drawn = one.decode(one.embed(bits)).sample(3, seed=(0, 1))
    assert drawn.shape == (3, *bits.shape)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    with pytest.raises(NotImplementedError):
        one.decode(one.embed(bits)).mean()


def test_a_step_of_training_may_leave_out_what_is_shown():
    """TensorFlow leaves out calls whose values nobody reads, if they hold neither state nor variables."""
    likelihood = made((2, 2, 1))
    for function in (likelihood.draw, likelihood.mode):
        traced = function.get_concrete_function()
        assert not traced.captured_inputs
        assert not [part.type for part in traced.graph.get_operations() if part.op_def.is_stateful]


def test_log_likelihood_is_the_same_in_any_chunks_and_under_xla(bits):
    one = model()
    one.build(bits.shape)
    values = one.log_likelihood(bits, samples=6, chunk=6)
    assert values.shape == (len(bits),)
    assert (values > one.log_likelihood(bits, samples=1) - 20).all()
    z, batch = one.encode(bits).sample(6, seed=(0, 1)), one.prepare(bits)
    plain = one.likelihood_of(z, batch).log_prob(batch.x)
    compiled_ = tf.function(lambda z: one.likelihood_of(z, batch).log_prob(batch.x), jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled_(z), plain, rtol=1e-5)
    # Of 64 images few draws at a time
    assert one.log_likelihood(bits, samples=40).mean() == pytest.approx(
        one.log_likelihood(bits, 40, chunk=3).mean(), abs=1
    )


@pytest.mark.parametrize("base", ["bernoulli", NormalLikelihood()], ids=["bernoulli", "normal"])
def test_it_comes_back_from_its_file_and_is_exported(base, bits, tmp_path):
    one = compiled(model(2, base))
    one.fit(bits, verbose=0)
    one.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.likelihood.window, loaded.likelihood.features) == (2, FEATURES)
    assert type(loaded.likelihood.base) is type(one.likelihood.base)
    z = one.embed(bits)
    np.testing.assert_allclose(loaded.decode(z).log_prob(bits), one.decode(z).log_prob(bits), rtol=1e-5)
    np.testing.assert_allclose(loaded.reconstruct(bits), one.reconstruct(bits), atol=1e-4)
    one.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(bits), one.predict(bits, verbose=0), atol=1e-4)


def test_it_says_of_x_what_its_base_says_and_a_learned_scale_starts_at_the_data_s(bits):
    normal = AutoregressiveLikelihood(NormalLikelihood(refuses_images=False))
    assert normal.density
    assert normal.support is None
    assert not normal.refuses_images
    assert AutoregressiveLikelihood("categorical").one_hot
    assert AutoregressiveLikelihood().support == (0.0, 1.0)
    one = compiled(model(1, NormalLikelihood()), keras.optimizers.SGD(0.0))
    one.fit(bits, batch_size=64, verbose=0)
    assert float(one.likelihood.base.scale_value()) == pytest.approx(bits.std(axis=0).std() + 0.1, abs=0.4)
    assert float(one.likelihood.base.scale_value()) != 1.0


REFUSED = {
    "grey pixels": (lambda images: model().embed(images), "must be 0 or 1 under this likelihood"),
    "vectors": (
        lambda images: keras_vae.VAE(latent_size=2, likelihood=AutoregressiveLikelihood()).build((None, 5)),
        r"is of images \[height, width, channels\]; the data are \[5\]",
    ),
    "a decoder of pixels": (
        lambda images: keras_vae.VAE(
            dense_encoder((8, 8, 1)), dense_decoder(2, (8, 8, 1)), 2, AutoregressiveLikelihood()
        ).build(images.shape),
        r"returns \[8, 8, 1\] an example, but AutoregressiveLikelihood needs \[8, 8, 16\]",
    ),
    "a network of another window": (
        lambda images: AutoregressiveLikelihood(window=2, network=local_pixel_cnn(1, 16, 1, 1)).build((None, 8, 8, 1)),
        r"images padded by the window, \[10, 12, 1\]",
    ),
    "itself as its base": (
        lambda images: AutoregressiveLikelihood(AutoregressiveLikelihood()),
        "must be a likelihood of independent dimensions",
    ),
    "a window below 0": (lambda images: AutoregressiveLikelihood(window=-1), "window must be an integer, 0 or more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name, images):
    call, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        call(images)


def test_what_is_visible_of_an_image_does_not_fit_it(bits):
    condition = np.concatenate([bits, np.ones_like(bits)], axis=-1)
    one = keras_vae.CVAE(latent_size=2, completes=True, likelihood=AutoregressiveLikelihood())
    with pytest.raises(TypeError, match="Known dimensions need a likelihood of independent ones"):
        compiled(one).fit({"x": bits, "condition": condition}, verbose=0)
