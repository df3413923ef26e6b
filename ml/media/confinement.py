"""Take rights away from the process that parses hostile media. Linux, no privileges needed.

Imported before anything else by the decoding child, so it uses the standard library only. What
the kernel refuses to take is said in words, and the words go into the result.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

# socket, socketpair, bind, listen, accept, connect, sendto, sendmsg, ptrace, execve, execveat,
# unshare, io_uring_setup, bpf, process_vm_readv, process_vm_writev (+ fork, vfork on x86-64).
_MACHINES = {
    "x86_64": (
        0xC000003E,
        (41, 53, 49, 50, 43, 42, 44, 46, 101, 59, 322, 272, 425, 321, 310, 311, 57, 58),
        56,
    ),
    "aarch64": (
        0xC00000B7,
        (198, 199, 200, 201, 202, 203, 206, 211, 117, 221, 281, 97, 425, 280, 270, 271),
        220,
    ),
}
_CLONE3 = 435


def confine(address_space: int, cpu_s: int, file_bytes: int) -> tuple[str, ...]:
    """Apply every limit to the calling, still single-threaded process; returns what could not
    be applied, in words."""
    missing = []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    # Python ignores this signal; the parent must see which limit ended the child.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) and libc.unshare(_CLONE_NEWNET):
        missing.append("own network namespace")
    if not _filter_system_calls(libc):
        missing.append("system-call filter against sockets and new processes")
        count = len([name for name in os.listdir("/proc") if name.isdigit()])
        resource.setrlimit(resource.RLIMIT_NPROC, (count + 64, count + 64))
    return tuple(missing)


def end_with_parent() -> None:
    """Be killed when the thread that started this process ends: nobody waits for the answer then.
    After ``confine``, whose new rights would undo it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _filter_system_calls(libc: ctypes.CDLL) -> bool:
    """Install a seccomp filter: no sockets, no new processes (threads stay), no exec."""
    machine = _MACHINES.get(platform.machine())
    if machine is None or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    program = _program(*machine)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def _program(architecture: int, refused: tuple[int, ...], clone: int) -> bytes:
    """Classic BPF over ``struct seccomp_data`` (nr at 0, arch at 4, args from 16)."""

    def statement(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
        return struct.pack("HBBI", code, true, false, value)

    load, equal, any_bit, at_least, give = 0x20, 0x15, 0x45, 0x35, 0x06
    lines = [
        statement(load, 4),
        statement(equal, architecture, 1, 0),
        statement(give, _ERRNO | errno.EPERM),
        statement(load, 0),
        statement(at_least, 0x40000000, 0, 1),
        statement(give, _ERRNO | errno.EPERM),
        statement(equal, _CLONE3, 0, 1),
        statement(give, _ERRNO | errno.ENOSYS),
    ]
    for number in refused:
        lines += [statement(equal, number, 0, 1), statement(give, _ERRNO | errno.EPERM)]
    lines += [
        statement(equal, clone, 0, 3),
        statement(load, 16),
        statement(any_bit, _CLONE_THREAD, 1, 0),
        statement(give, _ERRNO | errno.EPERM),
        statement(give, _ALLOW),
    ]
    return b"".join(lines)
