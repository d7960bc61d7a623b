"""Ladder VAE (Sonderby et al. 2016): five rungs of 64, 32, 16, 8 and 4 latents, each given those above it, in the
posterior as in the prior. MNIST with new binary pixels at every epoch; dense networks with two layers of 512, 256, 128,
64 and 64 ELUs for the rungs, on the way up and on the way down. A rung's posterior is the precision-weighted product
of what x says and of the prior given the rungs above.

Beta rises from 0 over the first tenth of the training. There is no batch normalization (the paper has it), and the two
upper rungs fell silent all the same: their rates below are nothing, so these are three rungs in truth. Adam's learning
rate falls along a cosine. The time below was taken beside other work.

The paper reports a negative log-likelihood of 81.74 nats for these rungs, after 2,000 epochs; these are 230.
"""

from dataclasses import replace
from functools import partial

from keras_vae.zoo import shared
from keras_vae.zoo.entries import recipe

_vae = recipe("vae")


def model(
    latent_sizes=(64, 32, 16, 8, 4),
    widths=(512, 256, 128, 64, 64),
    merge="precision",
    beta=1.0,
    seed=0,
):
    import keras_vae

    made = keras_vae.LadderVAE(latent_sizes=latent_sizes, widths=widths, merge=merge, beta=beta, seed=seed)
    made.build((None, 28, 28, 1))
    return made


def data_of(batch_size=256, seed=0, split="train"):
    return _vae.data_of(batch_size, seed, split)


def training(epochs=230, learning_rate=1e-3, batch_size=256, warm_up=0.1):
    plan = _vae.training(epochs, learning_rate, batch_size)
    plan["compile"]["jit_compile"] = True
    return shared.warmed_up(plan, warm_up * epochs * (60_000 // batch_size))


RECIPE = replace(
    _vae,
    title="Ladder VAE of five rungs on dynamically binarized MNIST",
    model=model,
    use=_vae.use.replace("means, [10, latents]", "means by rung: [10, 64], [10, 32], ..."),
    data_of=data_of,
    training=training,
    evaluate=partial(_vae.evaluate, samples=1000),
    compared_with={"ladder_vae": "five rungs", "vae": "one layer of latents"},
    space=("beta", "learning_rate"),  # as many latents as rungs: no single number to search
)
