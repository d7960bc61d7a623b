import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import (
    LIKELIHOODS,
    POSTERIORS,
    PRIORS,
    BernoulliLikelihood,
    CategoricalLikelihood,
    ConditionalNormalPrior,
    DiscretizedLogisticLikelihood,
    HomoscedasticNormalPosterior,
    LaplaceLikelihood,
    LaplacePosterior,
    LaplacePrior,
    NormalLikelihood,
    NormalPosterior,
    StandardNormalPrior,
    draws,
    given_visible,
    kl_divergence,
    mixture_of_experts,
    product_of_experts,
    resolve,
)

tfd = tfp.distributions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def built(layer, shape=None):
    layer.build(shape)
    return layer


# --- likelihoods ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("likelihood", "expected"),
    [
        (
            BernoulliLikelihood(),
            lambda x, f: x * np.log(scipy.special.expit(f)) + (1 - x) * np.log(scipy.special.expit(-f)),
        ),
        (NormalLikelihood(), lambda x, f: scipy.stats.norm.logpdf(x, f, 1.0)),
        (NormalLikelihood(0.3), lambda x, f: scipy.stats.norm.logpdf(x, f, 0.3)),
        (LaplaceLikelihood(0.3), lambda x, f: scipy.stats.laplace.logpdf(x, f, 0.3)),
    ],
    ids=["bernoulli", "normal", "normal_0.3", "laplace_0.3"],
)
@pytest.mark.parametrize("lead", [(5,), (3, 5)], ids=["batch", "samples_batch"])
def test_log_prob_is_the_closed_form_summed_over_the_event(likelihood, expected, lead, rng):
    x, parameters = rng.random((5, 4, 4, 2)), rng.normal(size=(*lead, 4, 4, 2))
    got = likelihood.distribution(tf.constant(parameters), batch_ndims=len(lead)).log_prob(tf.constant(x, tf.float32))
    assert got.shape == lead
    np.testing.assert_allclose(got, expected(x, parameters).sum(axis=(-3, -2, -1)), rtol=1e-5)


