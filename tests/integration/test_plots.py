"""Pictures show what they are given; what they look like is for the eye."""

import numpy as np
import pytest
from tiny import picture

from keras_vae import plots

IMAGES, VECTORS = np.random.default_rng(0).random((4, 8, 8, 1)), np.random.default_rng(1).normal(size=(4, 12))


def test_vectors_are_drawn_as_bars_on_one_scale_and_missing_entries_left_out(tmp_path):
    gaps = np.where(np.arange(12) == 3, np.nan, 2 * VECTORS)
    figure = plots.picture({"Vectors": {"x": VECTORS, "with gaps": gaps}}, tmp_path / "vectors.png")
    picture(tmp_path / "vectors.png")
    limits = {axes.get_ylim() for axes in figure.axes}
    assert limits == {(np.nanmin([VECTORS, gaps]), np.nanmax([VECTORS, gaps]))}
    for axes, drawn in zip(figure.axes, (VECTORS, gaps), strict=True):
        heights = [bars.get_data().values for bars in axes.patches]
        np.testing.assert_array_equal(heights, drawn)


def test_images_and_vectors_share_a_picture():
    figure = plots.picture({"Both": {"images": IMAGES, "vectors": VECTORS}})
    assert [len(axes.images) for axes in figure.axes] == [1, 0]
    assert [len(axes.patches) for axes in figure.axes] == [0, 4]


def test_channels_other_than_grey_and_colours_have_a_row_each():
    four = np.random.default_rng(2).random((3, 8, 8, 4))
    figure = plots.picture({"All": {"four": four, "colours": four[..., :3], "no axis": four[..., 0]}})
    labels = [text.get_text() for text in figure.texts]
    assert labels == ["All", *(f"four, channel {channel}" for channel in (1, 2, 3, 4)), "colours", "no axis"]
    np.testing.assert_array_equal(figure.axes[3].images[0].get_array()[1:9, 1:9], four[0, ..., 3])


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, "nothing to draw"),
        ({"A": {}}, "nothing to draw"),
        ({"A": IMAGES}, "a dict of dicts"),
        (IMAGES, "a dict of dicts"),
        ({"A": {"row": np.zeros(3)}}, r"'row' is float64 \[3\]"),
        ({"A": {"row": np.zeros((2, 3, 4, 4, 1))}}, r"'row' is float64 \[2, 3, 4, 4, 1\]"),
        ({"A": {"row": np.zeros((0, 4, 4, 1))}}, r"'row' is float64 \[0, 4, 4, 1\]"),
        ({"A": {"row": np.array([["a"]])}}, r"'row' is <U1 \[1, 1\]"),
    ],
)
def test_what_is_no_picture_is_refused(sections, message):
    with pytest.raises(ValueError, match=message) as error:
        plots.picture(sections)
    assert len(str(error.value)) < 300


def test_planes_show_every_point_in_the_colour_of_its_class(tmp_path):
    points, labels = VECTORS[:, :2], np.array([0, 1, 1, 0])
    figure = plots.planes({"first": points, "second": -points}, labels, ("a", "b"), title="Planes")
    assert [axes.get_title() for axes in figure.axes] == ["first", "second"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    for axes, expected in zip(figure.axes, (points, -points), strict=True):
        for label, drawn in enumerate(axes.collections):
            np.testing.assert_allclose(drawn.get_offsets(), expected[labels == label])
    plots.write(figure, tmp_path / "planes.png")
    picture(tmp_path / "planes.png")


def test_sections_are_written_as_a_picture_and_a_title_above_it(tmp_path):
    plain, titled = (tmp_path / name for name in ("plain.png", "titled.png"))
    plots.write({"Images": {"": IMAGES}}, plain)
    plots.write({"Images": {"": IMAGES}}, titled, title="Title")
    assert not np.array_equal(picture(plain), picture(titled))


def test_experts_are_drawn_with_their_product_and_mixture():
    figure = plots.experts({"differ": ((-2.0, 2.0), (0.5, 0.5))}, names=("a", "b"))
    product, mixture = figure.axes[0].lines
    z, density = product.get_data()
    np.testing.assert_allclose(np.trapezoid(density, z), 1.0, atol=1e-3)
    np.testing.assert_allclose(np.trapezoid(z * density, z), 0.0, atol=1e-3)
    np.testing.assert_allclose(np.trapezoid(z**2 * density, z), 1 / (1 + 2 / 0.5**2), atol=1e-3)  # precisions add up
    z, density = mixture.get_data()
    np.testing.assert_allclose(np.trapezoid(density, z), 1.0, atol=1e-3)
    np.testing.assert_allclose(np.trapezoid(z**2 * density, z), 2.0**2 + 0.5**2, atol=1e-2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "a",
        "b",
        "product of experts",
        "mixture of experts",
    ]
