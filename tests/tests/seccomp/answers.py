"""Makes every system call, each in a process of its own that may not live on, and prints what is answered: the error's
number, 0 for none, or how the process ended."""

import ctypes
import mmap
import os
import select
import signal
import threading

# The numbers of calls by name, filled in by the test.
NUMBERS = {}
ALL = 2**64 - 1
# A child of `vfork` would take away the stack that its parent stands on. Subprocesses of other tests are made by it.
LEFT_OUT = [NUMBERS.get("vfork")]
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long


def call(number, arguments):
    answer = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_ulong(word) for word in arguments])
    return answer, ctypes.get_errno() if answer == -1 else 0


def attempt(make):
    """What a call is answered in another process, which may end by it, or wait for ever."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(there, str(make()[1]).encode())
        finally:
            os._exit(0)
    os.close(there)
    told = os.read(here, 16) if select.select([here], [], [], 2)[0] else b"waits"
    if told == b"waits":
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(here)
    if told:
        return told.decode()
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "ended"


def by_number(number):
    if number in LEFT_OUT:
        return

    def make():
        # No argument is one that anything can be done with.
        answer, error = call(number, [ALL] * 6)
        if answer == 0 and number == NUMBERS.get("fork"):
            os._exit(0)
        return answer, error

    print("call", number, attempt(make))


def by_flags(flags):
    def make():
        answer, error = call(NUMBERS["clone"], [flags | signal.SIGCHLD, 0, 0, 0, 0])
        if answer == 0:
            os._exit(0)
        return answer, error

    print("clone", flags, attempt(make))


def by_personality(persona):
    print("personality", persona, attempt(lambda: (0, call(NUMBERS["personality"], [persona])[1])))


def sockets():
    protocols = [0, 1, 2, 6, 15, 16, 17, 132, 136, 255, 256, 262, 512, 513, 529]
    for family in range(64):
        for kind in range(1, 11):
            told = []
            for protocol in protocols:
                # Bits that the kernel does not look at.
                answer, error = call(NUMBERS["socket"], [1 << 32 | family, kind, 1 << 40 | protocol])
                if answer >= 0:
                    os.close(answer)
                told.append(f"{protocol}:{error}")
            print("socket", family, kind, *told)
        pair = (ctypes.c_int * 2)()
        answer, error = call(NUMBERS["socketpair"], [family, 1, 0, ctypes.addressof(pair)])
        if answer == 0:
            os.close(pair[0])
            os.close(pair[1])
        print("socketpair", family, error)


def terminals():
    _, terminal = os.openpty()
    word = ctypes.create_string_buffer(b"\x00" * 16)
    for request in [0x5412, 0x541C, 0x5423, 0x541B, 0x5413]:
        for above in [0, 1 << 32, ALL ^ (2**32 - 1)]:
            print("ioctl", request, call(NUMBERS["ioctl"], [terminal, above | request, ctypes.addressof(word)])[1])


def of_32_bits():
    """The calls of another machine's programs: `mov eax, 20; int 0x80; ret` asks for the process's number."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    print("call", "int80", attempt(lambda: (function(), 0)))


# Beyond the table, and beyond all that any kernel has.
for number in [*range(640), 1023, 4096, 2**31 - 1]:
    by_number(number)
if os.uname().machine == "x86_64":
    for number in [0, 1, 41, 56, 512, 520, 547]:
        by_number(1 << 30 | number)
    of_32_bits()
# None, those of each namespace, and some that processes share things by: `CLONE_FS`, `FILES`, `SYSVSEM`, `IO`.
for bit in [17, 25, 26, 27, 28, 29, 30, 9, 10, 18, 31]:
    by_flags(1 << bit)
by_flags(0)
sockets()
terminals()
for persona in [0, 2**32 - 1, 8, 0x20000, 0x40000, 0x400000]:
    by_personality(persona)
thread = threading.Thread(target=print, args=("thread", "runs"))
thread.start()
thread.join()