@pytest.mark.parametrize("size", [1, 15, 16, 33])
@pytest.mark.parametrize("far", [1.0, 1e3])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_bernoulli_s_products_of_terms_change_neither_its_log_prob_nor_its_gradients(size, far, jit_compile, rng):
    x = tf.constant(rng.random((5, size)), tf.float32)
    logits = tf.constant(far * rng.normal(size=(3, 5, size)), tf.float32)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def measured(x, logits):
        ours = BernoulliLikelihood().distribution(logits, batch_ndims=2)
        theirs = tfd.Independent(tfd.Bernoulli(logits=logits, dtype=tf.float32), 1)
        values = [p.log_prob(x) for p in (ours, theirs)]
        return [(value, *tf.gradients(value**2, [x, logits])) for value in values]

    for ours, theirs in zip(*measured(x, logits), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_categorical_log_prob_is_the_cross_entropy_of_the_softmax(rng):
    logits, chosen = rng.normal(size=(5, 6, 4)), rng.integers(0, 4, (5, 6))
    got = CategoricalLikelihood().distribution(tf.constant(logits)).log_prob(tf.one_hot(chosen, 4))
    expected = np.take_along_axis(scipy.special.log_softmax(logits, -1), chosen[..., None], -1).sum((1, 2))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


LOGISTICS = [(0.5, 0.0), (0.02, 2.0), (1.3, -1.0), (-0.4, 3.0), (0.5, -12.0), (0.4999, 12.0)]


def discretized(loc, raw_scale, levels=256):
    """One-pixel discretized logistic and all its values, `[levels, 1, 1, 1]`."""
    parameters = tf.constant([[[[loc, raw_scale]]]])
    values = (np.arange(levels) / (levels - 1)).astype("float32").reshape(-1, 1, 1, 1)
    return DiscretizedLogisticLikelihood(levels).distribution(parameters), values


@pytest.mark.parametrize(("loc", "raw_scale"), LOGISTICS)
def test_discretized_logistic_sums_to_one_over_its_levels(loc, raw_scale):
    p, values = discretized(loc, raw_scale)
    assert tf.reduce_logsumexp(p.log_prob(values)).numpy() == pytest.approx(0.0, abs=1e-3)


def test_discretized_logistic_log_prob_is_the_difference_of_logistic_cdfs():
    p, values = discretized(0.3, 1.0)
    scale = 0.1 * np.log1p(np.e) + 1e-4
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    expected = np.log(np.diff(scipy.stats.logistic.cdf(edges, 0.3, scale)))
    np.testing.assert_allclose(p.log_prob(values), expected, rtol=1e-3)


@pytest.mark.parametrize(("loc", "raw_scale"), LOGISTICS)
def test_discretized_logistic_mean_is_the_exact_sum_to_half_a_level(loc, raw_scale):
    p, values = discretized(loc, raw_scale)
    exact = np.sum(np.exp(p.log_prob(values)) * values[:, 0, 0, 0])
    assert p.mean().numpy().item() == pytest.approx(exact, abs=0.5 / 255)


@pytest.mark.parametrize("x", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("loc", [-30.0, 0.0, 30.0])
def test_discretized_logistic_far_from_the_data_has_finite_gradients(loc, x):
    parameters = tf.Variable([[[[loc, -15.0]]]])
    with tf.GradientTape() as tape:
        log_prob = DiscretizedLogisticLikelihood().distribution(parameters).log_prob(tf.fill((1, 1, 1, 1), x))
    assert np.isfinite(log_prob).all()
    assert np.isfinite(tape.gradient(log_prob, parameters)).all()


def test_discretized_logistic_draws_are_levels_with_its_mean():
    p, _ = discretized(0.3, 1.0, levels=16)
    draws = p.sample(4000, seed=(0, 1)).numpy()
    np.testing.assert_allclose(draws * 15, np.round(draws * 15), atol=1e-5)
    assert draws.mean() == pytest.approx(p.mean().numpy().item(), abs=4 * draws.std() / np.sqrt(4000) + 0.5 / 15)


def test_discretized_logistic_wants_two_parameters_a_channel():
    assert DiscretizedLogisticLikelihood().parameters_shape((4, 4, 3)) == (4, 4, 6)


@pytest.mark.parametrize("scale", ["learned", 0.1])
def test_discretized_logistic_of_one_scale_is_the_decoded_one_everywhere_alike(scale):
    likelihood = built(DiscretizedLogisticLikelihood(16, scale))
    assert likelihood.parameters_shape((4, 4, 3)) == (4, 4, 3)
    assert float(likelihood.scale_value()) == pytest.approx(0.1, rel=0.01)
    assert len(likelihood.trainable_variables) == (scale == "learned")
    loc, x = tf.random.stateless_uniform((2, 5, 4, 4, 3), (0, 1))
    decoded = DiscretizedLogisticLikelihood(16).distribution(tf.concat([loc, tf.fill(loc.shape, 0.5413)], -1))
    np.testing.assert_allclose(likelihood.distribution(loc).log_prob(x), decoded.log_prob(x), rtol=0.01)
    again = DiscretizedLogisticLikelihood.from_config(likelihood.get_config())
    assert (again.levels, again.scale) == (16, scale)


@pytest.mark.parametrize("cls", [NormalLikelihood, LaplaceLikelihood])
def test_learned_scale_starts_at_one_and_is_trainable(cls):
    likelihood = built(cls("learned"))
    assert float(likelihood.scale_value()) == pytest.approx(1.0, abs=1e-4)
    assert len(likelihood.trainable_variables) == 1
    x, loc = tf.ones((2, 4)), tf.zeros((2, 4))
    np.testing.assert_allclose(
        likelihood.distribution(loc).log_prob(x), built(cls(1.0)).distribution(loc).log_prob(x), rtol=1e-4
    )


def test_learned_scale_fitted_by_maximum_likelihood_is_the_root_mean_square():
    likelihood = built(NormalLikelihood("learned"))
    x = tf.constant(np.random.default_rng(1).normal(0.0, 0.25, (1000, 1)), tf.float32)
    optimizer = keras.optimizers.Adam(0.1)
    for _ in range(100):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(likelihood.distribution(tf.zeros_like(x)).log_prob(x))
        optimizer.apply(tape.gradient(loss, likelihood.trainable_variables), likelihood.trainable_variables)
    assert float(likelihood.scale_value()) == pytest.approx(float(tf.sqrt(tf.reduce_mean(x**2))), rel=0.02)


@pytest.mark.parametrize("scale", [0.0, -1.0, "wide", None])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match="scale must be a positive number"):
        NormalLikelihood(scale)
    with pytest.raises(ValueError, match="scale must be a positive number"):
        DiscretizedLogisticLikelihood(scale=scale)


# --- posteriors and priors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "expected"), [(NormalPosterior, scipy.stats.norm), (LaplacePosterior, scipy.stats.laplace)]
)
def test_posterior_is_the_head_applied_to_the_features(cls, expected, rng):
    posterior = built(cls(2), (None, 3, 2))
    features, z = rng.normal(size=(5, 3, 2)).astype("float32"), rng.normal(size=(5, 2)).astype("float32")
    kernel, bias = posterior.get_weights()
    out = features.reshape(5, 6) @ kernel + bias
    loc, scale = out[:, :2], np.log1p(np.exp(out[:, 2:])) + 1e-5
    got = posterior.distribution(*posterior(features))
    np.testing.assert_allclose(got.log_prob(z), expected.logpdf(z, loc, scale).sum(-1), rtol=1e-4)
    np.testing.assert_allclose(got.mean(), loc, rtol=1e-5, atol=1e-6)


