// --load: hands the image to a Docker or Podman of this machine, as a stream, without a file between.
import { spawn, spawnSync } from 'node:child_process';
import { TsbuildError } from '../../core/errors.ts';
import { formatReference } from '../../core/reference.ts';
import { writeDockerArchive } from '../../push/assemble/docker-archive.ts';
import type { ImageForm } from '../request/build-request.ts';
import { fetchMissingLayers } from './fetch-layers.ts';
import { namesOf } from './names.ts';
import type { FinishedImage, OutputContext } from './outputs.ts';

const ENGINES = ['docker', 'podman'] as const;

export async function loadIntoEngine(context: OutputContext, output: ImageForm, image: FinishedImage): Promise<void> {
  const { session, request } = context;
  const engine = ENGINES.find((name) => spawnSync(name, ['version'], { stdio: 'ignore', timeout: 10_000 }).status === 0);
  if (engine === undefined) {
    throw new TsbuildError({
      code: 'build/no-load-target',
      message: 'neither docker nor podman answers on this machine',
      hint: 'use --output type=docker,dest=FILE, or --push',
    });
  }
  await fetchMissingLayers(context, image.built);
  const names = namesOf(request, output).map(formatReference);
  const child = spawn(engine, ['load', '--quiet'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors = (errors + data.toString()).slice(-2000);
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const written = writeDockerArchive(
    [{ descriptor: image.descriptor, names, created: session.clock() }],
    session.blobs,
    child.stdin,
    session.signal,
  );
  const [code, writing] = await Promise.all([
    ended,
    written.then(
      () => null,
      (error: unknown) => error,
    ),
  ]);
  if (code !== 0)
    throw new TsbuildError({ code: 'build/output', message: `${engine} load failed: ${errors.trim() || `exit code ${code}`}` });
  if (writing !== null) throw writing;
}
