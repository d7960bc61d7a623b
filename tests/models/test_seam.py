"""The seam between a variant's terms and Keras's `fit`: replicas, critics, state, several samples."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from kinds import KINDS, every_kind, masked
from tiny import compiled, vae, weights

import keras_vae
from keras_vae.distributions import kl_divergence


def on_replicas(strategy, function, *data):
    """Results of `function` on each replica, given its own part of each array."""

    def part(array):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(np.array_split(array, 2)[context.replica_id_in_sync_group])
        )

    results = tf.function(lambda *parts: strategy.run(function, args=parts), autograph=False)(*map(part, data))
    return [np.array(result) for result in strategy.experimental_local_results(results)]


# --- tf.distribute ----------------------------------------------------------------------------------------------------


class MeanVAE(keras_vae.VAE):
    """Decodes the posterior mean: no noise. Its aggregated state makes replicas wait for one another amid `call`."""

    def build(self, input_shape):
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, aggregation="mean", name="seen")
        super().build(input_shape)

    def terms(self, batch, training):
        q = self.encode(batch)
        p = self.decode(q.mean())
        terms = {"distortion": -p.log_prob(batch.x), "rate": kl_divergence(q, self.prior.distribution(), q.mean())}
        return terms, terms, p.mean()

    def add_loss(self, loss):
        super().add_loss(loss)
        self.seen.assign(ops.mean(loss))  # between the two losses: where a shared list would be mixed up


def two_epochs(data, strategy=None):
    keras.utils.set_random_seed(0)
    with strategy.scope() if strategy else tf.device("CPU:0"):
        model = vae(MeanVAE, seed=0)
        model.compile(keras.optimizers.SGD(0.01))
        history = model.fit(data, batch_size=16, epochs=2, shuffle=False, verbose=0, validation_data=data).history
    return model, history


def test_two_replicas_learn_what_one_device_learns_from_the_global_batch(strategy, images):
    """Fails with one list of losses for all replicas: either's gradient then holds the other's terms. The last batch is
    one example: one of the replicas has none, whose means are NaN."""
    (single, history), (mirrored, mirrored_history) = two_epochs(images[:49]), two_epochs(images[:49], strategy)
    assert single.seen.value != 0
    for one, other in zip(single.trainable_variables, mirrored.trainable_variables, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5, err_msg=one.path)
    for name, values in history.items():
        np.testing.assert_allclose(mirrored_history[name], values, rtol=1e-4, err_msg=name)


def test_each_replica_has_the_losses_of_its_own_examples(strategy, images):
    with strategy.scope():
        model = vae(MeanVAE, seed=0, likelihood="normal")
        model.build((None, 8, 8, 1))

    def losses(x):
        model(x)
        return tf.stack([len(model.losses), *model.losses])

    halves = images[:32] / 2, images[32:]
    got = on_replicas(strategy, losses, np.concatenate(halves))
    for half, (count, *values) in zip(halves, got, strict=True):
        terms, _, _ = model.terms(model.prepare(half), False)
        assert count == 2
        np.testing.assert_allclose(values, [np.mean(terms["distortion"]), np.mean(terms["rate"])], rtol=1e-5)
    assert abs(got[0][1] - got[1][1]) > 1  # or the test could not tell them apart


def test_replicas_draw_different_noise_and_new_noise_at_each_step(strategy, images):
    with strategy.scope():
        model = vae(seed=0)
        model.build((None, 8, 8, 1))
    same = np.concatenate([images[:4], images[:4]])
    draws = [on_replicas(strategy, lambda x: model.encode(x).sample(seed=model.next_seed()), same) for _ in range(2)]
    (first, second), (third, fourth) = draws
    for one, other in [(first, second), (third, fourth), (first, third), (second, fourth), (first, fourth)]:
        assert np.abs(one - other).min() > 1e-6


def fit_and_evaluate(kind, data, strategy):
    with strategy.scope():
        model = compiled(kind.make(seed=0), keras.optimizers.Adam(0.01))
    history = model.fit(data, batch_size=8, epochs=3, verbose=0).history
    assert history["free_energy"][-1] < history["free_energy"][0]
    logs = model.evaluate(data, batch_size=8, verbose=0, return_dict=True)
    assert logs["free_energy"] == pytest.approx(logs["distortion"] + logs["rate"], rel=1e-5)


@pytest.mark.slow
@every_kind()
def test_models_fit_and_evaluate_on_two_replicas(kind, data, strategy):
    fit_and_evaluate(kind, data, strategy)


def test_masks_are_shared_out_among_replicas(strategy):
    fit_and_evaluate(KINDS["mvae"], masked(KINDS["mvae"].data()), strategy)


# --- a critic, trained in the same fit --------------------------------------------------------------------------------


def factor_vae():
    model = vae(keras_vae.FactorVAE, seed=0, gamma=5.0, critic_widths=(8,))
    model.build((None, 8, 8, 1))
    return model


def two_optimizers(rate, critic_rate):
    """SGD of one rate for the model and of another for its critic, by path."""
    return keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(keras.optimizers.SGD(rate), {".*critic.*": keras.optimizers.SGD(critic_rate)})
    )


@pytest.mark.parametrize(
    ("rate", "critic_rate", "jit_compile"),
    [(0.01, 0.0, False), (0.0, 0.01, False), pytest.param(0.01, 0.01, True, marks=pytest.mark.slow)],
)
def test_critic_and_model_are_trained_in_one_fit_each_by_its_own_optimizer(rate, critic_rate, jit_compile, images):
    model = compiled(factor_vae(), two_optimizers(rate, critic_rate), jit_compile=jit_compile)
    parts = {"critic": model.critic, "encoder": model.encoder, "decoder": model.decoder, "posterior": model.posterior}
    before = {name: weights(part) for name, part in parts.items()}
    history = model.fit(images, batch_size=16, verbose=0).history
    assert set(history) == {"loss", "free_energy", *model.term_names}
    assert np.isfinite(np.concatenate(list(history.values()))).all()
    for name, part in parts.items():
        moved = not np.array_equal(weights(part), before[name])
        assert moved == ((critic_rate if name == "critic" else rate) > 0), name


def test_critic_s_loss_gives_no_gradient_to_the_model_and_the_total_correlation_none_to_the_critic(images):
    model = factor_vae()
    critic = {weight.path for weight in model.critic.trainable_variables}
    with tf.GradientTape(persistent=True) as tape:
        _, objective, _ = model.terms(model.prepare(images), training=True)
        losses = {name: tf.reduce_mean(objective[name]) for name in ("critic_loss", "total_correlation")}

    def reached(loss):
        gradients = tape.gradient(losses[loss], model.trainable_variables)
        return {
            weight.path
            for weight, gradient in zip(model.trainable_variables, gradients, strict=True)
            if gradient is not None and np.any(gradient)
        }

    assert reached("critic_loss") == critic
    encoder = {weight.path for weight in (*model.encoder.trainable_variables, *model.posterior.trainable_variables)}
    assert reached("total_correlation") == encoder


# --- state that is updated, not trained -------------------------------------------------------------------------------


class TinyAverageVAE(keras_vae.VAE):
    """Keeps a moving average of the latents' means."""

    def build(self, input_shape):
        self.average = self.add_weight(shape=(self.latent_size,), initializer="zeros", trainable=False, name="average")
        super().build(input_shape)

    def terms(self, batch, training):
        terms, objective, output = super().terms(batch, training)
        if training:
            self.average.assign(0.5 * self.average + 0.5 * ops.mean(self.encode(batch).mean(), axis=0))
        return terms, objective, output


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_state_is_updated_in_fit(jit_compile, images):
    model = compiled(vae(TinyAverageVAE, seed=0), keras.optimizers.SGD(0.0), jit_compile=jit_compile)
    model.fit(images[:32], batch_size=16, shuffle=False, verbose=0)
    first, second = model.embed(images[:16]).mean(0), model.embed(images[16:32]).mean(0)
    np.testing.assert_allclose(model.average, 0.25 * first + 0.5 * second, atol=1e-5)
    assert np.abs(model.average).max() > 1e-3


