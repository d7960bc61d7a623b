"""A search over a recipe's hyperparameters finds the better one and hands it to training."""

import pytest

from keras_vae import tuning
from keras_vae.zoo import training

pytest.importorskip("keras_tuner")


def test_search_prefers_the_beta_with_the_lower_free_energy(toy):
    best = tuning.search(
        "toy", {"beta": [1.0, 200.0]}, trials=2, epochs=5, fixed={"latent_size": 4}, directory=toy / "tuning", verbose=0
    )
    assert best == {"beta": 1.0, "latent_size": 4}
    model, _ = training.train("toy", {**best, "epochs": 1}, toy / "run", verbose=0)
    assert model.latent_size == 4


def test_unknown_hyperparameter_is_refused(toy):
    with pytest.raises(ValueError, match=r"no \['betta'\]"):
        tuning.search("toy", {"betta": [1.0]}, directory=toy / "tuning")
