"""Ladders: equivalences, exact cases, and verbs rung by rung."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from frontier import LOADINGS, LOWER_SCALE, MEAN, NOISE, UPPER_TO_LOWER
from kinds import images
from tiny import compiled, networks

import keras_vae
from keras_vae import networks as nets
from keras_vae.distributions import divergences, product_of_experts
from keras_vae.networks import output_shapes
from keras_vae.parts import NormalLikelihood, Rung
from keras_vae.parts.ladder import SMALLEST_SCALE

tfd = tfp.distributions


def ladder(latent_sizes=(4, 3, 2), merge="precision", seed=0, **kwargs):
    made = keras_vae.LadderVAE(
        latent_sizes=latent_sizes, widths=(8,) * len(latent_sizes), merge=merge, seed=seed, **kwargs
    )
    made.build((None, 8, 8, 1))
    return made


def stirred(model, scale=0.3):
    """The model with other weights than the zeros that heads start at."""
    rng = np.random.default_rng(0)
    model.set_weights([weight + scale * rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def convolutional():
    """Latents of 2x2 and of 4x4 places below a vector."""
    sizes, shape, filters = (1, 2, 3), (8, 8, 1), (4, 4)
    return keras_vae.LadderVAE(
        nets.residual_ladder_encoder(shape, filters, width=8),
        nets.residual_ladder_decoder(1, shape, filters),
        nets.residual_top_down(sizes, shape, filters, width=8),
        latent_sizes=sizes,
        merge="residual",
        seed=0,
    )


def raw(scale):
    """What a rung's head must give for a scale."""
    return np.log(np.expm1(scale - SMALLEST_SCALE)) - 0.5413


def _set(layer, kernel, bias):
    layer.set_weights([np.asarray(kernel), np.asarray(bias)])


def exact():
    """Two rungs of one latent each at their exact posterior, and the exact log-density of x, a function."""
    x = keras.Input((3,))
    encoder = keras.Model(x, [keras.layers.Identity()(x), keras.layers.Identity()(x)])
    z, state = keras.Input((1,)), keras.Input((1,))
    decoder = keras.Model([z, state], keras.layers.Dense(3)(z))
    top_down = [keras.Sequential([keras.Input((1,)), keras.layers.Identity()])]
    made = keras_vae.LadderVAE(
        encoder, decoder, top_down, latent_sizes=(1, 1), merge="free", likelihood=NormalLikelihood(NOISE), seed=0
    )
    made.build((None, 3))
    variance = UPPER_TO_LOWER**2 + LOWER_SCALE**2
    covariance = variance * np.outer(LOADINGS, LOADINGS) + NOISE**2 * np.eye(3)
    gain = np.linalg.solve(covariance, UPPER_TO_LOWER * LOADINGS)  # q(upper|x)
    upper_scale = np.sqrt(1.0 - gain @ (UPPER_TO_LOWER * LOADINGS))
    precision = 1 / LOWER_SCALE**2 + LOADINGS @ LOADINGS / NOISE**2  # q(lower|upper, x)
    of_x, of_upper = LOADINGS / NOISE**2 / precision, UPPER_TO_LOWER / LOWER_SCALE**2 / precision
    softplus_inverse = np.log(np.expm1(upper_scale - 1e-5))
    zeros = np.zeros(3)
    _set(made.posterior.head, np.stack([gain, zeros], 1), [-gain @ MEAN, softplus_inverse])
    rung = made.rungs[0]
    _set(rung.prior_head, [[UPPER_TO_LOWER, 0.0]], [0.0, raw(LOWER_SCALE)])
    kernel = np.stack([[*of_x, of_upper], np.zeros(4)], 1)
    _set(rung.posterior_head, kernel, [-of_x @ MEAN, raw(precision**-0.5)])
    _set(made.decoder, LOADINGS[None], MEAN)
    return made, tfd.MultivariateNormalFullCovariance(MEAN.astype("float64"), covariance)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(20, 3)).astype("float32")


