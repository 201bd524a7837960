"""What a user can mend: where it is, what was found, what was expected, and the cure."""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the user's flags or data.

    Attributes:
        where: the file (by its place under the data folder), row or flag at fault.
        found: what stands there.
        expected: what should stand there.
        cure: what the user can do about it.
    """

    where: str
    found: str
    expected: str
    cure: str

    def __str__(self) -> str:
        return (
            f'{self.where}\n    found:    {self.found}\n'
            f'    expected: {self.expected}\n    cure:     {self.cure}'
        )


class UserError(Exception):
    """All the problems that stand in the way, raised at once; a command ends with exit code 2.

    Attributes:
        problems: tuple of Problem, at least one.
    """

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        if not self.problems:
            raise ValueError('a UserError needs at least one Problem')
        super().__init__('\n'.join(map(str, self.problems)))


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raises a UserError with all the problems, if there are any.

    Raises:
        UserError: `problems` is not empty.
    """
    problems = tuple(problems)
    if problems:
        raise UserError(problems)
