"""Classifiers of images [3, 224, 224] by name, built where they are asked for."""

from __future__ import annotations

from collections.abc import Callable

from support.classifiers import mobile, plain, residual, tokens
from torch import nn

Maker = Callable[[], nn.Module]
TWOS, SWIN, STAGES, FOUR = (2, 2, 2, 2), (2, 2, 6, 2), (32, 64, 160, 256), (2, 2, 4, 2)
CLASSIFIERS: dict[str, Maker] = {
    "resnet18": lambda: residual.resnet(residual.basic, TWOS),
    "resnet34": lambda: residual.resnet(residual.basic, (3, 4, 6, 3)),
    "resnet50": lambda: residual.resnet(residual.bottleneck, (3, 4, 6, 3)),
    "resnet101": lambda: residual.resnet(residual.bottleneck, (3, 4, 23, 3)),
    "resnext50": lambda: residual.resnet(residual.bottleneck, (3, 4, 6, 3), groups=32, wide=2),
    "wide-resnet50": lambda: residual.resnet(residual.bottleneck, (3, 4, 6, 3), wide=2),
    "se-resnet50": lambda: residual.resnet(residual.bottleneck, (3, 4, 6, 3), se=True),
    "res2net50": lambda: residual.resnet(residual.bottleneck, (3, 4, 6, 3), middle=residual.res2),
    "sknet26": lambda: residual.resnet(
        residual.bottleneck, (2, 2, 2, 2), middle=residual.selective
    ),
    "botnet26": lambda: residual.resnet(
        residual.bottleneck, (2, 2, 2, 2), middle=residual.botnet_block
    ),
    "nfnet": lambda: residual.resnet(residual.normaliser_free, (1, 2, 6, 3)),
    "regnet-x": lambda: residual.regnet((32, 64, 160, 384), (1, 2, 7, 12), 16, se=False),
    "regnet-y": lambda: residual.regnet((48, 104, 208, 440), (1, 3, 6, 6), 8, se=True),
    "vgg11": lambda: plain.vgg("a-b-cc-dd-dd-"),
    "vgg13": lambda: plain.vgg("aa-bb-cc-dd-dd-"),
    "vgg16-bn": lambda: plain.vgg("aa-bb-ccc-ddd-ddd-", bn=True),
    "vgg19": lambda: plain.vgg("aa-bb-cccc-dddd-dddd-"),
    "alexnet": plain.alexnet,
    "densenet121": lambda: plain.densenet((6, 12, 24, 16)),
    "densenet161": lambda: plain.densenet((6, 12, 36, 24), 48, 96),
    "squeezenet": plain.squeezenet,
    "googlenet": lambda: plain.inception(narrow=False),
    "inception": lambda: plain.inception(narrow=True),
    "xception": plain.xception,
    "cspdarknet": plain.darknet,
    "repvgg": plain.repvgg,
    "hrnet": plain.hrnet,
    "mobilenet-v1": mobile.mobilenet_v1,
    "mobilenet-v1-half": lambda: mobile.mobilenet_v1(0.5),
    "mobilenet-v2": mobile.mobilenet_v2,
    "mobilenet-v3-small": lambda: mobile.mobilenet_v3(small=True),
    "mobilenet-v3-large": lambda: mobile.mobilenet_v3(small=False),
    "efficientnet-b0": lambda: mobile.efficientnet(1, 1),
    "efficientnet-b2": lambda: mobile.efficientnet(1.1, 1.2),
    "shufflenet-x0.5": lambda: mobile.shufflenet((48, 96, 192)),
    "shufflenet-x1": lambda: mobile.shufflenet((116, 232, 464)),
    "ghostnet": mobile.ghostnet,
    "vit-small-16": lambda: tokens.vit(384, 12, 6, 16),
    "vit-base-32": lambda: tokens.vit(768, 12, 12, 32, fused=True),
    "vit-of-torch": lambda: tokens.vit_of_torch(192, 6, 3),
    "xcit": lambda: tokens.vit(192, 6, 4, 16, over_channels=True),
    "swin-tiny": lambda: tokens.swin(96, SWIN),
    "mixer-small": lambda: tokens.mixer(256, 8, 16),
    "gmlp": tokens.gated_mlp,
    "convmixer": lambda: tokens.conv_mixer(256, 8, 9),
    "convnext": lambda: tokens.staged((96, 192, 384, 768), (3, 3, 9, 3), tokens.convnext_block),
    "poolformer": lambda: tokens.staged(STAGES, FOUR, tokens.poolformer_block),
    "van": lambda: tokens.staged(STAGES, FOUR, tokens.large_kernel_block),
    "pvt": lambda: tokens.staged(STAGES, FOUR, tokens.reduced_block),
}
