"""Functions of the other rooms: distributions, metrics, data and plots."""

import pathlib
import tempfile
from collections.abc import Iterator

import kinds
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import keras_vae
from calls.arrays import ANY_SHAPE, by_name, data, table
from calls.models import fitted, rows
from calls.target import Target, parameters
from calls.values import (
    COUNT,
    COUNT_OR_NONE,
    MODEL,
    NEVER,
    NONE,
    SEED,
    Sort,
    Thing,
    choice,
    function,
    number,
    path,
    these,
    whole,
)
from keras_vae import distributions, metrics, plots

OF_ONE = NEVER.without("a list", "an array", "a tuple", "a range", "a Series", "an empty list") | these(3, True, 0.5)
INTEGERS = table(whole_numbers=True)
CODES = {"codes": table("examples", "latents"), "factors": table("examples", "factors", whole_numbers=True)}
rng = np.random.default_rng(0)


def judge(images):
    """A classifier: probabilities of ten classes."""
    return np.eye(10)[np.arange(len(images)) % 10]


def of_distributions() -> Iterator[Target]:
    normal, gap = tfp.distributions.MultivariateNormalDiag(tf.zeros((2, 3)), tf.ones(3)), tf.zeros((2, 3))
    q = NEVER.without("a distribution") | these(3, True, tfp.distributions.Normal, keras_vae.parts.NormalPosterior)
    experts = {"loc": np.zeros((2, 4, 3), "float32"), "scale": np.ones((2, 4, 3), "float32")}
    numbers = OF_ONE | these(np.zeros((2, 4, 3), int), ragged=[[1.0], [2.0, 3.0]], texts=np.full((2, 4, 3), "a"))
    scale = numbers | these(negative=-experts["scale"], another_shape=np.ones((2, 4, 2), "float32"))
    mask = OF_ONE.without("None") | these(np.zeros((7, 1), bool), np.ones((2, 4, 1)), np.full((2, 4, 1), "a"))
    flag = NEVER.without("an array of booleans") | these(3, "yes", np.zeros((4, 7), bool), np.ones(3))
    sorts = {"loc": numbers, "scale": scale, "mask": mask, "prior": flag}
    yield Target("product_of_experts", distributions.product_of_experts, experts, sorts)
    sorts = {"components": q, "mask": mask | these(np.zeros((5, 3), bool))}
    mixed = tfp.distributions.MultivariateNormalDiag(tf.zeros((4, 2, 3)), tf.ones(3))
    yield Target("mixture_of_experts", distributions.mixture_of_experts, {"components": mixed}, sorts)
    sorts = {"q": q, "p": q, "z": these()}
    yield Target("kl_divergence", distributions.kl_divergence, {"q": normal, "p": normal, "z": gap}, sorts)


def of_metrics() -> Iterator[Target]:
    codes, factors = rng.normal(size=(40, 3)), np.stack([np.arange(40) % 3, np.arange(40) % 4], axis=1)
    both, alone, labels = {"codes": codes, "factors": factors}, {"seed": SEED}, np.arange(16) % 10
    yield Target(
        "active_codes", metrics.active_codes, {"codes": codes}, CODES | {"factors": these()}, ("codes", "threshold")
    )
    scales = {"scales": table("examples", "latents").of(codes), "bins": whole(none=True)}
    yield Target("mutual_information", metrics.mutual_information, both, {**CODES, **scales, "bins": whole()})
    yield Target("mutual_information_gap", metrics.mutual_information_gap, both, {**CODES, **scales})
    categorical = {
        "categorical": these(3, "shape", (7,), (0.5,), None, (-1,), ("0",), (True,), Thing(), {0: 1}, 10**400)
    }
    yield Target("sap", metrics.separated_attribute_predictability, both, {**CODES, **categorical})
    few = {**both, "train": 20, "test": 10, "trees": 2}
    yield Target("dci", metrics.disentanglement_completeness_informativeness, few, {**CODES, **alone})
    few = {**both, "votes": 10, "examples": 5}
    yield Target("factor_vae_score", metrics.factor_vae_score, few, {**CODES, **alone, "examples": whole(2)})
    pair = {"x": table(), "reconstruction": table()}
    yield Target("reconstruction_error", metrics.reconstruction_error, {"x": codes, "reconstruction": codes}, pair)
    draws = np.stack([codes, codes + 1.0])
    yield Target("diversity", metrics.diversity, {"draws": draws}, {"draws": table() | these(draws[:1], draws[0, 0])})
    features = dict.fromkeys(("features", "other_features"), table("examples", "features"))
    given = {"features": codes, "other_features": codes + 1.0}
    yield Target("frechet_distance", metrics.frechet_distance, given, features)
    styles = {"values": table("styles", "conditions")}
    yield Target("intraclass_correlation", metrics.intraclass_correlation, {"values": codes}, styles)
    images, ink = kinds.images(16), {"images": table()}
    yield Target("slant", metrics.slant, {"images": images}, ink)
    given = {"images": images, "labels": labels, "classifier": judge}
    yield Target("class_agreement", metrics.class_agreement, given, ink | {"labels": INTEGERS})
    yield Target("CanonicalCorrelation", metrics.CanonicalCorrelation, {}, alone)
    views = {"image": codes, "middle": codes + rng.normal(size=codes.shape)}
    related = metrics.CanonicalCorrelation(components=2, principal_components=3)
    of_views = {"x": Sort(by_name(data(unit=False), "image").without(*ANY_SHAPE).bad)}
    yield Target("CanonicalCorrelation.fit", related.fit, {"x": views}, of_views)
    yield Target("Estimate.of", metrics.Estimate.of, {"values": codes[:, 0], "unit": "nats"}, ESTIMATE)


