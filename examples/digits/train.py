"""Train a small convolutional network on scikit-learn's handwritten digits, and export it as a checkpoint.

From the root of the repository, with MXNet and scikit-learn installed (`pip install -e ".[cpu,examples]"`):

    python examples/digits/train.py

It prints the accuracy on the test set, and writes two files beside itself:
`digits-symbol.json`, the graph, and `digits-0000.params`, the weights.
"""

from pathlib import Path

import pytest_mxperf  # noqa: F401  (first: with it, `import mxnet` works on numpy >= 1.24)

# isort: split
import mxnet as mx
import numpy as np
from mxnet import autograd, gluon
from mxnet.gluon import nn

SEED = 7
PREFIX = Path(__file__).resolve().parent / "digits"


def digits_net(channels=(16, 32, 64), hidden=32, classes=10):
    """Three convolutions and two dense layers, not yet initialized; `data` is (batch, 1, 8, 8) with values 0 to 1."""
    net = nn.HybridSequential(prefix="")  # the layers have prefixes of their own, so nodes are called `conv1_fwd`
    for i, width in enumerate(channels, start=1):
        net.add(
            nn.Conv2D(width, kernel_size=3, padding=1, use_bias=False, prefix=f"conv{i}_"),
            nn.BatchNorm(prefix=f"bn{i}_"),
            nn.Activation("relu", prefix=f"relu{i}_"),
        )
        if i > 1:  # 8x8 pixels become 4x4 after the second convolution, and 2x2 after the third
            net.add(nn.MaxPool2D(pool_size=2, prefix=f"pool{i}_"))
    net.add(nn.Dense(hidden, activation="relu", prefix="dense1_"), nn.Dense(classes, prefix="dense2_"))
    return net


def load_data():
    """The 1,797 images as two data sets, for training and for testing, each digit equally frequent in both."""
    from sklearn.datasets import load_digits  # here, because `digits_net` does not need scikit-learn
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = digits.images[:, np.newaxis].astype("float32") / 16  # pixels are 0 to 16
    labels = digits.target.astype("float32")
    split = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=SEED)
    train_images, test_images, train_labels, test_labels = split
    return gluon.data.ArrayDataset(train_images, train_labels), gluon.data.ArrayDataset(test_images, test_labels)


def train(net, dataset, epochs=20, batch_size=64):
    """Some seconds of Adam; an incomplete last batch is left out."""
    batches = gluon.data.DataLoader(dataset, batch_size, shuffle=True, last_batch="discard")
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.001})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    for _ in range(epochs):
        for images, labels in batches:
            with autograd.record():
                loss = loss_of(net(images), labels)
            loss.backward()
            trainer.step(batch_size)


def accuracy(net, dataset):
    """The share of images whose largest output is the right digit."""
    metric = mx.metric.Accuracy()
    for images, labels in gluon.data.DataLoader(dataset, batch_size=len(dataset)):
        metric.update(labels, net(images))
    return metric.get()[1]


def main():
    mx.random.seed(SEED)  # the initial weights
    np.random.seed(SEED)  # the order of the images
    train_set, test_set = load_data()
    net = digits_net()
    net.initialize(mx.init.Xavier())
    net.hybridize()
    train(net, train_set)
    print(f"test accuracy: {accuracy(net, test_set):.2%} of {len(test_set)} images")
    net.export(str(PREFIX), epoch=0)


if __name__ == "__main__":
    main()
