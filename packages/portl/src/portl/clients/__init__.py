"""Functions and APIs: one interface, one module for each kind."""

from .base import Client, HttpRequest, LambdaRequest, Reply, Request, RetryPolicy

__all__ = ["Client", "HttpRequest", "LambdaRequest", "Reply", "Request", "RetryPolicy"]
