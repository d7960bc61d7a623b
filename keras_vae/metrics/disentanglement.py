"""How far every factor of variation sits in one latent, and every latent holds one factor.

Each takes codes, `[examples, latents]` (posterior means, as `active_codes` gives them), and the true factors as
classes, integers `[examples, factors]`. Published definitions under one name differ (which factors count, sampled or
mean codes, how they are binned), so figures compare only where these agree: every docstring names its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from keras_vae import checks
from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate

MOST = 1_000_000  # bins, votes and examples of a vote: more do not fit into memory


def active_codes(codes: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Codes with every latent whose variance over the data is not above `threshold` set to zero.

    A latent that the posterior does not use still has means that vary a little with the data; scale-free metrics would
    count that as information, though the posterior's noise drowns it. The threshold is that of `active_units`.

    Raises:
        TypeError, ValueError: no such codes, NaN or infinities, a threshold below 0.
    """
    codes, threshold = given.array("codes", codes, "examples", "latents"), checks.number("threshold", threshold, 0.0)
    return np.where(codes.var(axis=0) > threshold, codes, 0.0)


def mutual_information(
    codes: np.ndarray, factors: np.ndarray, scales: np.ndarray | None = None, bins: int = 20
) -> np.ndarray:
    """Mutual information of each binned latent with each factor, nats, `[latents, factors]`.

    Args:
        codes: `[examples, latents]`.
        factors: integers `[examples, factors]`.
        scales: None: codes are points. Or standard deviations `[examples, latents]`: the code of an example is normal
            around `codes`, the posterior q(z|x), and the share of each bin is exact.
        bins: of equal width, from the lowest to the highest code (with `scales`: four standard deviations further). The
            binned information is a lower bound, which rises to the information itself with finer bins.

    Raises:
        TypeError: codes that are no numbers, factors that are no whole ones.
        ValueError: as many codes as factors there are not; other shapes, NaN or infinities; scales not above 0.
    """
    codes, factors = _fitting(codes, factors)
    bins = checks.whole("bins", bins, most=MOST)
    if scales is not None:
        scales = given.array("scales", scales, "examples", "latents")
        if scales.shape != codes.shape or not (scales > 0).all():
            raise ValueError(f"scales must be above 0, one a code, {list(codes.shape)}; got {list(scales.shape)}.")
    classes = [np.unique(column, return_inverse=True)[1] for column in factors.T]
    members = [np.eye(column.max() + 1)[column] for column in classes]
    result = np.empty((codes.shape[1], len(members)))
    for latent, code in enumerate(codes.T):
        shares = _bin_shares(code, None if scales is None else scales[:, latent], bins)
        for factor, member in enumerate(members):
            result[latent, factor] = _information(member.T @ shares / len(code))
    return result


def _fitting(codes, factors, varying=False, least=1):
    """Codes, float64 `[examples, latents]`, and factors, integers `[examples, factors]`, of the same examples."""
    codes = given.array("codes", codes, "examples", "latents", least=least)
    factors = given.classes("factors", factors, "examples", "factors", least=least)
    given.same_length(codes=codes, factors=factors)
    constant = [index for index, column in enumerate(factors.T) if varying and (column == column[0]).all()]
    if constant:
        raise ValueError(f"Factors {constant} never vary: leave these columns out of `factors`.")
    return codes, factors


def _bin_shares(code, scale, bins):
    """Probability `[examples, bins]` with which the code of each example lies in each bin."""
    from scipy.special import ndtr

    margin = 0.0 if scale is None else 4 * scale
    edges = np.linspace((code - margin).min(), (code + margin).max(), bins + 1)[1:-1]  # outermost bins take the tails
    if scale is None:
        return np.eye(bins)[np.searchsorted(edges, code, side="right")]
    below = ndtr((edges - code[:, None]) / scale[:, None])
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def _information(joint):
    """Mutual information, nats, of a table of joint probabilities."""
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    positive = joint > 0
    return float((joint[positive] * np.log(joint[positive] / product[positive])).sum())


def _entropies(factors):
    """Entropy of each factor over the examples, nats, `[factors]`."""
    shares = [np.unique(column, return_counts=True)[1] / len(column) for column in factors.T]
    return np.array([-(share * np.log(share)).sum() for share in shares])


