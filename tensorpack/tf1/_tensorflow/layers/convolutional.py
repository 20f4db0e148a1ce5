"""Convolutions: plain, separable and transposed (`tensorflow.python.layers.convolutional`)."""
from ._core.convolution import Conv1D, Conv2D, Conv3D, conv1d, conv2d, conv3d
from ._core.separable import SeparableConv1D, SeparableConv2D, separable_conv1d, separable_conv2d
from ._core.transposed import Conv2DTranspose, Conv3DTranspose, conv2d_transpose, conv3d_transpose

__all__ = [
    "Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Convolution1D", "Convolution2D",
    "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose", "Deconv2D", "Deconv3D", "Deconvolution2D",
    "Deconvolution3D", "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D", "conv1d",
    "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose", "convolution1d", "convolution2d", "convolution2d_transpose",
    "convolution3d", "convolution3d_transpose", "deconv2d", "deconv3d", "deconvolution2d", "deconvolution3d",
    "separable_conv1d", "separable_conv2d", "separable_convolution2d",
]

# The module's other names for them
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
Convolution2DTranspose = Deconvolution2D = Deconv2D = Conv2DTranspose
Convolution3DTranspose = Deconvolution3D = Deconv3D = Conv3DTranspose
convolution1d, convolution2d, convolution3d = conv1d, conv2d, conv3d
separable_convolution2d = separable_conv2d
convolution2d_transpose = deconvolution2d = deconv2d = conv2d_transpose
convolution3d_transpose = deconvolution3d = deconv3d = conv3d_transpose
