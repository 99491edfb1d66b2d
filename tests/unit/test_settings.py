from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from jointtrack_server.settings import VARIABLE_PREFIX, Settings, misspelt_variables

NUMBERS = sorted(
    name.upper()
    for name, field in Settings.model_fields.items()
    if str(field.annotation) in {"<class 'int'>", "<class 'float'>"} or name.endswith("_s")
)
NO_NUMBERS = ("nan", "inf", "-inf", "1e300", "9" * 30)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{VARIABLE_PREFIX}{name.upper()}", raising=False)
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)


def test_the_defaults_keep_the_door_shut() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.is_loopback
    assert settings.auth
    assert (settings.grpc_port, settings.http_port) == (50051, 8080)
    assert settings.max_image_bytes < settings.max_message_bytes


def test_variables_set_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOINTTRACK_GRPC_PORT", "5000")
    monkeypatch.setenv("JOINTTRACK_HTTP_PORT", "6000")
    monkeypatch.setenv("JOINTTRACK_AUTH", "false")
    monkeypatch.setenv("JOINTTRACK_MODEL_PATHS", '{"movenet-thunder": "/models/thunder"}')
    monkeypatch.setenv("TFHUB_CACHE_DIR", "/cache")
    settings = Settings(http_port=7000)
    assert (settings.grpc_port, settings.http_port, settings.auth) == (5000, 7000, False)
    assert settings.model_paths == {"movenet-thunder": Path("/models/thunder")}
    assert settings.tfhub_cache_dir == Path("/cache")


def test_files_set_what_no_variable_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "jointtrack_store_url").write_text("postgresql://user:password@host/name\n")
    (tmp_path / "jointtrack_grpc_port").write_text("5000")
    (tmp_path / "jointtrack_http_port").write_text("6000")
    (tmp_path / "something_else").write_text("ignored")
    monkeypatch.setenv("JOINTTRACK_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("JOINTTRACK_HTTP_PORT", "7000")
    settings = Settings()
    assert settings.store_url is not None
    assert settings.store_url.get_secret_value() == "postgresql://user:password@host/name"
    assert (settings.grpc_port, settings.http_port) == (5000, 7000)
    assert "password" not in repr(settings)


def test_a_folder_of_files_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOINTTRACK_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(ValidationError) as error:
        Settings()
    assert error.value.errors()[0]["loc"] == ("secrets_dir",)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOINTTRACK_GRPC_PORT", "")
    monkeypatch.setenv("JOINTTRACK_MODEL_PATHS", "")
    assert Settings() == Settings(grpc_port=50051)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRPC_PORT", "abc"),
        ("GRPC_PORT", "-1"),
        ("HTTP_PORT", "65536"),
        ("ENGINE", "tpu"),
        ("PRECISION", "f16"),
        ("WORKERS", "-1"),
        ("MAX_QUEUE", "-1"),
        ("MAX_IMAGE_PIXELS", "0"),
        ("HTTP_TIMEOUT_S", "0"),
        ("DRAIN_GRACE_S", "-0.1"),
        ("LOG_LEVEL", "loud"),
        ("MODEL_PATHS", "[1]"),
        *((name, value) for name in NUMBERS for value in NO_NUMBERS),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"JOINTTRACK_{name}", value)
    with pytest.raises(ValidationError) as error:
        Settings()
    assert error.value.errors()[0]["loc"] == (name.lower(),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FETCH_HOSTS", '["https://example.com"]'),
        ("FETCH_HOSTS", '["*"]'),
        ("FETCH_PORTS", "[0]"),
        ("FETCH_PRIVATE", '["10.1.2.3/8"]'),
    ],
)
def test_a_wrong_item_of_a_list_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"JOINTTRACK_{name}", value)
    with pytest.raises(ValidationError) as error:
        Settings()
    assert error.value.errors()[0]["loc"][:2] == (name.lower(), 0)


def test_where_to_fetch_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOINTTRACK_FETCH_HOSTS", '["*.example.com", "a.org"]')
    monkeypatch.setenv("JOINTTRACK_FETCH_PORTS", "[443]")
    monkeypatch.setenv("JOINTTRACK_FETCH_PRIVATE", '["10.1.2.0/24", "fd00::/8"]')
    settings = Settings()
    assert settings.fetch_hosts == ("*.example.com", "a.org")
    assert settings.fetch_ports == (443,)
    assert [str(one) for one in settings.fetch_private] == ["10.1.2.0/24", "fd00::/8"]


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOINTTRACK_MODEL_PATHS", "/no/json")
    with pytest.raises(SettingsError, match="model_paths"):
        Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("JOINTTRACK_GPRC_PORT", "JOINTTRACK_GRPC_PORT"),
        ("JOINTTRACK_STREAM_IDLE_S", "JOINTTRACK_MAX_STREAM_IDLE_S"),
        ("JOINTTRACK_MAX_STREAM_PER_KEY", "JOINTTRACK_MAX_STREAMS_PER_KEY"),
        ("JOINTTRACK_DATADIR", "JOINTTRACK_DATA_DIR"),
        ("JOINTTRACK_TFHUB_CACHE_DIR", "TFHUB_CACHE_DIR"),
    ],
)
def test_a_misspelt_variable_is_found(name: str, meant: str) -> None:
    assert misspelt_variables({name: "1", "PATH": "/bin"}) == {name: meant}


def test_variables_of_others_are_theirs() -> None:
    """Of clients, and what Kubernetes makes for a Service that is called jointtrack."""
    service = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "SERVICE_PORT_HTTP", "PORT")
    ports = [
        f"PORT_{port}_TCP{rest}"
        for port in (50051, 8080)
        for rest in ("", "_PROTO", "_PORT", "_ADDR")
    ]
    others = [f"JOINTTRACK_{name}" for name in ("TARGET", "API_KEY", "ROOTS", *service, *ports)]
    assert misspelt_variables([*others, "TFHUB_CACHE_DIR", "JOINTTRACK_GRPC_PORT"]) == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_without_keys_only_this_machine_is_served(host: str) -> None:
    assert Settings(auth=False, host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.4", "localhost.example.org"])
def test_without_keys_others_are_served_only_if_asked_for_twice(host: str) -> None:
    with pytest.raises(ValidationError, match="loopback only"):
        Settings(auth=False, host=host)
    assert not Settings(auth=False, host=host, insecure=True).is_loopback
    assert Settings(host=host).auth


def test_settings_do_not_change() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.grpc_port = 1


def test_there_is_no_setting_of_another_name() -> None:
    with pytest.raises(ValidationError, match="grpc_prot"):
        Settings.model_validate({"grpc_prot": 1})


def test_data_lies_where_the_desktop_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings().data_dir == tmp_path / "jointtrack"
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().data_dir == tmp_path / ".local/share/jointtrack"


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
