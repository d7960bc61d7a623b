"""A recipe as a keras-tuner hypermodel, and a search over it."""

import keras
import keras_tuner

from keras_vae.zoo import entries
from keras_vae.zoo.training import fit_stages


class RecipeHyperModel(keras_tuner.HyperModel):
    """Builds and fits a zoo entry's recipe with the hyperparameters of a trial.

    Args:
        recipe: the recipe's module, as `keras_vae.zoo.recipe(name)` returns it.
        space: `{hyperparameter: values}`: a list to choose from, or `(lowest, highest)`, searched on a logarithmic
            scale; whole numbers stay whole.
        fixed: `{hyperparameter: value}` for all trials.
    """

    def __init__(self, recipe, space, fixed=None):
        super().__init__()
        self.recipe, self.space, self.fixed = recipe, dict(space), dict(fixed or {})
        entries.check_overrides(recipe, {**self.space, **self.fixed})

    def overrides(self, hp):
        """The recipe's overrides in a trial."""
        return {**self.fixed, **{name: _choose(hp, name, values) for name, values in self.space.items()}}

    def build(self, hp):
        overrides = self.overrides(hp)
        keras.utils.set_random_seed(overrides.get("seed", 0))
        model = entries.call_with(self.recipe.model, overrides)
        model.compile(**entries.stages(self.recipe, overrides)[0]["compile"])
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        overrides = self.overrides(hp)
        train = entries.call_with(self.recipe.data, {**overrides, "split": "train[:90%]"})
        validation = entries.call_with(self.recipe.data, {**overrides, "split": "train[90%:]"})
        kwargs = {"validation_data": validation, **kwargs}
        return fit_stages(model, train, entries.stages(self.recipe, overrides), callbacks=callbacks, **kwargs)


def search(name, space, trials=10, epochs=None, fixed=None, directory="runs/tuning", seed=0, verbose=1):
    """Searches for the hyperparameters of an entry's recipe with the lowest free energy on held-out training data.

    The objective is `val_free_energy`: unlike `val_loss` it does not change its meaning with beta. The last tenth of
    the training split is held out; test data are never seen.

    Args:
        name: the entry.
        space: see `RecipeHyperModel`.
        trials: how many settings to try.
        epochs: of each trial; None: the recipe's.
        fixed: `{hyperparameter: value}` for all trials.
        directory: where trials are kept; a search started again goes on.

    Returns:
        The best overrides, as `keras-vae train --set` and `keras_vae.zoo.training.train` take them.
    """
    hypermodel = RecipeHyperModel(
        entries.recipe(name), space, {**(fixed or {}), **({"epochs": epochs} if epochs else {})}
    )
    tuner = keras_tuner.BayesianOptimization(
        hypermodel,
        objective=keras_tuner.Objective("val_free_energy", "min"),
        max_trials=trials,
        seed=seed,
        directory=directory,
        project_name=name,
    )
    tuner.search(verbose=verbose)
    best = hypermodel.overrides(tuner.get_best_hyperparameters()[0])
    best.pop("epochs", None)
    return best


def _choose(hp, name, values):
    if isinstance(values, list):
        return hp.Choice(name, values)
    lowest, highest = values
    kind = hp.Int if isinstance(lowest, int) and isinstance(highest, int) else hp.Float
    return kind(name, lowest, highest, sampling="log")
