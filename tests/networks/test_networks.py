import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae import networks

IMAGES = [(28, 28, 1), (32, 32, 3), (64, 64, 1), (30, 21, 2), (17, 40, 1)]
SMALL = {
    "convolutional": {"filters": (4, 6, 8), "width": 8},
    "residual": {"filters": (4, 6), "width": 8},
    "dense": {"widths": (8,)},
}


def pair(kind, shape, latent_size=3, **kwargs):
    options = {**SMALL[kind], **kwargs}
    encoder = getattr(networks, f"{kind}_encoder")(shape, **options)
    if "filters" in options:
        options["filters"] = options["filters"][::-1]
    return encoder, getattr(networks, f"{kind}_decoder")(latent_size, shape, **options)


def output_shape(network, shape):
    return network(np.ones((2, *shape), "float32")).shape


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize("kind", SMALL)
def test_decoder_returns_images_of_the_shape_that_the_encoder_takes(kind, shape):
    encoder, decoder = pair(kind, shape)
    assert output_shape(encoder, shape) == (2, 8)
    assert encoder.output_shape == (None, 8)
    assert output_shape(decoder, (3,)) == (2, *shape)
    assert decoder.output_shape == (None, *shape)


@pytest.mark.parametrize("shape", IMAGES)
def test_outermost_stride_of_four_keeps_the_shapes(shape):
    encoder = networks.convolutional_encoder(shape, (4, 6), width=8, first_stride=4)
    decoder = networks.convolutional_decoder(3, shape, (6, 4), width=8, last_stride=4)
    assert encoder.layers[1].output.shape[1:3] == tuple(-(-side // 4) for side in shape[:2])
    assert output_shape(encoder, shape) == (2, 8)
    assert output_shape(decoder, (3,)) == (2, *shape)


@pytest.mark.parametrize("shape", [(7,), (1,), (5, 4), (3, 3, 3, 2)])
def test_dense_networks_take_events_of_any_rank(shape):
    encoder, decoder = pair("dense", shape)
    assert output_shape(encoder, shape) == (2, 8)
    assert output_shape(decoder, (3,)) == (2, *shape)


@pytest.mark.parametrize("kind", SMALL)
def test_output_activation_bounds_the_decoder(kind):
    options = {key: value[::-1] if key == "filters" else value for key, value in SMALL[kind].items()}
    decoder = getattr(networks, f"{kind}_decoder")(3, (12, 12, 1), output_activation="sigmoid", **options)
    output = decoder(100 * np.random.default_rng(0).normal(size=(4, 3)))
    assert 0 <= np.min(output) <= np.max(output) <= 1


@pytest.mark.parametrize("kind", SMALL)
def test_every_weight_of_the_networks_gets_a_gradient(kind):
    import tensorflow as tf

    encoder, decoder = pair(kind, (12, 12, 1))
    for network, shape in ((encoder, (12, 12, 1)), (decoder, (3,))):
        if kind == "residual":  # its blocks start as the identity: move off that point
            for weight in network.trainable_variables:
                weight.assign_add(0.01 * np.random.default_rng(0).normal(size=weight.shape))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(np.random.default_rng(0).normal(size=(8, *shape)).astype("float32")) ** 2)
        for weight, gradient in zip(
            network.trainable_variables, tape.gradient(loss, network.trainable_variables), strict=True
        ):
            assert gradient is not None, weight.path
            assert np.any(gradient), weight.path


@pytest.mark.parametrize("condition", [(5,), (12, 12, 2), (3, 4, 1)], ids=str)
@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_networks_with_a_condition_depend_on_it_and_on_their_own_input(kind, condition):
    random = np.random.default_rng(0)
    encoder, decoder = pair(kind, (12, 12, 1), condition_shape=condition)
    for network, shape, output in ((encoder, (12, 12, 1), (2, 8)), (decoder, (3,), (2, 12, 12, 1))):
        own, other = (random.normal(size=(2, *shape)).astype("float32") for _ in range(2))
        given, another = (random.normal(size=(2, *condition)).astype("float32") for _ in range(2))
        made = network([own, given])
        assert made.shape == output
        assert not np.allclose(made, network([other, given]))
        assert not np.allclose(made, network([own, another]))


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1)])
def test_default_networks_take_a_condition_beside_their_own_input(shape):
    encoder, decoder = networks.default_encoder(shape, (10,)), networks.default_decoder(3, shape, shape, (10,))
    assert encoder.input_shape == [(None, *shape), (None, 10)]
    assert decoder.input_shape == [(None, 3), (None, 10)]
    assert decoder.output_shape == (None, *shape)


