"""Networks and distributions as parts of a model: built once, checked where they meet."""

import tensorflow as tf


def build_part(part, input_shape):
    """Builds a layer that is not built yet; saved and shared ones are."""
    if not part.built:
        part.build(input_shape)


def check_decoder(decoder, input_shape, parameters_shape, likelihood):
    """Refuses a decoder whose output, of inputs `[batch, *input_shape]`, is not what the likelihood needs."""
    got = tuple(decoder.compute_output_shape((None, *input_shape))[1:])
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


def decode_with(decoder, likelihood, z, latent_ndims=1):
    """`p(x|z)` of latents `[..., latent]`: leading axes are folded into the decoder's batch and unfolded again.

    `latent_ndims`: how many of the last axes are the decoder's input.
    """
    lead, latent_shape = z.shape[:-latent_ndims], z.shape[-latent_ndims:]
    parameters = decoder(tf.reshape(z, [-1, *latent_shape]))
    event = parameters.shape[1:]
    unfolded = tf.reshape(parameters, tf.concat([tf.shape(z)[:-latent_ndims], event], axis=0))
    unfolded.set_shape([*lead, *event])
    return likelihood.distribution(unfolded, batch_ndims=len(lead))
