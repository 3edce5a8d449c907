"""What is wrong with definitions: where, in words, and all of it at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, InvalidRequest, LimitExceeded
from engine.limits import Limits
from engine.models.layers.table import ALIASES, LAYERS
from engine.models.lower import program
from engine.models.model import Model
from engine.models.read import FIELDS, read_model
from tests.models.running import faults, model, predicted, some, trained


def _definition(shape: list[int], *layers: Any, **more: Any) -> dict[str, Any]:
    return {"input": {"shape": shape}, "layers": list(layers), "loss": "mse", **more}


def _only(shape: list[int], *layers: Any, **more: Any) -> tuple[str, str]:
    (found,) = faults(_definition(shape, *layers, **more))
    return found


WHOLE = [
    (
        [28, 28],
        [{"type": "flatten"}, {"type": "conv1d", "filters": 2, "size": 3}],
        "/layers/1",
        "expects 2-dimensional input (sequence, features), gets (784,) from layers/0 (flatten_1); add an embedding or "
        "reshape.",
    ),
    (
        [4, 4],
        [{"type": "conv2d", "filters": 2, "size": 3}],
        "/layers/0",
        "expects 3-dimensional input (height, width, channels), gets (4, 4) from the input; reshape to (height, width, "
        "channels).",
    ),
    ([4], [{"type": "max_pool1d"}], "/layers/0", "expects 2-dimensional input"),
    ([4], [{"type": "mean_pool2d"}], "/layers/0", "expects 3-dimensional input"),
    ([4], [{"type": "global_max_pool"}], "/layers/0", "expects at least one axis before that of channels, gets (4,)"),
    ([], [{"type": "batch_norm"}], "/layers/0", "expects at least one axis of features"),
    ([3], [{"type": "layer_norm", "axes": 2}], "/layers/0", "normalises over the last 2 axes of an example, gets (3,)"),
    ([3], [{"type": "dense", "units": 2}, {"type": "embedding", "size": 3, "units": 2}], "/layers/1",
     "expects integers, gets real numbers (2,) from layers/0 (dense_1)"),
    ([2, 3], [{"type": "reshape", "shape": [4, -1]}], "/layers/0",
     "cannot give the shape [4, -1] to 6 numbers: gets (2, 3) from the input."),
    ([2, 3], [{"type": "reshape", "shape": [7]}], "/layers/0", "cannot give the shape [7] to 6 numbers"),
    ([2, 3], [{"type": "reshape", "shape": [-1, -1]}], "/layers/0/shape", "one of them may be -1"),
    ([2, 3], [{"type": "reshape", "shape": [0, 6]}], "/layers/0/shape/0", "an integer from 1"),
    ([2, 3], [{"type": "reshape", "shape": 6}], "/layers/0/shape", "a list of sizes"),
    ([3], [{"type": "dense", "units": 3}, {"type": "standardise"}], "/layers/1/inputs",
     "`standardise` takes the input of the model, `x`, and nothing else."),
    ([3], [{"type": "add"}], "/layers/0/inputs", "`add` takes at least 2 inputs, and 1 are named."),
    ([3], [{"type": "dense", "units": 2, "inputs": ["x", "x"]}], "/layers/0/inputs", "takes 1 inputs, and 2 are"),
    ([3], [{"type": "dense", "units": 2}, {"type": "multiply", "inputs": ["x", "dense_1"]}], "/layers/1",
     "expects inputs of one shape, gets (3,), (2,) from the input and layers/0 (dense_1)."),
    ([3], [{"type": "dense", "units": 2}, {"type": "concatenate", "inputs": ["x", "dense_1"], "axis": 1}],
     "/layers/1", "has no axis 1 to join along"),
    ([2, 3], [{"type": "dense", "units": 2}, {"type": "concatenate", "inputs": ["x", "dense_1"], "axis": 0}],
     "/layers/1", "expects inputs that differ along axis 0 alone"),
    ([3], [{"type": "concatenate", "inputs": ["x", "x"], "axis": "last"}], "/layers/0/axis", "the number of an axis"),
    ([3], [{"type": "dropout", "rate": 1}], "/layers/0/rate", "below 1"),
    ([3], [{"type": "dropout", "rate": -0.1}], "/layers/0/rate", "at least 0"),
    ([3], [{"type": "layer_norm", "epsilon": 0}], "/layers/0/epsilon", "above 0"),
    ([3], [{"type": "layer_norm", "eps": 1e-5}], "/layers/0/eps", "did you mean `epsilon`?"),
    ([3], [{"type": "flatten", "axis": 1}], "/layers/0/axis", "it has none."),
    ([3], [{"type": "densee", "units": 1}], "/layers/0/type", "did you mean `dense`?"),
    ([5, 2], [{"type": "conv1d", "filters": 2, "size": 6}], "/layers/0", "does not fit"),
    ([5, 2], [{"type": "conv1d", "filters": 2, "size": 3, "dilation": 3}], "/layers/0", "reaches over (7,)"),
    ([5, 2], [{"type": "conv1d", "filters": 3, "size": 1, "groups": 2}], "/layers/0",
     "cannot part 3 filters into 2 groups: gets (5, 2) from the input."),
    ([5, 3], [{"type": "conv1d", "filters": 2, "size": 1, "groups": 2}], "/layers/0", "cannot part 3 channels"),
    ([5, 5, 1], [{"type": "conv2d", "filters": 2, "size": [1, 2, 3]}], "/layers/0/size", "a list of 2"),
    ([5, 5, 1], [{"type": "conv2d", "filters": 2, "size": 1, "padding": "causal"}], "/layers/0/padding",
     "`valid`, `same`, or numbers"),
    ([5, 5, 1], [{"type": "conv2d", "filters": 2, "size": 1, "padding": [[1, 2, 3], 0]}], "/layers/0/padding",
     "a pair"),
    ([5, 1], [{"type": "conv1d", "filters": 2, "size": 1, "padding": -1}], "/layers/0/padding", "from 0"),
    ([5, 1], [{"type": "max_pool1d", "size": 6}], "/layers/0", "does not fit"),
    ([5, 1], [{"type": "max_pool1d", "padding": 2}], "/layers/0", "would hold nothing of the input"),
    ([3], [{"type": "dense", "units": 10**9}], "/layers/0", "gives 1,000,000,000 numbers along 1 axes"),
    ([2**20], [{"type": "dense", "units": 2**20, "kernel": "zeros"}], "/layers/0", "one array may have"),
    ([2**16, 1], [{"type": "conv1d", "filters": 2**12, "size": 1}], "/layers/0", "gives 268,435,456 numbers"),
    ([3], [{"type": "dense", "units": 2, "name": "dense__1"}], "/layers/0/name", "single _"),
    ([3], [{"type": "dense", "units": 2, "name": "loss"}], "/layers/0/name", "`loss` means something else"),
    ([3], [{"type": "dense", "units": 2, "name": "y"}], "/layers/0/name", "`seed`"),
    ([3], [{"type": "dense", "units": 2, "name": "a"}, {"type": "dense", "units": 2, "name": "a"}], "/layers/1/name",
     "Another layer is called `a`."),
    ([3], [{"type": "add", "inputs": ["x"] * 5000}], "/layers/0/inputs", "takes at most"),
    ([3], [{"type": "dense", "units": 2, "name": "tanh"}], "/layers/0/name", "none of its functions"),
    ([3], [{"type": "dense", "units": 2, "kernel": {"init": "orthogonal", "constraint": "positive", "l3": 1}}],
     "/layers/0/kernel/l3", "no such option"),
    ([3], [{"type": "dense", "units": 2, "kernel": {"a/b~": 1}}], "/layers/0/kernel/a~1b~0", "no such option"),
    ([3], [{"type": "dense", "units": 2, "bias": "orthogonal"}], "/layers/0/bias", "is for matrices"),
    ([3], [{"type": "dense", "units": 2, "bias": {"constraint": "positive"}}], "/layers/0/bias",
     "begins with values that its constraint does not allow"),
    ([3], [{"type": "expr", "expr": "a*x", "parameters": {"a": {"init": "zeros", "constraint": "simplex"}}}],
     "/layers/0/parameters/a", "begins with values"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "layers", "pointer", "words"), WHOLE)
def test_one_fault(shape: list[int], layers: list[Any], pointer: str, words: str) -> None:
    place, detail = _only(shape, *layers)
    assert place == pointer
    assert words in detail


EXPRESSIONS = [
    ("1) + (2", "closes nothing"),
    ("x)\n+(x", "closes nothing"),
    ("x\n)\ndef g(x):\n    return (x", "closes nothing"),
    ("x; y = 3", "not part of an expression"),
    ("x if", ""),
    ("(x", "never closed"),
    ("", ""),
    ("# nothing", ""),
    ("__import__('os').system('true')", ""),
    ("().__class__", ""),
    ("x.__class__", ""),
    ("loss", "neither an input nor a constant"),
    ("y", "neither an input nor a constant; there are `x`"),
    ("prediction", "neither an input nor a constant"),
    ("dense_1_kernel", "neither an input nor a constant; there are `x`, `x1`"),
    ("model(x)", "no function"),
    ("expr_1__of(x)", "no function"),
    ("lambda: x", "lambda"),
    ("[x for x in x]", "comprehension"),
    ("x := 3", ""),
    ("yield x", "yield"),
    ("return x", ""),
    ("import os", "reserved"),
    ("'''\n'''", "a text"),
    ("x, x", "one array"),
    ("mean(x)", "For 7 examples this gives (), for 11 (): the first axis"),
    ("sum(x, axis=0)", "first axis"),
    ("transpose(x)", "first axis"),
    ("x > 0", "gives true or false"),
    ("eye(3)[x]", "used as an integer, and is real"),
    ("x[:, :a]", "must be known when the expression is compiled"),
    ("x + [1, 2]", "do not broadcast"),
    ("x2", "neither an input"),
    ("ｘ2", "neither an input"),
    ("x\x00", "null character"),
    ("\u202ex", ""),
    ("x" * 70_000, ""),
    ("(" * 500 + "x" + ")" * 500, ""),
    ("x + " * 15_000 + "x", ""),
]


@pytest.mark.parametrize(("text", "words"), EXPRESSIONS)
def test_expressions_are_refused(text: str, words: str) -> None:
    pointer, detail = _only([3], {"type": "expr", "expr": text, "parameters": {"a": {}}})
    assert pointer == "/layers/0/expr"
    assert words in detail


@pytest.mark.parametrize("text", ["x #", "x # )\n", "x \\", "\n x\n", "x # ) + (\n#(", "(x\n)", "  x", "x\r#", "x\x0c"])
def test_expressions_end_where_they_end(text: str) -> None:
    read = model([3], {"type": "expr", "expr": text}, {"type": "activation", "function": "tanh"})
    at = some(read)
    assert (predicted(read, at) == predicted(model([3], {"type": "activation", "function": "tanh"}), at)).all()


NAMES = ["x", "x1", "x12", "sin", "pi", "lambda", "__import__", "_a", "a_", "a__b", "a b", "a)", "é", "ｘ", "range",
         "random", "", "1a", "a" * 41, "a\n", "True"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_parameters(name: str) -> None:
    pointer, _ = _only([3], {"type": "expr", "expr": "x", "parameters": {name: {}}})
    assert pointer.startswith("/layers/0/parameters/")


def test_parameters_may_be_called_as_what_is_elsewhere() -> None:
    names = ["loss", "y", "prediction", "model", "seed", "weight", "dense_1"]
    layer = {"type": "expr", "expr": f"x*({' + '.join(names)})", "parameters": dict.fromkeys(names, 2)}
    read = model([3], layer)
    at = some(read)
    assert predicted(read, at | read.initial()) == pytest.approx(at["x"] * 14)


def test_an_integer_in_an_expression() -> None:
    read = model([3], {"type": "expr", "expr": "eye(4)[x]"}, dtype="int")
    assert read.prediction.shape == (3, 4)
    assert predicted(read, some(read)).shape == (4, 3, 4)


def test_all_faults_at_once() -> None:
    given = {
        "input": {"shape": [8, 0], "typ": 1},
        "layers": [
            {"type": "conv1d", "filters": 0, "size": [3, 3], "padding": "full", "kernel": {"l1": -1, "l2": "a"}},
            {"type": "nothing"},
            {"type": "dense", "units": 3, "inputs": ["conv"]},
            7,
            {"type": "dropout", "rate": 2, "name": "x"},
            {"type": "expr", "expr": 3, "parameters": {"a": {"shape": [0, -1], "init": "no"}, "x1": {}, "b": "c"}},
        ],
        "loss": {"name": "huber", "delta": -1, "gamma": 2},
        "target": {"shape": [[1]]},
        "seed": -1,
        "lost": "mse",
    }
    assert sorted({pointer for pointer, _ in faults(given)}) == [
        "/input/shape/1",
        "/input/typ",
        "/layers/0/filters",
        "/layers/0/kernel/l1",
        "/layers/0/kernel/l2",
        "/layers/0/padding",
        "/layers/0/size",
        "/layers/1/type",
        "/layers/2/inputs/0",
        "/layers/3",
        "/layers/4/name",
        "/layers/4/rate",
        "/layers/5/expr",
        "/layers/5/parameters/a/init",
        "/layers/5/parameters/a/shape/0",
        "/layers/5/parameters/a/shape/1",
        "/layers/5/parameters/b",
        "/layers/5/parameters/x1",
        "/loss/delta",
        "/loss/gamma",
        "/lost",
        "/seed",
        "/target/shape/0",
    ]


def test_a_layer_that_cannot_be_read_is_not_blamed_on_others() -> None:
    layers = [{"type": "flaten"}, {"type": "dense", "units": 2}, {"type": "conv1d", "filters": 1, "size": 2}]
    assert [place for place, _ in faults(_definition([4, 4], *layers))] == ["/layers/0/type"]


def test_places_of_nodes() -> None:
    given = {"input": {"shape": [3]}, "nodes": [{"type": "dense", "units": 2, "bias": "identity"}], "loss": "mse"}
    assert [place for place, _ in faults(given)] == ["/nodes/0/bias"]


def test_all_parameters_together() -> None:
    layers = [{"type": "dense", "units": 8000, "bias": False} for _ in range(5)]
    assert _only([8000], *layers) == ("/layers", "The model has 320,000,000 parameters, and 268,435,456 are allowed.")
    with pytest.raises(LimitExceeded, match="more than the 7 that"):
        read_model(_definition([2], {"type": "dense", "units": 3}), Limits(), 7)


def test_a_program_that_is_too_long() -> None:
    layers = [{"type": "expr", "expr": "x" + " + x" * 100} for _ in range(200)]
    assert "characters" in _only([3], *layers)[1]


def test_no_layer_takes_the_name_of_what_another_makes_up() -> None:
    names = ["batch_norm_1__mean", "loss_of", "model", "expr_1__of"]
    for name in names:
        assert _only([3], {"type": "dense", "units": 2, "name": name})[0] == "/layers/0/name"
    place, detail = _only([3], {"type": "dense", "units": 3}, {"type": "dropout", "name": "dense_1_bias"})
    assert (place, detail) == ("/layers/0", "`dense_1_bias` would be the name of two things.")


def test_no_layer_takes_the_name_of_the_values_under_a_constraint() -> None:
    held = {"type": "dense", "name": "d", "units": 3, "kernel": {"constraint": "positive", "l2": 0.1}}
    place, detail = _only([3], held, {"type": "activation", "name": "d_kernel", "function": "tanh"})
    assert (place, detail) == ("/layers/0", "`d_kernel` would be the name of two things.")


def test_no_array_takes_the_name_of_a_function() -> None:
    layer = {"type": "expr", "name": "take_along", "expr": "x*axis", "parameters": {"axis": 2}}
    place, detail = _only([3], layer)
    assert (place, detail.split(" ")[0]) == ("/layers/0", "`take_along_axis`")


def test_a_parameter_may_be_called_as_free_numbers_are() -> None:
    read = model([3], {"type": "expr", "expr": "x*w_free + w", "parameters": {"w_free": 2, "w": 1}})
    at = some(read)
    assert predicted(read, at | read.initial()) == pytest.approx(2 * at["x"] + 1)


def test_a_loss_without_examples_cannot_be_weighted() -> None:
    read = model([3], {"type": "dense", "units": 2}, loss={"expr": "sum((y - prediction)^2)"})
    with pytest.raises(InvalidRequest, match="weighted"):
        program(read, weighted=True)
    with_each = model([3], {"type": "dense", "units": 2}, loss={"expr": "(y - prediction)^2"})
    assert "weight*" in program(with_each, weighted=True)


def test_a_loss_has_to_depend_on_the_prediction() -> None:
    assert _only([3], {"type": "flatten"}, loss={"expr": "y^2"})[0] == "/loss/expr"


def test_layers_that_nothing_needs() -> None:
    layers = [{"type": "dense", "units": 1}, {"type": "dense", "units": 1, "inputs": "x"}]
    assert "`dense_1` is not used" in _only([3], *layers)[1]


def _read(definition: Any) -> Model | EngineError:
    try:
        return read_model(definition, Limits())
    except EngineError as refused:
        return refused


# Definitions at random: almost right ones, and any JSON.

_UNITS = st.integers(1, 4)
_SIMPLE = [
    st.builds(lambda n: {"type": "dense", "units": n}, _UNITS),
    st.just({"type": "activation", "function": "tanh"}),
    st.just({"type": "flatten"}),
    st.builds(lambda s: {"type": "reshape", "shape": s}, st.lists(st.sampled_from([-1, 1, 2, 3]), max_size=3)),
    st.builds(lambda n, u: {"type": "embedding", "size": n, "units": u}, st.just(3), _UNITS),
    st.builds(lambda n: {"type": "layer_norm", "axes": n}, st.integers(1, 3)),
    st.just({"type": "batch_norm"}),
    st.builds(lambda r: {"type": "dropout", "rate": r}, st.sampled_from([0, 0.5])),
    st.just({"type": "standardise"}),
    st.builds(
        lambda f, n, s, p, d, g: {
            "type": "conv1d", "filters": f, "size": n, "stride": s, "padding": p, "dilation": d, "groups": g
        },
        _UNITS, _UNITS, _UNITS, st.sampled_from(["valid", "same", "causal", 1, [0, 2]]), st.integers(1, 2),
        st.integers(1, 2),
    ),
    st.builds(
        lambda f, n, s, p: {"type": "conv2d", "filters": f, "size": n, "stride": s, "padding": p},
        _UNITS, st.one_of(_UNITS, st.tuples(_UNITS, _UNITS).map(list)), _UNITS,
        st.sampled_from(["valid", "same", 1, [0, 2], [[0, 1], 2]]),
    ),
    st.builds(
        lambda t, n, s, p: {"type": t, "size": n, "stride": s, "padding": p},
        st.sampled_from(["max_pool1d", "mean_pool1d", "max_pool2d", "mean_pool2d"]), _UNITS,
        st.one_of(st.none(), _UNITS), st.sampled_from(["valid", "same", 1, 2]),
    ),
    st.builds(lambda t: {"type": t}, st.sampled_from(["global_max_pool", "global_mean_pool"])),
    st.builds(
        lambda t: {"type": "expr", "expr": t, "parameters": {"a": {}}},
        st.sampled_from(["a*x", "x[:, 0]", "x[..., None]", "sum(x, axis=-1)", "mean(x)", "x @ x", "x[None]", "a"]),
    ),
]  # fmt: skip
_MERGED = st.builds(
    lambda t, inputs: {"type": t, "inputs": inputs},
    st.sampled_from(["add", "multiply", "concatenate"]),
    st.lists(st.sampled_from(["x", "first", "second"]), min_size=1, max_size=3),
)


@st.composite
def _stacks(draw: st.DrawFn) -> dict[str, Any]:
    layers = draw(st.lists(st.one_of(*_SIMPLE), min_size=1, max_size=4))
    for name, layer in zip(("first", "second"), layers, strict=False):
        layer["name"] = name
    layers = [dict(layer) for layer in layers]
    if draw(st.booleans()):
        layers.append(draw(_MERGED))
    shape = draw(st.sampled_from([[], [3], [4, 2], [5, 3], [4, 4, 2]]))
    return _definition(shape, *layers)


@given(_stacks())
@settings(max_examples=300, deadline=None)
def test_a_stack_is_refused_or_computed(definition: dict[str, Any]) -> None:
    read = _read(definition)
    if isinstance(read, EngineError):
        assert read.faults
        assert all(fault.pointer.startswith(("/layers", "/loss")) for fault in read.faults)
        return
    at = some(read, examples=3)
    assert predicted(read, at).shape == (3, *read.prediction.shape)
    assert trained(read, at)["prediction"].shape == (3, *read.prediction.shape)
    assert {name: value.shape for name, value in read.initial().items()} == {p.name: p.shape for p in read.parameters}
    again = read_model(dict(read.definition), Limits())
    assert program(again, "both", training=True) == program(read, "both", training=True)


_WORDS = st.sampled_from(
    [*FIELDS, "type", "name", "inputs", *LAYERS, *ALIASES, "x", "dense_1", "mse", "expr", "init", "constraint",
     "positive", *{field.name for record in LAYERS.values() for field in record.fields}]
)  # fmt: skip
_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 6), st.integers(), st.floats(), st.just(10**400), _WORDS, st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(_WORDS, st.text()), inner)),
    max_leaves=20,
)


@st.composite
def _nearly(draw: st.DrawFn) -> Any:
    """A definition with a layer whose options are anything."""
    record = draw(st.sampled_from(list(LAYERS.values())))
    options = {field.name: draw(_JSON) for field in record.fields if draw(st.booleans())}
    layer = {"type": record.name, **options, **draw(st.dictionaries(_WORDS, _JSON, max_size=1))}
    found = _definition(draw(st.sampled_from([[3], [4, 2], [4, 4, 2]])), layer, {"type": "flatten"})
    return {**found, **draw(st.dictionaries(st.sampled_from(FIELDS), _JSON, max_size=1))}


@given(st.one_of(_JSON, _nearly()))
@settings(max_examples=500, deadline=None)
def test_anything_is_read_or_refused(definition: Any) -> None:
    read = _read(definition)
    if isinstance(read, EngineError):
        assert read.detail
        assert all(fault.detail for fault in read.faults)
        return
    assert "return" in program(read)
