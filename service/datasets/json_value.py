"""A JSON body becomes columns: arrays by name, or lists of texts."""

from __future__ import annotations

from typing import Any

from engine.errors import Fault, LimitExceeded
from engine.limits import Budget
from service.arrays import NON_FINITE, ArrayFault, to_array
from service.datasets.labels import Labels, check_total
from service.datasets.options import MOST_FAULTS, Options, chosen
from service.datasets.table import Column, check_bytes, check_count, refuse
from service.pointers import pointer
from service.reader import is_packed, short
from service.settings import Settings


def read_json(content: Any, options: Options, settings: Settings, budget: Budget) -> list[Column]:
    """The columns of a decoded body.  Raises `InvalidRequest` with all faults."""
    place: tuple[str, ...] = ()
    if type(content) is dict and list(content) == ["columns"]:
        inner = content["columns"]
        if type(inner) is dict and not is_packed(inner):
            content, place = inner, ("columns",)
    if type(content) is not dict:
        refuse([Fault("", "The body has to be an object of arrays by name.")], '{"x": [1, 2, 3], "y": [2, 4, 6]}')
    check_count(len(content), settings)
    names = list(content)
    faults: list[Fault] = []
    columns: list[Column] = []
    labels: list[Labels] = []
    room = 0
    for index in chosen(options.columns, names, [None] * len(names)) if names else ():
        budget.check()
        name, value = names[index], content[names[index]]
        at = (*place, short(name))
        try:
            if _is_texts(value):
                labels.append(Labels(name, settings))
                codes, texts = labels[-1].settle(labels[-1].codes(value))
                columns.append(Column(name, codes, labels=texts))
            else:
                columns.append(Column(name, to_array(value, settings.dataset_bytes)))
        except ArrayFault as fault:
            faults.append(fault.under(*at))
            if len(faults) >= MOST_FAULTS:
                break
            continue
        except LimitExceeded as error:
            error.faults = [Fault(pointer(at), error.detail)]
            raise
        room += columns[-1].array.nbytes
        check_bytes(room, settings)
    refuse(faults)
    check_total(labels, settings)
    return columns


def _is_texts(value: Any) -> bool:
    """Whether a value is a list of strings that are not all numbers."""
    return type(value) is list and set(map(type, value)) == {str} and not NON_FINITE.keys() >= set(value)
