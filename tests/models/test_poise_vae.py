"""POISE-VAE: what its coupling does, and the two independent VAEs that it is without."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, mvae, vae

import keras_vae
from keras_vae import metrics
from keras_vae.callbacks import ChainMixing
from keras_vae.distributions import GibbsMixture
from keras_vae.parts import CoupledExponentialPrior


def poise(latent_size=4, **kwargs):
    return mvae(latent_size=latent_size, cls=keras_vae.POISEVAE, **kwargs)


@pytest.fixture(scope="module")
def fitted(pairs):
    keras.utils.set_random_seed(1)
    model = compiled(poise(prior=CoupledExponentialPrior((2, 2), start=0.8)), keras.optimizers.Adam(0.01))
    model.fit(pairs, batch_size=16, epochs=5, verbose=0)
    return model


def uncoupled(model):
    """The model with its coupling set to zero."""
    for name, weight in model.prior.pairs.items():
        weight.assign(tf.fill(weight.shape, -20.0 if name.startswith("quadratic") else 0.0))
    return model


def test_without_coupling_it_is_two_independent_vaes(pairs):
    model = poise(chains=2)
    model.build({name: data.shape for name, data in pairs.items()})
    uncoupled(model)
    many = {name: np.tile(data, [100] + [1] * (data.ndim - 1)) for name, data in pairs.items()}
    compiled(model)
    got = model.evaluate(many, batch_size=800, verbose=0, return_dict=True)
    expected = {}
    for index, name in enumerate(model.modalities):
        own = [2 * index, 2 * index + 1]
        encoder, head = model.encoders[name], model.posterior[name]
        loc, scale = (tf.gather(part, own, axis=-1) for part in head(encoder(pairs[name])))
        precision = 1.0 + scale**-2.0  # of the expert times the standard normal
        loc, scale = loc * scale**-2.0 / precision, precision**-0.5
        rate = 0.5 * tf.reduce_sum(loc**2 + scale**2 - 1.0 - 2.0 * tf.math.log(scale), axis=-1)
        z = loc + scale * tf.random.stateless_normal([2000, *loc.shape], [1, 2])
        full = tf.pad(z, [[0, 0], [0, 0], [2 * index, 2 - 2 * index]])
        distortion = -tf.reduce_mean(model.decode_modality(name, full).log_prob(pairs[name]), axis=0)
        expected[f"distortion_{name}"] = float(np.mean(distortion))
        expected["rate"] = expected.get("rate", 0.0) + float(np.mean(rate))
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, abs=0.02 * abs(value) + 0.01), name
    z = model.encode(pairs).sample(2000, seed=1).numpy()
    assert np.abs(np.corrcoef(z[:, 0].T)[:2, 2:]).max() < 0.1
    np.testing.assert_allclose(model.prior.log_partition, 0.0, atol=1e-4)


@pytest.mark.slow
def test_rate_is_never_below_zero_and_free_energy_bounds_the_log_likelihood(fitted, pairs):
    measured = metrics.free_energy(fitted, pairs, samples=50)
    assert measured["rate"].value > 0
    nats = -fitted.log_likelihood(pairs, samples=1000)
    assert measured["free_energy"].value > np.mean(nats)
    few = -fitted.log_likelihood(pairs, samples=1)
    assert np.mean(few) > np.mean(nats)


def test_log_likelihood_agrees_with_plain_monte_carlo_from_the_prior(fitted, pairs):
    part = {"middle": pairs["middle"][:4]}
    got = fitted.log_likelihood(part, samples=2000)
    z = fitted.prior.distribution().chains(40_000, tf.constant([3, 4]), 100)[1]
    weights = fitted.decode_modality("middle", z[:, None]).log_prob(part["middle"]).numpy()
    expected = np.log(np.mean(np.exp(weights - weights.max(axis=0)), axis=0)) + weights.max(axis=0)
    np.testing.assert_allclose(got, expected, atol=0.1)


@pytest.mark.slow
def test_toy_of_two_correlated_latents_is_learned():
    """x = z + noise on either side, z correlated by 0.8: the learned p(x'|x) is the true one, a normal."""
    generator, noise, correlation = np.random.default_rng(0), 0.5, 0.8
    z = generator.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 4000)
    x = np.tile(z + noise * generator.normal(size=z.shape), (10, 1)).astype("float32")
    x = {"a": x[:, :1], "b": x[:, 1:]}
    keras.utils.set_random_seed(0)
    linear = {name: keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for name in x}
    decoders = {name: keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for name in x}
    likelihood = keras_vae.parts.NormalLikelihood(noise)
    # Two blocks that correlate by 0.8 forget 36 % a sweep
    model = keras_vae.POISEVAE(linear, decoders, 2, likelihood=likelihood, chains=2, sweeps=8, seed=1)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 800)))
    model.fit(x, batch_size=200, epochs=4, verbose=0)
    # True: x'|x is normal of mean slope * x and this variance
    slope = correlation / (1 + noise**2)
    variance = 1 + noise**2 - correlation * slope
    given = np.array([[-1.5], [0.0], [1.5]], "float32")
    made = model.translate({"a": given}, to="b", samples=4000, seed=0).numpy()[..., 0]
    np.testing.assert_allclose(made.mean(axis=0), slope * given[:, 0], atol=0.12)
    np.testing.assert_allclose(made.var(axis=0) + noise**2, variance, atol=0.2)  # uncoupled it is off by 0.55
    drawn = model.sample(20_000, seed=0)
    assert np.corrcoef(np.ravel(drawn["a"]), np.ravel(drawn["b"]))[0, 1] == pytest.approx(correlation, abs=0.08)


