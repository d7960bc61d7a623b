"""A POISE-VAE learns a coupling that is known: two modalities of one number each, `x = z + noise`, whose z are normal
and correlated. Draws the learned prior beside the true one, and prints how far `p(x'|x)` is from the true one.

    python benchmarks/coupled_toy.py --picture docs/_static/coupled_toy.png

Latents are known up to sign and scale, so the learned ones are drawn in units of their own standard deviations.
"""

import argparse

NOISE, CORRELATION, EXAMPLES = 0.5, 0.8, 4000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", help="PNG to write")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        model = learned(seed)
        report(model, seed)
        if arguments.picture and seed == arguments.seeds[0]:
            draw(model, arguments.picture)


def data(seed):
    """`{"a": [examples, 1], "b": [examples, 1]}`, ten times over: an epoch of ten."""
    import numpy as np

    generator = np.random.default_rng(seed)
    z = generator.multivariate_normal([0, 0], [[1, CORRELATION], [CORRELATION, 1]], EXAMPLES)
    x = np.tile(z + NOISE * generator.normal(size=z.shape), (10, 1)).astype("float32")
    return {"a": x[:, :1], "b": x[:, 1:]}


def learned(seed):
    """A POISE-VAE with linear networks, fitted."""
    import keras

    import keras_vae
    from keras_vae.parts import NormalLikelihood

    keras.utils.set_random_seed(seed)
    encoders = {name: keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for name in "ab"}
    decoders = {name: keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for name in "ab"}
    model = keras_vae.POISEVAE(encoders, decoders, 2, likelihood=NormalLikelihood(NOISE), seed=seed)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 1600)))
    model.fit(data(seed), batch_size=200, epochs=8, verbose=0)
    return model


def report(model, seed):
    import numpy as np

    slope = CORRELATION / (1 + NOISE**2)
    deviation = (1 + NOISE**2 - CORRELATION * slope) ** 0.5
    given = np.linspace(-2, 2, 9, dtype="float32")[:, None]
    draws = model.translate({"a": given}, to="b", samples=20_000, seed=0).numpy()[..., 0]
    means, deviations = draws.mean(axis=0), np.sqrt(draws.var(axis=0) + NOISE**2)
    # Between normals with these moments; the Monte-Carlo error of either moment is below 0.01
    divergence = np.log(deviation / deviations) + (deviations**2 + (means - slope * given[:, 0]) ** 2) / (
        2 * deviation**2
    )
    test = {name: part[:2000] for name, part in data(seed + 100).items()}
    nats = -model.log_likelihood(test, samples=500).mean()
    x = np.concatenate([test["a"], test["b"]], axis=1)
    covariance = np.array([[1 + NOISE**2, CORRELATION], [CORRELATION, 1 + NOISE**2]])
    true = 0.5 * np.mean(np.sum(x @ np.linalg.inv(covariance) * x, axis=1)) + 0.5 * np.log(
        np.linalg.det(2 * np.pi * covariance)
    )
    drawn = model.sample(50_000, seed=0)
    correlation = np.corrcoef(np.ravel(drawn["a"]), np.ravel(drawn["b"]))[0, 1]
    print(
        f"seed {seed}: KL(p(x'|x) learned || true), x from -2 to 2: mean {np.mean(divergence) - 0.5:.4f}, largest "
        f"{np.max(divergence) - 0.5:.4f} nats; -log p(x) on 2,000 new examples {nats:.4f}, true {true:.4f}; "
        f"correlation of draws of the means {correlation:.3f}, true {CORRELATION}"
    )


def draw(model, path):
    import numpy as np

    from keras_vae import plots
    from keras_vae.distributions import FullNormalMixture

    prior = model.prior.distribution()
    scale = np.std(prior.sample(20_000, seed=(0, 1)), axis=0)
    decoded = model.decode(np.array([[1.0, 1.0], [0.0, 0.0]], "float32"))
    scale *= [np.sign(np.ravel(decoded[name].mean())[0] - np.ravel(decoded[name].mean())[1]) for name in "ab"]
    factor = np.linalg.cholesky(np.linalg.inv([[1, CORRELATION], [CORRELATION, 1]])).T.astype("float32")
    true = FullNormalMixture(np.zeros(1, "float32"), np.zeros((1, 2), "float32"), factor[None])
    panels = {
        "true prior": true.log_prob,
        "learned prior": lambda z: prior.log_prob(z * scale) + np.log(np.abs(scale)).sum(),
    }
    plots.write(plots.contours(panels, 3.0), path)


if __name__ == "__main__":
    main()
