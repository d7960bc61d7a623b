"""Images and labels of TFDS data sets, and batches of them."""

from __future__ import annotations

import functools
import os
import pathlib
import re
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.models.inputs import one_array

SHAPES = {  # of one image
    "mnist": (28, 28, 1),
    "fashion_mnist": (28, 28, 1),
    "binarized_mnist": (28, 28, 1),
    "svhn_cropped": (32, 32, 3),
    "dsprites": (64, 64, 1),
    "digits": (8, 8, 1),
}
DSPRITES_FACTORS = ("shape", "scale", "orientation", "x_position", "y_position")


DOWNLOADS = ("storage.googleapis.com", 443)  # a host that TFDS downloads from


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
        TypeError: a name or a split that is no string.
        ValueError: unknown name or split.
        RuntimeError: the data set is damaged, or neither here nor can it be downloaded.
    """
    checks.choice("data set", name, SHAPES)
    return _arrays(name, checks.instance("split", split, str, 'a string, such as "train" or "train[:90%]"'))


@functools.lru_cache(maxsize=8)
def _arrays(name, split):
    if name == "digits":
        images, labels = digits(split)
        return np.round(images * 255).astype("uint8"), labels
    data = _read(name, split)
    images = data["image"].numpy()
    if name in ("binarized_mnist", "dsprites"):
        images = (images > 0).astype("uint8") * 255
    if name == "dsprites":
        return images, np.stack([data[f"label_{factor}"].numpy() for factor in DSPRITES_FACTORS], axis=1)
    return images, data["label"].numpy() if "label" in data else None


def _read(name, split):
    """All of a split, as TFDS reads it: a dict of tensors."""
    import tensorflow_datasets as tfds  # slow to import, and not needed for the embedded set

    folder = pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser() / name
    try:
        builder = tfds.builder(name, try_gcs=False)
        if not builder.is_prepared():
            _look_for_a_network()  # without one TFDS tries again for minutes
            builder.download_and_prepare()
    except Exception as error:
        broken = next(folder.glob("*/dataset_info.json"), None)
        if broken is not None:
            raise RuntimeError(_damaged(name, broken)) from error
        raise RuntimeError(
            f"The data set {name!r} is not here and could not be downloaded ({type(error).__name__}). "
            f"Set TFDS_DATA_DIR to a folder that has it, or run `tfds build {name}` where there is a network; "
            "keras_vae.data.digits() needs no download."
        ) from error
    try:
        return builder.as_dataset(split=split, batch_size=-1)  # an unknown split: TFDS names those there are
    except tf.errors.OpError as error:
        raise RuntimeError(_damaged(name, _unreadable(builder.info.splits[split].filepaths))) from error


def _look_for_a_network():
    """Refuses to go on where no name of a host resolves; behind a proxy it is the proxy that resolves them."""
    if not urllib.request.getproxies():
        socket.getaddrinfo(*DOWNLOADS)


def _unreadable(paths):
    """The first of the files that cannot be read to its end."""
    for path in paths:
        try:
            for _ in tf.data.TFRecordDataset(str(path)):
                pass
        except tf.errors.OpError:
            return path
    return paths[0]


def _damaged(name, path):
    return f"The data set {name!r} is damaged: {path}. Delete its folder, and build it anew by `tfds build {name}`."


def digits(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's handwritten digits: images, float32 `[examples, 8, 8, 1]` in [0, 1], and labels.

    1,797 real images, embedded; "train" is the first 1,500, "test" the other 297, "all" both. A share of them is
    written as TFDS does: "train[:90%]", "train[90%:]".

    Raises:
        TypeError: a split that is no string.
        ValueError: an unknown split, or a share that is empty or more than all.
    """
    from sklearn.datasets import load_digits

    checks.instance("split", split, str, 'a string, such as "train" or "train[:90%]"')
    known = re.fullmatch(r"(train|test|all)(?:\[(?:(\d+)%)?:(?:(\d+)%)?\])?", split)
    if known is None or not int(known[2] or 0) < int(known[3] or 100) <= 100:
        raise ValueError(
            f'Unknown split {checks.told(split)} of digits. Choose from "train", "test", "all", or "train[:90%]".'
        )
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

    Raises:
        TypeError: images or a seed that are no numbers.
        ValueError: images outside [0, 1], NaN included; a seed out of its range.
    """
    images = one_array("images", images)
    if tf.executing_eagerly() and not bool(tf.reduce_all((images >= 0) & (images <= 1))):
        raise ValueError("images must lie in [0, 1], the probabilities of white; divide 8-bit images by 255.")
    seed = seed_pair(seed)
    return tf.cast(tf.random.stateless_uniform(tf.shape(images), seed) < tf.cast(images, "float32"), "float32")


def zeros_and_ones(name: str, data: Any) -> np.ndarray | tf.Tensor:
    """One array of booleans, or of 0 and 1.

    Raises:
        TypeError, ValueError: other numbers, or none.
    """
    data = one_array(name, data)
    if tf.executing_eagerly() and not np.isin(data, (0, 1)).all():
        raise ValueError(f"{name} must be boolean, or of 0 and 1; got {checks.told(data)} of other numbers.")
    return data


def scale_of(images: Any) -> float:
    """What brings images to [0, 1]: 255 for 8-bit ones; others are taken as they are."""
    return 255.0 if getattr(images, "dtype", None) in ("uint8", tf.uint8) else 1.0  # booleans are 0 and 1


def seed_pair(seed: int | tf.Tensor) -> tf.Tensor:
    """A stateless seed `[2]`, of an integer or of such a pair.

    Raises:
        TypeError, ValueError: neither.
    """
    if not (checks.sequence(seed) or (tf.is_tensor(seed) and seed.shape.rank != 0)):
        return tf.constant([checks.seed(seed, none=False), 0])
    pair = one_array("seed", seed)
    if tuple(pair.shape) not in ((2,), (None,)) or not tf.as_dtype(pair.dtype).is_integer:
        raise ValueError(f"seed must be an integer, or a pair of integers, [2]; got {checks.told(seed)}.")
    pair = tf.convert_to_tensor(pair)
    return pair if pair.dtype in (tf.int32, tf.int64) else tf.cast(pair, tf.int32)


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

    Raises:
        TypeError: images that hold no numbers, an argument of another type.
        ValueError: no images, a number out of its range.
    """
    store = tf.constant(one_array("images", images))
    scale = scale_of(images)
    batch_size, seed = checked_order(len(store), batch_size, shuffle, seed)
    for name, function in (("augment", augment), ("condition", condition)):
        checks.function(name, function, none=True)
    binary = checks.flag("dynamic_binarization", dynamic_binarization)
    checks.flag("drop_remainder", drop_remainder)

    @tf.autograph.experimental.do_not_convert  # or it warns of conditions that are lambdas
    def make(indices, seeds):
        batch = tf.cast(tf.gather(store, indices), "float32") / scale
        if augment is not None:
            batch = augment(batch, seeds)
        if binary:
            batch = binarize(batch, seeds + 1)
        return batch if condition is None else {"x": batch, "condition": condition(batch, indices, seeds + 2)}

    return index_batches(len(store), batch_size, shuffle, seed, drop_remainder).map(make, tf.data.AUTOTUNE).prefetch(2)


def checked_order(count, batch_size, shuffle, seed):
    """Batch size and seed of a pipeline over so many examples, checked."""
    if not count:
        raise ValueError("There are no images: an epoch would be empty.")
    checks.flag("shuffle", shuffle)
    return checks.whole("batch_size", batch_size), checks.seed(seed, none=False)


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
