"""Who asks."""

from gateway.auth.authenticator import KeyAuthenticator, KeysFileError

__all__ = ["KeyAuthenticator", "KeysFileError"]