def test_free_energy_at_the_exact_posterior_is_minus_log_p_of_x(x):
    model, p = exact()
    q, prior = model.encode(x), model.prior_of()
    z = q.sample(seed=3)
    weights = model.decode(z).log_prob(x) + prior.log_prob(z) - q.log_prob(z)
    np.testing.assert_allclose(weights, p.log_prob(x), atol=1e-3)  # of every draw, so of their mean
    terms, _, _ = keras_vae.objectives.FreeEnergy(samples=10_000).terms(model, model.prepare(x))
    # Rates are in closed form given the draws above, so each draw's terms are noisy.
    np.testing.assert_allclose(terms["distortion"] + terms["rate"], -p.log_prob(x), atol=0.05)
    np.testing.assert_allclose(terms["rate"], terms["rate_z1"] + terms["rate_z2"], rtol=1e-5)


def test_importance_weights_come_nearer_with_draws_and_stay_below(x):
    model, p = exact()
    model.rungs[0].posterior_head.bias.assign_add([0.3, 0.4])
    few, many = (model.log_likelihood(x, samples=count, seed=0).mean() for count in (1, 500))
    truth = float(np.mean(p.log_prob(x)))
    assert few < many < truth + 0.01
    assert many > few + 0.05


def test_one_rung_is_a_vae_at_the_same_latents():
    encoder, decoder = networks()
    x = images(8)
    vae = keras_vae.VAE(encoder, decoder, latent_size=3, seed=1)
    vae.build((None, 8, 8, 1))
    one = keras_vae.LadderVAE(encoder, decoder, (), latent_sizes=(3,), seed=1)
    one.build((None, 8, 8, 1))
    one.set_weights(vae.get_weights())
    both = []
    for model in (vae, one):
        q, p = model.encode(x), model.prior_of()
        z = tf.random.normal((8, 3), seed=0) if not both else both[0]
        latents = z if model is vae else {"z1": z}
        rate = divergences(q, p, latents)
        both += [z] if not both else []
        both += [(rate if model is vae else rate["z1"], model.decode(latents).log_prob(x))]
    np.testing.assert_allclose(both[1][0], both[2][0], rtol=1e-6)
    np.testing.assert_allclose(both[1][1], both[2][1], rtol=1e-6)


@pytest.mark.parametrize("merge", ["precision", "residual", "free"])
def test_rates_of_the_rungs_are_the_mean_of_log_q_less_log_p(merge):
    model, x = stirred(ladder(merge=merge)), images(4)
    q, p = model.encode(x), model.prior_of()
    z = q.sample(4000, seed=1)
    logs = q.log_probs(z), p.log_probs(z)
    rates = divergences(q, p, z)
    for name in ("z1", "z2", "z3"):
        drawn = (logs[0][name] - logs[1][name]).numpy()
        closed = np.broadcast_to(rates[name], drawn.shape)
        difference = drawn - closed
        error = difference.std(axis=0) / np.sqrt(len(z[name]))
        assert (np.abs(difference.mean(axis=0)) < 4 * error + 1e-5).all(), name


