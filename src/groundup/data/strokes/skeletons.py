"""The ways in which people write the ten digits, as pen strokes, drawn by hand.

Each style lists the points "x,y" that the pen passes, in order: x to the right, y downwards, in hundredths of the
digit's height. Between them the pen draws a smooth curve; "!" marks a sharp corner, and "/" lifts the pen. Only
proportions matter: every picture is fitted into its box afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """One way of writing a digit.

    Parameters
    ----------
    digit : int
        0 to 9.
    weight : float
        How often people write the digit so, relative to its other styles.
    path : str
        Where the pen goes.
    """

    digit: int
    weight: float
    path: str


ZERO = (
    # An oval from the top, counter-clockwise, that closes with a little overlap.
    Style(0, 4, "47,2 19,18 3,50 11,84 33,98 61,82 72,48 64,14 45,2 32,6"),
    # Starts at the top right, ends curled inside.
    Style(0, 2, "55,4 26,10 4,45 9,84 33,98 63,82 73,46 64,12 40,6 33,20"),
    # Pointed at the top, wide at the bottom.
    Style(0, 2, "51,0 22,28 0,65 11,92 37,98 66,86 73,58 61,20 51,0"),
    # Open at the top right.
    Style(0, 1, "48,5 24,14 2,50 9,84 31,98 59,84 72,50 71,22 57,2"),
    # The end crosses the beginning and leaves to the upper right.
    Style(0, 1, "38,6 17,24 2,58 10,88 33,98 57,84 66,50 55,20 38,10 49,4 69,2"),
    # Begins with a stroke inside.
    Style(0, 0.6, "23,62 53,22 47,3 21,16 3,50 11,84 33,98 61,82 70,48 62,14 45,2"),
    # Slashed.
    Style(0, 0.4, "47,2 19,18 3,50 11,84 33,98 61,82 72,48 64,14 47,2 / 17,78 59,22"),
    # Wide open at the top, like a bowl.
    Style(0, 0.4, "30,8 7,30 2,66 21,96 56,94 78,66 80,32 64,8"),
)

ONE = (
    # A bare bar.
    Style(1, 10, "38,0 32,35 27,70 22,100"),
    # A flag.
    Style(1, 1, "16,22 28,12 40,0! 31,50 22,100"),
    # A long flag, far down.
    Style(1, 0.5, "4,40 22,22 42,0! 32,50 22,100"),
    # A flag and a base.
    Style(1, 0.9, "18,22 32,12 44,0! 35,50 26,97 / 0,98 26,97 54,97"),
    # A crooked flag and a long base.
    Style(1, 0.8, "19,14 26,22 40,12 54,0! 44,50 34,94 / 0,97 34,95 73,90"),
)

TWO = (
    # Round head, straight base.
    Style(2, 3, "8,22 20,6 42,0 60,14 57,36 36,66 10,95! 38,95 70,94"),
    # Round head, base as a wave.
    Style(2, 2, "8,22 22,5 42,0 58,16 54,40 34,70 8,94! 26,86 50,96 74,88"),
    # A small loop at the foot.
    Style(2, 3, "10,20 26,3 46,2 58,18 52,44 32,74 10,94 2,87 14,78 36,86 56,96 78,90"),
    # A large loop at the foot.
    Style(2, 2, "12,18 30,2 50,5 58,26 48,60 24,92 4,94 2,78 20,68 44,78 76,94"),
    # Like a Z.
    Style(2, 1, "6,10 32,5 58,5! 36,44 6,95! 36,95 68,93"),
    # A full round back and a loop, like a drawn a.
    Style(2, 1.5, "6,30 22,4 52,2 68,26 60,66 34,94 8,92 6,76 28,68 52,80 82,98"),
    # A round back, the loop small and the base short.
    Style(2, 1, "10,20 34,0 60,14 62,50 44,86 18,98 4,86 16,72 40,78 66,88"),
    # Hardly a head: a bent back, a sharp base.
    Style(2, 1, "30,8 44,2 46,30 28,68 2,96! 30,92 68,92"),
    # Hardly a head: a bent back, a loop.
    Style(2, 1, "32,4 46,10 44,44 26,82 6,94 4,80 20,72 40,80 66,90"),
    # A head like a hook, a large slanted loop.
    Style(2, 2, "8,36 12,12 34,0 58,12 58,36 36,66 10,92 0,80 14,66 42,76 80,98"),
    # Flat on the line: the loop and the base are far longer than the back.
    Style(2, 0.8, "40,0 54,16 46,56 20,82 0,84 12,72 44,76 96,70"),
    # A seven with a short base.
    Style(2, 0.6, "6,14 34,3 60,6! 40,50 20,86! 42,86 62,98"),
    # The head curls in.
    Style(2, 0.8, "22,30 8,20 20,4 44,1 58,18 50,44 28,74 6,95! 34,90 70,95"),
)

THREE = (
    # Two bows that meet in a point.
    Style(3, 4, "8,14 28,1 54,8 54,30 28,46! 56,56 62,80 38,98 4,90"),
    # The bows meet in a little loop.
    Style(3, 2, "10,14 32,1 56,10 50,34 28,48 24,42 40,46 60,62 56,88 30,99 3,90"),
    # Flat top.
    Style(3, 1, "8,5 30,3 56,2! 44,20 28,40! 54,50 62,76 38,98 4,92"),
    # Two bows that run into each other without a point.
    Style(3, 1.5, "10,10 34,1 54,12 48,32 38,46 52,60 60,80 40,98 6,92"),
    # A small head and a long, straight tail.
    Style(3, 1, "10,16 30,2 50,8 46,26 26,40! 50,46 54,66 34,86 8,100"),
    # A large head and a small foot.
    Style(3, 1, "6,16 30,1 60,10 54,38 26,58! 52,66 54,84 32,98 8,94"),
    # A seven with a small bow.
    Style(3, 0.7, "6,10 30,4 52,4! 40,24 30,42! 48,54 48,76 30,99"),
    # Both ends curl in.
    Style(3, 1, "16,28 8,14 32,1 56,10 52,32 30,45! 58,56 62,80 36,99 6,90 10,76"),
)

FOUR = (
    # Open: an angle, then the upright.
    Style(4, 3, "18,2 11,26 6,50! 32,52 62,48 / 64,4 55,50 46,100"),
    # Open: the angle is round.
    Style(4, 2, "16,2 8,30 12,50 33,54 57,46 / 66,2 56,50 46,100"),
    # One stroke: down, across, up, and down again.
    Style(4, 2, "16,4 8,30 10,50 32,52 54,36 66,4! 56,50 46,100"),
    # Closed: a triangle with an upright.
    Style(4, 0.8, "56,2 31,30 3,62! 34,62 71,60 / 56,2 49,50 42,100"),
    # The bar reaches far beyond a short upright.
    Style(4, 2, "36,0 21,26 4,54! 35,54 74,48 / 61,14 48,52 34,100"),
    # Closed and pointed, in one stroke like a nine.
    Style(4, 0.6, "58,2 29,26 4,52! 29,54 56,50 / 58,2 57,40 48,100"),
    # The bar lies low, the upright is short.
    Style(4, 0.7, "32,0 16,34 1,70! 31,70 66,64 / 47,40 39,70 32,100"),
    # A wide bowl.
    Style(4, 0.7, "12,6 4,36 13,58 43,58 67,44 / 76,0 67,44 58,100"),
)

FIVE = (
    # The body, then a hat.
    Style(5, 3, "16,4 13,22 10,42! 34,36 58,52 56,82 30,98 2,90 / 16,4 40,3 66,1"),
    # One stroke, hat first.
    Style(5, 3, "70,2 46,3 20,6! 15,24 12,42! 36,40 56,56 52,84 28,98 2,90"),
    # Like an S.
    Style(5, 2, "68,2 40,4 18,14 18,34 40,48 54,66 46,90 24,98 2,90"),
    # The hat flies off.
    Style(5, 1, "20,10 15,26 10,44! 34,38 56,54 52,84 28,98 2,92 / 30,4 52,2 78,0"),
    # The bow nearly closes.
    Style(5, 1.5, "14,4 12,22 9,42! 34,32 62,48 62,82 34,99 6,92 4,76 / 14,4 38,3 64,1"),
    # A small bow under a tall neck.
    Style(5, 1, "64,0 42,2 24,4! 18,30 12,56! 34,50 48,66 42,88 20,98 0,92"),
    # A narrow S, hardly a corner.
    Style(5, 0.8, "56,0 30,6 22,28 38,46 44,72 28,97 4,94"),
    # A large bow that runs back under the neck, the hat close to it.
    Style(5, 1, "18,6 14,24 12,38! 40,34 64,56 56,88 26,98 6,84 14,70 / 18,6 40,8 58,2"),
    # The bow stays open and runs out downwards.
    Style(5, 0.6, "20,4 12,42! 38,34 58,46 58,72 46,100 / 20,4 44,4 70,0"),
    # Strongly slanted, the hat far to the right.
    Style(5, 1, "40,6 10,44! 44,38 60,54 46,80 14,94 0,86 / 40,6 70,2 100,0"),
    # The bow hangs on a slanted neck and is flat.
    Style(5, 0.8, "26,8 16,44! 46,42 64,60 54,82 24,92 0,86 / 26,8 54,5 88,0"),
)

SIX = (
    # A bow and a round loop.
    Style(6, 4, "49,0 25,20 8,52 7,82 29,99 53,88 56,64 36,54 10,74"),
    # Straight back.
    Style(6, 2, "27,0 16,30 7,62 11,90 33,99 53,84 50,60 30,56 9,76"),
    # The top curls over.
    Style(6, 0.5, "61,10 45,1 23,14 7,48 9,82 31,99 55,88 58,64 38,52 12,66"),
    # The loop ends inside.
    Style(6, 1.5, "37,0 16,26 5,60 15,92 43,98 65,82 60,58 38,58 27,78"),
    # A large loop under a short neck.
    Style(6, 1, "35,0 13,24 2,60 13,92 45,99 73,80 68,52 42,44 10,66"),
    # A narrow loop, low down.
    Style(6, 1, "35,0 20,34 8,72 13,96 31,96 37,78 28,68 11,82"),
    # Low and wide, the loop a small curl inside.
    Style(6, 0.8, "19,4 4,36 8,74 35,94 69,84 74,60 52,52 38,70"),
)

SEVEN = (
    # A straight bar and a straight leg.
    Style(7, 3, "1,8 26,6 56,4! 44,44 30,100"),
    # A wavy bar.
    Style(7, 2, "1,16 12,5 35,10 58,4! 42,46 32,100"),
    # The bar begins with a serif.
    Style(7, 2, "4,28 2,6! 28,6 56,4! 44,46 32,100"),
    # A round shoulder.
    Style(7, 1.5, "1,12 24,4 50,5 56,22 42,56 32,100"),
    # Crossed.
    Style(7, 2, "1,8 26,6 56,4! 42,46 32,100 / 16,52 38,51 62,48"),
    # Crossed, with a serif.
    Style(7, 0.5, "4,22 2,6! 28,6 56,4! 44,46 32,100 / 14,52 38,51 62,48"),
    # Crossed, with a round shoulder, the cross short or long.
    Style(7, 0.7, "1,14 20,2 46,4 50,24 41,60 34,100 / 6,56 38,52 76,50"),
    # A large bow.
    Style(7, 0.8, "0,24 20,4 51,6 65,36 54,72 34,100"),
    # The bar sags like a bowl.
    Style(7, 0.6, "2,2 8,20 30,24 56,4! 46,46 38,100"),
    # Crossed far down, the bar wavy.
    Style(7, 0.9, "1,18 12,6 35,12 58,4! 45,40 34,100 / 11,66 37,62 66,56"),
    # The leg ends in a hook.
    Style(7, 0.6, "1,12 24,6 54,6! 38,44 29,84 34,98 50,94"),
    # A long serif and an upright leg, like an n.
    Style(7, 0.6, "7,40 5,12 8,6! 37,10 58,6! 60,46 62,100"),
)

EIGHT = (
    # One stroke from the upper right: an S and back up.
    Style(8, 4, "57,12 35,1 13,14 22,38 46,58 55,82 31,99 8,82 20,58 44,38 59,10"),
    # One stroke from the crossing.
    Style(8, 2, "32,46 13,28 17,6 37,1 53,14 46,36 20,58 8,82 31,99 56,84 48,58 30,44"),
    # Two circles.
    Style(8, 1, "33,2 13,10 12,32 32,44 52,32 51,10 33,2 / 32,44 10,56 7,84 33,98 59,84 56,56 32,44"),
    # The stroke ends far up to the right.
    Style(8, 2, "49,8 29,2 11,16 20,38 42,60 47,84 25,99 6,84 18,60 42,34 71,2"),
    # The head stays open.
    Style(8, 1.5, "43,2 21,4 11,20 24,40 44,60 49,84 27,99 7,84 18,60 44,40 57,22"),
    # The head is dented where it begins and ends.
    Style(8, 0.6, "39,12 23,0 7,12 16,34 42,60 49,84 29,99 9,84 22,58 52,34 63,10 43,8"),
    # A narrow eight.
    Style(8, 0.7, "39,8 29,0 19,16 28,40 38,60 41,84 29,99 19,84 26,58 38,38 41,10"),
    # Open at the top: a hook on the left, a long line to the right.
    Style(8, 1, "33,4 11,10 14,30 44,54 53,78 35,97 19,84 30,58 65,8"),
    # The foot stays open, like a ribbon.
    Style(8, 0.2, "9,98 22,70 46,38 49,12 31,1 13,14 20,40 44,70 57,98"),
    # A large head over a small foot.
    Style(8, 1, "57,10 33,0 7,18 14,44 40,66 45,86 29,99 15,86 24,64 54,44 61,14"),
    # An S whose end hardly meets its beginning.
    Style(8, 0.6, "59,8 33,0 9,12 16,34 44,54 57,78 35,99 11,86 20,62 40,48 54,36"),
    # A wide head, the foot a small knot.
    Style(8, 0.7, "44,50 14,34 9,8 43,0 69,14 60,38 34,58 23,84 37,99 49,84 36,56"),
    # The head leans left, the crossing far to the right.
    Style(8, 0.7, "65,12 39,4 5,6 4,26 34,42 58,62 51,92 23,98 17,76 36,52 63,14"),
)

NINE = (
    # A loop, a corner, a straight tail.
    Style(9, 4, "54,10 34,1 10,16 8,40 28,50 50,34 58,6! 54,50 48,100"),
    # The loop runs round into the tail.
    Style(9, 2, "52,44 24,50 7,34 16,8 42,1 58,18 56,52 48,100"),
    # A curled tail.
    Style(9, 1.5, "54,12 34,1 10,14 10,38 30,48 52,32 56,8! 58,50 52,88 28,99 6,90"),
    # A small head and a slanted tail.
    Style(9, 2, "52,8 34,1 12,18 14,40 34,40 54,14! 40,52 24,100"),
    # A large head and a short tail that bends outwards, like an a.
    Style(9, 1.3, "60,14 34,2 6,24 4,56 26,66 54,46 64,12! 62,60 70,100"),
    # The head stays open towards the tail.
    Style(9, 2, "46,6 24,4 8,22 12,44 34,46 56,30! 56,60 50,100"),
    # The head is cut off at the top, like a closed four.
    Style(9, 1, "58,8 30,4 10,22! 8,44 32,48 56,38 60,8! 54,50 48,100"),
    # An angular head, open at the top right.
    Style(9, 1.5, "40,2 18,10 6,34 14,46! 36,40 58,14! 54,54 46,100"),
    # The head is a flat arch that begins at the tail.
    Style(9, 1, "66,4 40,2 14,14 8,34 28,42 52,28! 50,60 46,100"),
    # The tail loops back, like a g.
    Style(9, 0.5, "54,10 32,1 12,14 14,36 34,42 54,26 56,8! 60,56 48,92 20,99 8,84 30,72 62,66"),
    # The tail is a stroke of its own and stands higher than the head.
    Style(9, 1, "48,14 28,8 8,22 10,42 30,48 50,36 / 58,2 54,46 48,100"),
    # A small head high up, a long curled tail.
    Style(9, 0.7, "50,12 32,2 14,12 18,30 36,30 50,10! 54,52 40,92 20,98 8,86"),
)

STYLES: tuple[Style, ...] = ZERO + ONE + TWO + THREE + FOUR + FIVE + SIX + SEVEN + EIGHT + NINE

ELSEWHERE: tuple[Style, ...] = (
    # Ones as most of the world writes and prints them, which MNIST's writers did not: upright, with a flag.
    # A short flag.
    Style(1, 1.5, "0,12 10,7 22,0! 22,50 22,100"),
    # A straight flag.
    Style(1, 2, "0,20 16,11 32,0! 32,50 32,100"),
    # A flag that begins flat and bends upwards.
    Style(1, 1.5, "0,23 14,20 26,11 30,0! 30,50 30,100"),
    # A steep flag.
    Style(1, 1.5, "0,34 16,18 32,0! 32,50 32,100"),
    # A flag down to the middle and further.
    Style(1, 1.5, "0,52 17,28 34,0! 34,50 34,100"),
    # A flag and a base.
    Style(1, 1, "2,20 15,11 28,0! 28,50 28,100 / 4,100 30,100 54,100"),
    # Fours, sevens and nines with straight lines.
    Style(4, 1, "46,0 23,33 0,66! 34,66 66,66 / 46,0 46,50 46,100"),
    Style(4, 0.7, "8,0 4,28 0,56! 30,56 62,56 / 46,20 46,60 46,100"),
    Style(7, 1.5, "0,3 27,3 54,3! 38,50 22,100"),
    Style(7, 1, "0,3 27,3 54,3! 38,50 22,100 / 12,50 32,50 54,50"),
    Style(9, 1, "54,30 40,2 14,2 2,28 14,52 40,54 54,30! 54,66 54,100"),
)

ANGULAR: tuple[Style, ...] = (
    # As displays show them, in seven straight lines. `STYLES` has none of these: hardly anybody writes so.
    Style(0, 1, "0,0 50,0! 50,100! 0,100! 0,0"),
    Style(1, 1, "0,0 0,50 0,100"),
    Style(2, 1, "0,0 50,0! 50,50! 0,50! 0,100! 50,100"),
    Style(3, 1, "0,0 50,0! 50,100! 0,100 / 10,50 50,50"),
    Style(4, 1, "0,0 0,50! 50,50 / 50,0 50,50 50,100"),
    Style(5, 1, "50,0 0,0! 0,50! 50,50! 50,100! 0,100"),
    Style(6, 1, "50,0 0,0! 0,100! 50,100! 50,50! 0,50"),
    Style(7, 1, "0,0 50,0! 50,100"),
    Style(8, 1, "0,0 50,0! 50,100! 0,100! 0,0 / 0,50 50,50"),
    Style(9, 1, "50,50 0,50! 0,0! 50,0! 50,100! 0,100"),
)
