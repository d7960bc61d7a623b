"""Mixtures of experts, MMVAE and MoPoE: equivalences, densities, integrals, bounds and gradients."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import logsumexp
from scipy.stats import norm
from tiny import IMAGE, MIDDLE, mvae, vae

from keras_vae import MMVAE, MoPoE
from keras_vae.objectives.old import OLD
from keras_vae.parts import NormalPosterior

tfd = tfp.distributions
BOTH = pytest.mark.parametrize("cls", [MMVAE, pytest.param(MoPoE, marks=pytest.mark.further)])
ALL = tuple(OLD)  # short names of the free energy, and of the bounds by gradient and kind
NORMAL = {"prior": "standard_normal", "posterior": "normal"}
PRIVATE = {"latent_size": 5, "private_latents": {"image": 1, "middle": 2}}  # two are shared, then come the image's
ROWS = np.arange(32) % 2 == 0
Z = np.random.default_rng(0).normal(size=(7, 32, 5)).astype("float32")
GRID, STEP = np.linspace(-20.0, 20.0, 8001, dtype="float32")[:, None, None], 0.005


def built(cls, objective="elbo", samples=1, beta=1.0, **kwargs):
    """A model whose experts disagree and whose decoders listen."""
    keras.utils.set_random_seed(0)
    model = mvae(cls=cls, objective=OLD[objective](samples, beta), **kwargs)
    model.build(model.form.known_shapes(model))
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(weight + rng.normal(0.0, 0.2, weight.shape))
    return model


def shifted(model, raw_scale):
    """The model, with this added to what softplus makes posterior scales of."""
    for posterior in model.posterior.values():
        posterior.head.bias.assign_add(np.repeat([0.0, raw_scale], model.latent_size))
    return model


def set_objective(model, objective):
    """Another objective in place of a built model's own; Keras lets no one set such an attribute."""
    object.__setattr__(model, "objective", objective)


def measured(model, data):
    """Terms and objective of each example, and the gradients of the objective's mean; the same noise at each call."""
    model.seed_generator.position = 5, 0
    with tf.GradientTape() as tape:
        terms, objective, _ = model.terms(model.prepare(data), training=True)
        objective = tf.add_n(list(objective.values()))
        loss = tf.reduce_mean(objective)
    variables = [weight.value for weight in model.trainable_variables]
    return terms, objective, tape.gradient(loss, variables, unconnected_gradients="zero")


def assert_close(first, second, rtol=1e-3, atol=1e-4):
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), first, second)


class SameNoise(tfd.Normal):
    """`[components, batch, latent]`; all components get the same noise, however many they are, in whatever order."""

    def _sample_n(self, n, seed=None):
        return self.loc + self.scale * tf.random.stateless_normal([n, 1, *self.batch_shape[1:]], seed)


class SameNoisePosterior(NormalPosterior):
    def family(self, loc, scale):
        return tfd.Independent(SameNoise(loc, scale), 1)


def hidden(pairs, rows=None, garbage=np.nan):
    """The pairs with `middle` observed in these rows only; in none, unless they are given."""
    rows = np.zeros(32, bool) if rows is None else rows
    return {**pairs, "middle": np.where(rows[:, None], pairs["middle"], garbage), "observed": {"middle": rows}}


# --- equivalences -----------------------------------------------------------------------------------------------------


def test_mopoe_of_single_modalities_is_the_mmvae_with_normal_posteriors(pairs):
    mopoe, mmvae = built(MoPoE, **PRIVATE, largest_subset=1), built(MMVAE, **PRIVATE, **NORMAL)
    mmvae.set_weights(mopoe.get_weights())
    data = hidden(pairs, ROWS)
    assert_close(mopoe.encode(data).log_prob(Z), mmvae.encode(data).log_prob(Z))
    for objective in ALL:
        for model in (mopoe, mmvae):
            set_objective(model, OLD[objective](1, 1.0))
        assert_close(measured(mopoe, data), measured(mmvae, data))