def test_precision_merge_is_the_product_of_both_normals():
    rung = Rung(2, "precision")
    rung.build([(None, 3), (None, 4)])
    rng = np.random.default_rng(0)
    for head in (rung.prior_head, rung.posterior_head):
        head.set_weights([rng.normal(size=weight.shape) for weight in head.get_weights()])
    features, state = rng.normal(size=(5, 3)).astype("float32"), rng.normal(size=(5, 4)).astype("float32")
    own = tf.split(rung.posterior_head(features), 2, axis=-1)
    own = own[0], tf.nn.softplus(own[1] + 0.5413) + SMALLEST_SCALE
    pair = [tf.stack(parts) for parts in zip(own, rung.prior(state), strict=True)]
    for got, wanted in zip(rung.posterior(features, state), product_of_experts(*pair, prior=False), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_residual_rate_has_the_closed_form_of_the_residuals():
    rung = Rung(2, "residual")
    rung.build([(None, 3), (None, 4)])
    rng = np.random.default_rng(0)
    for head in (rung.prior_head, rung.posterior_head):
        head.set_weights([0.5 * rng.normal(size=weight.shape) for weight in head.get_weights()])
    features, state = rng.normal(size=(5, 3)).astype("float32"), rng.normal(size=(5, 4)).astype("float32")
    (loc, scale), (q_loc, q_scale) = rung.prior(state), rung.posterior(features, state)
    moved, widened = (q_loc - loc) / scale, q_scale / scale
    wanted = 0.5 * tf.reduce_sum(moved**2 + widened**2 - tf.math.log(widened**2) - 1.0, axis=-1)
    got = tfd.kl_divergence(rung.family(q_loc, q_scale), rung.family(loc, scale))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_without_residuals_the_rate_is_zero_and_q_draws_as_p_does():
    model, x = stirred(ladder(merge="residual")), images(6)
    for rung in model.rungs:
        rung.posterior_head.set_weights([0.0 * weight for weight in rung.posterior_head.get_weights()])
        bias = np.zeros(2 * rung.latent_size)
        bias[rung.latent_size :] = raw(1.0)  # a factor of 1 of the scale
        rung.posterior_head.bias.assign(bias)
    head = model.posterior.head
    _set(head, np.zeros(head.kernel.shape), [0.0, 0.0, *[np.log(np.expm1(1.0 - 1e-5))] * 2])
    q, p = model.encode(x), model.prior_of()
    z = q.sample(seed=0)
    rates = divergences(q, p, z)
    assert max(np.abs(rate).max() for rate in rates.values()) < 1e-5
    for name in z:  # each rung is drawn from the same, whatever x
        of_q, of_p = q.at(name, z), p.at(name, z)
        np.testing.assert_allclose(of_q.mean(), np.broadcast_to(of_p.mean(), of_q.mean().shape), atol=1e-5)
        np.testing.assert_allclose(of_q.stddev(), np.broadcast_to(of_p.stddev(), of_q.stddev().shape), atol=1e-5)


@pytest.mark.parametrize("objective", ["free_energy", "importance_weighted"])
def test_a_step_drops_the_same_in_q_in_p_and_in_the_likelihood(objective):
    """So that a posterior that is the prior has no rate, whatever a network on the way down does in training."""
    down = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8), keras.layers.Dropout(0.5)])
    nets = (
        keras_vae.networks.dense_ladder_encoder((8, 8, 1), (8, 8)),
        keras_vae.networks.dense_decoder(3, (8, 8, 1), (8,), condition_shape=(8,)),
    )
    model = keras_vae.LadderVAE(
        *nets, [down], latent_sizes=(3, 2), merge="residual", objective=objective, beta=1.0, seed=0
    )
    model.build((None, 8, 8, 1))
    rng = np.random.default_rng(0)
    head = model.rungs[0].prior_head
    head.set_weights([rng.normal(size=weight.shape) for weight in head.get_weights()])
    terms, _, _ = model.terms(model.prepare(images(4)), training=True)
    np.testing.assert_allclose(terms["rate_z1"], 0.0, atol=5e-3)  # its scale is 1.001 at the start
    assert np.abs(terms["rate"]).max() > 1e-3  # the top's


def test_a_ladder_learns_by_importance_weights():
    model, x = compiled(ladder(objective=keras_vae.objectives.ImportanceWeighted(5))), images(20)
    history = model.fit(x, epochs=2, verbose=0).history
    rates = sum(np.array(history[f"rate_z{rung}"]) for rung in (1, 2, 3))
    np.testing.assert_allclose(history["rate"], rates, rtol=1e-4)
    assert (np.array(history["importance_bound"]) < history["free_energy"]).all()


def test_units_of_all_rungs_are_counted():
    model, x = stirred(ladder()), images(20)
    expected = sum((means.var(axis=0) > 0.01).sum() for means in model.embed(x).values())
    assert keras_vae.metrics.active_units(model, x).value == expected > 4


def test_a_temperature_near_one_gives_the_draws_of_one():
    model = stirred(ladder())
    np.testing.assert_allclose(model.sample(5, seed=1), model.sample(5, seed=1, temperature=0.9999), atol=1e-2)
    assert np.abs(model.sample(5, seed=1) - model.sample(5, seed=2)).max() > 0.05


def test_features_and_state_of_other_places_are_refused():
    with pytest.raises(ValueError, match="must be of the same places"):
        Rung(2).build([(None, 7, 7, 3), (None, 14, 14, 4)])


