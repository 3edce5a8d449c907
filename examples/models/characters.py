"""A text as numbers of characters, and new text drawn from what a model says of the next one.

python3 characters.py model 0                        the definition, its parameters drawn from the seed 0
python3 characters.py job md_…                       the body of a training: windows of the text, in the request
python3 characters.py ask drawn.json                 the body of a question: what comes next, after each text
… | python3 characters.py add drawn.json             one more character for each text, and the next question
python3 characters.py show drawn.json                the texts
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from random import Random
from typing import Any

TEXT = Path(__file__).parent / "text" / "sonnets.txt"
LONG, APART = 40, 10
"""How long a window is, and how far apart the windows begin."""
LEARNED = 0.9
"""The part of the text that is learned from; the rest is what the model is judged by."""
TEXTS, TEMPERATURE = 3, 0.6
"""How many texts are drawn at once.  Below 1, a temperature prefers what is likely even more."""


def alphabet(text: str) -> list[str]:
    """The characters of a text; the numbers are the places in this list."""
    return sorted(set(text))


def definition(seed: int) -> dict[str, Any]:
    """A character becomes a vector, a recurrent layer keeps what came before, and the scores of the next one follow."""
    size = len(alphabet(TEXT.read_text("utf-8")))
    layers = [
        {"type": "embedding", "size": size, "units": 24},
        {"type": "gru", "units": 48, "sequences": True},
        {"type": "dense", "units": size},
    ]
    return {"input": {"shape": [LONG], "dtype": "int"}, "layers": layers, "loss": "cross_entropy", "seed": seed}


def windows(text: str) -> dict[str, list[list[int]]]:
    """Pieces of a text, and the same moved on by one character: what comes next, at every place."""
    code = {character: number for number, character in enumerate(alphabet(TEXT.read_text("utf-8")))}
    numbers = [code[character] for character in text]
    begins = range(0, len(numbers) - LONG, APART)
    return {
        "x": [numbers[begin : begin + LONG] for begin in begins],
        "y": [numbers[begin + 1 : begin + LONG + 1] for begin in begins],
    }


def job(model: str) -> dict[str, Any]:
    """The body of a training."""
    text = TEXT.read_text("utf-8")
    cut = int(LEARNED * len(text))
    return {
        "model": model,
        "data": windows(text[:cut]),
        "validation": windows(text[cut:]),
        "epochs": 8,
        "batch_size": 32,
        "method": {"name": "adam", "lr": 0.01},
        "clip": {"norm": 1},
    }


def question(drawn: list[str]) -> dict[str, Any]:
    """What comes after each text?  The state of the layer flows forward only: what fills a row up changes nothing."""
    code = {character: number for number, character in enumerate(alphabet(TEXT.read_text("utf-8")))}
    rows = [[code[character] for character in text[-LONG:]] for text in drawn]
    return {"x": [row + [0] * (LONG - len(row)) for row in rows]}


def extended(drawn: list[str], answer: dict[str, Any]) -> list[str]:
    """Each text with one more character, drawn with the probabilities of the answer."""
    if "prediction" not in answer:
        sys.exit(json.dumps(answer, indent=1, ensure_ascii=False))
    characters = alphabet(TEXT.read_text("utf-8"))
    found = []
    for i, (text, scores) in enumerate(zip(drawn, answer["prediction"], strict=True)):
        own = scores[min(len(text), LONG) - 1]
        weights = [math.exp((score - max(own)) / TEMPERATURE) for score in own]
        # What is drawn depends on the place alone, so that the same model writes the same text.
        found.append(text + Random(1000 * i + len(text)).choices(characters, weights)[0])
    return found


if __name__ == "__main__":
    ask = sys.argv[1]
    if ask == "model":
        print(json.dumps(definition(int(sys.argv[2]))))
    elif ask == "job":
        print(json.dumps(job(sys.argv[2])))
    else:
        file = Path(sys.argv[2])
        drawn = json.loads(file.read_text("utf-8")) if file.exists() else ["\n"] * TEXTS
        if ask == "add":
            drawn = extended(drawn, json.load(sys.stdin))
            file.write_text(json.dumps(drawn), "utf-8")
        if ask in ("add", "ask"):
            print(json.dumps(question(drawn)))
        else:
            print(*(text.strip("\n") for text in drawn), sep="\n---\n")
