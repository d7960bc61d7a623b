"""The beta-TCVAE (Chen et al. 2018): beta weights the total correlation of the latents alone."""

from typing import Any

import keras

from keras_vae import checks
from keras_vae.models.vae import VAE
from keras_vae.networks import Network
from keras_vae.objectives import Objective, TotalCorrelation


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
        objective: None, or an object in place of all that the three before say: `model.beta`, the weight of the rate,
            is 1, and beta less 1 is `model.objective.gamma`.
    """

    shorthands = (*VAE.shorthands, "dataset_size", "sampling")

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        *,
        dataset_size: int | None = None,
        beta: float = 6.0,
        sampling: str = "weighted",
        objective: Objective | None = None,
        **kwargs: Any,
    ) -> None:
        if objective is None:
            objective = TotalCorrelation(dataset_size, checks.number("beta", beta, 0.0) - 1.0, sampling)
        super().__init__(encoder, decoder, objective=objective, **kwargs)
