"""Probabilistic PCA: three ways to one model, whose likelihood is known."""

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
import tensorflow_probability as tfp

import keras_vae
from keras_vae.data import oil_flow, tobamovirus
from keras_vae.distributions import linear_gaussian

tfd = tfp.distributions


@pytest.fixture(scope="module")
def train():
    return oil_flow("train")[0]


@pytest.fixture(scope="module")
def test():
    return oil_flow("test")[0]


@pytest.fixture(scope="module")
def closed_form(train):
    """Read-only: shared by the tests."""
    model = keras_vae.PPCA(latent_size=2, seed=0)
    model.fit_closed_form(train)
    model.compile()
    return model


def with_gaps(x, share, seed):
    """A copy with a share of the entries missing."""
    return np.where(np.random.default_rng(seed).random(x.shape) < share, np.nan, x)


def fitted(x, route="fit_em", latent_size=2, **kwargs):
    model = keras_vae.PPCA(latent_size=latent_size, seed=0)
    getattr(model, route)(x, **kwargs)
    return model


def marginal(model):
    """`(mean, covariance)` of p(x)."""
    loadings, mean, variance = model.parameters
    return mean, loadings @ loadings.T + variance * np.eye(len(mean))


def principal_angles(first, second):
    """Between the planes of two models, degrees, the largest first."""
    return np.degrees(scipy.linalg.subspace_angles(first.principal_axes, second.principal_axes))


# --- the exact likelihood -------------------------------------------------------------------------------------------


def test_log_likelihood_is_the_density_of_the_marginal_normal(closed_form, test):
    expected = tfd.MultivariateNormalFullCovariance(*marginal(closed_form)).log_prob(test.astype("float64"))
    np.testing.assert_allclose(closed_form.log_likelihood(test), expected, rtol=1e-9)


