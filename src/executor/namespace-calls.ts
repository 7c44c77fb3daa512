// System calls that Node has no binding for and the executor's namespace needs: mounts, network
// namespaces, confined path lookup, locks, pipes. Loaded only inside the executor process, on its
// main thread; each wrapper throws SyscallError with the errno name.
import { constants } from 'node:os';
import { cPath, type Libc, loadLibc, SyscallError } from './syscalls.ts';

export const MS_NOSUID = 0x2;
export const MS_NODEV = 0x4;
export const MS_NOEXEC = 0x8;
export const MS_BIND = 0x1000;
export const MS_REC = 0x4000;
export const MS_PRIVATE = 0x40000;
export const MNT_DETACH = 0x2;
export const LOCK_SH = 1;
export const LOCK_EX = 2;

const O_PATH = 0x200000;
const O_CLOEXEC = 0x80000;
const O_NONBLOCK = 0x800;
const F_SETFL = 4;
const CLONE_NEWCGROUP = 0x02000000;
const LOCK_NB = 4;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
/** openat2 resolve flags: no magic links, and `..` and absolute links stay below the directory. */
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_BENEATH = 0x08;
const RESOLVE_IN_ROOT = 0x10;
const SYS_OPENAT2 = 437;

export interface NamespaceCalls {
  /** `data` as in mount(2); paths relative to the working directory are allowed in it. */
  mount(source: string | null, target: string, type: string | null, flags: number, data?: string | null): void;
  unmount(target: string, flags: number): void;
  /** This process gets SIGKILL when its parent ends. */
  dieWithParent(): void;
  /** Changes the root directory of this process. */
  changeRoot(path: string): void;
  /** New control group namespace for this thread and the programs it starts. */
  unshareCgroups(): void;
  /**
   * O_PATH descriptor of `path` below `root`, where neither `..` nor a symbolic link nor a concurrent
   * rename can lead outside (openat2 RESOLVE_IN_ROOT). The caller closes it.
   */
  openBeneath(root: string, path: string): number;
  /** The same, but a link or `..` that would lead outside is an error (EXDEV) instead of being confined. */
  openWithin(root: string, path: string): number;
  /** Tries a lock on an open file; false when another process holds it. The kernel drops it when the process ends. */
  tryLock(fd: number, kind: typeof LOCK_SH | typeof LOCK_EX): boolean;
  /** Starts the program and waits for its end. False when the kernel has nobody to run a file of its kind. */
  tryProgram(path: string): boolean;
  /** [read end, write end]; the read end does not block, both close on exec. */
  pipe(): [number, number];
}

/** Loads libc through koffi (7 ms); throws when the platform has no binding. */
export function loadNamespaceCalls(): NamespaceCalls {
  const libc = loadLibc();
  return { ...bindMounts(libc), ...bindProcess(libc), ...bindLookup(libc), ...bindFiles(libc), tryProgram: bindTryProgram(libc) };
}

function bindMounts({ libc, check }: Libc): Pick<NamespaceCalls, 'mount' | 'unmount'> {
  const mount = libc.func('int mount(void *source, void *target, const char *type, unsigned long flags, const char *data)');
  const unmount = libc.func('int umount2(void *target, int flags)');
  return {
    mount(source, target, type, flags, data = null) {
      check(mount(source === null ? null : cPath(source), cPath(target), type, flags, data), 'mount', target);
    },
    unmount(target, flags) {
      check(unmount(cPath(target), flags), 'umount', target);
    },
  };
}

function bindProcess({ libc, check }: Libc): Pick<NamespaceCalls, 'dieWithParent' | 'changeRoot' | 'unshareCgroups'> {
  const prctl = libc.func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
  const chroot = libc.func('int chroot(void *path)');
  const unshare = libc.func('int unshare(int flags)');
  return {
    dieWithParent() {
      check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), 'prctl');
    },
    changeRoot(path) {
      check(chroot(cPath(path)), 'chroot', path);
    },
    unshareCgroups() {
      check(unshare(CLONE_NEWCGROUP), 'unshare');
    },
  };
}

function bindLookup({ libc, check }: Libc): Pick<NamespaceCalls, 'openBeneath' | 'openWithin'> {
  const open = libc.func('int open(void *path, int flags, int mode)');
  const close = libc.func('int close(int fd)');
  const openat2 = libc.func('long syscall(long number, long directory, void *path, void *how, long size)');
  const openConfined = (root: string, path: string, resolve: number): number => {
    const directory = check(open(cPath(root), O_PATH | O_CLOEXEC, 0), 'open', root);
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0);
    how.writeBigUInt64LE(BigInt(resolve | RESOLVE_NO_MAGICLINKS), 16);
    try {
      return check(Number(openat2(SYS_OPENAT2, directory, cPath(path), how, how.length)), 'openat2', path);
    } finally {
      close(directory);
    }
  };
  return {
    openBeneath: (root, path) => openConfined(root, path, RESOLVE_IN_ROOT),
    openWithin: (root, path) => openConfined(root, path, RESOLVE_BENEATH),
  };
}

function bindFiles({ koffi, libc, check }: Libc): Pick<NamespaceCalls, 'tryLock' | 'pipe'> {
  const flock = libc.func('int flock(int fd, int operation)');
  const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)');
  const fcntl = libc.func('int fcntl(int fd, int command, long argument)');
  return {
    tryLock(fd, kind) {
      if (flock(fd, kind | LOCK_NB) === 0) return true;
      const errno = koffi.errno();
      if (errno === constants.errno.EWOULDBLOCK || errno === constants.errno.EAGAIN) return false;
      throw new SyscallError('flock', errno, '');
    },
    pipe() {
      const fds = [0, 0];
      check(pipe2(fds, O_CLOEXEC), 'pipe2');
      const [reader = -1, writer = -1] = fds;
      check(fcntl(reader, F_SETFL, O_NONBLOCK), 'fcntl');
      return [reader, writer];
    },
  };
}

function bindTryProgram({ libc }: Libc): NamespaceCalls['tryProgram'] {
  const spawn = libc.func(
    'int posix_spawn(_Out_ int *pid, void *path, void *actions, void *attributes, const char **argv, const char **env)',
  );
  const waitpid = libc.func('int waitpid(int pid, void *status, int options)');
  return (path) => {
    const pid = [0];
    if (spawn(pid, cPath(path), null, null, [path, null], [null]) !== 0) return false;
    waitpid(pid[0] ?? 0, null, 0);
    return true;
  };
}
