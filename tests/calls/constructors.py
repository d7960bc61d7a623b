"""Constructors: of models, parts, objectives, makers of networks and callbacks."""

import tempfile
from collections.abc import Iterator

import kinds
import numpy as np
import tiny

import keras_vae
from calls.arrays import data
from calls.target import Target, parameters
from calls.values import (
    COUNT,
    FLAG,
    NEVER,
    NONE,
    NUMBERS,
    SEED,
    Sort,
    Thing,
    accepted,
    choice,
    function,
    networks,
    number,
    part,
    shape,
    sizes,
    these,
    whole,
)
from keras_vae import callbacks, objectives, parts

MERGE = choice("precision", "residual", "free")
IMAGE, MIDDLE = tiny.networks(tiny.IMAGE), tiny.networks(tiny.MIDDLE)
ENCODERS, DECODERS = ({"image": IMAGE[side], "middle": MIDDLE[side]} for side in (0, 1))
BY_NAME = NEVER.without("None") | these(3, True, {"nonsense": 1}, {3: 1})


def _of_image(sort: Sort) -> Sort:
    return BY_NAME | Sort(sort.within("image").bad)


BY_MODALITY = {
    "encoders": networks(ENCODERS),
    "decoders": networks(DECODERS),
    "private_latents": _of_image(whole(0, 3)),
    "modality_weights": _of_image(number(0.0)),
    "rung_sizes": _of_image(sizes()),
    "top_down": BY_NAME | these({"image": 3}, {"image": ["dense"]}),
    "merge": MERGE,
    "likelihood": part("bernoulli", "normal", of=parts.NormalLikelihood) | these({"image": "bernoulli"}, {"image": 3}),
}
LADDER = {
    "latent_sizes": sizes(),
    "widths": sizes().without("None"),
    "merge": MERGE,
    "top_down": these(3, "dense", {}),
}
MADE_OF = {  # what a class takes for itself, where it differs from what others take of that name
    "CVAE": {"prior": part("standard_normal", "conditional", of=parts.LaplacePrior)},
    "VQVAE": {
        "prior": part("uniform", "autoregressive", of=parts.UniformPrior),
        "posterior": part("moving_average", "gradient", of=parts.Codebook),
        "commitment": number(0.0, none=True),
    },
    "POISEVAE": {"prior": part("coupled", of=parts.CoupledExponentialPrior), "gradient_sweeps": COUNT},
    "MMVAE": {"prior": part("laplace", of=parts.LaplacePrior)},
    "LadderVAE": LADDER,
    "HierarchicalVampVAE": LADDER | {"latent_size": NEVER},
}
GIVEN_FOR_OBJECTIVE = ("FactorVAE", "BetaTCVAE", "BetaVAE", "VQVAE", "IWAE")  # or it is made of other arguments


def models() -> Iterator[Target]:
    """Of their own networks and of others'."""
    one = dict(zip(("encoder", "decoder"), IMAGE, strict=True))
    several = {"encoders": ENCODERS, "decoders": DECODERS, "latent_size": 4}
    grid = tiny.vqvae()
    good = {
        "BetaTCVAE": {**one, "dataset_size": 32},
        "VQVAE": {"encoder": grid.encoder, "decoder": grid.decoder, "latent_size": 3, "codes": 8},
        **dict.fromkeys(("VAE", "BetaVAE", "IWAE", "VampVAE", "FactorVAE"), one),
        **dict.fromkeys(("MVAE", "MMVAE", "MoPoE", "POISEVAE", "MultimodalVAE"), several),
    }
    for name in keras_vae._DEFINED_IN:
        cls = getattr(keras_vae, name)
        if name in ("LatentVariableModel", "MultimodalVAE"):
            continue
        special = {} if not issubclass(cls, keras_vae.MultimodalVAE) else BY_MODALITY
        if name in GIVEN_FOR_OBJECTIVE:
            special = {**special, "objective": part(of=objectives.FreeEnergy)}
        yield Target(name, cls, good.get(name, {}), special | MADE_OF.get(name, {}) | {"nonsense": these(3)})
    yield Target("VAE of its own networks", keras_vae.VAE, {"latent_size": 3})


