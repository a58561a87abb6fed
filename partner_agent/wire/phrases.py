"""Bytes said as words that two people can compare on two screens: one word a byte, from one fixed list of 256."""

from typing import Final

_WORDS: Final = """
acorn actor album alder alley amber anchor ankle apple apron arbor arch arrow aspen atlas attic autumn badge
bagel baker balcony bamboo banjo barley barn basil basket beacon beaver bell bench birch biscuit blanket
blossom boat bonnet bottle boulder bread brick bridge broom bucket buffalo butter cabin cactus camel candle
canoe canyon carbon carpet carrot castle cedar cello chalk cherry chimney circus citrus clay clover cobalt
coconut comet copper coral cotton cradle crane cricket crown crystal curtain cypress daisy dancer delta denim
desert diamond dolphin donkey dragon drum eagle easel echo elbow elder ember emerald engine fabric falcon
feather fence fern fiddle finger flute forest fossil fountain fox galaxy garden garlic gazelle ginger glacier
globe goblet granite grape gravel guitar hammer harbor harp hazel hedge helmet heron hickory honey horizon
hornet igloo indigo iris island ivory ivy jacket jasmine jelly jersey jigsaw jungle juniper kayak kernel
kettle kitten kiwi ladder lagoon lantern lapel laurel lemon lentil lilac linen lizard lobster locket lotus
lumber magnet mango maple marble meadow melon mirror mitten monsoon mosaic muffin mustard napkin nectar needle
nickel noodle nutmeg oasis oboe ocean olive onion opal orbit orchid osprey otter oyster paddle panther papaya
parrot pebble pelican pencil pepper piano pigeon pillow planet plaza pollen poplar prairie pretzel pumpkin
puzzle quarry quartz quilt rabbit radish raven ribbon river robin rocket saddle salmon sandal sapphire saturn
scarf shadow silver sparrow spruce stable summit sunset tango teapot thistle thunder tiger timber topaz
trumpet tulip turtle umbrella valley vanilla velvet violin wagon walnut willow window yellow zebra zephyr
""".split()  # noqa: SIM905 - a word list is read, and checked by eye, as words


def say(data: bytes) -> tuple[str, ...]:
    """One word for each byte of `data`."""
    return tuple(_WORDS[byte] for byte in data)