@BOTH
@pytest.mark.parametrize("beta", [1.0, 0.4])
@pytest.mark.parametrize("objective", ALL)
def test_one_modality_alone_is_the_vae_or_the_iwae(cls, beta, objective, images):
    # The KL of a normal and a Laplace has no closed form: the VAE takes it at the draw, as mixtures do.
    options, samples = {"prior": "laplace", "posterior": "normal"}, 1 if objective == "elbo" else 4
    model = built(cls, objective, samples, beta, shapes=[("image", IMAGE)], **options)
    plain = vae(objective=OLD[objective](samples, beta), **options)
    plain.build((None, *IMAGE))
    for weight, value in zip(plain.trainable_variables, model.trainable_variables, strict=True):
        weight.assign(value)
    terms, *others = measured(model, {"image": images})
    expected, *wanted = measured(plain, images)
    assert_close([{name: terms[name] for name in expected}, *others], [expected, *wanted])


@BOTH
@pytest.mark.parametrize(
    ("objective", "image", "middle"),
    [("elbo", "z", "a"), ("iwae", "z", "a"), ("dreg_looser", "z", "a"), ("elbo", "rate", "distortion")],
)
def test_the_names_of_the_modalities_change_nothing(cls, objective, image, middle, pairs):
    def model(image, middle):
        options = {"shapes": [(image, IMAGE), (middle, MIDDLE)], "objective": objective, "samples": 2}
        posterior = {name: SameNoisePosterior(3) for name in (image, middle)}
        return built(cls, private_latents={middle: 1}, posterior=posterior, **options)

    first, second = model("image", "middle"), model(image, middle)
    second.prior.set_weights(first.prior.get_weights())
    for name, other in (("image", image), ("middle", middle)):
        for part in ("encoders", "posterior", "decoders"):
            getattr(second, part)[other].set_weights(getattr(first, part)[name].get_weights())
    data = hidden(pairs, ROWS)
    renamed = {image: data["image"], middle: data["middle"], "observed": {middle: ROWS}}
    (terms, objective, _), (expected, wanted, _) = measured(first, data), measured(second, renamed)
    assert_close([first.embed(data), objective], [second.embed(renamed), wanted])
    for name in terms:
        other = {"distortion_image": f"distortion_{image}", "distortion_middle": f"distortion_{middle}"}.get(name, name)
        assert_close(terms[name], expected[other])


# --- missing modalities -----------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("objective", ALL)
def test_a_masked_modality_is_a_left_out_one_whatever_stands_in_it(cls, objective, pairs):
    options = {"posterior": {name: SameNoisePosterior(5) for name in pairs}, "samples": 2, **PRIVATE}
    model = shifted(built(cls, objective=objective, **options), -4.0)

    def everything(data):
        return [model.encode(data).log_prob(Z), model.embed(data).T, *measured(model, data)]

    both, alone = everything(pairs), everything({"image": pairs["image"]})
    assert np.abs(both[1] - alone[1]).max() > 0.1
    *values, slopes = everything(hidden(pairs, ROWS, np.nan))
    assert_close(values, tf.nest.map_structure(lambda a, b: np.where(ROWS, a, b), both[:-1], alone[:-1]))
    assert all(np.isfinite(part).all() for part in slopes)
    assert_close(everything(hidden(pairs, garbage=np.inf)), alone)


@BOTH
def test_calling_the_model_reconstructs_from_what_is_observed(cls, pairs):
    model = shifted(built(cls), -20.0)  # draws are locations
    expected = model.reconstruct({"image": pairs["image"]})["image"]
    assert_close(model({"image": pairs["image"]})["image"], expected)
    assert_close(model(hidden(pairs))["image"], expected)


@pytest.mark.parametrize(("cls", "kind"), [(MMVAE, "laplace"), (MMVAE, "normal"), (MoPoE, "normal")])
def test_a_row_with_nothing_observed_has_a_standard_posterior_and_nothing_to_explain(cls, kind, pairs):
    prior = {"laplace": "laplace", "normal": "standard_normal"}[kind]
    model = built(cls, posterior=kind, prior=prior, **PRIVATE)
    model.prior.set_weights([0.0 * weight for weight in model.prior.get_weights()])  # a standard one
    data = {**pairs, "observed": {"image": ROWS, "middle": ROWS & (np.arange(32) > 9)}}
    error = np.abs(model.encode(data).log_prob(Z) - model.prior_of().log_prob(Z)).max(axis=0)
    assert error[~ROWS].max() < 1e-4 < 0.01 < error[ROWS].min()
    for name in ALL:
        set_objective(model, OLD[name](3, 1.0))
        terms, objective, slopes = measured(model, data)
        for values in (*terms.values(), objective):
            np.testing.assert_allclose(values[~ROWS], 0.0, atol=1e-4)
        assert np.min(terms["distortion"][ROWS]) > 1
        assert all(np.isfinite(part).all() for part in slopes)


