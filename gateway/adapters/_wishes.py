"""Which adapter versions are wanted: by channels, by requests that pin one, by a registration under way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable, KeysView, Sequence
from typing import Final

from contracts.adapter import AdapterManifest

MAX_ON_DEMAND: Final = 16
"""Pinned versions that no channel names; the one asked for least recently goes first."""
MAX_FORMER: Final = 128
"""Versions that were wanted before: a request that was routed to one just then may still wait for it."""


class Wishes:
    """Versions by name; a change that adds one answers True."""

    def __init__(self) -> None:
        self._aims: dict[str, AdapterManifest] = {}
        self._demanded: OrderedDict[str, AdapterManifest] = OrderedDict()
        self._held: dict[str, list[AdapterManifest]] = {}
        self._former: OrderedDict[str, AdapterManifest] = OrderedDict()
        self._withdrawn: frozenset[str] = frozenset()

    @property
    def held(self) -> KeysView[str]:
        """What registrations wait for."""
        return self._held.keys()

    def aim(self, manifests: Iterable[AdapterManifest]) -> bool:
        """Set what the channels name."""
        before, self._aims = self._aims, {manifest.name: manifest for manifest in manifests}
        for name in before.keys() - self._aims.keys():
            self._retire(before[name])
        return before.keys() != self._aims.keys()

    def demand(self, manifest: AdapterManifest) -> bool:
        """Add what a request pins, or move it to the front."""
        is_new = manifest.name not in self._demanded and manifest.name not in self._aims
        self._demanded[manifest.name] = manifest
        self._demanded.move_to_end(manifest.name)
        if len(self._demanded) > MAX_ON_DEMAND:
            self._retire(self._demanded.popitem(last=False)[1])
        return is_new

    def withdraw(self, names: Iterable[str]) -> bool:
        """Set what is out of service: it is wanted by nobody but channels and registrations."""
        before, self._withdrawn = self._withdrawn, frozenset(names)
        for name in self._withdrawn:
            self._demanded.pop(name, None)
            self._former.pop(name, None)
        return before != self._withdrawn

    def unwelcome(self, wanted: Container[str]) -> list[str]:
        """What no engine should keep."""
        return sorted(name for name in self._withdrawn if name not in wanted)

    def hold(self, manifest: AdapterManifest) -> None:
        """Add what a registration waits for; holds are counted."""
        self._held.setdefault(manifest.name, []).append(manifest)

    def release(self, manifest: AdapterManifest) -> None:
        """Take one hold back."""
        holders = self._held[manifest.name]
        holders.pop()
        if not holders:
            del self._held[manifest.name]

    def of(self, base_models: Sequence[str], waiting: Iterable[str] = ()) -> dict[str, AdapterManifest]:
        """What is wanted of the adapters of some base models, and former ones that requests wait for."""
        held = {name: holders[0] for name, holders in self._held.items()}
        everything = {**self._aims, **held, **dict(reversed(self._demanded.items()))}
        for name in waiting:
            if name not in everything and name in self._former:
                everything[name] = self._former[name]
        return {name: wish for name, wish in everything.items() if wish.base_model in base_models}

    def _retire(self, manifest: AdapterManifest) -> None:
        self._former[manifest.name] = manifest
        self._former.move_to_end(manifest.name)
        if len(self._former) > MAX_FORMER:
            self._former.popitem(last=False)