def test_verbs_go_rung_by_rung():
    model, x = stirred(ladder()), images(5)
    z = model.embed(x)
    assert {name: part.shape for name, part in z.items()} == {"z1": (5, 4), "z2": (5, 3), "z3": (5, 2)}
    np.testing.assert_allclose(model.reconstruct(x, rungs=3), model.reconstruct(x))
    assert np.abs(model.reconstruct(x, rungs=1) - model.reconstruct(x)).max() > 1e-3
    moved = model.traverse(x, 1, [float(z["z3"][0, 1])], rung="z3")
    np.testing.assert_allclose(moved[0, 0], model.reconstruct(x[:1], rungs=1)[0], atol=1e-5)
    assert model.traverse(x, 0).shape == (7, 5, 8, 8, 1)
    calm, wild = (model.sample(200, seed=0, temperature=t).numpy().std(axis=0).mean() for t in (0.1, 1.0))
    assert calm < 0.5 * wild
    np.testing.assert_allclose(model.sample(3, seed=0, temperature={"z1": 1.0}), model.sample(3, seed=0))


BAD = {
    "temperature": (lambda m, x: m.sample(2, temperature=0.0), ValueError, "temperature of 'z1' must be"),
    "no rung": (lambda m, x: m.sample(2, temperature={"z9": 1.0}), ValueError, "Unknown rung 'z9'"),
    "rungs": (lambda m, x: m.reconstruct(x, rungs=4), ValueError, "rungs must be an integer, 1 to 3"),
    "latent": (lambda m, x: m.traverse(x, 2), ValueError, "latent must be an integer, 0 to 1"),
    "a rung's name": (lambda m, x: m.traverse(x, 0, rung="z4"), ValueError, "Unknown rung"),
    "one array": (lambda m, x: m.decode(np.zeros((2, 4))), TypeError, "are a dict of"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_calls_are_refused(bad):
    call, error, message = bad
    with pytest.raises(error, match=message):
        call(ladder(), images(2))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"latent_sizes": ()}, "latent_sizes must be"),
        ({"latent_sizes": (4, 2), "widths": (8,)}, "widths must be 2"),
        ({"merge": "added"}, "Unknown merge"),
        ({"top_down": [keras.layers.Dense(3)]}, "Give all of encoder, top_down and decoder"),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        keras_vae.LadderVAE(**kwargs)


def test_an_encoder_must_return_features_for_each_rung():
    encoder, _ = networks()
    with pytest.raises(ValueError, match="must return a list of 2 tensors; got 1"):
        output_shapes("encoder", encoder, (None, 8, 8, 1), 2)


@pytest.mark.further
def test_convolutional_rungs_learn_are_saved_and_drawn(tmp_path):
    model, x = compiled(convolutional(), "adam"), images(16)
    history = model.fit(x, epochs=2, batch_size=8, verbose=0).history
    assert history["free_energy"][-1] < history["free_energy"][0]
    assert history["rate_z1"][-1] >= 0
    assert {name: part.shape[1:] for name, part in model.embed(x).items()} == {
        "z1": (4, 4, 1),
        "z2": (2, 2, 2),
        "z3": (3,),
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.reconstruct(x), model.reconstruct(x), atol=1e-6)
    np.testing.assert_allclose(loaded.sample(3, seed=1), model.sample(3, seed=1), atol=1e-6)
    assert model.log_likelihood(x[:2], samples=3).shape == (2,)
    with pytest.raises(ValueError, match="no vector"):
        model.traverse(x, 0, rung="z2")


def test_free_bits_press_no_rung_below_its_own():
    from keras_vae.objectives import FreeBits

    model = ladder(objective=FreeBits(2.0, beta=1.5))
    terms, losses, _ = model.terms(model.prepare(images(8)), training=False)
    rates = [np.mean(terms[f"rate_{name}"]) for name in ("z1", "z2", "z3")]
    np.testing.assert_allclose(losses["rate"], 1.5 * sum(max(rate, 2.0) for rate in rates), rtol=1e-5)
    np.testing.assert_allclose(np.mean(terms["rate"]), sum(rates), rtol=1e-5)
