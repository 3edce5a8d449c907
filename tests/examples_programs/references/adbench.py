"""The objectives of ADBench, written down a second time: by scalars, and functions of complex numbers too."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import multigammaln

Array = np.ndarray[Any, Any]


def gmm(alphas: Array, means: Array, icf: Array, x: Array, gamma: Array, m: Array) -> Any:
    (N, D), K = x.shape, len(alphas)
    factors = []
    for k in range(K):
        Q = np.diag(np.exp(icf[k, :D]))
        rows, columns = np.triu_indices(D, 1)
        Q[columns, rows] = icf[k, D:]
        factors.append(Q)
    total = -0.5 * N * D * np.log(2 * np.pi)
    for n in range(N):
        terms = []
        for k in range(K):
            z = factors[k] @ (x[n] - means[k])
            terms.append(alphas[k] + np.sum(icf[k, :D]) - 0.5 * np.sum(z * z))
        total += np.log(np.sum(np.exp(terms))) - np.log(np.sum(np.exp(alphas)))
    n_wishart = D + int(m) + 1
    for k in range(K):
        total += 0.5 * gamma**2 * np.sum(factors[k] * factors[k]) - m * np.sum(icf[k, :D])
        total -= n_wishart * D * (np.log(gamma) - 0.5 * np.log(2)) - multigammaln(0.5 * n_wishart, D)
    return total


def turn(axis_angle: Array) -> Array:
    """The matrix of a rotation, from quaternions."""
    angle = np.sqrt(np.sum(axis_angle * axis_angle))
    w = np.cos(angle / 2)
    x, y, z = axis_angle / angle * np.sin(angle / 2)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def bundle_adjustment(
    cameras: Array, points: Array, weights: Array, features: Array, camera_of: Array, point_of: Array
) -> Any:
    errors = []
    for i, weight in enumerate(weights):
        camera = cameras[int(camera_of[i])]
        x, y, z = turn(camera[:3]) @ (points[int(point_of[i])] - camera[3:6])
        u, v = x / z, y / z
        stretch = camera[6] * (1 + camera[9] * (u * u + v * v) + camera[10] * (u * u + v * v) ** 2)
        errors += [weight * (stretch * u + camera[7] - features[i, 0])]
        errors += [weight * (stretch * v + camera[8] - features[i, 1])]
    return np.array([*errors, *(1 - weights * weights)])


def hand(
    theta: Array,
    parents: Array,
    rest: Array,
    inverse_rest: Array,
    skin: Array,
    weights: Array,
    measured: Array,
    vertex_of: Array,
) -> Any:
    bones = len(parents)
    flexion, spread = np.zeros(bones, theta.dtype), np.zeros(bones, theta.dtype)
    flexion[1:] = np.delete(theta[6:], slice(1, None, 4))
    spread[1::3] = theta[7::4]

    def place(bone: int) -> Array:
        own = np.eye(4, dtype=theta.dtype)
        a, b = flexion[bone], spread[bone]
        own[:3, 0] = [np.cos(b), np.sin(b), 0]
        own[:3, 1] = [-np.sin(b) * np.cos(a), np.cos(b) * np.cos(a), np.sin(a)]
        own[:3, 2] = [np.sin(b) * np.sin(a), -np.cos(b) * np.sin(a), np.cos(a)]
        relative: Array = rest[bone] @ own
        return relative if bone == 0 else np.asarray(place(int(parents[bone])) @ relative)

    errors = []
    for vertex, point in zip(vertex_of, measured, strict=True):
        v = int(vertex)
        bent = sum(weights[v, b] * (place(b) @ (inverse_rest[b] @ skin[v])) for b in range(bones))
        errors.append(point - (turn(theta[:3]) @ bent[:3] + theta[3:6]))
    return np.concatenate(errors)


def lstm(main: Array, extra: Array, state: Array, sequence: Array) -> Any:
    layers, b = len(main) // 2, sequence.shape[1]
    kind = np.result_type(main, extra, state, float)
    hidden, cell = state[0::2].astype(kind), state[1::2].astype(kind)
    total = 0.0
    for now, following in pairwise(sequence):
        output = np.empty(b, kind)
        for i in range(b):
            x = now[i] * extra[0, i]
            for layer in range(layers):
                w, c = main[2 * layer, i::b], main[2 * layer + 1, i::b]
                h = hidden[layer, i]
                forget = 1 / (1 + np.exp(-(x * w[0] + c[0])))
                let_in = 1 / (1 + np.exp(-(h * w[1] + c[1])))
                let_out = 1 / (1 + np.exp(-(x * w[2] + c[2])))
                cell[layer, i] = forget * cell[layer, i] + let_in * np.tanh(h * w[3] + c[3])
                x = hidden[layer, i] = let_out * np.tanh(cell[layer, i])
            output[i] = x * extra[1, i] + extra[2, i]
        total = total - np.sum(following * (output - np.log(2 + np.sum(np.exp(output)))))
    return total / (b * (len(sequence) - 1))
