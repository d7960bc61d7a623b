"""All that is called, by group; and what is public and not called, with the reasons."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import kinds

import keras_vae
from calls import command, constructors, entries, functions, models
from calls.target import EXEMPT, Target, parameters, public
from keras_vae import callbacks, data, distributions, metrics, networks, objectives, parts, plots, tuning, zoo

GROUPS: dict[str, Callable[[], Iterator[Target]]] = {
    "constructors": constructors.targets,
    "functions": functions.targets,
    "zoo and tuning": entries.targets,
    **{name: functools.partial(models.kind, name) for name in kinds.KINDS},
    **{f"{row.name}, unbuilt": functools.partial(models.unbuilt, row.name) for row in kinds.ROWS if row.default},
    "callbacks on wrong models": models.wrong_models,
    "entry vae": functools.partial(models.entry, "vae"),
    "entry mvae_poe": functools.partial(models.entry, "mvae_poe"),
    "command": command.targets,
}
ROOMS = (keras_vae, distributions, networks, parts, objectives, metrics, data, plots, callbacks, zoo, tuning)
NOT_CALLED = {
    "a base class, of which nobody makes one": "LatentVariableModel MultimodalVAE Part Prior Posterior Likelihood "
    "LatentPrior CodePrior Codebook LearnedCodebook HeadPosterior LocationScalePosterior Objective",
    "made by the package of tensors, a distribution as TFP's": "Autoregressive AutoregressiveCodes Bernoulli "
    "IndependentBernoulli Joint CoupledExponential DiscretizedLogistic FullNormalMixture GibbsMixture NormalMixture "
    "PowerSpherical ProbabilityFlow ResampledNormal ReweightedNormal",
    "called by the package with distributions": "annealed_log_partition coupled_kl_divergence centre cooled "
    "divergences frozen given_visible log_ratios nearest shown",
    "called by models with networks": "built ends_in folded input_shapes known_shape network output_shape "
    "output_shapes reach",
    "a layer, whose arguments Keras checks": "MaskedDense SubpixelConv2DTranspose",
    "a record of what was measured or inferred": "Chains Inference Estimate",
    "called by judges of the zoo with their own images": "classifier_features",
    "written by contributors, and read by tests/zoo": "Recipe",
    "nothing to get wrong, or the command's own": "results_table tobamovirus paired_arrays table",
    "looked at when training starts": "Adapt",
}
# Of models: what the package and Keras call, with a `Batch` or with what they made themselves.
SEAM = (
    "accept batches build_for build_for_first checked prepare require_built reconstruction latents graph seed_of "
    "example_bytes add_pseudo_inputs add_rungs next_seed posterior_of prior_of likelihood_of inference_of draw explain "
    "proposal terms given_prior experts fuse fused family subsets mixture components decode_modality "
    "decode_vectors quantized latent_shape decoder_input_shape check_parts require_density features with_rungs "
    "views inference_of_subsets default_networks part_arguments state own_callbacks optimizers call build "
    "add_loss compute_metrics predict_step compile_from_config get_config from_config save_own_variables "
    "load_own_variables"
)


@functools.cache
def tried() -> dict[Any, set[str]]:
    """Arguments that go wrong, by what they are arguments of."""
    # Kinds that bring verbs of their own; the others have the same.
    kinds_ = ("vae", "vamp_vae", "ppca", "vqvae", "cvae", "mvae", "poise_vae", "ladder_vae")
    found: dict[Any, set[str]] = {}
    for group in ("constructors", "functions", "zoo and tuning", *kinds_):
        for target in GROUPS[group]():
            found.setdefault(public(target.function), set()).update(target.tried())
    return found


def untried() -> list[str]:
    """Public functions, and arguments of them, that no target calls wrongly and no list above excuses."""
    excused = set(" ".join(NOT_CALLED.values()).split())
    found = {name: called for room in ROOMS for name, called in _public(room) if name not in excused}
    missing = set()
    for name, called in {**found, **dict(_verbs())}.items():
        if public(called) not in tried():
            missing.add(name)
        else:
            left = parameters(called).keys() - tried()[public(called)] - EXEMPT.keys()
            missing |= {f"{name}({argument}=)" for argument in left}
    return sorted(missing)


def _public(room):
    own = [name for name, value in vars(room).items() if getattr(value, "__module__", "") == room.__name__]
    for name in getattr(room, "__all__", own):
        if name[0] != "_" and callable(getattr(room, name)):
            yield name, getattr(room, name)


def _verbs():
    """Methods that the package's classes of models define, under the names of class and method."""
    classes = [getattr(keras_vae, name) for name in keras_vae._DEFINED_IN]
    for cls in {parent for each in classes for parent in each.__mro__ if parent.__module__.startswith("keras_vae")}:
        for name, value in vars(cls).items():
            if name[0] != "_" and inspect.isfunction(value) and name not in SEAM.split():
                yield f"{cls.__name__}.{name}", value
