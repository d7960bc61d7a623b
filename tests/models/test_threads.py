"""Models in threads: unseeded draws never repeat, and verbs beside a training leave it alone."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import KINDS, every_kind, leaves
from tiny import compiled

from benchmarks.campaigns import threads
from keras_vae.models.seeds import Seeds

COUNT = 8


def at_once(*functions):
    """What functions return in threads that start together, all without an error."""
    results, errors = threads.at_once(functions)
    assert not errors
    return results


@every_kind(lambda kind: kind.name in ("vae", "cvae", "mvae"))
def test_first_calls_at_once_build_one_model_whose_draws_all_differ(kind, data):
    model = kind.make(seed=1)

    def draws():
        given = {"condition": data["condition"][:2]} if model.takes_condition else {}
        return [b"".join(part.tobytes() for part in leaves(model.sample(2, **given))) for _ in range(3)]

    found = [draw for some in at_once(*[draws] * COUNT) for draw in some]
    assert len(set(found)) == len(found) == 3 * COUNT


def seeds_of(generator, way):
    return tf.function(generator.next, autograph=False, jit_compile=way == "xla") if way != "eager" else generator.next


@pytest.mark.parametrize("way", ["eager", "graph", "xla"])
def test_seeds_are_keras_s_one_after_another_and_each_is_drawn_once(way):
    generator, keras_s = Seeds(7), keras.random.SeedGenerator(7)
    draw = seeds_of(generator, way)
    np.testing.assert_array_equal([draw() for _ in range(3)], [keras_s.next() for _ in range(3)])
    np.testing.assert_array_equal(generator.position, keras_s.state)
    drawn = at_once(*[lambda: [tuple(draw().numpy()) for _ in range(50)]] * COUNT)
    assert sorted(seed for some in drawn for seed in some) == [(7, count) for count in range(3, 3 + 50 * COUNT)]


def test_seeds_go_on_from_a_position():
    generator, other = Seeds(3), Seeds(4)
    generator.next()
    other.position = generator.position
    np.testing.assert_array_equal(other.next(), generator.next())


@pytest.mark.further
def test_verbs_beside_a_training_leave_its_weights_alone(images):
    def weights(disturbed):
        keras.utils.set_random_seed(1)
        model, done = compiled(KINDS["vae"].make(seed=1)), threading.Event()

        def fit():
            try:
                model.fit(images, batch_size=4, epochs=3, verbose=0)
            finally:
                done.set()
            return 0

        def repeated(verb):
            calls = 0
            while not calls or not done.is_set():
                verb()
                calls += 1
            return calls

        verbs = [
            lambda: model.embed(images),
            lambda: model.reconstruct(images),
            lambda: model.sample(2, seed=1),
            lambda: model.log_likelihood(images, samples=3),
        ]
        calls = at_once(fit, *(lambda verb=verb: repeated(verb) for verb in verbs if disturbed))
        assert sum(count > 0 for count in calls) == (len(verbs) if disturbed else 0)
        return model.get_weights()

    for one, other in zip(weights(False), weights(True), strict=True):
        np.testing.assert_array_equal(one, other)
