"""The floor: the same networks, loss and optimizer in a TensorFlow loop written by hand, without metrics but the loss,
without checks and without progress. Compiled as ours is, many steps a call where ours are."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from benchmarks.peers import keras_networks
from benchmarks.peers.workloads import LEARNING_RATE


class Library:
    versions = ("tensorflow", "keras")

    def __init__(self, workload, folder):
        self.workload, self.folder, self.iterator = workload, pathlib.Path(folder), None

    def prepare(self):
        keras.utils.set_random_seed(0)
        (kind,) = self.workload.networks.values()
        shape, self.latent = self.images("test").shape[1:], self.workload.latent_size
        self.encoder = keras_networks.encoder(kind, shape, self.latent)
        self.head = keras.layers.Dense(2 * self.latent)
        self.head.build(self.encoder.output_shape)
        self.decoder = keras_networks.decoder(kind, shape, self.latent)
        self.weights = [
            *self.encoder.trainable_variables, *self.head.trainable_variables, *self.decoder.trainable_variables
        ]  # fmt: skip
        self.optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self.optimizer.build(self.weights)
        jit = self.workload.compile.get("jit_compile")
        one = tf.function(self.update, jit_compile=jit, reduce_retracing=True)
        test = tf.function(self.loss, jit_compile=jit, reduce_retracing=True)

        @tf.function(reduce_retracing=True)
        def several(iterator, steps):
            total = 0.0
            for _ in tf.range(steps):
                total += one(next(iterator))
            return total / tf.cast(steps, "float32")

        @tf.function(reduce_retracing=True)
        def mean_of(dataset):
            total, count = 0.0, 0.0
            for x in dataset:
                total, count = total + test(x), count + 1.0
            return total / count

        self.several, self.mean_of = several, mean_of
        return sum(int(np.prod(weight.shape)) for weight in self.weights)

    def loss(self, x):
        location, raw_scale = tf.split(self.head(self.encoder(x)), 2, axis=-1)
        scale = tf.nn.softplus(raw_scale) + 1e-5
        logits = self.decoder(location + scale * tf.random.normal(tf.shape(scale)))
        distortion = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
        rate = 0.5 * (location**2 + scale**2 - 1.0) - tf.math.log(scale)
        return (tf.reduce_sum(distortion) + tf.reduce_sum(rate)) / tf.cast(tf.shape(x)[0], "float32")

    def update(self, x):
        with tf.GradientTape() as tape:
            loss = self.loss(x)
        self.optimizer.apply(tape.gradient(loss, self.weights), self.weights)
        return loss

    def images(self, split):
        return np.load(self.folder / f"x_{split}.npy")

    def dataset(self, split):
        images = tf.data.Dataset.from_tensor_slices(self.images(split))
        if split == "train":
            images = images.shuffle(self.workload.examples[0])
        scaled = images.batch(self.workload.batch_size).map(lambda x: tf.cast(x, "float32") / 255.0, tf.data.AUTOTUNE)
        untuned = tf.data.Options()
        untuned.autotune.enabled = False  # or the end of an iterator may wait for the tuner, seconds here
        return scaled.prefetch(2).with_options(untuned)

    def step(self):
        if self.iterator is None:
            x = self.images("test")[: self.workload.batch_size] / np.float32(255)
            self.iterator = iter(tf.data.Dataset.from_tensors(x).repeat())
        per_call = self.workload.compile.get("steps_per_execution", 1)
        for _ in range(self.workload.steps // per_call):
            loss = self.several(self.iterator, tf.constant(per_call))
        return float(loss)

    def epoch(self):
        dataset, per_call = self.dataset("train"), self.workload.compile.get("steps_per_execution", 1)
        iterator, left = iter(dataset), int(dataset.cardinality())
        while left:
            float(self.several(iterator, tf.constant(min(per_call, left))))
            left -= min(per_call, left)
        return float(self.mean_of(self.dataset("test")))