def test_posterior_scale_never_reaches_zero():
    posterior = built(NormalPosterior(1), (None, 1))
    posterior.head.set_weights([np.zeros((1, 2)), np.array([0.0, -1000.0])])
    _, scale = posterior(tf.ones((1, 1)))
    assert scale.numpy() == pytest.approx(1e-5)


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), NormalLikelihood(0.3), DiscretizedLogisticLikelihood()])
def test_given_the_visible_part_log_prob_is_that_of_the_hidden_part_and_draws_keep_the_visible_one(likelihood, rng):
    shape = likelihood.parameters_shape((4, 2))
    parameters = rng.normal(size=(5, 3, *shape)).astype("float32")
    x, mask = rng.integers(0, 2, (3, 4, 2)).astype("float32"), rng.random((3, 4, 1)) < 0.5
    visible = np.where(mask, x, 0.0).astype("float32")
    whole = likelihood.distribution(parameters, batch_ndims=2)
    p = given_visible(whole, visible, mask)
    assert (p.batch_shape, p.event_shape) == ((5, 3), (4, 2))
    hidden = np.where(mask, 0.0, whole.distribution.log_prob(x)).sum(axis=(2, 3))
    np.testing.assert_allclose(p.log_prob(x), hidden, rtol=1e-5)
    np.testing.assert_allclose(p.log_prob(np.where(mask, 0.5, x)), hidden, rtol=1e-5)
    np.testing.assert_allclose(p.mean(), np.where(mask, x, whole.mean()), rtol=1e-6)
    draws = p.sample(2, seed=(0, 0)).numpy()
    np.testing.assert_array_equal(np.where(mask, draws, 0.0), np.broadcast_to(visible, draws.shape))


def test_conditional_prior_is_normal_with_what_its_network_and_head_make_of_the_condition(rng):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, "tanh")])
    prior = ConditionalNormalPrior(3, network)
    prior.build((None, 4))
    condition = rng.normal(size=(5, 4)).astype("float32")
    p = prior.distribution(condition)
    loc, scale = prior.head(network(condition))
    z = rng.normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(p.log_prob(z), scipy.stats.norm(loc, scale).logpdf(z).sum(-1), rtol=1e-5)
    assert len(prior.trainable_weights) == 4
    again = ConditionalNormalPrior.from_config(keras.saving.serialize_keras_object(prior)["config"])
    assert again.latent_size == 3
    assert again.network.input_shape == (None, 4)


def test_standard_normal_prior_is_standard_normal(rng):
    z = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(
        StandardNormalPrior(3).distribution().log_prob(z), scipy.stats.norm.logpdf(z).sum(-1), rtol=1e-5
    )


def test_laplace_prior_has_learned_scales_of_mean_one(rng):
    prior = built(LaplacePrior(3))
    z = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(prior.distribution().log_prob(z), scipy.stats.laplace.logpdf(z).sum(-1), rtol=1e-5)
    prior.raw_scale.assign([0.0, 1.0, 2.0])
    scale = 3 * scipy.special.softmax([0.0, 1.0, 2.0])
    np.testing.assert_allclose(
        prior.distribution().log_prob(z), scipy.stats.laplace.logpdf(z, 0, scale).sum(-1), rtol=1e-5
    )
    assert len(prior.trainable_variables) == 1


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_every_distribution_is_float32_whatever_the_policy(policy):
    keras.config.set_dtype_policy(policy)
    half = tf.zeros((2, 4, 4, 2), policy.removeprefix("mixed_"))
    for cls in LIKELIHOODS.values():
        layer = built(cls())
        assert layer.distribution(half).dtype == tf.float32, cls
    for cls in (NormalLikelihood, LaplaceLikelihood):
        assert built(cls("learned")).distribution(half).log_prob(tf.zeros((2, 4, 4, 2))).dtype == tf.float32, cls
    for cls in POSTERIORS.values():
        layer = built(cls(3), half.shape)
        q = layer.distribution(*layer(half))
        assert q.dtype == tf.float32, cls
        assert {weight.dtype for weight in layer.weights} == {"float32"}
    layer = built(HomoscedasticNormalPosterior(2), (2, 2))
    assert layer.distribution(*layer(half[:, 0, 0])).dtype == tf.float32
    for cls in PRIORS.values():
        assert built(cls(3)).distribution().dtype == tf.float32, cls


