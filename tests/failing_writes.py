"""A process whose disk fails: full, read-only or broken, as the kernel tells it."""

import ctypes
import struct


def instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    """One instruction of classic BPF: `struct sock_filter` of <linux/filter.h>."""
    return struct.pack('HBBI', code, if_true, if_false, value)


def fail_writes(error: int) -> None:
    """Every write of 4096 bytes or more to a file fails with this errno from now on.

    A seccomp filter (Linux, x86_64; `struct seccomp_data` of <linux/seccomp.h>), which needs no
    rights and stays when another program is started: the kernel answers itself.
    """
    load, equal, above, at_least, answer = 0x20, 0x15, 0x25, 0x35, 0x06
    allow, fail = 0x7FFF0000, 0x00050000 | error
    program = b''.join(
        [
            instruction(load, 0, 0, 0),  # number of the system call
            instruction(equal, 0, 5, 1),  # write, or allow
            instruction(load, 0, 0, 16),  # its first argument, the file
            instruction(above, 0, 3, 2),  # no standard stream, or allow
            instruction(load, 0, 0, 32),  # its third argument, the count of bytes
            instruction(at_least, 0, 1, 4096),
            instruction(answer, 0, 0, fail),
            instruction(answer, 0, 0, allow),
        ]
    )
    held = ctypes.create_string_buffer(program)
    header = struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(held))
    set_no_new_privileges, set_seccomp, filter_mode = 38, 22, 2  # <linux/prctl.h>
    kernel = ctypes.CDLL(None, use_errno=True)
    for arguments in ((set_no_new_privileges, 1, 0), (set_seccomp, filter_mode, header)):
        if kernel.prctl(*arguments, 0, 0):
            raise OSError(ctypes.get_errno(), 'prctl')
