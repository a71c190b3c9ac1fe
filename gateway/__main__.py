"""Starts the gateway: `python -m gateway --config FILE`."""

from gateway.commands.serve import app

if __name__ == "__main__":
    app()
