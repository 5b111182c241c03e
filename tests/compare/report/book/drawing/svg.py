"""A drawing read back."""

from xml.etree import ElementTree


def elements(svg, tag, kind=""):
    """The elements of a tag whose classes have all of ``kind``'s."""
    found = ElementTree.fromstring(svg).iter(tag)
    return [one for one in found if set(kind.split()) <= set((one.get("class") or "").split())]


def numbers(element, *names):
    """Some attributes as numbers."""
    return tuple(float(element.get(name)) for name in names)


def points(element):
    """The points of a line."""
    return [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]


def texts(svg):
    """All texts, in order."""
    return [one.text for one in elements(svg, "text")]
