import type { CodeInfo } from '../codes.ts';

/** Raised where the parts are put together: images in the store, steps, outputs. */
export const BUILD_ERRORS = {
  'build/no-such-image': {
    title: 'Image not in the store',
    explanation:
      'No image of that name, or for that platform, is in the store. `tsbuild images` lists what is there; `tsbuild pull NAME` fetches an image.',
  },
  'build/out-of-memory': {
    title: 'Step ran out of memory',
    explanation: 'The kernel killed a process of a RUN step because its memory limit, or the memory of this machine, was used up.',
  },
  'build/cache-transfer': {
    title: 'Cache mount cannot travel',
    explanation:
      'A cache mount cannot be exported or imported: no RUN of the build has a cache with that id, the store holds none, or what is to be imported is not what --cache-mount-export writes. The message says which.',
  },
  'build/no-such-cache': {
    title: 'No such cache mount',
    explanation: 'The store has no cache mount with that id or key. `tsbuild cache ls` lists what is there.',
  },
  'build/cache-in-use': {
    title: 'Cache mount in use',
    explanation: 'A step of a running build has the cache mount, so it cannot be removed. Try again when the build has ended.',
  },
  'build/no-such-step': {
    title: 'No such step',
    explanation:
      'The step that --step names is not in the part of the Dockerfile that the target needs, or the name fits several steps. The message lists those there are.',
  },
  'build/secret-missing': {
    title: 'Secret not given',
    explanation:
      'A RUN step requires a secret that the command line does not give, or that cannot be read. Pass it with --secret id=ID,src=FILE or --secret id=ID,env=NAME.',
  },
  'build/output': {
    title: 'Output cannot be written',
    explanation: 'The destination of --output cannot be written, or what is asked for does not fit the result. The message says which.',
  },
  'build/no-load-target': {
    title: 'No Docker or Podman to load into',
    explanation:
      'The image was to be handed to a Docker or Podman of this machine, and neither answered. Save it with --output type=docker,dest=FILE instead.',
  },
  'build/no-host-gateway': {
    title: 'No way to this machine',
    explanation:
      'An --add-host (or extra_hosts of a bake file) asks for host-gateway, the address of this machine in the network of containers. Steps have a private network that cannot reach this machine. With --network=host it is 127.0.0.1.',
  },
  'build/ssh-key': {
    title: 'Key file cannot be used',
    explanation:
      'A file that --ssh names is not the socket of an ssh agent, and not a private key that can be used without asking for its passphrase. Keys of type ed25519, rsa and ecdsa are read, as ssh-keygen and openssl write them.',
  },
  'build/download': {
    title: 'Download failed',
    explanation:
      'A URL of ADD or of a context could not be fetched, or its content does not match --checksum. Private files need --secret id=HTTP_AUTH_TOKEN_HOST (sent as a Bearer token) or HTTP_AUTH_HEADER_HOST (the whole Authorization header).',
  },
  'build/git': {
    title: 'Git failed',
    explanation:
      'A git repository of ADD or of a context could not be fetched, or its URL, ref or sub-directory is one that tsbuild refuses. The message holds what git said. Private repositories need --secret id=GIT_AUTH_TOKEN or GIT_AUTH_HEADER for https, --ssh default for ssh.',
  },
  'build/unsupported-source': {
    title: 'Source kind not supported',
    explanation: 'The build names a kind of source that tsbuild does not fetch. The message says which and what to use instead.',
  },
} as const satisfies Record<`build/${string}`, CodeInfo>;
