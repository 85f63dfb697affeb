# SPDX-License-Identifier: EUPL-1.2
"""Generated people with Dutch names in about their real shares, and the errors that clerks make. Deterministic.

Not real people: names are drawn independently of each other and of age.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from protocol.normalise import Person


def _words(text: str) -> list[str]:
    return text.split()


# Surname and bearers in thousands, about as in the Dutch counts of 2007.
_COUNTS = """De Jong 84,Jansen 74,De Vries 71,van den Berg 59,van Dijk 56,Bakker 55,Janssen 54,Visser 50,Smit 42,
Meijer 40,De Boer 38,Mulder 36,De Groot 36,Bos 36,Vos 31,Peters 30,Hendriks 29,van Leeuwen 28,Dekker 27,Brouwer 25,
De Wit 24,Dijkstra 22,Smits 22,De Graaf 21,van der Meer 20,Kok 20,Jacobs 19,van der Linden 19,Vermeulen 18,De Haan 18,
van den Heuvel 17,van den Broek 17,De Bruijn 17,van der Heijden 16,Schouten 16,van Beek 16,Willems 15,van Vliet 15,
Hoekstra 15,Koster 15,Verhoeven 14,Prins 14,Huisman 14,Maas 14,Postma 13,Kuipers 13,van Dam 13,Kuiper 12,Veenstra 12,
Post 12,Kramer 12,van der Veen 12,Scholten 12,van Wijk 12,Timmermans 11,Groen 11,Gerritsen 11,De Bruin 11,Schipper 10,
Yilmaz 6,Nguyen 5,El Idrissi 2,Ben Ali 2,Kaya 4,Singh 5,Kowalski 1,Fernandes 3,Cornelissen 7,Hermans 9,Meyer 2"""
_GIVEN = _words("""Jan Johannes Maria Anna Cornelis Hendrik Pieter Willem Elisabeth Johanna Daan Sem Emma Julia Lucas
Levi Sophie Mohamed Fatima Youssef Thijs Lotte Bram Ruben Sanne Lars Femke Jeroen Marieke Peter
Petra Mark Monique Dennis Wendy Kevin Kees Gerrit Geertje Dirk Jacob Jacoba Hendrika Catharina
Christina Sara Eva Noa Finn Tim Tom Thomas Max Lisa Anouk Iris Esther Marloes Bas Joost Koen Stefan
Patrick Marcel Edwin Robert Ronald Richard Linda Ingrid Karin Saskia Yvonne Sjoerd""")
_ONSETS = _words("b d f g h k l m n p r s t v w z br dr gr kl kr sch sl st str vl")
_MIDDLES = _words("a e i o u aa ee oo oe ie ij ui eu ou")
_ENDS = _words("k l m n r s t p nk rt lt nd ker man stra ma mans sma ink berg huis veld")
_INHABITANTS = 16_400
"""Thousands of people in the year of the counts: who has none of the names above has a rare one, made up here."""

_SPELLINGS = [("ij", "y"), ("ij", "ei"), ("k", "ck"), ("ks", "x"), ("c", "k"), ("ss", "s"), ("dt", "d"), ("sch", "s")]
_SPELLINGS += [("th", "t"), ("ph", "f"), ("v", "f"), ("z", "s"), ("aa", "ae"), ("tt", "t"), ("t", "tt"), ("ui", "uy")]


class Town:
    """Draws people and copies of them with errors."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        pairs = [one.strip().rpartition(" ") for one in _COUNTS.replace("\n", "").split(",")]
        self._names = [name for name, _, _ in pairs]
        self._weights = [int(count) for _, _, count in pairs]
        self._common = sum(self._weights) / _INHABITANTS

    def person(self) -> Person:
        """Return somebody."""
        dice = self._dice
        born = date(1935, 1, 1) + timedelta(days=dice.randrange(75 * 365))
        return Person(
            given_names=dice.choice(_GIVEN),
            surname=self._surname(),
            birth_date=born.isoformat(),
            postcode=f"{dice.randrange(1000, 9999)}{dice.choice('ABCDEFGHJK')}{dice.choice('BCDEGHJKLMN')}",
            house_number=str(int(dice.expovariate(1 / 40)) + 1),
        )

    def _surname(self) -> str:
        dice = self._dice
        if dice.random() >= self._common:
            syllables = dice.choice((1, 2, 2))
            start = "".join(dice.choice(_ONSETS) + dice.choice(_MIDDLES) for _ in range(syllables))
            name = (start + dice.choice(_ENDS)).capitalize()
            # Names that systems write for nobody are refused; here they only stand in the way.
            return "Geenen" if name == "Geen" else name
        return dice.choices(self._names, self._weights)[0]

    def surnames(self, count: int) -> list[str]:
        """Return the surnames of so many people."""
        return [self._surname() for _ in range(count)]

    def with_errors(self, person: Person, count: int) -> Person:
        """Return the person as another agency wrote it down, with so many errors of different fields."""
        errors: list[Callable[[Person], Person]] = [
            lambda p: replace(p, surname=self._misspelt(p.surname)),
            lambda p: replace(p, given_names=self._misspelt(p.given_names)),
            lambda p: replace(p, birth_date=self._misdated(p.birth_date)),
            self._moved,
        ]
        for error in self._dice.sample(errors, count):
            person = error(person)
        return person

    def _misspelt(self, name: str) -> str:
        dice = self._dice
        spellings = [(old, new) for pair in _SPELLINGS for old, new in (pair, pair[::-1]) if old in name.casefold()]
        if spellings and dice.random() < 0.5:
            old, new = dice.choice(spellings)
            return name.casefold().replace(old, new, 1)
        place = dice.randrange(1, len(name))
        kind = dice.randrange(4)
        letter = dice.choice("aeioubdknrst")
        if kind == 0:
            return name[:place] + name[place + 1 :]
        if kind == 1:
            return name[:place] + letter + name[place:]
        if kind == 2:
            return name[:place] + letter + name[place + 1 :]
        return name[: place - 1] + name[place] + name[place - 1] + name[place + 1 :]

    def _misdated(self, text: str) -> str:
        year, month, day = text.split("-")
        kind = self._dice.randrange(4)
        if kind == 0 and int(day) <= 12:
            return f"{year}-{day}-{month}"
        if kind == 1:
            return f"{year}-{month}-00"
        if kind == 2:
            return f"{year[:3]}{(int(year[3]) + 1) % 10}-{month}-{day if day != '29' else '28'}"
        return f"{year}-{month}-{1 + int(day) % 28:02}"

    def _moved(self, person: Person) -> Person:
        other = self.person()
        return replace(person, postcode=other.postcode, house_number=other.house_number)


def same_share(values: list[str]) -> float:
    """Return the chance that two drawn values are the same."""
    ordered = sorted(values)
    runs: list[int] = [1]
    for one, two in pairwise(ordered):
        if one == two:
            runs[-1] += 1
        else:
            runs.append(1)
    return sum(run * (run - 1) for run in runs) / (len(values) * (len(values) - 1))
