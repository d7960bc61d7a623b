"""The coupled exponential family against a grid, where everything is known: one latent a side."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

from keras_vae.distributions import GibbsMixture, coupled_kl_divergence
from keras_vae.parts import CoupledExponentialPrior
from keras_vae.parts.coupled_prior import GAIN

NAMES = ("linear", "first_mixed", "second_mixed", "quadratic")
RAW = dict(zip(NAMES, (0.6, 0.9, -0.5, -1.2), strict=True))  # a strong coupling of all four kinds
NATURAL = {"both": (1.5, -0.8, -1.0, -0.3), "first": (1.5, 0.0, -1.0, 0.0), "second": (0.0, -0.8, 0.0, -0.3)}
GRID = np.linspace(-8.0, 8.0, 321)


def prior(latent_sizes=(1, 1), raw=None, **kwargs):
    made = CoupledExponentialPrior(latent_sizes, **kwargs)
    made.build()
    for name, value in (raw or {}).items():
        made.pairs[f"{name}_0_1"].assign(np.full(made.pairs[f"{name}_0_1"].shape, value / GAIN))
    return made


def random_prior(latent_sizes, scale=1.0, seed=0, **kwargs):
    made, generator = prior(latent_sizes, **kwargs), np.random.default_rng(seed)
    for weight in made.pairs.values():
        weight.assign(weight + scale / GAIN * generator.normal(size=weight.shape))
    return made


def seed(value=0):
    return tf.constant([value, 0])


def log_densities(raw, natural):
    """Of p and q on the grid, `[z1, z2]`, normalised, and `log Z_p`; written out from theory, in float64."""
    a = 1.6 * raw[0] / np.sqrt(1 + raw[0] ** 2)
    strength = np.exp(raw[3]) + 0.06 * min(a**32, 1)
    bound = 0.09 * np.sqrt(2 * strength)
    z1, z2 = GRID[:, None], GRID[None, :]
    p = -0.5 * z1**2 - 0.5 * z2**2 + a * z1 * z2 - strength * z1**2 * z2**2
    p = p + bound * np.tanh(raw[1]) * z1 * z2**2 + bound * np.tanh(raw[2]) * z1**2 * z2
    q = p + natural[0] * z1 + natural[1] * z2 + natural[2] * z1**2 + natural[3] * z2**2
    cell = (GRID[1] - GRID[0]) ** 2
    log_z_p, log_z_q = (np.log(np.exp(part).sum() * cell) for part in (p, q))
    return p - log_z_p, q - log_z_q, log_z_p - np.log(2 * np.pi)


def exact_kl(raw, natural):
    p, q, _ = log_densities(raw, natural)
    return np.sum(np.exp(q) * (q - p)) * (GRID[1] - GRID[0]) ** 2


def finite_differences(raw, natural, present):
    values, step = np.concatenate([raw, natural]), 1e-4
    gradient = []
    for index in range(len(values)):
        moved = [exact_kl(v[:4], v[4:]) for v in (values + step * np.eye(len(values))[index] * s for s in (1, -1))]
        gradient.append((moved[0] - moved[1]) / (2 * step))
    return np.array(gradient)[np.concatenate([np.ones(4, bool), present])]


@pytest.fixture(scope="module")
def states():
    """Draws of the prior."""
    return prior(raw=RAW, chains=100).distribution().chains(80_000, seed(1), sweeps=40)[1]


@pytest.mark.slow
@pytest.mark.parametrize("observed", NATURAL)
@pytest.mark.parametrize("estimator", ["pathwise", "covariance"])
def test_gradient_of_the_kl_agrees_with_finite_differences_on_a_grid(observed, estimator, states):
    natural = np.array(NATURAL[observed])
    made = prior(raw=RAW, chains=100)
    made.log_partition.assign(log_densities(list(RAW.values()), natural)[2])
    linear, quadratic = (tf.constant(natural[part], "float32") for part in (slice(2), slice(2, 4)))
    weights = [made.pairs[f"{name}_0_1"].value for name in NAMES]

    @tf.function(autograph=False)
    def gradients(group):
        with tf.GradientTape() as tape:
            tape.watch([linear, quadratic])
            q = made.posterior(
                *(part + tf.zeros([125, 1]) for part in (linear, quadratic)), sweeps=30, gradient_sweeps=15
            )
            before, after = q.chains(16, tf.stack([1, group]))
            kl = coupled_kl_divergence(
                q, made.distribution(), before, after, tf.reshape(states, [-1, 2000, 2])[group], estimator
            )
            kl = tf.reduce_mean(kl)
        parts = [tf.reshape(g, [-1]) for g in tape.gradient(kl, [*weights, linear, quadratic])]
        return tf.concat([*(part / GAIN for part in parts[:4]), *parts[4:]], axis=0), kl

    groups = 40
    rows, values = (np.array(part) for part in zip(*map(gradients, tf.range(groups)), strict=True))
    present = natural != 0
    rows = rows[:, np.concatenate([np.ones(4, bool), present])]
    exact = finite_differences(np.array(list(RAW.values())), natural, present)
    errors = rows.std(axis=0, ddof=1) / np.sqrt(groups)
    assert errors.max() < 0.04 * np.abs(exact).max()  # or the next line could not fail
    np.testing.assert_array_less(np.abs(rows.mean(axis=0) - exact), 4 * errors + 1e-3)
    assert abs(values.mean() - exact_kl(list(RAW.values()), natural)) < 4 * values.std() / np.sqrt(groups) + 2e-3


def counts_and_probabilities(samples, log_density):
    """Counts of samples `[draws, 2]` and probabilities of the cells of an 8x8 partition of the plane."""
    edges = np.linspace(-8.0, 8.0, 321)
    half = (edges[1] - edges[0]) / 2
    density = np.exp(log_density)
    margins = [np.cumsum(density.sum(axis=1 - axis)) / density.sum() for axis in (0, 1)]
    cuts = [np.searchsorted(margin, np.arange(1, 8) / 8) for margin in margins]
    cells = np.add.reduceat(np.add.reduceat(density, [0, *cuts[0]], axis=0), [0, *cuts[1]], axis=1)
    places = [np.searchsorted(GRID[cuts[axis]] - half, samples[:, axis]) for axis in (0, 1)]
    counts = np.zeros((8, 8))
    np.add.at(counts, tuple(places), 1)
    return counts, cells / cells.sum()


@pytest.mark.parametrize("observed", [*NATURAL, "none"])
def test_draws_pass_a_goodness_of_fit_test_against_the_grid(observed):
    natural = NATURAL.get(observed, (0.0, 0.0, 0.0, 0.0))
    made = prior(raw=RAW)
    q = made.posterior(tf.constant(natural[:2]), tf.constant(natural[2:]), sweeps=30)
    samples = q.sample(20_000, seed=seed()).numpy()
    counts, probabilities = counts_and_probabilities(samples, log_densities(list(RAW.values()), natural)[1])
    expected = probabilities * len(samples)
    kept = expected > 5
    statistic = np.sum((counts - expected)[kept] ** 2 / expected[kept])
    assert stats.chi2.sf(statistic, kept.sum() - 1) > 1e-3
    other = log_densities([*list(RAW.values())[:3], -2.5], natural)[1]  # of a weaker coupling, which must fail
    counts, probabilities = counts_and_probabilities(samples, other)
    expected = probabilities * len(samples)
    assert stats.chi2.sf(np.sum((counts - expected)[kept] ** 2 / expected[kept]), kept.sum() - 1) < 1e-6


def test_log_density_is_that_of_the_grid():
    made = prior(raw=RAW)
    _, expected, log_partition = log_densities(list(RAW.values()), NATURAL["both"])
    z = np.stack(np.meshgrid(GRID[::40], GRID[::40], indexing="ij"), axis=-1).astype("float32")
    q = made.posterior(tf.constant(NATURAL["both"][:2]), tf.constant(NATURAL["both"][2:]))
    got, expected = q.unnormalized_log_prob(z).numpy(), expected[::40, ::40]
    np.testing.assert_allclose(got - got[4, 4], expected - expected[4, 4], rtol=1e-4, atol=1e-4)
    made.log_partition.assign(log_partition)
    p = log_densities(list(RAW.values()), (0, 0, 0, 0))[0][::40, ::40]
    np.testing.assert_allclose(made.distribution().log_prob(z), p, rtol=1e-4, atol=1e-4)
    with pytest.raises(NotImplementedError, match="up to a constant"):
        q.log_prob(z)


@pytest.mark.parametrize("observed", NATURAL)
def test_mean_and_standard_deviation_are_near_the_exact_ones(observed):
    made = prior(raw=RAW)
    natural = tf.constant(NATURAL[observed])
    q = made.posterior(natural[:2], natural[2:])
    density = np.exp(log_densities(list(RAW.values()), NATURAL[observed])[1]) * (GRID[1] - GRID[0]) ** 2
    means = [np.sum(density.sum(axis=1 - axis) * GRID) for axis in (0, 1)]
    squares = [np.sum(density.sum(axis=1 - axis) * GRID**2) for axis in (0, 1)]
    deviations = np.sqrt(np.subtract(squares, np.square(means)))
    assert (np.abs(q.mean() - means) < 0.35 * deviations).all()  # of 32 chains, partly averaged analytically
    np.testing.assert_allclose(q.stddev(), deviations, rtol=0.3)


def test_log_partition_agrees_with_quadrature_from_both_ends():
    made = prior(raw=RAW, chains=2000)
    forward, reverse = made.update_log_partition(steps=300)
    exact = log_densities(list(RAW.values()), (0, 0, 0, 0))[2]
    assert abs(exact) > 0.03
    assert abs(forward - exact) < 0.02
    assert abs(reverse - exact) < 0.02
    np.testing.assert_allclose(made.log_partition, (forward + reverse) / 2)


def test_log_partition_of_many_latents_agrees_from_both_ends():
    made = random_prior((6, 7, 5), scale=1.5)
    forward, reverse = made.update_log_partition(steps=1000, sweeps=200)
    assert abs(forward) > 0.3
    assert abs(forward - reverse) < 0.1


@pytest.mark.parametrize("latent_sizes", [(1, 1), (3, 2), (4, 5, 3), (2, 2, 2, 2)])
def test_the_family_is_proper_and_its_normaliser_bounded_at_extreme_parameters(latent_sizes):
    for trial in range(20):
        p = random_prior(latent_sizes, scale=4.0, seed=trial).distribution()
        z = 10.0 ** np.random.default_rng(trial).uniform(-2, 3, [500, sum(latent_sizes)]).astype("float32")
        z = z * np.random.default_rng(trial + 99).choice([-1.0, 1.0], z.shape).astype("float32")
        assert np.all(p.natural_parameters(z)[1] < 0.5)  # precisions are positive
        constant = 0.5 * z.shape[1] * np.log(2 * np.pi)
        found = -(p.unnormalized_log_prob(z).numpy() + constant)
        assert np.all(found > bound(z, latent_sizes, p.coupling.numpy()) - 1e-4 * np.abs(found))


def bound(z, latent_sizes, coupling):
    """The lower bound of `-log p~`, but for the constant, that coupled.py states."""
    ends = np.cumsum([0, *latent_sizes])
    parts = np.split(z, np.cumsum(latent_sizes)[:-1], axis=-1)
    norms = np.stack([np.linalg.norm(part, axis=-1) for part in parts])
    total, pairs = (0.5 - 2 * 0.09**2) * np.sum(norms**2, axis=0), len(parts) - 1
    for first in range(len(parts)):
        for second in range(first):
            t = norms[first] * norms[second]
            d = sum(latent_sizes) - min(latent_sizes[first], latent_sizes[second])
            linear = coupling[ends[first] : ends[first + 1], ends[second] : ends[second + 1]] * pairs
            total = total - 1.6 / pairs * t + 0.06 / (2 * d) * min(np.sum(np.linalg.svd(linear)[1] ** 32), 1.0) * t**2
    return total


def test_the_bound_of_the_normaliser_is_nearly_reached():
    """So that the test above could fail: along the strongest linear coupling `-log p~` is below zero."""
    made = prior((1, 1), {"quadratic": -60.0, "linear": 40.0, "first_mixed": 40.0, "second_mixed": 40.0})
    z = np.full([1, 2], 1.039, "float32")  # where 0.09 sqrt(2 c) |z|^3 is half of c |z|^4 and 2 * 0.09^2 |z|^2
    found = -(made.distribution().unnormalized_log_prob(z).numpy() + np.log(2 * np.pi))
    lowest = bound(z, (1, 1), made.coupling().numpy())
    assert lowest < found < lowest + 0.01
    assert found < -0.25


def test_marginal_integrates_one_modality():
    p = random_prior((1, 2), seed=3).distribution()
    z = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    line = np.linspace(-12, 12, 4001, dtype="float32")
    joint = np.broadcast_to(z[:, None], (5, len(line), 3)).copy()
    joint[:, :, 0] = line
    expected = np.log(np.exp(p.unnormalized_log_prob(joint).numpy()).sum(axis=1) * (line[1] - line[0]))
    np.testing.assert_allclose(p.marginal_log_prob(z), expected, atol=1e-3)


def test_zero_coupling_is_the_standard_normal():
    made = prior((2, 3), {"quadratic": -40.0, "linear": 0.0})
    z = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    expected = tfp.distributions.MultivariateNormalDiag(tf.zeros(5)).log_prob(z)
    np.testing.assert_allclose(made.distribution().log_prob(z), expected, atol=1e-5)
    np.testing.assert_allclose(made.update_log_partition(), 0.0, atol=1e-5)


@pytest.mark.slow
def test_sweep_density_is_that_of_its_draws():
    """Importance weights of one sweep's draws average to the ratio of the normalisers."""
    natural = tf.constant(NATURAL["both"])
    q = prior(raw=RAW).posterior(natural[:2], natural[2:])
    mixture = GibbsMixture(q, q.sample(16, seed=seed()))
    z = mixture.sample(20_000, seed=seed(1))
    weights = np.exp(q.unnormalized_log_prob(z) - mixture.log_prob(z))
    raw = list(RAW.values())
    p, _, log_partition = log_densities(raw, (0, 0, 0, 0))
    z1, z2 = GRID[:, None], GRID[None, :]
    nu = NATURAL["both"]
    tilt = nu[0] * z1 + nu[1] * z2 + nu[2] * z1**2 + nu[3] * z2**2
    exact = np.exp(log_partition) * np.sum(np.exp(p + tilt)) * (GRID[1] - GRID[0]) ** 2
    assert abs(weights.mean() - exact) < 4 * weights.std() / np.sqrt(len(weights))
    assert weights.std() < 0.5 * weights.mean()
    few = np.concatenate(
        [mixture.sample(5, seed=seed(2 + index)) for index in range(2000)]
    )  # in parts, no multiple of 16
    weights = np.exp(q.unnormalized_log_prob(few) - mixture.log_prob(few))
    assert abs(weights.mean() - exact) < 4 * weights.std() / np.sqrt(2000)


