"""Likelihoods: closed forms, learned scales, refusals."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.parts import (
    LIKELIHOODS,
    BernoulliLikelihood,
    CategoricalLikelihood,
    DiscretizedLogisticLikelihood,
    LaplaceLikelihood,
    Likelihood,
    NormalLikelihood,
    resolve,
)

tfd = tfp.distributions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def built(layer, shape=None):
    layer.build(shape)
    return layer


@pytest.mark.parametrize(
    ("likelihood", "expected"),
    [
        (
            BernoulliLikelihood(),
            lambda x, f: x * np.log(scipy.special.expit(f)) + (1 - x) * np.log(scipy.special.expit(-f)),
        ),
        (NormalLikelihood(1.0), lambda x, f: scipy.stats.norm.logpdf(x, f, 1.0)),
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
    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(100):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(likelihood.distribution(tf.zeros_like(x)).log_prob(x))
        optimizer.apply(tape.gradient(loss, likelihood.trainable_variables), likelihood.trainable_variables)
    assert float(likelihood.scale_value()) == pytest.approx(float(tf.sqrt(tf.reduce_mean(x**2))), rel=0.02)


@pytest.mark.parametrize("scale", [0.0, -1.0, "wide", None])
def test_a_scale_that_is_none_is_refused(scale):
    message = r"scale must be a finite number above 0; got|Unknown scale 'wide'\. Choose from \["
    for make in (NormalLikelihood, lambda scale: DiscretizedLogisticLikelihood(scale=scale)):
        with pytest.raises((TypeError, ValueError), match=message):
            make(scale)


# --- where a learned scale starts -----------------------------------------------------------------------------------

LEARNED = [NormalLikelihood, LaplaceLikelihood, lambda: DiscretizedLogisticLikelihood(scale="learned")]
SHARES = [1.0, 0.5**0.5, 3**0.5 / np.pi]  # of a standard deviation


def started(make, x, **kwargs):
    likelihood = built(make())
    likelihood.start_at(tf.constant(x), **kwargs)
    return likelihood


@pytest.mark.parametrize(("make", "share"), list(zip(LEARNED, SHARES, strict=True)))
@pytest.mark.parametrize("size", [1e3, 1.0, 1e-2])
def test_a_learned_scale_starts_at_that_of_the_data_around_their_means(make, share, size, rng):
    x = size * (rng.normal(size=(500, 2, 3)) + 10.0 * np.arange(6).reshape(2, 3)).astype("float32")
    assert float(started(make, x).scale_value()) == pytest.approx(share * size, rel=0.05)


def test_rows_that_are_not_observed_do_not_count(rng):
    x, observed = rng.normal(size=(400, 5)).astype("float32"), np.arange(400) % 2 == 0
    likelihood = started(NormalLikelihood, np.where(observed[:, None], x, 0.0), observed=tf.constant(observed))
    assert float(likelihood.scale_value()) == pytest.approx(1.0, rel=0.05)
    likelihood = started(NormalLikelihood, 0.0 * x, observed=tf.zeros(400, "bool"))
    assert float(likelihood.scale_value()) == pytest.approx(1.0, rel=1e-4)


def test_one_example_or_many_equal_ones_start_at_their_own_spread(rng):
    row = rng.normal(5.0, 0.3, size=(1, 400)).astype("float32")
    for x in (row, np.repeat(row, 10, axis=0)):
        assert float(started(NormalLikelihood, x).scale_value()) == pytest.approx(0.3, rel=0.1)
    constant = started(NormalLikelihood, np.full((8, 4), 5.1, "float32"))
    assert float(constant.scale_value()) == pytest.approx(1.0, rel=1e-4)


def test_a_scale_that_was_trained_assigned_or_frozen_stays(rng):
    x = tf.constant(100.0 * rng.normal(size=(50, 3)), tf.float32)
    likelihood = started(NormalLikelihood, x)
    first = float(likelihood.scale_value())
    likelihood.start_at(x / 100.0)
    assert float(likelihood.scale_value()) == first
    assigned, frozen = built(NormalLikelihood()), built(NormalLikelihood())
    assigned.assign_scale(1.0)
    frozen.trainable = False
    for likelihood in (assigned, frozen, built(NormalLikelihood(1.0))):
        likelihood.start_at(x)
        assert float(likelihood.scale_value()) == pytest.approx(1.0, rel=1e-4)


def test_a_scale_never_reaches_zero():
    likelihood = built(NormalLikelihood())
    likelihood.raw_scale.assign(-1e3)
    assert float(likelihood.scale_value()) == pytest.approx(likelihood.floor)
    with pytest.raises(ValueError, match=r"above 1e-05; got 1e-06\. Rescale"):
        likelihood.assign_scale(1e-6)


@pytest.mark.parametrize(("make", "unit"), list(zip(LEARNED, [1.0, 1.0, 0.1], strict=True)))
def test_an_archive_of_a_softplus_loads_with_the_scale_that_it_had(make, unit, rng):
    for raw in (-4.0, 0.5413, 3.0):
        likelihood = built(make())
        likelihood.load_own_variables({"0": np.float32(raw)})
        wanted = unit * np.logaddexp(0.0, raw) + likelihood.floor
        assert float(likelihood.scale_value()) == pytest.approx(wanted, rel=1e-6)
        likelihood.start_at(tf.constant(rng.normal(size=(50, 3)), tf.float32))
        assert float(likelihood.scale_value()) == pytest.approx(wanted, rel=1e-6)
        saved, again = {}, built(make())
        likelihood.save_own_variables(saved)
        again.load_own_variables(saved)
        assert again.raw_scale.numpy() == likelihood.raw_scale.numpy()


def test_an_archive_in_which_the_name_meant_a_scale_of_one_loads_as_that(rng):
    likelihood = built(NormalLikelihood())
    likelihood.load_own_variables({})
    likelihood.start_at(tf.constant(100.0 * rng.normal(size=(50, 3)), tf.float32))
    assert float(likelihood.scale_value()) == pytest.approx(1.0, rel=1e-6)
    assert NormalLikelihood.from_config({"scale": 1.0}).scale_value() == 1.0  # as configurations have always said


def test_the_names_mean_what_their_classes_do():
    for name in ("normal", "laplace"):
        made = resolve(name, LIKELIHOODS, Likelihood, "likelihood")
        assert made.scale == type(made)().scale == "learned"
        assert made.scale_value() == 1.0  # before it is built


@pytest.mark.parametrize("raw_scale", [-3.0, 0.0, 5.0, 30.0])
def test_the_mode_of_a_discretized_logistic_is_the_likeliest_of_all_its_levels(raw_scale):
    for loc in (-0.3, 0.0, 0.04, 0.31, 0.49, 0.51, 0.97, 1.2):
        p, values = discretized(loc, raw_scale, levels=16)
        np.testing.assert_allclose(p.log_prob(p.mode())[0], np.max(p.log_prob(values)), atol=1e-5)
        assert np.isclose(values, p.mode()).any()


def test_a_likelihood_says_whether_it_is_a_density():
    assert {name for name, cls in LIKELIHOODS.items() if cls.density} == {"normal", "laplace"}
