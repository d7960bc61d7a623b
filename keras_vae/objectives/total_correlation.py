"""The total correlation of the latents, weighted: estimated from the batch, or by a critic."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae import checks
from keras_vae.distributions.draws import stateless_uniform
from keras_vae.objectives.free_energy import OneDraw
from keras_vae.parts.critic import Critic

SAMPLINGS = ("weighted", "stratified")


@keras.saving.register_keras_serializable("keras_vae")
class TotalCorrelation(OneDraw):
    """`distortion + beta * rate + gamma * total_correlation`, the total correlation `KL(q(z) || prod_j q(z_j))` being
    estimated from the batch (Chen et al. 2018; gamma is their beta less 1).

    The rate is, averaged over the data, the sum of three terms (equation 2), each measured: the mutual information of
    an example's index and its code, the total correlation, and the dimension-wise KL. The aggregated posterior q(z) is
    estimated from the batch, so their values depend on its size. "weighted" sampling (appendix C.1) is biased, most in
    the value of the total correlation, which its constant `log(dataset_size * batch)` shifts; its gradient does not
    know `dataset_size`. "stratified" (appendix C.2, its weights averaged over the order of the batch) is unbiased for
    q(z), not for its logarithm.

    Args:
        dataset_size: number of training examples.
        gamma: weight of the total correlation; at -1 it is left out of the rate. A variable.
        sampling: "weighted" or "stratified".
        beta: weight of the rate. A variable.
    """

    weights_named = ("beta", "gamma")
    term_names = ("mutual_information", "total_correlation", "dimension_wise_kl")

    def __init__(
        self, dataset_size: int, gamma: float = 5.0, sampling: str = "weighted", beta: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(beta, **kwargs)
        self.dataset_size = checks.whole("dataset_size", dataset_size)
        self.weigh(-1.0, gamma=gamma)
        self.sampling = checks.choice("sampling", sampling, SAMPLINGS)

    def added(self, model, q, z, batch) -> Any:
        if not isinstance(q, tfp.distributions.Independent):
            raise ValueError(f"TotalCorrelation needs a posterior of independent latents; got a {type(q).__name__}.")
        each = q.distribution.log_prob(z[:, None])  # [draw, example, latent]: of every draw under every posterior
        weights = self.log_weights(tf.shape(z)[0])
        log_q = tf.reduce_logsumexp(tf.reduce_sum(each, axis=-1) + weights, axis=1)
        log_product = tf.reduce_sum(tf.reduce_logsumexp(each + weights[..., None], axis=1), axis=-1)
        total_correlation = log_q - log_product
        terms = {
            "mutual_information": q.log_prob(z) - log_q,
            "total_correlation": total_correlation,
            "dimension_wise_kl": log_product - model.prior_of(batch).log_prob(z),
        }
        return terms, {"total_correlation": self.gamma * total_correlation}

    def log_weights(self, batch_size: tf.Tensor) -> tf.Tensor:
        """Log weights `[draw, example]` with which the posteriors of a batch stand for the aggregated posterior."""
        batch, total = tf.cast(batch_size, "float32"), float(self.dataset_size)
        if self.sampling == "weighted":
            return tf.fill((batch_size, batch_size), -tf.math.log(total * batch))
        others = tf.math.log((total - 1.0) / total) - tf.math.log(tf.maximum(batch - 1.0, 1.0))
        return tf.where(tf.eye(batch_size, dtype=tf.bool), -tf.math.log(total), others)

    def get_config(self):
        return {**super().get_config(), "dataset_size": self.dataset_size, "sampling": self.sampling}


@keras.saving.register_keras_serializable("keras_vae")
class Adversarial(OneDraw):
    """`distortion + beta * rate + gamma * total_correlation` (Kim & Mnih 2018, equation 2), the total correlation being
    a critic's log-odds that a draw comes from q(z), and not from draws whose latents were shuffled over the batch, each
    on its own (equation 3). The critic is trained in the same `fit` by its cross-entropy, `critic_loss`. The paper
    shuffles a second batch; here both are the same.

    Args:
        gamma: weight of the total correlation. A variable.
        critic: a `keras_vae.parts.Critic`, or the widths of one's hidden layers; the paper has `(1000,) * 6`.
        beta: weight of the rate. A variable.
    """

    weights_named = ("beta", "gamma")
    term_names = ("total_correlation", "critic_loss")

    def __init__(
        self,
        gamma: float = 10.0,
        critic: Critic | Sequence[int] = (256, 256, 256),
        beta: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(beta, **kwargs)
        self.weigh(gamma=gamma)
        self.critic = critic if isinstance(critic, Critic) else Critic(checks.sizes("critic", critic))

    def build(self, input_shape=None):
        if not self.critic.built:
            self.critic.build(input_shape)

    @staticmethod
    def critic_optimizer() -> keras.optimizers.Optimizer:
        """The critic's own optimizer, with the paper's settings."""
        return keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)

    def others(self, model: Any, z: tf.Tensor, batch: Any) -> tf.Tensor:
        """What the critic tells draws z of q(z) from, `[draws, latent]`."""
        # Sorted uniforms: TFP's and TensorFlow's shuffles do not compile under XLA.
        order = ops.argsort(stateless_uniform(tf.shape(z), model.next_seed()), axis=0)
        return ops.take_along_axis(z, order, axis=0)

    def cost(self, score: tf.Tensor) -> tf.Tensor:
        """What of the critic's log-odds, `[batch]`, is minimised."""
        return score

    def added(self, model, q, z, batch) -> Any:
        others, score = self.others(model, z, batch), self.critic.score(z)
        terms = {self.term_names[0]: score, "critic_loss": self.critic.loss(z, others)}
        return terms, {**terms, self.term_names[0]: self.gamma * self.cost(score)}

    def get_config(self):
        return {**super().get_config(), "critic": keras.saving.serialize_keras_object(self.critic)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "critic": keras.saving.deserialize_keras_object(config["critic"])})
