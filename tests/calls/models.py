"""The verbs of each kind of model and Keras's loops, of models that are trained, and of those without networks yet."""

import functools
import inspect
import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import kinds
import numpy as np
import tensorflow as tf
import tiny

from calls.arrays import ANY_SHAPE, by_name, data, latents, masks
from calls.target import Target
from calls.values import (
    COUNT,
    COUNT_OR_NONE,
    FLAG,
    NEVER,
    NUMBERS,
    SEED,
    Sort,
    Thing,
    choice,
    number,
    text,
    these,
    whole,
)
from keras_vae import callbacks, objectives, parts

NOTHING = these(3, "y", True, np.arange(32), {0: 1.0}, tf.constant([1.0]))  # of what a model of x alone has no use for
OBJECTS = [keras.callbacks.TerminateOnNaN, Thing(), "early", 3, {"a": keras.callbacks.TerminateOnNaN()}]
CALLBACKS = these(*OBJECTS, *([wrong] for wrong in OBJECTS), [None], {keras.callbacks.TerminateOnNaN}, 0.5)
VERBOSE = NEVER | these("loud", -1, 3, 0.5, 2**70)
MODALITY = these(3, "nonsense", ("image", "middle"), [3], True, Thing(), {"image": 1}, b"image", ("image", None), [[]])


@functools.cache
def fitted(name: str) -> Any:
    """A model of a kind after one step of training."""
    return kinds.train(kinds.KINDS[name])[0]


def rows(examples: Any, count: int) -> Any:
    return tf.nest.map_structure(lambda leaf: leaf[:count], examples)


def sorts_of(kind: kinds.Kind) -> tuple[Sort, Sort]:
    """The sort of a kind's data, and of those that do not stream."""
    if kind.multimodal:
        sort = by_name(data(), "image") | masks("middle") | data().within("middle")
        return sort, sort.without("a data set of dicts", "a PyDataset of dicts")
    if isinstance(kind.data(), dict):
        sort = by_name(data(), "x", ("x", "condition")) | data(unit=False).without("flat").within("condition")
        return sort, sort.without("a data set of dicts", "a PyDataset of dicts")
    return data(kind.bounded, streams=True), data(kind.bounded)


class Calls:
    """Makes the targets of one model.

    Args:
        name: for people.
        of: the model, or a function that makes one for each call.
        controls: whether good calls are made too.
    """

    def __init__(self, name: str, of: Any, controls: bool = True):
        self.controls = controls
        self.name, self.of, self.fresh = name, of, inspect.isfunction(of) or isinstance(of, functools.partial)

    def __call__(
        self, verb: str, good: dict[str, Any] | None = None, only: tuple[str, ...] = (), **sorts: Sort
    ) -> Target:
        if not self.fresh:
            return Target(f"{self.name}.{verb}", getattr(self.of, verb), good or {}, sorts, only)

        @functools.wraps(getattr(self.of(), verb))
        def call(**given):
            return getattr(self.of(), verb)(**given)

        return Target(f"{self.name}.{verb}", call, good or {}, sorts, only, controls=self.controls)


