"""From a raw logit to a bounded log-likelihood ratio.

A calibrator is fitted on scores of recordings the network was not trained on, with both classes
weighted alike, so that its output is a log-likelihood ratio and not a posterior of the training
mix. Bounds are the empirical lower and upper bounds (ELUB, Vergeer 2016): a small calibration
set can never give a large likelihood ratio.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from ml.errors import CalibrationError
from ml.fusion.toml_file import read_toml, write_toml

Floats = NDArray[np.float64]
MIN_PER_CLASS = 30
MIN_PER_CLASS_ISOTONIC = 1000
BOOTSTRAPS = 200
MIN_SOURCES = 3
RIDGES = (0.0, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)
_TEMPERATURES = (0.05, 20.0)
_EDGE = 1e-9
_NEWTON_STEPS = 100


class CalibratorKind(StrEnum):
    """Platt: a·s + c. Platt for new sources: the same, every source weighing alike and the slope
    shrunk as far as costs least on sources left out. Temperature: s / T. Isotonic: pool adjacent
    violators. LIR: kernel densities of both classes (NFI's lir), tabulated."""

    PLATT = "platt"
    NEW_SOURCES = "platt_new_sources"
    TEMPERATURE = "temperature"
    ISOTONIC = "isotonic"
    LIR = "lir"


@dataclass(frozen=True)
class CalibratedScore:
    """Natural-log LR inside the bounds, its 95 % interval, and whether a bound was reached."""

    llr: float
    interval: tuple[float, float]
    bound_reached: bool


@dataclass(frozen=True)
class Calibrator:
    """A fitted map from logit to ln LR. ``knots_x``/``knots_y`` are set for isotonic and lir,
    ``scale``/``offset`` for Platt and temperature, ``ridge`` for new sources; ``bootstrap_*`` are
    refits on resampled data for the interval. ``sha256`` is the hash of the file it was read
    from."""

    kind: CalibratorKind
    lower: float
    upper: float
    n_real: int
    n_fake: int
    scale: float = 1.0
    offset: float = 0.0
    ridge: float = 0.0
    knots_x: tuple[float, ...] = ()
    knots_y: tuple[float, ...] = ()
    bootstrap_scale: tuple[float, ...] = ()
    bootstrap_offset: tuple[float, ...] = ()
    data_sha256: str = ""
    description: str = ""
    sha256: str = ""

    def raw(self, logits: Floats) -> Floats:
        """Unbounded ln LR of each logit."""
        logits = np.asarray(logits, np.float64)
        if self.knots_x:
            return np.interp(logits, self.knots_x, self.knots_y)
        return self.scale * logits + self.offset

    def llrs(self, logits: Floats) -> Floats:
        """Bounded ln LR of each logit."""
        return np.clip(self.raw(logits), self.lower, self.upper)

    def score(self, logit: float) -> CalibratedScore:
        """The bounded ln LR of one logit with its interval (the point itself without refits)."""
        raw = float(self.raw(np.array([logit]))[0])
        llr = min(max(raw, self.lower), self.upper)
        low = high = raw
        if self.bootstrap_scale:
            refits = np.asarray(self.bootstrap_scale) * logit + np.asarray(self.bootstrap_offset)
            low, high = np.quantile(refits, [0.025, 0.975]).tolist()
        interval = (
            min(max(low, self.lower), llr),
            max(min(high, self.upper), llr),
        )
        return CalibratedScore(llr, interval, bound_reached=raw != llr)

    def save(self, path: Path) -> None:
        """Write the TOML file that ``load`` reads."""
        fields = {key: value for key, value in asdict(self).items() if key != "sha256"}
        write_toml(path, {**fields, "kind": str(self.kind)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises ``CalibrationError`` for a file that is missing or not a calibrator."""
        table, sha256 = read_toml(path)
        try:
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in table.items()
            }
            return cls(**{**values, "kind": CalibratorKind(values["kind"]), "sha256": sha256})
        except (TypeError, ValueError, KeyError) as error:
            raise CalibrationError(
                "unreadable", f"{path} is not a calibrator file: {error}"
            ) from error


def fit_calibrator(
    kind: CalibratorKind,
    logits: Floats,
    is_fake: NDArray[np.bool_],
    *,
    groups: NDArray[Any] | None = None,
    data_sha256: str = "",
    description: str = "",
    seed: int = 0,
) -> Calibrator:
    """Fit on ``logits`` (N,) with labels ``is_fake`` (N,); ``groups`` (N,) keeps recordings of
    one source together when resampling for the interval; the kind for new sources needs them.

    Raises ``CalibrationError``: too_few (fewer than 30 per class, 1000 for isotonic),
    separable, inverted (fakes do not score higher), not_finite.
    """
    logits = np.asarray(logits, np.float64)
    is_fake = np.asarray(is_fake, bool)
    _check(kind, logits, is_fake)
    fitted = _fit(kind, logits, is_fake, groups)
    lower, upper = elub_bounds(fitted.raw(logits), is_fake)
    scales, offsets = _bootstrap(fitted, logits, is_fake, groups, seed)
    return replace(
        fitted,
        lower=lower,
        upper=upper,
        bootstrap_scale=scales,
        bootstrap_offset=offsets,
        data_sha256=data_sha256,
        description=description,
    )


def elub_bounds(llrs: Floats, is_fake: NDArray[np.bool_]) -> tuple[float, float]:
    """Empirical lower and upper bound (natural log) of ln LRs, by lir with one misleading LR
    added on each side (Vergeer 2016)."""
    from lir.algorithms.bayeserror import elub

    decimal = np.asarray(llrs, np.float64) / math.log(10)
    lower, upper = elub(decimal.copy(), np.asarray(is_fake, int), add_misleading=1)
    return min(float(lower), 0.0) * math.log(10), max(float(upper), 0.0) * math.log(10)


def balanced_logistic(
    features: Floats,
    is_fake: NDArray[np.bool_],
    start: Floats | None = None,
    *,
    shares: Floats | None = None,
    ridge: float = 0.0,
) -> tuple[Floats, float]:
    """Weights (F,) and bias of logistic regression of (N, F) with equal class weight, by
    Newton's method from ``start`` (F + 1,) or zero. ``shares`` (N,) weigh the rows otherwise;
    ``ridge`` times the variance of what each weight adds is charged beside the loss."""
    signs = np.where(is_fake, 1.0, -1.0)
    if shares is None:
        shares = np.where(is_fake, 0.5 / is_fake.sum(), 0.5 / (~is_fake).sum())
    charges = np.append(ridge * features.var(0), 0.0)
    design = np.column_stack([features, np.ones(len(features))])

    def loss(parameters: Floats) -> float:
        errors = shares @ np.logaddexp(0.0, -signs * (design @ parameters))
        return float(errors + charges @ parameters**2)

    parameters = np.zeros(design.shape[1]) if start is None else np.array(start)
    for _ in range(_NEWTON_STEPS):
        chances = expit(-signs * (design @ parameters))
        gradient = design.T @ (-shares * signs * chances) + 2 * charges * parameters
        curvature = (design * (shares * chances * (1 - chances))[:, None]).T @ design
        curvature += np.diag(2 * charges)
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        length, before = 1.0, loss(parameters)
        while loss(parameters - length * step) > before and length > 1e-6:
            length /= 2
        parameters = parameters - length * step
        if np.abs(step).max() < 1e-10:
            break
    return parameters[:-1], float(parameters[-1])


def _check(kind: CalibratorKind, logits: Floats, is_fake: NDArray[np.bool_]) -> None:
    if not np.isfinite(logits).all():
        raise CalibrationError("not_finite", "Some scores are not numbers; find out why first.")
    needed = MIN_PER_CLASS_ISOTONIC if kind is CalibratorKind.ISOTONIC else MIN_PER_CLASS
    n_fake, n_real = int(is_fake.sum()), int((~is_fake).sum())
    if min(n_fake, n_real) < needed:
        raise CalibrationError(
            "too_few",
            f"{n_real} real and {n_fake} fake scores; a {kind} calibrator needs at least "
            f"{needed} of each.",
        )
    real, fake = logits[~is_fake], logits[is_fake]
    if real.max() < fake.min() or fake.max() < real.min():
        raise CalibrationError(
            "separable",
            "The two classes do not overlap, so the slope has no finite best value. Use more or "
            "harder recordings; no calibrator is fitted.",
        )
    if fake.mean() <= real.mean():
        raise CalibrationError(
            "inverted", "Fakes do not score higher than real recordings; check the labels."
        )


def for_new_sources(
    logits: Floats, is_fake: NDArray[np.bool_], sources: NDArray[Any]
) -> tuple[float, float, float]:
    """Slope and offset for sources that are not among ``sources`` (N,): every source weighs alike
    inside its class, and the slope is shrunk by the ridge of ``RIDGES`` whose ln LRs cost least on
    each source when it is left out, the third answer. Fewer than three sources: none."""
    ridge = 0.0
    if len(np.unique(sources)) >= MIN_SOURCES:
        ridge = min(RIDGES, key=lambda tried: _left_out_cost(logits, is_fake, sources, tried))
    return *_source_logistic(logits, is_fake, sources, ridge), ridge


def _left_out_cost(
    logits: Floats, is_fake: NDArray[np.bool_], sources: NDArray[Any], ridge: float
) -> float:
    llrs = np.zeros(len(logits))
    for name in np.unique(sources):
        given = sources != name
        if is_fake[given].all() or not is_fake[given].any():
            continue
        scale, offset = _source_logistic(logits[given], is_fake[given], sources[given], ridge)
        llrs[~given] = scale * logits[~given] + offset
    signs = np.where(is_fake, 1.0, -1.0)
    return float(_source_shares(is_fake, sources) @ np.logaddexp(0.0, -signs * llrs))


def _source_logistic(
    logits: Floats, is_fake: NDArray[np.bool_], sources: NDArray[Any], ridge: float
) -> tuple[float, float]:
    shares = _source_shares(is_fake, sources)
    weights, offset = balanced_logistic(logits[:, None], is_fake, shares=shares, ridge=ridge)
    return float(weights[0]), offset


def _source_shares(is_fake: NDArray[np.bool_], sources: NDArray[Any]) -> Floats:
    """Weights (N,) of sum 1: classes alike, and sources alike inside a class."""
    shares = np.zeros(len(is_fake))
    for label in (False, True):
        names, members, counts = np.unique(
            sources[is_fake == label], return_inverse=True, return_counts=True
        )
        shares[is_fake == label] = 0.5 / len(names) / counts[members]
    return shares


def _fit(
    kind: CalibratorKind,
    logits: Floats,
    is_fake: NDArray[np.bool_],
    groups: NDArray[Any] | None,
) -> Calibrator:
    empty = Calibrator(
        kind=kind,
        lower=0.0,
        upper=0.0,
        n_real=int((~is_fake).sum()),
        n_fake=int(is_fake.sum()),
    )
    if kind is CalibratorKind.PLATT:
        weights, offset = balanced_logistic(logits[:, None], is_fake)
        return replace(empty, scale=float(weights[0]), offset=offset)
    if kind is CalibratorKind.NEW_SOURCES:
        if groups is None:
            raise ValueError("a calibrator for new sources needs the source of each score")
        scale, offset, ridge = for_new_sources(logits, is_fake, groups)
        return replace(empty, scale=scale, offset=offset, ridge=ridge)
    if kind is CalibratorKind.TEMPERATURE:
        return replace(empty, scale=1.0 / _temperature(logits, is_fake))
    table = _isotonic_table if kind is CalibratorKind.ISOTONIC else _density_table
    knots_x, knots_y = table(logits, is_fake)
    return replace(empty, knots_x=tuple(knots_x.tolist()), knots_y=tuple(knots_y.tolist()))


def _temperature(logits: Floats, is_fake: NDArray[np.bool_]) -> float:
    signs = np.where(is_fake, 1.0, -1.0)
    shares = np.where(is_fake, 0.5 / is_fake.sum(), 0.5 / (~is_fake).sum())
    low, high = (math.log(value) for value in _TEMPERATURES)

    def loss(log_temperature: float) -> float:
        margins = signs * logits / math.exp(log_temperature)
        return float(shares @ np.logaddexp(0.0, -margins))

    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return math.exp(found.x)


def _isotonic_table(logits: Floats, is_fake: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    from sklearn.isotonic import IsotonicRegression

    shares = np.where(is_fake, 0.5 / is_fake.sum(), 0.5 / (~is_fake).sum())
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit(logits, is_fake.astype(float), sample_weight=shares)
    chances = np.clip(model.y_thresholds_, _EDGE, 1 - _EDGE)
    return np.asarray(model.X_thresholds_, np.float64), np.log(chances / (1 - chances))


def _density_table(logits: Floats, is_fake: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    from lir.algorithms.kde import KDECalibrator

    model = KDECalibrator(bandwidth="silverman").fit(logits[:, None], is_fake.astype(int))
    grid = np.linspace(logits.min(), logits.max(), 512)
    odds = np.asarray(model.transform(grid[:, None]), np.float64).ravel()
    # lir answers in powers of ten.
    return grid, np.clip(odds * math.log(10), -20.0, 20.0)


def _bootstrap(
    fitted: Calibrator,
    logits: Floats,
    is_fake: NDArray[np.bool_],
    groups: NDArray[Any] | None,
    seed: int,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Refits of the linear kinds on resampled groups; nothing for the tabulated kinds."""
    if fitted.knots_x:
        return (), ()
    start = np.array([fitted.scale, fitted.offset])
    generator = np.random.default_rng(seed)
    names, members = np.unique(
        np.arange(len(logits)) if groups is None else groups, return_inverse=True
    )
    places = [np.nonzero(members == number)[0] for number in range(len(names))]
    scales, offsets = [], []
    for _ in range(BOOTSTRAPS):
        drawn = np.concatenate(
            [places[i] for i in generator.integers(len(places), size=len(places))]
        )
        fake = is_fake[drawn]
        if fake.all() or not fake.any():
            continue
        if fitted.kind is CalibratorKind.NEW_SOURCES:
            scale, offset = _source_logistic(logits[drawn], fake, members[drawn], fitted.ridge)
        else:
            scale, offset = _refit(fitted.kind, logits[drawn], fake, start)
        if math.isfinite(scale) and math.isfinite(offset):
            scales.append(scale)
            offsets.append(offset)
    return tuple(scales), tuple(offsets)


def _refit(
    kind: CalibratorKind, logits: Floats, is_fake: NDArray[np.bool_], start: Floats
) -> tuple[float, float]:
    if kind is CalibratorKind.TEMPERATURE:
        return 1.0 / _temperature(logits, is_fake), 0.0
    weights, offset = balanced_logistic(logits[:, None], is_fake, start)
    return float(weights[0]), offset
