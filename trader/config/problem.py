"""What is wrong with a configuration, as values that print themselves; run.py and the hot reload show them to a person.

Values of unknown keys are never printed (they may be secrets in the wrong file); control characters are escaped.
"""

import msgspec

EXIT_CONFIG = 78
EXIT_ARGUMENTS = 64
_SHOWN_LENGTH = 60
_SUBJECT_WIDTH_MAX = 60


class Problem(msgspec.Struct, frozen=True):
    """One thing to correct. `line` is 0 when it is not in the file; `place` then names the flag or variable."""

    line: int
    place: str
    key: str
    written: str
    remedy: str
    example: str = ""
    from_arguments: bool = False

    def subject(self) -> str:
        """The key with what was written."""
        return f"{shown(self.key)} = {shown(self.written)}" if self.written else shown(self.key)

    def answer(self) -> str:
        """What would be right."""
        return f"{self.remedy}      e.g. {self.example}" if self.example else self.remedy


class ConfigErrors(msgspec.Struct, frozen=True):
    """All problems of one load, sorted by line. As text it is what keeps a run from starting; `refusal` is for one that runs."""

    file: str
    problems: tuple[Problem, ...]

    @property
    def exit_code(self) -> int:
        """64 when only the command line is at fault, else 78."""
        return EXIT_ARGUMENTS if all(problem.from_arguments for problem in self.problems) else EXIT_CONFIG

    def __str__(self) -> str:
        foot = "Fix and run again, or see every key with its meaning: python run.py config --explain"
        return self._told(", nothing was started", foot)

    def refusal(self) -> str:
        """What a running process says of a file it does not take."""
        foot = "Correct the file and save it, it is then read again; every key with its meaning: python run.py config --explain"
        return self._told("", foot)

    def _told(self, consequence: str, foot: str) -> str:
        count = len(self.problems)
        source = "command line" if self.exit_code == EXIT_ARGUMENTS else self.file
        places = [f"line {problem.line:>3}" if problem.line else problem.place for problem in self.problems]
        subjects = [problem.subject() for problem in self.problems]
        place_width = max(len(place) for place in places)
        subject_width = min(_SUBJECT_WIDTH_MAX, max(len(subject) for subject in subjects))
        rows = [
            f"  {place:<{place_width}}  {subject:<{subject_width}}  {problem.answer()}"
            for place, subject, problem in zip(places, subjects, self.problems, strict=True)
        ]
        head = f"{source}: {count} problem{'' if count == 1 else 's'}{consequence}"
        return "\n".join([head, *rows, foot])


def shown(written: str) -> str:
    """A value safe to print: one line, at most 60 characters, no control characters."""
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in written)
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
