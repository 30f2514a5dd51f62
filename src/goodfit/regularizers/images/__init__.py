"""The techniques that act on pictures, a file each; some suit sounds too."""

from goodfit.regularizers.images.brightness import Brightness
from goodfit.regularizers.images.contrast import Contrast
from goodfit.regularizers.images.crop import Crop
from goodfit.regularizers.images.cut_mix import CutMix
from goodfit.regularizers.images.erasing import Erasing
from goodfit.regularizers.images.flip import Flip
from goodfit.regularizers.images.rotate import Rotate
from goodfit.regularizers.images.shift import Shift
from goodfit.regularizers.images.vertical_flip import VerticalFlip

__all__ = ["Brightness", "Contrast", "Crop", "CutMix", "Erasing", "Flip", "Rotate", "Shift", "VerticalFlip"]
