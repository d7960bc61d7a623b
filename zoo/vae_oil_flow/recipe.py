"""A VAE with two latents of three-phase oil flow, as the nonlinear end of the row that `ppca` shows: PCA, probabilistic
PCA, linear VAE, VAE, all of the same data with as many latents. Its networks have two layers of 64 on either side;
the likelihood is a normal of learned scale, as probabilistic PCA's is, so that log-likelihoods compare. Width
(of 64 and 128) and epochs (of 50 and 150) were chosen by the free energy of the validation examples.

The data: simulated readings of six gamma beams through a pipe of oil, water and gas (Bishop & James 1993), 12 features,
1,000 examples each for training, validation and test, and three classes of flow, which the models never see.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo import shared
from keras_vae.zoo.entries import recipe

_linear = recipe("ppca")


def model(latent_size=2, width=64, beta=1.0, seed=0):
    import keras_vae
    from keras_vae.networks import dense_decoder, dense_encoder

    made = keras_vae.VAE(
        dense_encoder((12,), (width, width), "elu"),
        dense_decoder(latent_size, (12,), (width, width), "elu"),
        latent_size=latent_size,
        likelihood=keras_vae.parts.NormalLikelihood("learned", pace=1.0),
        beta=beta,
        seed=seed,
    )
    made.build((None, 12))
    made.likelihood.assign_scale(1.0)  # as these weights were trained
    return made


def evaluate(model, samples=1000, seed=0):
    from keras_vae import metrics
    from keras_vae.data import oil_flow

    x, _ = oil_flow("test")
    yield "negative_log_likelihood", metrics.negative_log_likelihood(model, x, samples, seed=seed), "test examples"
    for name, estimate in metrics.free_energy(model, x, samples=100).items():
        yield name, estimate, "test examples"
    yield "reconstruction_error", metrics.reconstruction_error(x, model.reconstruct(x)), "test examples"


RECIPE = replace(
    _linear,
    title="VAE of three-phase oil flow",
    use="""
    import keras_vae

    model = keras_vae.zoo.load("{name}")
    x, flow = keras_vae.data.oil_flow("test")  # [1000, 12], and classes
    z = model.embed(x)  # [1000, 2]
    nats = model.log_likelihood(x, samples=1000)  # [1000]
    """,
    model=model,
    data_of=partial(_linear.data_of, batch_size=100, passes=20),
    training=partial(_linear.training, epochs=150, learning_rate=3e-3, batch_size=100, passes=20),
    evaluate=evaluate,
    preview=partial(shared.reconstructions_and_samples, of="test examples"),
    compared_with={},
)
