"""Images and labels of TFDS data sets, and batches of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

SHAPES = {  # of one image
    "mnist": (28, 28, 1),
    "fashion_mnist": (28, 28, 1),
    "binarized_mnist": (28, 28, 1),
    "svhn_cropped": (32, 32, 3),
    "dsprites": (64, 64, 1),
    "digits": (8, 8, 1),
}
DSPRITES_FACTORS = ("shape", "scale", "orientation", "x_position", "y_position")


@functools.lru_cache(maxsize=8)
def arrays(name: str, split: str = "train") -> tuple[np.ndarray, Any]:
    """Images, uint8 `[examples, height, width, channels]` of 0..255, and labels `[examples]`, decoded once.

    Args:
        name: "mnist", "fashion_mnist", "binarized_mnist", "svhn_cropped", "dsprites" (by their TFDS names, from
            TFDS_DATA_DIR or downloaded), or "digits" (scikit-learn's, embedded).
        split: as TFDS takes it: "train", "test", "train[:90%]".

    Returns:
        `(images, labels)`. Labels are None for binarized_mnist, and for dsprites the classes `[examples, 5]` of
        the factors in `DSPRITES_FACTORS`.
        Binary images hold 0 and 255.

    Raises:
        ValueError: unknown name.
        RuntimeError: the data set is neither here nor can it be downloaded.
    """
    if name not in SHAPES:
        raise ValueError(f"Unknown data set {name!r}. Choose from {list(SHAPES)}.")
    if name == "digits":
        images, labels = digits(split)
        return np.round(images * 255).astype("uint8"), labels
    import tensorflow_datasets as tfds  # slow to import, and not needed for the embedded set

    try:
        data = tfds.load(name, split=split, batch_size=-1, try_gcs=False)
    except ValueError:
        raise  # an unknown split: TFDS's own message names those there are
    except Exception as error:
        raise RuntimeError(
            f"The data set {name!r} is not here and could not be downloaded ({type(error).__name__}). "
            f"Set TFDS_DATA_DIR to a folder that has it, or run `tfds build {name}` where there is a network; "
            "keras_vae.data.digits() needs no download."
        ) from error
    images = data["image"].numpy()
    if name in ("binarized_mnist", "dsprites"):
        images = (images > 0).astype("uint8") * 255
    if name == "dsprites":
        return images, np.stack([data[f"label_{factor}"].numpy() for factor in DSPRITES_FACTORS], axis=1)
    return images, data["label"].numpy() if "label" in data else None


def digits(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's handwritten digits: images, float32 `[examples, 8, 8, 1]` in [0, 1], and labels.

    1,797 real images, embedded; "train" is the first 1,500, "test" the other 297, "all" both. A share of them is
    written as TFDS does: "train[:90%]", "train[90%:]".
    """
    from sklearn.datasets import load_digits

    known = re.fullmatch(r"(train|test|all)(?:\[(\d*)%?:(\d*)%?\])?", split)
    if known is None or ("%" in split) != ("[" in split):
        raise ValueError(f'Unknown split {split!r} of digits. Choose from "train", "test", "all", or "train[:90%]".')
    start, end = {"train": (0, 1500), "test": (1500, 1797), "all": (0, 1797)}[known[1]]
    first, last = int(known[2] or 0), int(known[3] or 100)
    rows = slice(start + (end - start) * first // 100, start + (end - start) * last // 100)
    bunch = load_digits()
    return (bunch.images[rows, ..., None] / 16.0).astype("float32"), bunch.target[rows]


def binarize(images: np.ndarray | tf.Tensor, seed: int | tf.Tensor) -> tf.Tensor:
    """Draws black or white for every pixel, with its intensity as the probability of white.

    Args:
        images: float `[..., height, width, channels]` in [0, 1].
        seed: int, or a stateless int32 pair `[2]`.

    Returns:
        float32 tensor of 0 and 1.
    """
    seed = tf.constant([seed, 0]) if isinstance(seed, int) else seed
    return tf.cast(tf.random.stateless_uniform(tf.shape(images), seed) < images, "float32")


def batches(
    images: np.ndarray,
    batch_size: int = 128,
    *,
    dynamic_binarization: bool = False,
    augment: Callable | None = None,
    condition: Callable | None = None,
    shuffle: bool = True,
    seed: int = 0,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """`tf.data.Dataset` of float32 batches in [0, 1] from uint8 images in memory; seeded, and new at each epoch.

    Args:
        images: uint8 `[examples, height, width, channels]`; data of another type, vectors say, are taken as they are.
        dynamic_binarization: draw new bits for every image at every epoch (Salakhutdinov & Murray 2008).
        augment: None, or a function `(batch, seed) -> batch` with a stateless seed.
        condition: None, or a function `(batch, indices, seed) -> condition` of the finished batch and its rows in
            `images`; elements are then dicts `{"x": ..., "condition": ...}`.
        shuffle: a new order at each epoch.
        seed: of order, bits, augmentation and conditions.
        drop_remainder: leave out a last batch that is smaller.
    """
    store = tf.constant(images)

    @tf.autograph.experimental.do_not_convert  # or it warns of conditions that are lambdas
    def make(indices, seeds):
        batch = tf.cast(tf.gather(store, indices), "float32") / (255.0 if store.dtype == tf.uint8 else 1.0)
        if augment is not None:
            batch = augment(batch, seeds)
        if dynamic_binarization:
            batch = binarize(batch, seeds + 1)
        return batch if condition is None else {"x": batch, "condition": condition(batch, indices, seeds + 2)}

    return index_batches(len(images), batch_size, shuffle, seed, drop_remainder).map(make, tf.data.AUTOTUNE).prefetch(2)


def index_batches(
    count: int, batch_size: int, shuffle: bool, seed: int, drop_remainder: bool = False
) -> tf.data.Dataset:
    """Dataset of `(indices [batch], stateless seed [2])`: the one source of order and randomness of all pipelines."""
    indices = tf.data.Dataset.range(count)
    if shuffle:
        indices = indices.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    indices = indices.batch(batch_size, drop_remainder=drop_remainder)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    seeds = seeds.map(lambda pair: tf.cast(pair % (2**31 - 2), "int32"))
    return tf.data.Dataset.zip(indices, seeds)
