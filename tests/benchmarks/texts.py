"""The texts that the benchmarks read: random letters, and samples of several scripts."""

import os
from pathlib import Path

import doubles_ffi

# Letters of one to four bytes first; doubles are rare, as in all text.
SAMPLES = {
    "English": "A bookkeeper who commits to coffee will soon be too keen to feel sleepy. ",
    "French": "L'été passé, l'élève zélée a annoncé à sa fée préférée où elle était née à Noël. ",
    "Russian": "Длинношеее животное рассеянно жуёт траву под весенним солнцем в аллее. ",
    "Chinese": "天天向上的人常常慢慢走路,看看山山水水,听听风声雨声。",
    "emoji": "😀😀🚀🌍🌍🎉👍🏽🧵🦀🦀🐍✨🔥🔥💾📈",
    "Arabic": "هذه جملة قصيرة عن الحروف المتكررة في اللغة العربية وفي كل اللغات. ",
    "Hindi": "यह वाक्य हिन्दी में लिखा गया है ताकि अक्षरों की गिनती की जा सके। ",
    "Japanese": "ここに書かれた文は、ひらがなとカタカナと漢字を少しずつ含んでいる。",
}


def sample(*scripts):
    return "".join(SAMPLES[script] for script in scripts or SAMPLES)


def files():
    """Return the names and paths of samples in the folder DOUBLES_BENCH_DATA, if it is set."""
    directory = os.environ.get("DOUBLES_BENCH_DATA")
    paths = sorted(Path(directory).glob("*.utf8.txt")) if directory else []
    return [(path.name.partition(".")[0], path) for path in paths]


def letters(length):
    """Return random ASCII letters, the same each time."""
    return doubles_ffi.random_string(length, seed="benchmarks")


def one_in_a_hundred(length):
    """Return random ASCII in lines of 70, whose doubles are one in about a hundred characters."""
    alphabet = "".join(map(chr, range(29, 127)))
    text = doubles_ffi.random_string(length, alphabet=alphabet, seed="benchmarks")
    return "\n".join(text[i : i + 70] for i in range(0, length, 70))
