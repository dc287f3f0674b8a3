"""What tests of drawings share: reading the cards and lines out of a drawing's text."""

import html
import json
import re

from shared import half_adder_loss, matched


def cells(source):
    """For each node the texts of its card, in the order they stand there."""
    cards = re.findall(r"^\t+([vf]\d+) \[label=<(.*)>\]$", source, re.MULTILINE)
    return {
        name: [html.unescape(t) for t in re.sub(r"<[^>]*>", "\n", card).split("\n") if t.strip()]
        for name, card in cards
    }


def edges(source):
    return re.findall(r"^\t+([vf]\d+)(?::out:e)? -> ([vf]\d+(?::p\d+)?)", source, re.MULTILINE)


def attributes(source, tail, head):
    """The attributes of an edge."""
    line = matched(rf"^\t+{tail} -> {head}(?::\w+)* \[(.*)\]$", source, re.MULTILINE)[1]
    return dict(re.findall(r'(\w+)="?([^" ]+)"?', line))


def learned():
    """The loss of the half adder after backward."""
    loss = half_adder_loss()
    loss.backward()
    return loss


def data_of(page):
    """What a page says to its script."""
    return json.loads(matched(r'<script type="application/json" id="data">(.*?)</script>', page)[1])