ESTIMATE = {
    "values": table("examples"),
    "unit": NEVER.without("text", "NumPy's text") | these(3),
    "samples": COUNT_OR_NONE,
}


def of_models() -> Iterator[Target]:
    """Metrics of models."""
    model, images, alone = fitted("vae"), kinds.images(16), {"seed": SEED}
    x, options = {"x": data(streams=True)}, {"model": model, "x": images}
    for name in ("free_energy", "active_units", "posterior_moments", "rate_per_latent"):
        of_batches = {"batch_size": COUNT} if "batch_size" in parameters(getattr(metrics, name)) else {}
        yield Target(name, getattr(metrics, name), options, {**x, **of_batches})
    scored = {**options, "samples": 2}
    yield Target("bits_per_dimension", metrics.bits_per_dimension, scored, {**x, "nonsense": these(3)})
    given = {"given": these(3, "nonsense", "image", ["image"])}
    yield Target("negative_log_likelihood", metrics.negative_log_likelihood, scored, {**x, **given})
    given = {**options, "other": fitted("beta_vae"), "steps": 1, "rounds": 1, "batch_size": 8}
    yield Target(
        "relative_step_time", metrics.relative_step_time, given, {"x": data(), "other": MODEL, "batch_size": whole()}
    )
    labels = np.arange(16) % 10
    probe = {"model": model, "train": images, "train_labels": labels, "test": images, "test_labels": labels}
    of_data = {**dict.fromkeys(("train", "test"), data()), **dict.fromkeys(("train_labels", "test_labels"), INTEGERS)}
    yield Target("linear_probe", metrics.linear_probe, probe, {**of_data, "classifier": these(3, "svm", Thing(), True)})
    pairs, judges = rows(kinds.pairs(), 16), {"image": judge, "middle": judge}
    wrong = these(
        3, judge, None, {}, {"nonsense": judge}, {"image": "a", "middle": "b"}, {"image": None, "middle": None}
    )
    several = {"model": fitted("mvae"), "classifiers": judges}
    cross = {**several, "inputs": {"image": pairs["image"]}, "labels": labels, "to": "middle", "samples": 1}
    of_pairs = {
        "inputs": Sort(by_name(data(), "image").bad),
        "labels": INTEGERS,
        "to": choice("middle"),
        "classifiers": wrong,
    }
    yield Target("cross_coherence", metrics.cross_coherence, cross, {**of_pairs, **alone})
    of_judges = {"classifiers": wrong, "batch_size": whole(), **alone}
    yield Target("joint_coherence", metrics.joint_coherence, {**several, "samples": 10}, of_judges)
    yield Target("codebook_use", metrics.codebook_use, {"model": fitted("vqvae"), "x": images}, {"x": data()})
    chains = {"model": fitted("poise_vae"), "chains": 4, "sweeps": 20, "lags": 5}
    counts = {
        "chains": whole(2),
        "sweeps": whole(10),
        "lags": whole(0),
        "x": by_name(data(), "image").of(rows(pairs, 2)),
    }
    yield Target("chain_diagnostics", metrics.chain_diagnostics, chains, {**counts, **alone})


