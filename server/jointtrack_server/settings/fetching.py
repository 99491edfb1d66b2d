"""Pictures that are given by URL."""

from typing import Annotated

from pydantic import BaseModel, Field, IPvAnyNetwork, StringConstraints

from jointtrack_server.settings.numbers import Count, Seconds

HostPattern = Annotated[str, StringConstraints(pattern=r"^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$")]


class FetchSettings(BaseModel):
    """A part of ``Settings``."""

    fetch_urls: bool = Field(default=True, description="Fetch pictures that are given by URL.")
    fetch_hosts: tuple[HostPattern, ...] = Field(
        default_factory=tuple,
        description="Hosts to fetch from, as JSON, *.example.com for all below one: "
        '["pictures.example.com"]; without any, all public ones.',
    )
    fetch_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        default=(80, 443), description="Ports to fetch from, as JSON: [80, 443]."
    )
    fetch_private: tuple[IPvAnyNetwork, ...] = Field(
        default_factory=tuple,
        description='Networks to fetch from although they are not public, as JSON: ["10.1.2.0/24"];'
        " all callers then reach their hosts at fetch_ports.",
    )
    fetch_timeout_s: Seconds = Field(
        default=10.0, gt=0, description="Seconds for a picture to be fetched, redirects included."
    )
    max_fetches: Count = Field(
        default=16, ge=1, description="Pictures fetched at once, for one key half as many."
    )
