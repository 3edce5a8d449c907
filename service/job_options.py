"""The arguments and options of `adjoint job submit`, in the panels of its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def _option(help: str, panel: str | None = None, *names: str) -> Any:
    return typer.Option(*names, help=help, show_default=False, rich_help_panel=panel)


def _repeated(help: str, panel: str) -> Any:
    return _option(f"{help} May be repeated.", panel)


Objective = Annotated[
    str | None,
    typer.Argument(help="The objective, such as 'x^2+y^2', or a file of a program, NAME.adj.", show_default=False),
]
Start = Annotated[
    list[str] | None,
    typer.Argument(help="The variables and where they start: x=1, w=[0,0], W=@FILE.json.", show_default=False),
]

_OBJECTIVE = "The objective"
Data = Annotated[list[str] | None, _repeated("An input that stays fixed: X=[[1,2],[3,4]], y=@FILE.json.", _OBJECTIVE)]
Bounds = Annotated[list[str] | None, _repeated("Bounds of a variable: x=[0,null].", _OBJECTIVE)]
Maximize = Annotated[bool, _option("Look for the largest value.", _OBJECTIVE, "--maximize")]
Program = Annotated[
    Path | None, _option("A file with a program, in place of an expression; - is standard input.", _OBJECTIVE)
]
Function = Annotated[str | None, _option("The id or name of a stored function, in place of an expression.", _OBJECTIVE)]
File = Annotated[
    Path | None, _option("A request body; arguments replace what is in it. - is standard input.", _OBJECTIVE)
]
Precision = Annotated[str | None, _option("auto (the default), float64 or exact.", _OBJECTIVE)]

_METHOD = "The method"
Method = Annotated[str | None, _option("The name of a method; or JSON, name and options. Default: auto.", _METHOD)]
Options = Annotated[list[str] | None, _repeated("An option of the method: lr=0.02.", _METHOD)]
Schedule = Annotated[str | None, _option("The name of a schedule of the learning rate; or JSON.", _METHOD)]
Clip = Annotated[str | None, _option("How gradients are clipped: norm=1, value=0.5; or JSON.", _METHOD)]

_END = "When it ends"
Steps = Annotated[int | None, _option("After so many steps. Default: 1000.", _END)]
Seconds = Annotated[float | None, _option("After so much time.", _END)]
Target = Annotated[float | None, _option("At a value as good as this.", _END)]
GradNorm = Annotated[float | None, _option("Where the norm of the gradient is at most this.", _END)]
RelativeChange = Annotated[float | None, _option("When a step changes the value by at most this part of it.", _END)]
Idle = Annotated[int | None, _option("When so many steps in a row have not improved the best value.", _END)]

_STARTS = "Several starts"
Starts = Annotated[int | None, _option("How many, drawn between --low and --high.", _STARTS)]
Low = Annotated[list[str] | None, _repeated("The lower end: a number for all variables, or x=-2.", _STARTS)]
High = Annotated[list[str] | None, _repeated("The upper end: a number for all variables, or x=2.", _STARTS)]
Seed = Annotated[int | None, _option("What everything random is drawn from. Default: 0.", _STARTS)]

Every = Annotated[int | None, _option("Keep one step of so many in the history.")]
Key = Annotated[str | None, _option("A word of your own: the same request with it again is the same job.")]
Wait = Annotated[bool, typer.Option(help="Watch the job to its end; otherwise print its id.")]
