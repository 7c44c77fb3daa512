import type { CodeInfo } from '../codes.ts';

export const EXEC_ERRORS = {
  'exec/nonzero-exit': {
    title: 'Step failed',
    explanation: 'The command of a RUN instruction ended with a non-zero exit code. Its last output lines are shown above.',
  },
  'exec/layer-malformed': {
    title: 'Malformed layer',
    explanation:
      'A layer archive is not a valid tar: a header, checksum, name, number or extended header breaks the format, or asks for more than a layer may hold. Pull or build the image again.',
  },
  'exec/layer-entry-kind': {
    title: 'Unknown kind of entry in a layer',
    explanation:
      'An entry of a layer archive is no file, directory, link, device or fifo. Layers of images have nothing else. Pull or build the image again.',
  },
  'exec/layer-truncated': {
    title: 'Truncated layer',
    explanation: 'A layer archive ends in the middle of an entry. The blob is incomplete or was cut; pull or build the image again.',
  },
  'exec/layer-compression': {
    title: 'Layer cannot be decompressed',
    explanation: 'The compressed data of a layer is damaged, incomplete, or not of the kind its media type names.',
  },
  'exec/layer-too-large': {
    title: 'Layer unpacks to too much',
    explanation:
      'Decompressing the layer gives more data than allowed, or far more than its compressed size can honestly hold. This is how decompression bombs look; the layer is refused.',
  },
  'exec/layer-diffid': {
    title: 'Layer content differs from its identity',
    explanation:
      'The uncompressed layer does not have the diffID that the image config promises. The image is inconsistent or was tampered with; nothing of the layer is kept.',
  },
  'exec/layer-file-changed': {
    title: 'File changed while it was read',
    explanation:
      'A file was written to, replaced or removed while its content went into a layer. The build stops so that no half-old, half-new file is recorded; run it again when nothing writes there.',
  },
  'exec/layer-read': {
    title: 'Cannot read a file for the layer',
    explanation: 'The operating system refused to read a file that belongs in a layer. Check its permissions and the disk.',
  },
  'exec/layer-unpack': {
    title: 'Cannot unpack a layer',
    explanation:
      'The operating system refused to create an entry of a layer, for example for lack of space or rights, or because an entry lies below something that is not a directory.',
  },
  'exec/layer-overlay-feature': {
    title: 'Overlay feature in the way',
    explanation:
      'The changes of a step use overlay redirects or metadata-only copies, which cannot be turned into a layer. tsbuild mounts without them; check kernel defaults of the overlay module.',
  },
  'exec/syscall': {
    title: 'System call failed',
    explanation: 'The kernel refused an operation that Node has no call for. The message names the operation, the path and the reason.',
  },
  'exec/copy-file-over-directory': {
    title: 'File would replace a directory',
    explanation:
      'COPY or ADD would put a file where the image has a directory. Docker refuses this too. Choose another destination or remove the directory in a RUN step first.',
  },
  'exec/copy-directory-over-file': {
    title: 'Directory would replace a file',
    explanation:
      'COPY or ADD would put a directory where the image has a file or a link. Links below the destination are not followed, even if they lead to a directory.',
  },
  'exec/copy-not-a-directory': {
    title: 'Not a directory',
    explanation:
      'A directory is needed where the image has something else: a destination that ends in a slash, a parent of a destination, or a WORKDIR.',
  },
  'exec/copy-name-too-long': {
    title: 'Name too long',
    explanation:
      'COPY, ADD or WORKDIR would make a file or directory whose name has more than 255 bytes, which no Linux file system holds.',
  },
  'exec/copy-link-loop': {
    title: 'Too many symbolic links',
    explanation: 'Resolving a path of the image meets more than 255 symbolic links, so a link leads back to itself.',
  },
  'exec/copy-no-user-database': {
    title: 'No image to look up a user in',
    explanation: 'A user or group is given by name, but on scratch and with --link there is no /etc/passwd to find it in. Use numbers.',
  },
  'exec/copy-user-database': {
    title: 'Unusable passwd or group file',
    explanation:
      'A user or group is given by name, but /etc/passwd or /etc/group of the image is not a regular file, or larger than 1 MiB. Use numbers.',
  },
  'exec/copy-archive': {
    title: 'Archive cannot be unpacked',
    explanation: 'A local archive that ADD unpacks is damaged. Use COPY, or ADD --unpack=false, to add the archive as a file.',
  },
  'exec/copy-archive-entry': {
    title: 'Archive entry cannot be created',
    explanation:
      'A local archive that ADD unpacks is readable, but one of its entries cannot be created: a hard link to nothing, a name that is too long, or a kind of entry that Docker does not unpack either (old sparse files, contiguous files, volume labels). Repair the archive, or use COPY or ADD --unpack=false to add it as a file.',
  },
  'exec/copy-decompressor': {
    title: 'Decompressor missing',
    explanation:
      'ADD unpacks bzip2 and xz archives with the programs of these names, and one is not installed. Install it, or recompress the archive.',
  },
  'exec/no-unshare': {
    title: 'Program unshare is missing',
    explanation: 'RUN steps run in Linux namespaces, which the program `unshare` of util-linux or busybox makes. Install util-linux.',
  },
  'exec/no-user-namespace': {
    title: 'User namespaces are refused',
    explanation:
      'Without root, steps run in a user namespace, and this kernel or a security module does not permit one. Allow unprivileged user namespaces, or run as root.',
  },
  'exec/no-uidmap': {
    title: 'newuidmap or newgidmap is missing',
    explanation:
      'These helpers give a user the id ranges of /etc/subuid and /etc/subgid. Without them steps have one user id only. Install the package uidmap or shadow.',
  },
  'exec/uidmap-failed': {
    title: 'User ranges could not be used',
    explanation:
      'newuidmap or newgidmap refused the ranges of /etc/subuid and /etc/subgid. Check the ranges and that the helpers are setuid root.',
  },
  'exec/no-namespaces': {
    title: 'Namespaces are refused',
    explanation:
      'The namespaces that keep steps apart could not be made, usually because tsbuild runs in a container without the needed rights. `tsbuild doctor` says what is missing.',
  },
  'exec/no-mount': {
    title: 'Mounts are refused',
    explanation:
      'The executor may not mount anything, although it has a namespace of its own. A security module or the seccomp profile of an outer container is in the way.',
  },
  'exec/executor-died': {
    title: 'The executor process ended',
    explanation:
      'The process that runs the steps was killed or crashed. Often the machine ran out of memory; look into the kernel log and run the build again.',
  },
  'exec/no-runtime': {
    title: 'No container runtime',
    explanation: 'RUN steps are started by crun or runc, and neither is installed. `apt-get install crun` or `dnf install crun` is enough.',
  },
  'exec/runtime-failed': {
    title: 'The container runtime failed',
    explanation: "crun or runc could not set up the step, so its command never ran. The message is the runtime's own.",
  },
  'exec/cancelled': {
    title: 'Step cancelled',
    explanation: 'The build was interrupted or another step failed, so this step was ended with everything it had started.',
  },
  'exec/no-device-filter': {
    title: 'Devices cannot be kept from steps',
    explanation:
      'A step of root may make a node of any device, so a filter of the kernel (bpf, attached to a control group) decides which ones it opens. Without it a step could read the disks of the machine. Allow bpf and cgroup2, install runc instead of crun, build as another user, or use --isolation=chroot where a container around tsbuild is the sandbox.',
  },
  'exec/no-overlay': {
    title: 'Overlay mounts are refused',
    explanation:
      'The kernel cannot stack layers on the file system of the store. Choose a store on ext4, xfs, btrfs or tmpfs with --root; without root Linux 5.11 or later is needed.',
  },
  'exec/too-many-layers': {
    title: 'Too many layers',
    explanation: 'The kernel mounts at most 500 layers over each other. Join instructions, or copy the result into a new stage.',
  },
  'exec/link-loop': {
    title: 'Too many symbolic links',
    explanation: 'A path of the image leads through more than 255 symbolic links, so a link leads back to itself.',
  },
  'exec/unknown-user': {
    title: 'Unknown user',
    explanation: 'USER names a user that /etc/passwd of the image does not have. Create it in a RUN step first, or use numbers.',
  },
  'exec/unknown-group': {
    title: 'Unknown group',
    explanation: 'USER names a group that /etc/group of the image does not have. Create it in a RUN step first, or use numbers.',
  },
  'exec/bad-user-id': {
    title: 'User id out of range',
    explanation:
      'Numeric users and groups must lie between 0 and 2147483647, as the file systems and runtimes of Linux take them. Correct the number.',
  },
  'exec/mount-target': {
    title: 'Mount target cannot be used',
    explanation:
      'A mount of RUN cannot be placed: its target is the root, leads into /proc, or is a file where a directory is needed or the other way round.',
  },
  'exec/mount-source': {
    title: 'Mount source cannot be used',
    explanation: 'The source of a mount does not exist in the stage, image, context or cache it is taken from, or leads outside of it.',
  },
  'exec/cache-seed': {
    title: 'Cache mount could not be filled',
    explanation: 'The first content of a cache mount could not be copied from its source, usually for lack of space.',
  },
  'exec/secret-missing': {
    title: 'Required secret is missing',
    explanation: 'A RUN mount requires a secret that the build was not given. Pass it with --secret.',
  },
  'exec/ssh-missing': {
    title: 'Required ssh agent is missing',
    explanation: 'A RUN mount requires an ssh agent that the build was not given. Pass it with --ssh.',
  },
  'exec/working-directory': {
    title: 'Working directory cannot be used',
    explanation: 'WORKDIR leads to something that is no directory, or into /proc, from where a step could reach directories of the host.',
  },
  'exec/unsafe-rootfs': {
    title: 'Unsafe root file system',
    explanation: '/proc, /sys or /dev of the image is a link or a file. Mounting over it could reach the host, so the step is not run.',
  },
  'exec/bad-ulimit': {
    title: 'Invalid ulimit',
    explanation: 'A limit must be written as name=soft[:hard] with a name that setrlimit(2) knows.',
  },
  'exec/user-not-mapped': {
    title: 'User id not available',
    explanation:
      'The step runs as another user than root, but the account that builds has no id ranges in /etc/subuid and /etc/subgid, so only one user id exists inside. Add ranges, or build as root.',
  },
  'exec/foreign-platform': {
    title: 'Program of another platform',
    explanation:
      'A step would run a program of another processor architecture, and the kernel has no emulator registered for it. On Debian and Ubuntu `apt-get install qemu-user-static binfmt-support` is enough; rootless on Linux 6.7 or later the emulators only have to be in PATH.',
  },
} as const satisfies Record<`exec/${string}`, CodeInfo>;
