"""Hierarchical VAE with a VampPrior (Tomczak & Welling 2018, section 4): two rungs of 40 latents, the upper one's prior
a mixture of its posteriors at 500 learned pseudo-inputs. MNIST with new binary pixels at every epoch; dense networks
with two layers of 300 ELUs for each rung on the way up and on the way down (the paper has gated layers, and others of
them in the posterior). The lower rung's posterior is free: a head on what x and the upper rung say.

Beta rises from 0 over the first tenth of the training; the pseudo-inputs start at 500 training images, and stay in
[0, 1]. Adam's learning rate falls along a cosine. The time below was taken beside other work.

The paper reports a negative log-likelihood of 81.24 nats by 5,000 draws, after up to 2,000 epochs; these are 230.
"""

from dataclasses import replace

from keras_vae.zoo import shared
from keras_vae.zoo.entries import recipe

_vamp = recipe("vamp_vae")


def model(latent_sizes=(40, 40), widths=(300, 300), components=500, merge="free", beta=1.0, seed=0):
    import keras_vae

    made = keras_vae.HierarchicalVampVAE(
        latent_sizes=latent_sizes, widths=widths, components=components, merge=merge, beta=beta, seed=seed
    )
    made.build((None, 28, 28, 1))
    return made


def training(epochs=230, learning_rate=1e-3, batch_size=200, components=500, warm_up=0.1):
    plan = _vamp.training(epochs, learning_rate, batch_size, components)
    return shared.warmed_up(plan, warm_up * epochs * (60_000 // batch_size))


RECIPE = replace(
    _vamp,
    title="Hierarchical VampPrior VAE on dynamically binarized MNIST",
    model=model,
    use=_vamp.use.replace("means, [10, latents]", "means by rung, [10, 40] each"),
    training=training,
    compared_with={
        "hierarchical_vamp_vae": "two rungs, VampPrior",
        "flow_prior_vae": "one layer of latents, autoregressive flow",
        "vamp_vae": "one layer of latents, VampPrior",
        "vae": "one layer of latents",
    },
    space=("beta", "learning_rate"),  # two numbers of latents: no single number to search
)
