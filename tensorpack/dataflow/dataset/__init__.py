"""Datasets as DataFlows; each is imported when it is first used."""
from __future__ import annotations

from ..._exports import attach

__getattr__, __dir__, __all__ = attach(__name__, {
    "bsds500": ["BSDS500"],
    "caltech101": ["Caltech101Silhouettes"],
    "cifar": ["Cifar10", "Cifar100", "CifarBase"],
    "digits": ["Digits"],
    "ilsvrc": ["ILSVRC12", "ILSVRC12Files", "ILSVRCMeta", "TinyImageNet"],
    "image_folder": ["ImageFolder"],
    "mnist": ["FashionMnist", "Mnist"],
    "places": ["Places365Standard", "RNGDataFlow", "cv2", "logger", "np", "os"],
    "svhn": ["SVHNDigit"],
})
