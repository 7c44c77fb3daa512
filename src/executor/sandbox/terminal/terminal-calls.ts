// System calls for programs that somebody types to: the socket over which a runtime hands out the
// container's terminal (console socket of the runtime specification), window sizes, and a pipe for plain
// input. Loaded only when a run has input or a terminal.
import { constants, openSync } from 'node:fs';
import { constants as system } from 'node:os';
import { InvariantError } from '../../../core/errors.ts';
import type { TerminalSize } from '../../executor.ts';
import { type Libc, loadLibc } from '../../syscalls.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;
const F_GETFL = 3;
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
/** struct sockaddr_un: a family and a path of at most 108 bytes with its NUL. */
const PATH_MAX = 107;
/** struct cmsghdr with one descriptor behind it, padded to the word. */
const CONTROL_SIZE = 24;
const CONTROL_DATA = 16;

export interface TerminalCalls {
  /** Listening unix socket at a short path; does not block. */
  listen(path: string): number;
  /** A connection, or null when none has come yet; does not block. */
  accept(socket: number): number | null;
  /** The descriptor that the peer sent; null when nothing has come yet, 'closed' when nothing will. */
  receiveDescriptor(connection: number): number | 'closed' | null;
  setSize(terminal: number, size: TerminalSize): void;
  setNonBlocking(descriptor: number): void;
  /** [user's side, program's side] of a new terminal; both close on exec. */
  openTerminal(): [number, number];
  /** [read end, write end]; the write end does not block, both close on exec. */
  inputPipe(): [number, number];
}

export function loadTerminalCalls(): TerminalCalls {
  const libc = loadLibc();
  const setNonBlocking = bindSetNonBlocking(libc);
  return { ...bindConsole(libc), ...bindTerminal(libc), setNonBlocking, inputPipe: bindInputPipe(libc, setNonBlocking) };
}

function bindConsole({ koffi, libc, check }: Libc): Pick<TerminalCalls, 'listen' | 'accept' | 'receiveDescriptor'> {
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, void *address, unsigned int length)');
  const listen = libc.func('int listen(int fd, int backlog)');
  const accept4 = libc.func('int accept4(int fd, void *address, void *length, int flags)');
  const receive = bindReceive(koffi, libc);
  const pending = (): boolean => koffi.errno() === system.errno.EAGAIN || koffi.errno() === system.errno.EINTR;
  return {
    listen(path) {
      const name = Buffer.from(path);
      if (name.length > PATH_MAX) throw new InvariantError(`socket path ${path} is too long`);
      const address = Buffer.alloc(2 + name.length + 1);
      address.writeUInt16LE(AF_UNIX, 0);
      name.copy(address, 2);
      const fd = check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'socket');
      check(bind(fd, address, address.length), 'bind');
      check(listen(fd, 1), 'listen');
      return fd;
    },
    accept(fd) {
      const connection: number = accept4(fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
      return connection < 0 && pending() ? null : check(connection, 'accept4');
    },
    receiveDescriptor(fd) {
      const control = Buffer.alloc(CONTROL_SIZE);
      const received = receive(fd, control);
      if (received < 0 && pending()) return null;
      check(received, 'recvmsg');
      const isRights = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
      return received > 0 && isRights ? control.readInt32LE(CONTROL_DATA) : 'closed';
    },
  };
}

function bindTerminal({ libc, check }: Libc): Pick<TerminalCalls, 'setSize' | 'openTerminal'> {
  const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
  const openPeer = libc.func('int ioctl(int fd, unsigned long request, int flags)');
  return {
    setSize(fd, { columns, rows }) {
      const size = Buffer.alloc(8);
      size.writeUInt16LE(clamp(rows), 0);
      size.writeUInt16LE(clamp(columns), 2);
      check(ioctl(fd, TIOCSWINSZ, size), 'ioctl');
    },
    openTerminal() {
      const user = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
      // A value of 0 unlocks; a peer by descriptor needs no /dev/pts of ours.
      check(ioctl(user, TIOCSPTLCK, Buffer.alloc(4)), 'ioctl');
      return [user, check(openPeer(user, TIOCGPTPEER, constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC), 'ioctl')];
    },
  };
}

function bindSetNonBlocking({ libc, check }: Libc): TerminalCalls['setNonBlocking'] {
  const fcntl = libc.func('int fcntl(int fd, int command, long argument)');
  return (fd) => {
    check(fcntl(fd, F_SETFL, check(fcntl(fd, F_GETFL, 0), 'fcntl') | O_NONBLOCK), 'fcntl');
  };
}

function bindInputPipe({ libc, check }: Libc, setNonBlocking: TerminalCalls['setNonBlocking']): TerminalCalls['inputPipe'] {
  const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)');
  return () => {
    const fds = [0, 0];
    check(pipe2(fds, O_CLOEXEC), 'pipe2');
    const [reader = -1, writer = -1] = fds;
    setNonBlocking(writer);
    return [reader, writer];
  };
}

const clamp = (value: number): number => Math.max(0, Math.min(0xffff, Math.trunc(value)));

/** recvmsg with room for a name and one descriptor; what the message says besides is of no interest. */
function bindReceive(koffi: Libc['koffi'], libc: Libc['libc']): (fd: number, control: Buffer) => number {
  const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
  const header = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    vectors: koffi.pointer(iovec),
    vectorCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  });
  const recvmsg = libc.func('recvmsg', 'long', ['int', koffi.pointer(header), 'int']);
  const text = Buffer.alloc(4096);
  return (fd, control) =>
    Number(
      recvmsg(
        fd,
        {
          name: null,
          nameLength: 0,
          vectors: [{ base: text, length: text.length }],
          vectorCount: 1,
          control,
          controlLength: control.length,
          flags: 0,
        },
        MSG_CMSG_CLOEXEC,
      ),
    );
}
