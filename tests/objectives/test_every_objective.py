"""Objectives know no model: each trains every kind that has a density, and measures what it says."""

import keras
import numpy as np
import pytest
from kinds import KINDS, mean_terms
from tiny import compiled, cvae, mvae, vae

import keras_vae
from keras_vae import objectives
from keras_vae.objectives import (
    Adversarial,
    AdversarialMatching,
    Capacity,
    CombinationImportanceWeighted,
    FreeEnergy,
    ImportanceWeighted,
    MaximumMeanDiscrepancy,
    MultiViewTotalCorrelation,
    PartiallyImportanceWeighted,
    Regularized,
    TotalCorrelation,
)

pytestmark = pytest.mark.further  # `make core` has each objective on its own kind

MAKE = {
    "cvae": cvae,
    "completing_cvae": KINDS["completing_cvae"].make,
    "vamp_vae": KINDS["vamp_vae"].make,
    "mvae": mvae,
    "mmvae": lambda **kwargs: mvae(cls=keras_vae.MMVAE, **kwargs),
    "mopoe": KINDS["mopoe"].make,
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("cvae", "mvae") else pytest.mark.further) for name in MAKE]
)
def test_importance_weighting_trains_it_and_tightens_the_bound(name):
    model = compiled(MAKE[name](objective=ImportanceWeighted(10), seed=0), keras.optimizers.Adam(0.01))
    data = KINDS[name].data()
    history = model.fit(data, batch_size=16, epochs=4, verbose=0).history
    assert history["importance_bound"][-1] < history["importance_bound"][0]
    assert all(np.less(history["importance_bound"], history["free_energy"]))
    many = keras.tree.map_structure(lambda part: np.repeat(part, 20, axis=0), data)
    # Of a mixture's components ten draws each: more draws bound more tightly
    bound = mean_terms(model, many)[0]["importance_bound"]
    assert bound >= -model.log_likelihood(data, samples=300).mean() - 0.05


@pytest.mark.parametrize("name", ["cvae", "mvae", "vamp_vae"])
def test_the_bound_of_draws_of_one_posterior_is_what_log_likelihood_estimates(name):
    model = MAKE[name](objective=ImportanceWeighted(10), seed=0)
    data = KINDS[name].data()
    model.build(keras.tree.map_structure(np.shape, data))
    many = keras.tree.map_structure(lambda part: np.repeat(part, 30, axis=0), data)
    bound = mean_terms(model, many)[0]["importance_bound"]
    assert bound == pytest.approx(-model.log_likelihood(many, samples=10).mean(), rel=5e-3)


@pytest.mark.parametrize(
    "objective",
    [
        FreeEnergy(2.0, samples=3),
        Capacity(5.0),
        TotalCorrelation(32),
        Adversarial(critic=(8,)),
        ImportanceWeighted(3),
        CombinationImportanceWeighted(0.3, samples=3),
        PartiallyImportanceWeighted(4, groups=2),
        MaximumMeanDiscrepancy(3.0, beta=0.5),
        AdversarialMatching(critic=(8,)),
    ],
    ids=lambda objective: type(objective).__name__,
)
@pytest.mark.parametrize("name", ["cvae", pytest.param("vamp_vae", marks=pytest.mark.further)])
def test_objectives_are_saved_with_a_model_and_come_back(name, objective, tmp_path):
    comes_back(name, objective, tmp_path)


def test_the_objective_of_products_of_experts_is_saved_with_a_model_and_comes_back(tmp_path):
    comes_back("mvae", MultiViewTotalCorrelation(0.7, beta=2.0), tmp_path)


def comes_back(name, objective, tmp_path):
    model = compiled(MAKE[name](objective=type(objective).from_config(objective.get_config()), seed=0))
    data = KINDS[name].data()
    history = model.fit(data, batch_size=16, verbose=0).history
    assert np.isfinite(np.concatenate(list(history.values()))).all()
    assert set(objective.term_names) <= set(history)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for weight in objective.weights_named:
        assert float(getattr(loaded.objective, weight)) == float(getattr(objective, weight))
    assert type(loaded.objective) is type(objective)