# --- the posterior ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["normal", "laplace"])
def test_posterior_is_the_average_of_the_experts_times_the_owners_of_private_latents(kind, pairs):
    model = built(MMVAE, posterior=kind, **PRIVATE)
    density = {"normal": tfd.Normal, "laplace": tfd.Laplace}[kind]
    experts = model.experts(model.prepare(pairs)).values()
    image, middle, standard = (density(*pair).log_prob(Z).numpy() for pair in (*experts, (0.0, 1.0)))
    both = np.logaddexp(image[..., :2].sum(axis=-1), middle[..., :2].sum(axis=-1)) - np.log(2)
    both += image[..., 2] + middle[..., 3:].sum(axis=-1)
    alone = image[..., :3].sum(axis=-1) + standard[..., 3:].sum(axis=-1)
    assert_close(model.encode(pairs).log_prob(Z), both)
    assert_close(model.encode({"image": pairs["image"]}).log_prob(Z), alone)
    assert_close(model.encode(hidden(pairs, ROWS)).log_prob(Z), np.where(ROWS, both, alone))


@pytest.mark.parametrize("largest", [1, 2, None])
def test_mopoe_s_posterior_is_the_average_of_the_normalised_products_of_all_subsets(largest, pairs):
    shapes = (("image", IMAGE), ("middle", MIDDLE), ("word", (5,)))
    model = built(MoPoE, latent_size=1, shapes=shapes, largest_subset=largest)
    data = {**pairs, "word": np.random.default_rng(0).uniform(size=(32, 5)), "observed": {"word": ROWS}}
    q = np.exp(model.encode(data).log_prob(GRID))
    experts = model.experts(model.prepare(data)).values()
    log_prob = np.stack([norm.logpdf(GRID[..., 0], loc[:, 0], scale[:, 0]) for loc, scale in experts])
    for row in range(6):
        products = []
        for size in range(1, (largest or 3) + 1):
            for members in itertools.combinations(range(3 if ROWS[row] else 2), size):
                product = np.exp(log_prob[list(members), :, row].sum(axis=0))
                products.append(product / (product.sum() * STEP))
        assert_close(q[:, row], np.mean(products, axis=0))


@BOTH
def test_private_latents_come_from_their_owner_under_every_component(cls, pairs):
    model = built(cls, **PRIVATE)
    experts = model.experts(model.prepare(pairs)).values()
    for data, seen in ((pairs, np.ones(32, bool)), (hidden(pairs, ROWS), ROWS)):
        parts = model.components(model.prepare(data))[:2]
        for part, image, middle, standard in zip(parts, *experts, (0.0, 1.0), strict=True):
            expected = np.concatenate([image[:, 2:3], np.where(seen[:, None], middle[:, 3:], standard)], axis=1)
            assert_close(part[..., 2:], np.broadcast_to(expected, (len(part), 32, 3)))
            assert np.abs(part[0] - part[1])[ROWS, :2].max() > 0.1  # each component has its own shared ones


# --- integrals over one latent, and bounds ----------------------------------------------------------------------------


def on_grid(cls, data):
    """A model of one latent, and `{modality: log p(x|z)}`, `log p(z)` and `log q(z|x)` of z on the grid."""
    model = shifted(built(cls, latent_size=1), 1.0)
    for decoder in model.decoders.values():
        decoder.set_weights([2.0 * weight for weight in decoder.get_weights()])
    likelihood = {name: p.log_prob(data[name]).numpy() for name, p in model.decode(GRID).items()}
    return model, likelihood, model.prior_of().log_prob(GRID).numpy(), model.encode(data).log_prob(GRID).numpy()


