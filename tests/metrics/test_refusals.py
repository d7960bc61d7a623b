"""Every metric refuses what it cannot measure: at the call, in one short line, by the right type."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import compiled, cvae, mvae, vae, vqvae

from keras_vae import metrics
from keras_vae.parts import Likelihood, NormalLikelihood

CODES = np.random.default_rng(0).normal(size=(12, 3))
FACTORS = np.stack([np.arange(12) % 3, np.arange(12) % 4], axis=1)
LABELS = np.arange(12) % 3
IMAGES = np.random.default_rng(1).random((12, 8, 8, 1)).astype("float32")
NAN = np.where(np.arange(12)[:, None] == 3, np.nan, CODES)


def judge(images):
    return np.eye(3)[np.arange(len(images)) % 3]


@pytest.fixture(scope="module")
def model():
    made = vae(seed=0)
    made.build((None, 8, 8, 1))
    return compiled(made)


@pytest.fixture(scope="module")
def several():
    made = mvae(seed=0)
    made.build({"image": (None, 8, 8, 1), "middle": (None, 16)})
    return made


# A function of codes and factors, each.
OF_CODES = {
    "mutual_information": metrics.mutual_information,
    "mutual_information_gap": metrics.mutual_information_gap,
    "sap": metrics.separated_attribute_predictability,
    "dci": metrics.disentanglement_completeness_informativeness,
    "factor_vae_score": metrics.factor_vae_score,
}
BAD_CODES = {
    "lengths": (CODES, FACTORS[:11], ValueError, "12 of codes and 11 of factors"),
    "nan codes": (NAN, FACTORS, ValueError, "codes must be finite"),
    "vector": (CODES[:, 0], FACTORS, ValueError, r"codes must have the shape \[examples, latents\]"),
    "one factor flat": (CODES, LABELS, ValueError, r"factors must have the shape \[examples, factors\]"),
    "factors no classes": (CODES, FACTORS + 0.5, TypeError, "factors must be the whole numbers"),
    "text": (CODES.astype(str), FACTORS, TypeError, "codes must hold real numbers"),
    "complex": (CODES + 0j, FACTORS, TypeError, "real numbers"),
    "none": (None, FACTORS, TypeError, "codes must hold numbers"),
    "empty": (CODES[:0], FACTORS[:0], ValueError, "codes must have at least"),
}


@pytest.mark.parametrize("bad", BAD_CODES.values(), ids=BAD_CODES)
@pytest.mark.parametrize("metric", OF_CODES.values(), ids=OF_CODES)
def test_codes_and_factors_must_fit(metric, bad):
    codes, factors, error, message = bad
    with pytest.raises(error, match=message) as raised:
        metric(codes, factors)
    assert len(str(raised.value)) < 300


ARRAYS = {
    "shapes": (lambda: metrics.reconstruction_error(IMAGES, IMAGES[..., 0]), ValueError, "one shape"),
    "nan": (lambda: metrics.reconstruction_error(CODES, NAN), ValueError, "reconstruction must be finite"),
    "dict": (lambda: metrics.reconstruction_error({"x": CODES}, CODES), TypeError, "one array; got a dict"),
    "constant": (lambda: metrics.reconstruction_error(0 * CODES, CODES), ValueError, "no variance"),
    "estimate": (lambda: metrics.Estimate.of(NAN[:, 0], "nats"), ValueError, "values must be finite"),
    "no estimate": (lambda: metrics.Estimate.of([], "nats"), ValueError, "at least 1 examples"),
    "threshold": (lambda: metrics.active_codes(CODES, "0.1"), TypeError, "threshold must be"),
    "scales": (lambda: metrics.mutual_information(CODES, FACTORS, 0 * CODES), ValueError, "scales must be above 0"),
    "bins": (lambda: metrics.mutual_information_gap(CODES, FACTORS, bins=2.5), TypeError, "bins must be"),
    "votes": (lambda: metrics.factor_vae_score(CODES, FACTORS, votes=0), ValueError, "votes must be"),
    "seed": (lambda: metrics.factor_vae_score(CODES, FACTORS, seed=2**32), ValueError, "seed must be"),
    "constant factor": (lambda: metrics.factor_vae_score(CODES, 0 * FACTORS), ValueError, r"\[0, 1\] never vary"),
    "category": (
        lambda: metrics.separated_attribute_predictability(CODES, FACTORS, categorical=(2,)),
        ValueError,
        "each of categorical",
    ),
    "one latent": (
        lambda: metrics.disentanglement_completeness_informativeness(CODES[:, :1], FACTORS),
        ValueError,
        "two latents",
    ),
    "features": (lambda: metrics.frechet_distance(CODES, "features"), TypeError, "other_features must hold numbers"),
    "labels": (lambda: metrics.class_agreement(IMAGES, LABELS[:5], judge), ValueError, r"\[12, 8, 8, 1\] and \[5\]"),
    "judge": (lambda: metrics.class_agreement(IMAGES, LABELS, "judge"), TypeError, "classifier must be a function"),
    "no logits": (lambda: metrics.class_agreement(IMAGES, LABELS, lambda x: LABELS), ValueError, "logits must have"),
    "nan logits": (
        lambda: metrics.class_agreement(IMAGES, LABELS, lambda x: np.full((len(x), 3), np.nan)),
        ValueError,
        "logits must be finite",
    ),
    "styles": (lambda: metrics.intraclass_correlation(CODES[:1]), ValueError, "at least 2 styles"),
    "no ink": (lambda: metrics.slant(0 * IMAGES), ValueError, "must have ink"),
    "components": (lambda: metrics.CanonicalCorrelation(components=2.0), TypeError, "components must be"),
    "pairs": (lambda: metrics.CanonicalCorrelation(pairs=0), ValueError, "pairs must be"),
    "no model": (lambda: metrics.active_units("vae", IMAGES), TypeError, "must be a keras_vae model"),
    "a class": (lambda: metrics.free_energy(vae, IMAGES), TypeError, "must be a keras_vae model"),
    "no codebook": (lambda: metrics.codebook_use(vae(), IMAGES), TypeError, "has codes"),
    "no chains": (lambda: metrics.chain_diagnostics(3), TypeError, "no chains"),
}


@pytest.mark.parametrize(("call", "error", "message"), ARRAYS.values(), ids=ARRAYS)
def test_what_is_no_such_array_model_or_number_is_refused(call, error, message):
    with pytest.raises(error, match=message) as raised:
        call()
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def batches(images):
    return tf.data.Dataset.from_tensor_slices(images).batch(5)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return IMAGES[5 * index : 5 * index + 5]


class Table:
    """What a DataFrame shows of itself."""

    def to_numpy(self):
        return IMAGES.reshape(12, 64)


def test_data_sets_measure_as_their_arrays_do(model):
    units, rates = metrics.active_units(model, IMAGES), metrics.rate_per_latent(model, IMAGES)
    moments = metrics.posterior_moments(model, IMAGES)
    nats = metrics.negative_log_likelihood(model, IMAGES, samples=2000)
    for data in (batches(IMAGES), Batches(), list(IMAGES)):
        assert metrics.active_units(model, data) == units
        np.testing.assert_allclose(metrics.rate_per_latent(model, data), rates, rtol=1e-5)
        np.testing.assert_allclose(metrics.posterior_moments(model, data), moments, rtol=1e-5)
        probe = metrics.linear_probe(model, data, LABELS, data, LABELS)
        assert probe == metrics.linear_probe(model, IMAGES, LABELS, IMAGES, LABELS)
        energies = metrics.free_energy(model, data, samples=3)
        assert {(part.examples, part.samples) for part in energies.values()} == {(12, 3)}
        assert metrics.negative_log_likelihood(model, data, samples=2000).value == pytest.approx(nats.value, abs=0.1)
    flat = vae(shape=(64,))
    flat.build((None, 64))
    assert metrics.active_units(flat, Table()).examples == 12


@pytest.mark.parametrize(
    ("data", "error"),
    [(IMAGES * np.nan, ValueError), (IMAGES[:, :4], ValueError), (IMAGES.astype(str), TypeError), (None, TypeError)],
    ids=["nan", "shape", "text", "none"],
)
@pytest.mark.parametrize(
    "metric",
    ["active_units", "posterior_moments", "rate_per_latent", "free_energy", "negative_log_likelihood"],
)
def test_data_that_the_model_cannot_take_are_refused(metric, data, error, model):
    with pytest.raises(error) as raised:
        getattr(metrics, metric)(model, data)
    assert len(str(raised.value)) < 300


def test_what_can_be_read_once_or_never_ends_is_not_counted(model):
    for data, error in ((iter([IMAGES]), TypeError), (batches(IMAGES).repeat(), ValueError)):
        with pytest.raises(error, match=r"take\(n\)|generator"):
            metrics.free_energy(model, data)


@pytest.mark.parametrize("metric", ["active_units", "posterior_moments", "rate_per_latent"])
def test_latents_that_are_no_vector_are_refused(metric):
    made = vqvae()
    made.build((None, 8, 8, 1))
    with pytest.raises(ValueError, match=r"vectors?; VQVAE has \(4, 4\)"):
        getattr(metrics, metric)(made, IMAGES)
    with pytest.raises(ValueError, match="latents that are vectors"):
        metrics.linear_probe(made, IMAGES, LABELS, IMAGES, LABELS)


def test_rates_of_latents_that_are_not_independent_are_refused():
    made = vae(prior="normal_mixture")
    made.build((None, 8, 8, 1))
    with pytest.raises(ValueError, match="Rates of single latents are of independent ones"):
        metrics.rate_per_latent(made, IMAGES)


def test_a_probe_wants_as_many_labels_as_examples_of_two_classes(model):
    for labels, error, message in (
        (LABELS[:5], ValueError, "5 of train_labels and 12 of train"),
        (0 * LABELS, ValueError, "two classes"),
        (LABELS + 0.5, TypeError, "whole numbers"),
    ):
        with pytest.raises(error, match=message):
            metrics.linear_probe(model, IMAGES, labels, IMAGES, LABELS)
    with pytest.raises(TypeError, match="scikit-learn classifier"):
        metrics.linear_probe(model, IMAGES, LABELS, IMAGES, LABELS, classifier="svm")


class Poisson(Likelihood):
    density = False

    def distribution(self, given=None, batch_ndims=1):
        counts = tfp.distributions.Poisson(log_rate=given)
        return tfp.distributions.Independent(counts, len(given.shape) - batch_ndims)


def test_bits_are_of_one_array_under_a_likelihood_of_discrete_data(several, pairs):
    density = vae(likelihood=NormalLikelihood())
    density.build((None, 8, 8, 1))
    with pytest.raises(ValueError, match="NormalLikelihood is a density"):
        metrics.bits_per_dimension(density, IMAGES, samples=2)
    counts = vae(likelihood=Poisson())
    assert metrics.bits_per_dimension(counts, np.round(9 * IMAGES), samples=2).value > 0.0
    with pytest.raises(TypeError, match="are of one array"):
        metrics.bits_per_dimension(several, pairs, samples=2)
    with pytest.raises(TypeError, match="are of one array"):
        metrics.bits_per_dimension(cvae(), {"x": IMAGES, "condition": np.eye(10)[LABELS]}, samples=2)


def test_coherence_wants_a_judge_of_each_modality_and_a_label_an_input(several, pairs, model):
    inputs = {"image": pairs["image"][:12]}
    judges = {"image": judge, "middle": judge}
    assert metrics.cross_coherence(several, inputs, LABELS, "middle", judges, samples=2, seed=2**31 - 1).examples == 12
    assert metrics.joint_coherence(several, judges, samples=6, batch_size=4).value == 1.0
    for call, error, message in (
        (lambda: metrics.cross_coherence(several, inputs, LABELS[:5], "middle", judges), ValueError, "5 of labels"),
        (lambda: metrics.cross_coherence(several, inputs, LABELS, "middle", {}), ValueError, r"judge \['middle'\]"),
        (lambda: metrics.cross_coherence(several, inputs, LABELS, "middle", judges, 1.5), TypeError, "samples must"),
        (
            lambda: metrics.cross_coherence(several, IMAGES, LABELS, "middle", judges),
            TypeError,
            "inputs must be a dict",
        ),
        (lambda: metrics.cross_coherence(model, inputs, LABELS, "middle", judges), TypeError, "has translate"),
        (lambda: metrics.joint_coherence(several, {"image": judge}), ValueError, r"judge \['middle'\]"),
        (lambda: metrics.joint_coherence(several, judges, batch_size=0), ValueError, "batch_size must"),
        (lambda: metrics.joint_coherence(model, judges), TypeError, "has modalities"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_step_times_are_of_models_on_a_whole_batch(model):
    with pytest.raises(ValueError, match="at least batch_size examples, 64; got 12"):
        metrics.relative_step_time(model, model, IMAGES)
    with pytest.raises(TypeError, match="other must be a keras_vae model"):
        metrics.relative_step_time(model, None, IMAGES)
