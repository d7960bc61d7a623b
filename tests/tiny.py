"""Tiny networks and models: a fraction of a second to build."""

import keras
import matplotlib.image
import numpy as np
import tensorflow as tf

import keras_vae
from keras_vae.networks import dense_decoder, dense_encoder, gated_pixel_cnn, residual_decoder, residual_encoder
from keras_vae.parts import AutoregressivePrior, ConditionalNormalPrior

IMAGE, MIDDLE = (8, 8, 1), (16,)


def networks(shape=IMAGE, latent_size=3, width=16):
    """`(encoder, decoder)` of one hidden layer."""
    return dense_encoder(shape, widths=(width,)), dense_decoder(latent_size, shape, widths=(width,))


def vae(cls=keras_vae.VAE, shape=IMAGE, latent_size=3, **kwargs):
    return cls(*networks(shape, latent_size), latent_size=latent_size, **kwargs)


def mvae(latent_size=3, shapes=(("image", IMAGE), ("middle", MIDDLE)), cls=keras_vae.MVAE, **kwargs):
    parts = {name: networks(shape, latent_size) for name, shape in shapes}
    encoders, decoders = ({name: part[side] for name, part in parts.items()} for side in (0, 1))
    return cls(encoders, decoders, latent_size=latent_size, **kwargs)


def cvae(shape=IMAGE, condition_shape=(10,), latent_size=3, width=16, **kwargs):
    encoder = dense_encoder(shape, (width,), condition_shape=condition_shape)
    decoder = dense_decoder(latent_size, shape, (width,), condition_shape=condition_shape)
    return keras_vae.CVAE(encoder, decoder, latent_size=latent_size, **kwargs)


def completing_cvae(latent_size=3, **kwargs):
    """Its condition is an image with a mask, its prior learned."""
    prior = ConditionalNormalPrior(latent_size, dense_encoder((8, 8, 2), (16,)))
    return cvae(condition_shape=(8, 8, 2), latent_size=latent_size, prior=prior, completes=True, **kwargs)


def compiled(model, optimizer=None, **kwargs):
    """By default with an optimizer that has a state, as Adam has, and costs a third less to trace."""
    model.compile(optimizer or keras.optimizers.SGD(1e-3, momentum=0.9), **kwargs)
    return model


def translated_for_xla(model, x):
    """XLA's own text of a step of training on a batch: all that fails of our code fails here, in a third of the time
    that machine code takes."""
    model.build_for(x)
    compiled(model).optimizer.build(model.trainable_variables)
    step = tf.function(lambda batch: model.train_step((batch,)), jit_compile=True, autograph=False)
    return step.experimental_get_compiler_ir(tf.nest.map_structure(tf.constant, x))(stage="hlo")


def picture(path, darkest=0.5):
    """The pixels of a PNG file, `[height, width, 4]` in [0, 1], after a look whether anything is drawn on the white."""
    pixels = matplotlib.image.imread(path)
    assert pixels.min() < darkest
    assert pixels[..., :3].std() > 0.02
    return pixels


def weights(layer):
    """All weights, copied, as one vector."""
    return np.concatenate([np.ravel(keras.ops.convert_to_numpy(weight)) for weight in layer.weights])


def vqvae(cls=keras_vae.VQVAE, latent_size=3, codes=8, prior="autoregressive", **kwargs):
    """Images of 8x8 to grids of 4x4 codes."""
    if prior == "autoregressive":
        prior = AutoregressivePrior(codes, gated_pixel_cnn((4, 4), codes, width=8, blocks=2, dropout=0.0))
    encoder = residual_encoder(IMAGE, filters=(8,), width=latent_size, grid=True)
    decoder = residual_decoder(latent_size, IMAGE, filters=(8,), grid=True)
    return cls(encoder, decoder, latent_size=latent_size, codes=codes, prior=prior, **kwargs)
