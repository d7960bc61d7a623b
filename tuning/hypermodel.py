"""A recipe as a keras-tuner hypermodel."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np

from keras_vae import checks, devices
from keras_vae.tuning import objectives, private
from keras_vae.zoo import entries
from keras_vae.zoo.recipe import Recipe
from keras_vae.zoo.training import fit_stages, in_float32

WIDTH = 4.0  # of the default range, as a factor to either side of the recipe's value

Space = dict[str, list[Any] | tuple[float, float]]  # values to choose from, or the lowest and the highest


class RecipeHyperModel(keras_tuner.HyperModel):
    """Builds, fits and measures a zoo entry's recipe with the hyperparameters of a trial.

    The last tenth of the training split is held out, or what the recipe's `splits` say. A trial fits all stages of the
    recipe's training, then measures the model as it is, and by nothing that depends on beta.

    Args:
        recipe: a `keras_vae.zoo.Recipe`, such as `keras_vae.zoo.recipe(name)`.
        space: `{hyperparameter: values}`: a list to choose from, or `(lowest, highest)`, searched on a logarithmic
            scale; whole numbers stay whole. None: `default_space(recipe)`.
        fixed: `{hyperparameter: value}` for all trials.
        objective: one of `keras_vae.tuning.OBJECTIVES`; None: "log_likelihood", or where models have none
            "frechet_distance".
        precision: Keras's dtype policy during training; measured in float32.

    Raises:
        TypeError: no recipe, or no dict.
        ValueError: the recipe has no such hyperparameter, or a range is none.
    """

    def __init__(
        self,
        recipe: Any,
        space: Space | None = None,
        fixed: dict[str, Any] | None = None,
        objective: str | None = None,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        checks.instance("recipe", recipe, Recipe, "a keras_vae.zoo.Recipe, such as keras_vae.zoo.recipe('vae')")
        for what, given in (("space", space), ("fixed", fixed)):
            checks.instance(what, {} if given is None else given, Mapping, "a dict by hyperparameter, or None")
        self.recipe, self.fixed, self.precision = recipe, dict(fixed or {}), devices.precision(precision)
        self.space = default_space(recipe) if space is None else dict(space)
        entries.check_names(recipe, self.space)
        entries.check_overrides(recipe, self.fixed)
        _check_space(self.space, self.fixed)
        self.objective = objectives.find(objective, recipe)

    def overrides(self, hp: keras_tuner.HyperParameters, execution: int = 0) -> dict[str, Any]:
        """The recipe's overrides in a trial; with `execution`, of that many seeds later."""
        values = {name: _choose(hp, name, values, self.recipe) for name, values in self.space.items()}
        if private.EPOCHS in hp.values:  # Hyperband's budget
            values["epochs"] = hp.values[private.EPOCHS]
        overrides = {**self.fixed, **values}
        if execution:
            overrides["seed"] = overrides.get("seed", own_values(self.recipe).get("seed", 0)) + execution
        return overrides

    def build(self, hp: keras_tuner.HyperParameters, execution: int = 0) -> keras.Model:
        overrides = self.overrides(hp, execution)
        keras.utils.set_random_seed(overrides.get("seed", 0))
        keras.config.set_dtype_policy(self.precision)
        model = entries.call_with(self.recipe.model, overrides)
        model.compile(**entries.stages(self.recipe, overrides)[0]["compile"])
        return model

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **kwargs,
    ) -> dict[str, float]:
        """Fits the model and returns what was measured: `{objective: value, "free_energy": ..., ...}`.

        Args:
            callbacks: besides those of the recipe.
            **kwargs: of each `fit`.
        """
        model, measured = self.fit_and_measure(hp, model, callbacks, **kwargs)
        return measured

    def fit_and_measure(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        execution: int = 0,
        **kwargs,
    ) -> tuple[keras.Model, dict[str, float]]:
        """`(model, measured)`: the trained model, float32, and what `fit` returns."""
        overrides, started = self.overrides(hp, execution), time.monotonic()
        seen = {**overrides, "split": self.recipe.splits[0]}
        train = entries.call_with(self.recipe.data_of, seen)
        fit_stages(model, train, entries.stages(self.recipe, seen), callbacks=callbacks, **kwargs)
        model = in_float32(self.recipe, overrides, model)
        seconds = time.monotonic() - started
        x = objectives.held_out(self.recipe, overrides)
        value = self.objective.function(objectives.Trained(model, self.recipe, x, self.fixed))
        if not np.isfinite(value):
            raise FloatingPointError(f"{self.objective.name} is {value}.")
        terms = model.evaluate(x, batch_size=100, verbose=0, return_dict=True)
        terms = {name: float(terms[name]) for name in ("free_energy", "distortion", "rate") if name in terms}
        return model, {self.objective.name: float(value), **terms, "seconds": round(seconds, 1)}


