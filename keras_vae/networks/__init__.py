"""Encoders (data to features) and decoders (latents to likelihood parameters): plain Keras models, no probability."""

from keras_vae._registration import register
from keras_vae.networks.building import (
    Network,
    Networks,
    built,
    ends_in,
    known_shape,
    network,
    output_shape,
    output_shapes,
    reach,
)
from keras_vae.networks.causal import gated_pixel_cnn, local_pixel_cnn
from keras_vae.networks.condition import input_shapes
from keras_vae.networks.convolutional import convolutional_decoder, convolutional_encoder, pooling_encoder
from keras_vae.networks.default import (
    default_decoder,
    default_encoder,
    default_grid_decoder,
    default_grid_encoder,
)
from keras_vae.networks.dense import dense_decoder, dense_encoder
from keras_vae.networks.folding import folded
from keras_vae.networks.ladder import (
    dense_ladder_encoder,
    dense_top_down,
    residual_ladder_decoder,
    residual_ladder_encoder,
    residual_top_down,
)
from keras_vae.networks.masked import MaskedAutoregressiveNetwork, MaskedDense
from keras_vae.networks.residual import residual_decoder, residual_encoder
from keras_vae.networks.subpixel import SubpixelConv2DTranspose
from keras_vae.networks.velocity import VelocityNetwork

__all__ = [
    "MaskedAutoregressiveNetwork",
    "MaskedDense",
    "Network",
    "Networks",
    "SubpixelConv2DTranspose",
    "VelocityNetwork",
    "built",
    "convolutional_decoder",
    "convolutional_encoder",
    "default_decoder",
    "default_encoder",
    "default_grid_decoder",
    "default_grid_encoder",
    "dense_decoder",
    "dense_encoder",
    "dense_ladder_encoder",
    "dense_top_down",
    "ends_in",
    "folded",
    "gated_pixel_cnn",
    "input_shapes",
    "known_shape",
    "local_pixel_cnn",
    "network",
    "output_shape",
    "output_shapes",
    "pooling_encoder",
    "reach",
    "residual_decoder",
    "residual_encoder",
    "residual_ladder_decoder",
    "residual_ladder_encoder",
    "residual_top_down",
]

register(__name__)
