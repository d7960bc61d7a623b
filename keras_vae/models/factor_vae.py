"""The FactorVAE (Kim & Mnih 2018): a critic tells how far the latents are from independent."""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_vae.distributions.draws import stateless_uniform
from keras_vae.models.vae import VAE


@keras.saving.register_keras_serializable("keras_vae")
class FactorVAE(VAE):
    """Minimises `distortion + beta * rate + gamma * total_correlation` (Kim & Mnih 2018, equation 2).

    The total correlation `KL(q(z) || prod_j q(z_j))` is a critic's log-odds that a draw comes from q(z), and not from
    draws whose latents were shuffled over the batch, each on its own (equation 3). The critic is trained in the same
    `fit`: `critic_loss` is its cross-entropy in nats, log 2 where it cannot tell them apart. The paper shuffles a
    second batch; here both are the same.

    Formula:
        `E_q(z|x)[-log p(x|z)] + beta KL(q(z|x) || p(z)) + gamma KL(q(z) || prod_j q(z_j))`

    When to use:
        For disentangled latents when batches are small: the critic remembers what one batch cannot show. It is one
        more network to train, and its own loss to watch; `BetaTCVAE` needs neither.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.FactorVAE(latent_size=8, gamma=10.0)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # critic_loss: log 2 where the latents look independent
        >>> moved = model.traverse(x[:5], latent=0)  # [7, 5, 8, 8, 1]

    Args:
        encoder, decoder, latent_size, likelihood, **kwargs: as `VAE` takes them.
        gamma: weight of the total correlation.
        critic_widths: of the critic's hidden layers, leaky ReLUs; the paper has `(1000,) * 6`.
    """

    term_names = ("distortion", "rate", "total_correlation", "critic_loss")

    def __init__(self, encoder=None, decoder=None, *, gamma=10.0, critic_widths=(256, 256, 256), **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        if not gamma >= 0:
            raise ValueError(f"gamma must not be negative; got {gamma!r}.")
        self.gamma, self.critic_widths = gamma, tuple(critic_widths)

    def build(self, input_shape):
        super().build(input_shape)
        # Last, so that the other networks start as those of a VAE of the same seed.
        hidden = [layers.Dense(width, activation="leaky_relu", dtype="float32") for width in self.critic_widths]
        self.critic = keras.Sequential([*hidden, layers.Dense(1, dtype="float32")], name="critic")
        self.critic.build((None, self.latent_size))

    def compile(self, optimizer="adam", **kwargs):
        """As for any model: `optimizer` is the model's, and the critic gets Adam with the paper's settings.

        To choose the critic's too, or to scale the loss, give a `keras.optimizers.MultiOptimizer` with a key
        ".*/critic/.*".
        """
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if not scaled and not isinstance(optimizer, keras.optimizers.MultiOptimizer):
            critic = keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)
            each = keras.optimizers.OptimizerMap(optimizer, {".*/critic/.*": critic})
            optimizer = keras.optimizers.MultiOptimizer(each)
        super().compile(optimizer, **kwargs)

    def terms_at(self, q, z, batch):
        terms, objective, output = super().terms_at(q, z, batch)
        # To the model the critic is fixed; to the critic, the latents are.
        weights = [ops.stop_gradient(weight.value) for weight in self.critic.trainable_variables]
        log_odds, _ = self.critic.stateless_call(weights, self.critic.non_trainable_variables, z)
        fixed = ops.stop_gradient(z)
        # Sorted uniforms: TFP's and TensorFlow's shuffles do not compile under XLA.
        order = ops.argsort(stateless_uniform(tf.shape(z), self.next_seed()), axis=0)
        joint, shuffled = self.critic(fixed), self.critic(ops.take_along_axis(fixed, order, axis=0))
        critic_loss = 0.5 * (ops.softplus(-joint) + ops.softplus(shuffled))
        added = {"total_correlation": log_odds[:, 0], "critic_loss": critic_loss[:, 0]}
        objective |= {**added, "total_correlation": self.gamma * added["total_correlation"]}
        return terms | added, objective, output
