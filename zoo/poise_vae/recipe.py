"""POISE-VAE on same-digit pairs of MNIST and SVHN: each modality has latents of its own, 12 for MNIST and 20 for SVHN,
and an exponential family couples 12 of either in the prior. Posteriors are products of that prior and of one normal
expert for each observed modality, all sampled by block Gibbs. A missing modality drops its expert.

Networks, likelihoods, data, the private latents of SVHN's style and the warm-up of SVHN's likelihood are those of
`mvae_poe`; latents and prior differ. The linear coupling of the k-th latents starts at 0.95: from no coupling, decoders
learned in a trial to do without latents that tell nothing of the other modality. In training each draw takes 15
sweeps, of which the gradient passes through the last five.

The coupling is strong, so chains of the prior forget slowly, a hundred sweeps or so to an independent draw: samples
start where 500 chains stand that ran on throughout the training.

The free energy has the prior's normaliser from annealed importance sampling, forward and reverse; log-likelihoods have
it too, and draw from one more sweep of 32 chains. The SVM has a Gaussian kernel, as in the public notebooks of
POISE-VAE (github.com/gongziyida/POISEVAEv1), which report 92.9 % (MNIST) and 68.9 % (SVHN) so, and coherences of
11.9 %, 10.9 % and 12.0 %, near chance.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo.entries import recipe

_product = recipe("mvae_poe")


def evaluate(model, seed=0):
    from sklearn.svm import SVC

    from keras_vae import metrics

    yield from _product.evaluate(model, seed=seed)
    (train, train_digits), (test, test_digits) = (_product.pairs(split, seed) for split in ("train", "test"))
    for name in ("mnist", "svhn"):
        known, unknown = ({name: pairs[name]} for pairs in (train, test))
        probe = metrics.linear_probe(model, known, train_digits, unknown, test_digits, SVC())
        yield f"svm_{name}", probe, "test pairs"
    ends, count = model.prior.update_log_partition(move=False), model.prior.count
    for direction, end in zip(("forward", "reverse"), ends, strict=True):
        yield f"log_partition_{direction}", metrics.Estimate(end, "nats", count), "chains of 200 temperatures, as above"
    mixing = metrics.chain_diagnostics(model, chains=32, sweeps=5000)
    split = "chains of 5,000 sweeps"
    yield "largest_split_r_hat", metrics.Estimate(float(mixing.split_r_hat.max()), "score", 32), split
    size = float(mixing.effective_sample_size.min())
    yield "smallest_effective_sample_size_of_a_sweep", metrics.Estimate(size, "draws", 32), split


def model(coupled=12, private_svhn=8, start=0.95, gradient="pathwise", beta=1.0, seed=0):
    from keras_vae.parts import CoupledExponentialPrior

    prior = CoupledExponentialPrior((coupled, coupled), (0, private_svhn), start)
    options = {"prior": prior, "reconstruct_absent": True, "gradient": gradient}
    shared = 2 * coupled
    return _product.model(shared, private_svhn, beta=beta, seed=seed, variant="POISEVAE", options=options)


def training(epochs=18, learning_rate=1e-3, prior_epochs=3, prior_learning_rate=1e-3, batch_size=64, beta=1.0):
    stages = partial(_product.training, components=0, batch_size=batch_size, beta=beta)
    # The prior lags behind the posteriors while both move: it is trained on alone.
    networks = ("encoders", "posterior", "decoders", "likelihood")
    (last,) = stages(prior_epochs, learning_rate=prior_learning_rate, first_steps=0)
    return [*stages(epochs, learning_rate=learning_rate), {**last, "frozen": networks}]


RECIPE = replace(
    _product,
    title="POISE-VAE on MNIST-SVHN",
    model=model,
    training=training,
    evaluate=evaluate,
    space=("beta", "coupled"),
)
