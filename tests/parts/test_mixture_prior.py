"""The mixture of normals as a prior: densities, conditioning, fitting, translation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import compiled, mvae, vae

from keras_vae.distributions import FullNormalMixture
from keras_vae.parts import NormalMixturePrior, StandardNormalPrior

tfd = tfp.distributions


@pytest.fixture(scope="module")
def clusters():
    """1,500 points in three tilted clusters, `[1500, 4]`."""
    generator = np.random.default_rng(0)
    parts = [
        generator.normal(size=(500, 4)) @ generator.normal(size=(4, 4)) + 3 * generator.normal(size=4) for _ in "abc"
    ]
    return np.concatenate(parts).astype("float32")


@pytest.fixture(scope="module")
def fitted(clusters):
    prior = NormalMixturePrior(4, components=3)
    prior.build()
    prior.adapt(clusters)
    return prior


def reference(prior):
    """The same mixture by TFP's own classes."""
    inverse = np.linalg.inv(prior._factors())
    components = tfd.MultivariateNormalFullCovariance(prior.loc.value, inverse @ np.swapaxes(inverse, 1, 2))
    return tfd.MixtureSameFamily(tfd.Categorical(logits=prior.logits.value), components)


def test_mixture_starts_near_the_standard_normal():
    prior = NormalMixturePrior(3, components=5)
    prior.build()
    z = tf.random.stateless_normal((2, 6, 3), (0, 1))
    expected = StandardNormalPrior(3).distribution().log_prob(z)
    np.testing.assert_allclose(prior.distribution().log_prob(z), expected, atol=0.05)


def test_training_tells_clusters_apart(clusters):
    prior = NormalMixturePrior(4, components=3)
    prior.build()
    optimizer, z = keras.optimizers.Adam(0.05), tf.constant(clusters)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(prior.distribution().log_prob(z))
        optimizer.apply(tape.gradient(loss, prior.trainable_variables), prior.trainable_variables)
        return loss

    optimizer.build(prior.trainable_variables)
    losses = [float(step()) for _ in range(400)]
    single = tfd.MultivariateNormalFullCovariance(
        clusters.mean(axis=0), np.cov(clusters.T, bias=True).astype("float32")
    )
    assert losses[-1] < -np.mean(single.log_prob(clusters)) - 0.5


def test_density_is_that_of_tfp_s_mixture_of_the_same_components(fitted, clusters):
    z = np.stack([clusters[:20], clusters[500:520]])
    np.testing.assert_allclose(fitted.distribution().log_prob(z), reference(fitted).log_prob(z), rtol=1e-4)
    np.testing.assert_allclose(fitted.distribution().mean(), clusters.mean(axis=0), atol=0.02)


def test_adapt_explains_clusters_better_than_one_normal_does(fitted, clusters):
    single = NormalMixturePrior(4, components=1)
    single.build()
    single.adapt(clusters)
    means = [np.mean(prior.distribution().log_prob(clusters)) for prior in (fitted, single)]
    assert means[0] > means[1] + 0.5
    one = tfd.MultivariateNormalFullCovariance(clusters.mean(axis=0), np.cov(clusters.T, bias=True).astype("float32"))
    assert means[1] == pytest.approx(np.mean(one.log_prob(clusters)), abs=0.01)


def test_draws_have_the_density_that_they_are_given(fitted):
    """The mean log-density of the mixture's own draws is that of draws of TFP's."""
    distribution, other = fitted.distribution(), reference(fitted)
    draws = distribution.sample((100, 200), seed=1)
    assert draws.shape == (100, 200, 4)
    own, others = distribution.log_prob(draws), distribution.log_prob(other.sample(20_000, seed=2))
    assert np.mean(own) == pytest.approx(np.mean(others), abs=0.04)
    np.testing.assert_allclose(np.mean(draws, axis=(0, 1)), other.mean(), atol=0.1)


def test_completed_latents_keep_what_is_known_and_have_the_joint_density(fitted):
    known = np.array([False, True, False, True])
    distribution = fitted.distribution()
    true = distribution.sample(20_000, seed=1)
    completed = distribution.complete(tf.where(known, true, np.nan), known, tf.constant([0, 1]))
    np.testing.assert_array_equal(tf.boolean_mask(completed, known, axis=1), tf.boolean_mask(true, known, axis=1))
    assert np.mean(distribution.log_prob(completed)) == pytest.approx(np.mean(distribution.log_prob(true)), abs=0.04)
    wrong = tf.where(known, true, distribution.sample(20_000, seed=2))  # from the marginal: whichever cluster
    assert np.mean(distribution.log_prob(wrong)) < np.mean(distribution.log_prob(true)) - 1


@pytest.mark.slow
def test_adapting_lowers_the_rate_and_leaves_the_distortion(images):
    model = compiled(vae(prior=NormalMixturePrior(3, 4), beta=0.1), keras.optimizers.Adam(0.01))
    model.prior.trainable = False
    model.fit(images, batch_size=16, epochs=40, verbose=0)
    before = model.evaluate(np.tile(images, (20, 1, 1, 1)), batch_size=640, verbose=0, return_dict=True)
    model.prior.adapt(np.concatenate([model.encode(images).sample(seed=seed) for seed in range(20)]))
    after = model.evaluate(np.tile(images, (20, 1, 1, 1)), batch_size=640, verbose=0, return_dict=True)
    assert after["rate"] < before["rate"] - 0.1
    assert after["distortion"] == pytest.approx(before["distortion"], rel=0.02)