@pytest.mark.parametrize(
    "layer",
    [
        NormalLikelihood("learned"),
        LaplaceLikelihood(0.2),
        DiscretizedLogisticLikelihood(16),
        NormalPosterior(3),
        HomoscedasticNormalPosterior(3),
        LaplacePrior(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_makes_the_same_layer_again(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_resolve_makes_strings_into_objects_and_leaves_objects():
    assert isinstance(resolve("laplace", PRIORS, "prior", latent_size=2), LaplacePrior)
    prior = StandardNormalPrior(2)
    assert resolve(prior, PRIORS, "prior", latent_size=7) is prior


@pytest.mark.parametrize(("given", "error"), [("gauss", ValueError), (3, TypeError), (None, TypeError)])
def test_resolve_refuses_what_is_no_prior_and_names_the_choices(given, error):
    with pytest.raises(error, match="standard_normal"):
        resolve(given, PRIORS, "prior", latent_size=2)


# --- divergences ----------------------------------------------------------------------------------------------------


def test_kl_of_normals_is_the_closed_form(rng):
    loc, scale = rng.normal(size=(5, 3)).astype("float32"), rng.uniform(0.1, 2, (5, 3)).astype("float32")
    q = NormalPosterior(3).distribution(loc, scale)
    got = kl_divergence(q, StandardNormalPrior(3).distribution(), z=None)
    np.testing.assert_allclose(got, 0.5 * (loc**2 + scale**2 - 1 - 2 * np.log(scale)).sum(-1), rtol=1e-5)


def test_kl_without_a_closed_form_is_the_monte_carlo_estimate():
    # KL(Laplace(m, b) || N(0, 1)) = b^2 + m^2/2 + log(2 pi)/2 - 1 - log(2 b): exact, though TFP registers none.
    loc, scale = np.float32([[0.5, -1.0]]), np.float32([[0.7, 0.2]])
    q, p = LaplacePosterior(2).distribution(loc, scale), StandardNormalPrior(2).distribution()
    with pytest.raises(NotImplementedError):
        tfd.kl_divergence(q, p)
    z = q.sample(20000, seed=(0, 1))
    got = kl_divergence(q, p, z).numpy()
    assert got.shape == (20000, 1)
    np.testing.assert_allclose(got, q.log_prob(z) - p.log_prob(z))
    exact = (scale**2 + loc**2 / 2 + 0.5 * np.log(2 * np.pi) - 1 - np.log(2 * scale)).sum()
    assert got.mean() == pytest.approx(exact, abs=4 * got.std() / np.sqrt(20000))


# --- experts --------------------------------------------------------------------------------------------------------

GRID = np.linspace(-12, 12, 24001)


def product_on_the_grid(loc, scale, mask=None, prior=True):
    """Mean and standard deviation of the normalised product of densities."""
    log_density = np.float64(scipy.stats.norm.logpdf(GRID)) if prior else np.zeros_like(GRID)
    for index in range(len(loc)):
        if mask is None or mask[index]:
            expert = tfd.Normal(np.float64(loc[index]), np.float64(scale[index]))
            log_density = log_density + expert.log_prob(GRID).numpy()
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    mean = (density * GRID).sum()
    return mean, np.sqrt((density * (GRID - mean) ** 2).sum())


@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize("mask", [None, (True, True, True), (False, True, True), (False, True, False)])
def test_product_of_experts_is_the_normalised_product_of_densities(mask, prior):
    loc, scale = np.float32([-2.0, 1.5, 0.3]), np.float32([0.4, 1.7, 0.9])
    wide = None if mask is None else np.array(mask)[:, None, None]
    got_loc, got_scale = product_of_experts(loc[:, None, None], scale[:, None, None], wide, prior=prior)
    mean, deviation = product_on_the_grid(loc, scale, mask, prior)
    assert got_loc.numpy().item() == pytest.approx(mean, abs=1e-4)
    assert got_scale.numpy().item() == pytest.approx(deviation, rel=1e-4)


def test_product_of_experts_masks_each_row_by_itself(rng):
    loc, scale = rng.normal(size=(2, 3, 4)).astype("float32"), rng.uniform(0.5, 2, (2, 3, 4)).astype("float32")
    mask = np.array([[True, False, True], [True, True, False]])[:, :, None]
    got = product_of_experts(loc, scale, mask)
    for row, experts in enumerate([[0, 1], [1], [0]]):
        alone = product_of_experts(loc[experts, row], scale[experts, row])
        np.testing.assert_allclose(got[0][row], alone[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got[1][row], alone[1], rtol=1e-5)


def test_product_with_nothing_observed_is_the_prior():
    loc, scale = product_of_experts(tf.fill((2, 3, 4), 9.0), tf.fill((2, 3, 4), 0.1), tf.zeros((2, 3, 1), tf.bool))
    np.testing.assert_array_equal(loc, np.zeros((3, 4)))
    np.testing.assert_array_equal(scale, np.ones((3, 4)))


def test_one_expert_under_a_flat_prior_is_that_expert(rng):
    loc, scale = rng.normal(size=(1, 3, 4)).astype("float32"), rng.uniform(1e-5, 50, (1, 3, 4)).astype("float32")
    got_loc, got_scale = product_of_experts(loc, scale, prior=False)
    np.testing.assert_allclose(got_loc, loc[0], rtol=1e-6)
    np.testing.assert_allclose(got_scale, scale[0], rtol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scales", [(1e-5, 1e-5), (1e-18, 1.0), (1e-5, 1e20), (1e20, 1e20), (1e-20, 1e20)])
def test_product_of_experts_is_finite_with_its_gradients_at_extreme_scales(scales, masked):
    loc = tf.Variable([[[3.0]], [[-2.0]]])
    scale = tf.Variable(np.float32(scales).reshape(2, 1, 1))
    mask = tf.constant([[[True]], [[not masked]]])
    with tf.GradientTape() as tape:
        got = product_of_experts(loc, scale, mask)
        total = tf.add_n([tf.reduce_sum(part) for part in (*got, tf.math.log(got[1]))])
    precision = np.float64(scales) ** -2.0 * [1, not masked]
    assert got[1].numpy().item() == pytest.approx((1 + precision.sum()) ** -0.5, rel=1e-4)
    assert got[0].numpy().item() == pytest.approx((precision * [3, -2]).sum() / (1 + precision.sum()), rel=1e-4)
    for gradient in tape.gradient(total, [loc, scale]):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("mask", [None, [[True, True, True], [True, False, True], [False, True, False]]])
def test_mixture_of_experts_is_the_log_mean_exp_of_the_experts_that_take_part(mask, rng):
    loc, scale = rng.normal(size=(3, 3, 2)).astype("float32"), rng.uniform(0.5, 2, (3, 3, 2)).astype("float32")
    z = rng.normal(size=(3, 2)).astype("float32")
    q = mixture_of_experts(tfd.Independent(tfd.Normal(loc, scale), 1), mask)
    log_probs = scipy.stats.norm.logpdf(z[:, None], loc, scale).sum(-1)
    rows = np.ones((3, 3), bool) if mask is None else np.array(mask)
    expected = [
        scipy.special.logsumexp(row[chosen]) - np.log(chosen.sum()) for row, chosen in zip(log_probs, rows, strict=True)
    ]
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-5)


def test_mixture_of_experts_draws_only_from_experts_that_take_part():
    experts = tfd.Independent(tfd.Normal([[[-50.0], [50.0]]], 1.0), 1)
    draws = mixture_of_experts(experts, [[False, True]]).sample(200, seed=(0, 1))
    assert (draws.numpy() > 0).all()


def test_mixture_of_experts_gives_finite_gradients_and_none_to_masked_experts():
    loc = tf.Variable([[[0.3], [0.7]]])
    with tf.GradientTape() as tape:
        log_prob = mixture_of_experts(tfd.Independent(tfd.Normal(loc, 1.0), 1), [[True, False]]).log_prob([[2.0]])
    np.testing.assert_allclose(tape.gradient(log_prob, loc)[0, :, 0], [1.7, 0.0], rtol=1e-5)


@pytest.mark.parametrize("kind", ["Normal", "Laplace"])
def test_draws_are_those_of_tfp_and_under_xla_of_the_same_distribution(kind):
    parts = {"loc": tf.constant([[1.0], [-2.0]]), "scale": tf.constant([0.5, 1.0, 3.0])}
    ours, theirs = getattr(draws, kind)(**parts), getattr(tfd, kind)(**parts)
    assert np.array_equal(ours.sample(5, seed=(1, 2)), theirs.sample(5, seed=(1, 2)))
    z = tf.function(lambda: ours.sample(20_000, seed=(1, 2)), jit_compile=True)()
    assert np.allclose(tf.reduce_mean(z, axis=0), theirs.mean(), atol=0.1)
    assert np.allclose(tf.math.reduce_std(z, axis=0), theirs.stddev(), rtol=0.03)
