"""What theory says of every kind of model."""

import keras
import numpy as np
import pytest
from kinds import built, every_kind, mean_terms


@every_kind()
def test_beta_weighs_the_objective_and_nothing_that_is_measured(kind):
    def start(beta):
        keras.utils.set_random_seed(0)
        model = built(kind, seed=0)
        getattr(model.objective, model.objective.weights_named[0]).assign(beta)
        return mean_terms(model, kind.data())

    (terms, plain), (same_terms, weighted) = start(1.0), start(3.0)
    assert same_terms == pytest.approx(terms, rel=1e-6)
    assert sum(weighted.values()) != pytest.approx(sum(plain.values()), rel=1e-4)


@every_kind()
def test_free_energy_bounds_the_log_likelihood(kind, data, fitted):
    model, _ = fitted(kind.name)
    often = keras.tree.map_structure(lambda part: np.repeat(part, 20, axis=0), data)  # each copy draws its own latents
    free_energy = model.evaluate(often, batch_size=160, verbose=0, return_dict=True)["free_energy"]
    nats = -model.log_likelihood(data, samples=100).mean()
    assert free_energy > nats - 0.1  # of noise; exact models reach the bound