def test_pairs_of_modalities_couple_and_latents_of_one_do_not():
    made = random_prior((2, 3, 2), private_sizes=(0, 1, 0))
    coupling = made.coupling().numpy()
    np.testing.assert_allclose(coupling, coupling.T, rtol=1e-5)
    within = made.owner[:, None] == made.owner[None, :]
    lone = made.private[:, None] | made.private[None, :]
    zero = np.tile(within | lone, (2, 2))
    assert np.all((coupling == 0) == zero)
    assert made.owner.tolist() == [0, 0, 1, 1, 1, 2, 2, 1]


def test_gradient_reaches_the_parameters_through_draws():
    """That of `E_q[z]` by the coupling and by nu, against finite differences on the grid."""
    raw, natural = np.array(list(RAW.values())), np.array(NATURAL["first"])

    def exact(index):
        moved = []
        for sign in (1, -1):
            values = np.concatenate([raw, natural])
            values[index] += sign * 1e-4
            density = np.exp(log_densities(values[:4], values[4:])[1])
            moved.append(np.sum(density.sum(axis=0) * GRID) * (GRID[1] - GRID[0]) ** 2)
        return (moved[0] - moved[1]) / 2e-4

    made = prior(raw=RAW)
    linear, quadratic = tf.constant(natural[:2], "float32"), tf.constant(natural[2:], "float32")
    with tf.GradientTape() as tape:
        tape.watch([linear, quadratic])
        q = made.posterior(linear, quadratic, sweeps=30, gradient_sweeps=15)
        value = tf.reduce_mean(q.sample(40_000, seed=seed())[:, 1])  # the absent one's
    got = tape.gradient(value, [made.pairs["linear_0_1"].value, linear])
    np.testing.assert_allclose(tf.reshape(got[0], []) / GAIN, exact(0), rtol=0.05, atol=0.01)
    np.testing.assert_allclose(got[1][0], exact(4), rtol=0.05, atol=0.01)


