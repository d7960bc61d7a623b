"""What a recipe says of its entry."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

KINDS = ("model", "classifier")


def _names(values):
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)


# What each field must be: `{description: (names of fields, whether a value is it)}`.
RULES = {
    "a text": (("title", "data", "licence"), lambda value: isinstance(value, str) and value.strip()),
    "the name of a metric": (("headline",), lambda value: re.fullmatch(r"[\w/]+", str(value))),
    'Python that names its entry "{name}"': (("use",), lambda value: "{name}" in str(value)),
    f"one of {KINDS}": (("kind",), lambda value: value in KINDS),
    "a function": (("model", "data_of", "training", "evaluate", "examples", "preview"), callable),
    "True or False": (("density",), lambda value: isinstance(value, bool)),
    "a function or None": (("factors", "pairs", "features"), lambda value: value is None or callable(value)),
    "a mapping of names to labels": (("compared_with",), lambda value: isinstance(value, Mapping)),
    "a tuple of names": (("summary", "space"), _names),
    "a tuple: trained on, held out": (("splits",), lambda value: _names(value) and len(value) == 2),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an entry of the zoo is made, measured and shown. An entry's `recipe.py` names it `RECIPE`.

    A recipe that differs from another in little is `dataclasses.replace(other, title=..., model=...)`. Its functions
    import TensorFlow when they are called, not before. The arguments of `model`, `data_of` and `training` are the
    recipe's hyperparameters, their defaults its values, and `keras-vae train --set` overrides them; where several
    functions take one of the same name, all get the same value.

    Attributes:
        title: of the card and the preview.
        data: what the card calls the data.
        headline: the metric that stands for the entry in lists.
        licence: of code, weights and the examples that ship.
        use: Python, as the card shows it; `{name}` stands for the entry's name. See `example`.
        model: `model(**hyperparameters)`, a built model with fresh weights.
        data_of: `data_of(batch_size, seed, split, ...)`, training batches as `fit` takes them.
        training: `training(**hyperparameters)`, a plan of the training, or a list of them, one a stage: `{"compile":
            arguments of compile, "epochs": ..., "callbacks": ..., "frozen": names of parts left alone, "settings":
            attributes of the model to set}`.
        evaluate: `evaluate(model, ...)` yields `(metric, keras_vae.metrics.Estimate, split)`.
        examples: `examples()`, the inputs that ship: an array or a dict of them, images as 8-bit integers.
        preview: `preview(model, examples)`, a figure or what `keras_vae.plots.picture` takes.
        kind: "model" for a latent-variable model, "classifier" for a judge of coherence.
        measured_on: what the figures were measured on, as the card says it.
        compared_with: `{name: label}` of other entries, and of baselines that `evaluate` measures as "name/metric",
            whose figures the card sets beside this entry's, in this order.
        summary: metrics of that comparison. Empty: all that are fractions, but for the classifiers' own.
        space: the hyperparameters that a search goes over unless told otherwise, those of them that the recipe has.
        splits: what a search trains on, and what it holds out.
        factors: `factors(split)`, images and the classes of the factors that made them, for searches and measurements
            of disentanglement.
        pairs: `pairs(split)`, a dict of modalities and the classes of its rows, for those of coherence.
        features: `features(images)`, arrays `[images, features]` by which searches compare distributions of images.
        density: whether its models have one, and so a likelihood, a rate and a free energy.
        doc: what the entry is, as the card begins: the docstring of its `recipe.py`, which `keras_vae.zoo.recipe` puts
            here.

    Raises:
        ValueError: a field is not as described.
    """

    title: str
    data: str
    headline: str
    licence: str
    use: str
    model: Callable
    data_of: Callable
    training: Callable
    evaluate: Callable
    examples: Callable
    preview: Callable
    kind: str = "model"
    measured_on: str = "held-out data only"
    compared_with: Mapping[str, str] = field(default_factory=dict)
    summary: tuple[str, ...] = ()
    space: tuple[str, ...] = ("beta", "latent_size")
    splits: tuple[str, str] = ("train[:90%]", "train[90%:]")
    factors: Callable | None = None
    pairs: Callable | None = None
    features: Callable | None = None
    density: bool = True
    doc: str = ""

    def __post_init__(self):
        wrong = [
            f"{name} must be {what}, not {getattr(self, name)!r}"
            for what, (names, accepts) in RULES.items()
            for name in names
            if not accepts(getattr(self, name))
        ]
        if wrong:
            raise ValueError(f"The recipe {self.title!r} is wrong: {'; '.join(wrong)}.")

    def example(self, name: str) -> str:
        """The Python of `use`, of the entry of that name."""
        return inspect.cleandoc(self.use).replace("{name}", name)
