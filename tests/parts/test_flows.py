"""Flows and what is made of them: couplings, priors fitted to draws, flow matching."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import compiled, networks

import keras_vae
from keras_vae.distributions.probability_flow import ProbabilityFlow
from keras_vae.networks.velocity import VelocityNetwork
from keras_vae.parts import (
    AutoregressiveFlow,
    CouplingFlow,
    FlowMatchingPrior,
    FlowPosterior,
    FlowPrior,
    NormalMixturePrior,
)

tfd = tfp.distributions
COUPLINGS = pytest.mark.parametrize("coupling", ["affine", "spline"])


def shaken(layer, scale=0.5):
    """With weights that do something."""
    layer.build(None)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        if len(weight.shape):
            weight.assign(scale * rng.normal(size=weight.shape))
    return layer


@pytest.mark.parametrize("size", [2, 3, 7])
def test_two_couplings_move_every_latent(size):
    layer = shaken(CouplingFlow(size, steps=2, widths=(8,)))
    u = tf.random.stateless_normal((1, size), (0, 1))
    z = layer.bijector().forward(u)
    assert not set(np.array(z).ravel()) & set(np.array(u).ravel())


@COUPLINGS
def test_a_coupling_is_the_identity_at_the_start_but_for_the_order(coupling):
    flow = CouplingFlow(5, steps=3, widths=(8,), coupling=coupling)
    flow.build()
    u = tf.random.stateless_normal((7, 5), (0, 1))
    z = flow.bijector().forward(u)
    np.testing.assert_allclose(np.sort(z, axis=-1), np.sort(u, axis=-1), atol=1e-5)
    np.testing.assert_allclose(flow.bijector().forward_log_det_jacobian(u, 1), np.zeros(7), atol=1e-4)


@COUPLINGS
@pytest.mark.parametrize("size", [2, 5])
def test_a_coupling_s_log_determinant_is_the_jacobian_s_and_its_inverse_undoes_it(coupling, size):
    layer = shaken(CouplingFlow(size, steps=3, widths=(8,), coupling=coupling), 0.3)
    bijector, u = layer.bijector(), tf.random.stateless_normal((20, size), (0, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(u)
        z = bijector.forward(u)
    jacobian = tape.batch_jacobian(z, u, experimental_use_pfor=False)
    np.testing.assert_allclose(
        bijector.forward_log_det_jacobian(u, 1), tf.linalg.slogdet(jacobian).log_abs_determinant, atol=1e-4
    )
    assert np.abs(z - u).max() > 0.1
    np.testing.assert_allclose(layer.bijector().inverse(tf.identity(z)), u, atol=1e-4)


def test_one_linear_inverse_autoregressive_step_is_a_normal_of_full_covariance():
    flow = AutoregressiveFlow(3, steps=1, widths=())
    shaken(flow)
    kernel, bias = flow.networks[0].last.get_weights()
    kernel = kernel.reshape(3, 3, 2) * np.float32([1.0, 0.0])  # scales do not depend on u
    flow.networks[0].last.set_weights([kernel.reshape(3, 6), bias])
    posterior = FlowPosterior(3, flow=flow)
    posterior.build((None, 5))
    q = posterior.distribution(np.random.default_rng(0).normal(size=(4, 5)).astype("float32"))
    origin, *corners = q.bijector.forward(np.concatenate([np.zeros((1, 3)), np.eye(3)]).astype("float32")).numpy()
    matrix = np.transpose(corners - origin)  # z = matrix u + origin
    assert np.abs(np.tril(matrix, -1)).max() > 0.1
    scale = matrix * np.array(q.distribution.stddev())[:, None]
    expected = tfd.MultivariateNormalTriL(np.array(q.distribution.mean()) @ matrix.T + origin, scale)
    z = q.sample(50, seed=1)
    np.testing.assert_allclose(q.log_prob(z), expected.log_prob(z), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "flow",
    [
        AutoregressiveFlow(2, steps=2, widths=(8,)),
        CouplingFlow(2, steps=2, widths=(8,)),
        CouplingFlow(2, steps=2, widths=(8,), coupling="spline"),
    ],
    ids=["autoregressive", "affine", "spline"],
)
def test_a_flow_prior_s_density_integrates_to_one(flow):
    prior = FlowPrior(2, flow=shaken(flow, 0.3))
    prior.build()
    axis = np.linspace(-15, 15, 601, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    density = np.exp(prior.distribution().log_prob(grid))
    assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=2e-3)


def test_the_identity_flow_gives_the_terms_of_a_standard_normal(images):
    encoder, decoder = networks()
    posterior = keras_vae.parts.NormalPosterior(3)
    values, terms = [], []
    for prior in ("standard_normal", FlowPrior(3, flow=CouplingFlow(3))):
        model = keras_vae.VAE(encoder, decoder, 3, prior=prior, posterior=posterior, seed=0)
        model.build(images.shape)
        z = model.encode(images).sample(seed=(1, 2))
        values.append(model.prior_of().log_prob(z))
        terms.append(keras_vae.objectives.FreeEnergy(samples=2000).terms(model, model.prepare(images))[0])
    np.testing.assert_allclose(values[0], values[1], atol=1e-4)
    np.testing.assert_allclose(terms[0]["distortion"], terms[1]["distortion"], rtol=1e-5)  # of the same draws
    np.testing.assert_allclose(terms[0]["rate"], terms[1]["rate"], atol=0.1)  # in closed form, and by the draws


def test_coupling_posteriors_know_x_and_score_any_latents(images):
    flow = CouplingFlow(3, steps=2, widths=(8,), context_size=4)
    model = keras_vae.VAE(*networks(), 3, posterior=FlowPosterior(3, flow=flow), seed=0)
    compiled(model, keras.optimizers.Adam(0.01)).fit(images, epochs=2, verbose=0)
    q = model.encode(images)
    z = q.sample(5, seed=1)
    fresh = np.array(z) + 0.0  # unknown to TFP's cache
    np.testing.assert_allclose(q.log_prob(fresh), q.log_prob(z), rtol=1e-4, atol=1e-4)
    assert np.isfinite(model.log_likelihood(images, samples=4)).all()


def two_clusters(count=2000):
    rng = np.random.default_rng(0)
    sign = rng.integers(0, 2, (count, 1)) * 2 - 1
    return (np.array([1.5, -1.0]) * sign + 0.4 * rng.normal(size=(count, 2))).astype("float32")


def two_clusters_log_prob(z):
    each = [scipy.stats.norm(sign * np.array([1.5, -1.0]), 0.4).logpdf(z).sum(-1) for sign in (-1, 1)]
    return scipy.special.logsumexp(each, axis=0) - np.log(2)


PRIORS = {
    "autoregressive": lambda: FlowPrior(2, flow=AutoregressiveFlow(2, 4, (32,))),
    "spline": lambda: FlowPrior(2, flow=CouplingFlow(2, 3, (16,), coupling="spline")),
    "flow_matching": lambda: FlowMatchingPrior(2, widths=(32, 32)),
}


def adapted(name, z, **options):
    keras.utils.set_random_seed(0)
    prior = PRIORS[name]()
    prior.adapt(z, **options)
    return prior


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIORS)
def test_adapt_fits_a_prior_to_latents(name):
    both = two_clusters(3000)
    z, held_out = both[:2500], both[2500:]
    best, standard = -np.mean(two_clusters_log_prob(held_out)), scipy.stats.norm.logpdf(held_out).sum(-1).mean()
    prior = adapted(name, z, epochs=40, learning_rate=1e-2)
    after = -np.mean(prior.distribution().log_prob(held_out))
    assert best - 0.05 < after < best + 0.2 * (-standard - best)
    drawn = prior.distribution().sample(2000, seed=(0, 0)).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(z.T), atol=0.6)


def test_the_same_seed_fits_alike():
    first, again, other = (adapted("flow_matching", two_clusters(100), epochs=2, seed=seed) for seed in (3, 3, 4))
    for weight, same in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(weight, same, atol=1e-6)
    assert np.abs(first.get_weights()[1] - other.get_weights()[1]).max() > 1e-4


def test_adapt_serves_a_model_and_all_else_stays(images):
    for prior in ("flow", "flow_matching", "noise_contrastive", "resampled"):
        model = compiled(keras_vae.VAE(*networks(), 3, prior=prior, seed=0))
        model.build(images.shape)
        before = model.prior.distribution().log_prob(np.zeros((1, 3), "float32"))
        others = [np.array(weight) for weight in model.weights if "prior" not in weight.path]
        trainable = [weight.trainable for weight in model.prior.weights]
        model.adapt(images, batch_size=10, draws=3, epochs=1, verbose=0)
        again = [np.array(weight) for weight in model.weights if "prior" not in weight.path]
        assert all(map(np.array_equal, others, again))
        assert [weight.trainable for weight in model.prior.weights] == trainable
        assert np.abs(model.prior.distribution().log_prob(np.zeros((1, 3), "float32")) - before) > 1e-3
        assert np.isfinite(model.log_likelihood(images[:4], samples=2)).all()
        with pytest.raises(TypeError, match=r"takes no \['nonsense'\]; it takes \['epochs'"):
            model.adapt(images, nonsense=3)


def test_adapt_fits_a_ladder_s_top(images):
    model = keras_vae.LadderVAE(latent_sizes=(3, 2), widths=(8, 8), prior="normal_mixture", seed=0)
    model.build(images.shape)
    before = np.array(model.prior.loc)
    model.adapt(np.tile(images, (5, 1, 1, 1)))
    assert model.prior.loc.shape == before.shape == (100, 2)
    assert not np.array_equal(model.prior.loc, before)


@pytest.mark.parametrize(
    ("z", "error", "match"),
    [
        (np.zeros((4, 3)), ValueError, r"must have the shape \[examples, 2\]; got \[4, 3\]"),
        (np.zeros((0, 2)), ValueError, r"must have the shape"),
        (np.full((4, 2), np.nan), ValueError, "hold NaN"),
        ([["a", "b"]], TypeError, "must be numbers"),
    ],
)
def test_adapt_refuses_what_are_no_latents(z, error, match):
    prior = FlowPrior(2)
    with pytest.raises(error, match=match):
        prior.adapt(z)


def test_a_prior_that_is_fixed_is_not_trained_and_comes_back_so(images, tmp_path):
    model = compiled(keras_vae.VAE(*networks(), 3, prior=FlowPrior(3, trainable=False), seed=0), "adam")
    model.fit(images, verbose=0)
    model.save(tmp_path / "model.keras")
    for one in (model, keras.saving.load_model(tmp_path / "model.keras")):
        assert not any("prior" in weight.path for weight in one.trainable_variables)
        assert len(one.prior.weights) > 4
        assert len(one.optimizer.variables) == 2 + 2 * len(one.trainable_variables)


def test_a_part_that_is_fixed_stays_fixed_after_adapt():
    prior = FlowPrior(2, base=NormalMixturePrior(2, 3, trainable=False), flow=AutoregressiveFlow(2, 1, (4,)))
    prior.adapt(two_clusters(50), epochs=1, verbose=0)
    assert {weight.trainable for weight in prior.base.weights} == {False}
    assert {weight.trainable for weight in prior.flow.weights} == {True}


def test_a_fit_that_ends_in_nan_leaves_the_prior_as_it_was():
    prior = FlowPrior(2, flow=AutoregressiveFlow(2, 1, (4,)))
    prior.build()
    before = prior.get_weights()
    with pytest.raises(FloatingPointError, match=r"as it was before\. Lower learning_rate"):
        prior.adapt(two_clusters(200), epochs=3, learning_rate=1e38)
    assert all(map(np.array_equal, before, prior.get_weights()))


# --- flow matching ---------------------------------------------------------------------------------------------------

LOC, SCALE = np.float32([0.5, -1.0, 2.0]), np.float32([0.3, 1.0, 2.0])


class ToNormal(keras.layers.Layer):
    """The optimal velocity to N(LOC, SCALE^2) along `(1 - t) e + t z`, which is linear; and worse ones."""

    def __init__(self, shift=0.0, factor=1.0):
        super().__init__()
        self.shift, self.factor = shift, factor

    def call(self, points, times):
        return self.factor * self.with_divergence(points, times)[0] + self.shift

    def with_divergence(self, points, times):
        t = times[:, None]
        variance = (1 - t) ** 2 + (t * SCALE) ** 2
        slope = (t * SCALE**2 - (1 - t)) / variance
        return LOC + slope * (points - t * LOC), tf.reduce_sum(slope, axis=-1)


def test_the_optimal_velocity_to_a_normal_gives_its_density_and_its_draws():
    velocity = ToNormal()
    p = ProbabilityFlow(velocity, velocity.with_divergence, 3, steps=32)
    expected = tfd.MultivariateNormalDiag(LOC, SCALE)
    z = expected.sample(500, seed=1)
    np.testing.assert_allclose(p.log_prob(z), expected.log_prob(z), atol=1e-3)
    drawn = p.sample(20_000, seed=(0, 0)).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), LOC, atol=0.05)
    np.testing.assert_allclose(drawn.std(axis=0), SCALE, rtol=0.03)


def test_the_optimal_velocity_is_where_the_loss_is_least():
    prior = FlowMatchingPrior(3, widths=(8,))
    z = tfd.MultivariateNormalDiag(LOC, SCALE).sample(20_000, seed=1)
    losses = []
    for loc, scale in ((0.0, 1.0), (0.3, 1.0), (0.0, 1.2), (0.0, 0.8)):
        prior.network = ToNormal(loc, scale)
        losses.append(np.mean(prior.nats(z, tf.constant([0, 1]))))
    assert losses[0] < min(losses[1:]) - 0.05


def test_a_velocity_s_divergence_is_the_trace_of_its_jacobian():
    network = VelocityNetwork(3, widths=(8, 6))
    shaken(network)
    x, times = tf.random.stateless_normal((5, 3), (0, 1)), tf.linspace(0.0, 1.0, 5)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        v = network(x, times)
    jacobian = tape.batch_jacobian(v, x, experimental_use_pfor=False)
    both = network.with_divergence(x, times)
    np.testing.assert_allclose(both[0], v, atol=1e-5)
    np.testing.assert_allclose(both[1], tf.linalg.trace(jacobian), atol=1e-5)


def test_before_it_is_fitted_flow_matching_is_the_standard_normal_and_halving_its_steps_changes_little():
    prior = shaken(FlowMatchingPrior(3, widths=(16, 16), steps=16), 0.2)
    z = tf.random.stateless_normal((50, 3), (0, 1))
    np.testing.assert_allclose(
        prior.distribution().log_prob(z), tfd.MultivariateNormalDiag(tf.zeros(3)).log_prob(z), atol=1e-5
    )
    prior.fitted.assign(1.0)
    coarse = prior.distribution().log_prob(z)
    prior.steps = 32
    fine = prior.distribution().log_prob(z)
    assert np.abs(coarse - fine).max() < 1e-2
    assert np.abs(fine - tfd.MultivariateNormalDiag(tf.zeros(3)).log_prob(z)).max() > 0.1


@pytest.mark.slow
def test_a_model_with_flow_matching_trains_on_under_xla_and_comes_back(images, tmp_path):
    model = keras_vae.VAE(*networks(), 3, prior=FlowMatchingPrior(3, widths=(8,), steps=2), seed=0)
    compiled(model, keras.optimizers.Adam(0.01), jit_compile=True).fit(images, epochs=1, verbose=0)
    model.adapt(images, epochs=2, learning_rate=0.02)
    weights = model.prior.get_weights()
    model.fit(images, epochs=1, verbose=0)
    assert all(map(np.array_equal, weights, model.prior.get_weights()))  # fit leaves them alone
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.sample(3, seed=0), model.sample(3, seed=0), atol=1e-6)
    np.testing.assert_allclose(
        loaded.log_likelihood(images, samples=2), model.log_likelihood(images, samples=2), atol=1e-4
    )
