"""Handwritten digits (LeCun et al. 1998), or any grey images."""

from datamodules.images import ImageData
from datamodules.sources.samples import digits
from datamodules.sources.source import Source


class MNIST(ImageData):
    """28×28 grey images; the hub's data set is ylecun/mnist."""

    hub_name = "ylecun/mnist@77f3279092a1c1579b2250db8eafed0ad422088c"
    channels = 1

    def load_sample(self) -> Source:
        return digits()
