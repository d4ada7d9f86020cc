"""What commands share: errors in GDB's manner, and the list of all of them."""

from typing import List, Optional, Sequence

import gdb

from . import inferior, library, text

#: Names and first lines of help, as `help pywalk` lists them.
commands: List["Command"] = []


def show(lines: Sequence[str]) -> None:
    for line in lines:
        gdb.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def words(error: Exception) -> str:
    """The library's message as GDB would say it."""
    message = text.printable(str(error))
    return message[:1].upper() + message[1:] + "."


def complete(line: str, word: Optional[str], candidates: Sequence[str]) -> List[str]:
    """Those that go on as the last word of `line` begins."""
    # GDB breaks words at dashes or not, depending on its version.
    typed = line.rsplit(None, 1)[-1] if line and not line[-1].isspace() else ""
    skip = len(typed) - len(word or "")
    return [one[skip:] for one in candidates if one.startswith(typed)]


def thread_number(thread: Optional[gdb.InferiorThread]) -> str:
    """As GDB shows it."""
    if thread is None:
        return "-"
    if len(gdb.inferiors()) > 1:
        return f"{gdb.selected_inferior().num}.{thread.num}"
    return str(thread.num)


class Command(gdb.Command):
    """A command that looks at a process."""

    name = ""
    category = gdb.COMMAND_STACK
    options: Sequence[str] = ()
    repeats = False  #: an empty line does it again

    def __init__(self) -> None:
        super().__init__(self.name, self.category)
        commands.append(self)

    def complete(self, line: str, word: Optional[str]) -> List[str]:
        return complete(line, word, self.candidates(line))

    def candidates(self, line: str) -> Sequence[str]:
        """What may stand where the user is typing."""
        return self.options

    def invoke(self, argument: str, from_tty: bool) -> None:
        if not self.repeats:
            self.dont_repeat()
        inferior.require_process()
        error_type = library.error_type()
        try:
            self.run(argument)
        except error_type as error:
            raise gdb.GdbError(words(error)) from None
        except gdb.error as error:
            # Such as a process that has gone meanwhile.
            raise gdb.GdbError(str(error)) from None

    def run(self, argument: str) -> None:
        raise NotImplementedError
