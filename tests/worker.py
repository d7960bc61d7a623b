"""One of the two workers of test_devices.py: `worker.py FOLDER TASK...`, with TF_CONFIG set."""

import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from tiny import mvae, vae, vqvae

import keras_vae
from keras_vae import devices
from keras_vae.data import batches, digits
from keras_vae.distributions import kl_divergence
from keras_vae.parts import MovingAverageCodebook
from keras_vae.zoo import entries, training

STEPS = 50


class MeanMVAE(keras_vae.MVAE):
    """Decodes the posterior's mean: no noise."""

    def draw(self, inference, batch, samples=1):
        q = inference.q
        return q.mean(), kl_divergence(q, self.prior_of(), q.mean())


def moving_average_vqvae():
    """Codes that are in use from the start, and none restarts: no noise."""
    model = vqvae(posterior=MovingAverageCodebook(3, codes=8, restart_below=0.0), prior="uniform")
    model.build((None, 8, 8, 1))
    model.posterior.started.assign(1.0)
    model.posterior.shares.assign(np.full(8, 1 / 8))
    model.posterior.sums.assign(np.random.default_rng(0).normal(size=(8, 3)) / 8)
    return model


WITHOUT_NOISE = {"mvae": lambda: mvae(cls=MeanMVAE), "vqvae": moving_average_vqvae}


def fifty_steps(kind, strategy=None):
    """`{name: array}` of the weights and the losses; the last batch of each epoch is an example for one device."""
    keras.utils.set_random_seed(0)
    with devices.scope(strategy):
        model = WITHOUT_NOISE[kind]()
        model.compile(keras.optimizers.Adam(0.003))
    x = digits("train")[0][: 9 * 16 + 1]
    if kind == "mvae":
        x = {"image": x, "middle": x[:, 2:6, 2:6].reshape(-1, 16), "observed": {"middle": np.arange(len(x)) % 3 > 0}}
    history = model.fit(x, batch_size=16, epochs=STEPS // 10, shuffle=False, verbose=0).history
    assert model.optimizer.iterations.numpy() == STEPS
    trained = {f"weight {index}": value for index, value in enumerate(model.get_weights())}
    return {f"{kind} {name}": value for name, value in {**history, **trained}.items()}


def rows():
    """A pipeline of shuffled batches whose examples are numbers: 0 to 59, sixteen a batch."""
    return training._by_rows(batches(np.arange(60, dtype="float32")[:, None], 16))


def seen(strategy):
    """The examples that this worker sees, a row for each of its batches; padded by -1."""
    parts = [np.ravel(mine(strategy, part)) for part in strategy.experimental_distribute_dataset(rows())]
    return np.array([np.pad(part, (0, 16 - len(part)), constant_values=-1) for part in parts])


def draws(strategy):
    """Three draws of the latents of the same examples."""
    with strategy.scope():
        model = vae(seed=0)
        model.build((None, 8, 8, 1))
    x = digits("train")[0][:4]
    draw = tf.function(lambda: strategy.run(lambda: model.encode(x).sample(3, seed=model.next_seed())), autograph=False)
    return mine(strategy, draw())


def mine(strategy, value):
    """What this worker's one replica has of a value."""
    return np.array(strategy.experimental_local_results(value)[0])


class Watch(training._Checkpoint):
    """Prints the epochs; where asked to, the second worker dies amid the third."""

    die = False

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        print("epoch", epoch, flush=True)

    def on_train_batch_begin(self, batch, logs=None):
        if self.die and not devices.is_chief(self.model.distribute_strategy) and (self.epoch, batch) == (2, 5):
            os.kill(os.getpid(), 9)


def main(folder, *tasks):
    folder, strategy = pathlib.Path(folder), devices.strategy()
    if "compare" in tasks:
        found = {name: value for kind in WITHOUT_NOISE for name, value in fifty_steps(kind, strategy).items()}
        np.savez(
            folder / f"worker-{strategy.cluster_resolver.task_id}", **found, seen=seen(strategy), z=draws(strategy)
        )
    entries.ROOT, training._Checkpoint, Watch.die = folder / "zoo", Watch, "die" in tasks
    _, facts = training.train("toy", {"epochs": 4}, folder / "run", verbose=0, strategy=strategy)
    print("done", facts["epochs"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
