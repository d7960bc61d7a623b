"""Writes the images of workloads to disk, where every library reads them. Called by `python -m benchmarks.peers`, in a
process of its own: reading data sets takes TensorFlow.
"""

import pathlib
import sys

import numpy as np

from benchmarks.peers.workloads import chosen


def write(workload, folder, digits):
    """`{modality}_train.npy` and `{modality}_test.npy`, uint8 `[examples, height, width, channels]`.

    Args:
        digits: the embedded small images instead of MNIST and SVHN, as often as needed, with three channels for
            SVHN's part.
    """
    from keras_vae.data import arrays

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in zip(("train", "test"), workload.examples, strict=True):
        for name in workload.networks:
            images = arrays("digits" if digits else "svhn_cropped" if name == "svhn" else "mnist", split)[0]
            if name != "svhn":
                images = np.where(images > 127, np.uint8(255), np.uint8(0))  # MultiVae's Bernoulli takes bits alone
            elif digits:
                images = np.repeat(images, 3, axis=-1)
            np.save(folder / f"{name}_{split}.npy", images[np.arange(count) % len(images)])


if __name__ == "__main__":
    root, quick, *names = sys.argv[1:]
    for each in chosen(names, quick == "quick"):
        write(each, pathlib.Path(root, each.name), digits=quick == "quick")
