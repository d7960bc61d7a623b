"""The beta-TCVAE (Chen et al. 2018): beta weights the total correlation of the latents alone."""

import keras
import tensorflow as tf

from keras_vae.models.vae import VAE

SAMPLINGS = ("weighted", "stratified")


@keras.saving.register_keras_serializable("keras_vae")
class BetaTCVAE(VAE):
    """Minimises `distortion + rate + (beta - 1) * total_correlation`.

    The rate is, averaged over the data, the sum of three terms (Chen et al. 2018, equation 2), each measured: the
    mutual information of an example's index and its code, `KL(q(z,n) || q(z) p(n))`; the total correlation,
    `KL(q(z) || prod_j q(z_j))`; and the dimension-wise KL, `sum_j KL(q(z_j) || p(z_j))`. So the objective is the
    paper's equation 4 with `alpha = gamma = 1`, with the rate in closed form; beta = 1 is the VAE.

    The aggregated posterior q(z) is estimated from the batch, so the terms' values depend on its size. "weighted"
    sampling (appendix C.1) is biased, most in the value of the total correlation, which its constant
    `log(dataset_size * batch)` shifts; its gradient does not know `dataset_size`. "stratified" (appendix C.2, its
    weights averaged over the order of the batch) is unbiased for q(z), not for its logarithm.

    Formula:
        `E_q(z|x)[-log p(x|z)] + KL(q(z|x) || p(z)) + (beta - 1) KL(q(z) || prod_j q(z_j))`

    When to use:
        For disentangled latents with no further network, batches being large enough to estimate q(z) from.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.BetaTCVAE(latent_size=8, beta=6.0, dataset_size=len(x))
        >>> model.compile("adam")
        >>> history = model.fit(x, batch_size=100, epochs=3)  # mutual_information, total_correlation, ...
        >>> moved = model.traverse(x[:5], latent=0)  # [7, 5, 8, 8, 1]

    Args:
        encoder, decoder, latent_size, likelihood, **kwargs: as `VAE` takes them; the posterior and the prior must have
            independent latents, as "normal" and "standard_normal" have.
        dataset_size: number of training examples.
        beta: weight of the total correlation.
        sampling: "weighted" or "stratified".
    """

    term_names = ("distortion", "rate", "mutual_information", "total_correlation", "dimension_wise_kl")

    def __init__(self, encoder=None, decoder=None, *, dataset_size, beta=6.0, sampling="weighted", **kwargs):
        super().__init__(encoder, decoder, beta=beta, **kwargs)
        if not isinstance(dataset_size, int) or dataset_size < 1:
            raise ValueError(f"dataset_size must be the number of training examples; got {dataset_size!r}.")
        if sampling not in SAMPLINGS:
            raise ValueError(f"Unknown sampling {sampling!r}. Choose from {list(SAMPLINGS)}.")
        self.dataset_size, self.sampling = dataset_size, sampling
        self.capacity = None  # the rate is in parts, each with a weight of its own

    def terms_at(self, q, z, batch):
        terms, _, output = super().terms_at(q, z, batch)
        each = q.distribution.log_prob(z[:, None])  # [draw, example, latent]: of every draw under every posterior
        weights = self.log_weights(tf.shape(z)[0])
        log_q = tf.reduce_logsumexp(tf.reduce_sum(each, axis=-1) + weights, axis=1)
        log_product = tf.reduce_sum(tf.reduce_logsumexp(each + weights[..., None], axis=1), axis=-1)
        total_correlation = log_q - log_product
        terms |= {
            "mutual_information": q.log_prob(z) - log_q,
            "total_correlation": total_correlation,
            "dimension_wise_kl": log_product - self.prior_of(batch).log_prob(z),
        }
        objective = {name: terms[name] for name in ("distortion", "rate")}
        return terms, {**objective, "total_correlation": (self.beta - 1.0) * total_correlation}, output

    def log_weights(self, batch_size):
        """Log weights `[draw, example]` with which the posteriors of a batch stand for the aggregated posterior."""
        batch, total = tf.cast(batch_size, "float32"), float(self.dataset_size)
        if self.sampling == "weighted":
            return tf.fill((batch_size, batch_size), -tf.math.log(total * batch))
        others = tf.math.log((total - 1.0) / total) - tf.math.log(tf.maximum(batch - 1.0, 1.0))
        return tf.where(tf.eye(batch_size, dtype=tf.bool), -tf.math.log(total), others)
