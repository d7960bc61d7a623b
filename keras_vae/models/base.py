"""What a latent-variable model is: a posterior, a prior and a likelihood, and an objective made of them."""

import inspect
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_vae import checks, devices, networks, objectives
from keras_vae.distributions import divergences, log_ratios, shown
from keras_vae.distributions.seeds import fold_in
from keras_vae.models.inputs import Batch, Inputs
from keras_vae.models.seeds import Seeds
from keras_vae.models.training import Training
from keras_vae.models.verbs import Verbs
from keras_vae.objectives import Inference
from keras_vae.objectives.old import renewed


class LatentVariableModel(Verbs, Inputs, Training, keras.Model):
    """Base of every model. A variant defines three things: `posterior_of(batch)`, q(z|x); `prior_of(batch)`, p(z|c);
    and `likelihood_of(z, batch)`, p(x|z, c), one distribution, over a dict where x is one. Latents z are a tensor
    `[..., batch, *event]`, or any nest of them.

    Args:
        objective: "free_energy", "importance_weighted", "capacity", "maximum_mean_discrepancy" or another of
            `keras_vae.objectives.OBJECTIVES`, or an object of `keras_vae.objectives`.
        beta: weight of the rate in an objective that is named; one that is an object has its own. `model.beta` is a
            variable: `model.beta.assign(4.0)`.
        seed: of all random draws; None: drawn from Python's generator, as `keras.utils.set_random_seed` sets it.
    """

    # What `terms` measures, in nats per example; `free_energy` and the objective's are measured besides.
    term_names: tuple[str, ...] = ("distortion", "rate")
    # Whether data are a dict by modality, and whether `sample` and `decode` take a condition.
    takes_modalities = takes_condition = False
    # Objectives that it can be trained by.
    objectives: tuple[type, ...] = (objectives.Objective,)
    # Arguments of the constructor that only make up the objective, which configurations hold.
    shorthands: tuple[str, ...] = ("beta",)
    # Arguments that old archives have under other names.
    renamed: Mapping[str, str] = MappingProxyType({})
    # Where old archives have the objective's weight among the model's own variables: before those that are not trained.
    _place_of_weight = 0
    # Weights of the distortions in the objective, variables by modality.
    distortion_weights: Mapping[str, Any] = MappingProxyType({})

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls, *args, **kwargs)
        bound = inspect.signature(cls.__init__).bind_partial(made, *args, **kwargs)
        bound.apply_defaults()
        # Kept from Keras, which would track them: arguments, compiled functions, and what threads share and do not.
        kept = {"_arguments": bound.arguments, "_graphs": {}, "_alone": threading.RLock(), "_here": threading.local()}
        for name, value in kept.items():
            object.__setattr__(made, name, value)
        return made

    def __dir__(self):
        # Keras saves and exports what it finds here: state of training, compiled functions and arguments are no part.
        return [name for name in super().__dir__() if name not in ("_arguments", "_graphs", "_alone", "_here")]

    def __init__(
        self, objective: Any = "free_energy", beta: float | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        # Float32 whatever the policy: under a mixed one Keras hands out variables, metrics' too, in half precision
        # within `call`. The networks follow the policy.
        super().__init__(autocast=False, dtype="float32", **kwargs)
        self.objective, self.seed = objectives.resolve(objective, beta), checks.seed(seed)
        missing = [need for need in self.objective.needs if not hasattr(self, need)]
        if missing:
            raise ValueError(
                f"{type(self.objective).__name__} asks a model for {missing}, which {type(self).__name__} has not: it "
                "is an objective of other models."
            )
        allowed = isinstance(self.objective, self.objectives)
        if not allowed or (self.objective.one_view and self.takes_modalities):
            wanted = ["objectives of one posterior"] if allowed else [kind.__name__ for kind in self.objectives]
            raise ValueError(f"{type(self).__name__} takes {wanted}; got {type(self.objective).__name__}.")
        self.seed_generator = Seeds(seed)

    @property
    def beta(self) -> keras.Variable:
        """Weight of the rate in the objective, a variable."""
        return self.objective.beta

    @property
    def has_density(self) -> bool:
        """Whether the posterior has a density, and so the model a rate, a free energy and a likelihood."""
        return getattr(getattr(self, "posterior", None), "density", True)

    def require_density(self) -> None:
        """Refuses what asks for a posterior with a density.

        Raises:
            ValueError: it is a point.
        """
        if not self.has_density:
            raise ValueError(
                f"{type(self.posterior).__name__} is a point without a density: there is no rate, no free energy and "
                'no likelihood. Take metrics.reconstruction_error, or a posterior such as "normal".'
            )

    def check_parts(self) -> None:
        """Refuses a posterior, a prior and an objective that do not go together.

        Raises:
            ValueError: the message has what would.
        """
        given, wanted = type(self.objective).__name__, self.objective.densities
        if self.has_density not in wanted:
            kind = 'a posterior with a density, such as "normal"' if True in wanted else 'posterior="deterministic"'
            raise ValueError(f"{given} needs {kind}; got {type(self.posterior).__name__}.")
        if not self.has_density and self.objective.asks_for_rate():
            raise ValueError(f"A {type(self.posterior).__name__} has no rate to be weighed: give {given}(beta=0.0).")
        if getattr(self.posterior, "spherical", False) != self.prior.spherical:
            raise ValueError(
                'Unit vectors are of both or neither: posterior="power_spherical" goes with prior="spherical_uniform"; '
                f"got {checks.told(self.posterior)} and {type(self.prior).__name__}."
            )

    # --- what a variant defines ---------------------------------------------------------------------------------

    def posterior_of(self, batch: Batch) -> Any:
        """Posterior q(z|x) of a batch: a distribution with batch shape `[batch]`."""
        raise NotImplementedError

    def prior_of(self, batch: Batch | None = None) -> Any:
        """Prior p(z), or p(z|c) of a batch's condition."""
        return self.prior.distribution(None if batch is None else batch.condition)

    def likelihood_of(self, z: Any, batch: Batch | None = None) -> Any:
        """Likelihood p(x|z) of latents `[..., batch, *event]`, or p(x|z, c) of a batch's condition: one distribution,
        with batch shape `[..., batch]`; a `Joint` by modality. Without a batch, for what is sampled."""
        raise NotImplementedError

    def latent_shape(self) -> Any:
        """Shape of one example's latents, or a nest of shapes."""
        raise NotImplementedError

    # --- what objectives ask for --------------------------------------------------------------------------------

    def inference_of(self, batch: Batch) -> Inference:
        """What latents of a batch are drawn from in a step of training."""
        return Inference(self.posterior_of(batch))

    def draw(self, inference: Inference, batch: Batch, samples: int = 1) -> tuple[Any, Any]:
        """Draws of the latents and their rates in nats, `[views, batch]` each; with several samples,
        `[samples, views, batch]`. The rate of a joint posterior is a dict of its parts'."""
        z = inference.q.sample(*([samples] if samples > 1 else []), seed=self.next_seed())
        p = self.prior_of(batch)
        if inference.density is not None:
            return z, log_ratios(inference.density, p, z)
        rates = divergences(inference.q, p, z)
        if samples > 1:  # closed forms know no draws
            known = 1 if inference.counted is None else 2
            rates = tree.map_structure(lambda rate: rate[None] if rate.shape.rank == known else rate, rates)
        return z, rates

    def explain(self, z: Any, batch: Batch, inference: Inference) -> tuple[dict[str, tf.Tensor], Any]:
        """Distortions `-log p(x|z)` in nats, `{modality: [..., batch]}`, "" for one kind of data; and what of p(x|z) is
        to be looked at."""
        p = self.likelihood_of(z, batch)
        return {"": -p.log_prob(batch.x)}, shown(p)

    def proposal(self, batch: Batch) -> Any:
        """What `log_likelihood` draws latents from: near q(z|x), with a density. Here q(z|x) itself."""
        return self.posterior_of(batch)

    def terms(self, batch: Batch, training: bool) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], Any]:
        """One step's terms, by the objective.

        Returns:
            `terms`: what is measured, `{name: [batch] or scalar}` for each of `term_names`;
            `objective`: what is minimised, a dict whose values are averaged and added;
            `output`: what calling the model returns.
        """
        return self.objective.terms(self, batch._replace(training=training, memo={}))

    # --- state --------------------------------------------------------------------------------------------------

    def build(self, input_shape):
        """Subclasses create their networks, then call this."""
        shape = self.latent_shape()
        if self.objective.one_view and (not isinstance(shape, tuple) or len(shape) != 1):
            raise ValueError(f"{type(self.objective).__name__} takes latents that are one vector; got {shape}.")
        for part in (self.prior, self.objective):
            networks.built(part, tree.map_shape_structure(lambda shape: (None, *shape), self.latent_shape()))
        names = dict.fromkeys((*self.term_names, *self.objective.term_names))
        self.term_names = tuple(name for name in names if self.has_density or name != "rate")
        names = ("free_energy", *self.term_names) if self.has_density else self.term_names
        self.trackers = {name: keras.metrics.Mean(name, dtype="float32") for name in names}

    def next_seed(self) -> tf.Tensor:
        """Stateless seed, int32 `[2]`: another one at each call and in each replica."""
        seed = tf.cast(keras.ops.mod(self.seed_generator.next(), 2**31 - 1), tf.int32)
        return fold_in(seed, devices.replica())

    # --- saving -------------------------------------------------------------------------------------------------

    def get_config(self):
        """Every constructor argument but shorthands, from the attribute of the same name, networks and all; as it was
        given where there is no such attribute."""
        arguments = []
        for cls in type(self).__mro__[: type(self).__mro__.index(LatentVariableModel) + 1]:
            if "__init__" not in vars(cls):
                continue
            parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
            arguments += [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):  # the constructor fixes its parents' arguments
                break
        wanted = [name for name in dict.fromkeys(arguments) if name not in self.shorthands]
        given = {name: getattr(self, name, self._arguments.get(name)) for name in wanted}
        config = {name: keras.saving.serialize_keras_object(_plain(value)) for name, value in given.items()}
        return {"name": self.name, **config}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = {
            cls.renamed.get(name, name): keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
            for name, value in renewed(config).items()
        }
        parameters = inspect.signature(cls.__init__).parameters
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            made = {name: value for name, value in made.items() if name in parameters}
        return cls(**made)

    def save_own_variables(self, store):
        """The weights, and where the random draws stand: a training that goes on does not repeat its noise."""
        super().save_own_variables(store)
        store["seed_state"] = self.seed_generator.position

    def load_own_variables(self, store):
        names = set(store.keys())
        if "seed_state" in names:
            self.seed_generator.position = store["seed_state"]
        own = {}
        super().save_own_variables(own)
        values = [store[str(index)] for index in range(len(names - {"seed_state"}))]
        if len(values) > len(own):  # of an archive from before objectives were parts
            weight = getattr(self.objective, self.objective.weights_named[0])
            weight.assign(np.asarray(values.pop(self._place_of_weight)))
        super().load_own_variables({str(index): value for index, value in enumerate(values)})


def _plain(value):
    """Variables as numbers, tracked containers as the built-in ones, for a configuration."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return float(value.numpy()) if isinstance(value, keras.Variable) else value
