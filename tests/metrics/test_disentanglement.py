"""Disentanglement metrics on codes whose figures are known in closed form."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from tiny import vae

from keras_vae import metrics
from keras_vae.data import arrays

SIZES = (3, 4, 5)
GRID = np.tile(np.array(list(itertools.product(*map(range, SIZES)))), (20, 1))  # all combinations, equally often


def noise(latents, seed=0):
    return np.random.default_rng(seed).normal(size=(len(GRID), latents))


def perfect():
    """Each factor in a latent of its own, in another order, and two latents of noise."""
    return np.concatenate([noise(1), GRID[:, ::-1] * [1.0, -2.0, 0.5], noise(1, seed=1)], axis=1)


def entangled():
    """The factors, standardised and turned so that every latent holds as much of each."""
    turn = 2 / 3 - np.eye(3)  # orthogonal, with entries 2/3 and -1/3
    return ((GRID - GRID.mean(0)) / GRID.std(0)) @ turn


def scores(codes):
    """Every score of codes of `GRID`."""
    parts = metrics.disentanglement_completeness_informativeness(codes, GRID, trees=5)
    return {
        "mig": metrics.mutual_information_gap(codes, GRID).value,
        "sap": metrics.separated_attribute_predictability(codes, GRID, categorical=(0,)).value,
        "factor_vae": metrics.factor_vae_score(codes, GRID, votes=300, examples=50).value,
        **{name: part.value for name, part in parts.items()},
    }


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_perfect_codes_score_one(scale):
    got = scores(perfect() * scale)
    assert got["mig"] == pytest.approx(1.0, abs=0.03)  # binned noise tells a little by chance
    assert got["sap"] == pytest.approx(1.0, abs=0.05)
    assert {name: got[name] for name in ("factor_vae", "informativeness")} == {
        "factor_vae": 1.0,
        "informativeness": 1.0,
    }
    assert got["disentanglement"] == pytest.approx(1.0, abs=1e-6)
    assert got["completeness"] == pytest.approx(1.0, abs=1e-6)


def test_entangled_codes_are_informative_and_score_low():
    got = scores(entangled())
    assert got["informativeness"] > 0.95
    assert max(got[name] for name in ("mig", "sap", "disentanglement", "completeness")) < 0.35


def test_noise_scores_zero_or_chance():
    got = scores(noise(5))
    assert max(got[name] for name in ("mig", "sap", "disentanglement", "completeness")) < 0.05
    assert got["factor_vae"] == pytest.approx(1 / 3, abs=0.1)
    assert got["informativeness"] == pytest.approx(np.mean([1 / size for size in SIZES]), abs=0.05)


def test_collapsed_codes_score_zero_or_chance():
    codes = metrics.active_codes(0.01 * perfect())
    assert not codes.any()
    got = scores(codes)
    assert max(got[name] for name in ("mig", "sap", "disentanglement", "completeness")) < 1e-9
    assert got["factor_vae"] == pytest.approx(1 / 3)


def test_active_codes_are_left_as_they_are():
    codes = np.concatenate([perfect(), 1e-3 * noise(2)], axis=1)
    np.testing.assert_array_equal(metrics.active_codes(codes)[:, :5], perfect())
    assert not metrics.active_codes(codes)[:, 5:].any()


# --- mutual information ---------------------------------------------------------------------------------------------

# Counts of (class, code): a latent that tells much of the factor, and one that tells less.
STRONG, WEAK = np.array([[40, 10], [5, 45]]), np.array([[30, 20], [25, 25]])


def information(table):
    joint = table / table.sum()
    return (joint * np.log(joint / (joint.sum(1, keepdims=True) * joint.sum(0)))).sum()


def codes_of(table):
    """`(factors [examples, 1], codes [examples, 1])` with these counts, by class."""
    classes, codes = np.repeat(list(np.ndindex(table.shape)), table.ravel(), axis=0).T
    return classes[:, None], codes[:, None].astype(float)


def test_mutual_information_and_gap_of_a_table_are_its_closed_form():
    factor, strong = codes_of(STRONG)
    _, weak = codes_of(WEAK)
    codes = np.concatenate([weak, strong], axis=1)
    expected = [[information(WEAK)], [information(STRONG)]]
    np.testing.assert_allclose(metrics.mutual_information(codes, factor), expected, rtol=1e-9)
    gap = (information(STRONG) - information(WEAK)) / np.log(2)  # the classes have 50 examples each
    assert metrics.mutual_information_gap(codes, factor).value == pytest.approx(gap, rel=1e-9)
    narrow = np.full_like(codes, 1e-3)
    assert metrics.mutual_information_gap(codes, factor, scales=narrow).value == pytest.approx(gap, rel=1e-6)


def test_mutual_information_of_posteriors_is_that_of_their_mixture():
    means, scale, factor = np.array([-1.0, 0.3, 1.1]), 0.6, np.repeat([0, 1, 2], 10)[:, None]
    codes, scales = means[factor], np.full((30, 1), scale)

    def integrand(z):
        given = scipy.stats.norm.pdf(z, means, scale)
        return (given * np.log(given / given.mean())).mean()

    expected, _ = scipy.integrate.quad(integrand, -6, 6)
    finer = [metrics.mutual_information(codes, factor, scales, bins)[0, 0] for bins in (5, 20, 200)]
    assert finer == sorted(finer)  # a lower bound that rises
    assert finer[-1] == pytest.approx(expected, rel=1e-3)
    assert finer[0] < 0.95 * expected


def test_wide_posteriors_hold_nothing_whatever_their_means_say():
    factor, codes = GRID[:, :1], 1e-3 * GRID[:, :1]
    assert metrics.mutual_information_gap(codes, factor).value == pytest.approx(1.0)
    assert metrics.mutual_information_gap(codes, factor, scales=np.ones_like(codes)).value < 1e-5


# --- the others, where they have a closed form ----------------------------------------------------------------------


def test_sap_of_correlated_latents_is_the_gap_of_their_squared_correlations():
    uncorrelated = np.linalg.qr(np.concatenate([np.ones_like(GRID[:, :1]), GRID[:, 2:], noise(2)], axis=1))[0]
    codes = uncorrelated[:, 1:2] + uncorrelated[:, 2:] * [1.0, 2.0]  # noise as large as the signal, and twice
    got = metrics.separated_attribute_predictability(codes, GRID[:, 2:]).value
    assert got == pytest.approx(1 / 2 - 1 / 5)


def test_sap_of_a_categorical_factor_is_the_gap_of_what_thresholds_reach():
    factor, strong = codes_of(STRONG)
    _, weak = codes_of(WEAK)
    got = metrics.separated_attribute_predictability(np.concatenate([weak, strong], axis=1), factor, categorical=(0,))
    assert got.value == pytest.approx(2 * (0.5 * (0.8 + 0.9) - 0.5 * (0.6 + 0.5)))  # above chance, of two classes


def test_disentanglement_and_completeness_tell_the_two_apart():
    split = np.concatenate([GRID[:, :1] > 0, GRID[:, :1] > 1, GRID[:, 1:2]], axis=1).astype(float)
    got = metrics.disentanglement_completeness_informativeness(split, GRID[:, :2], trees=5)
    assert got["disentanglement"].value == pytest.approx(1.0)  # each latent serves one factor
    assert 0.4 < got["completeness"].value < 0.8  # but the first factor needs two


def test_factor_vae_score_needs_one_latent_a_factor_and_not_one_factor_a_latent():
    twice = np.concatenate([GRID, GRID], axis=1).astype(float)
    assert metrics.factor_vae_score(twice, GRID, votes=100).value == 1.0
    merged = (GRID[:, :1] * SIZES[1] + GRID[:, 1:2]).astype(float)  # two factors in one latent, none of the third
    assert metrics.factor_vae_score(merged, GRID, votes=300).value == pytest.approx(1 / 3, abs=0.1)


# --- of a model -----------------------------------------------------------------------------------------------------


def test_rate_per_latent_adds_up_to_the_rate_and_moments_are_the_posterior_s(images):
    model = vae(seed=0)
    model.compile("adam")
    rate = model.evaluate(images, verbose=0, return_dict=True)["rate"]
    rates = metrics.rate_per_latent(model, images, batch_size=24)
    assert rates.shape == (3,)
    assert rates.sum() == pytest.approx(rate, rel=1e-5)
    means, scales = metrics.posterior_moments(model, images, batch_size=24)
    closed = 0.5 * (means**2 + scales**2 - 1) - np.log(scales)
    np.testing.assert_allclose(rates, closed.mean(axis=0), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.data("dsprites")
def test_dsprites_hold_every_combination_of_their_factors_once():
    """What the FactorVAE score and the mutual information gap take for granted."""
    _, factors = arrays("dsprites")
    assert len(np.unique(factors, axis=0)) == len(factors)
    assert len(factors) == np.prod([len(np.unique(column)) for column in factors.T])
