"""“warnings (each {"code","message","span", …}; codes: …)”: each code provoked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformity.server import Server, codes

PROVOKED: dict[str, dict[str, Any]] = {
    "kink": {"expr": "y + abs(x)", "at": {"x": 0, "y": 1}},
    "singular": {"expr": "y + sqrt(x)^2", "at": {"x": 0, "y": 1}},
    "non-finite": {"expr": "y + log(x)", "at": {"x": -1, "y": 1}},
    "ill-conditioned": {"expr": "sum(sin(linspace(0, x, 40000)))", "at": {"x": 1}, "precision": "exact"},
    "escalated": {"expr": "sqrt(x + 1) - sqrt(x)", "at": {"x": 1e12}},
    "disconnected": {"expr": "x^2", "at": {"x": 1, "z": 1}},
    "rewritten": {"expr": "y + log(1 + x)", "at": {"x": 1, "y": 1}},
    "integer-gradient": {"expr": "v[i]", "at": {"v": [1, 2], "i": 0}, "wrt": ["v", "i"]},
}
PLACED = {"kink": (5, 11), "singular": (5, 12), "non-finite": (5, 11), "rewritten": (5, 15)}


@pytest.mark.parametrize("code", PROVOKED)
def test_every_code_can_be_provoked(server: Server, code: str) -> None:
    """“codes: kink, singular, non-finite, ill-conditioned, escalated, disconnected, rewritten, integer-gradient”"""
    answer = server.ask("/grad", **PROVOKED[code])
    assert code in codes(answer)
    assert all(warning["message"] for warning in answer["warnings"])


@pytest.mark.parametrize("code", PLACED)
def test_a_warning_has_its_place_in_the_text(server: Server, code: str) -> None:
    """“each {"code","message","span", …}”, “1-based, into the source text”"""
    answer = server.ask("/grad", **PROVOKED[code], precision="float64")
    (warning,) = [w for w in answer["warnings"] if w["code"] == code]
    column, end = PLACED[code]
    assert warning["span"] == {"line": 1, "column": column, "end_line": 1, "end_column": end}


def test_a_kink_tells_the_convention_and_both_sides(server: Server) -> None:
    """“both one-sided values if they do not [agree]”"""
    answer = server.ask("/grad", expr="abs(x)", at={"x": 0})
    (warning,) = answer["warnings"]
    assert answer["grad"] == {"x": 0}
    assert warning["one_sided"] == {"left": -1, "right": 1}
    assert warning["convention"]


def test_ties_share_the_derivative(server: Server) -> None:
    """The convention of maxima: tied elements share."""
    answer = server.ask("/grad", expr="max(x)", at={"x": [2, 2]})
    assert (answer["grad"]["x"], codes(answer)) == ([0.5, 0.5], ["kink"])


def test_a_singular_point_is_resolved_and_says_so(server: Server) -> None:
    """“the derivative if both one-sided limits agree (and the answer carries it with a singular warning saying so)”"""
    answer = server.ask("/grad", expr="sqrt(x)^2", at={"x": 0})
    assert answer["grad"] == {"x": 1}
    (warning,) = [w for w in answer["warnings"] if w["code"] == "singular"]
    assert warning["resolved"] is True


def test_a_rewrite_tells_what_was_computed(server: Server) -> None:
    """“the numerically stable rewrites …, each named, …, and listed in the answer”"""
    (warning,) = server.ask("/grad", expr="log(sum(exp(x)))", at={"x": [1000, 1001]})["warnings"]
    assert (warning["before"], warning["after"]) == ("log(sum(exp(x)))", "logsumexp(x)")


def test_inputs_without_influence_are_named(server: Server) -> None:
    """“disconnected”, “integer-gradient”: the input, and a gradient of 0."""
    answer = server.ask("/grad", **PROVOKED["disconnected"])
    assert (answer["warnings"][0]["input"], answer["grad"]["z"]) == ("z", 0)
    answer = server.ask("/grad", **PROVOKED["integer-gradient"])
    assert (answer["warnings"][0]["input"], answer["grad"]["i"]) == ("i", 0)


def test_a_branch_that_is_not_taken_is_silent(server: Server) -> None:
    """“select: the branch not taken gets no cotangent at all … has a gradient, not a NaN”"""
    answer = server.ask("/grad", expr="where(x > 0, sqrt(x), 2*x)", at={"x": -1})
    assert (answer["grad"], answer["warnings"]) == ({"x": 2}, [])


def test_an_ordinary_point_is_not_called_singular(server: Server) -> None:
    """“(and the answer carries it with a singular warning saying so)”: only where there is something to resolve."""
    answer = server.ask("/grad", expr="median(x)", at={"x": [3, 1, 2]}, precision="exact")
    assert answer["grad"] == {"x": [0, 0, 1]}
    assert "singular" not in codes(answer)


def test_a_component_without_a_kink_is_not_called_singular(server: Server) -> None:
    """“(and the answer carries it with a singular warning saying so)”: only where there is something to resolve."""
    answer = server.ask("/grad", expr="max(x)", at={"x": [2, 1, 2]})
    assert (answer["grad"]["x"], codes(answer)) == ([0.5, 0, 0.5], ["kink"])
