"""The truth of every case of the corpus, found without any automatic differentiation.

`python -m tests.corpus.truth --check` computes everything again and compares it with the stored JSON;
`--write` stores it.  The expressions are never evaluated: each case carries its function, written by hand in mpmath
(`truth_*.py`), and its derivatives are differences with hundreds of digits, on both sides.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from tests.corpus.case import Case
from tests.corpus.differences import beside, derivative, one_sided

HERE = Path(__file__).parent
THEMES = tuple(sorted(path.stem.removeprefix("truth_") for path in HERE.glob("truth_*.py")))
NON_FINITE = {"NaN": "nan", "Infinity": "+inf", "-Infinity": "-inf"}


def cases(theme: str) -> tuple[Case, ...]:
    """The cases of one theme, as written down in its module."""
    found = importlib.import_module(f"tests.corpus.truth_{theme}").CASES
    return tuple(found)


def exact(x: Any) -> Any:
    """A number as mpmath sees it: the very float64, a fraction like "1/3", or a nested list of them."""
    if isinstance(x, list | tuple):
        return [exact(part) for part in x]
    if isinstance(x, str) and "/" in x:
        return mpf(int(x.split("/")[0])) / int(x.split("/")[1])
    return mpf(NON_FINITE.get(x, x) if isinstance(x, str) else x)


def rounded(x: Any) -> float | str:
    """The nearest float64 (ties to even, subnormal numbers included), non-finite ones by name."""
    if not isinstance(x, mpf) or mp.isnan(x):
        return "NaN"
    if mp.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    with mp.workprec(200):  # the differences are wrong by less than this: what is exact becomes exact
        sign, mantissa, exponent, _ = (+x)._mpf_
    try:
        out = float(Fraction(int(mantissa)) * Fraction(2) ** exponent)
    except OverflowError:
        return "-Infinity" if sign else "Infinity"
    return -out if sign and out else out


def places(x: Any) -> Iterator[tuple[int, ...]]:
    """Index of every number of an array; the empty index for a scalar."""
    if not isinstance(x, list):
        yield ()
        return
    for i, part in enumerate(x):
        for rest in places(part):
            yield (i, *rest)


def entry(x: Any, place: tuple[int, ...]) -> Any:
    for i in place:
        x = x[i]
    return x


def moved(x: Any, place: tuple[int, ...], by: Any) -> Any:
    """The array with one number moved."""
    if not place:
        return x + by
    return [moved(part, place[1:], by) if i == place[0] else part for i, part in enumerate(x)]


def shaped(x: Any, fill: Callable[[tuple[int, ...]], Any], place: tuple[int, ...] = ()) -> Any:
    """An array of the shape of x from a function of the index."""
    if isinstance(x, list):
        return [shaped(part, fill, (*place, i)) for i, part in enumerate(x)]
    return fill(place)


def along(case: Case, inputs: Mapping[str, Any], name: str, measure: Callable[..., Any], *more: Any) -> Any:
    """A measure (a kind of difference) of the case's function along every entry of one input."""

    def one(place: tuple[int, ...]) -> Any:
        def f(t: Any) -> Any:
            return case.f(**{**inputs, name: moved(inputs[name], place, t)})

        here = abs(entry(inputs[name], place))
        return measure(f, here if here and mp.isfinite(here) else mpf(1), case.digits, *more)

    return shaped(inputs[name], one)


def numbers(x: Any) -> Any:
    """Everything rounded."""
    return [numbers(part) for part in x] if isinstance(x, list) else rounded(x)