@pytest.mark.parametrize(
    ("sizes", "error"), [((1,), ValueError), ((0, 2), ValueError), ((2, 2.5), TypeError), ((2, -1), ValueError)]
)
def test_sizes_that_are_none_are_refused(sizes, error):
    with pytest.raises(error, match="latent_sizes must be"):
        CoupledExponentialPrior(sizes)


def test_prior_comes_back_from_its_configuration():
    made = CoupledExponentialPrior((2, 3), (0, 1), chains=8, sweeps=9)
    again = CoupledExponentialPrior.from_config(made.get_config())
    assert (again.latent_sizes, again.private_sizes, again.count, again.sweeps) == ((2, 3), (0, 1), 8, 9)
    assert again.latent_size == 6


def test_normaliser_is_followed_while_the_coupling_moves():
    made = random_prior((3, 4), chains=2000)
    made.update_log_partition(steps=300)
    generator = np.random.default_rng(1)
    direction = {name: generator.normal(size=weight.shape) for name, weight in made.pairs.items()}
    before = float(made.log_partition)
    for step in range(40):
        for name, weight in made.pairs.items():
            weight.assign(weight + 0.005 * direction[name])
        states = made.advance(2, seed(step))
    assert states.shape == (1000, 7)
    followed = float(made.log_partition)
    forward, reverse = made.update_log_partition(steps=300)
    assert abs((forward + reverse) / 2 - before) > 0.1
    assert followed == pytest.approx((forward + reverse) / 2, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 1.0}, r"start must lie in \(-1, 1\) with 2 modalities; got 1"),
        ({"latent_sizes": (2, 2, 2), "start": 0.5}, r"start must lie in \(-0.5, 0.5\) with 3 modalities; got 0.5"),
        ({"chains": 7}, "chains must be even; got 7"),
    ],
)
def test_prior_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        CoupledExponentialPrior(**{"latent_sizes": (2, 2), **options})


def test_three_modalities_start_coupled():
    coupling = prior((2, 3, 2), start=0.4).coupling().numpy()
    assert [coupling[0, 2], coupling[1, 3], coupling[0, 5], coupling[2, 5]] == pytest.approx([0.4] * 4, abs=1e-6)


def test_one_event_has_a_density():
    p = random_prior((2, 2)).distribution()
    z = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    assert float(p.log_prob(z[0])) == pytest.approx(float(p.log_prob(z)[0]), abs=1e-5)