def test_several_draws_average_the_free_energy(images):
    one, many = (vae(objective=FreeEnergy(samples=samples), seed=0) for samples in (1, 40))
    for model in (one, many):
        model.build(images.shape)
    many.set_weights(one.get_weights())
    (few, _), (mean, _) = mean_terms(one, images), mean_terms(many, images)
    assert mean["rate"] == pytest.approx(few["rate"], rel=1e-5)  # in closed form
    assert mean["distortion"] == pytest.approx(few["distortion"], rel=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vae(objective="elbo"), "Unknown objective 'elbo'.*free_energy"),
        (lambda: vae(objective=FreeEnergy), "got the class FreeEnergy: write FreeEnergy"),
        (lambda: vae(posterior="deterministic"), "FreeEnergy needs a posterior with a density.*DeterministicPosterior"),
        (lambda: vae(objective="regularized"), 'Regularized needs posterior="deterministic"; got NormalPosterior'),
        (lambda: vae(objective=MaximumMeanDiscrepancy(beta=0.5), posterior="deterministic"), r"give .*\(beta=0.0\)"),
        (lambda: vae(posterior="power_spherical"), "goes with prior=.spherical_uniform.; got .* StandardNormalPrior"),
        (lambda: mvae(prior="spherical_uniform"), "Unit vectors are of both or neither"),
        (lambda: mvae(posterior="deterministic"), r"Unknown posterior 'deterministic'.*\['laplace', 'normal'\]"),
        (
            lambda: mvae(cls=keras_vae.MMVAE, objective="multi_view_total_correlation"),
            "which MMVAE has not",
        ),
        (lambda: MultiViewTotalCorrelation(1.5), "alpha must be a finite number at least 0 and at most 1"),
        (lambda: mvae(objective=Regularized()), "MVAE takes .*objectives of one posterior.*Regularized"),
        (lambda: PartiallyImportanceWeighted(7, 2), "samples must be a multiple of groups; got 7 and 2"),
        (lambda: CombinationImportanceWeighted(1.5), "share must be a finite number at least 0 and at most 1"),
        (lambda: MaximumMeanDiscrepancy(scales=()), "scales must be a list of numbers, at least one"),
        (lambda: vae(objective=FreeEnergy(2.0), beta=3.0), r"beta belongs to the objective.*FreeEnergy\(beta=...\)"),
        (lambda: mvae(objective=TotalCorrelation(32)), "MVAE takes .*objectives of one posterior.*TotalCorrelation"),
        (lambda: KINDS["vqvae"].make(objective=FreeEnergy()), "VQVAE takes .*VectorQuantized.*got FreeEnergy"),
        (lambda: KINDS["poise_vae"].make(objective=ImportanceWeighted(3)), "POISEVAE takes .*FreeEnergy"),
        (lambda: ImportanceWeighted(0), "samples must be a positive integer; got 0"),
        (lambda: ImportanceWeighted(bound="loose"), "Unknown bound 'loose'. Did you mean 'looser'"),
        (lambda: Capacity(-1.0), "capacity must be a finite number at least 0"),
        (lambda: objectives.FreeEnergy(float("inf")), "beta must be a finite number at least 0"),
    ],
)
def test_objectives_that_do_not_fit_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        make()
    assert len(str(caught.value)) < 300


def test_what_needs_independent_latents_or_one_vector_says_so(images):
    model = vae(objective=TotalCorrelation(64), prior="spherical_uniform", posterior="power_spherical")
    with pytest.raises(ValueError, match="needs a posterior of independent latents; got a PowerSpherical"):
        compiled(model).fit(images, verbose=0)
    with pytest.raises(ValueError, match="takes latents that are one vector"):
        compiled(keras_vae.LadderVAE(objective=MaximumMeanDiscrepancy())).fit(images, verbose=0)
