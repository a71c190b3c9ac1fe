"""Adapter versions: judged, stored, loaded on every engine and proven before anything is routed to them."""

from gateway.adapters._loads import AdapterStatus, LoadState
from gateway.adapters.bundled import BundledAdapters
from gateway.adapters.caretaker import AdapterCaretaker
from gateway.adapters.directory import AdapterDirectory
from gateway.adapters.mirror import RemoteMirror
from gateway.adapters.parts import AdapterParts
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.registry import AdapterRegistry
from gateway.adapters.side import AdapterSide
from gateway.adapters.store import AdapterStore

__all__ = [
    "AdapterCaretaker",
    "AdapterDirectory",
    "AdapterParts",
    "AdapterRegistry",
    "AdapterSide",
    "AdapterStatus",
    "AdapterStore",
    "BundledAdapters",
    "LoadState",
    "Reconciler",
    "RemoteMirror",
]
