"""What is printed when the system is ready."""

import ast
import json
import shlex

import pytest

from launcher.greeting import greeting
from launcher.listening import Listening

OPEN = Listening()
GUARDED = Listening(has_keys=True)


def curl_words(text: str) -> list[str]:
    return shlex.split(text[text.index("curl -s") : text.index("  With the openai")])


def client_arguments(text: str) -> dict[str, str]:
    """What the Python example makes its client with, as source."""
    tree = ast.parse(text[text.index("package (it is") :].split("\n\n", 1)[1])
    [call] = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "OpenAI"]
    return {keyword.arg or "": ast.unparse(keyword.value) for keyword in call.keywords}


def test_exactly_one_ready_line_comes_first() -> None:
    lines = greeting(OPEN, 8080).splitlines()
    assert lines[0] == "Firstline is ready: http://127.0.0.1:8080/v1"
    assert sum("is ready" in line for line in lines) == 1


@pytest.mark.parametrize("listening", [OPEN, GUARDED])
def test_the_curl_example_sends_a_valid_request(listening: Listening) -> None:
    words = curl_words(greeting(listening, 9000))
    body = json.loads(words[words.index("-d") + 1])
    assert words[2] == "http://127.0.0.1:9000/v1/chat/completions"
    assert body["model"] == "auto"
    assert "A-1029" in body["messages"][0]["content"]


def test_without_keys_the_examples_send_none() -> None:
    text = greeting(OPEN, 9000)
    assert client_arguments(text) == {"base_url": "'http://127.0.0.1:9000/v1'", "api_key": "'unused'"}
    assert "Authorization" not in text


def test_with_keys_the_examples_take_theirs_from_the_environment() -> None:
    text = greeting(GUARDED, 9000)
    assert client_arguments(text)["api_key"] == "os.environ['FIRSTLINE_API_KEY']"
    assert "import os\n\nfrom openai import OpenAI" in text
    assert "Authorization: Bearer $FIRSTLINE_API_KEY" in curl_words(text)


@pytest.mark.parametrize(
    ("host", "url"), [("10.0.0.7", "http://10.0.0.7:9000/v1"), ("::1", "http://[::1]:9000/v1")]
)
def test_the_examples_call_where_the_gateway_listens(host: str, url: str) -> None:
    text = greeting(Listening(host), 9000)
    assert text.startswith(f"Firstline is ready: {url}\n")
    assert client_arguments(text)["base_url"] == repr(url)
