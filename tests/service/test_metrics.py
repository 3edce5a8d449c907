"""Counters in the text format of Prometheus."""

from __future__ import annotations

import io

from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.settings import Settings
from tests.service.asgi import Client


def samples(client: Client) -> dict[tuple[str, ...], float]:
    """All samples by name and label values."""
    text = client.get("/metrics").body.decode()
    return {
        (
            sample.name,
            *(value for _, value in sorted(sample.labels.items(), key=lambda label: label[0] != "route")),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status() -> None:
    client = Client(create_app(Settings(), io.StringIO()))
    for expr in ("x^2", "x^2", "x^2", "(x"):
        client.grad(expr, {"x": 1})
    client.get("/some/secret/path")
    found = samples(client)
    assert found["adjoint_requests_total", "/grad", "200"] == 3
    assert found["adjoint_requests_total", "/grad", "422"] == 1
    assert found["adjoint_requests_total", "unmatched", "404"] == 1
    assert found["adjoint_request_seconds_count", "/grad"] == 4
    assert found["adjoint_request_seconds_bucket", "/grad", "+Inf"] == 4
    buckets = [value for key, value in found.items() if key[:2] == ("adjoint_request_seconds_bucket", "/grad")]
    assert buckets == sorted(buckets)
    assert found[("adjoint_in_flight",)] == 1, "the one that asks"
    assert (found[("adjoint_heavy_running",)], found[("adjoint_heavy_waiting",)]) == (0, 0)
    assert found[("adjoint_cache_entries",)] == 1
    assert found[("adjoint_cache_hits_total",)] == 2
    assert {key[1] for key in found if key[0] == "adjoint_engine_seconds_total"} == {"parse", "derive", "run"}


def test_the_media_type_is_the_one_prometheus_asks_for(client: Client) -> None:
    answered = client.get("/metrics")
    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"Of this worker process alone." in answered.body