def test_missing_entries_are_integrated_out_of_the_likelihood_and_of_the_posterior(closed_form, test):
    x = with_gaps(test[:50], 0.4, seed=1)
    x[0] = np.nan
    mean, covariance = marginal(closed_form)
    q, likelihood = closed_form.exact_posterior(x), closed_form.log_likelihood(x)
    assert likelihood[0] == 0.0
    np.testing.assert_allclose(q.mean()[0], 0.0)
    np.testing.assert_allclose(q.covariance()[0], np.eye(2), atol=1e-6)
    loadings = closed_form.parameters.loadings
    for index, row in enumerate(x[1:], 1):
        seen = ~np.isnan(row)
        block, among = np.ix_(seen, seen), loadings[seen]
        expected = scipy.stats.multivariate_normal(mean[seen], covariance[block]).logpdf(row[seen])
        assert likelihood[index] == pytest.approx(expected, rel=1e-9)
        gain = among.T @ np.linalg.inv(covariance[block])  # of the joint normal of z and x
        np.testing.assert_allclose(q.mean()[index], gain @ (row - mean)[seen], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(q.covariance()[index], np.eye(2) - gain @ among, atol=1e-5)


def test_importance_weighted_estimate_agrees_with_the_exact_likelihood(closed_form, test):
    estimate = keras_vae.VAE.log_likelihood(closed_form, test[:100], samples=1)  # one draw of the exact posterior
    np.testing.assert_allclose(estimate, closed_form.log_likelihood(test[:100]), atol=2e-3)


def test_likelihood_is_the_same_in_batches_and_reports_progress(closed_form, test):
    done = []
    values = closed_form.log_likelihood(test, samples=3, seed=4, batch_size=300, progress=done.append)
    np.testing.assert_array_equal(values, closed_form.log_likelihood(test))
    assert done == [300, 300, 300, 100]


# --- the free energy bounds it --------------------------------------------------------------------------------------


def free_energies(model, x, draws=400):
    """Mean and standard error over draws of z of each example's free energy."""
    terms, _, _ = model.terms(model.prepare(np.repeat(x, draws, axis=0)), training=False)
    values = (terms["distortion"] + terms["rate"]).numpy().reshape(len(x), draws).astype("float64")
    return values.mean(axis=1), values.std(axis=1) / np.sqrt(draws)


def test_at_the_closed_form_the_free_energy_is_exact_for_every_example(closed_form, test):
    value, error = free_energies(closed_form, test)
    deviations = (value + closed_form.log_likelihood(test)) / error
    assert np.abs(deviations).max() < 5  # of 1,000 normal deviates
    assert abs(deviations.mean()) < 5 / np.sqrt(len(test))
    np.testing.assert_allclose(closed_form.embed(test), closed_form.exact_posterior(test).mean(), atol=1e-4)


def test_with_a_worse_encoder_the_free_energy_bounds_every_example_from_above(closed_form, test):
    model = keras_vae.PPCA(latent_size=2, seed=0)
    model.build((None, 12))
    model.set_weights(closed_form.get_weights())
    kernel, bias = model.encoder.get_weights()
    model.encoder.set_weights([0.9 * kernel, bias + 0.05])
    value, error = free_energies(model, test)
    gap = value + model.log_likelihood(test)
    assert (gap > -4 * error).all()
    assert gap.mean() > 0.05


# --- three ways to one model ----------------------------------------------------------------------------------------


def test_closed_form_has_the_eigenvalues_and_axes_of_the_sample_covariance(closed_form, train):
    from sklearn.decomposition import PCA

    baseline = PCA(12).fit(train)
    values = baseline.explained_variance_ * (len(train) - 1) / len(train)  # of the likelihood's maximum, not unbiased
    assert closed_form.parameters.variance == pytest.approx(values[2:].mean(), rel=1e-4)
    _, scales = linear_gaussian.principal(closed_form.parameters.loadings)
    np.testing.assert_allclose(scales**2 + closed_form.parameters.variance, values[:2], rtol=1e-4)
    cosines = np.abs((closed_form.principal_axes * baseline.components_[:2].T).sum(axis=0))
    np.testing.assert_allclose(cosines, 1.0, atol=1e-6)
    axes = closed_form.principal_axes
    assert (axes.max(axis=0) == np.abs(axes).max(axis=0)).all()


def test_no_other_parameters_near_the_closed_form_have_a_greater_likelihood(closed_form, train):
    best, rng = closed_form.log_likelihood(train).mean(), np.random.default_rng(0)
    for _ in range(20):
        moved = [part * (1 + 0.02 * rng.normal(size=np.shape(part))) for part in closed_form.parameters]
        assert linear_gaussian.infer(train, linear_gaussian.Parameters(*moved)).log_likelihood.mean() < best


@pytest.mark.parametrize("data", [oil_flow, tobamovirus])
def test_em_on_complete_data_comes_from_random_weights_to_the_closed_form(data):
    x = data() if data is tobamovirus else data()[0]
    exact, model = fitted(x, "fit_closed_form"), fitted(x, warm_start=True)
    assert model.log_likelihood(x).mean() == pytest.approx(exact.log_likelihood(x).mean(), abs=1e-5)
    assert principal_angles(exact, model).max() < 0.1
    np.testing.assert_allclose(model.principal_axes, exact.principal_axes, atol=2e-3)  # in order, with their signs
    np.testing.assert_allclose(model.embed(x), exact.embed(x), atol=2e-2)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_em_never_raises_the_free_energy(share):
    x = with_gaps(tobamovirus(), share, seed=3)
    model = keras_vae.PPCA(latent_size=3, seed=1)
    values = model.fit_em(x, warm_start=True).history["free_energy"]
    assert len(values) > 20
    assert (np.diff(values) < 1e-10).all()
    assert -model.log_likelihood(x).mean() == pytest.approx(values[-1], abs=1e-4)


def test_em_goes_on_from_where_it_stood():
    x = with_gaps(tobamovirus(), 0.2, seed=0)
    whole, halves = fitted(x, iterations=20, tolerance=0), fitted(x, iterations=10, tolerance=0)
    second = halves.fit_em(x, iterations=10, tolerance=0, warm_start=True).history["free_energy"]
    assert len(second) == 10
    assert halves.log_likelihood(x).mean() == pytest.approx(whole.log_likelihood(x).mean(), abs=1e-4)


@pytest.mark.slow
def test_em_recovers_the_plane_of_tobamovirus_with_a_fifth_of_it_missing():
    """The yardstick is the sampling error: how far the plane moves when the 38 viruses are drawn anew (bootstrap).

    Missing entries that cost less than this cost little; replacing them by means must cost more than EM does.
    """
    x, rng = tobamovirus(), np.random.default_rng(0)
    complete = fitted(x, "fit_closed_form")
    em, replaced, bootstrap = [], [], []
    for seed in range(30):
        gaps = with_gaps(x, 0.2, seed)
        means = np.where(np.isnan(gaps), np.nanmean(gaps, axis=0), gaps)
        em.append(principal_angles(complete, fitted(gaps))[0])
        replaced.append(principal_angles(complete, fitted(means, "fit_closed_form"))[0])
        bootstrap.append(principal_angles(complete, fitted(x[rng.integers(0, 38, 38)], "fit_closed_form"))[0])
    assert np.median(em) < 10
    assert np.median(em) < np.median(bootstrap)
    assert np.max(em) < np.quantile(bootstrap, 0.95)
    assert np.mean(np.less(em, replaced)) > 0.75


def test_linear_vae_by_fit_reaches_the_likelihood_of_the_closed_form(closed_form, train, test):
    keras.utils.set_random_seed(0)
    model, steps = keras_vae.PPCA(latent_size=2, seed=0), 1000
    schedule = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model.compile(keras.optimizers.Adam(schedule), steps_per_execution=50)
    model.fit(keras_vae.data.batches(train, 250).repeat(steps // 4), verbose=0)
    gap = closed_form.log_likelihood(test).mean() - model.log_likelihood(test).mean()
    assert abs(gap) < 0.01
    assert principal_angles(closed_form, model).max() < 2
    value, error = free_energies(model, test)
    assert (value + model.log_likelihood(test) > -5 * error).all()
    assert (value + model.log_likelihood(test)).mean() < 0.02  # tight


def test_closed_form_is_the_same_under_every_beta(train):
    """beta weights the rate in training; what is measured, and the closed form, do not know it."""
    plain, weighted = fitted(train, "fit_closed_form"), keras_vae.PPCA(latent_size=2, beta=4.0, seed=0)
    weighted.fit_closed_form(train)
    np.testing.assert_array_equal(weighted.embed(train), plain.embed(train))


# --- what it does with odd data -------------------------------------------------------------------------------------


def test_missing_entries_are_completed_better_than_by_means(train, test):
    model, x = fitted(with_gaps(train, 0.2, seed=0)), with_gaps(test, 0.2, seed=1)
    completed = model.decode(model.exact_posterior(x).mean()).mean()
    error, error_of_means = (np.square(guess - test)[np.isnan(x)].mean() for guess in (completed, train.mean(axis=0)))
    assert error < 0.7 * error_of_means


@pytest.mark.parametrize("route", ["fit_closed_form", "fit_em"])
def test_constant_features_and_fewer_examples_than_features_are_no_hindrance(route, train):
    x = train[:10].copy()
    x[:, 3] = 7.0
    model = fitted(x, route)
    assert np.isfinite(model.log_likelihood(x)).all()
    np.testing.assert_allclose(model.parameters.loadings[3], 0.0, atol=1e-6)
    assert model.parameters.mean[3] == pytest.approx(7.0)


@pytest.mark.parametrize("route", ["fit_closed_form", "fit_em"])
@pytest.mark.parametrize(
    ("latent_size", "make", "says"),
    [
        (12, lambda x: x, "more features than its 12 latents"),
        (2, lambda x: x.reshape(-1, 3, 4), r"vectors \[batch, features\].*Flatten"),
        (2, lambda x: np.where(x == x.max(), np.inf, x), "no infinite values"),
        (2, lambda x: x[:3], "need 4 examples; got 3"),
        (2, lambda x: x[:0], "The data are empty"),
        (2, lambda x: np.ones_like(x), "variance left for the noise"),
        (2, lambda x: x[:, :2] @ np.ones((2, 5)), "variance left for the noise"),
    ],
    ids=["latents", "images", "infinite", "few examples", "empty", "constant", "a line"],
)
def test_data_without_a_solution_are_refused(route, latent_size, make, says, train):
    with pytest.raises(ValueError, match=says):
        fitted(make(train), route, latent_size)


def test_missing_entries_are_refused_where_they_would_be_wrong(closed_form, train):
    x = with_gaps(train, 0.1, seed=0)
    with pytest.raises(ValueError, match="Missing entries need fit_em"):
        fitted(x, "fit_closed_form")
    for verb in (closed_form.embed, closed_form.reconstruct, closed_form.evaluate, closed_form.fit):
        with pytest.raises(ValueError, match="Only fit_em, exact_posterior and log_likelihood take NaN"):
            verb(x)
    x[:, [3, 5]] = np.nan
    with pytest.raises(ValueError, match=r"Features \[3, 5\] of x have no observed value"):
        fitted(x)


def test_data_of_another_width_or_kind_are_refused(closed_form, train):
    with pytest.raises(ValueError, match=r"shape \[batch, 12\]; got \[1000, 7\]"):
        closed_form.log_likelihood(train[:, :7])
    with pytest.raises(ValueError, match=r"shape \[batch, 12\]; got \[12000\]"):
        closed_form.fit_em(tf.data.Dataset.from_tensor_slices(train))
    with pytest.raises(TypeError, match="PPCA takes one array"):
        closed_form.fit_em({"x": train})
    with pytest.raises(ValueError, match="no networks yet"):
        keras_vae.PPCA().parameters  # noqa: B018


def test_saved_model_is_the_same(closed_form, test, tmp_path):
    closed_form.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again, config = ({**each.get_config()} for each in (loaded, closed_form))
    for each in (again, config):  # Keras's record of what was built: tuples that JSON makes lists
        each["objective"] = {key: value for key, value in each["objective"].items() if key != "build_config"}
    assert again == config == {**config, "latent_size": 2, "seed": 0}
    np.testing.assert_allclose(loaded.embed(test), closed_form.embed(test), atol=1e-6)
    np.testing.assert_allclose(loaded.log_likelihood(test), closed_form.log_likelihood(test), rtol=1e-6)


def test_posterior_of_constant_scale_needs_an_encoder_of_its_size():
    posterior = keras_vae.parts.HomoscedasticNormalPosterior(3)
    with pytest.raises(ValueError, match=r"must return 3 numbers an example; got \[4\]"):
        posterior.build((None, 4))
    posterior.build((None, 3))
    posterior.assign_scale(np.array([0.5, 1.0, 2.0]))
    q = posterior.distribution(np.zeros((2, 3), "float32"))
    np.testing.assert_allclose(q.stddev(), [[0.5, 1.0, 2.0]] * 2, rtol=1e-5)


def test_noise_too_small_for_the_posterior_s_scale_is_refused():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(50, 1)) @ generator.choice([-1.0, 1.0], size=(1, 1000)) + 1.5e-4 * generator.normal(
        size=(50, 1000)
    )
    with pytest.raises(ValueError, match=r"above 1e-05.*Rescale"):
        keras_vae.PPCA(latent_size=1).fit_closed_form(x)
