"""The route stage."""

from gateway.routing.policy import Models, PolicyRouting

__all__ = ["Models", "PolicyRouting"]
