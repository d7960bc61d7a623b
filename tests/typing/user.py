"""What a user writes, for pyright alone: it is checked by `test_types.py`, and never runs."""

import keras
import numpy as np
from matplotlib.figure import Figure

import keras_vae
from keras_vae import callbacks, data, metrics, plots, tuning, zoo
from keras_vae.callbacks import WarmUp
from keras_vae.metrics import Estimate

images, labels = data.digits("train")
pairs = {"image": images, "middle": images[:, 2:6, 2:6].reshape(len(images), 16)}
codes, factors = np.zeros((8, 3)), np.zeros((8, 2), int)

# Models
vae = keras_vae.VAE(latent_size=8)
vae.compile("adam")
history = vae.fit(images, epochs=2, callbacks=[WarmUp(steps=100)])
loss: float = history.history["loss"][-1]
vae.save("own.keras")
embedded = vae.embed(images)
posterior = vae.encode(images)
made = [vae.sample(4), vae.reconstruct(images), vae.log_likelihood(images), vae.decode(embedded)]
several: list[keras.Model] = [
    keras_vae.BetaVAE(latent_size=8, beta=4.0),
    keras_vae.BetaTCVAE(latent_size=8, dataset_size=1500),
    keras_vae.FactorVAE(latent_size=8),
    keras_vae.IWAE(latent_size=8),
    keras_vae.VampVAE(latent_size=8),
    keras_vae.CVAE(latent_size=8),
    keras_vae.PPCA(latent_size=2),
]
multimodal: list[type[keras_vae.MultimodalVAE]] = [
    keras_vae.MVAE,
    keras_vae.MMVAE,
    keras_vae.MoPoE,
    keras_vae.POISEVAE,
]
base: type[keras_vae.LatentVariableModel] = keras_vae.VQVAE
rooms = [keras_vae.models, keras_vae.distributions, keras_vae.networks, keras_vae.data, keras_vae.metrics]
weighted = keras_vae.VAE(
    latent_size=8,
    prior=keras_vae.parts.FlowPrior(8),
    likelihood=keras_vae.parts.NormalLikelihood("learned"),
    objective=keras_vae.objectives.ImportanceWeighted(10),
)
beta: float = float(weighted.beta.numpy())

# The zoo
for name in zoo.names():
    print(zoo.card(name), zoo.metrics(name), zoo.recipe(name), zoo.examples(name))
loaded = keras_vae.zoo.load("vae")
judge = zoo.load("classifier_mnist")
zoo.save(vae, "own")

# Data
batches = data.batches(data.arrays("digits")[0], 64, dynamic_binarization=True)
vae.fit(batches, epochs=1, verbose=0)
paired = data.paired_batches(data.paired_arrays("train"), 64)
partners: np.ndarray = data.pair_indices(labels, labels)
binary = data.binarize(images, seed=0)
hidden = data.visible_part(images, data.random_quadrants(len(images), 8, 8, seed=keras.ops.convert_to_tensor([0, 1])))
masks = data.quadrants(np.eye(4, dtype=bool), 8, 8)
flow, flow_labels = data.oil_flow("test")
virus: np.ndarray = data.tobamovirus()
shape: tuple[int, ...] = data.SHAPES["mnist"]

# Metrics
energy: Estimate = metrics.free_energy(vae, images)["free_energy"]
text = f"{energy.value:.1f} +- {energy.standard_error} {energy.unit}, {energy.examples} examples, {energy.samples}"
estimates: list[Estimate] = [
    metrics.negative_log_likelihood(vae, images, samples=10),
    metrics.bits_per_dimension(vae, images, samples=10),
    metrics.active_units(vae, images),
    metrics.linear_probe(vae, images, labels, images, labels),
    metrics.reconstruction_error(images, vae.reconstruct(images)),
    metrics.relative_step_time(vae, loaded, images),
    metrics.mutual_information_gap(codes, factors),
    metrics.separated_attribute_predictability(codes, factors, categorical=[0]),
    metrics.factor_vae_score(codes, factors),
    metrics.frechet_distance(codes, codes),
    metrics.class_agreement(images, labels, judge),
    metrics.intraclass_correlation(metrics.slant(images).reshape(-1, 10)),
    metrics.joint_coherence(loaded, {"mnist": judge}),
    Estimate.of(codes[:, 0], "nats"),
]
cca = metrics.CanonicalCorrelation(components=5).fit(pairs)
estimates.append(metrics.cross_coherence(cca, {"image": images}, labels, to="middle", classifiers={}))
scores = metrics.disentanglement_completeness_informativeness(codes, factors)["completeness"].value
arrays: list[np.ndarray] = [
    metrics.active_codes(codes),
    metrics.mutual_information(codes, factors),
    metrics.rate_per_latent(vae, images),
    metrics.classifier_features(loaded, images),
    *metrics.posterior_moments(vae, images),
]
chains: metrics.Chains = metrics.chain_diagnostics(loaded)
used = metrics.codebook_use(loaded, images)["perplexity"]

# Pictures
figures: list[Figure] = [
    plots.picture({"Images": {"given": images[:5], "made": vae.reconstruct(images[:5])}}, "images.png"),
    plots.planes({"VAE": embedded}, labels, [str(label) for label in range(8)]),
    plots.experts({"differ": ((-2.0, 2.0), (0.5, 0.5))}),
    plots.contours({"prior": lambda z: -0.5 * np.square(z).sum(axis=-1)}),
    plots.chains(chains),
    plots.rate_distortion([(3.9, 20.4), (19.2, 11.5)], {"beta": [1.0, 0.4]}),
]
plots.write(figures[0], "picture.png")

# Callbacks
some: list[keras.callbacks.Callback] = [
    callbacks.WarmUp(steps=1000, target=2.0, delay=10),
    callbacks.Cycles(steps=10, period=20),
    callbacks.Capacity(steps=10, target=25.0),
    callbacks.Adapt(images),
    callbacks.ChainMixing(chains=4),
    callbacks.ImageGrid("pictures", x=images[:5]),
]
weight: float = callbacks.WarmUp(steps=10).value(3)

# Tuning
best = tuning.search("vae", {"beta": (0.5, 4.0), "latent_size": [2, 4]}, trials=3, directory="tuning")
beta = best["beta"]
rows = tuning.trials("tuning/vae")
print(tuning.table(rows, "log_likelihood", tuning.OBJECTIVES["log_likelihood"].direction), sorted(tuning.ORACLES))
hypermodel = tuning.RecipeHyperModel(zoo.recipe("vae"), tuning.default_space(zoo.recipe("vae")))
space = tuning.parse_space(zoo.recipe("vae"), ["beta", "latent_size=2:9"])