def test_translation_draws_private_latents_from_the_prior_given_the_shared_ones(pairs):
    model = mvae(latent_size=3, private_latents={"middle": 1}, reconstruct_absent=True, prior="normal_mixture")
    model.build({name: data.shape for name, data in pairs.items()})
    # Two components: the private latent is 5 where the first shared one is positive, and -5 elsewhere.
    logits = np.full(100, -1e9)
    logits[:2] = 0.0
    loc = np.zeros((100, 3))
    loc[:2] = [[5, 0, 5], [-5, 0, -5]]
    model.prior.logits.assign(logits)
    model.prior.loc.assign(loc)
    seen = []
    decode = model.decode_modality
    model.decode_modality = lambda name, z: seen.append(z) or decode(name, z)
    model.translate({"image": pairs["image"]}, to="middle", samples=50, seed=0)
    z = seen[0].numpy()
    assert (np.sign(z[..., 0]) == np.sign(z[..., 2]))[np.abs(z[..., 0]) > 1].mean() > 0.98
    assert np.abs(z[..., 2]).mean() == pytest.approx(5, abs=0.2)


def test_translation_of_masked_rows_is_that_of_rows_left_out(pairs):
    model = mvae(
        latent_size=4, private_latents={"middle": 1, "image": 1}, reconstruct_absent=True, prior="normal_mixture"
    )
    model.build({name: data.shape for name, data in pairs.items()})
    model.prior.loc.assign(3 * np.random.default_rng(0).normal(size=(100, 4)))
    observed = {"image": np.ones(32, bool), "middle": np.zeros(32, bool)}
    left_out = model.translate({"image": pairs["image"]}, to="middle", seed=0)
    masked = model.translate({**pairs, "observed": observed}, to="middle", seed=0)
    np.testing.assert_allclose(masked, left_out, atol=1e-5)
    observed["middle"][:5] = True
    mixed = model.translate({**pairs, "observed": observed}, to="middle", seed=0)
    np.testing.assert_allclose(mixed[5:], left_out[5:], atol=1e-5)
    assert np.abs(mixed[:5] - left_out[:5]).max() > 1e-3


def test_nothing_is_known_of_a_row_without_any_modality(pairs):
    prior = NormalMixturePrior(4, components=3)
    prior.build()
    distribution = prior.distribution()
    completed = distribution.complete(tf.fill((5000, 4), np.nan), np.zeros(4, bool), tf.constant([0, 1]))
    np.testing.assert_allclose(np.cov(completed, rowvar=False), np.eye(4), atol=0.1)


def test_translate_refuses_when_nothing_is_absent(pairs):
    model = mvae()
    model.build({name: data.shape for name, data in pairs.items()})
    with pytest.raises(ValueError, match="there is nothing to make"):
        model.translate(pairs)


@pytest.mark.parametrize("components", [0, 2.5])
def test_mixture_refuses_an_impossible_number_of_components(components):
    with pytest.raises((TypeError, ValueError), match="components must be a positive integer"):
        NormalMixturePrior(3, components=components)


def test_adapt_refuses_a_prior_that_has_nothing_to_fit(images):
    with pytest.raises(ValueError, match=r"StandardNormalPrior cannot be fitted.*'normal_mixture'"):
        compiled(vae()).adapt(images)


def test_model_with_a_mixture_prior_adapts_trains_on_and_comes_back(pairs, tmp_path):
    model = mvae(latent_size=4, private_latents={"middle": 1}, reconstruct_absent=True, prior=NormalMixturePrior(4, 2))
    compiled(model, keras.optimizers.Adam(0.01)).fit(pairs, epochs=2, verbose=0)
    model.adapt(pairs)
    before = np.array(model.prior.loc)
    assert np.isfinite(model.fit(pairs, epochs=2, verbose=0).history["loss"]).all()
    assert not np.array_equal(model.prior.loc, before)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.sample(3, seed=0)["image"], model.sample(3, seed=0)["image"], atol=1e-6)


def test_narrow_components_complete_too():
    """A plane to which a component shrinks to 1e-6: its covariance, of determinant 1e-18, has no float32 inverse."""
    turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    factors = np.linalg.qr(np.diag([1e6, 1e3, 1.0, 1.0]) @ turned.T)[1][None]
    distribution = FullNormalMixture(np.zeros(1, "float32"), np.zeros((1, 4), "float32"), factors.astype("float32"))
    true = np.linalg.solve(factors[0], np.random.default_rng(1).normal(size=(4, 2000))).T.astype("float32")
    known = np.array([True, True, False, True])
    completed = distribution.complete(true, known, tf.constant([0, 1])).numpy()
    # Three known latents of a plane of two dimensions, nearly: the fourth follows.
    np.testing.assert_allclose(completed[:, 2], true[:, 2], atol=0.02)
    assert np.std(true[:, 2]) > 0.2
