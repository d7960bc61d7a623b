import functools
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.data import (
    arrays,
    batches,
    binarize,
    digits,
    oil_flow,
    pair_indices,
    paired_arrays,
    paired_batches,
    quadrants,
    random_quadrants,
    tobamovirus,
    visible_part,
)
from keras_vae.data import images as images_module
from keras_vae.data.augmentation import jitter
from keras_vae.data.vectors import FLOWS


@pytest.fixture(scope="module")
def store():
    """50 digits as uint8, each image unmistakable by its first pixel, and labels."""
    images, labels = arrays("digits")
    images = images[:50].copy()
    images[:, 0, 0, 0] = np.arange(50)
    return images, labels[:50]


def epoch(dataset):
    """All batches of one pass, as one array, or a dict of them."""
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *dataset.as_numpy_iterator())


def order(images):
    return np.round(images[:, 0, 0, 0] * 255).astype(int)


# --- digits ---------------------------------------------------------------------------------------------------------


def test_digits_are_real_images_in_the_unit_interval_split_without_overlap():
    images, labels = digits("all")
    assert images.shape == (1797, 8, 8, 1)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert set(labels) == set(range(10))
    train, test = digits("train"), digits("test")
    np.testing.assert_array_equal(np.concatenate([train[0], test[0]]), images)
    np.testing.assert_array_equal(np.concatenate([train[1], test[1]]), labels)


def test_arrays_of_digits_are_the_same_images_in_uint8():
    (stored, stored_labels), (images, labels) = arrays("digits", "test"), digits("test")
    assert stored.dtype == np.uint8
    np.testing.assert_allclose(stored / 255, images, atol=0.5 / 255)
    np.testing.assert_array_equal(stored_labels, labels)


# --- vectors --------------------------------------------------------------------------------------------------------


def test_oil_flow_has_three_splits_without_an_example_in_common():
    splits = [oil_flow(split) for split in ("train", "validation", "test")]
    for x, labels in splits:
        assert x.shape == (1000, 12)
        assert x.dtype == np.float32
        assert set(labels) == {0, 1, 2}
    assert len(np.unique(np.concatenate([x for x, _ in splits]), axis=0)) == 3000


def test_classes_of_oil_flow_are_those_of_the_physics():
    """Half the beams are vertical, half horizontal: only layers look different from the side."""
    x, labels = oil_flow("train")
    spread = {name: x[labels == index].std(axis=0).mean() for index, name in enumerate(FLOWS)}
    oil = {name: x[labels == index, 0::2].mean(axis=0) for index, name in enumerate(FLOWS)}
    water = {name: x[labels == index, 1::2].mean(axis=0) for index, name in enumerate(FLOWS)}
    np.testing.assert_allclose(oil["homogeneous"], water["homogeneous"], rtol=0.05)  # a mixture: alike in every beam
    assert np.abs(oil["annular"][1:3] - oil["annular"][3:5]).max() < 0.15  # round: alike from both sides
    assert np.abs(oil["stratified"][1:3] - oil["stratified"][3:5]).max() > 0.3
    assert spread["stratified"] > spread["homogeneous"]


def test_tobamovirus_holds_counts():
    x = tobamovirus()
    assert x.shape == (38, 18)
    assert x.dtype == np.float32
    assert ((x >= 0) & (x == np.round(x))).all()


def test_batches_take_vectors_as_they_are():
    x, _ = oil_flow("train")
    np.testing.assert_array_equal(epoch(batches(x, 300, shuffle=False)), x)


def test_unknown_split_of_oil_flow_is_refused():
    with pytest.raises(ValueError, match=r"split of oil_flow 'dev'.*test.*train.*validation"):
        oil_flow("dev")


# --- what is not there ----------------------------------------------------------------------------------------------


def test_unknown_data_set_is_refused_and_the_names_listed():
    with pytest.raises(ValueError, match=r"'mnits'.*mnist.*digits"):
        arrays("mnits")


def test_unknown_split_of_digits_is_refused_and_the_names_listed():
    with pytest.raises(ValueError, match=r"'validation'.*train.*test"):
        digits("validation")