def test_state_is_left_alone_by_evaluate(images):
    model = compiled(vae(TinyAverageVAE, seed=0))
    model.evaluate(images, verbose=0)
    np.testing.assert_array_equal(model.average, np.zeros(3))


# --- several samples --------------------------------------------------------------------------------------------------


class TinyIWAE(keras_vae.VAE):
    term_names = ("distortion", "rate", "bound")

    def terms(self, batch, training):
        q, prior = self.encode(batch), self.prior.distribution()
        z = q.sample(10, seed=self.next_seed())
        log_likelihood, ratio = self.likelihood_of(z, batch).log_prob(batch.x), q.log_prob(z) - prior.log_prob(z)
        bound = tf.reduce_logsumexp(log_likelihood - ratio, axis=0) - np.log(10.0)
        terms = {"distortion": -tf.reduce_mean(log_likelihood, 0), "rate": tf.reduce_mean(ratio, 0), "bound": -bound}
        return terms, {"bound": -bound}, self.decode(z[0]).mean()


def test_a_variant_with_several_samples_fits_the_importance_bound(images):
    model = compiled(vae(TinyIWAE, seed=0), keras.optimizers.Adam(0.01))
    history = model.fit(images, batch_size=16, epochs=5, verbose=0).history
    np.testing.assert_allclose(history["loss"], history["bound"], rtol=1e-5)
    assert history["bound"][-1] < 0.98 * history["bound"][0]
    assert all(np.less(history["bound"], history["free_energy"]))  # the bound of ten samples is tighter
    expected = -model.log_likelihood(np.repeat(images, 10, axis=0), samples=10).mean()
    assert model.evaluate(images, verbose=0, return_dict=True)["bound"] == pytest.approx(expected, rel=0.01)


# --- input pipelines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tuned", [None, True])
def test_fit_and_evaluate_leave_tf_data_untuned_unless_told_otherwise(tuned, images, monkeypatch):
    """Its tuner keeps an iterator's end waiting for up to a minute."""
    seen, begin = [], tf.data.Dataset.__iter__
    monkeypatch.setattr(tf.data.Dataset, "__iter__", lambda self: seen.append(self.options()) or begin(self))
    options = tf.data.Options()
    if tuned:
        options.autotune.enabled = True
    dataset, model = tf.data.Dataset.from_tensors(images).with_options(options), compiled(vae())
    model.fit(dataset, epochs=2, validation_data=dataset, verbose=0)
    model.evaluate(dataset, verbose=0)
    assert {each.autotune.enabled for each in seen} == {bool(tuned)}
    del seen[:]
    model.fit(images, validation_split=0.5, verbose=0)
    assert {each.autotune.enabled for each in seen} == {False}