def sides(case: Case, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What lies left and right of a kink or a jump."""
    measure = beside if case.kind == "jump" else one_sided
    found = {
        name: {side: numbers(along(case, inputs, name, measure, sign)) for side, sign in (("left", -1), ("right", 1))}
        for name in case.variables
    }
    if len(found) == 1 and not isinstance(inputs[case.variables[0]], list):
        return {"one_sided": found[case.variables[0]]}
    return {"one_sided_parts": found}


def close(a: Any, b: Any) -> bool:
    if isinstance(a, list):
        return all(close(x, y) for x, y in zip(a, b, strict=True))
    if not mp.isfinite(b):
        return bool(a == b or (mp.isnan(a) and mp.isnan(b)))
    return bool(abs(a - b) <= mpf(10) ** -30 * (abs(b) or 1))


def gradient(case: Case, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The gradient, by differences and by hand where both are at hand; they must agree."""
    by_hand = {k: exact(v) for k, v in case.closed(**inputs).items()} if case.closed else {}
    if not case.differences:
        return by_hand
    measures: dict[str, tuple[Any, ...]] = {"both": (derivative,), "right": (one_sided, 1), "left": (one_sided, -1)}
    found = {name: along(case, inputs, name, *measures[case.side]) for name in case.variables}
    for name, value in by_hand.items():
        if not close(value, found[name]):
            raise ValueError(f"{case.name}: by hand {name} has {value}, by differences {found[name]}")
    return found


def digits_needed(case: Case, inputs: Mapping[str, Any]) -> int:
    magnitudes = [0]
    for value in inputs.values():
        for place in places(value):
            number = entry(value, place)
            if number and mp.isfinite(number):
                magnitudes.append(abs(int(mp.log10(abs(number)))))
    return max(case.precision, 3 * case.digits + 80 + 2 * max(magnitudes))


def record(case: Case) -> dict[str, Any]:
    """A case as it stands in the JSON."""
    with mp.workdps(50):
        needed = digits_needed(case, {name: exact(value) for name, value in case.at.items()})
    with mp.workdps(needed):
        inputs = {name: exact(value) for name, value in case.at.items()}
        out: dict[str, Any] = {"name": case.name, "expr": case.expr, "at": dict(case.at)}
        if case.wrt:
            out["wrt"] = list(case.wrt)
        out["value"] = rounded(mpf(case.f(**inputs)))
        if case.convention is not None:
            out["grad"] = {name: numbers(exact(value)) for name, value in case.convention.items()}
        else:
            out["grad"] = {name: numbers(value) for name, value in gradient(case, inputs).items()}
        out["kind"] = case.kind
        out["differentiable"] = case.kind in ("smooth", "removable")
        if case.kind in ("kink", "jump"):
            out.update(sides(case, inputs))
        if case.convention is not None:
            out["convention"] = True
        if case.extended:
            out["extended"] = True
    out["why"] = case.why
    if case.seen_in:
        out["seen_in"] = case.seen_in
    verify(case, out)
    return out


def flat(x: Any) -> list[Any]:
    return [e for part in x for e in flat(part)] if isinstance(x, list) else [x]


def verify(case: Case, out: Mapping[str, Any]) -> None:
    """The kind that was written down is the kind that was found."""
    if set(out["grad"]) != set(case.variables):
        raise ValueError(f"{case.name}: gradient of {set(out['grad'])}, asked for {set(case.variables)}")
    found = [e for value in out["grad"].values() for e in flat(value)]
    if out["differentiable"] and "NaN" in found:
        raise ValueError(f"{case.name}: called {case.kind}, but found {out['grad']}")
    if case.kind == "infinite" and not {"Infinity", "-Infinity"} & set(found):
        raise ValueError(f"{case.name}: called infinite, but found {out['grad']}")
    if case.kind in ("kink", "jump") and case.convention is None:
        raise ValueError(f"{case.name}: a {case.kind} needs its convention")
    if case.kind == "kink":
        parts = out.get("one_sided_parts") or {"": out["one_sided"]}
        if all(flat(part["left"]) == flat(part["right"]) for part in parts.values()):
            raise ValueError(f"{case.name}: called a kink, but both sides agree: {parts}")


def stored(theme: str) -> Path:
    return HERE / f"{theme}.json"


def text(records: list[dict[str, Any]]) -> str:
    """JSON with one case per paragraph and one field per line."""
    parts = []
    for one in records:
        fields = ",\n    ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in one.items())
        parts.append(f"  {{\n    {fields}\n  }}")
    return "[\n" + ",\n".join(parts) + "\n]\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store what was found")
    parser.add_argument("--check", action="store_true", help="compare with what is stored; the default")
    parser.add_argument("themes", nargs="*", default=[], help=f"some of: {', '.join(THEMES)}")
    options = parser.parse_args(arguments)
    names: set[str] = set()
    faults = count = 0
    for theme in options.themes or THEMES:
        records = []
        for case in cases(theme):
            if case.name in names:
                print(f"{case.name}: a second case of this name", file=sys.stderr)
                faults += 1
            names.add(case.name)
            try:
                records.append(record(case))
            except (ValueError, ArithmeticError, TypeError, mp.NoConvergence) as fault:
                print(f"{theme}/{case.name}: {type(fault).__name__}: {fault}", file=sys.stderr)
                faults += 1
        count += len(records)
        if options.write:
            stored(theme).write_text(text(records), encoding="utf-8")
            continue
        on_disk = {one["name"]: one for one in json.loads(stored(theme).read_text(encoding="utf-8"))}
        for one in records:
            if on_disk.pop(one["name"], None) != one:
                print(f"{theme}/{one['name']}: what is stored differs from what was found", file=sys.stderr)
                faults += 1
        for name in on_disk:
            print(f"{theme}/{name}: stored, but not written down in truth_{theme}.py", file=sys.stderr)
            faults += 1
    print(f"{count} cases, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
