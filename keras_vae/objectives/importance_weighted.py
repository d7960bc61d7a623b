"""Importance-weighted bounds (Burda et al. 2016), for one posterior, subsets of modalities, and mixtures."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import tree

from keras_vae import checks
from keras_vae.distributions import frozen
from keras_vae.objectives.objective import Objective, named

ESTIMATORS = ("auto", "reparameterized", "doubly_reparameterized")
BOUNDS = ("strict", "looser")


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
        ratio = density.log_prob(z) - model.prior_of(batch).log_prob(z)
        distortions, output = model.explain(z, batch, inference)
        weighted = [model.distortion_weights.get(name, 1.0) * value for name, value in distortions.items()]
        log_weights = -tf.add_n(weighted) - self.beta * ratio
        looser = self.bound == "looser" or inference.density is None
        if inference.counted is None or looser:
            bound = inference.total(tfp.math.reduce_logmeanexp(log_weights, axis=0), inference.counted)
            normalised = tf.nn.softmax(log_weights, axis=0) if set_scale else None
        else:
            log_weights = log_weights + tf.math.log(inference.counted)  # minus infinity where a view does not count
            total = tf.reduce_logsumexp(log_weights, axis=(0, 1))
            bound = total - tf.math.log(float(self.samples))
            normalised = tf.exp(log_weights - total) if set_scale else None
        if set_scale:
            # d log w_k / dz_k without the score of q, whose part beta weighs; at beta = 1 the normalised weights.
            set_scale(1.0 - self.beta + self.beta * normalised)
        measured = {name: self._mean(inference, value) for name, value in distortions.items()}
        terms = {**named(measured), "rate": self._mean(inference, ratio)}
        terms["importance_bound"] = -self._strict(inference, -tf.add_n(list(distortions.values())) - ratio)
        output = tree.map_structure(lambda part: part[0], output)
        return terms, {"importance_bound": -bound}, inference.one(output)

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


def scale_gradient_later(z) -> Any:
    """`z`, and a function that takes the factors `[...]` of the gradient that will reach z, `[..., latent]`.

    The factors depend on z itself, so they are known only after z has been used.
    """
    factors = []

    @tf.custom_gradient
    def identity(z):
        return tf.identity(z), lambda gradient: gradient * tf.stop_gradient(factors[0])[..., None]

    return identity(z), factors.append