def kind(name: str) -> Iterator[Target]:
    """Verbs and loops of a kind of model."""
    row = kinds.KINDS[name]
    model, examples, few = fitted(name), row.data(), rows(row.data(), 8)
    sort, at_once = sorts_of(row)
    called = Calls(name, model)
    missing = ("NaN", "NaN in half", "a frame with gaps", "a data set of NaN", "a data set of NaN at its end")
    scored = sort.without(*missing, "a PyDataset of NaN", "masked") if name == "ppca" else sort
    yield called("embed", {"x": few}, x=sort)
    yield called("reconstruct", {"x": few}, x=sort)
    yield called("encode", {"x": few}, x=at_once)
    yield called(
        "log_likelihood", {"x": few, "samples": 3}, x=scored, samples=whole(none=name == "ppca"), **_given(model)
    )
    if model.takes_condition:
        of = data(unit=False).without("flat")
        yield called("sample", {"condition": few["condition"]}, condition=of, samples=COUNT_OR_NONE)
    else:
        yield called("sample")
    if row.continuous:
        latent = whole(0, model.latent_shape()[0] - 1)
        yield called("traverse", {"x": few, "latent": 0}, x=at_once, latent=latent, values=NUMBERS)
    if name == "ladder_vae":
        rung = {"latent": whole(0, 1), "values": NUMBERS, "rung": choice("z1", "z2", none=True)}
        yield called("traverse", {"x": few, "latent": 0}, x=at_once, **rung)
    embedded = model.embed(few)
    z = {"z": embedded if isinstance(embedded, dict) else np.asarray(embedded)}
    if model.takes_condition:
        z["condition"] = few["condition"]
    of_condition = {"condition": data(unit=False).without("flat")} if model.takes_condition else {}
    of_z = latents(getattr(model, "codes", None))
    yield called("decode", z, z=Sort(of_z.within("z1").bad) if isinstance(embedded, dict) else of_z, **of_condition)
    if row.multimodal:
        one = {"image": few["image"]}
        to = choice("middle", none=True)
        yield called("translate", {"inputs": one}, inputs=by_name(data(), "image"), to=to, samples=COUNT_OR_NONE)
    if name == "ppca":
        plain = scored.without("an iterator over NaN")
        untrained = Calls(name, functools.partial(row.make))
        yield untrained("fit_em", {"x": examples, "iterations": 2}, x=plain.without(*ANY_SHAPE))
        yield untrained("fit_closed_form", {"x": examples}, x=sort.without(*ANY_SHAPE))
        yield called("exact_posterior", {"x": few}, x=plain)
    if name == "vae":
        bits = {"x": (few > 0.5).astype("float32")}
        yield called("compress", bits, x=data(), entry=text())
        stored = model.compress(bits["x"])
        harmed = NEVER.without("bytes") | these(b"", b"nothing", stored[:-1], stored[:20], stored + stored)
        yield called("decompress", {"data": stored}, data=harmed)
        nowhere = {"filepath": f"{tempfile.mkdtemp()}/exported", "verbose": False}
        made_anew = NEVER.without("text", "NumPy's text", "a path") | these(3, 0.5, True)
        yield called("export", nowhere, filepath=made_anew, verbose=FLAG.without("None"))
    if name == "poise_vae":
        seed = SEED.without("an array", "a vector tensor", "a Series", "a memoryview")  # pairs of integers
        update = model.prior.update_log_partition
        yield Target("update_log_partition", update, {"steps": 2, "sweeps": 2}, {"seed": seed})
    yield from adapted(name, model, few, sort)
    yield from loops(called, examples, few, sort)


def _given(model):
    return {"given": MODALITY} if model.takes_modalities else {}


def adapted(name: str, model: Any, few: Any, sort: Sort) -> Iterator[Target]:
    """`adapt`, where the prior has it: of VampVAE, and of a prior that is a mixture."""
    if name == "vamp_vae":
        yield Calls(name, model)("adapt", {"x": few}, x=sort)
    if name == "vae":
        mixed = tiny.vae(prior=parts.NormalMixturePrior(3, components=2))
        mixed.build((None, 8, 8, 1))
        yield Calls("vae of a mixture", mixed)("adapt", {"x": few}, x=sort, seed=SEED, draws=whole(1, 1000))


def loops(called: Calls, examples: Any, few: Any, sort: Sort) -> Iterator[Target]:
    """Keras's loops."""
    unused = {"y": NOTHING, "sample_weight": NOTHING}
    shared = {"x": sort, "batch_size": COUNT_OR_NONE, "verbose": VERBOSE, "callbacks": CALLBACKS}
    fitting = {
        **shared,
        **unused,
        "class_weight": NOTHING,
        "epochs": COUNT,
        "shuffle": FLAG,
        "validation_data": sort.without("x and y").of(few),
        "validation_split": number(0.0, most=1.0),
        "steps_per_epoch": COUNT_OR_NONE,
        "validation_steps": COUNT_OR_NONE,
        "validation_batch_size": COUNT_OR_NONE,
        "validation_freq": whole().without("a list", "a tuple", "a set", "a range"),
        "initial_epoch": whole(0),
        "nonsense": these(3),
    }
    evaluated = {**shared, **unused, "steps": COUNT_OR_NONE, "return_dict": FLAG, "nonsense": these(3)}
    yield called("fit", {"x": examples, "verbose": 0}, **fitting)
    yield called("evaluate", {"x": few, "verbose": 0}, **evaluated)
    yield called("predict", {"x": few, "verbose": 0}, **shared, steps=COUNT_OR_NONE, nonsense=these(3))
    streaming = [label for label in sort.bad(few) if any(word in label for word in ("set", "Dataset", "iterator"))]
    batch = Sort(sort.without(*streaming).bad)
    for verb in ("train_on_batch", "test_on_batch"):
        yield called(verb, {"x": few}, x=batch, return_dict=FLAG, nonsense=these(3), **unused)
    yield called("predict_on_batch", {"x": few}, x=batch)
    yield called(
        "compile", {}, loss=these("mse", 3), metrics=these(["mae"]), loss_weights=these([1.0]), nonsense=these(3)
    )


