"""Names that scripts have imported from here; they live in `graph_builder.utils` and `tfutils.varreplace`."""
from ..graph_builder.utils import LeastLoadedDeviceSetter
from ..tfutils.varreplace import override_to_local_variable

__all__ = ["LeastLoadedDeviceSetter", "override_to_local_variable"]