def few(pairs, times=1):
    return {name: np.repeat(x[:4], times, axis=0) for name, x in pairs.items()}


@BOTH
def test_log_likelihood_of_pairs_and_of_one_modality_is_the_integral_over_the_latent(cls, pairs):
    data = few(pairs)
    model, likelihood, prior, _ = on_grid(cls, data)
    for names in (("image", "middle"), ("middle",)):
        exact = np.log(STEP) + logsumexp(sum(likelihood[name] for name in names) + prior, axis=0)
        estimate = model.log_likelihood({name: data[name] for name in names}, samples=20000, chunk=5000)
        np.testing.assert_allclose(estimate, exact, atol=0.08)  # 2000 effective draws


@BOTH
@pytest.mark.parametrize("stratified", [True, False])
def test_terms_are_integrals_under_the_mixture_and_its_draws_have_its_mean(cls, stratified, pairs):
    model, likelihood, prior, posterior = on_grid(cls, few(pairs))
    model.stratified = stratified
    data = few(pairs, 400)
    terms, *_ = measured(model, data)
    integrands = [(terms[f"distortion_{name}"], -values) for name, values in likelihood.items()]
    integrands += [(terms["rate"], posterior - prior), (model.encode(data).sample(seed=(0, 1)), GRID[..., 0])]
    for values, integrand in integrands:
        values, exact = np.reshape(values, (4, 400)), (np.exp(posterior) * integrand).sum(axis=0) * STEP
        np.testing.assert_array_less(np.abs(values.mean(axis=1) - exact), 4 * values.std(axis=1) / 20)


@pytest.mark.parametrize("available", [[True, True, True], [False, True, True], [False, False, True]])
def test_an_example_draws_from_the_components_that_are_available(available):
    model = built(MMVAE, shapes=[(name, (4,)) for name in "abc"], stratified=False)
    # Experts apart, so that a draw tells whose it is.
    parts = [tf.fill((3000, 3), 100.0 * index) for index in range(3)]
    model.experts = lambda batch: {name: (part, tf.ones_like(part)) for name, part in zip("abc", parts, strict=True)}
    data = {name: np.zeros((3000, 4), "float32") for name in "abc"}
    masks = {name: np.full(3000, flag) for name, flag in zip("abc", available, strict=True)}
    q = model.inference_of(model.prepare({**data, "observed": masks}, training=True)).q
    drawn = np.round(q.mean()[0, :, 0] / 100.0).astype(int)
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 3000, np.divide(available, sum(available)), atol=0.04)


@BOTH
@pytest.mark.parametrize("stratified", [True, False])
def test_bound_tightens_with_the_draws_towards_the_log_likelihood(cls, stratified, pairs):
    model, likelihood, prior, _ = on_grid(cls, few(pairs))
    model.stratified = stratified
    exact, means, errors = -np.mean(np.log(STEP) + logsumexp(sum(likelihood.values()) + prior, axis=0)), [], []
    for samples in (1, 4, 16):
        set_objective(model, OLD["iwae"](samples, 1.0))
        bound = np.reshape(measured(model, few(pairs, 400))[0]["importance_bound"], (4, 400))
        means.append(bound.mean())
        errors.append(bound.std(axis=1).mean() / 40)
    assert all(means[index] > means[index + 1] + 4 * errors[index] for index in range(2))
    assert exact - 4 * errors[2] < means[2] < exact + 0.1 * (means[0] - exact)


@BOTH
def test_bounds_are_ordered_at_the_same_draws_and_weights_never_reach_the_terms(cls, pairs):
    model, values = built(cls, "iwae", 4), {}
    plain, *_ = measured(model, pairs)

    def each(samples, beta=1.0, data=pairs):
        for name in ALL:
            set_objective(model, OLD[name](samples, beta))
            terms, value, _ = measured(model, data if samples > 1 or "looser" in name else {"middle": data["middle"]})
            yield name, terms, value

    for name, terms, value in each(4):
        values[name] = value
        assert_close(terms, {term: plain[term] for term in terms})
    assert_close(values["elbo"], plain["distortion"] + plain["rate"])
    assert_close(values["iwae"], plain["importance_bound"])
    assert_close([values["dreg"], values["dreg_looser"]], [values["iwae"], values["iwae_looser"]])
    assert np.all(values["elbo"] > values["iwae_looser"])
    assert np.all(values["iwae_looser"] > values["iwae"])
    model.modality_weights["middle"].assign(3.0)
    for name, terms, value in each(4, 0.5):
        assert_close(terms, {term: plain[term] for term in terms})
        assert np.min(np.abs(value - values[name])) > 1
    # Of one draw of one expert, or of each where the means are taken outside
    for _, terms, value in each(1, 0.5):
        assert_close(value, terms["distortion_image"] + 3.0 * terms["distortion_middle"] + 0.5 * terms["rate"])


