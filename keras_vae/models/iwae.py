"""The importance-weighted autoencoder (Burda et al. 2016)."""

import keras
import tensorflow as tf

from keras_vae.models.importance import log_mean_exp, scale_gradient_later
from keras_vae.models.vae import VAE

ESTIMATORS = ("reparameterized", "doubly_reparameterized")


@keras.saving.register_keras_serializable("keras_vae")
class IWAE(VAE):
    """A VAE whose objective weighs K draws of z by their importance: a bound on `-log p(x)`, in nats per example, that
    tightens with K and is the VAE's at K = 1 (Burda et al. 2016, equation 8).

    Measured as `importance_bound`; `free_energy`, `distortion` and `rate` are averages over the K draws, so that
    models with different K compare. Encoding, sampling and the other verbs are the VAE's.

    Formula:
        `-log 1/K sum_k w_k >= -log p(x)`, with `w_k = p(x|z_k) p(z_k) / q(z_k|x)` and `z_k ~ q(z|x)`

    When to use:
        When the log-likelihood is what counts and K decodings of each example are affordable. As K grows, q(z|x) turns
        from the posterior into a proposal to be weighed (Cremer et al. 2017): for codes to work with, keep K small.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.IWAE(latent_size=8, importance_samples=10)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # importance_bound <= free_energy
        >>> nats = model.log_likelihood(x[:100], samples=100)  # [100]

    Args:
        encoder, decoder, latent_size: as in `VAE`.
        importance_samples: number K of draws of z an example.
        estimator: of the encoder's gradient. "doubly_reparameterized" leaves out the score of q, whose noise drowns the
            signal as K grows, without bias (Tucker et al. 2019, equation 8); "reparameterized" is the paper's.
        **kwargs: further arguments of `VAE`. beta weighs `log q(z|x) - log p(z)` within `w_k`.
    """

    term_names = (*VAE.term_names, "importance_bound")

    def __init__(
        self,
        encoder=None,
        decoder=None,
        latent_size=16,
        importance_samples=50,
        estimator="doubly_reparameterized",
        **kwargs,
    ):
        super().__init__(encoder, decoder, latent_size, **kwargs)
        if not isinstance(importance_samples, int) or importance_samples < 1:
            raise ValueError(f"importance_samples must be a positive integer; got {importance_samples!r}.")
        if estimator not in ESTIMATORS:
            raise ValueError(f"Unknown estimator {estimator!r}. Choose from {list(ESTIMATORS)}.")
        self.importance_samples, self.estimator = importance_samples, estimator
        self.capacity = None  # the bound has no rate of its own to hold at one

    def terms(self, batch, training):
        q, prior = self.encode(batch), self.prior_of(batch)
        z = q.sample(self.importance_samples, seed=self.next_seed())
        set_scale = None
        if self.estimator == "doubly_reparameterized":
            z, set_scale = scale_gradient_later(z)
            q = tf.nest.map_structure(tf.stop_gradient, q, expand_composites=True)
        p = self.likelihood_of(z, batch)
        log_likelihood, ratio = p.log_prob(batch.x), q.log_prob(z) - prior.log_prob(z)
        log_weights = log_likelihood - self.beta * ratio
        if set_scale:
            # d log w_k / dz_k without the score of q, whose part beta weighs; at beta = 1 the normalised weights.
            set_scale(1.0 - self.beta + self.beta * tf.nn.softmax(log_weights, axis=0))
        terms = {
            "distortion": -tf.reduce_mean(log_likelihood, axis=0),
            "rate": tf.reduce_mean(ratio, axis=0),
            "importance_bound": -log_mean_exp(log_likelihood - ratio),
        }
        return terms, {"importance_bound": -log_mean_exp(log_weights)}, p.mean()[0]
