"""What equals what, by theory.md: no remembered numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import mean_terms
from tiny import cvae, mvae, vae

import keras_vae
from keras_vae.data import digits
from keras_vae.distributions import product_of_experts
from keras_vae.parts import NormalPosterior


def repeated(data, times=20):
    """Every example many times: each copy gets its own draw of z."""
    return keras.tree.map_structure(lambda part: np.repeat(part, times, axis=0), data)


# --- the objective --------------------------------------------------------------------------------------------------


def test_objective_at_beta_one_is_the_free_energy(images):
    terms, objective = mean_terms(vae(seed=0), images)
    assert sum(objective.values()) == pytest.approx(terms["distortion"] + terms["rate"])


@pytest.mark.parametrize("beta", [0.0, 4.0])
def test_beta_weights_the_rate_of_the_objective_and_nothing_that_is_measured(beta, images):
    keras.utils.set_random_seed(0)
    plain, _ = mean_terms(vae(seed=0), images)
    keras.utils.set_random_seed(0)
    terms, objective = mean_terms(vae(seed=0, beta=beta), images)
    assert terms == pytest.approx(plain)
    assert sum(objective.values()) == pytest.approx(terms["distortion"] + beta * terms["rate"])


def test_history_holds_the_objective_as_loss_and_the_free_energy_without_beta(images):
    model = vae(seed=0, beta=3.0)
    model.compile("sgd")
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["free_energy"] == pytest.approx(logs["distortion"] + logs["rate"], rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["distortion"] + 3.0 * logs["rate"], rel=1e-5)


def test_modality_weights_weight_the_objective_and_nothing_that_is_measured(pairs):
    keras.utils.set_random_seed(0)
    plain, plain_objective = mean_terms(mvae(seed=0), pairs)
    keras.utils.set_random_seed(0)
    terms, objective = mean_terms(mvae(seed=0, modality_weights={"middle": 5.0}), pairs)
    assert terms == pytest.approx(plain)
    assert objective["distortion_middle"] == pytest.approx(5 * plain_objective["distortion_middle"])
    assert objective["distortion_image"] == pytest.approx(plain_objective["distortion_image"])


# --- conditions -----------------------------------------------------------------------------------------------------


def without_condition(weights, own_inputs, condition):
    """Dense weights of a network of `[own input, condition]` to those of a network for this one condition."""
    kernel, bias, *others = weights
    return [kernel[:own_inputs], bias + condition @ kernel[own_inputs:], *others]


def test_cvae_with_a_constant_condition_and_a_fixed_prior_is_the_vae(images):
    condition = np.random.default_rng(0).normal(size=10).astype("float32")
    data = {"x": images, "condition": np.tile(condition, (64, 1))}
    conditional, plain = cvae(seed=0), vae(seed=0)
    conditional.build({"x": images.shape, "condition": (64, 10)})
    plain.build(images.shape)
    plain.encoder.set_weights(without_condition(conditional.encoder.get_weights(), 64, condition))
    plain.decoder.set_weights(without_condition(conditional.decoder.get_weights(), 3, condition))
    plain.posterior.set_weights(conditional.posterior.get_weights())
    assert mean_terms(conditional, data)[0] == pytest.approx(mean_terms(plain, images)[0], rel=1e-5)
    np.testing.assert_allclose(conditional.embed(data), plain.embed(images), atol=1e-5)
    np.testing.assert_allclose(
        conditional.log_likelihood(data, samples=5), plain.log_likelihood(images, samples=5), rtol=1e-5
    )
    np.testing.assert_allclose(
        conditional.sample(condition=data["condition"][:4], seed=1), plain.sample(4, seed=1), atol=1e-5
    )


def test_cvae_with_a_condition_of_zeros_learns_what_the_vae_learns(images):
    histories = []
    for model, data in ((cvae(seed=0), {"x": images, "condition": np.zeros((64, 10))}), (vae(seed=0), images)):
        for network, seed in ((model.encoder, 1), (model.decoder, 2)):
            own = np.random.default_rng(seed)
            shapes = [weight.shape for weight in network.get_weights()]
            kernel = 0.1 * own.normal(size=(64 if network is model.encoder else 3, 16))
            rows = np.zeros((shapes[0][0] - len(kernel), 16))  # of the condition
            others = [0.1 * own.normal(size=shape) for shape in shapes[1:]]
            network.set_weights([np.concatenate([kernel, rows]), *others])
        keras.utils.set_random_seed(3)
        model.build(keras.tree.map_structure(np.shape, data))
        model.compile("adam")
        histories.append(model.fit(data, batch_size=16, epochs=3, shuffle=False, verbose=0).history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-4, err_msg=name)


# --- several modalities ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e30, 0.5])
@pytest.mark.parametrize(
    "options", [{"reconstruct_absent": False}, {"private_latents": {"image": 1}}], ids=["mvae", "private"]
)
def test_a_masked_modality_is_a_left_out_one_whatever_stands_in_it(garbage, options, pairs):
    model = mvae(seed=0, **options)
    masked = {**pairs, "middle": np.full_like(pairs["middle"], garbage), "observed": {"middle": np.zeros(32, bool)}}
    left_out = {"image": pairs["image"]}
    np.testing.assert_allclose(model.embed(masked), model.embed(left_out), atol=1e-6)
    np.testing.assert_allclose(
        model.log_likelihood(masked, samples=5), model.log_likelihood(left_out, samples=5), rtol=1e-5
    )
    (terms, _), (expected, _) = mean_terms(model, masked), mean_terms(model, left_out)
    assert terms["rate"] == pytest.approx(expected["rate"], rel=1e-5)
    assert terms["distortion_middle"] == expected["distortion_middle"] == 0
    with tf.GradientTape() as tape:
        _, objective, _ = model.terms(model.prepare(masked), True)
        loss = tf.add_n([tf.reduce_mean(value) for value in objective.values()])
    assert np.isfinite(loss)
    for gradient in tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero"):
        assert np.isfinite(gradient).all()


def test_a_mask_acts_on_its_own_rows_only(pairs):
    model = mvae(seed=0)
    rows = np.arange(32) % 2 == 0
    masked = {**pairs, "middle": np.where(rows[:, None], pairs["middle"], np.nan), "observed": {"middle": rows}}
    both, alone, mixed = model.embed(pairs), model.embed({"image": pairs["image"]}), model.embed(masked)
    np.testing.assert_allclose(mixed, np.where(rows[:, None], both, alone), atol=1e-6)
    assert np.abs(both - alone).max() > 1e-3


def test_with_nothing_observed_the_posterior_is_the_prior_and_the_objective_zero(pairs):
    model = mvae(seed=0)
    nothing = {**pairs, "observed": dict.fromkeys(pairs, np.zeros(32, bool))}
    q = model.encode(nothing)
    np.testing.assert_allclose(q.mean(), np.zeros((32, 3)))
    np.testing.assert_allclose(q.stddev(), np.ones((32, 3)))
    terms, objective = mean_terms(model, nothing, training=True)
    assert set(terms.values()) == set(objective.values()) == {0.0}


def test_posterior_is_the_product_of_the_experts_and_the_prior(pairs):
    model = mvae(seed=0)
    batch = model.prepare(pairs)
    locs, scales = zip(*model.experts(batch).values(), strict=True)
    precision = 1 + sum(np.float64(scale) ** -2 for scale in scales)
    mean = sum(np.float64(loc) / np.float64(scale) ** 2 for loc, scale in zip(locs, scales, strict=True)) / precision
    q = model.encode(pairs)
    np.testing.assert_allclose(q.mean(), mean, atol=1e-5)
    np.testing.assert_allclose(q.stddev(), precision**-0.5, rtol=1e-5)


@keras.saving.register_keras_serializable("tests")
class TimesPrior(NormalPosterior):
    """What MVAE makes of its one expert: its product with the prior."""

    def family(self, loc, scale):
        return super().family(*product_of_experts(loc[None], scale[None]))


def test_mvae_of_one_modality_is_the_vae_with_the_same_weights(images):
    multimodal = mvae(shapes=[("image", (8, 8, 1))], seed=5)
    multimodal.build({"image": (None, 8, 8, 1)})
    single = vae(posterior=TimesPrior(3), seed=5)
    single.build((None, 8, 8, 1))
    single.encoder.set_weights(multimodal.encoders["image"].get_weights())
    single.decoder.set_weights(multimodal.decoders["image"].get_weights())
    single.posterior.set_weights(multimodal.posterior["image"].get_weights())
    (terms, objective), (expected, wanted) = (
        mean_terms(multimodal, {"image": images}, True),
        mean_terms(single, images, True),
    )
    assert terms["distortion"] == pytest.approx(expected["distortion"], rel=1e-5)
    assert terms["rate"] == pytest.approx(expected["rate"], rel=1e-5)
    assert sum(objective.values()) == pytest.approx(sum(wanted.values()), rel=1e-5)
    np.testing.assert_allclose(
        multimodal.log_likelihood({"image": images}, samples=5), single.log_likelihood(images, samples=5), rtol=1e-5
    )


def test_the_paper_s_mvae_objective_is_the_sum_of_the_free_energies_of_all_subsets(pairs):
    model, data = mvae(seed=0, reconstruct_absent=False), repeated(pairs)
    _, objective = mean_terms(model, data, training=True)
    subsets = [mean_terms(model, part)[0] for part in (data, {"image": data["image"]}, {"middle": data["middle"]})]
    expected = sum(terms["distortion"] + terms["rate"] for terms in subsets)
    assert sum(objective.values()) == pytest.approx(expected, rel=5e-3)


def test_random_subsets_add_their_share_to_the_objective_in_training_only(pairs):
    model, data = mvae(seed=0, reconstruct_absent=False, random_subsets=64), repeated(pairs, 2)
    training, fixed = (sum(mean_terms(model, data, training=flag)[1].values()) for flag in (True, False))
    terms = [mean_terms(model, part)[0] for part in (data, {"image": data["image"]}, {"middle": data["middle"]})]
    assert fixed == pytest.approx(sum(term["distortion"] + term["rate"] for term in terms), rel=0.02)
    assert training == pytest.approx(fixed * (1 + 64 / 4), rel=0.25)  # each subset is drawn a quarter of the times


def test_private_latents_of_an_absent_modality_stay_at_the_prior(pairs):
    model = mvae(latent_size=5, seed=0, private_latents={"image": 1, "middle": 2})
    q = model.encode({"image": pairs["image"]})
    assert np.abs(q.mean()[:, :3]).max() > 1e-3  # two shared ones, then the image's own
    np.testing.assert_allclose(q.mean()[:, 3:], np.zeros((32, 2)))
    np.testing.assert_allclose(q.stddev()[:, 3:], np.ones((32, 2)))


def test_private_latents_of_one_modality_do_not_reach_the_others_decoder():
    model = mvae(latent_size=5, seed=0, private_latents={"image": 1, "middle": 2})
    model.build({"image": (None, 8, 8, 1), "middle": (None, 16)})
    z = tf.random.stateless_normal((4, 5), (0, 1))
    start, changed = model.decode(z), model.decode(z + tf.one_hot(2, 5))
    np.testing.assert_array_equal(start["middle"].mean(), changed["middle"].mean())
    assert np.abs(start["image"].mean() - changed["image"].mean()).max() > 1e-4


def test_reconstruct_absent_scores_every_modality_under_every_subset(pairs):
    """Its objective is that of the paper's MVAE plus each modality's distortion under the other's posterior."""
    model, plain, data = mvae(seed=0), mvae(seed=0, reconstruct_absent=False), repeated(pairs)
    objective = sum(mean_terms(model, data)[1].values())
    plain.build({"image": (None, 8, 8, 1), "middle": (None, 16)})
    plain.set_weights(model.get_weights())
    batch, crossed = model.prepare(data), 0.0
    for given, other in (("image", "middle"), ("middle", "image")):
        z = model.encode({given: data[given]}).sample(seed=(0, 1))
        crossed -= float(tf.reduce_mean(model.likelihood_of(z, batch)[other].log_prob(data[other])))
    assert objective == pytest.approx(sum(mean_terms(plain, data)[1].values()) + crossed, rel=2e-3)