def default_space(recipe: Any) -> Space:
    """What is searched where nothing is said: those hyperparameters of the recipe that its `space` names, each from a
    quarter of the recipe's value to four times it.

    Raises:
        TypeError: no recipe.
        ValueError: the recipe has none of them.
    """
    checks.instance("recipe", recipe, Recipe, "a keras_vae.zoo.Recipe, such as keras_vae.zoo.recipe('vae')")
    values = own_values(recipe)
    space = {name: around(values[name]) for name in recipe.space if values.get(name)}
    if not space:
        raise ValueError(
            f"{recipe.title}: say what to search, of {sorted(values)}. (It has none of {list(recipe.space)}.)"
        )
    return space


def around(value: float) -> tuple[float, float]:
    """The default range of a hyperparameter: `(lowest, highest)`; of a whole number, whole."""
    if isinstance(value, int):
        return max(int(value / WIDTH), 1), int(value * WIDTH)
    return value / WIDTH, value * WIDTH


def parse_space(recipe: Any, texts: Sequence[str]) -> Space:
    """A space from what `keras-vae tune --over` takes: `beta`, `latent_size=10:100` or `activation=elu,relu`.

    Raises:
        TypeError: no recipe, or no texts.
        ValueError: the recipe has no such hyperparameter, its own value has no default range, or a range is none.
    """
    checks.instance("recipe", recipe, Recipe, "a keras_vae.zoo.Recipe, such as keras_vae.zoo.recipe('vae')")
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"texts must be a list of strings, such as ['beta=1:4']; got {checks.told(texts)}.")
    space = {}
    for text in texts:
        name, _, values = text.partition("=")
        entries.check_names(recipe, [name])
        if ":" in values:
            space[name] = tuple(_value(part) for part in values.split(":"))
        elif values:
            space[name] = [_value(part) for part in values.split(",")]
        else:
            own = own_values(recipe).get(name)
            if not isinstance(own, (int, float)) or isinstance(own, bool) or not own > 0:
                raise ValueError(
                    f"{name} is {own!r} in the recipe. Say which values to search: {name}=LOWEST:HIGHEST or "
                    f"{name}=VALUE,VALUE."
                )
            space[name] = around(own)
    _check_space(space, {})
    return space


def _value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def own_values(recipe: Any) -> dict[str, Any]:
    """The recipe's hyperparameters with their values, a dict."""
    found = entries.hyperparameters(recipe).items()
    return {name: one.default for name, one in found if one.default is not one.empty}


def _check_space(space, fixed):
    both = sorted(set(space) & set(fixed))
    if both:
        raise ValueError(f"{both} cannot be searched and fixed at once.")
    if not space:
        raise ValueError("There is nothing to search: the space is empty.")
    for name, values in space.items():
        if isinstance(values, list) and values:
            if not all(isinstance(value, (int, float, str)) for value in values):
                raise ValueError(f"{name} can be chosen from numbers, texts and booleans; got {checks.told(values)}.")
            continue
        numbers = isinstance(values, tuple) and len(values) == 2 and all(isinstance(v, (int, float)) for v in values)
        if not numbers or not 0 < values[0] < values[1] < math.inf:
            raise ValueError(
                f"{name} must be a list of values or (lowest, highest) with 0 < lowest < highest; got "
                f"{checks.told(values)}."
            )


def _choose(hp, name, values, recipe):
    default = own_values(recipe).get(name)
    numbers = all(isinstance(value, (int, float)) for value in values)
    if numbers and any(isinstance(value, float) for value in (default, *values)):
        values = type(values)(map(float, values))  # 1 may stand for 1.0
    if isinstance(values, list):
        return hp.Choice(name, values, default=default if default in values else None)
    lowest, highest = values
    kind = hp.Int if isinstance(lowest, int) and isinstance(highest, int) else hp.Float
    inside = isinstance(default, (int, float)) and lowest <= default <= highest
    return kind(name, lowest, highest, sampling="log", default=default if inside else None)
