"""Texts from strangers, and the elements of a page or picture that they may not become."""

import html
import html.parser
import re

import pytest

HOSTILE = [
    "<b>bold</b>", '<a>] v0 [URL="javascript:alert(1)" label=<b>', "<script>alert(1)</script>", "</td></tr></table>>",
    '"];v9 [label="x', "a\\nb", "\\", "\\\\", "\\N\\G\\L", 'quote"quote', "it's", "&amp;", "&#60;", "&lt;b&gt;", "a&b",
    "two\nlines", "tab\there", "\x00null", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800", "\ufffe", "\uffff", "{a|b}",
    "<<b>>", "<", ">", "<>", "]]>", "<!--", "-->", "<![CDATA[", "%s%n", "${x}", "; rm -rf", "//comment", "/* c */", "#",
    "digraph{", "->", "מימין לשמאל", "مرحبا", "👩‍🔬", "é́́", "x" * 3000, " ", "",
]  # fmt: skip
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
every = pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))


def squeezed(text):
    return "".join(text.split())


class Page(html.parser.HTMLParser):
    """The elements of a page, the texts of its parts, and its scripts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.open = [], [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.open.append(tag)

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)
