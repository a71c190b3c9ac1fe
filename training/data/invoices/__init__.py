"""Synthetic invoices: facts drawn at random, written down in many layouts, damaged like scans."""

from training.data.invoices.generator import InvoiceRow, invoices
from training.data.invoices.names import Split

__all__ = ["InvoiceRow", "Split", "invoices"]
