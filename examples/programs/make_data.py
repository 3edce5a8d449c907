"""The inputs of the programs: `python examples/programs/make_data.py` writes one file of JSON beside each program.

Made up where no source is named, with the same numbers every time; a test makes them again and compares.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
Body = dict[str, Any]
BODIES: dict[str, Callable[[Random], Body]] = {}


def program(make: Callable[[Random], Body]) -> Callable[[Random], Body]:
    """Register what makes the body for the program of the same name."""
    BODIES[make.__name__] = make
    return make


def bodies() -> dict[str, Body]:
    """All of them by the program's name: `at`, and `wrt` where it is not all real inputs."""
    return {name: make(Random(name)) for name, make in BODIES.items()}


def text(body: Body) -> str:
    """A body as it stands in a file: one input in each line."""
    inputs = ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in body["at"].items())
    wrt = f',\n  "wrt": {json.dumps(body["wrt"])}' if "wrt" in body else ""
    return f'{{\n  "at": {{\n{inputs}\n  }}{wrt}\n}}\n'


def numbers(draw: Random, *shape: int, low: float = -1.0, high: float = 1.0) -> Any:
    """An array of numbers with three decimals, evenly spread."""
    if not shape:
        return round(draw.uniform(low, high), 3)
    return [numbers(draw, *shape[1:], low=low, high=high) for _ in range(shape[0])]


def bits(draw: Random, size: int) -> list[int]:
    """Zeros and ones."""
    return [draw.randrange(2) for _ in range(size)]