def test_residual_blocks_start_as_the_identity():
    inputs = keras.Input((8, 8, 2))
    block = keras.Model(inputs, networks.residual.residual_blocks(inputs, 2, "silu"))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 2)).astype("float32")
    np.testing.assert_array_equal(block(x), x)


@pytest.mark.parametrize(("shape", "grid"), [((28, 28, 1), (7, 7)), ((32, 32, 3), (8, 8)), ((30, 21, 2), (8, 6))])
def test_residual_networks_of_a_grid_keep_the_layout_of_the_image(shape, grid):
    encoder, decoder = pair("residual", shape, latent_size=8, grid=True)
    assert output_shape(encoder, shape) == (2, *grid, 8)
    assert output_shape(decoder, (*grid, 8)) == (2, *shape)


@pytest.mark.parametrize("shape", [(28, 28, 1), (30, 17, 3)])
@pytest.mark.parametrize("rungs", [1, 2, 3])
def test_residual_ladders_go_up_and_down_by_the_same_places(shape, rungs):
    sizes, filters = (*(2, 3, 4)[:rungs], 5), (4, 6, 8)
    encoder = networks.residual_ladder_encoder(shape, filters, rungs, width=16)
    top_down = networks.residual_top_down(sizes, shape, filters, width=16)
    decoder = networks.residual_ladder_decoder(sizes[0], shape, filters, rungs, output_activation="sigmoid")
    *features, top = encoder(np.zeros((2, *shape)))
    assert top.shape == (2, 16)
    state, z = None, tf.zeros((2, 5))
    for network, feature, size in zip(top_down[::-1], features[::-1], sizes[-2::-1], strict=True):
        state = network(z if state is None else [z, state])
        assert state.shape == feature.shape
        z = tf.zeros((*state.shape[:-1], size))
    image = decoder([z, state])
    assert image.shape == (2, *shape)
    np.testing.assert_array_less(np.abs(np.asarray(image) - 0.5), 0.5)


def test_more_rungs_than_stages_are_refused():
    shape, filters = (8, 8, 1), (4, 4)
    for make in (networks.residual_ladder_encoder, functools.partial(networks.residual_ladder_decoder, 3)):
        with pytest.raises(ValueError, match="3 need as many filters; got 2"):
            make(shape, filters, rungs=3)
    with pytest.raises(ValueError, match="3 need as many filters; got 2"):
        networks.residual_top_down((1, 2, 3, 4), shape, filters)


def test_residual_dropout_acts_in_training_only():
    encoder = networks.residual_encoder((8, 8, 1), filters=(4,), width=8, dropout=0.5)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(encoder(x, training=False), encoder(x, training=False))
    assert not np.allclose(encoder(x, training=True), encoder(x, training=False))


