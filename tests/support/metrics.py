"""/metrics, read as Prometheus reads it."""

from dataclasses import dataclass

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.servers import RunningServer


@dataclass(frozen=True)
class Scrape:
    """What one answer said."""

    text: str

    @property
    def families(self) -> list[Metric]:
        return list(text_string_to_metric_families(self.text))

    @property
    def names(self) -> set[str]:
        """Those that PromQL knows: a histogram is three."""
        return {sample.name for family in self.families for sample in family.samples}

    @property
    def described(self) -> set[str]:
        """A histogram is one."""
        lines = [line.split() for line in self.text.splitlines() if line.startswith("# TYPE ")]
        return {name for _, _, name, _ in lines}

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name that have these labels, 0.0 if none has."""
        return sum(
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def scrape(server: RunningServer) -> Scrape:
    answer = requests.get(f"{server.url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)