def _each(room, names: str, good=None, **sorts: Sort) -> Iterator[Target]:
    for name in names.split():
        yield Target(name, getattr(room, name), good or {}, sorts)


def of_parts() -> Iterator[Target]:
    flow = part(of=parts.AutoregressiveFlow) | accepted(None_=None)
    scale = number(above=0.0) | these("learnt") | accepted(learned="learned")
    vectors = (
        "LaplacePrior NormalMixturePrior ConditionalNormalPrior NormalPosterior LaplacePosterior StandardNormalPrior"
    )
    books = "HomoscedasticNormalPosterior AutoregressiveFlow MovingAverageCodebook GradientCodebook"
    yield from _each(parts, f"{vectors} {books}", {"latent_size": 3})
    coupling = {"latent_size": whole(2), "coupling": choice("affine", "spline"), "bins": whole(2, 50)}
    yield from _each(parts, "CouplingFlow", {"latent_size": 3}, **coupling)
    yield from _each(parts, "FlowMatchingPrior", {"latent_size": 3}, widths=sizes().without("None"))
    yield from _each(parts, "NoiseContrastivePrior", {"latent_size": 3}, proposals=whole(1, 100_000))
    yield from _each(parts, "ResampledPrior", {"latent_size": 3}, tries=whole(2, 100_000))
    yield from _each(parts, "DeterministicPosterior", {"latent_size": 3})
    spheres = "PowerSphericalPosterior SphericalUniformPrior"
    yield from _each(parts, spheres, {"latent_size": 3}, latent_size=whole(2))
    yield from _each(parts, "FlowPrior", {"latent_size": 3}, flow=flow, base=part(of=parts.StandardNormalPrior))
    yield from _each(parts, "FlowPosterior", {"latent_size": 3}, flow=flow, base=part(of=parts.NormalPosterior))
    yield from _each(parts, "FiniteScalarCodebook", {"latent_size": 3}, levels=sizes().without("None"))
    yield from _each(parts, "Rung", {"latent_size": 3}, merge=MERGE)
    yield from _each(parts, "UniformPrior AutoregressivePrior Critic BernoulliLikelihood CategoricalLikelihood")
    yield from _each(parts, "NormalLikelihood LaplaceLikelihood", scale=scale)
    yield from _each(parts, "DiscretizedLogisticLikelihood", scale=scale | accepted(decoded="decoded"))
    base = part("bernoulli", "normal", of=parts.NormalLikelihood) | these(parts.AutoregressiveLikelihood())
    yield from _each(parts, "AutoregressiveLikelihood", base=base)
    private = NEVER.without("None", "a list", "a range", "an array", "a Series", "a vector tensor", "a memoryview")
    private |= these(3, (-1, 0), (0.5, 0), (1,), (np.nan, 0), ("1", 0), (True, 0))
    coupled = {"latent_sizes": sizes().without("None"), "private_sizes": private, "start": number()}
    yield from _each(parts, "CoupledExponentialPrior", {"latent_sizes": (2, 3)}, **coupled)
    named = {"identifier": choice("normal", "laplace"), "choices": these(), "kind": these(), "what": these()}
    good = {"identifier": "normal", "choices": parts.POSTERIORS, "kind": parts.Posterior, "what": "posterior"}
    good["latent_size"] = 2
    yield Target("parts.resolve", parts.resolve, {**good}, named, ("identifier",))


def of_objectives() -> Iterator[Target]:
    yield from _each(objectives, "FreeEnergy Capacity FreeBits VectorQuantized ImportanceWeighted Adversarial")
    yield from _each(objectives, "TotalCorrelation", {"dataset_size": 10}, gamma=number(-1.0))
    yield from _each(objectives, "AdversarialMatching")
    yield from _each(objectives, "PartiallyImportanceWeighted", groups=COUNT)
    yield from _each(objectives, "MultiViewTotalCorrelation", alpha=number(0.0, most=1.0))
    yield from _each(objectives, "CombinationImportanceWeighted", share=number(0.0, most=1.0))
    yield from _each(objectives, "MaximumMeanDiscrepancy", scales=NUMBERS | these((1.0, 0.0), (-1.0,)))
    yield from _each(objectives, "Regularized", decay=number(0.0))
    named = part("free_energy", "importance_weighted", of=objectives.FreeEnergy)
    yield Target("objectives.resolve", objectives.resolve, {"objective": "free_energy"}, {"objective": named})


