"""A function to be called wrongly, and the sorts of arguments that have one name wherever they occur."""

import dataclasses
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from calls.judge import outcome
from calls.values import (
    ACTIVATION,
    COUNT,
    COUNT_OR_NONE,
    FLAG,
    MODEL,
    NETWORK,
    SEED_OR_NONE,
    Sort,
    choice,
    function,
    number,
    part,
    shape,
    sizes,
    text,
    these,
    whole,
)
from keras_vae import objectives, parts

COUNTS = (
    "latent_size importance_samples components codes sweeps chains prior_sweeps places outputs steps samples lags "
    "trees iterations train test votes principal_components rounds every count height width repeats cycles "
    "dataset_size trials executions workers channels features"
)
FLAGS = (
    "stratified reconstruct_absent infer_absent completes warm_start refuses_images shuffle drop_remainder weights "
    "recipe move dynamic_binarization return_dict"
)
SORTS: dict[str, Sort] = {
    **dict.fromkeys(FLAGS.split(), FLAG),
    **dict.fromkeys(COUNTS.split(), COUNT),
    **dict.fromkeys(["chunk", "largest_subset", "pairs", "epochs", "batch_size"], COUNT_OR_NONE),
    **dict.fromkeys(["random_subsets", "context_size", "blocks", "gradient_sweeps", "window"], whole(0)),
    **dict.fromkeys(
        ["beta", "gamma", "commitment", "capacity", "start", "tolerance", "restart_below", "threshold"], number(0.0)
    ),
    **dict.fromkeys(["dropout", "decay"], number(0.0, most=1.0)),
    **dict.fromkeys(["encoder", "decoder", "network"], NETWORK),
    **dict.fromkeys(["widths", "critic_widths", "critic"], sizes(0)),
    **dict.fromkeys(["activation", "output_activation"], ACTIVATION),
    **dict.fromkeys(["progress", "augment", "condition", "preview"], function(none=True)),
    **dict.fromkeys(["title", "modality"], text(none=True)),
    **dict.fromkeys(["shape", "output_shape"], shape()),
    "base": part(of=parts.StandardNormalPrior),
    "bound": choice("strict"),
    "classes": whole(2, none=True),
    "classifier": function(),
    "condition_shape": shape().without("None"),
    "estimator": choice("auto", "reparameterized"),
    "filters": sizes(),
    "gradient": choice("pathwise", "covariance"),
    "levels": whole(2),
    "likelihood": part("bernoulli", "normal", of=parts.NormalLikelihood),
    "limit": number(above=0.0),
    "model": MODEL,
    "nats": number(0.0),
    "pace": number(above=0.0),
    "objective": part("free_energy", of=objectives.FreeEnergy),
    "posterior": part("normal", of=parts.NormalPosterior),
    "prior": part("standard_normal", of=parts.StandardNormalPrior),
    "rungs": whole(1, 2, none=True),
    "sampling": choice("weighted", "stratified"),
    "seed": SEED_OR_NONE,
    "temperature": (number(above=0.0) | these({"z9": 1.0}, {"z1": 0.0}, {"z1": "1"}, {3: 1.0})).without(
        "an empty dict"
    ),
    "verbose": whole(0, 2),
}
EXEMPT = {
    "format": "Keras knows which there are, and says so",
    "input_signature": "Keras knows what it takes",
    "name": "Keras checks names of layers",
    "optimizer": "Keras knows which there are",
}


def public(called: Callable) -> Callable:
    """What people know a function by: a method's function, a wrapper's inside."""
    called = inspect.unwrap(called)
    return getattr(called, "__func__", called)


def parameters(called: Callable) -> dict[str, inspect.Parameter]:
    """Parameters by name; a class's parents' as well, for as long as it hands on more."""
    makers = [called]
    if isinstance(called, type):
        ours = [cls for cls in called.__mro__ if cls.__module__.startswith("keras_vae")]
        makers = [vars(cls)["__init__"] for cls in ours if "__init__" in vars(cls)]
    found = {}
    for maker in makers:
        own = inspect.signature(maker).parameters.values()
        named = [one for one in own if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and one.name != "self"]
        found = {one.name: one for one in named} | found
        if not any(one.kind == one.VAR_KEYWORD for one in own):
            break
    return found


@dataclasses.dataclass(frozen=True)
class Target:
    """A function to be called wrongly.

    Attributes:
        name: for people.
        function: what is called.
        good: arguments that do.
        sorts: of arguments, where not by name; those of `**kwargs` too.
        only: the arguments that go wrong; empty: all.
        judge: says what came of a call.
        controls: whether good calls are made too.
    """

    name: str
    function: Callable
    good: dict[str, Any] = dataclasses.field(default_factory=dict)
    sorts: dict[str, Sort] = dataclasses.field(default_factory=dict)
    only: tuple[str, ...] = ()
    judge: Callable = outcome
    controls: bool = True

    def tried(self) -> dict[str, Any]:
        """Arguments that go wrong, with their defaults.

        Raises:
            KeyError: one has no sort.
        """
        known = dict.fromkeys(self.sorts) | {n: p.default for n, p in parameters(self.function).items()}
        wanted = [name for name in known if (name in self.only if self.only else name not in EXEMPT)]
        unsorted = [name for name in wanted if name not in self.sorts and name not in SORTS]
        if unsorted:
            raise KeyError(f"{self.name} has arguments of no sort: {unsorted}.")
        return {name: known[name] for name in wanted}

    def calls(self, good: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """`(label, arguments)` of each bad call, or of each good one."""
        if good and not self.controls:
            return
        if good:
            yield "as it is", dict(self.good)
        for name, default in self.tried().items():
            sort = self.sorts.get(name) or SORTS[name]
            value = self.good.get(name, None if default is inspect.Parameter.empty else default)
            for label, wrong in (sort.good if good else sort.bad)(value).items():
                if good or wrong is not None or default is not None:  # a default of None does, whatever its sort says
                    yield f"{name}: {label}", {**self.good, name: wrong}

    def pairs(self, count: int, seed: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
        """As `calls`, with two arguments gone wrong at once: `count` of them, drawn."""
        rng, by_argument = np.random.default_rng(seed), {}
        for label, arguments in self.calls():
            by_argument.setdefault(label.partition(":")[0], []).append((label, arguments))
        every = list(itertools.combinations(by_argument, 2))
        for index in rng.integers(len(every), size=count) if every else ():
            drawn = [(name, *by_argument[name][rng.integers(len(by_argument[name]))]) for name in every[index]]
            both = {name: arguments[name] for name, _, arguments in drawn}
            yield " and ".join(label for _, label, _ in drawn), {**self.good, **both}