def of_data() -> Iterator[Target]:
    room, images = keras_vae.data, (kinds.images(16) * 255).astype("uint8")
    split = {"split": choice("train", "test")}
    kept = ("one example", "flat", "more axes", "a feature less", "a feature more")
    bytes_ = data(unit=False).without(*kept, "NaN", "NaN in half", "infinite", "a frame with gaps")
    sorts = {"images": Sort(bytes_.bad), "seed": SEED, "condition": function(none=True), "batch_size": whole()}
    yield Target("data.batches", room.batches, {"images": images}, sorts)
    yield Target("data.arrays", room.arrays, {"name": "digits"}, {"name": choice("digits"), **split})
    yield Target("data.digits", room.digits, {}, split)
    yield Target("data.oil_flow", room.oil_flow, {}, split)
    binary = {
        "images": data().without(*kept, "an empty list", "no examples"),
        "seed": SEED.without("an array", "a vector tensor", "a Series", "a memoryview"),
    }
    yield Target("data.binarize", room.binarize, {"images": kinds.images(16), "seed": 0}, binary)
    labels = np.arange(16) % 4
    of_labels = dict.fromkeys(("labels", "other_labels"), table("examples", whole_numbers=True))
    given = {"labels": labels, "other_labels": labels}
    yield Target("data.pair_indices", room.pair_indices, given, {**of_labels, "seed": SEED})
    pair = {"image": (images, labels), "middle": (images, labels)}

    def with_labels(wrong):
        return {**pair, "image": (images, wrong)}

    paired = these(3, None, images, Thing(), {}, {"image": images, "middle": images}, {"image": None, "middle": None})
    paired |= these(one={"image": pair["image"]}, fewer=with_labels(labels[:-1]), texts=with_labels(labels.astype(str)))
    paired |= these(
        fractions=with_labels(labels + 0.5), negative=with_labels(labels - 1), strangers=with_labels(labels + 9)
    )
    augment = these(3, judge, {"nonsense": judge}, {"image": "flip"}, {"image": 3}, Thing())
    missing = number(0, most=1) | these(one=1.0)
    sorts = {"data": paired, "augment": augment, "missing": missing, "seed": SEED, "batch_size": whole()}
    yield Target("data.paired_batches", room.paired_batches, {"data": pair}, sorts)
    yield Target("data.digit_words", room.digit_words, {}, {"length": whole(5)})
    texts = {"x": OF_ONE | these(np.zeros((3, 16)), np.zeros((3, 8, 15)), np.full((3, 8, 16), "a"))}
    for name in ("texts_of", "classify_words"):
        yield Target(f"data.{name}", getattr(room, name), {"x": room.digit_words()[0][:3]}, texts)
    visible = np.ones((3, 4), bool)
    masks = OF_ONE | these(visible[:, :3], visible[0, :3], 0.5 * visible, 2 * visible, np.nan * visible, 1j * visible)
    sorts = {"visible": masks, "height": whole(1, 10_000), "width": whole(1, 10_000)}
    yield Target("data.quadrants", room.quadrants, {"visible": visible, "height": 8, "width": 8}, sorts)
    stateless = NEVER | these("seed", [1], (1, 2, 3), (0.5, 1.5), np.zeros(3, int), True)
    drawn = {"count": 3, "height": 8, "width": 8, "seed": (0, 1)}
    sorts = {
        "seed": stateless.without("an array", "a vector tensor", "a range", "a Series", "a memoryview"),
        "height": whole(),
        "width": whole(),
    }
    yield Target("data.random_quadrants", room.random_quadrants, {**drawn, "seed": tf.constant([0, 1])}, sorts)
    mask = np.ones((16, 8, 8, 1), "float32")
    wrong = OF_ONE | these(
        mask[:, :4], mask[..., 0], 0.5 * mask, 2 * mask, np.nan * mask, mask.astype(complex), mask[:3]
    )
    sorts = {"x": table().without("NaN", "infinite"), "mask": wrong}
    yield Target("data.visible_part", room.visible_part, {"x": kinds.images(16), "mask": mask}, sorts)


