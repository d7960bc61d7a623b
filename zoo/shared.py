"""What recipes of several entries share: licences of data, and what is measured and shown of models of images."""

from typing import Any

MNIST = (
    "Code and weights: Apache 2.0. The images of MNIST in `examples.npz` and the preview: Yann LeCun and Corinna "
    "Cortes, Creative Commons Attribution-Share Alike 3.0."
)
SVHN = (
    "Code: Apache 2.0. SVHN (Netzer et al. 2011) is for non-commercial use only, and so are these weights, trained on "
    "it, and its images in `examples.npz` and the preview."
)


def likelihoods(model, x, split, samples, seed) -> Any:
    """The negative log-likelihood, the free energy with its terms and the active units, as `evaluate` yields them."""
    from keras_vae import metrics

    yield "negative_log_likelihood", metrics.negative_log_likelihood(model, x, samples, seed=seed, verbose=1), split
    for name, estimate in metrics.free_energy(model, x).items():
        yield name, estimate, split
    yield "active_units", metrics.active_units(model, x), split


def started_from(start, kind, seed, **options) -> Any:
    """A model of a class, with the networks and the weights of a trained entry of binary images `[28, 28, 1]`."""
    from keras_vae.zoo.entries import load, recipe

    trained = load(start)
    fresh = recipe(start).model(seed=seed)  # of the precision asked for; the trained one's is in its archive
    fresh.set_weights(trained.get_weights())
    networks = {"encoder": fresh.encoder, "decoder": fresh.decoder, "latent_size": fresh.latent_size}
    made = kind(**networks, posterior=fresh.posterior, seed=seed, **options)
    made.build((None, 28, 28, 1))
    return made


def warmed_up(plan, steps) -> dict[str, Any]:
    """A plan of a training whose beta rises from 0 over its first steps."""
    from keras_vae.callbacks import WarmUp

    # Several steps a call would leave beta as it is for all of them.
    compiled = {**plan["compile"], "steps_per_execution": 1}
    return {**plan, "compile": compiled, "callbacks": [*plan.get("callbacks", ()), WarmUp(steps)]}


def reconstructions_and_samples(model, x, of="test images") -> Any:
    """A preview: the examples with their reconstructions, and draws from the prior."""
    return {
        "Reconstructions": {of: x, "means": model.reconstruct(x)},
        "Samples from the prior": {"means": model.sample(10, seed=1), "": model.sample(10, seed=2)},
    }