def unbuilt(name: str) -> Iterator[Target]:
    """Models whose networks are still to be chosen: verbs have none yet, and loops choose none for bad data."""
    row = kinds.KINDS[name]

    def make():
        return tiny.compiled(row.default(**row.options))

    called, few = Calls(f"{name}, unbuilt", make, controls=False), rows(row.data(), 8)
    of_data = sorts_of(row)[0] if isinstance(row.data(), dict) else data(unit=False, streams=True)
    of_data = by_name(data(), "image") if row.multimodal else of_data
    sort = Sort(of_data.without(*ANY_SHAPE).bad)
    yield called("fit", {"x": few, "verbose": 0}, ("x",), x=sort)
    yield called("evaluate", {"x": few, "verbose": 0}, ("x",), x=sort)
    for verb in ("embed", "reconstruct", "encode", "log_likelihood"):
        yield called(verb, {"x": few}, ("x",), x=sort | _same(few))
    yield called("predict_on_batch", {"x": few}, ("x",), x=sort)
    yield called("sample", {}, ("samples",), samples=COUNT | _same(1))
    yield called("decode", {"z": np.zeros((2, 3), "float32")}, ("z",), z=latents() | _same(np.zeros((2, 3), "float32")))
    if row.multimodal:
        yield called("translate", {"inputs": few}, ("inputs",), inputs=_same({"image": few["image"]}))
    else:
        yield called("traverse", {"x": few, "latent": 0}, ("x",), x=sort | _same(few))


def _same(good):
    """What would do if there were networks."""
    return these(as_it_is=good)


def wrong_models() -> Iterator[Target]:
    """Callbacks given to models that have no use for them."""
    cases = {
        "Capacity": ("vae", callbacks.Capacity(10, 3.0)),
        "ChainMixing": ("vae", callbacks.ChainMixing()),
        "WarmUp of a modality": ("vae", callbacks.WarmUp(10, modality="image")),
        "WarmUp of no such modality": ("mvae", callbacks.WarmUp(10, modality="sound")),
        "WarmUp without beta": ("vqvae", callbacks.WarmUp(10)),
    }
    for label, (name, callback) in cases.items():
        model, good = fitted(name), {"x": rows(kinds.KINDS[name].data(), 8), "verbose": 0}
        yield Target(f"{name} with {label}", model.fit, good, {"callbacks": these(callback)}, ("callbacks",))
    for objective in (objectives.TotalCorrelation(10), objectives.Adversarial(), objectives.VectorQuantized()):
        wrong = these(objective)
        yield Target("MVAE", type(fitted("mvae")), _networks(), {"objective": wrong}, ("objective",))


def _networks():
    model = fitted("mvae")
    return {"encoders": dict(model.encoders), "decoders": dict(model.decoders), "latent_size": 3}


def entry(name: str) -> Iterator[Target]:
    """Verbs of an entry of the zoo."""
    from keras_vae import zoo

    model, examples = zoo.load(name), zoo.examples(name)
    few = rows(examples, 2)
    sort = by_name(data(), "mnist") if isinstance(few, dict) else data(streams=True)
    called = Calls(name, model)
    yield called("embed", {"x": few}, x=sort)
    yield called("reconstruct", {"x": few}, x=sort)
    yield called("log_likelihood", {"x": few, "samples": 2}, x=sort, **_given(model))
    yield called("sample")
    yield called(
        "traverse", {"x": few, "latent": 0}, x=sort, latent=whole(0, model.latent_shape()[0] - 1), values=NUMBERS
    )
    yield called("compile", {}, loss=these("mse"), metrics=these(["mae"]))
