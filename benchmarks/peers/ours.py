"""The workloads in keras_vae."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

import keras_vae
from benchmarks.peers import keras_networks
from benchmarks.peers.workloads import CODES, LEARNING_RATE, NORMAL_SCALE
from keras_vae.data import batches
from keras_vae.objectives import ImportanceWeighted
from keras_vae.parts import NormalLikelihood


def model_of(workload, shapes):
    """Our model of a workload, for `{modality: [height, width, channels]}`."""
    latent = workload.latent_size
    encoders = {name: keras_networks.encoder(kind, shapes[name], latent) for name, kind in workload.networks.items()}
    decoders = {name: keras_networks.decoder(kind, shapes[name], latent) for name, kind in workload.networks.items()}
    if len(workload.networks) > 1:
        # The priors and posteriors are each model's own defaults, as they are in the peer.
        extra = {
            "mvae": {"reconstruct_absent": False},  # the paper's objective, which the peer has
            "mmvae": {"objective": ImportanceWeighted(workload.importance_samples, "doubly_reparameterized", "looser")},
            "mopoe": {"stratified": False},  # the peer, too, decodes one draw an example
        }
        kinds = {"mvae": keras_vae.MVAE, "mmvae": keras_vae.MMVAE, "mopoe": keras_vae.MoPoE}
        likelihood = {"mnist": "bernoulli", "svhn": NormalLikelihood(NORMAL_SCALE)}
        options = {"likelihood": likelihood, "seed": 0, **extra.get(workload.model, {})}
        return kinds[workload.model](encoders, decoders, latent_size=latent, **options)
    kind, extra = {
        "vae": (keras_vae.VAE, {}),
        "beta_vae": (keras_vae.BetaVAE, {"beta": 4.0}),
        # The estimator that the peer has.
        "iwae": (
            keras_vae.IWAE,
            {"importance_samples": workload.importance_samples, "estimator": "reparameterized"},
        ),
        "vamp_vae": (keras_vae.VampVAE, {"components": workload.components}),
        # Half a square over this scale squared is the peer's squared error.
        "vq_vae": (keras_vae.VQVAE, {"codes": CODES, "likelihood": NormalLikelihood(0.5**0.5)}),
    }[workload.model]
    return kind(encoders["x"], decoders["x"], latent_size=latent, seed=0, **extra)


class Library:
    versions = ("keras_vae", "tensorflow", "keras", "tensorflow-probability")

    def __init__(self, workload, folder):
        self.workload, self.folder, self.iterator = workload, pathlib.Path(folder), None

    def prepare(self):
        keras.utils.set_random_seed(0)
        shapes = {name: self.images(name, "test").shape[1:] for name in self.workload.networks}
        self.model = model_of(self.workload, shapes)
        self.model.build({name: (None, *shape) for name, shape in shapes.items()} if len(shapes) > 1 else
                         (None, *shapes["x"]))  # fmt: skip
        self.model.compile(keras.optimizers.Adam(LEARNING_RATE), **self.workload.compile)
        return sum(int(np.prod(weight.shape)) for weight in self.model.trainable_variables)

    def images(self, name, split):
        return np.load(self.folder / f"{name}_{split}.npy")

    def floats(self, count):
        """The first test images as users hold them: float32 in [0, 1]."""
        x = {name: self.images(name, "test")[:count] / np.float32(255) for name in self.workload.networks}
        return x if len(x) > 1 else x["x"]

    def dataset(self, split):
        size, shuffle = self.workload.batch_size, split == "train"
        parts = [batches(self.images(name, split), size, shuffle=shuffle) for name in self.workload.networks]
        return (
            parts[0] if len(parts) == 1 else tf.data.Dataset.zip(dict(zip(self.workload.networks, parts, strict=True)))
        )

    def step(self):
        """As `fit` does it, without what `fit` does around it."""
        if self.iterator is None:
            batch = tf.data.Dataset.from_tensors(self.floats(self.workload.batch_size))
            self.iterator = iter(batch.repeat())
            self.model.make_train_function()
        for _ in range(self.workload.steps // self.workload.compile.get("steps_per_execution", 1)):
            logs = self.model.train_function(self.iterator)
        return float(logs["loss"])

    def epoch(self):
        history = self.model.fit(self.dataset("train"), validation_data=self.dataset("test"), verbose=1)
        return history.history["val_loss"][-1]

    def likelihood(self, images, samples):
        return float(-self.model.log_likelihood(self.floats(images), samples=samples).mean())

    def sample(self, count):
        _as_arrays(self.model.sample(count))

    def save(self):
        keras_vae.zoo.save(self.model, self.folder / "saved_by_ours")

    def start(self):
        _as_arrays(keras_vae.zoo.load(self.folder / "saved_by_ours").sample(16))


def _as_arrays(images):
    return keras.tree.map_structure(np.asarray, images)
