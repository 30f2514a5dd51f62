"""Models as ONNX files: preprocessing and networks in one graph, without the units that do nothing."""

from goodfit.export.exporting import Exported, export_model

__all__ = ["Exported", "export_model"]
