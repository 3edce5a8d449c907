"""A program lowered so that what it assigns can be found in its graph: each number that a name is given is marked.

For looking at intermediate results only: a mark keeps operations from being simplified, shared and left out.
"""

from __future__ import annotations

from itertools import count

from engine.graph.build import current
from engine.graph.values import Value
from engine.primitives.marks import mark
from engine.source import statement
from engine.source.exits import Exit
from engine.source.interpreter import Interpreter


class Recorder(Interpreter):
    """Marks what is assigned by the program itself, or by its one function, and not by its helpers.

    What is known when the program is compiled is not marked, and neither are whole numbers, truth values and tuples.
    """

    _numbers = count()

    def _simple(self, node: statement.Statement) -> Exit:
        found = super()._simple(node)
        if isinstance(node, statement.Assign | statement.Augment) and self._outermost():
            targets = node.targets if isinstance(node, statement.Assign) else (node.target,)
            for name in [name for target in targets for name in statement.target_names(target)]:
                value = self.scope.names.get(name.name)
                if isinstance(value, Value) and value.type.dtype == "real" and value.constant is None:
                    with current().at(node.span):
                        params = {"name": name.name, "number": next(self._numbers)}
                        self.scope.names[name.name] = current().emit(mark, [value], params)[0]
        return found

    def _outermost(self) -> bool:
        main = self._program.main
        return len(self.active) == (main is not None) and all(f.body is main.body for f in self.active if main)