def mutual_information_gap(
    codes: np.ndarray, factors: np.ndarray, scales: np.ndarray | None = None, bins: int | None = None
) -> Estimate:
    """MIG (Chen et al. 2018, equation 6): for each factor the mutual information of the latent that holds most of it,
    less that of the next, over the factor's entropy; averaged over the factors.

    With `scales`, the information is that of draws of q(z|x), as in the paper, by 200 bins of exact shares instead of
    its 10,000 draws. Without, it is that of the codes in 20 bins (Locatello et al. 2019), the usual other definition.
    The paper's own figures on dSprites leave the factor shape out (github.com/rtqichen/beta-tcvae).

    Args:
        codes, factors, scales: as for `mutual_information`.
        bins: None: 200 with `scales`, 20 without.

    Returns:
        Estimate in 0 to 1.

    Raises:
        TypeError, ValueError: as `mutual_information`; a factor that never varies.
    """
    codes, factors = _fitting(codes, factors, varying=True)
    bins = checks.whole("bins", bins, most=MOST, none=True) or (20 if scales is None else 200)
    information = mutual_information(codes, factors, scales, bins)
    return Estimate(float((_gap(information) / _entropies(factors)).mean()), "score", len(factors))


def _gap(scores):
    """Highest less second highest over the latents, `[latents, factors]` to `[factors]`."""
    second, first = np.sort(np.concatenate([np.zeros((1, scores.shape[1])), scores]), axis=0)[-2:]
    return first - second


def separated_attribute_predictability(
    codes: np.ndarray, factors: np.ndarray, categorical: Collection[int] = ()
) -> Estimate:
    """SAP (Kumar et al. 2018, section 3): for each factor how much better one latent predicts it than the next best;
    averaged over the factors.

    A prediction's score is the squared correlation for a factor whose classes are ordered, and for a categorical one
    the balanced accuracy of thresholds on the latent (a decision tree with a leaf a class), on the data it was fitted
    to. A constant latent scores as chance does.

    Args:
        codes, factors: as above.
        categorical: columns of the factors whose classes have no order.

    Raises:
        TypeError, ValueError: as `mutual_information_gap`; a categorical column that there is not.
    """
    from sklearn.tree import DecisionTreeClassifier

    codes, factors = _fitting(codes, factors, varying=True)
    if not isinstance(categorical, Collection) or isinstance(categorical, (str, Mapping)):
        raise TypeError(f"categorical must be a tuple of columns; got {checks.told(categorical)}.")
    categorical = {checks.whole("each of categorical", column, 0, factors.shape[1] - 1) for column in categorical}

    scores = np.zeros((codes.shape[1], factors.shape[1]))
    for latent in np.flatnonzero(codes.std(axis=0) > 0):
        code = codes[:, latent]
        for factor, column in enumerate(factors.T):
            if factor not in categorical:
                scores[latent, factor] = np.corrcoef(code, column)[0, 1] ** 2
                continue
            classes = np.unique(column)
            tree = DecisionTreeClassifier(max_leaf_nodes=len(classes), class_weight="balanced", random_state=0)
            right = tree.fit(code[:, None], column).predict(code[:, None]) == column
            accuracy = np.mean([right[column == one].mean() for one in classes])
            scores[latent, factor] = (accuracy - 1 / len(classes)) / (1 - 1 / len(classes))
    return Estimate(float(_gap(scores).mean()), "score", len(factors))