def test_a_missing_modality_drops_its_natural_parameters(fitted, pairs):
    rows = np.arange(32) % 2 == 0
    masked = {**pairs, "middle": np.where(rows[:, None], pairs["middle"], np.nan), "observed": {"middle": rows}}
    q, alone = fitted.encode(masked), fitted.encode({"image": pairs["image"]})
    np.testing.assert_array_equal(q.linear[1], alone.linear[1])
    np.testing.assert_array_equal(q.quadratic[1, 2:], 0.0)
    assert np.all(q.quadratic[0] < 0)


@pytest.mark.slow
def test_three_modalities_couple_pairwise(pairs):
    shapes = (("first", (16,)), ("image", (8, 8, 1)), ("middle", (16,)))
    model = compiled(poise(latent_size=6, shapes=shapes, private_latents=None))
    data = {**pairs, "first": pairs["middle"][:, ::-1].copy()}
    history = model.fit(data, batch_size=16, verbose=0).history
    assert np.isfinite(history["free_energy"]).all()
    made = model.translate({"middle": pairs["middle"]}, samples=2, seed=0)
    assert {name: part.shape for name, part in made.items()} == {"first": (2, 32, 16), "image": (2, 32, 8, 8, 1)}


def test_mean_does_not_depend_on_the_other_examples_and_follows_the_draws(fitted, pairs):
    q = fitted.encode({"image": pairs["image"]})
    draws = q.sample(4000, seed=0).numpy()
    np.testing.assert_allclose(q.mean(), draws.mean(axis=0), atol=4 * draws.std() / np.sqrt(32))
    one = fitted.embed({"image": pairs["image"][3:4]})
    np.testing.assert_allclose(one[0], q.mean()[3], atol=1e-5)


def test_proposal_is_a_density_near_the_posterior(fitted, pairs):
    batch = fitted.prepare({"image": pairs["image"][:3]})
    proposal = fitted.proposal(batch)
    assert isinstance(proposal, GibbsMixture)
    z = proposal.sample(5000, tf.constant([0, 1]))
    weights = proposal.target.unnormalized_log_prob(z) - proposal.log_prob(z)
    weights = np.exp(weights - np.max(weights, axis=0))
    assert np.all(weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0) > 2500)  # effective sample size, of 5,000


def test_chains_that_mix_are_told_from_those_that_do_not(fitted):
    good = metrics.chain_diagnostics(fitted, sweeps=300)
    assert good.split_r_hat.max() < 1.1
    assert good.autocorrelation.shape == (51, 4)
    np.testing.assert_allclose(good.autocorrelation[0], 1.0, atol=1e-5)
    stuck = poise(prior=CoupledExponentialPrior((2, 2), start=0.9799))
    stuck.build({"image": (None, 8, 8, 1), "middle": (None, 16)})
    few = metrics.chain_diagnostics(stuck, sweeps=20)
    assert few.split_r_hat.max() > 1.1
    assert few.effective_sample_size.min() < 0.5 * good.effective_sample_size.max()
    with pytest.raises(TypeError, match="no chains"):
        metrics.chain_diagnostics(vae())


def test_diagnostics_of_posteriors_are_the_worst_of_examples(fitted, pairs):
    found = metrics.chain_diagnostics(fitted, {name: data[:5] for name, data in pairs.items()}, sweeps=200)
    assert found.split_r_hat.shape == (4,)
    assert found.split_r_hat.max() < 1.2


@pytest.mark.slow
def test_callback_warns_of_chains_that_do_not_mix_and_logs(pairs):
    model = compiled(poise(prior=CoupledExponentialPrior((2, 2), start=0.9799)))
    with pytest.warns(RuntimeWarning, match="do not mix"):
        history = model.fit(pairs, batch_size=32, verbose=0, callbacks=[ChainMixing(1.001, sweeps=20)]).history
    assert history["split_r_hat"][0] > 1.001
    with pytest.raises(ValueError, match="every must be a positive integer"):
        ChainMixing(1.1, every=0)


@pytest.mark.slow
def test_private_latents_are_independent_of_the_other_modality(pairs):
    model = poise(latent_size=6, private_latents={"middle": 2}, reconstruct_absent=True)
    compiled(model).fit(pairs, batch_size=16, verbose=0)
    assert model.prior.latent_sizes == (2, 2)
    z = model.translate({"image": pairs["image"]}, to="middle", samples=3, seed=0)
    assert z.shape == (3, 32, 16)
    q = model.encode({"image": pairs["image"]})
    np.testing.assert_array_equal(q.linear[:, 4:], 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gradient": "score"}, "Unknown gradient .score"),
        ({"gradient": "covariance", "chains": 1}, "chains must be an integer of at least 2; got 1"),
        ({"sweeps": 3}, "sweeps must be an integer of at least 5; got 3"),
        ({"latent_size": 5}, "is shared out among .*; got 5"),
        ({"private_latents": {"sound": 1}}, r"must name some of .*; got \['sound'\]"),
        ({"prior": CoupledExponentialPrior((1, 1))}, r"has latents \(1, 1\).* 4 in all"),
        ({"prior": "standard_normal"}, r"Choose from \['coupled'\]"),
        ({"prior": keras_vae.parts.StandardNormalPrior(4)}, "one of .*coupled.* or a CoupledExponentialPrior"),
        ({"posterior": "laplace"}, "computed of normals.*LaplacePosterior"),
    ],
)
def test_poise_vae_refuses(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        poise(**{"latent_size": 4, **options})
