"""The data sets that are known by name instead of by a path."""

from enum import StrEnum


class NamedDataset(StrEnum):
    """A data set that torchvision reads from the folder given as root."""

    MNIST = "MNIST"
    FASHION_MNIST = "FashionMNIST"
    CIFAR10 = "CIFAR10"
    CIFAR100 = "CIFAR100"
    GTSRB = "GTSRB"
    IMAGENET = "ImageNet"

    @classmethod
    def parse(cls, text: str) -> "NamedDataset | None":
        """The data set of that name, in any mixture of capitals; None where `text` is none of them (a path, then)."""
        return next((name for name in cls if name.lower() == text.strip().lower()), None)
