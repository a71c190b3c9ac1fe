"""Retrieval: passages of documents that an answer may cite."""

from gateway.retrieval.retriever import FolderRetriever

__all__ = ["FolderRetriever"]
