"""Models for other programs: as ONNX, and as one HTML page that runs by itself."""
