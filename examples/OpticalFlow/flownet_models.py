"""FlowNet2 and two networks of which it consists: `Model(height, width)` for `PredictConfig`."""
from flow_ops import channel_norm, conv, correlation, deconv, resize_bilinear, resize_nearest, warp

from tensorpack import ModelDescBase
from tensorpack import tfv1 as tf

DISPLACEMENT_SCALE = 20.  # the networks compute the twentieth part of a flow


class FlowNetBase(ModelDescBase):
    """From two BGR images in [0, 255] to the flow between them.

    Inputs: `left`, `right` [1, 3, height, width], `gt_flow` [1, 2, height, width]. Outputs: `prediction` like `gt_flow`, where
    left(y, x) is at right(y + dy, x + dx) and channel 0 is dx; `epe`, the mean distance between the two flows in pixels.

    Args:
        height, width: multiples of 64.
    """

    def __init__(self, height, width):
        super().__init__()
        if height <= 0 or width <= 0 or height % 64 or width % 64:
            raise ValueError("{}: height and width must be multiples of 64; got {} and {}; crop the images".format(
                type(self).__name__, height, width))
        self.height, self.width = height, width

    def inputs(self):
        return [tf.TensorSpec((1, channels, self.height, self.width), tf.float32, name)
                for name, channels in (("left", 3), ("right", 3), ("gt_flow", 2))]

    def build_graph(self, left, right, gt_flow):
        images = tf.transpose(tf.concat([left, right], 0), [0, 2, 3, 1])  # convolutions of CPUs want the channels last
        images = (images - tf.reduce_mean(images, axis=[0, 1, 2], keepdims=True)) / 255.
        flow = tf.transpose(self.flow(images[:1], images[1:]), [0, 3, 1, 2])
        prediction = tf.identity(flow, name="prediction")
        tf.reduce_mean(tf.norm(prediction - gt_flow, axis=1), name="epe")

    def flow(self, left, right):
        """Override: from preprocessed images [1, H, W, 3] to the flow [1, H, W, 2] in pixels."""
        raise NotImplementedError()


class FlowNet2S(FlowNetBase):
    """The simple network, which sees both images as channels of one."""

    def flow(self, left, right):
        return resize_bilinear(flownet_s(tf.concat([left, right], 3)) * DISPLACEMENT_SCALE)


class FlowNet2C(FlowNetBase):
    """The network that looks for what is alike in both images."""

    def flow(self, left, right):
        return resize_bilinear(flownet_c(left, right) * DISPLACEMENT_SCALE)


class FlowNet2(FlowNetBase):
    """FlowNet2-C, corrected by two of FlowNet2-S, fused with a network for small displacements."""

    def flow(self, left, right):
        flow = resize_bilinear(flownet_c(left, right) * DISPLACEMENT_SCALE)
        for scope, resize in (("flownet_s1", resize_bilinear), ("flownet_s2", resize_nearest)):
            warped = warp(right, flow)
            seen = [left, right, warped, flow / DISPLACEMENT_SCALE, channel_norm(left - warped)]
            with tf.variable_scope(scope):
                flow = resize(flownet_s(tf.concat(seen, 3)) * DISPLACEMENT_SCALE)
        with tf.variable_scope("flownet_sd"):
            small = resize_nearest(flownet_sd(tf.concat([left, right], 3)) / DISPLACEMENT_SCALE)
        with tf.variable_scope("flownet_fusion"):
            return flownet_fusion(tf.concat(
                [left, small, flow, channel_norm(small), channel_norm(flow),
                 channel_norm(left - warp(right, small)), channel_norm(left - warp(right, flow))], 3))


def flownet_s(x):
    """[1, H, W, C] -> the flow at a quarter of the size."""
    conv2 = conv("conv2", conv("conv1", x, 64, 7), 128, 5)
    conv3_1 = conv("conv3_1", conv("conv3", conv2, 256, 5), 256, stride=1)
    return refine(encode(conv3_1, conv2), bias_upsampled=False)


def flownet_c(left, right):
    """Two images [1, H, W, 3] -> the flow at a quarter of the size."""
    conv2 = conv("conv2", conv("conv1", tf.concat([left, right], 0), 64, 7), 128, 5)
    conv3 = conv("conv3", conv2, 256, 5)
    alike = tf.nn.leaky_relu(correlation(conv3[:1], conv3[1:]), 0.1)
    redirected = conv("conv_redir", conv3[:1], 32, 1, stride=1)
    conv3_1 = conv("conv3_1", tf.concat([redirected, alike], 3), 256, stride=1)
    return refine(encode(conv3_1, conv2[:1]))


def encode(conv3_1, conv2):
    """The features of levels 2 to 6, by level."""
    features = {2: conv2, 3: conv3_1}
    for level, width in ((4, 512), (5, 512), (6, 1024)):
        x = conv("conv{}".format(level), features[level - 1], width)
        features[level] = conv("conv{}_1".format(level), x, width, stride=1)
    return features


def flownet_sd(x):
    """[1, H, W, 6] -> the flow, of small displacements, at a quarter of the size."""
    x = conv("conv0", x, 64, stride=1)
    features = {}
    for level, width in enumerate((64, 128, 256, 512, 512, 1024), 1):
        x = conv("conv{}".format(level), x, width)
        x = features[level] = conv("conv{}_1".format(level), x, 128 if level == 1 else width, stride=1)
    return refine(features, smooth=True)


def refine(features, bias_upsampled=True, smooth=False):
    """From the features of levels 2 to 6 to the flow of level 2: each level's flow helps that of the next larger one.

    Args:
        smooth: put a convolution before each prediction from several sources.
    """
    x = features[6]
    flow = conv("predict_flow6", x, 2, stride=1, linear=True)
    for level, width in ((5, 512), (4, 256), (3, 128), (2, 64)):
        upsampled = deconv("upsampled_flow{}_to_{}".format(level + 1, level), flow, 2, linear=True, use_bias=bias_upsampled)
        x = tf.concat([features[level], deconv("deconv{}".format(level), x, width), upsampled], 3)
        seen = conv("inter_conv{}".format(level), x, width, stride=1, linear=True) if smooth else x
        flow = conv("predict_flow{}".format(level), seen, 2, stride=1, linear=True)
    return flow


def flownet_fusion(x):
    """[1, H, W, 11] -> the flow at full size."""
    conv0 = conv("conv0", x, 64, stride=1)
    conv1_1 = conv("conv1_1", conv("conv1", conv0, 64), 128, stride=1)
    x = conv("conv2_1", conv("conv2", conv1_1, 128), 128, stride=1)
    flow = conv("predict_flow2", x, 2, stride=1, linear=True)
    for level, feature, width in ((1, conv1_1, 32), (0, conv0, 16)):
        upsampled = deconv("upsampled_flow{}_to_{}".format(level + 1, level), flow, 2, linear=True)
        x = tf.concat([feature, deconv("deconv{}".format(level), x, width), upsampled], 3)
        seen = conv("inter_conv{}".format(level), x, width, stride=1, linear=True)
        flow = conv("predict_flow{}".format(level), seen, 2, stride=1, linear=True)
    return flow