def of_plots() -> Iterator[Target]:
    images, points = kinds.images(4), rng.normal(size=(12, 2))
    sections = OF_ONE | these(
        {}, {"a": {}}, [1], images, {"a": {"b": "c"}}, {"a": {"b": None}}, {"a": {"b": 3}}, {"a": 3}
    )
    sections |= these(no_images={"a": {"b": images[:0]}}, five_axes={"a": {"b": images[None]}}, no_dict={"a": images})
    sections |= these(
        complex_={"a": {"b": images + 1j}}, objects={"a": {"b": np.full((2, 8, 8), Thing())}}, NaN={"a": {3: 4}}
    )
    where = path(__file__ + "/a.png").without("a memoryview", "a bytearray")
    good = {"sections": {"Rows": {"images": images}}}
    yield Target("plots.picture", plots.picture, good, {"sections": sections, "path": where.without("None") | NONE})
    yield Target("plots.rows", plots.rows, good, {"sections": sections})
    target = {"made": good["sections"], "path": str(pathlib.Path(tempfile.mkdtemp()) / "a.png")}
    yield Target("plots.write", plots.write, target, {"made": sections, "path": where})
    titles, names = {"a": points}, these(3, ["x"], [1, 2, 3], "xyz", Thing(), {"x": 1}, ["x", "y", None], True)
    panels = OF_ONE | these({}, {"a": np.ones((12, 3))}, {"a": points * np.nan}, {"a": points.astype(str)}, {"a": None})
    panels |= these(another_length={"a": points[:5]}, complex_={"a": points + 1j}, a_number={"a": 3}, a_list=[points])
    of_labels = table("examples", whole_numbers=True).without("floats")
    good = {"panels": titles, "labels": np.arange(12) % 3, "names": ["x", "y", "z"]}
    yield Target(
        "plots.planes", plots.planes, good, {"panels": panels, "labels": of_labels, "names": names | these(None)}
    )
    loc = np.zeros(3)
    pairs = OF_ONE | these({}, {"a": loc}, {"a": (loc,)}, {"a": (loc, -loc - 1)}, {"a": (loc, loc[:2])}, {"a": None})
    pairs |= these(
        texts={"a": ("b", "c")}, NaN={"a": (loc * np.nan, loc + 1)}, zeros={"a": (loc, loc)}, numbers={"a": (1, 2)}
    )
    yield Target(
        "plots.experts", plots.experts, {"panels": {"a": (loc, loc + 1)}}, {"panels": pairs, "names": names.without()}
    )

    def density(z):
        return tf.reduce_sum(z, axis=-1)

    drawn = OF_ONE | these(
        {}, {"a": None}, {"a": 3}, {"a": "b"}, {"a": density, "b": 3}, {"a": lambda z: "text"}, [density]
    )
    sorts = {"panels": drawn, "names": names | these(("x", "y", "z"))}
    yield Target("plots.contours", plots.contours, {"panels": {"a": density}}, sorts)
    chains = metrics.chain_diagnostics(fitted("poise_vae"), chains=4, sweeps=20, lags=5)
    sorts = {"diagnostics": OF_ONE | these(metrics.Chains, {"a": 1}), "names": names}
    yield Target("plots.chains", plots.chains, {"diagnostics": chains}, sorts)
    wrong = these(
        None, 3, "a", [], [(1, 2, 3)], [(1.0, np.nan)], [("a", "b")], [1.0, 2.0], [None], Thing(), {"a": 1}, [(1, 1j)]
    )
    colours = these(3, [1], {"a": [1.0]}, {"a": ["x", "y"]}, {"a": None}, {"a": [np.nan, 1.0]}, Thing(), True)
    marked = these(3, [1], {"a": 9}, {"a": "b"}, {"a": 0.5}, {"a": None}, {"a": True}, {"a": -1}, Thing())
    good = {"points": [(1.0, 2.0), (3.0, 4.0)]}
    yield Target(
        "plots.rate_distortion", plots.rate_distortion, good, {"points": wrong, "colours": colours, "marked": marked}
    )


def targets() -> Iterator[Target]:
    for room in (of_distributions, of_metrics, of_models, of_data, of_plots):
        yield from room()
