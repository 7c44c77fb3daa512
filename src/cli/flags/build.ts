// Flags of `tsbuild build`: those of `docker buildx build`, same names, same meaning.
import { BUILDING_FLAGS } from './building.ts';
import type { CommandSpec, FlagSpec } from './flag.ts';
import { networkFlag } from './network.ts';

const NO_REMOTE_CACHE =
  'there is no remote cache; the store given by --root is the cache: any number of processes share it, and CI can keep it between runs';
const NO_CLASSIC = 'it belongs to the builder that BuildKit replaced';
const NO_LIMIT = 'BuildKit ignores it, too; give --memory or --cpus, or limits of a cgroup with --cgroup-parent';
const ALWAYS_REMOVED = 'Accepted for habit: containers of steps are always removed';

export const BUILD_FLAGS: readonly FlagSpec[] = [
  { name: 'add-host', kind: 'list', placeholder: 'HOST:IP', help: 'Add a line to /etc/hosts of RUN steps' },
  {
    name: 'annotation',
    kind: 'list',
    placeholder: '[TYPE[PLATFORM]:]KEY=VALUE',
    help: 'Annotate the image; TYPE is manifest (default), index, manifest-descriptor or index-descriptor',
  },
  {
    name: 'attest',
    kind: 'list',
    placeholder: 'type=TYPE,disabled=true',
    help: 'Attestations to leave out; tsbuild makes none, so every other value is refused',
  },
  { name: 'build-arg', kind: 'list', placeholder: 'KEY[=VALUE]', help: 'Set a build argument; without a value, from the environment' },
  {
    name: 'build-context',
    kind: 'list',
    placeholder: 'NAME=SOURCE',
    help: 'Named context: a directory, docker-image://REF, oci-layout://DIR@DIGEST, a git or http URL',
  },
  {
    name: 'call',
    kind: 'value',
    placeholder: 'METHOD[,format=FORMAT]',
    help: 'Do not build; answer instead: check, outline (what can be given), targets',
  },
  { name: 'check', kind: 'switch', help: 'Do not build; check the Dockerfile: --call=check' },
  {
    name: 'cache-mount-export',
    kind: 'list',
    placeholder: 'id=ID,dest=DIR|ref=REF',
    help: 'After the build, save a cache mount as an OCI layout in DIR or in a registry',
  },
  {
    name: 'cache-mount-import',
    kind: 'list',
    placeholder: 'id=ID,src=DIR|ref=REF',
    help: 'Fill a cache mount that the store does not have from DIR or a registry',
  },
  { name: 'cgroup-parent', kind: 'value', placeholder: 'CGROUP', help: 'Parent cgroup of RUN steps' },
  { name: 'cpus', kind: 'value', placeholder: 'N', help: 'CPU limit of each RUN step (1.5)' },
  { name: 'explain', kind: 'switch', help: 'Say for each step that ran why it did not come from the cache' },
  {
    name: 'file',
    short: 'f',
    kind: 'value',
    placeholder: 'FILE',
    help: "Dockerfile ('-' reads it from stdin; default CONTEXT/Dockerfile)",
  },
  {
    name: 'format',
    kind: 'value',
    placeholder: 'FORMAT',
    choices: ['text', 'json', 'sarif', 'github'],
    help: 'Format of --check and --call',
  },
  { name: 'iidfile', kind: 'value', placeholder: 'FILE', help: 'Write the image digest to FILE' },
  { name: 'label', kind: 'list', placeholder: 'KEY=VALUE', help: 'Add a label to the image' },
  { name: 'memory', short: 'm', kind: 'value', placeholder: 'BYTES', help: 'Memory limit of each RUN step (512m, 2g)' },
  networkFlag('Network of RUN steps: default, none, host'),
  { name: 'no-cache-filter', kind: 'list', placeholder: 'STAGE', help: 'Run every step of these stages' },
  {
    name: 'on-error',
    kind: 'value',
    placeholder: 'fail|shell|export=DIR',
    help: 'When a RUN fails: end (default), open a shell in its container first, or save what it left in DIR',
  },
  {
    name: 'output',
    short: 'o',
    kind: 'list',
    placeholder: 'DEST',
    help: 'Where the result goes: DIR, - or type=image|registry|oci|docker|tar|local,…',
  },
  {
    name: 'platform',
    kind: 'list',
    placeholder: 'OS/ARCH[,…]',
    help: 'Platforms to build; several make an index (DOCKER_DEFAULT_PLATFORM; default: this machine)',
  },
  { name: 'force-rm', kind: 'switch', help: ALWAYS_REMOVED },
  { name: 'rm', kind: 'switch', help: ALWAYS_REMOVED },
  { name: 'secret', kind: 'list', placeholder: 'id=ID[,src=FILE|,env=NAME]', help: 'Secret for RUN --mount=type=secret' },
  { name: 'shm-size', kind: 'value', placeholder: 'BYTES', help: 'Size of /dev/shm in RUN steps' },
  {
    name: 'ssh',
    kind: 'list',
    placeholder: 'default|ID[=SOCKET|=KEYFILE,…]',
    help: 'Agent socket, or private keys, for RUN --mount=type=ssh and git over ssh',
  },
  { name: 'tag', short: 't', kind: 'list', placeholder: 'NAME[:TAG]', help: 'Name of the image' },
  { name: 'target', kind: 'value', placeholder: 'STAGE', help: 'Stage to build (default: the last)' },
  { name: 'ulimit', kind: 'list', placeholder: 'NAME=SOFT[:HARD]', help: 'Limit of RUN steps' },
  ...BUILDING_FLAGS,
  { name: 'cache-from', kind: 'list', help: 'External cache sources', refused: NO_REMOTE_CACHE },
  { name: 'cache-to', kind: 'list', help: 'External cache destinations', refused: NO_REMOTE_CACHE },
  { name: 'compress', kind: 'switch', help: 'Compress the context', refused: NO_CLASSIC },
  ...['cpu-period', 'cpu-quota', 'cpuset-cpus', 'cpuset-mems', 'memory-swap'].map(
    (name): FlagSpec => ({ name, kind: 'value', help: 'Limit of steps', refused: NO_LIMIT }),
  ),
  { name: 'cpu-shares', short: 'c', kind: 'value', help: 'Limit of steps', refused: NO_LIMIT },
  { name: 'squash', kind: 'switch', help: 'Squash layers', refused: NO_CLASSIC },
  { name: 'security-opt', kind: 'list', help: 'Security options', refused: NO_CLASSIC },
];

export const BUILD_COMMAND: CommandSpec = {
  name: 'build',
  summary: 'Build an image from a Dockerfile',
  usage: 'CONTEXT',
  flags: BUILD_FLAGS,
  min: 1,
  max: 1,
  examples: ['tsbuild -t myapp:1.0 .', 'tsbuild -t registry.example/team/app --push .', 'tsbuild --output type=oci,dest=app.tar .'],
};