@program
def gmm(draw: Random) -> Body:
    K, D, N = 3, 3, 8
    at = {
        "alphas": numbers(draw, K),
        "means": numbers(draw, K, D),
        "icf": numbers(draw, K, D * (D + 1) // 2),
        "x": numbers(draw, N, D, low=-2, high=2),
        "gamma": 1.0,
        "m": 2,
    }
    return {"at": at, "wrt": ["alphas", "means", "icf"]}


@program
def bundle_adjustment(draw: Random) -> Body:
    """The cameras, the first point, weight and feature are those of a file of ADBench, `ba.txt`."""
    cameras = [
        [float(x) for x in row.split()]
        for row in (
            "1.797201 0.590697 -0.635786 90.85955 29.361415 28.777534 211.628116 -0.284531 -14.762924 "
            "0.058931 0.069976",
            "0.603347 -0.535248 -0.15508 13.002857 1.936696 67.883553 265.546659 2.589 -20.18691 0.010233 0.041406",
        )
    ]
    at = {
        "cameras": cameras,
        "points": [[4.173048, 5.586898, 1.403869], *numbers(draw, 2, 3, low=0, high=10)],
        "weights": [0.417022, *numbers(draw, 4, low=0, high=1)],
        "features": [[-525.672849, 161.811929], *numbers(draw, 4, 2, low=-300, high=300)],
        "camera_of": [0, 0, 0, 1, 1],
        "point_of": [0, 1, 2, 0, 2],
    }
    return {"at": at, "wrt": ["cameras", "points", "weights"]}


@program
def hand(draw: Random) -> Body:
    fingers = 2
    parents = [0]
    rest = [translation(0, 0, 0)]
    for finger in range(fingers):
        parents += [0, len(parents), len(parents) + 1]
        rest += [translation(round(0.3 * finger - 0.15, 2), 0.8, 0.05), translation(0, 0.4, 0), translation(0, 0.3, 0)]
    absolute = [rest[0]]
    for i in range(1, len(parents)):
        absolute.append([[absolute[parents[i]][r][3] + rest[i][r][3] for r in range(3)]])
        absolute[i] = translation(*(round(x, 6) for x in absolute[i][0]))
    inverse = [translation(*(-row[3] for row in place[:3])) for place in absolute]
    skin, weights = [], []
    for i in range(len(parents)):
        for _ in range(2):
            skin.append([round(absolute[i][r][3] + draw.uniform(-0.1, 0.1), 3) for r in range(3)] + [1])
            follows = [0.0] * len(parents)
            own = numbers(draw, low=0.6, high=1)
            follows[i] += own
            follows[parents[i]] += round(1 - own, 3)
            weights.append(follows)
    vertex_of = sorted(draw.sample(range(len(skin)), 6))
    at = {
        "theta": numbers(draw, 6 + 4 * fingers, low=-0.5, high=0.5),
        "parents": parents,
        "rest": rest,
        "inverse_rest": inverse,
        "skin": skin,
        "weights": weights,
        "measured": [[round(skin[v][r] + draw.uniform(-0.1, 0.1), 3) for r in range(3)] for v in vertex_of],
        "vertex_of": vertex_of,
    }
    return {"at": at, "wrt": ["theta"]}


def translation(x: float, y: float, z: float) -> list[list[float]]:
    """A homogeneous matrix that moves a point."""
    return [[1, 0, 0, x + 0.0], [0, 1, 0, y + 0.0], [0, 0, 1, z + 0.0], [0, 0, 0, 1]]


@program
def lstm(draw: Random) -> Body:
    layers, b, steps = 2, 3, 6
    at = {
        "main": numbers(draw, 2 * layers, 4 * b),
        "extra": numbers(draw, 3, b),
        "state": numbers(draw, 2 * layers, b),
        "sequence": [bits(draw, b) for _ in range(steps)],
    }
    return {"at": at, "wrt": ["main", "extra"]}


@program
def kmeans(draw: Random) -> Body:
    middles = [[-2, 0], [1, 2], [2, -2]]
    points = [[round(c + draw.uniform(-0.8, 0.8), 3) for c in middle] for middle in middles for _ in range(4)]
    at = {"points": points, "centroids": [[-1.5, 0.5], [0.5, 1.5], [1.5, -2.5]]}
    return {"at": at, "wrt": ["centroids"]}


@program
def kmeans_newton(_: Random) -> Body:
    return kmeans(Random("kmeans"))


@program
def ode(_: Random) -> Body:
    return {"at": {"x": [0.9, 1.1, 0.7, 1.3], "s": 50}, "wrt": ["x"]}


@program
def lse(draw: Random) -> Body:
    return {"at": {"x": [1000.0, *numbers(draw, 7, low=990, high=1001)]}}


@program
def llsq(_: Random) -> Body:
    return {"at": {"x": [0.1, 1.4, -0.2, -0.6], "n": 40}, "wrt": ["x"]}


@program
def det(draw: Random) -> Body:
    return {"at": {"A": [[draw.randint(-5, 5) for _ in range(5)] for _ in range(5)]}}


@program
def saddle(_: Random) -> Body:
    return {"at": {"start": [1.0, 1.0]}}


@program
def particle(_: Random) -> Body:
    return {"at": {"w": 0.0}}


@program
def pendulum(_: Random) -> Body:
    at = {"angle": 2.0, "velocity": 0.0, "length": 1.5, "damping": 0.1, "dt": 0.001, "steps": 10000}
    return {"at": at, "wrt": ["angle", "velocity", "length", "damping"]}


@program
def nbody(_: Random) -> Body:
    """The sun, Jupiter, Saturn, Uranus and Neptune, as the Benchmarks Game has them."""
    year, sun = 365.24, 4 * math.pi**2
    position = [
        [0.0, 0.0, 0.0],
        [4.84143144246472090e00, -1.16032004402742839e00, -1.03622044471123109e-01],
        [8.34336671824457987e00, 4.12479856412430479e00, -4.03523417114321381e-01],
        [1.28943695621391310e01, -1.51111514016986312e01, -2.23307578892655734e-01],
        [1.53796971148509165e01, -2.59193146099879641e01, 1.79258772950371181e-01],
    ]
    a_day = [
        [0.0, 0.0, 0.0],
        [1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05],
        [-2.76742510726411899e-03, 4.99852801234917238e-03, 2.30417297573763929e-05],
        [2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05],
        [2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05],
    ]
    suns = [1.0, 9.54791938424326609e-04, 2.85885980666130812e-04, 4.36624404335156298e-05, 5.15138902046611451e-05]
    at = {
        "position": position,
        "velocity": [[v * year for v in row] for row in a_day],
        "mass": [m * sun for m in suns],
        "dt": 0.01,
        "steps": 1000,
    }
    return {"at": at, "wrt": ["position", "velocity", "mass"]}


@program
def hamiltonian(_: Random) -> Body:
    return {"at": {"q": [0.1, -0.2], "p": [0.3, 0.25], "dt": 0.05, "steps": 200}, "wrt": ["q", "p"]}


@program
def logistic_map(_: Random) -> Body:
    return {"at": {"x": 0.3, "r": 3.9, "n": 50}, "wrt": ["x", "r"]}


@program
def kepler(_: Random) -> Body:
    """Mercury, half a radian after its perihelion."""
    return {"at": {"M": 0.5, "eccentricity": 0.205630}}


@program
def equilibrium(draw: Random) -> Body:
    N, M = 4, 2
    at = {
        "W": numbers(draw, N, N, low=-0.4, high=0.4),
        "U": numbers(draw, N, M),
        "b": numbers(draw, N),
        "x": numbers(draw, M),
        "target": numbers(draw, N),
    }
    return {"at": at, "wrt": ["W", "U", "b"]}


@program
def period(_: Random) -> Body:
    return {"at": {"angle": 2.0, "length": 1.5, "g": 9.81}}


@program
def lotka_volterra(_: Random) -> Body:
    """Hares and lynxes, thousands of furs, 1900 to 1909 (E. Odum, 1953)."""
    hares = [30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4]
    lynxes = [4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1]
    at = {
        "rates": [0.55, 0.028, 0.024, 0.8],
        "start": [30.0, 4.0],
        "t": [float(t) for t in range(10)],
        "counted": [[h, lynx] for h, lynx in zip(hares, lynxes, strict=True)],
    }
    return {"at": at, "wrt": ["rates", "start"]}


@program
def pinn(draw: Random) -> Body:
    N = 5
    at = {"w": numbers(draw, N), "b": numbers(draw, N), "v": numbers(draw, N), "c": 0.1}
    return {"at": {**at, "x": [0.2, 0.6, 1.0, 1.4, 1.8, 2.2]}, "wrt": ["w", "b", "v", "c"]}


@program
def maml(draw: Random) -> Body:
    phases = [0.0, 0.5, 1.0]
    x, x_new = numbers(draw, 3, 4, low=-3, high=3), numbers(draw, 3, 4, low=-3, high=3)

    def waves(places: list[list[float]]) -> list[list[float]]:
        return [[round(math.sin(p + phase), 3) for p in row] for row, phase in zip(places, phases, strict=True)]

    at = {"W": numbers(draw, 3, 4), "rate": 0.1, "x": x, "y": waves(x), "x_new": x_new, "y_new": waves(x_new)}
    return {"at": at, "wrt": ["W", "rate"]}


@program
def sgd_rate(draw: Random) -> Body:
    truth = [1.0, -2.0, 0.5]

    def labelled(size: int) -> tuple[list[list[float]], list[int]]:
        X = numbers(draw, size, 3, low=-2, high=2)
        return X, [int(sum(a * b for a, b in zip(row, truth, strict=True)) + draw.uniform(-1, 1) > 0) for row in X]

    X, y = labelled(12)
    X_new, y_new = labelled(8)
    at = {"rate": 0.3, "w": [0.0, 0.0, 0.0], "X": X, "y": y, "X_new": X_new, "y_new": y_new, "steps": 100}
    return {"at": at, "wrt": ["rate", "w"]}


@program
def nile(_: Random) -> Body:
    """The flow in 1e8 cubic metres (G. Cobb, 1978; R's `Nile`)."""
    y = """
        1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140 1100 1210 1150 1250
        1260 1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969 831 726 456 824 702 1120 1100 832 764 821
        768 845 864 862 698 845 744 796 1040 759 781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860
        874 848 890 744 749 838 1050 918 986 797 923 975 815 1020 906 901 1170 912 746 919 718 714 740"""
    return {"at": {"y": [int(v) for v in y.split()], "noise": 15099.0, "drift": 1469.1}, "wrt": ["noise", "drift"]}


@program
def kalman(draw: Random) -> Body:
    at = {
        "y": [[round(0.5 * t + draw.uniform(-0.3, 0.3), 3)] for t in range(8)],
        "F": [[1.0, 1.0], [0.0, 1.0]],
        "Q": [[0.05, 0.02], [0.02, 0.04]],
        "H": [[1.0, 0.0]],
        "R": [[0.1]],
        "mean": [0.0, 0.3],
        "P": [[1.0, 0.1], [0.1, 0.5]],
    }
    return {"at": at}


@program
def eight_schools(draw: Random) -> Body:
    at = {
        "z": numbers(draw, 8),
        "mu": 4.4,
        "log_tau": 1.2,
        "y": [28, 8, -3, 7, -1, 1, 18, 12],
        "sigma": [15, 10, 16, 11, 9, 11, 10, 18],
    }
    return {"at": at, "wrt": ["z", "mu", "log_tau"]}


@program
def logistic_regression(draw: Random) -> Body:
    at = {"w": numbers(draw, 3), "X": numbers(draw, 10, 3, low=-2, high=2), "y": bits(draw, 10), "scale": 2.5}
    return {"at": at, "wrt": ["w"]}


@program
def rnn(draw: Random) -> Body:
    N, M, C, T = 4, 2, 3, 7
    at = {
        "W": numbers(draw, N, N),
        "U": numbers(draw, N, M),
        "b": numbers(draw, N),
        "V": numbers(draw, C, N),
        "c": numbers(draw, C),
        "X": numbers(draw, T, M),
        "label": 1,
    }
    return {"at": at, "wrt": ["W", "U", "b", "V", "c"]}


@program
def heat(_: Random) -> Body:
    return {"at": {"u": [0.0, 1.0, 4.0, 9.0, 4.0, 1.0, 0.0], "r": 0.25, "steps": 30}, "wrt": ["u", "r"]}


@program
def fibonacci(_: Random) -> Body:
    return {"at": {"a": 1.0, "b": 1.0, "n": 50}, "wrt": ["a", "b"]}


@program
def newton(_: Random) -> Body:
    return {"at": {"start": [-1.2, 1.0], "a": 1.0, "b": 100.0}}


@program
def heron(_: Random) -> Body:
    return {"at": {"a": 2.0}}


@program
def gauss_newton(_: Random) -> Body:
    """Misra1a, from its nearer start."""
    y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
    x = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
    return {"at": {"b": [250.0, 0.0005], "x": x, "y": y}, "wrt": ["y"]}


@program
def curvature(draw: Random) -> Body:
    at = {"W": numbers(draw, 2, 3), "direction": numbers(draw, 2, 3), "x": numbers(draw, 5, low=-2, high=2)}
    return {"at": at, "wrt": ["W"]}


@program
def huber(draw: Random) -> Body:
    x = [float(i) for i in range(10)]
    y = [round(0.5 * a + 1 + draw.uniform(-0.4, 0.4), 3) for a in x]
    y[3], y[7] = 4.5, -5.0
    return {"at": {"slope": 0.4, "start": 1.2, "x": x, "y": y, "near": 0.5, "limit": 3.0}, "wrt": ["slope", "start"]}


@program
def flow(draw: Random) -> Body:
    D, N = 2, 3
    at = {"A": numbers(draw, D, N), "B": numbers(draw, N, D), "c": numbers(draw, N), "points": numbers(draw, 3, D)}
    return {"at": {**at, "steps": 20}, "wrt": ["A", "B", "c", "points"]}


@program
def quantised(draw: Random) -> Body:
    return {"at": {"w": numbers(draw, 3), "X": numbers(draw, 6, 3), "y": numbers(draw, 6)}, "wrt": ["w"]}


@program
def adversary(draw: Random) -> Body:
    N, D, M = 3, 2, 6
    at = {
        "W": numbers(draw, N, D),
        "v": numbers(draw, N),
        "u": numbers(draw, N),
        "X": numbers(draw, M, D, low=-2, high=2),
        "label": bits(draw, M),
        "domain": bits(draw, M),
        "strength": 0.5,
    }
    return {"at": at, "wrt": ["W", "v", "u"]}


@program
def elbo(draw: Random) -> Body:
    D = 3
    at = {
        "mean": numbers(draw, D),
        "log_std": numbers(draw, D, low=-2, high=0),
        "X": numbers(draw, 10, D, low=-2, high=2),
        "y": bits(draw, 10),
        "samples": 20,
        "seed": 7,
    }
    return {"at": at, "wrt": ["mean", "log_std"]}


if __name__ == "__main__":
    for name, body in bodies().items():
        (HERE / f"{name}.json").write_text(text(body), "utf-8")
