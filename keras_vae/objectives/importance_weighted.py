"""Importance-weighted bounds (Burda et al. 2016), for one posterior, subsets of modalities, and mixtures."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import tree

from keras_vae import checks
from keras_vae.distributions import frozen, log_ratios
from keras_vae.objectives.objective import Objective, named, named_rates

ESTIMATORS = ("auto", "reparameterized", "doubly_reparameterized")
BOUNDS = ("strict", "looser")
SMALLEST_WEIGHT = 1e-12  # of what sums to one: float32 does not feel it


@keras.saving.register_keras_serializable("keras_vae")
class ImportanceWeighted(Objective):
    """`-log 1/K sum_k w_k >= -log p(x)`, with `w_k = p(x|z_k) p(z_k) / q(z_k|x)` (Burda et al. 2016, equation 8): a
    bound that tightens with K, and is the free energy's estimate at K = 1.

    Measured as `importance_bound`, without weights; `free_energy`, `distortion` and `rate` are averages over the
    draws, so that models with different objectives compare.

    Args:
        samples: number K of draws of each posterior.
        estimator: of the encoder's gradient. "doubly_reparameterized" leaves out the score of q, whose noise drowns the
            signal as K grows, without bias (Tucker et al. 2019, equation 8); of a mixture it is biased, since it leaves
            out the scores of the other components as well (benchmarks/importance_gradients.py measures it), and it is
            not to be had where a posterior's parameters depend on what is drawn. "reparameterized" is Burda's. "auto":
            the former where it is exact.
        bound: of mixtures of M components: "strict", `log 1/(MK) sum_mk w_mk`, a bound at weights 1; or "looser",
            `1/M sum_m log 1/K sum_k w_mk` (Shi et al. 2019, equation 3).
        beta: weighs `log q(z|x) - log p(z)` within `w_k`. A variable.
    """

    term_names = ("importance_bound",)

    def __init__(
        self, samples: int = 50, estimator: str = "auto", bound: str = "strict", beta: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.weigh(beta=beta)
        self.samples = checks.whole("samples", samples)
        self.estimator = checks.choice("estimator", estimator, ESTIMATORS)
        self.bound = checks.choice("bound", bound, BOUNDS)

    def terms(self, model, batch) -> Any:
        inference = model.inference_of(batch)
        z = inference.q.sample(self.samples, seed=model.next_seed())
        density, set_scale = inference.density or inference.q, None
        fixed = self._frozen(density, inference.density is not None)
        if fixed is not None:
            density = fixed
            z, set_scale = scale_gradient_later(z)
        ratios = log_ratios(density, model.prior_of(batch), z)
        ratio = tf.add_n(tree.flatten(ratios))
        distortions, output = model.explain(z, batch, inference)
        weighted = [model.distortion_weights.get(name, 1.0) * value for name, value in distortions.items()]
        log_weights = -tf.add_n(weighted) - self.beta * ratio
        looser = self.bound == "looser" or inference.density is None
        if inference.counted is None or looser:
            bound, factors = self.bounded(log_weights)
            bound = inference.total(bound, inference.counted)
        else:
            log_weights = log_weights + tf.math.log(inference.counted)  # minus infinity where a view does not count
            total = tf.reduce_logsumexp(log_weights, axis=(0, 1))
            bound = total - tf.math.log(float(self.samples))
            factors = self.doubly(tf.exp(log_weights - total))
        if set_scale:
            set_scale(factors)
        measured = {name: self._mean(inference, value) for name, value in distortions.items()}
        terms = {**named(measured), **named_rates(tree.map_structure(lambda part: self._mean(inference, part), ratios))}
        terms["importance_bound"] = -self._strict(inference, -tf.add_n(list(distortions.values())) - ratio)
        output = tree.map_structure(lambda part: part[0], output)
        return terms, {"importance_bound": -bound}, inference.one(output)

    def bounded(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The bound of log weights `[samples, ..., batch]`, `[..., batch]`; and the factors of the gradient that
        reaches each draw, where it is doubly reparameterized."""
        bound = tfp.math.reduce_logmeanexp(log_weights, axis=0)
        return bound, self.doubly(tf.nn.softmax(log_weights, axis=0))

    def doubly(self, normalised: tf.Tensor) -> tf.Tensor:
        """Of normalised weights what is left of d log w_k / dz_k without the score of q, whose part beta weighs; at
        beta = 1 the weights themselves."""
        return 1.0 - self.beta + self.beta * normalised

    def _frozen(self, density, mixture):
        """The density whose parameters get no gradient, for the doubly reparameterized one; None for the other."""
        if self.estimator == "reparameterized" or (self.estimator == "auto" and mixture):
            return None
        try:
            return frozen(density)
        except TypeError:
            if self.estimator == "auto":
                return None
            raise

    def _mean(self, inference, values):
        return inference.total(tf.reduce_mean(values, axis=0), inference.measured)

    def _strict(self, inference, log_weights):
        if inference.measured is None:
            return tfp.math.reduce_logmeanexp(log_weights, axis=0)
        log_weights += tf.math.log(inference.measured)
        return tf.reduce_logsumexp(log_weights, axis=(0, 1)) - tf.math.log(float(self.samples))

    def get_config(self):
        names = ("samples", "estimator", "bound")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("keras_vae")
