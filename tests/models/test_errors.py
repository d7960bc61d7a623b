"""Bad input gets one clear error: its type, and words that name what is wrong."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, completing_cvae, cvae, mvae, networks, vae

import keras_vae
from keras_vae.networks import dense_decoder, dense_encoder

IMAGES = np.random.default_rng(0).random((8, 8, 8, 1)).astype("float32")
PAIRS = {"image": IMAGES, "middle": IMAGES[:, 2:6, 2:6].reshape(8, 16)}
LABELLED = {"x": IMAGES, "condition": np.eye(10, dtype="float32")[:8]}
NAN_IMAGES = np.where(np.arange(64).reshape(8, 8, 1) == 7, np.nan, IMAGES)


def dataset(data, batch_size=4):
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size)


def refused(call, match, error=ValueError):
    """One error of this type whose message is short, and not Keras's or TensorFlow's account of their own insides."""
    with pytest.raises(error, match=match) as caught:
        call()
    message = str(caught.value)
    assert len(message) < 400, message
    assert not any(inside in message for inside in ("in user code", "Graph execution error", "Arguments received"))


# --- what fit and evaluate are given --------------------------------------------------------------------------------

BAD_DATA = {
    "tf.data of (x, y)": (vae, lambda: dataset((IMAGES, np.arange(8))), "`y` is not used"),
    "tf.data of (x, y, weight)": (vae, lambda: dataset((IMAGES, np.arange(8), np.ones(8))), "`y` is not used"),
    "tuple (x, y)": (vae, lambda: (IMAGES, np.arange(8)), "`y` is not used"),
    "0..255 under bernoulli": (vae, lambda: np.round(IMAGES * 255), r"\[0, 1\].*255"),
    "0..255 uint8": (vae, lambda: np.round(IMAGES * 255).astype("uint8"), r"\[0, 1\].*255"),
    "0..255 in tf.data": (vae, lambda: dataset(np.round(IMAGES * 255)), r"\[0, 1\].*255"),
    "0..255 under normal": (lambda: vae(likelihood="normal"), lambda: np.round(IMAGES * 255), "0 to 255"),
    "-1..1 under bernoulli": (vae, lambda: 2 * IMAGES - 1, r"\[0, 1\]"),
    "NaN": (vae, lambda: NAN_IMAGES, "x holds NaN"),
    "NaN under normal": (lambda: vae(likelihood="normal"), lambda: NAN_IMAGES, "x holds NaN"),
    "infinity": (vae, lambda: np.where(IMAGES > 0.9, np.inf, IMAGES), "NaN or infinite"),
    "NaN in tf.data": (vae, lambda: dataset(NAN_IMAGES), "x holds NaN"),
    "NaN in a modality": (mvae, lambda: {**PAIRS, "image": NAN_IMAGES}, "image holds NaN"),
    "nothing": (vae, lambda: None, "x must hold numbers"),
    "empty": (vae, lambda: IMAGES[:0], "data are empty"),
    "empty dict": (mvae, lambda: {}, "No modality is given"),
    "empty tf.data": (vae, lambda: dataset(IMAGES).take(0), "data are empty"),
    "tf.data found empty": (vae, lambda: dataset(IMAGES).filter(lambda x: False), "data are empty"),
    "wrong shape": (vae, lambda: IMAGES[:, :7], r"x must have the shape \[batch, 8, 8, 1\]"),
    "no channels": (vae, lambda: IMAGES[..., 0], r"x must have the shape \[batch, 8, 8, 1\]"),
    "wrong shape in tf.data": (vae, lambda: dataset(IMAGES[:, :7]), r"x must have the shape \[batch, 8, 8, 1\]"),
    "tf.data without batches": (
        vae,
        lambda: dataset(IMAGES).unbatch(),
        r"of one example: call dataset.batch",
    ),
    "wrong shape of a modality": (
        mvae,
        lambda: {**PAIRS, "middle": IMAGES},
        r"middle must have the shape \[batch, 16\]",
    ),
    "different lengths": (mvae, lambda: {**PAIRS, "middle": PAIRS["middle"][:4]}, "same number of examples"),
    "unknown modality": (mvae, lambda: {**PAIRS, "sound": IMAGES}, "Unknown modality.*sound.*image.*middle"),
    "unknown modality in tf.data": (mvae, lambda: dataset({**PAIRS, "sound": IMAGES}), "Unknown modality.*sound"),
    "mask without data": (
        mvae,
        lambda: {"image": IMAGES, "observed": {"middle": np.ones(8, bool)}},
        "mask without its data.*middle",
    ),
    "mask of the wrong shape": (
        mvae,
        lambda: {**PAIRS, "observed": {"middle": np.ones((8, 16), bool)}},
        r"mask of middle must have the shape \[batch\]",
    ),
    "no modality": (mvae, lambda: {"observed": {}}, "No modality"),
    "an array for a multimodal model": (mvae, lambda: IMAGES, "dict of arrays by modality"),
    "a dict for a VAE": (vae, lambda: {"image": IMAGES}, "VAE takes one array.*got a dict"),
    "an array for a CVAE": (cvae, lambda: IMAGES, 'takes {"x": ..., "condition": ...}.*ndarray'),
    "no condition": (cvae, lambda: {"x": IMAGES}, r"takes .*condition.*got the keys \['x'\]"),
    "no x": (cvae, lambda: {"condition": LABELLED["condition"]}, r"got the keys \['condition'\]"),
    "unknown key beside a condition": (cvae, lambda: {**LABELLED, "label": IMAGES}, r"got the keys .*'label'"),
    "unknown key in tf.data": (cvae, lambda: dataset({**LABELLED, "label": IMAGES}), r"got the keys .*'label'"),
    "labels that are not one-hot": (
        cvae,
        lambda: {**LABELLED, "condition": np.arange(8)},
        r"condition must have the shape \[batch, 10\]; got \[8\]",
    ),
    "NaN in the condition": (cvae, lambda: {**LABELLED, "condition": np.full((8, 10), np.nan)}, "condition holds NaN"),
    "NaN beside a condition": (cvae, lambda: {**LABELLED, "x": NAN_IMAGES}, "x holds NaN"),
    "fewer conditions": (cvae, lambda: {**LABELLED, "condition": np.eye(10)[:5]}, "same number of examples"),
    "a condition without its mask": (
        completing_cvae,
        lambda: {"x": IMAGES, "condition": IMAGES},
        r"condition must have the shape \[batch, 8, 8, 2\]",
    ),
}


@pytest.mark.parametrize("verb", ["fit", pytest.param("evaluate", marks=pytest.mark.further)])
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case, verb):
    make, data, match = BAD_DATA[case]
    model = compiled(make())
    refused(lambda: getattr(model, verb)(data(), verbose=0), match, (ValueError, TypeError))


@pytest.mark.parametrize(
    "case",
    [
        "0..255 under bernoulli",
        "NaN",
        "NaN in a modality",
        "wrong shape",
        "unknown modality",
        "mask without data",
        "no modality",
        "empty dict",
        "no condition",
        "unknown key beside a condition",
        "labels that are not one-hot",
        "NaN in the condition",
    ],
)
def test_bad_data_of_a_verb(case):
    make, data, match = BAD_DATA[case]
    for verb in ("embed", "reconstruct", "log_likelihood", "encode"):
        refused(lambda verb=verb: getattr(make(), verb)(data()), match)


@pytest.mark.parametrize("case", ["NaN", "0..255 in tf.data", "wrong shape", "tf.data of (x, y)"])
def test_bad_validation_data(case):
    make, data, match = BAD_DATA[case]
    refused(lambda: compiled(make()).fit(IMAGES, validation_data=data(), verbose=0), match)


@pytest.mark.parametrize("argument", ["y", "sample_weight", "class_weight"])
def test_arguments_that_fit_would_ignore(argument):
    value = {0: 1.0} if argument == "class_weight" else np.ones(8)
    refused(lambda: compiled(vae()).fit(IMAGES, **{argument: value}), f"`{argument}` is not used")


@pytest.mark.parametrize("argument", ["y", "sample_weight"])
def test_arguments_that_evaluate_would_ignore(argument):
    refused(lambda: compiled(vae()).evaluate(IMAGES, **{argument: np.ones(8)}), f"`{argument}` is not used")


def test_whole_numbers_that_are_no_images_are_fine_under_normal():
    counts = np.arange(32.0, dtype="float32").reshape(8, 4)
    compiled(vae(shape=(4,), likelihood="normal")).fit(counts, verbose=0)


def test_nan_in_rows_that_are_not_observed_is_fine():
    middle = np.where(np.arange(8)[:, None] < 4, np.nan, PAIRS["middle"])
    masked = {**PAIRS, "middle": middle, "observed": {"middle": np.arange(8) >= 4}}
    assert np.isfinite(compiled(mvae()).fit(masked, verbose=0).history["loss"]).all()


# --- constructors ---------------------------------------------------------------------------------------------------

BAD_MODELS = {
    "unknown prior": (lambda: keras_vae.VAE(prior="gauss"), "Unknown prior 'gauss'.*standard_normal"),
    "unknown posterior": (lambda: keras_vae.VAE(posterior="gauss"), "Unknown posterior 'gauss'.*normal"),
    "unknown prior of CVAE": (lambda: keras_vae.CVAE(prior="gauss"), "Unknown prior 'gauss'.*conditional"),
    "conditional prior without a condition": (
        lambda: keras_vae.VAE(prior="conditional"),
        "Unknown prior .conditional.",
    ),
    "encoder without a condition": (lambda: keras_vae.CVAE(*networks(), 3), r"encoder .* two inputs, \[x, condition\]"),
    "decoder without a condition": (
        lambda: keras_vae.CVAE(cvae().encoder, networks()[1], 3),
        r"decoder .* two inputs, \[z, condition\]",
    ),
    "unknown likelihood": (lambda: keras_vae.VAE(likelihood="gauss"), "Unknown likelihood 'gauss'.*bernoulli"),
    "prior that is no prior": (lambda: keras_vae.VAE(prior=3), "prior must be one of"),
    "unknown likelihood of MVAE": (lambda: mvae(likelihood="gauss"), "Unknown likelihood 'gauss'"),
    "likelihood of one modality only": (lambda: mvae(likelihood={"image": "normal"}), "must name the modalities"),
    "unknown prior of MVAE": (lambda: mvae(prior="gauss"), "Unknown prior 'gauss'"),
    "latent_size 0": (lambda: keras_vae.VAE(latent_size=0), "latent_size must be a positive integer; got 0"),
    "latent_size -1": (lambda: keras_vae.MVAE(latent_size=-1), "latent_size must be a positive integer"),
    "latent_size 2.5": (lambda: keras_vae.VAE(latent_size=2.5), "latent_size must be a positive integer"),
    "latent_size of text": (lambda: keras_vae.VAE(latent_size="2"), "latent_size must be a positive integer"),
    "beta -1": (lambda: keras_vae.VAE(beta=-1.0), "beta must be a finite number at least 0"),
    "dataset_size 0": (lambda: keras_vae.BetaTCVAE(dataset_size=0), "dataset_size must be a positive integer"),
    "unknown sampling": (lambda: keras_vae.BetaTCVAE(dataset_size=9, sampling="all"), "sampling 'all'.*stratified"),
    "gamma -1": (lambda: keras_vae.FactorVAE(gamma=-1.0), "gamma must be a finite number at least 0"),
    "beta NaN": (lambda: keras_vae.MVAE(beta=float("nan")), "beta must be a finite number at least 0"),
    "encoder without decoder": (lambda: keras_vae.VAE(encoder=networks()[0]), "both an encoder and a decoder"),
    "decoder without encoder": (lambda: keras_vae.VAE(decoder=networks()[1]), "both an encoder and a decoder"),
    "encoders without decoders": (lambda: keras_vae.MVAE(encoders={"a": networks()[0]}), "same modalities"),
    "encoders and decoders of other modalities": (
        lambda: keras_vae.MVAE({"a": networks()[0]}, {"b": networks()[1]}, 3),
        "same modalities",
    ),
    "private latents of an unknown modality": (lambda: mvae(private_latents={"sound": 1}), r"private_latents.*image"),
    "private latents leave none to share": (
        lambda: mvae(private_latents={"image": 2, "middle": 1}),
        "private_latents.*shared",
    ),
    "negative private latents": (
        lambda: mvae(private_latents={"image": -1}),
        "must be an integer, 0 or more; got -1",
    ),
    "weights of an unknown modality": (lambda: mvae(modality_weights={"sound": 2.0}), "modality_weights.*image"),
    "a modality called observed": (lambda: mvae(shapes=[("observed", (16,))]), "cannot be called 'observed'"),
    "Laplace experts have no product": (lambda: mvae(posterior="laplace"), "computed of normals.*LaplacePosterior"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_bad_model(case):
    make, match = BAD_MODELS[case]
    refused(make, match, (ValueError, TypeError))


BAD_NETWORKS = {
    "decoder of another shape": (
        lambda: keras_vae.VAE(networks()[0], dense_decoder(3, (8, 8, 3), widths=(4,)), 3),
        IMAGES,
        r"decoder returns \[8, 8, 3\].*\[8, 8, 1\]",
    ),
    "decoder for another likelihood": (
        lambda: vae(likelihood="discretized_logistic"),
        IMAGES,
        r"DiscretizedLogisticLikelihood needs \[8, 8, 2\]",
    ),
    "decoder of another latent_size": (
        lambda: keras_vae.VAE(networks()[0], dense_decoder(5, (8, 8, 1), widths=(4,)), 3),
        IMAGES,
        r"takes inputs of \(None, 5\), but is given \(None, 3\)",
    ),
    "encoder of another shape": (
        lambda: keras_vae.VAE(dense_encoder((4, 4, 1), widths=(4,)), networks()[1], 3),
        IMAGES,
        r"decoder returns \[8, 8, 1\].*needs \[4, 4, 1\]",
    ),
    "decoder of one modality": (
        lambda: keras_vae.MVAE({"a": networks()[0]}, {"a": dense_decoder(3, (7,), widths=(4,))}, 3),
        {"a": IMAGES},
        r"decoder of 'a' returns \[7\]",
    ),
    "completing from a condition that holds no mask": (
        lambda: keras_vae.CVAE(latent_size=3, completes=True),
        LABELLED,
        r"one more channel, the mask: \[8, 8, 2\]; got \[10\]",
    ),
    "private latents of an unknown modality, default networks": (
        lambda: keras_vae.MVAE(latent_size=3, private_latents={"sound": 1}),
        PAIRS,
        r"private_latents must be counts for some of .'image', 'middle'.*'sound'",
    ),
}


@pytest.mark.parametrize("case", BAD_NETWORKS)
def test_networks_that_do_not_fit_the_data(case):
    make, data, match = BAD_NETWORKS[case]
    refused(lambda: compiled(make()).fit(data, verbose=0), match)


# --- verbs ----------------------------------------------------------------------------------------------------------

UNBUILT = {
    "embed": lambda model, data: model.embed(data),
    "reconstruct": lambda model, data: model.reconstruct(data),
    "encode": lambda model, data: model.encode(data),
    "decode": lambda model, data: model.decode(np.zeros((2, 16), "float32")),
    "sample": lambda model, data: model.sample(2),
    "traverse": lambda model, data: model.traverse(data, latent=0),
    "log_likelihood": lambda model, data: model.log_likelihood(data, samples=2),
}


@pytest.mark.parametrize("cls", [keras_vae.VAE, keras_vae.MVAE])
@pytest.mark.parametrize("verb", UNBUILT)
def test_verb_of_a_model_without_networks(verb, cls):
    refused(lambda: UNBUILT[verb](cls(), IMAGES if cls is keras_vae.VAE else PAIRS), "no networks yet.*Fit it first")


def test_verbs_of_a_conditional_model_without_networks():
    condition, z = LABELLED["condition"], np.zeros((8, 16), "float32")
    refused(lambda: keras_vae.CVAE().sample(condition=condition), "no networks yet")
    refused(lambda: keras_vae.CVAE().decode(z, condition), "no networks yet")
    refused(lambda: keras_vae.CVAE().embed(LABELLED), "no networks yet")


def test_conditions_that_do_not_fit_the_model_or_the_latents():
    refused(
        lambda: cvae().sample(condition=np.zeros((4, 7))), r"condition must have the shape \[batch, 10\]; got \[4, 7\]"
    )
    refused(lambda: cvae().sample(condition=np.full((4, 10), np.nan)), "condition holds NaN")
    with pytest.raises(TypeError, match="samples given a condition, by name"):
        cvae().sample(np.zeros((4, 10)))
    refused(
        lambda: cvae().decode(np.zeros((3, 3), "float32"), np.zeros((4, 10))),
        r"as many examples; got the shapes \[3, 3\]",
    )


def test_translate_of_a_model_without_networks():
    refused(lambda: keras_vae.MVAE().translate({"image": IMAGES}, to="middle"), "no networks yet")


@pytest.mark.parametrize(
    "likelihood", ["bernoulli", keras_vae.parts.NormalLikelihood("learned")], ids=["bernoulli", "learned scale"]
)
def test_verbs_of_a_model_with_given_networks_need_no_fit(likelihood):
    assert vae(likelihood=likelihood).sample(2).shape == (2, 8, 8, 1)
    assert vae(likelihood=likelihood).decode(np.zeros((2, 3), "float32")).mean().shape == (2, 8, 8, 1)


@pytest.mark.parametrize("latent", [-1, 3])
def test_traverse_of_a_latent_that_is_not_there(latent):
    refused(lambda: vae().traverse(IMAGES, latent=latent), "latent must be an integer, 0 to 2")


def test_log_likelihood_of_no_samples():
    refused(lambda: vae().log_likelihood(IMAGES, samples=0), "samples must be a positive integer")
    refused(lambda: vae().log_likelihood(IMAGES, chunk=0), "chunk must be a positive integer or None")


def test_verbs_of_empty_data():
    refused(lambda: vae().embed(IMAGES[:0]), "The data are empty")


def test_translate_to_an_unknown_modality():
    refused(lambda: mvae().translate({"image": IMAGES}, to="sound"), "Unknown modality 'sound'")


# --- NaN ------------------------------------------------------------------------------------------------------------


def test_nan_loss_stops_fit():
    model = compiled(vae(likelihood="normal"), keras.optimizers.SGD(1e20))
    refused(
        lambda: model.fit(IMAGES, batch_size=4, epochs=50, verbose=0), "Epoch .*loss.*learning rate", FloatingPointError
    )


def test_nan_loss_stops_fit_when_the_user_gives_callbacks():
    epochs = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    model = compiled(vae(likelihood="normal"), keras.optimizers.SGD(1e20))
    with pytest.raises(FloatingPointError):
        model.fit(IMAGES, batch_size=4, epochs=50, verbose=0, callbacks=[callback])
    assert len(epochs) < 50
