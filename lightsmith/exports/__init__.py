"""A model as a folder of its own: files, proof, latency, card."""

import os

# ONNX Runtime has telemetry from 1.31 on, which reports to its maker unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