class CombinationImportanceWeighted(ImportanceWeighted):
    """CIWAE: the free energy and the importance-weighted bound of the same draws, combined (Rainforth et al. 2018,
    section 5): `share * free energy + (1 - share) * -log 1/K sum_k w_k`. The encoder's gradient keeps a signal.

    Args:
        share: of the free energy, 0 to 1; their beta.
        samples, estimator, beta: as in `ImportanceWeighted`.
    """

    one_view = True

    def __init__(
        self, share: float = 0.5, samples: int = 50, estimator: str = "auto", beta: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(samples, estimator, beta=beta, **kwargs)
        self.share = checks.number("share", share, 0.0, 1.0)

    def bounded(self, log_weights) -> Any:
        bound, doubly = super().bounded(log_weights)
        of_free_energy = self.share / self.samples  # of each draw, beside (1 - share) of its normalised weight
        whole = of_free_energy + (1.0 - self.share) * tf.nn.softmax(log_weights, axis=0)
        combined = self.share * tf.reduce_mean(log_weights, axis=0) + (1.0 - self.share) * bound
        return combined, doubly + (1.0 - doubly) * tf.math.divide_no_nan(of_free_energy, whole)

    def get_config(self):
        config = {**super().get_config(), "share": self.share}
        config.pop("bound")
        return config


@keras.saving.register_keras_serializable("keras_vae")
class PartiallyImportanceWeighted(ImportanceWeighted):
    """PIWAE: the decoder and the prior learn by the bound of all draws, the encoder by the mean of the bounds of groups
    of them, in which its signal is less drowned (Rainforth et al. 2018, section 5).

    The encoder's gradient is doubly reparameterized, which is not to be had where a posterior's parameters depend on
    what is drawn, as those of a flow.

    Args:
        samples: number of all draws, their M K, a multiple of `groups`; the defaults are the paper's.
        groups: number of groups, their M.
        beta: as in `ImportanceWeighted`.
    """

    one_view = True

    def __init__(self, samples: int = 64, groups: int = 8, beta: float = 1.0, name: str | None = None) -> None:
        super().__init__(samples, "doubly_reparameterized", beta=beta, name=name)
        self.groups = checks.whole("groups", groups)
        if self.samples % self.groups:
            raise ValueError(f"samples must be a multiple of groups; got {self.samples} and {self.groups}.")

    def bounded(self, log_weights) -> Any:
        grouped = tf.reshape(log_weights, tf.concat([[self.groups, -1], tf.shape(log_weights)[1:]], axis=0))
        within = tf.reshape(tf.nn.softmax(grouped, axis=1), tf.shape(log_weights))
        # What reaches a draw is divided by its weight among all: one of nothing would leave nothing to divide.
        among = tf.stop_gradient(tf.maximum(tf.nn.softmax(log_weights, axis=0), SMALLEST_WEIGHT))
        surrogate = tf.reduce_sum(among * log_weights, axis=0)  # has the bound's gradient
        bound = tf.stop_gradient(tfp.math.reduce_logmeanexp(log_weights, axis=0) - surrogate) + surrogate
        return bound, within * self.doubly(within) / (self.groups * among)

    def get_config(self):
        config = {**super().get_config(), "groups": self.groups}
        return {name: config[name] for name in ("samples", "groups", "beta", "name")}


def scale_gradient_later(z) -> Any:
    """`z`, and a function that takes the factors `[...]` of the gradient that will reach z, `[..., latent]`.

    The factors depend on z itself, so they are known only after z has been used.
    """
    factors = []

    @tf.custom_gradient
    def identity(z):
        return tf.identity(z), lambda gradient: gradient * tf.stop_gradient(factors[0])[..., None]

    return identity(z), factors.append
