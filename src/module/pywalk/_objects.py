"""Methods of Session: objects, frames and exceptions of threads, by their addresses."""

from typing import List, Optional, Tuple

from . import _pywalk
from ._values import (
    CodeFound,
    CodePlace,
    EvalEntry,
    ExceptionText,
    FrameInstruction,
    Limits,
    NewestFrame,
    ObjectHead,
    ThreadException,
    Traceback,
    TracebackEntry,
)


class ObjectMethods:
    _handle: _pywalk.Session

    def head(self, address: int) -> ObjectHead:
        """What its head says; :class:`Error` when there is no object."""
        return ObjectHead._make(self._handle.head(address))

    def string(
        self,
        address: int,
        limits: Limits = Limits(),  # noqa: B008
    ) -> Optional[Tuple[str, int]]:
        """A str itself, cut at `limits.characters`, and its length; None: it is no str.

        It is not for a terminal: nothing is escaped but NULs and lone surrogates.
        """
        return self._handle.string(address, limits)

    def frame_text(self, address: int, limits: Limits = Limits()) -> str:  # noqa: B008
        """Where a frame that is no object stands (_PyInterpreterFrame, 3.11+)."""
        return self._handle.frame_text(address, limits)

    def stackref(self, bits: int) -> Tuple[int, Optional[int]]:
        """The object that a _PyStackRef (3.13+) holds, 0 for none, or the number."""
        return self._handle.stackref(bits)

    def thread_exceptions(self, state_address: int) -> List[ThreadException]:
        """The exception that a thread state raises, then those that it handles, newest first."""
        found = self._handle.thread_exceptions(state_address)
        return [ThreadException._make(one) for one in found]

    def traceback(self, address: int, most: int = 1000) -> Traceback:
        """The entries of a traceback, with more than `most` the newest of them."""
        total, entries, problem = self._handle.traceback(address, most)
        return Traceback(total, [TracebackEntry._make(one) for one in entries], problem)

    def exception_text(
        self,
        type_address: int,
        value_address: int,
        limits: Limits = Limits(),  # noqa: B008
    ) -> ExceptionText:
        """What Python prints below the traceback of an exception."""
        return ExceptionText._make(self._handle.exception_text(type_address, value_address, limits))

    def codes(self) -> List[CodeFound]:
        """The code objects that the modules and frames of the target lead to."""
        return [CodeFound._make(one) for one in self._handle.codes()]

    def code_places(self, code: int) -> List[CodePlace]:
        """Where lines and the body begin in a code object, by offset."""
        return [CodePlace._make(one) for one in self._handle.code_places(code)]

    def code_unwatchable(self) -> Optional[str]:
        """Why an access to the bytecode does not tell that it is executed; None: it does."""
        return self._handle.code_unwatchable()

    def newest_frame(self, state_address: int) -> NewestFrame:
        """The newest Python frame of a thread state."""
        return NewestFrame._make(self._handle.newest_frame(state_address))

    def eval_entry(self) -> Optional[EvalEntry]:
        """None: from CPython 3.11 on, or the function is not known."""
        found = self._handle.eval_entry()
        return None if found is None else EvalEntry._make(found)

    def frame_instruction(self, frame: int) -> FrameInstruction:
        return FrameInstruction._make(self._handle.frame_instruction(frame))

    def arrive(self, frame: int, instruction: int, offset: int) -> None:
        """Tell the session that a frame is about to execute an instruction.

        `offset` is that in its code.  The frame does not say so yet; it holds until told
        (0, 0, 0), when the target runs on.
        """
        self._handle.arrive(frame, instruction, offset)
