"""Networks and distributions as parts of a model: built once, checked where they meet."""

import tensorflow as tf


def build_part(part, input_shape):
    """Builds a layer that is not built yet; saved and shared ones are."""
    if not part.built:
        part.build(input_shape)


def check_decoder(decoder, latent_size, parameters_shape, likelihood):
    """Refuses a decoder whose output is not what the likelihood needs."""
    got = tuple(decoder.compute_output_shape((None, latent_size))[1:])
    if got != tuple(parameters_shape):
        raise ValueError(
            f"The decoder returns {list(got)} an example, but {type(likelihood).__name__} needs "
            f"{list(parameters_shape)} for these data."
        )


def known_shape(network):
    """`(None, *event)` that a network declares, or None."""
    try:
        return tuple(network.input_shape)
    except AttributeError:
        return None


def decode_with(decoder, likelihood, z):
    """`p(x|z)` of latents `[..., latent]`: leading axes are folded into the decoder's batch and unfolded again."""
    lead = tf.shape(z)[:-1]
    parameters = decoder(tf.reshape(z, [-1, z.shape[-1]]))
    event = parameters.shape[1:]
    unfolded = tf.reshape(parameters, tf.concat([lead, event], axis=0))
    unfolded.set_shape([*z.shape[:-1], *event])
    return likelihood.distribution(unfolded, batch_ndims=len(z.shape) - 1)
