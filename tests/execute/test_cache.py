"""The cache: bounded by count and by weight, least recently used out first, from many threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cache import Cache


def kept(cache: Cache[int], keys: str) -> str:
    """Which keys are still there, without looking them up in the cache itself (that would make them recent)."""
    return "".join(key for key in keys if key in cache._items)


def test_what_was_put_in_comes_out() -> None:
    cache: Cache[int] = Cache(10, 1_000)
    cache.put("a", 1, 10)
    assert cache.get("a") == 1
    assert cache.get("b") is None
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_a_falsy_item_is_an_item() -> None:
    cache: Cache[int] = Cache(10, 1_000)
    cache.put("a", 0, 10)
    assert cache.get("a") == 0
    assert (cache.hits, cache.misses) == (1, 0)


def test_the_count_is_bounded_and_the_oldest_goes_first() -> None:
    cache: Cache[int] = Cache(3, 1_000)
    for key in "abcde":
        cache.put(key, ord(key), 1)
    assert kept(cache, "abcde") == "cde"


def test_looking_up_makes_recent() -> None:
    cache: Cache[int] = Cache(3, 1_000)
    for key in "abc":
        cache.put(key, 0, 1)
    cache.get("a")
    cache.put("d", 0, 1)
    assert kept(cache, "abcd") == "acd"
    cache.get("c")
    cache.put("e", 0, 1)
    assert kept(cache, "abcde") == "cde"


def test_putting_again_replaces_and_makes_recent() -> None:
    cache: Cache[int] = Cache(3, 1_000)
    for key in "abc":
        cache.put(key, 0, 1)
    cache.put("a", 5, 1)
    cache.put("d", 0, 1)
    assert kept(cache, "abcd") == "acd"
    assert cache.get("a") == 5


def test_the_weight_is_bounded() -> None:
    cache: Cache[int] = Cache(100, 100)
    for key in "abcdef":
        cache.put(key, 0, 20)
    assert kept(cache, "abcdef") == "bcdef"
    cache.put("g", 0, 25)
    assert kept(cache, "abcdefg") == "defg"


def test_the_weight_of_a_replaced_item_counts_no_longer() -> None:
    cache: Cache[int] = Cache(100, 100)
    for _ in range(50):
        cache.put("a", 0, 25)
    cache.put("b", 0, 25)
    cache.put("c", 0, 25)
    cache.put("d", 0, 25)
    assert kept(cache, "abcd") == "abcd"


@pytest.mark.parametrize(("weight", "there"), [(50, True), (51, False), (1_000, False)])
def test_what_is_heavier_than_half_is_not_kept(weight: int, there: bool) -> None:
    cache: Cache[int] = Cache(100, 100)
    cache.put("a", 0, 20)
    cache.put("b", 0, weight)
    assert kept(cache, "ab") == ("ab" if there else "a")


def test_a_cache_of_no_entries_keeps_nothing() -> None:
    cache: Cache[int] = Cache(0, 1_000)
    cache.put("a", 0, 1)
    assert cache.get("a") is None


class Model:
    """The same cache, written plainly: a list from the oldest to the most recent."""

    def __init__(self, entries: int, weight: int) -> None:
        self.entries, self.weight = entries, weight
        self.items: list[tuple[Hashable, int, int]] = []

    def get(self, key: Hashable) -> int | None:
        """Look up, and move to the end."""
        found = next((item for item in self.items if item[0] == key), None)
        if found is None:
            return None
        self.items.remove(found)
        self.items.append(found)
        return found[1]

    def put(self, key: Hashable, value: int, weight: int) -> None:
        """Enter, and drop from the front."""
        if weight > self.weight // 2 or not self.entries:
            return
        self.items = [item for item in self.items if item[0] != key] + [(key, value, weight)]
        while len(self.items) > self.entries or sum(item[2] for item in self.items) > self.weight:
            self.items.pop(0)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("get"), st.integers(0, 6)),
        st.tuples(st.just("put"), st.integers(0, 6), st.integers(0, 99), st.integers(0, 15)),
    ),
    max_size=40,
)


@given(actions, st.integers(0, 5), st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_any_history_leaves_what_the_plain_cache_has(
    history: list[tuple[object, ...]], entries: int, weight: int
) -> None:
    cache: Cache[int] = Cache(entries, weight)
    model = Model(entries, weight)
    for action, *arguments in history:
        assert getattr(cache, str(action))(*arguments) == getattr(model, str(action))(*arguments)
        assert len(cache) == len(model.items)
    for key in range(7):
        assert cache.get(key) == model.get(key)


def test_threads_find_only_what_belongs_to_the_key() -> None:
    cache: Cache[tuple[int, int]] = Cache(20, 200)
    count, rounds = 8, 1_500
    wrong: list[object] = []
    together = threading.Barrier(count)

    def work(number: int) -> None:
        draw = random.Random(number)
        together.wait(20.0)
        for _ in range(rounds):
            key = draw.randrange(40)
            if draw.random() < 0.5:
                cache.put(key, (key, number), draw.randrange(1, 20))
            else:
                found = cache.get(key)
                if found is not None and found[0] != key:
                    wrong.append(found)
            if len(cache) > 20:
                wrong.append(len(cache))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert wrong == []
    assert cache.hits + cache.misses > rounds
    assert cache._held == sum(weight for _, weight in cache._items.values()) <= 200
