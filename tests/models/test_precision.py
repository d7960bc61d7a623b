"""Every kind of model under mixed precision: terms in float32, fits that agree with those in it."""

import keras
import numpy as np
import pytest
from kinds import KINDS, built, every_kind, mean_terms, train
from tiny import compiled, vae

import keras_vae
from keras_vae.data import digits

# Networks of three layers round activations of size about 1 three times, to 2^-8 (bfloat16) or 2^-11 (float16) each;
# a term is a sum over many pixels, whose errors mostly cancel: five roundings are a generous bound. A rung's rate is
# small where the log-densities, whose difference it is, are some nats and round by as much: bounds hold for a nat too.
TOLERANCE = {"mixed_bfloat16": 5 * 2**-8, "mixed_float16": 5 * 2**-11}


@pytest.mark.parametrize("policy", TOLERANCE)
@every_kind()
def test_terms_under_mixed_precision_are_float32_and_agree_with_it(kind, policy, data, fitted):
    expected = built(kind, seed=5)
    expected.set_weights(fitted(kind.name)[0].get_weights())
    keras.config.set_dtype_policy(policy)
    model = built(kind, seed=5)
    model.set_weights(expected.get_weights())
    half, full = mean_terms(model, data)[0], mean_terms(expected, data)[0]
    assert all(value.dtype == np.float32 for value in half.values())
    assert half == pytest.approx(full, rel=TOLERANCE[policy], abs=TOLERANCE[policy])
    assert half != full  # or the policy did nothing


@every_kind()
def test_fit_under_mixed_precision_is_finite_in_every_term_and_agrees_with_float32(kind, fitted):
    fit_agrees(kind, "mixed_bfloat16", fitted)


@pytest.mark.slow
def test_fit_under_float16_agrees_with_float32(fitted):
    fit_agrees(KINDS["vae"], "mixed_float16", fitted)


def fit_agrees(kind, policy, fitted):
    _, expected = fitted(kind.name)
    keras.config.set_dtype_policy(policy)
    model, history = train(kind, eagerly=True)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert np.isfinite(np.concatenate(list(history.values()))).all()
    for name, values in history.items():
        # Same seed, so same start and noise; the steps of training may move the two apart by as much again.
        bound = 2 * TOLERANCE[policy]
        np.testing.assert_allclose(values, expected[name], rtol=bound, atol=bound, err_msg=name)


@pytest.mark.slow
def test_a_thousand_steps_of_scaled_losses_stay_finite_and_reach_what_float32_reaches(tmp_path):
    x, start, reached = np.tile(digits("train")[0][:160], (10, 1, 1, 1)), {}, {}
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(policy)
        parts = keras.optimizers.OptimizerMap(keras.optimizers.Adam(3e-3), {".*critic.*": keras.optimizers.Adam(1e-3)})
        optimizer = keras.optimizers.MultiOptimizer(parts)
        model = compiled(KINDS["factor_vae"].make(seed=0), optimizer, steps_per_execution=100)
        losses = model.fit(x, batch_size=16, epochs=10, verbose=0).history["loss"]
        assert np.isfinite(losses).all()
        start[policy], reached[policy] = losses[0], losses[-1]
    assert reached["float32"] < 0.75 * start["float32"]
    assert reached["mixed_float16"] == pytest.approx(reached["float32"], rel=0.01)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, keras.optimizers.LossScaleOptimizer)
    for saved, original in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, original, err_msg=original.path)


@pytest.mark.parametrize("policy", TOLERANCE)
def test_metrics_of_many_examples_add_up_under_mixed_precision(policy, images):
    """Counts above 256 (bfloat16) or 2048 (float16) and sums above 65504 (float16) need float32 accumulators."""
    keras.config.set_dtype_policy(policy)
    many = np.tile(images, (36, 1, 1, 1))
    logs = compiled(vae(seed=1)).evaluate(many, batch_size=256, verbose=0, return_dict=True)
    assert logs["distortion"] * len(many) > 65504
    assert logs["free_energy"] == pytest.approx(logs["distortion"] + logs["rate"], rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["free_energy"], rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"prior": "laplace"},
        {"likelihood": keras_vae.parts.NormalLikelihood("learned")},
        {"beta": 1.003},  # 1 in half precision
    ],
    ids=["laplace prior", "learned scale", "beta"],
)
def test_weights_of_distributions_and_beta_stay_float32_in_fit_under_mixed_precision(options, images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    logs = compiled(vae(seed=1, **options)).fit(images, verbose=0).history
    beta = options.get("beta", 1.0)
    assert logs["loss"][0] == pytest.approx(logs["distortion"][0] + beta * logs["rate"][0], rel=1e-5)
