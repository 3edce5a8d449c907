"""Programs drawn at random: assignments, branches and loops, over numbers `x` and `y`, an array `v` and a whole `n`."""

from __future__ import annotations

from random import Random


class Generator:
    """Draws one program; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.numbers = ["x", "y"]
        self.whole: list[str] = []
        self.names = 0

    def program(self) -> str:
        """Statements, and a result that depends on everything."""
        lines = [line for _ in range(3) for line in self.statement("", 3, looping=False)]
        return "\n".join([*lines, f"return x + 2*y + sum(v^2) + {self.expression(2)}"])

    def expression(self, depth: int) -> str:
        """A number."""
        chance = self.draw.random()
        if depth == 0 or chance < 0.3:
            element = f"v[{self.index()}]"
            return self.draw.choice([*self.numbers, *self.numbers, element, element, "0.5", "-0.7"])
        a, b = self.expression(depth - 1), self.expression(depth - 1)
        if chance < 0.7:
            return f"({a} {self.draw.choice('+-*')} {b})"
        if chance < 0.86:
            return f"{self.draw.choice(['tanh', 'sin'])}({a})"
        if chance < 0.9:
            return "sum(v)"
        if chance < 0.95 and self.whole:
            return f"({a} + {self.draw.choice(self.whole)})"
        return f"({a} if {self.condition()} else {b})"

    def index(self) -> str:
        """One of three elements."""
        if self.whole and self.draw.random() < 0.6:
            return f"{self.draw.choice(self.whole)} % 3"
        return self.draw.choice(["0", "1", "2", "-1"])

    def condition(self) -> str:
        """About numbers, or about the step of a loop."""
        if self.whole and self.draw.random() < 0.4:
            return f"{self.draw.choice(self.whole)} % 2 == {self.draw.randrange(2)}"
        return f"{self.expression(1)} {self.draw.choice('<>')} {self.expression(1)}"

    def block(self, indent: str, depth: int, looping: bool) -> list[str]:
        """Up to three statements."""
        return [line for _ in range(self.draw.randint(1, 3)) for line in self.statement(indent, depth, looping)]

    def statement(self, indent: str, depth: int, looping: bool) -> list[str]:
        """One, with what belongs to it; `looping` inside of a loop."""
        chance = self.draw.random()
        if depth == 0 or chance < 0.35:
            return [indent + self.assignment()]
        inner = indent + "    "
        if chance < 0.6:
            lines = [f"{indent}if {self.condition()}:", *self.block(inner, depth - 1, looping)]
            if self.draw.random() < 0.3:
                lines += [f"{indent}elif {self.condition()}:", *self.block(inner, depth - 1, looping)]
            if self.draw.random() < 0.6:
                lines += [f"{indent}else:", *self.block(inner, depth - 1, looping)]
            return lines
        if chance < 0.8:
            return self.loop(indent, depth)
        if chance < 0.88:
            k = self.name("k")
            start = [f"{indent}{k} = 0", f"{indent}while {k} < {self.draw.randint(1, 5)} and {self.condition()}:"]
            self.whole.append(k)
            body = self.block(inner, depth - 1, looping=True)
            self.whole.remove(k)
            return [*start, f"{inner}{k} += 1", *body]
        leave = self.draw.choice(["break", "continue"]) if looping and chance < 0.95 else f"return {self.expression(2)}"
        return [f"{indent}if {self.condition()}:", inner + leave]

    def assignment(self) -> str:
        """To a number, an element, the array, or two at once; what grows is kept small."""
        chance, small = self.draw.random(), f"tanh({self.expression(2)})"
        how = self.draw.choice(["=", "+=", "-="])
        if chance < 0.5:
            return f"{self.draw.choice('xy')} {how} {small}"
        if chance < 0.8:
            return f"v[{self.index()}] {how} {small}"
        return f"v = v*{small}" if chance < 0.9 else f"x, y = {self.expression(1)}, {self.expression(1)}"

    def loop(self, indent: str, depth: int) -> list[str]:
        """Over a range, an array, or an array with numbers."""
        i, w, chance = self.name("i"), self.name("w"), self.draw.random()
        counts = ["2", "3", "n", "1, 4", "3, 0, -1", *self.whole[-1:]]
        if chance < 0.5:
            head, whole, numbers = f"for {i} in range({self.draw.choice(counts)}):", [i], []
        elif chance < 0.75:
            head, whole, numbers = f"for {i}, {w} in enumerate(v):", [i], [w]
        else:
            head, whole, numbers = f"for {w} in v:", [], [w]
        before = self.whole, self.numbers
        self.whole, self.numbers = self.whole + whole, self.numbers + numbers
        body = self.block(indent + "    ", depth - 1, looping=True)
        self.whole, self.numbers = before
        return [indent + head, *body]

    def name(self, letter: str) -> str:
        """One that is new."""
        self.names += 1
        return f"{letter}{self.names}"
