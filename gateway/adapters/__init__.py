"""Adapter versions: judged, stored, loaded on every engine and proven before anything is routed to them."""

from gateway.adapters._loads import AdapterStatus, LoadState
from gateway.adapters.directory import AdapterDirectory
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.registry import AdapterRegistry
from gateway.adapters.store import AdapterStore

__all__ = ["AdapterDirectory", "AdapterRegistry", "AdapterStatus", "AdapterStore", "LoadState", "Reconciler"]
