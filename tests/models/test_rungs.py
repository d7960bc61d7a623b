"""Latents of a modality's own, on rungs below the shared ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from kinds import RUNGS, close, masked, mean_terms, pairs
from tiny import compiled, mvae

import keras_vae
from keras_vae import networks
from keras_vae.distributions import centre


def model_of(cls=keras_vae.MVAE, **kwargs):
    model = cls(**RUNGS, seed=0, **kwargs)
    model.build({name: np.shape(x) for name, x in pairs().items()})
    for parts in model.rungs.values():
        for rung in parts:  # priors that depend on what is above
            kernel = rung.prior_head.kernel
            kernel.assign(0.3 * tf.random.stateless_normal(kernel.shape, (1, 2)))
    return model


MIXTURES = {"posterior": "normal", "prior": "standard_normal"}


@pytest.mark.parametrize(("cls", "options"), [(keras_vae.MVAE, {}), (keras_vae.MMVAE, MIXTURES), (keras_vae.MoPoE, {})])
def test_rungs_of_a_modality_that_is_missing_are_at_their_prior_and_those_of_others_are_not(cls, options):
    model, data = model_of(cls, **options), pairs()
    q, p = model.encode({"image": data["image"]}), model.prior_of()
    z = q.sample(seed=(0, 1))
    for name in ("middle2", "middle1"):
        close(q.at(name, z).mean(), p.at(name, z).mean())
    assert np.abs(q.at("image1", z).mean() - p.at("image1", z).mean()).max() > 0.1
    terms, _ = mean_terms(model, {"image": data["image"]})
    assert terms["rate_middle1"] == pytest.approx(0.0, abs=1e-5)
    assert terms["rate"] == pytest.approx(terms["rate_shared"] + terms["rate_image1"], rel=1e-4)


def test_a_masked_modality_is_a_left_out_one():
    model, data, few = model_of(), pairs(), {"samples": 5}
    hidden = {**data, "middle": np.full_like(data["middle"], np.nan), "observed": {"middle": np.zeros(32, bool)}}
    alone = {"image": data["image"]}
    close(list(model.embed(hidden).values()), list(model.embed(alone).values()))
    np.testing.assert_allclose(model.log_likelihood(hidden, **few), model.log_likelihood(alone, **few), rtol=1e-5)


@pytest.mark.parametrize(("cls", "options"), [(keras_vae.MVAE, {}), (keras_vae.MMVAE, MIXTURES), (keras_vae.MoPoE, {})])
def test_the_free_energy_bounds_the_likelihood_with_modalities_missing(cls, options):
    model, data = model_of(cls, **options), masked(pairs())
    many = keras.tree.map_structure(lambda part: np.repeat(part, 30, axis=0), data)
    terms, _ = mean_terms(model, many)
    by_one_draw = -model.log_likelihood(many, samples=1).mean()
    assert terms["distortion"] + terms["rate"] == pytest.approx(by_one_draw, rel=0.02)
    assert -model.log_likelihood(data, samples=500).mean() < by_one_draw


def test_the_paper_s_subsets_infer_their_own_rungs_alone():
    model, data = model_of(reconstruct_absent=False), pairs()
    inference = model.inference_of(model.prepare(data)._replace(memo={}))
    z = inference.q.sample(seed=(0, 1))
    p = model.prior_of()
    at_prior = np.isclose(inference.q.at("image1", z).mean(), p.at("image1", z).mean()).all(axis=(1, 2))
    np.testing.assert_array_equal(at_prior, [False, False, True])  # both, the image alone, its middle alone


@pytest.mark.parametrize(("cls", "options"), [(keras_vae.MVAE, {}), (keras_vae.MMVAE, MIXTURES)])
def test_rungs_of_what_is_not_in_a_subset_may_be_drawn_from_their_prior(cls, options):
    """Then they cost nothing, and the draws that explain one modality know nothing of it but the shared latents."""
    model, data = model_of(cls, infer_absent=False, **options), pairs()
    batch = model.prepare(data)._replace(memo={})
    inference = model.inference_of(batch)
    z = inference.q.sample(seed=(0, 1))
    p = model.prior_of()
    for name, modality in (("image1", 0), ("middle2", 1)):
        at_prior = np.isclose(inference.q.at(name, z).mean(), p.at(name, z).mean()).all(axis=(1, 2))
        alone = np.arange(len(at_prior)) - (len(at_prior) - 2)  # the last two views are of one modality each
        np.testing.assert_array_equal(at_prior, (alone >= 0) & (alone != modality))
    both = model.encode(data)
    assert np.abs(both.at("image1", z).mean() - p.at("image1", z).mean()).max() > 0.1  # of verbs they are inferred


def test_a_mixture_that_trains_on_one_expert_an_example_draws_the_others_rungs_from_their_prior():
    model, data = model_of(keras_vae.MMVAE, infer_absent=False, stratified=False, **MIXTURES), pairs()
    batch = model.prepare(data)._replace(memo={}, training=True)
    inference = model.inference_of(batch)
    z, p = inference.q.sample(seed=(0, 1)), model.prior_of()
    drawn = {
        name: np.isclose(inference.q.at(name, z).mean(), p.at(name, z).mean()).all(axis=(0, 2))
        for name in ("image1", "middle2", "middle1")
    }
    np.testing.assert_array_equal(drawn["image1"], ~drawn["middle1"])
    np.testing.assert_array_equal(drawn["middle1"], drawn["middle2"])
    assert 0 < drawn["image1"].mean() < 1


def test_what_is_told_by_one_modality_has_another_s_style_drawn():
    model, data = model_of(), pairs()
    draws = model.translate({"image": data["image"]}, to="middle", samples=3, seed=0)
    assert draws.shape == (3, 32, 16)
    assert np.std(draws, axis=0).min() > 0
    again = model.translate({"image": data["image"]}, to="middle", samples=3, seed=0)
    np.testing.assert_array_equal(draws, again)


def test_convolutional_rungs_are_latents_in_places():
    sizes, shape, filters, plain = (2, 3), (8, 8, 1), (4,), mvae()
    encoders = {"image": networks.residual_ladder_encoder(shape, filters, rungs=1), "middle": plain.encoders["middle"]}
    decoders = {
        "image": networks.residual_ladder_decoder(2, shape, filters, rungs=1),
        "middle": plain.decoders["middle"],
    }
    top_down = {"image": networks.residual_top_down(sizes, shape, filters)}
    model = compiled(
        keras_vae.MVAE(
            encoders, decoders, latent_size=3, rung_sizes={"image": (2,)}, top_down=top_down, merge="residual"
        ),
        "adam",
    )
    history = model.fit(pairs(), batch_size=16, epochs=3, verbose=0).history
    assert history["free_energy"][-1] < history["free_energy"][0]
    assert model.latent_shape() == {"shared": (3,), "image1": (4, 4, 2)}
    assert model.embed(pairs())["image1"].shape == (32, 4, 4, 2)
    close(centre(model.encode(pairs()))["shared"], model.embed(pairs())["shared"])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: keras_vae.MVAE(**RUNGS, private_latents={"image": 1}), "by private_latents or by rung_sizes"),
        (
            lambda: keras_vae.MVAE(rung_sizes={"image": ()}),
            "rung_sizes of 'image' must be a tuple of positive",
        ),
        (lambda: keras_vae.MVAE(rung_sizes=(4,)), "rung_sizes must be a dict by modality"),
        (lambda: mvae(rung_sizes={"sound": (2,)}, top_down={"sound": [layers.Dense(2)]}), r"rung_sizes must name some"),
        (lambda: mvae(rung_sizes={"image": (2,)}), r"top_down must be networks by modality.*\{'image': 1\}; got \{\}"),
        (lambda: keras_vae.POISEVAE(**RUNGS), "leave rung_sizes= out"),
    ],
)
def test_what_does_not_fit_is_refused(make, says):
    with pytest.raises((TypeError, ValueError), match=says):
        make()