# --- the doubly reparameterized gradient, for one expert that of the IWAE as above ------------------------------------


def expert_gradients(objective, locations, rows=4000):
    """A model, its bound's gradients by the locations of standard experts, `[experts, rows]`, and by its decoders."""
    model = built(MMVAE, objective, latent_size=1, shapes=[("a", (4,)), ("b", (4,))], **NORMAL)
    loc = [tf.fill((rows, 1), location) for location in locations]
    model.experts = lambda batch: {name: (part, tf.ones((rows, 1))) for name, part in zip("ab", loc, strict=True)}
    model.seed_generator.position = 5, 0
    with tf.GradientTape() as tape:
        tape.watch(loc)
        _, bound, _ = model.terms(model.prepare({name: np.full((rows, 4), 0.8) for name in "ab"}), training=True)
        loss = tf.reduce_sum(bound["importance_bound"])
    decoders = [weight.value for name in "ab" for weight in model.decoders[name].trainable_variables]
    by_loc, by_decoders = tape.gradient(loss, (loc, decoders))
    return model, np.squeeze(by_loc), by_decoders


@pytest.mark.parametrize(("locations", "biased"), [([0.0, 2.0], True), ([1.5, 1.5], False)])
def test_published_doubly_reparameterized_gradient_has_less_noise_and_is_biased_where_experts_differ(locations, biased):
    """The truth is the derivative of `E log (w_1 + w_2)/2`, by quadrature over both draws."""
    z = np.linspace(-6.0, 8.0, 351)
    model, plain, decoders = expert_gradients("iwae", locations)
    _, doubly, others = expert_gradients("dreg", locations)
    p = model.decode(np.float32(z[:, None]))
    log_joint = sum(np.float64(part.log_prob(tf.fill(4, 0.8))) for part in p.values()) + norm.logpdf(z)

    def bound(locations):
        q = norm.pdf(z, np.reshape(locations, (2, 1)))
        log_w = log_joint - np.log(q.mean(axis=0))
        return -q[0] @ (np.logaddexp(log_w[:, None], log_w) - np.log(2)) @ q[1] * (z[1] - z[0]) ** 2

    truth = [(bound(locations + step) - bound(locations - step)) / 2e-4 for step in 1e-4 * np.eye(2)]
    scores = [(part.mean(axis=1) - truth) / (part.std(axis=1) / np.sqrt(4000)) for part in (plain, doubly)]
    assert np.abs(scores[0]).max() < 4
    assert np.abs(scores[1]).max() > 10 if biased else np.abs(scores[1]).max() < 4
    assert np.all(doubly.var(axis=1) < 0.7 * plain.var(axis=1))
    assert_close(decoders, others)


@pytest.mark.parametrize(
    ("cls", "arguments", "message"),
    [
        (MMVAE, {"objective": "vae"}, r"Unknown objective .vae.*importance_weighted"),
        (MMVAE, {"stratified": "laplace"}, "stratified must be True or False"),
        (MMVAE, {"posterior": {"image": "normal", "middle": "laplace"}}, "of one kind.*Laplace.*Normal"),
        (MoPoE, {"posterior": "laplace"}, 'leave posterior= at "normal"'),
        (MoPoE, {"largest_subset": 0}, "largest_subset must be a positive integer or None"),
        (MoPoE, {"largest_subset": 1.5}, "largest_subset must be a positive integer or None"),
    ],
)
def test_mixtures_refuse_bad_arguments(cls, arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mvae(cls=cls, **arguments)
