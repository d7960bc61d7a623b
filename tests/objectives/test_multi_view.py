"""The objective of the MVTCAE against its formula, and what its gaps are there for."""

import keras
import numpy as np
import pytest
import tensorflow_probability as tfp
from kinds import KINDS, masked, mean_terms, pairs
from tiny import compiled, mvae

from keras_vae.objectives import MultiViewTotalCorrelation

tfd = tfp.distributions


def built(data, **kwargs):
    model = mvae(seed=3, modality_weights={"middle": 2.0}, **kwargs)
    model.build({name: np.shape(data[name]) for name in ("image", "middle")})
    return model


def test_at_alpha_0_it_is_the_free_energy_of_all_modalities():
    data = pairs()
    model = built(data, objective=MultiViewTotalCorrelation(0.0, beta=2.0))
    terms, losses = mean_terms(model, data)
    plain = built(data)
    for weight, other in zip(plain.trainable_weights, model.trainable_weights, strict=True):
        weight.assign(other)
    expected, _ = mean_terms(plain, data)
    assert terms["rate"] == pytest.approx(expected["rate"], rel=1e-5)
    assert losses["rate"] == pytest.approx(2.0 * terms["rate"], rel=1e-6)
    assert losses["distortion_middle"] == pytest.approx(2.0 * terms["distortion_middle"], rel=1e-6)
    assert losses["distortion_image"] == pytest.approx(terms["distortion_image"], rel=1e-6)
    assert losses["expert_gap"] == 0.0


@pytest.mark.parametrize("private", [None, {"image": 1}])
def test_terms_are_those_of_the_formula_with_modalities_missing(private):
    data = masked(pairs())
    model = built(data, objective=MultiViewTotalCorrelation(0.6, beta=2.0), private_latents=private)
    terms, losses, _ = model.terms(model.prepare(data), False)
    seen = data["observed"]["middle"]
    both = model.encode(data)
    gaps = np.zeros(len(seen))
    for name in ("image", "middle"):
        alone = model.encode({name: np.nan_to_num(data[name])})
        # What a modality has for itself, no other one has to tell
        asked = slice(0, 2) if private else slice(None)
        parts = [tfd.MultivariateNormalDiag(q.mean()[:, asked], q.stddev()[:, asked]) for q in (both, alone)]
        gaps += np.where(seen | (name == "image"), parts[0].kl_divergence(parts[1]), 0.0)
    count = 1.0 + seen
    if private:
        # ... while its own latents are its own: the image alone has them as both have
        own = [tfd.Normal(q.mean()[:, 2], q.stddev()[:, 2]) for q in (both, model.encode({"image": data["image"]}))]
        np.testing.assert_allclose(own[0].kl_divergence(own[1]), 0.0, atol=1e-5)
    np.testing.assert_allclose(terms["expert_gap"], gaps / count, rtol=1e-4)
    np.testing.assert_allclose(losses["expert_gap"], 2.0 * 0.6 * gaps / count, rtol=1e-4)
    np.testing.assert_allclose(losses["rate"], 2.0 * 0.4 * terms["rate"], rtol=1e-5)
    weighted = (1.0 - 0.6 / count) * terms["distortion_image"]
    np.testing.assert_allclose(losses["distortion_image"], weighted, rtol=1e-5)


def test_experts_are_drawn_to_what_all_say_where_gaps_count():
    data, gaps = KINDS["mvae"].data(), {}
    for alpha in (0.0, 0.9):
        model = compiled(built(data, objective=MultiViewTotalCorrelation(alpha)), keras.optimizers.Adam(0.01))
        gaps[alpha] = model.fit(data, batch_size=16, epochs=40, verbose=0).history["expert_gap"][-1]
    assert gaps[0.9] < 0.5 * gaps[0.0]
