"""Generated programs: well typed, with values of moderate size, and every sort of control flow.

A program is a function of the numbers x and y, the array v of four numbers and the whole number n; its result is a
number.  A number for the seed makes a program, always the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

SIZE = 4
"""All arrays have as many elements."""
POINTS = ({"x": 0.73, "y": -0.41, "n": 3}, {"x": -1.27, "y": 0.88, "n": 0}, {"x": 0.19, "y": 1.61, "n": 4})
ARRAYS = ((0.31, -0.77, 1.13, 0.52), (1.41, 0.23, -0.68, -0.35), (-0.57, 0.91, 0.44, -1.2))
AT = tuple({**point, "v": list(array)} for point, array in zip(POINTS, ARRAYS, strict=True))


@dataclass
class _Names:
    """What the names in reach are."""

    numbers: list[str] = field(default_factory=lambda: ["x", "y"])
    whole: list[str] = field(default_factory=lambda: ["n"])
    arrays: list[str] = field(default_factory=lambda: ["v"])
    functions: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    takers: list[str] = field(default_factory=list)
    """Functions of one number and perhaps another, functions that return two, and functions of an array and a
    number."""

    def copy(self) -> _Names:
        return _Names(
            *(list(part) for part in (self.numbers, self.whole, self.arrays)),
            *(list(part) for part in (self.functions, self.pairs, self.takers)),
        )


class Writer:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lines: list[str] = []
        self._indent = 0
        self._names = _Names()
        self._frozen: frozenset[str] = frozenset()
        self._count = 0
        self._loops = 0
        self._functions = 0

    def program(self) -> str:
        """The text."""
        for _ in range(self._random.randint(3, 6)):
            self._statement()
        names = self._names
        # Everything that is left has a share in the result.
        parts = [f"{self._literal()}*{name}" for name in names.numbers]
        parts += [f"0.3*sum({name}*[1, -2, 3, 0.5])" for name in names.arrays]
        self._line(f"return {' + '.join(parts)} + {self._number(2)}")
        return "\n".join(self._lines)

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._indent + text)

    def _fresh(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)

    # Expressions

    def _number(self, depth: int = 1) -> str:
        pick, names = self._random, self._names
        if depth <= 0 or pick.random() < 0.15:
            kinds = [pick.choice(names.numbers)] * 4 + [self._literal()]
            kinds.append(f"{pick.choice(names.arrays)}[{self._index()}]")
            return pick.choice(kinds)
        a, b = self._number(depth - 1), self._number(depth - 1)
        kinds = [
            f"({a} + {b})",
            f"({a} - {b})",
            f"{a}*{b}",
            f"sin({a})",
            f"cos({a} + {b})",
            f"tanh({a})",
            f"exp(-({a})^2)",
            f"{a}/(1 + ({b})^2)",
            f"sqrt(2 + sin({a}))",
            f"({a})^2*0.3",
            f"0.1*{pick.choice(names.whole)}*{a}",
            f"({a} if {self._condition()} else {b})",
            f"sum({self._array(0)})*0.25",
            f"sum({pick.choice(names.arrays)}[{self._slice()}])",
            f"sum({self._item('j')} for j in range({pick.randint(0, 4)}))",
            f"sum([w*{self._literal()} for w in {pick.choice(names.arrays)}])",
        ]
        if names.functions:
            function = pick.choice(names.functions)
            kinds += [f"{function}({a})", f"{function}({a}, s={b})", f"grad({function})({a})"]
        if names.takers:
            kinds.append(f"{pick.choice(names.takers)}({pick.choice(names.arrays)}, {a})")
        return pick.choice(kinds)

    def _item(self, index: str) -> str:
        array, a = self._random.choice(self._names.arrays), self._number(0)
        return self._one(f"{array}[{index}]*{a}", f"sin({a}*{index})", f"{a}/({index} + 1)")

    def _literal(self) -> str:
        return self._one("0.7", "-0.4", "1.3", "0.25", "2", "1e-1")

    def _index(self) -> str:
        return self._one(
            *(str(i) for i in range(-SIZE, SIZE)),
            *[f"{self._random.choice(self._names.whole)} % {SIZE}"] * 4,
        )

    def _slice(self) -> str:
        return self._one("1:3", ":2", "-2:", "::2", "::-1", "1:1", "3:0:-2")

    def _array(self, depth: int = 1) -> str:
        pick, names = self._random, self._names
        name = pick.choice(names.arrays)
        if depth <= 0:
            return name
        a = self._number(1)
        return self._one(
            f"{name}*{self._number(0)}",
            f"sin({name} + {a})",
            f"{name} + {pick.choice(names.arrays)}*0.5",
            f"[{a}, {self._number(0)}, {self._number(0)}, 0.5]",
            f"[{self._item('j')} for j in range({SIZE})]",
            f"[tanh(w*{self._number(0)}) for w in {name}]",
            f"[w - u for w, u in zip({name}, {pick.choice(names.arrays)})]",
            f"zeros({SIZE})",
            f"({name} if {self._condition()} else {pick.choice(names.arrays)})",
        )

    def _condition(self) -> str:
        pick = self._random
        whole, a = pick.choice(self._names.whole), self._number(0)
        one = self._one(
            f"{a} > {self._number(0)} + 0.137",
            f"{a} < 0.2137",
            f"sin({a}) > 0.177",
            f"{whole} % 2 == 0",
            f"{whole} >= 2",
            f"not {whole} > 1",
        )
        if pick.random() < 0.2:
            return f"({one} {self._one('and', 'or')} {self._number(0)} > -0.513)"
        return one

    # Statements

    def _statement(self) -> None:
        kinds: list[tuple[Callable[[], None], int]] = [
            (self._assign, 4),
            (self._augment, 3),
            (self._elements, 3),
            (self._swap, 2),
            (self._whole, 1),
            (self._alias, 1),
        ]
        if self._indent < 4:
            kinds.append((self._if, 3))
        if self._loops < 2:
            kinds += [(self._for, 4), (self._while, 2), (self._fill, 2)]
        if not self._functions and not self._loops:
            kinds += [(self._define, 3), (self._recursion, 1), (self._lambda, 1)]
        if self._loops and self._random.random() < 0.3:
            kinds.append((self._jump, 6))
        kind, weight = zip(*kinds, strict=True)
        self._random.choices(kind, weight)[0]()

    def _block(self, least: int = 1, most: int = 3) -> None:
        before, lines = self._names.copy(), len(self._lines)
        self._indent += 1
        for _ in range(self._random.randint(least, most)):
            self._statement()
        if least and len(self._lines) == lines:
            self._line("pass")
        self._indent -= 1
        self._names = before

    def _written(self, names: list[str], letter: str) -> str:
        """A name to assign to, new or not."""
        own = [name for name in names if name not in self._frozen]
        if own and self._random.random() < 0.7:
            return self._random.choice(own)
        return self._fresh(letter)

    def _kept(self, value: str) -> str:
        """A value that stays of moderate size, however often it is assigned."""
        return self._one(f"sin({value})", f"tanh({value})", f"0.5*cos({value})", f"({value})/(1 + ({value})^2)")

    def _assign(self) -> None:
        if self._random.random() < 0.3:
            value, name = self._array(), self._written(self._names.arrays, "p")
            self._line(f"{name} = {value if not self._loops else f'tanh({value})'}")
            self._enter(self._names.arrays, name)
            return
        value, name = self._number(2), self._written(self._names.numbers, "a")
        self._line(f"{name} = {value if not self._loops else self._kept(value)}")
        self._enter(self._names.numbers, name)

    def _enter(self, names: list[str], name: str) -> None:
        if name not in names:
            names.append(name)

    def _augment(self) -> None:
        own = [name for name in self._names.numbers if name not in self._frozen]
        if own:
            name = self._random.choice(own)
            self._line(f"{name} {self._one('+', '-', '*', '/')}= 1.5 + 0.5*sin({self._number(1)})")

    def _target(self) -> str | None:
        """An array that may be written to."""
        own = [name for name in self._names.arrays if name not in self._frozen]
        return self._random.choice(own) if own else None

    def _elements(self) -> None:
        name = self._target()
        if name is None:
            return
        a = self._kept(self._number(1))
        other = self._random.choice(self._names.arrays)
        self._line(
            self._one(
                f"{name}[{self._index()}] = {a}",
                f"{name}[{self._index()}] += 0.5*{a}",
                f"{name}[1:3] = {other}[2:]*0.5",
                f"{name}[::2] += {a}",
                f"{name}[::-1] = tanh({other})",
                f"{name}[-3:-1] *= {a}",
                f"{name}[:] = {a}",
                f"{name}[0], {name}[1] = {name}[1], {other}[{self._index()}]",
            )
        )

    def _swap(self) -> None:
        pick, names = self._random, self._names
        kinds = [part for part in (names.numbers, names.arrays) if len(set(part) - self._frozen) > 1]
        if not kinds:
            return
        a, b = pick.sample(sorted(set(pick.choice(kinds)) - self._frozen), 2)
        if a in names.numbers and names.pairs and pick.random() < 0.6:
            self._line(f"{a}, {b} = {pick.choice(names.pairs)}({b}, {self._number(0)})")
        else:
            self._line(f"{a}, {b} = {b}, {a}")

    def _whole(self) -> None:
        name = self._fresh("k")
        self._line(f"{name} = {self._one('0', '2', 'n', f'{self._random.choice(self._names.whole)} + 1')}")
        if self._random.random() < 0.5:
            self._line(f"{name} = {name} // 2 if {self._condition()} else {name}")
        self._enter(self._names.whole, name)

    def _alias(self) -> None:
        name, source = self._fresh("p"), self._random.choice(self._names.arrays)
        self._line(f"{name} = {source}")
        self._line(f"{name}[{self._index()}] = {self._kept(self._number(1))}")
        self._enter(self._names.arrays, name)

    def _if(self) -> None:
        self._line(f"if {self._condition()}:")
        self._block()
        while self._random.random() < 0.3:
            self._line(f"elif {self._condition()}:")
            self._block()
        if self._random.random() < 0.5:
            self._line("else:")
            self._block()

    def _jump(self) -> None:
        self._line(f"if {self._condition()}:")
        before = self._names.copy()
        self._indent += 1
        if self._random.random() < 0.4:
            self._assign()
        jumps = ["break", "continue", "break"]
        if not self._functions or self._returns:
            jumps.append(f"return {self._returned()}")
        self._line(self._random.choice(jumps))
        self._indent -= 1
        self._names = before

    _returns = True
    _pair = False

    def _returned(self) -> str:
        return f"{self._number(0)}, {self._number(1)}" if self._pair else self._number(1)

    def _for(self) -> None:
        pick = self._random
        names, name = self._names.copy(), self._fresh("i")
        array = pick.choice(names.arrays)
        whole = pick.choice(names.whole)
        few = f"{whole} % 4"
        element = self._fresh("w")
        header, numbers, indices = pick.choice(
            [
                (f"{name} in range({pick.randint(0, 6)})", [], [name]),
                (f"{name} in range({few})", [], [name]),
                (f"{name} in range(n)", [], [name]),
                (f"{name} in range(n, 0, -1)", [], [name]),
                (f"{name} in range(1, {few}, 2)", [], [name]),
                (f"{name} in range(5, -1, -2)", [], [name]),
                (f"{name} in reversed(range({few}))", [], [name]),
                (f"{element} in {array}", [element], []),
                (f"{element} in reversed({array})", [element], []),
                (f"{name}, {element} in enumerate({array})", [element], [name]),
                (f"{name}, {element} in zip(range(n), {array})", [element], [name]),
                (f"{element} in {array}[1:]", [element], []),
            ]
        )
        self._line(f"for {header}:")
        before = self._names
        self._names = names
        names.numbers += numbers
        names.whole += indices
        self._loops += 1
        self._block()
        self._loops -= 1
        self._names = before

    def _while(self) -> None:
        count = self._fresh("k")
        self._line(f"{count} = 0")
        bound = self._one("n", "4", "3")
        own = [name for name in self._names.numbers if name not in self._frozen]
        kind = self._one("count", "data", "endless") if own else "count"
        moving = self._random.choice(own) if own else ""
        test = {"count": f"{count} < {bound}", "data": f"{moving} < 1.3713 and {count} < 5", "endless": "True"}[kind]
        self._line(f"while {test}:")
        self._indent += 1
        self._line(f"{count} += 1")
        if kind == "endless":
            self._line(f"if {count} > {bound}:")
            self._line("    break")
        elif kind == "data":
            self._line(f"{moving} = {moving}*0.9 + 0.3*(1.1 + {self._kept(self._number(1))})")
        self._indent -= 1
        before = self._names.copy()
        self._names.whole.append(count)
        self._loops += 1
        self._block()
        self._loops -= 1
        self._names = before
        self._names.whole.append(count)

    def _fill(self) -> None:
        name, index = self._fresh("p"), self._fresh("i")
        self._line(f"{name} = zeros({SIZE})")
        first = self._random.randint(0, 1)
        self._line(f"for {index} in range({first}, {SIZE}):")
        before = self._names.copy()
        self._names.whole.append(index)
        self._names.arrays.append(name)
        self._indent += 1
        self._line(f"{name}[{index}] = {self._kept(f'{name}[{index} - 1] + {self._number(1)}')}")
        self._indent -= 1
        self._loops += 1
        self._block(0, 1)
        self._loops -= 1
        self._names = before
        self._names.arrays.append(name)

    def _define(self) -> None:
        """A function: of a number and perhaps another, of an array and a number, or one that returns two numbers."""
        kind = self._one("number", "number", "pair", "array")
        name, a, s = self._fresh("f"), self._fresh("t"), "s"
        first = self._fresh("p") if kind == "array" else a
        default = "" if kind != "number" else f"={self._number(0)}"
        self._line(f"def {name}({first}, {s}{default}):")
        before, frozen = self._names.copy(), self._frozen
        self._frozen = frozenset((*self._names.numbers, *self._names.arrays, *self._names.whole))
        self._names.numbers += [s] if kind == "array" else [a, s]
        if kind == "array":
            self._names.arrays.append(first)
        self._functions += 1
        self._pair = kind == "pair"
        loops, self._loops = self._loops, 0
        self._indent += 1
        for _ in range(self._random.randint(1, 3)):
            self._statement()
        if self._random.random() < 0.4:
            self._line(f"if {self._condition()}:")
            self._line(f"    return {self._returned()}")
        self._line(f"return {self._returned()}")
        self._indent -= 1
        self._loops = loops
        self._functions -= 1
        self._pair = False
        self._names, self._frozen = before, frozen
        kinds = {"number": before.functions, "pair": before.pairs, "array": before.takers}
        kinds[kind].append(name)

    def _lambda(self) -> None:
        name = self._fresh("f")
        before = self._names.copy()
        self._names.numbers += ["t", "s"]
        body = self._number(2)
        self._names = before
        self._line(f"{name} = lambda t, s={self._number(0)}: {body}")
        self._names.functions.append(name)

    def _recursion(self) -> None:
        name, inner = self._fresh("r"), self._fresh("f")
        before, frozen = self._names.copy(), self._frozen
        self._names.numbers.append("t")
        self._line(f"def {name}(t, k):")
        self._line("    if k == 0:")
        self._line(f"        return {self._kept('t')}")
        self._line(f"    if {self._condition()}:")
        self._line(f"        return {name}({self._kept(self._number(1))}, k - 1)")
        self._line(f"    return {self._kept('t')}*0.7 + {name}(t*{self._number(0)}, k - 1)")
        self._names, self._frozen = before, frozen
        self._line(f"{inner} = lambda t, s=1: {name}(t*s, {self._random.randint(0, 3)})")
        self._names.functions.append(inner)


def program(seed: int) -> str:
    """The program of a number."""
    return Writer(seed).program()
