"""The texts that the benchmarks read: random letters, and samples of several scripts."""

import random

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

# Frequent words, the most frequent first. Of neighbours in such text, one in 50 to 65 is a double.
WORDS = {
    "English": (
        "the of and to in a is that for it as was with be by on not he his but at are this "
        "have from or had an they which one you were all her she there would their we him "
        "been has when who will no more if out so up said what its about than into them can "
        "only other time new some could these two may first then do any little good well see "
        "still off too feel need call small keep soon between difficult happened letters "
        "tomorrow coffee"
    ),
    "French": (
        "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se "
        "ce il sont avec ou son aux d'une cette d'un être été elle mais nous ont leur même "
        "comme sa fait deux ses bien où tout après ans aussi peut sans très entre encore "
        "année homme elles quelle donne appel femme village terre créée immeuble nouvelle "
        "personne commence difficile affaire"
    ),
    "Russian": (
        "и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой "
        "ты так от для мочь человек год такой знать если до сказать раз время рука новый "
        "длинный осенний ранний русский стеклянный программа класс группа сообщение "
        "современный суббота"
    ),
}


def sample(*scripts):
    return "".join(SAMPLES[script] for script in scripts or SAMPLES)


def letters(length):
    """Return random ASCII letters, the same each time."""
    return doubles_ffi.random_string(length, seed="benchmarks")


def natural(language, length):
    """Return random words, the n-th of the list in proportion to 1/n, as in real text.

    Code that branches at doubles would run too fast on a text that repeats: processors learn where
    its doubles are. Without a list of words, the text is random characters of the sample.
    """
    generator = random.Random(language)
    if language not in WORDS:
        return "".join(generator.choices(SAMPLES[language], k=length))
    words = WORDS[language].split()
    weights = [1 / n for n in range(1, len(words) + 1)]
    # The shortest word and its space are two characters.
    return " ".join(generator.choices(words, weights, k=length // 2 + 1))[:length]


def one_in_a_hundred(length):
    """Return random ASCII in lines of 70, whose doubles are one in about a hundred characters."""
    alphabet = "".join(map(chr, range(29, 127)))
    text = doubles_ffi.random_string(length, alphabet=alphabet, seed="benchmarks")
    return "\n".join(text[i : i + 70] for i in range(0, length, 70))