@pytest.mark.parametrize(
    ("kernel", "strides", "filters"), [(4, 2, 3), (4, 2, 1), (4, 4, 2), (2, 2, 5), (4, 2, 6), (3, 2, 1)]
)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_sub_pixel_convolution_is_the_transposed_one_in_values_and_gradients(kernel, strides, filters, jit_compile):
    options = {"padding": "same", "activation": "tanh", "bias_initializer": "random_normal"}
    kinds = networks.SubpixelConv2DTranspose, keras.layers.Conv2DTranspose
    layers = [kind(filters, kernel, strides, **options) for kind in kinds]
    x = tf.constant(np.random.default_rng(0).normal(size=(3, 5, 7, 6)), "float32")
    for layer in layers:
        layer.build((None, 5, 7, 6))
        layer.set_weights(layers[0].get_weights())

    def measured(layer):
        @tf.function(jit_compile=jit_compile, autograph=False)
        def value_and_gradients(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(tf.sin(y))
            return y, *tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])

        return value_and_gradients(x)

    for ours, theirs in zip(*map(measured, layers), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_sub_pixel_convolution_follows_the_policy_and_is_saved(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    kinds = networks.SubpixelConv2DTranspose, keras.layers.Conv2DTranspose
    half = [kind(1, 4, 2, "same", dtype="mixed_bfloat16") for kind in kinds]
    half[1].build((None, 4, 4, 3))
    assert half[0](x).dtype == "bfloat16"
    half[1].set_weights(half[0].get_weights())
    np.testing.assert_allclose(*(tf.cast(layer(x), "float32") for layer in half), atol=0.05)
    model = keras.Sequential([keras.Input((None, None, 3)), networks.SubpixelConv2DTranspose(1, 4, 2, "same")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)  # of no known size: Keras's own way
    assert loaded(x).shape == (2, 8, 8, 1)


def kinds_of_layers(network):
    return {type(layer).__name__ for layer in network.layers}


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (30, 21, 2)])
def test_default_networks_of_images_are_convolutional(shape):
    encoder, decoder = networks.default_encoder(shape), networks.default_decoder(3, shape, shape)
    assert "Conv2D" in kinds_of_layers(encoder)
    assert "Conv2DTranspose" in kinds_of_layers(decoder)
    assert encoder.input_shape == (None, *shape)
    assert (decoder.input_shape, decoder.output_shape) == ((None, 3), (None, *shape))


@pytest.mark.parametrize("shape", [(12,), (8, 8, 1), (100, 4, 1), (20, 20)])
def test_default_networks_of_vectors_and_small_images_are_dense(shape):
    encoder, decoder = networks.default_encoder(shape), networks.default_decoder(3, shape, shape)
    assert kinds_of_layers(encoder) | kinds_of_layers(decoder) == {"InputLayer", "Flatten", "Dense", "Reshape"}
    assert (encoder.input_shape, decoder.output_shape) == ((None, *shape), (None, *shape))


@pytest.mark.parametrize("shape", [(28, 28, 1), (12, 2)])
def test_default_decoder_returns_the_likelihood_parameters_shape(shape):
    wanted = (*shape[:-1], 2 * shape[-1])
    assert networks.default_decoder(3, shape, wanted).output_shape == (None, *wanted)


@pytest.mark.parametrize(("side", "smallest"), [(16, 4), (28, 4), (32, 4), (64, 4)])
def test_default_encoder_halves_images_to_about_four_pixels(side, smallest):
    convolutions = [
        layer for layer in networks.default_encoder((side, side, 1)).layers if "Conv2D" in type(layer).__name__
    ]
    assert convolutions[-1].output.shape[1] == smallest


@pytest.mark.parametrize("window", [0, 1, 3])
def test_a_local_pixel_cnn_returns_of_a_window_what_it_returns_of_the_whole_image(window):
    network, rng = networks.local_pixel_cnn(2, 3, 4, window, width=8), np.random.default_rng(0)
    padded = rng.normal(size=(2, 5 + window, 6 + 2 * window, 2)).astype("float32")
    given = rng.normal(size=(2, 5, 6, 3)).astype("float32")
    whole = network([padded, given])
    assert whole.shape == (2, 5, 6, 4)
    for row, column in ((0, 0), (2, 5), (4, 3)):
        seen = padded[:, row : row + window + 1, column : column + 2 * window + 1]
        one = network([seen, given[:, row : row + 1, column : column + 1]])
        np.testing.assert_allclose(one[:, 0, 0], whole[:, row, column], rtol=1e-5, atol=1e-5)
