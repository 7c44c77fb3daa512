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
    explanation:
      'A local archive that ADD unpacks is damaged, or has an entry that cannot be created. Use COPY, or ADD --unpack=false, to add the archive as a file.',
  },
  'exec/copy-decompressor': {
    title: 'Decompressor missing',
    explanation:
      'ADD unpacks bzip2 and xz archives with the programs of these names, and one is not installed. Install it, or recompress the archive.',
  },
} as const satisfies Record<`exec/${string}`, CodeInfo>;
