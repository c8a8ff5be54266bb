import torch


@torch.no_grad()
def overconfidence(net, splits):
    """How far the mean confidence on the test set lies above the accuracy."""
    confidence, right = [], []
    for batch in splits.test.batches(128):
        best = net(batch.x).softmax(dim=1).max(dim=1)
        confidence.append(best.values)
        right.append(best.indices == batch.y)
    gap = torch.cat(confidence).mean() - torch.cat(right).float().mean()
    return 100 * gap.item(), "%"
