// The builders that are compared, as far as they are present on this machine. BENCH_PEER names a
// wrapper command that runs peers elsewhere (a chroot, a namespace); BENCH_DOCKER_SOCKET a socket of
// dockerd, whose BuildKit is then also asked without any client: curl posts the context as a URL.
// BENCH_BUILDAH adds buildah, with cached layers, stages side by side and runc. Steps of all of them have
// the host's network, the only one that every peer has everywhere.
import { spawnSync } from 'node:child_process';

export interface BuildCall {
  readonly context: string;
  readonly tag: string;
  readonly salt: string;
  readonly push: boolean;
  /** Private store of this run, for builders that take one. */
  readonly store: string;
  /** Files of secrets by id. */
  readonly secrets: Readonly<Record<string, string>>;
  /** URL of the context as an archive, where it is served. */
  readonly remote: string | null;
}

const secretFlags = (call: BuildCall): readonly string[] =>
  Object.entries(call.secrets).map(([id, file]) => `--secret=id=${id},src=${file}`);

export interface Builder {
  readonly name: string;
  /** Null where this builder cannot do it. */
  command(call: BuildCall): readonly string[] | null;
}

const wrapper = process.env['BENCH_PEER']?.split(' ') ?? [];
const works = (...command: string[]): boolean =>
  spawnSync(command[0] ?? '', command.slice(1), { stdio: 'ignore', timeout: 20_000 }).status === 0;

const tsbuild = new URL('../bin/tsbuild', import.meta.url).pathname;

const socket = process.env['BENCH_DOCKER_SOCKET'];

/**
 * A build by the daemon alone: the context is an archive that it fetches from `remote`, so that no
 * client takes part. It can neither push nor take secrets this way.
 */
function askDaemon(path: string, call: BuildCall): readonly string[] | null {
  if (call.push || call.remote === null || Object.keys(call.secrets).length > 0) return null;
  const query = new URLSearchParams({
    version: '2',
    remote: call.remote,
    t: call.tag,
    networkmode: 'host',
    buildargs: JSON.stringify({ SALT: call.salt }),
  });
  return ['curl', '-sf', '-o', '/dev/null', '--unix-socket', path, '-X', 'POST', `http://docker/build?${query}`];
}

export function presentBuilders(): readonly Builder[] {
  const builders: Builder[] = [
    {
      name: 'tsbuild',
      command: (call) => [
        tsbuild,
        '--root',
        call.store,
        '--network=host',
        '--progress=plain',
        '--build-arg',
        `SALT=${call.salt}`,
        '-t',
        call.tag,
        ...(call.push ? ['--push'] : []),
        ...secretFlags(call),
        call.context,
      ],
    },
  ];
  if (works(...wrapper, 'docker', 'version')) {
    builders.push({
      name: 'docker',
      command: (call) => [
        ...wrapper,
        ...[
          'docker',
          'buildx',
          'build',
          '--provenance=false',
          '--network=host',
          '--progress=plain',
          '--build-arg',
          `SALT=${call.salt}`,
          '-t',
          call.tag,
        ],
        ...(call.push ? ['--push'] : ['--load']),
        ...secretFlags(call),
        call.context,
      ],
    });
  }
  if (socket !== undefined && works('curl', '-sf', '--unix-socket', socket, 'http://docker/_ping')) {
    builders.push({ name: 'buildkit', command: (call) => askDaemon(socket, call) });
  }
  if (process.env['BENCH_BUILDAH'] !== undefined && works(...wrapper, 'buildah', '--version')) {
    builders.push({
      name: 'buildah',
      command: (call) => {
        const build = `buildah bud -q --layers --jobs 0 --network host --runtime runc --tls-verify=false --build-arg SALT=${call.salt} ${secretFlags(call).join(' ')} -t ${call.tag} ${call.context}`;
        return [...wrapper, 'sh', '-c', call.push ? `${build} && buildah push -q --tls-verify=false ${call.tag}` : build];
      },
    });
  }
  return builders;
}