def disentanglement_completeness_informativeness(
    codes: np.ndarray, factors: np.ndarray, train: int = 10_000, test: int = 5_000, trees: int = 20, seed: int = 0
) -> dict[str, Estimate]:
    """DCI (Eastwood & Williams 2018, section 2), from scikit-learn's random forests, one a factor.

    Importances of the latents for predicting the factors, `[latents, factors]`, each column of sum 1, are read by rows
    (disentanglement: does a latent serve one factor? weighted by how much it serves) and by columns (completeness: is a
    factor served by one latent?), as 1 less the normalised entropy. Informativeness is the forests' accuracy on other
    examples; the paper has regressors and their error, and Locatello et al. (2019) boosted trees: neither compares.

    Args:
        codes, factors: as above.
        train, test: number of examples, drawn at random, that fit the forests and that measure their accuracy.
        trees: of each forest.

    Returns:
        `{"disentanglement": Estimate, "completeness": Estimate, "informativeness": Estimate}`.

    Raises:
        TypeError, ValueError: as `mutual_information_gap`; fewer than two latents or factors, or three examples.
    """
    from sklearn.ensemble import RandomForestClassifier

    codes, factors = _fitting(codes, factors, varying=True, least=3)
    if min(codes.shape[1], factors.shape[1]) < 2:
        raise ValueError(f"DCI needs two latents and two factors at least; got {codes.shape[1]}, {factors.shape[1]}.")
    train, test, trees = (checks.whole(*pair) for pair in (("train", train), ("test", test), ("trees", trees)))
    seed = checks.seed(seed, none=False)

    order = np.random.default_rng(seed).permutation(len(codes))
    train, test = np.split(order[: train + test], [min(train, len(order) * 2 // 3)])
    importances, right = np.empty((codes.shape[1], factors.shape[1])), []
    for factor, column in enumerate(factors.T):
        # All latents at every split: a random few would spread the importance over latents that know nothing.
        forest = RandomForestClassifier(trees, max_features=None, n_jobs=-1, random_state=seed)
        forest.fit(codes[train], column[train])
        importances[:, factor] = forest.feature_importances_
        right.append(forest.predict(codes[test]) == column[test])
    total = importances.sum()
    rows = importances.sum(axis=1) / total if total else np.zeros(len(importances))
    return {
        "disentanglement": Estimate(float((rows * _concentration(importances)).sum()), "score", len(train)),
        "completeness": Estimate(float(_concentration(importances.T).mean()), "score", len(train)),
        "informativeness": Estimate.of(np.mean(right, axis=0), "fraction"),
    }


def _concentration(weights):
    """1 less the entropy of each row over that of a uniform one; 0 for a row of zeros."""
    total = weights.sum(axis=1, keepdims=True)
    shares = np.divide(weights, total, out=np.full_like(weights, 1 / weights.shape[1]), where=total > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return 1 + (shares * logs).sum(axis=1) / np.log(weights.shape[1])


def factor_vae_score(
    codes: np.ndarray, factors: np.ndarray, votes: int = 800, examples: int = 100, seed: int = 0
) -> Estimate:
    """FactorVAE score (Kim & Mnih 2018, section 4): accuracy of telling which factor was held fixed from the latent
    that then varies least.

    Each vote draws a factor, a value of it and `examples` examples that share it, and names the latent of the least
    variance, relative to its variance over all data. `votes` of them decide by majority which factor each latent stands
    for; the accuracy is that of as many others. Constant latents have no vote. Chance is one over the factors.

    Args:
        codes, factors: as above; all combinations of the factors should be equally frequent.
        votes, examples: at least 1 vote of at least 2 examples.

    Raises:
        TypeError, ValueError: as `mutual_information_gap`; a number out of its range.
    """
    codes, factors = _fitting(codes, factors, varying=True)
    votes, examples = checks.whole("votes", votes, most=MOST), checks.whole("examples", examples, 2, MOST)
    seed = checks.seed(seed, none=False)
    codes = codes[:, codes.std(axis=0) > 0]
    if not codes.shape[1]:
        return Estimate(1 / factors.shape[1], "fraction", votes)  # whatever is fixed, nothing is seen of it
    codes, random = codes / codes.std(axis=0), np.random.default_rng(seed)
    fixed = random.integers(factors.shape[1], size=2 * votes)
    named = np.empty(2 * votes, int)
    for vote, factor in enumerate(fixed):
        value = factors[random.integers(len(factors)), factor]
        chosen = random.choice(np.flatnonzero(factors[:, factor] == value), examples)
        named[vote] = codes[chosen].var(axis=0, ddof=1).argmin()
    table = np.zeros((codes.shape[1], factors.shape[1]), int)
    np.add.at(table, (named[:votes], fixed[:votes]), 1)
    return Estimate.of(table.argmax(axis=1)[named[votes:]] == fixed[votes:], "fraction")
