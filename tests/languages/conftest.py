import pytest

from tests.support.programs import Examples, build_java, build_node, java_examples, node_examples


@pytest.fixture(scope="session")
def built_node() -> None:
    build_node()


@pytest.fixture(scope="session")
def built_java() -> None:
    build_java()


@pytest.fixture(params=["grpc-js", "connect", "java"])
def examples(request: pytest.FixtureRequest) -> Examples:
    """The programs of each language in turn."""
    if request.param == "java":
        request.getfixturevalue("built_java")
        return java_examples()
    request.getfixturevalue("built_node")
    return node_examples(request.param)