@pytest.mark.slow
def test_by_default_a_product_of_experts_tells_a_missing_modality_better_than_by_the_paper_s_objective():
    """Half-digits and their labels, of which 30 % are seen: labels told by one half, rarely right of the paper's."""

    def thirds(split):
        x, labels = digits(split)
        return {"upper": x[:, :4], "lower": x[:, 4:], "label": np.eye(10, dtype="float32")[labels]}, labels

    (data, _), (test, labels) = thirds("train"), thirds("test")
    observed = {"label": np.random.default_rng(0).random(len(data["label"])) < 0.3}
    right = {}
    for options in ({}, {"reconstruct_absent": False}):
        keras.utils.set_random_seed(0)
        likelihood = {"upper": "bernoulli", "lower": "bernoulli", "label": "categorical"}
        weights = {"label": 10.0}
        model = keras_vae.MVAE(latent_size=8, likelihood=likelihood, modality_weights=weights, seed=0, **options)
        model.compile(keras.optimizers.Adam(3e-3))
        model.fit({**data, "observed": observed}, epochs=10, verbose=0)
        told = np.argmax(model.translate({"upper": test["upper"]}, to="label", seed=0), axis=-1)
        right[bool(options)] = np.mean(told == labels)
    assert right[False] > 0.5 > right[True]
