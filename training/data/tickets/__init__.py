"""Synthetic support tickets: an intent's phrasing, written in a tone, damaged, mixed up or attacked."""

from training.data.tickets.generator import TicketRow, tickets

__all__ = ["TicketRow", "tickets"]
