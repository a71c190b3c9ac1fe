"""What is printed when the system is ready."""

import ast
import json
import shlex

from launcher.greeting import greeting


def test_exactly_one_ready_line_comes_first() -> None:
    lines = greeting(8080).splitlines()
    assert lines[0] == "Firstline is ready: http://127.0.0.1:8080/v1"
    assert sum("is ready" in line for line in lines) == 1


def test_the_curl_example_sends_a_valid_request() -> None:
    text = greeting(9000)
    command = text[text.index("curl -s") : text.index("  With the openai")]
    words = shlex.split(command)
    body = json.loads(words[words.index("-d") + 1])
    assert words[2] == "http://127.0.0.1:9000/v1/chat/completions"
    assert body["model"] == "auto"
    assert "A-1029" in body["messages"][0]["content"]


def test_the_python_example_is_python() -> None:
    text = greeting(9000)
    tree = ast.parse(text[text.index("from openai") :])
    assert "http://127.0.0.1:9000/v1" in ast.unparse(tree)
