"""Few labelled images, for transfer from a pretrained backbone."""

from datamodules.images import ImageData
from datamodules.sources.samples import few_colour_digits
from datamodules.sources.source import Source


class TransferImages(ImageData):
    """Colour images of any size; the hub's data set is the Oxford-IIIT pets, the sample is few colour digits."""

    hub_name = "timm/oxford-iiit-pet"

    def load_sample(self) -> Source:
        return few_colour_digits()
