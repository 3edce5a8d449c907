"""Curves as text."""

from __future__ import annotations

from math import inf, nan

import pytest

from service.client.chart import Points, chart, sparkline
from service.client.text import array, duration, first_line, plain, shown
from service.client.track import Track


@pytest.mark.parametrize(
    ("points", "width", "height", "expected"),
    [
        pytest.param(
            [(0, 1), (1, 10), (2, 100)],
            *(8, 3),
            """\
value, logarithmic
100 ┤     ⢀⠔⠊
 10 ┤  ⢀⡠⠊⠁
  1 ┤⡠⠒⠁
    └────────
     0 step 2""",
            id="a straight line where all is positive",
        ),
        pytest.param(
            [(0, -1), (1, nan), (2, 1), (3, 1)],
            *(8, 3),
            """\
value
 1 ┤     ⠉⠉⠉
 0 ┤
-1 ┤⡀
   └────────
    0 step 3""",
            id="a gap where a value is not finite",
        ),
        pytest.param(
            [(0, 5.0), (10, 5.0)],
            *(8, 3),
            """\
value
  │
5 ┤⠤⠤⠤⠤⠤⠤⠤⠤
  │
  └────────
   0 step 10""",
            id="nothing changes",
        ),
        pytest.param(
            [(0, 1e308), (10, -1e308)],
            *(8, 4),
            """\
value
 1e+308 ┤⠑⢄
        │  ⠑⢄
      0 ┤    ⠑⢄
-1e+308 ┤      ⠑⢄
        └────────
         0 step 10""",
            id="a range beyond float64",
        ),
        pytest.param(
            [(0, 1), (1, 1 + 1e-9)],
            *(8, 3),
            """\
value, logarithmic
 1.000000001 ┤     ⢀⠔⠊
1.0000000005 ┤  ⢀⡠⠊⠁
           1 ┤⡠⠔⠁
             └────────
              0 step 1""",
            id="as many digits as tell labels apart",
        ),
        pytest.param(
            [(7, 2)],
            *(8, 3),
            """\
value
  │
2 ┤   ⠠
  │
  └────────
   7 step 7""",
            id="one point",
        ),
        pytest.param([(7, inf)], 8, 3, "", id="nothing to draw"),
        pytest.param([], 8, 3, "", id="nothing"),
    ],
)
def test_charts(points: Points, width: int, height: int, expected: str) -> None:
    assert chart(points, width, height) == expected


def test_a_chart_of_many_points_has_the_size_that_is_asked_for() -> None:
    lines = chart([(i, 1 / (1 + i)) for i in range(100_000)], 60, 12, "best value").split("\n")
    assert lines[0] == "best value, logarithmic"
    assert len(lines) == 1 + 12 + 2
    margin = len("0.00316 ")
    assert "".join(line[margin] for line in lines[1:13]) == "┤│││││┤││││┤"
    assert max(map(len, lines[1:13])) == margin + 1 + 60
    assert lines[-1].split() == ["0", "step", "99999"]


@pytest.mark.parametrize(
    ("points", "width", "expected"),
    [
        ([(i, -i) for i in range(8)], 40, "█▇▆▅▄▃▂▁"),
        ([(i, 10.0**i) for i in range(16)], 8, "▁▂▃▄▅▆▇█"),
        ([(0, 1), (1, nan), (2, -1)], 40, "█▁"),
        ([(0, 3)], 40, "▄"),
        ([(0, inf)], 40, ""),
        ([], 40, ""),
        ([(0, 0), (1, 8), (100, 4)], 3, "██▅"),
    ],
)
def test_sparklines(points: Points, width: int, expected: str) -> None:
    assert sparkline(points, width) == expected


def test_the_curve_of_several_starts_is_the_best_of_all() -> None:
    track = Track()
    for start, step, value in [(0, 0, 9.0), (0, 1, 5.0), (1, 0, 7.0), (1, 1, "NaN"), (1, 2, 6.0), (1, 3, 4)]:
        track.add({"start": start, "step": step, "value": value})
    assert track.curve() == [(0, 7.0), (1, 5.0), (2, 5.0), (3, 4.0)]
    assert (track.best, track.done, track.value) == (4.0, 4, 4.0)


def test_the_best_value_may_be_the_largest() -> None:
    track = Track(-1.0)
    for step, value in enumerate([1.0, 3.0, "Infinity", 2.0]):
        track.add({"step": step, "value": value})
    assert track.best == 3.0
    assert track.curve() == [(0, 1.0), (1, 3.0), (2, inf), (3, 2.0)]


def test_words_and_numbers() -> None:
    assert [shown(value) for value in (None, "NaN", "-Infinity", 0.1, 1e-9)] == [
        "–",
        "NaN",
        "-Infinity",
        "0.1",
        "1e-09",
    ]
    assert array([[1.5, "NaN"], [0.1, 2.0]]) == "[[1.5, NaN], [0.1, 2.0]]"
    assert array(list(range(9))) == "[0, 1, 2, 3, 4, 5, …]"
    assert [duration(seconds) for seconds in (0.123, 12.3, 125, 7325)] == ["0.12 s", "12 s", "2 min 5 s", "2 h 2 min"]
    assert first_line("\n  y = x\nreturn y\n", 20) == "y = x …"
    assert first_line("x" * 9, 5) == "xxxx…"


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    assert plain("\x1b[2Jx\u202e\x07é") == "�[2Jx��é"
