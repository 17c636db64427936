"""The files that are copied."""

import os
from dataclasses import dataclass
from pathlib import Path

from bench import play_list


@dataclass(frozen=True)
class Data:
    """One large file, which no compression makes smaller, and a directory of small ones."""

    directory: Path

    @property
    def large(self) -> Path:
        return self.directory / "large"

    @property
    def small(self) -> Path:
        return self.directory / "small"

    def write(self, megabytes: int) -> None:
        self.small.mkdir(parents=True)
        for number in range(play_list.SMALL_FILES):
            (self.small / f"{number:04}").write_text(f"The small file {number}.\n" * 20)
        with open(self.large, "wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1_000_000))