@pytest.mark.parametrize("failure", [ConnectionError("no network"), TimeoutError(), OSError("read-only")], ids=repr)
def test_data_set_that_is_neither_here_nor_downloadable_says_what_to_do(failure, monkeypatch, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")

    def builder(*args, **kwargs):
        raise failure

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds, "builder", builder)
    with pytest.raises(RuntimeError, match=r"TFDS_DATA_DIR.*tfds build mnist") as caught:
        arrays("mnist", "train[:7]")
    assert caught.value.__cause__ is failure
    assert type(failure).__name__ in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_name_that_resolves_no_download_is_tried(monkeypatch, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")

    def no_name(*_):
        raise OSError("Name or service not known")

    monkeypatch.setattr(images_module.socket, "getaddrinfo", no_name)
    monkeypatch.setattr(images_module.urllib.request, "getproxies", dict)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", lambda *_: pytest.fail("it was tried"))
    monkeypatch.setattr(tfds, "builder", functools.partial(tfds.builder, data_dir=tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(RuntimeError, match="is not here and could not be downloaded"):
        arrays("mnist", "train[:8]")


def test_what_is_not_here_is_downloaded_where_a_name_resolves(monkeypatch, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    asked = []
    monkeypatch.setattr(images_module.socket, "getaddrinfo", lambda *host: asked.append(host))
    monkeypatch.setattr(images_module.urllib.request, "getproxies", dict)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", lambda *_: asked.append("download"))
    monkeypatch.setattr(tfds, "builder", functools.partial(tfds.builder, data_dir=tmp_path))
    with pytest.raises(AssertionError, match="could not find data"):
        images_module._read("mnist", "train")
    assert asked == [images_module.DOWNLOADS, "download"]


RECORDS = "binarized_mnist-test.tfrecord-00000-of-00001"


@pytest.mark.data("binarized_mnist")
@pytest.mark.parametrize(
    ("file", "share"), [(RECORDS, 0.5), (RECORDS, 0.0), (RECORDS, None), ("dataset_info.json", 0.5)]
)
def test_damaged_data_set_is_called_so_and_its_file_named(file, share, monkeypatch, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    source = next(pathlib.Path(os.environ["TFDS_DATA_DIR"], "binarized_mnist").glob("*/dataset_info.json")).parent
    target = tmp_path / "binarized_mnist" / source.name
    target.mkdir(parents=True)
    for name in ("dataset_info.json", "features.json", RECORDS):
        target.joinpath(name).write_bytes(source.joinpath(name).read_bytes())
    whole = target.joinpath(file).read_bytes()
    target.joinpath(file).write_bytes(whole[: int(len(whole) * (share or 0))])
    if share is None:
        target.joinpath(file).unlink()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds, "builder", functools.partial(tfds.builder, data_dir=tmp_path))
    with pytest.raises(RuntimeError, match=f"'binarized_mnist' is damaged: .*{file}.*tfds build") as caught:
        images_module._read("binarized_mnist", "test")
    assert "\n" not in str(caught.value)


# --- what is refused ------------------------------------------------------------------------------------------------

PIXELS, LABELS = np.zeros((6, 4, 4, 1), "uint8"), np.arange(6) % 2
PAIRS = {"a": (PIXELS, LABELS), "b": (PIXELS, LABELS)}
REFUSED = {
    "name": (lambda: arrays(["mnist"]), TypeError, "data set must be one of"),
    "split": (lambda: arrays("digits", 3), TypeError, "split must be a string"),
    "more than all": (lambda: digits("train[:200%]"), ValueError, "Unknown split"),
    "empty share": (lambda: digits("train[50%:50%]"), ValueError, "Unknown split"),
    "no share": (lambda: digits("train[10:50%]"), ValueError, "Unknown split"),
    "batch size": (lambda: batches(PIXELS, 0), ValueError, "batch_size must be a positive integer"),
    "whole batch size": (lambda: batches(PIXELS, 1.5), TypeError, "batch_size must be a positive integer"),
    "seed": (lambda: batches(PIXELS, seed=2**32), ValueError, "seed must be"),
    "shuffle": (lambda: batches(PIXELS, shuffle=1), TypeError, "shuffle must be True or False"),
    "augment": (lambda: batches(PIXELS, augment="jitter"), TypeError, "augment must be a function"),
    "no images": (lambda: batches(PIXELS[:0]), ValueError, "no images"),
    "text": (lambda: batches(["a", "b"]), TypeError, "images must hold real numbers"),
    "bytes as shares": (lambda: binarize(PIXELS + 200, 0), ValueError, r"\[0, 1\].*divide 8-bit images by 255"),
    "nan": (lambda: binarize(PIXELS * np.nan, 0), ValueError, r"\[0, 1\]"),
    "seed of bits": (lambda: binarize(PIXELS, -1), ValueError, "seed must be"),
    "triple seed": (lambda: binarize(PIXELS, (1, 2, 3)), ValueError, "a pair of integers"),
    "dict": (lambda: batches({"x": PIXELS}), TypeError, "images must be one array; got a dict"),
    "labels": (lambda: pair_indices(LABELS + 0.5, LABELS), TypeError, "labels must be the whole numbers"),
    "repeats": (lambda: pair_indices(LABELS, LABELS, repeats=0), ValueError, "repeats must be"),
    "one modality": (lambda: paired_batches({"a": (PIXELS, LABELS)}), ValueError, "two modalities"),
    "no dict": (lambda: paired_batches(PIXELS), TypeError, "data must be"),
    "few labels": (lambda: paired_batches({**PAIRS, "b": (PIXELS, LABELS[:5])}), ValueError, "same number of examples"),
    "all missing": (lambda: paired_batches(PAIRS, missing=1.0), ValueError, "missing must be below 1"),
    "whose augment": (lambda: paired_batches(PAIRS, augment={"c": jitter}), ValueError, "Unknown modality 'c'"),
    "quadrants": (lambda: quadrants([True, False], 4, 4), ValueError, "four quadrants"),
    "side": (lambda: quadrants([True] * 4, 4.0, 4), TypeError, "height must be"),
    "count": (lambda: random_quadrants(0, 4, 4, (0, 1)), ValueError, "count must be"),
    "mask": (lambda: visible_part(PIXELS, np.ones((4, 3, 1))), ValueError, "its mask"),
    "shift": (lambda: jitter(PIXELS / 255, (0, 1), shift=-1.0), ValueError, "shift must be"),
    "one image": (lambda: jitter(PIXELS[0], (0, 1)), ValueError, "batch must be"),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_pipeline_is_made_of_is_refused(call, error, message):
    with pytest.raises(error, match=message) as raised:
        call()
    assert len(str(raised.value)) < 300


def test_booleans_are_black_and_white_and_not_bytes():
    (batch,) = batches(PIXELS == 0, 6, shuffle=False)
    assert (batch.numpy() == 1.0).all()


# --- binarize -------------------------------------------------------------------------------------------------------


def test_binarize_draws_white_with_the_intensity_as_probability():
    images = np.linspace(0, 1, 5, dtype="float32").reshape(1, 1, 5, 1) * np.ones((4000, 1, 1, 1), "float32")
    bits = binarize(images, 3).numpy()
    assert set(np.unique(bits)) == {0.0, 1.0}
    assert bits.dtype == np.float32
    np.testing.assert_allclose(bits.mean(axis=(0, 1, 3)), [0, 0.25, 0.5, 0.75, 1], atol=4 * 0.5 / np.sqrt(4000))
    assert (bits[:, 0, 0] == 0).all()
    assert (bits[:, 0, 4] == 1).all()


def test_binarize_repeats_by_seed():
    images = digits()[0][:8]
    np.testing.assert_array_equal(binarize(images, 3), binarize(images, 3))
    np.testing.assert_array_equal(binarize(images, 3), binarize(images, tf.constant([3, 0])))
    np.testing.assert_array_equal(binarize(images, 3), binarize(images, (3, 0)))
    assert not np.array_equal(binarize(images, 3), binarize(images, 4))


# --- batches --------------------------------------------------------------------------------------------------------


def test_batches_turn_uint8_into_float32_of_the_unit_interval(store):
    images, _ = store
    dataset = batches(images, 16, shuffle=False)
    assert dataset.element_spec.dtype == tf.float32
    np.testing.assert_allclose(epoch(dataset), images / 255, atol=1e-6)
    assert [len(batch) for batch in dataset] == [16, 16, 16, 2]
    assert [len(batch) for batch in batches(images, 16, drop_remainder=True)] == [16, 16, 16]


def test_batches_hold_every_image_once_in_a_new_order_each_epoch(store):
    dataset = batches(store[0], 16)
    first, second = order(epoch(dataset)), order(epoch(dataset))
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    np.testing.assert_array_equal(np.sort(second), np.arange(50))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(50))


@pytest.mark.parametrize(
    "options", [{}, {"dynamic_binarization": True}, {"augment": jitter}], ids=["plain", "binarized", "augmented"]
)
def test_batches_repeat_by_seed_over_several_epochs(options, store):
    def two_epochs(seed):
        dataset = batches(store[0], 16, seed=seed, **options)
        return np.stack([epoch(dataset), epoch(dataset)])

    first = two_epochs(1)
    np.testing.assert_array_equal(first, two_epochs(1))
    assert not np.array_equal(first, two_epochs(2))


def test_dynamic_binarization_draws_new_bits_each_epoch_with_the_intensities_as_means(store):
    images, _ = store
    dataset = batches(images, 16, dynamic_binarization=True, shuffle=False)
    epochs = np.stack([epoch(dataset) for _ in range(40)])
    assert set(np.unique(epochs)) == {0.0, 1.0}
    assert not np.array_equal(epochs[0], epochs[1])
    error = 0.5 / np.sqrt(40)
    assert np.abs(epochs.mean(0) - images / 255).max() < 6 * error
    assert epochs.mean() == pytest.approx((images / 255).mean(), abs=4 * error / np.sqrt(images.size))


def test_augmentation_sees_a_seed_of_its_own_at_each_batch_and_epoch(store):
    seeds = batches(store[0], 16, augment=lambda batch, seed: tf.ones_like(batch) * tf.cast(seed[0], "float32"))
    values = np.concatenate([epoch(seeds)[:, 0, 0, 0], epoch(seeds)[:, 0, 0, 0]])
    assert len(np.unique(values)) == 8  # four batches, two epochs


# --- pairs ----------------------------------------------------------------------------------------------------------


def test_conditions_are_made_of_the_finished_batch_its_rows_and_a_seed(store):
    images, labels = store

    def condition(x, indices, seed):
        label = tf.gather(tf.constant(labels, tf.float32), indices)
        return tf.stack([label, x[:, 0, 0, 0], tf.random.stateless_uniform(tf.shape(indices), seed)], axis=1)

    dataset = batches(images, 8, condition=condition, seed=1)
    first, second = epoch(dataset), epoch(dataset)
    assert set(first) == {"x", "condition"}
    np.testing.assert_array_equal(first["condition"][:, 0], labels[order(first["x"])])
    np.testing.assert_array_equal(first["condition"][:, 1], first["x"][:, 0, 0, 0])
    assert len(np.unique(np.concatenate([first["condition"][:, 2], second["condition"][:, 2]]))) == 100


# --- visible parts --------------------------------------------------------------------------------------------------


def test_quadrants_are_named_in_reading_order_and_cover_odd_images():
    upper_left, upper_right, lower_left, lower_right = quadrants(np.eye(4), 5, 4).numpy()[..., 0]
    assert (upper_left.sum(), upper_right.sum(), lower_left.sum(), lower_right.sum()) == (4, 4, 6, 6)
    np.testing.assert_array_equal(upper_left + upper_right + lower_left + lower_right, np.ones((5, 4)))
    assert upper_left[0, 0] == upper_right[0, 3] == lower_left[4, 0] == lower_right[4, 3] == 1


def test_random_quadrants_show_one_two_or_three_alike_often_and_repeat_by_seed():
    masks = random_quadrants(6000, 2, 2, tf.constant([1, 2])).numpy()
    counts = np.bincount(masks.sum(axis=(1, 2, 3)).astype(int), minlength=5) / 6000
    np.testing.assert_allclose(counts, [0, 1 / 3, 1 / 3, 1 / 3, 0], atol=0.03)
    np.testing.assert_allclose(masks.mean(axis=0), 0.5, atol=0.03)
    assert len(np.unique(masks.reshape(6000, 4), axis=0)) == 14
    np.testing.assert_array_equal(masks, random_quadrants(6000, 2, 2, tf.constant([1, 2])))


def test_visible_part_holds_nothing_of_the_hidden_part():
    images = digits("test")[0][:3].copy()
    mask = quadrants([True, False, False, False], 8, 8)
    images[:, 5:] = np.nan
    condition = visible_part(images, mask).numpy()
    assert condition.shape == (3, 8, 8, 2)
    np.testing.assert_array_equal(condition[:, :4, :4, 0], images[:, :4, :4, 0])
    np.testing.assert_array_equal(condition[..., 0] * (1 - mask[..., 0]), np.zeros((3, 8, 8)))
    np.testing.assert_array_equal(condition[..., 1], np.broadcast_to(mask[..., 0], (3, 8, 8)))


# --- pairs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_sets():
    """Digits as two modalities: odd and even rows, told apart by the first pixel."""
    images, labels = arrays("digits")
    images = images[:200].copy()
    images[:, 0, 0, 0] = np.arange(200)
    return {"first": (images[::2], labels[:200:2]), "second": (images[1::2], labels[1:200:2])}


def test_pair_indices_point_at_the_same_class_and_repeat_by_seed(two_sets):
    labels, others = two_sets["first"][1], two_sets["second"][1]
    partners = pair_indices(labels, others, seed=1, repeats=3)
    assert partners.shape == (300,)
    np.testing.assert_array_equal(others[partners], np.tile(labels, 3))
    np.testing.assert_array_equal(partners, pair_indices(labels, others, seed=1, repeats=3))
    assert not np.array_equal(partners, pair_indices(labels, others, seed=2, repeats=3))
    assert not np.array_equal(partners[:100], partners[100:200])
    np.testing.assert_array_equal(np.unique(pair_indices(labels, others, repeats=200)), np.arange(100))


def test_pair_indices_refuse_a_class_without_a_partner():
    with pytest.raises(ValueError, match="class 2"):
        pair_indices(np.array([0, 2]), np.array([0, 1]))


def test_paired_batches_refuse_a_class_without_a_partner(two_sets):
    images, labels = two_sets["second"]
    with pytest.raises(ValueError, match="no example in second"):
        paired_batches({"first": two_sets["first"], "second": (images[labels < 9], labels[labels < 9])})


def classes(two_sets, pair):
    """Labels of both sides of the pairs."""
    labels = np.empty(200, int)
    labels[::2], labels[1::2] = two_sets["first"][1], two_sets["second"][1]
    return labels[order(pair["first"])], labels[order(pair["second"])]


def test_paired_batches_show_each_first_image_once_beside_one_of_its_class(two_sets):
    pair = epoch(paired_batches(two_sets, 32))
    assert {part.dtype for part in pair.values()} == {np.dtype("float32")}
    assert all(part.min() >= 0 and part.max() <= 1 for part in pair.values())
    np.testing.assert_array_equal(np.sort(order(pair["first"])), np.arange(0, 200, 2))
    assert (order(pair["second"]) % 2 == 1).all()
    np.testing.assert_array_equal(*classes(two_sets, pair))


def test_paired_batches_draw_all_partners_of_a_class(two_sets):
    dataset = paired_batches(two_sets, 100)
    seen = np.unique(np.concatenate([order(epoch(dataset)["second"]) for _ in range(40)]))
    np.testing.assert_array_equal(seen, np.arange(1, 200, 2))


def test_paired_batches_repeat_by_seed_and_make_new_pairs_each_epoch(two_sets):
    def partners(dataset):
        pair = epoch(dataset)
        np.testing.assert_array_equal(*classes(two_sets, pair))
        return order(pair["second"])

    dataset, again = (paired_batches(two_sets, 32, seed=1, shuffle=False) for _ in range(2))
    first, second = partners(dataset), partners(dataset)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal([first, second], [partners(again), partners(again)])
    assert not np.array_equal(first, partners(paired_batches(two_sets, 32, seed=2, shuffle=False)))


def test_batches_of_three_modalities_are_of_one_class_each_drawn_by_itself(two_sets):
    third = {"third": (np.arange(20, dtype="float32")[:, None], np.arange(20) % 10)}
    batch = epoch(paired_batches({**two_sets, **third}, 32))
    np.testing.assert_array_equal(*classes(two_sets, batch))
    np.testing.assert_array_equal(classes(two_sets, batch)[0], batch["third"][:, 0] % 10)
    np.testing.assert_array_equal(np.unique(batch["third"] // 10), [0, 1])


def test_what_is_missing_is_so_at_every_epoch_and_never_all(two_sets):
    dataset = paired_batches(two_sets, 32, missing=0.3)
    first, second = (epoch(dataset) for _ in range(2))
    masks = [np.stack([batch["observed"][name] for name in two_sets], axis=1) for batch in (first, second)]
    by_image = [mask[np.argsort(order(batch["first"]))] for mask, batch in zip(masks, (first, second), strict=True)]
    np.testing.assert_array_equal(*by_image)
    assert by_image[0].any(axis=1).all()
    alone = 0.3 * 0.7 / (1 - 0.3**2)  # the share of rows where this one is missing and the other is not
    np.testing.assert_allclose(1 - by_image[0].mean(axis=0), alone, atol=0.1)


def test_paired_batches_augment_the_named_modality_only(two_sets):
    plain, changed = (
        epoch(paired_batches(two_sets, 32, seed=1, augment=augment))
        for augment in (None, {"second": lambda batch, seed: 1.0 - batch})
    )
    np.testing.assert_array_equal(changed["first"], plain["first"])
    np.testing.assert_allclose(changed["second"], 1.0 - plain["second"])


# --- augmentation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (30, 21, 2)])
def test_jitter_keeps_shape_and_range_and_repeats_by_seed(shape):
    images = np.random.default_rng(0).random((6, *shape)).astype("float32")
    jittered = jitter(images, (1, 2)).numpy()
    assert jittered.shape == images.shape
    assert jittered.dtype == np.float32
    assert 0 <= jittered.min() <= jittered.max() <= 1
    assert np.abs(jittered - images).max() > 0.1
    np.testing.assert_array_equal(jittered, jitter(images, (1, 2)))
    assert not np.array_equal(jittered, jitter(images, (1, 3)))


def test_jitter_of_nothing_is_the_identity_and_draws_differ_between_images():
    images = np.tile(digits()[0][:1], (5, 1, 1, 1))
    still = jitter(images, (1, 2), shift=0.0, zoom=0.0, angle=0.0, contrast=0.0, brightness=0.0)
    np.testing.assert_allclose(still, images, atol=1e-5)
    moved = jitter(images, (1, 2)).numpy()
    assert not np.allclose(moved[0], moved[1])


def test_jitter_shifts_by_no_more_than_asked():
    spot = np.zeros((50, 21, 21, 1), "float32")
    spot[:, 10, 10] = 1.0
    moved = jitter(spot, (1, 2), shift=2.0, zoom=0.0, angle=0.0, contrast=0.0, brightness=0.0).numpy()[..., 0]
    rows, columns = (np.tensordot(moved, np.indices((21, 21))[axis], 2) for axis in (0, 1))
    distance = np.abs([rows - 10, columns - 10])
    assert distance.max() <= 2.001
    assert (distance.max(axis=1) > 1).all()


# --- the real thing -------------------------------------------------------------------------------------------------


@pytest.mark.data("mnist")
def test_mnist_has_its_official_sizes():
    images, labels = arrays("mnist", "test")
    assert images.shape == (10000, 28, 28, 1)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    np.testing.assert_array_equal(np.unique(labels), np.arange(10))


@pytest.mark.data("binarized_mnist")
def test_binarized_mnist_is_black_and_white_without_labels():
    images, labels = arrays("binarized_mnist", "test")
    assert images.shape == (10000, 28, 28, 1)
    assert set(np.unique(images)) == {0, 255}
    assert labels is None


@pytest.mark.data("dsprites")
def test_dsprites_come_with_all_their_factors():
    images, factors = arrays("dsprites", "train[:500]")
    assert images.shape == (500, 64, 64, 1)
    assert set(np.unique(images)) == {0, 255}
    assert factors.ndim == 2
    assert len(factors) == 500
    assert factors.shape[1] >= 5  # shape, scale, orientation, two positions; TFDS leaves out the constant colour


@pytest.mark.data("mnist", "svhn_cropped")
def test_pairs_of_mnist_and_svhn_show_the_same_digit():
    data = paired_arrays("test")
    assert data["svhn"][0].shape[1:] == (32, 32, 3)
    partners = pair_indices(data["mnist"][1], data["svhn"][1])
    np.testing.assert_array_equal(data["svhn"][1][partners], data["mnist"][1])
    lookup = {image.tobytes(): label for image, label in zip(*data["svhn"], strict=True)}
    digit = {image.tobytes(): label for image, label in zip(*data["mnist"], strict=True)}
    for pair in paired_batches(data, 64).take(2):
        images = {name: np.round(part.numpy() * 255).astype("uint8") for name, part in pair.items()}
        assert images["mnist"].shape == (64, 28, 28, 1)
        for mnist, svhn in zip(images["mnist"], images["svhn"], strict=True):
            assert digit[mnist.tobytes()] == lookup[svhn.tobytes()]


@pytest.mark.data("mnist")
def test_unknown_split_of_a_tfds_data_set_names_those_there_are():
    with pytest.raises(ValueError, match=r"validation.*train"):
        arrays("mnist", "validation")