def of_networks() -> Iterator[Target]:
    room, image, flat = keras_vae.networks, shape(3), shape()
    good = {
        "shape": (8, 8, 1),
        "latent_size": 3,
        "widths": (8,),
        "filters": (4, 4),
        "width": 8,
        "output_shape": (8, 8, 1),
    }
    strides = dict.fromkeys(("first_stride", "last_stride"), COUNT) | {"grid": FLAG}
    every = "dense_encoder dense_decoder convolutional_encoder convolutional_decoder pooling_encoder residual_encoder "
    for name in (every + "residual_decoder default_encoder default_decoder").split():
        make = getattr(room, name)
        given = {key: value for key, value in good.items() if key in parameters(make)}
        special = {**strides, "shape": flat if "de" in name[:2] else image}
        yield Target(name, make, given, {key: sort for key, sort in special.items() if key in parameters(make)})
    yield from _each(room, "default_grid_encoder", {"shape": (8, 8, 1), "latent_size": 3}, shape=image)
    yield from _each(room, "default_grid_decoder", {"output_shape": (8, 8, 1), "latent_size": 3}, output_shape=image)
    pixels = {"grid": (4, 4), "codes": 8, "width": 8, "blocks": 2}
    yield from _each(room, "gated_pixel_cnn", pixels, grid=shape(2))
    yield from _each(room, "local_pixel_cnn", {"channels": 1, "features": 3, "outputs": 1, "width": 8})
    yield from _each(room, "MaskedAutoregressiveNetwork", {"places": 3})
    yield from _each(room, "VelocityNetwork", {"size": 3}, size=COUNT, widths=sizes().without("None"))
    yield from _each(room, "dense_ladder_encoder", {"shape": (8, 8, 1), "widths": (8, 8)}, widths=sizes())
    rungs = {"latent_sizes": (4, 2), "widths": (8, 8)}
    yield from _each(room, "dense_top_down", rungs, latent_sizes=sizes(), widths=sizes())
    ladder = {"shape": (8, 8, 1), "filters": (4, 4), "rungs": 1, "width": 8}
    yield from _each(room, "residual_ladder_encoder", ladder, shape=image, rungs=COUNT)
    ladder.pop("width")
    yield from _each(room, "residual_ladder_decoder", {**ladder, "latent_size": 3}, shape=image, rungs=COUNT)
    ladder["latent_sizes"] = (3, 2, 4)
    ladder.pop("rungs")
    yield from _each(room, "residual_top_down", ladder, shape=image, latent_sizes=sizes())


def of_callbacks() -> Iterator[Target]:
    rise = {"target": number(0.0, none=True), "delay": number(0.0), "steps": number(1)}
    yield from _each(callbacks, "WarmUp", {"steps": 10}, **rise)
    yield from _each(callbacks, "Cycles", {"steps": 10, "period": 20}, **rise, period=number(1))
    yield from _each(callbacks, "Capacity", {"steps": 10, "target": 3.0}, **{**rise, "target": number(0.0)})
    options = {"chains": whole(2), "sweeps": whole(10), "lags": whole(0), "seed": SEED, "nonsense": these(3)}
    yield from _each(callbacks, "ChainMixing", threshold=number(1.0), **options)
    folder = these(3, ["a"], True, Thing(), __file__, b"a") | NONE
    pictures = {"folder": folder, "log_dir": folder, "preview": function(none=True), "x": these()}
    yield from _each(callbacks, "ImageGrid", {"folder": tempfile.gettempdir()}, **pictures)
    from calls.models import fitted

    drawn = {"model": fitted("vae"), "x": kinds.images(2), "samples": 2}
    of_x = {"x": data().without("None"), "samples": COUNT, "seed": SEED.without("None")}
    yield from _each(callbacks, "reconstructions_and_samples", drawn, **of_x)


def targets() -> Iterator[Target]:
    for room in (models, of_parts, of_objectives, of_networks, of_callbacks):
        yield from room()
