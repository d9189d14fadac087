"""CIFAR-10 (Krizhevsky 2009), or any small colour images."""

from datamodules.images import ImageData
from datamodules.sources.samples import colour_digits
from datamodules.sources.source import Source


class CIFAR10(ImageData):
    """32×32 colour images; the hub's data set is uoft-cs/cifar10, the sample is colour digits."""

    hub_name = "uoft-cs/cifar10@0b2714987fa478483af9968de7c934580d0bb9a2"

    def load_sample(self) -> Source:
        return colour_digits()
