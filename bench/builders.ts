// The builders that are compared, as far as they are present on this machine. BENCH_PEER names a
// wrapper command that runs peers elsewhere (a chroot, a namespace).
import { spawnSync } from 'node:child_process';

export interface BuildCall {
  readonly context: string;
  readonly tag: string;
  readonly salt: string;
  readonly push: boolean;
  /** Private store of this run, for builders that take one. */
  readonly store: string;
}

export interface Builder {
  readonly name: string;
  command(call: BuildCall): readonly string[];
}

const wrapper = process.env['BENCH_PEER']?.split(' ') ?? [];
const works = (...command: string[]): boolean =>
  spawnSync(command[0] ?? '', command.slice(1), { stdio: 'ignore', timeout: 20_000 }).status === 0;

const tsbuild = new URL('../bin/tsbuild', import.meta.url).pathname;

export function presentBuilders(): readonly Builder[] {
  const builders: Builder[] = [
    {
      name: 'tsbuild',
      command: (call) => [
        tsbuild,
        '--root',
        call.store,
        '--progress=plain',
        '--build-arg',
        `SALT=${call.salt}`,
        '-t',
        call.tag,
        ...(call.push ? ['--push'] : []),
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
        call.context,
      ],
    });
  }
  if (process.env['BENCH_BUILDAH'] !== undefined && works(...wrapper, 'buildah', '--version')) {
    builders.push({
      name: 'buildah',
      command: (call) => {
        const build = `buildah bud -q --layers --network host --runtime runc --tls-verify=false --build-arg SALT=${call.salt} -t ${call.tag} ${call.context}`;
        return [...wrapper, 'sh', '-c', call.push ? `${build} && buildah push -q --tls-verify=false ${call.tag}` : build];
      },
    });
  }
  return builders;
}
