"""The default order of eviction as a slow obvious model: which slot leaves next.

Written from the description of the policy and not for speed: the small queue is a list, main is a set, ghosts are
lists of (print, tick).  Its user says which slot each value is in, as the table gives slots away.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS = 64
BUCKET = 8
GHOST_TICKS = 192
NEAR = 0.1


@dataclass
class Held:
    hashed: int
    came: int
    marks: int = 0


class AdaptiveOrder:
    def __init__(self) -> None:
        self.held: dict[int, Held] = {}
        self.small: list[int] = []
        self.main: set[int] = set()
        self.ghosts: list[list[tuple[int, int]]] = []
        self.swept = 0
        self.share = 0.05
        self.target = 3
        self.hand = 0
        self.leaving: int | None = None
        self.tick = self.until = self.unused = 0
        self.values = 1

    # What the cache does to it.

    def touch(self, slot: int) -> None:
        self.held[slot].marks = min(3, self.held[slot].marks + 1)

    def drop(self, slot: int) -> None:
        del self.held[slot]
        self.main.discard(slot)
        if slot in self.small:
            self.small.remove(slot)
        if self.leaving == slot:
            self.leaving = None

    def add(self, slot: int, hashed: int, fresh: int) -> None:
        if self.until <= 1:
            self._next_tick()
        else:
            self.until -= 1
        away = self._take_ghost(hashed)
        admitted = away is not None and self._admit(away, fresh)
        self.held[slot] = Held(hashed, self.tick)
        if admitted:
            self.main.add(slot)
            return
        self.small.append(slot)
        if len(self.small) > self.target:
            self._promote(self.small[0])

    def victim(self, fresh: int) -> int:
        wanted = len(self.held) // 4 + 1
        if wanted > len(self.ghosts) + len(self.ghosts) // 2:
            self.ghosts = [[] for _ in range(wanted)]
            self.swept = 0
        if self.leaving is not None:
            return self.leaving
        if len(self.small) < self.target and self.main:
            slot = self._victim_of_main(fresh)
            if slot is not None:
                return slot
        chances, moves = 3, 128
        while True:
            slot = self.small[0]
            value = self.held[slot]
            if len(self.small) > self.target and moves > 0:
                moves -= 1
                self._promote(slot)
                continue
            if value.marks >= (2 if self.main else 1):
                way, other, _ = self._make_way((self.tick - value.came) / (value.marks + 1), fresh)
                if way == "clear":
                    self._promote(slot)
                    return other
                if chances > 0:
                    chances -= 1
                    value.marks, value.came = 0, self.tick
                    self.small.append(self.small.pop(0))
                    continue
            self.unused += value.marks == 0
            bucket = self._bucket(value.hashed)
            bucket.insert(0, (value.hashed & 0xFFFF or 1, self.tick))
            del bucket[BUCKET:]
            return slot

    # How it decides.

    def _promote(self, slot: int) -> None:
        self.small.remove(slot)
        self.main.add(slot)
        self.held[slot].marks, self.held[slot].came = 0, self.tick

    def _vote(self, places: float) -> None:
        self.share = max(0.01, min(0.8, self.share + places / self.values))
        self.target = max(3, int(self.share * self.values))

    def _next_tick(self) -> None:
        self.tick += 1
        self.values = len(self.held) + 1
        self.until = self.values // TICKS
        self._vote(-0.005 * self.unused)
        self.unused = 0
        if self.ghosts:
            for _ in range(len(self.ghosts) // 32 + 1):
                bucket = self.ghosts[self.swept]
                while bucket and self.tick - bucket[-1][1] > GHOST_TICKS:
                    bucket.pop()
                self.swept = (self.swept + 1) % len(self.ghosts)

    def _bucket(self, hashed: int) -> list[tuple[int, int]]:
        return self.ghosts[hashed * len(self.ghosts) >> 32]

    def _take_ghost(self, hashed: int) -> int | None:
        if self.ghosts:
            bucket = self._bucket(hashed)
            for i, (print_, tick) in enumerate(bucket):
                if print_ == (hashed & 0xFFFF or 1):
                    del bucket[i]
                    return self.tick - tick
        return None

    def _admit(self, away: int, fresh: int) -> bool:
        length = max(1, self.values // TICKS)
        near = NEAR * self.values / length
        reuse = away + len(self.small) / length
        self._vote(1 if away <= near else near / away)
        if len(self.small) >= self.target:
            return True
        way, slot, stay = self._make_way(reuse, fresh)
        if way == "clear":
            self.leaving = slot
            return True
        if way == "contested":
            self._vote(-1)
        elif way == "refused" and stay > 0:
            more = (reuse / stay - 1) * len(self.main) / length
            self._vote(-1 if more <= near else -near / more)
        return False

    def _next_of_main(self, fresh: int) -> int | None:
        for _ in range(128):
            slot = self.hand if self.hand < fresh else 0
            self.hand = slot + 1
            if slot in self.main:
                return slot
        return None

    def _make_way(self, reuse: float, fresh: int) -> tuple[str, int, int]:
        way, slot, stay, looks, i = "nobody", -1, 0, 2, 0
        while i < looks and self.main:
            found = self._next_of_main(fresh)
            if found is None:
                break
            slot, value = found, self.held[found]
            stay = self.tick - value.came
            if i == 0 and 2 * reuse <= stay:
                looks = 8
            i += 1
            if stay < reuse:
                way = "refused"
            elif value.marks == 0:
                return "clear", slot, stay
            else:
                value.marks, value.came = value.marks - 1, self.tick
                way = "contested"
        return way, slot, stay

    def _victim_of_main(self, fresh: int) -> int | None:
        slot = None
        for _ in range(128):
            found = self._next_of_main(fresh)
            if found is None:
                break
            slot, value = found, self.held[found]
            if value.marks == 0:
                break
            value.marks, value.came = value.marks - 1, self.tick
        return slot
