"""The record stage."""

from gateway.recording.recorder import QueueRecorder
from gateway.recording.sinks import LogSink, MetricsSink

__all__ = ["LogSink", "MetricsSink", "QueueRecorder"]
