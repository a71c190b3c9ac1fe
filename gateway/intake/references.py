"""`$ref` within one document; nothing outside it is ever fetched (JSON Schema 2020-12, section 8.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from gateway.intake.walk import Path, at_pointer, walk

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")
DIALECTS = "json-schema.org/"


class References:
    """The places that references of one schema can name."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._resources: dict[str, Any] = {"": root}
        self._anchors: dict[tuple[str, str], Any] = {}
        self._bases: dict[int, str] = {}
        bases: dict[Path, str] = {}
        for path, node in walk(root):
            base = next((bases[path[:end]] for end in range(len(path), -1, -1) if path[:end] in bases), "")
            named = node.get("$id", node.get("id"))
            if isinstance(named, str):
                if named.startswith("#"):  # drafts 4 to 7 write an anchor so
                    self._anchors[base, named[1:]] = node
                else:
                    base = urldefrag(urljoin(base, named)).url
                    self._resources[base] = node
            if isinstance(named, str) or not path:
                bases[path] = base
            for keyword in _ANCHORS:
                if isinstance(node.get(keyword), str):
                    self._anchors[base, node[keyword]] = node
            if any(name in node for name in REFERENCES):
                self._bases[id(node)] = base

    def target(self, node: dict[str, Any], keyword: str) -> Any:
        """Take the schema that a node's reference names.

        Raises:
            LookupError: it names nothing within the document.
        """
        reference = node[keyword]
        if not isinstance(reference, str):
            raise LookupError(keyword)  # noqa: TRY004  # to the caller it names nothing, like any other
        base, fragment = urldefrag(urljoin(self._bases[id(node)], reference))
        if reference.startswith("#"):
            base, fragment = self._bases[id(node)], reference[1:]
        if base not in self._resources:
            raise LookupError(reference)
        fragment = unquote(fragment)
        if not fragment:
            return self._resources[base]
        if fragment.startswith("/"):
            try:
                return at_pointer(self._resources[base], fragment)
            except (KeyError, IndexError) as error:
                raise LookupError(reference) from error
        return self._anchors[base, fragment]
