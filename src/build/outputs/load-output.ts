// --load: hands the image to a Docker or Podman of this machine, as a stream, without a file between.
import { execFile, spawn } from 'node:child_process';
import { TsbuildError } from '../../core/errors.ts';
import { formatReference } from '../../core/reference.ts';
import { writeDockerArchive } from '../../push/assemble/docker-archive.ts';
import type { ImageForm } from '../request/build-request.ts';
import { fetchMissingLayers } from './fetch-layers.ts';
import { namesOf } from './names.ts';
import type { FinishedImage, OutputContext } from './outputs.ts';

const ENGINES = ['docker', 'podman'];
/** Milliseconds. */
const ANSWER_TIMEOUT = 10_000;

export async function loadIntoEngine(context: OutputContext, output: ImageForm, image: FinishedImage): Promise<void> {
  const { session, request } = context;
  const { signal } = session;
  const engine = await runningEngine(signal);
  if (engine === null) {
    throw new TsbuildError({
      code: 'build/no-load-target',
      message: 'neither docker nor podman answers on this machine',
      hint: 'use --output type=docker,dest=FILE, or --push',
    });
  }
  await fetchMissingLayers(context, image.built);
  const names = namesOf(request, output).map(formatReference);
  const child = spawn(engine, ['load', '--quiet'], { stdio: ['pipe', 'ignore', 'pipe'], signal });
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
    signal,
  ).then(
    () => null,
    (error: unknown) => error,
  );
  // What an engine says of a stream that we cut off is not why there is no image.
  const [code, problem] = await Promise.all([ended, written]).finally(() => signal.throwIfAborted());
  if (code !== 0) {
    throw new TsbuildError({
      code: 'build/output',
      message: `${engine} load failed: ${errors.trim() || `exit code ${code}`}`,
      hint: `put right what ${engine} says, or save the image with --output type=docker,dest=FILE`,
    });
  }
  if (problem !== null) throw problem;
}

/** The first that is installed and whose daemon, if it needs one, answers. */
async function runningEngine(signal: AbortSignal): Promise<string | null> {
  for (const name of ENGINES) if (await answers(name, signal)) return name;
  signal.throwIfAborted();
  return null;
}

const answers = (engine: string, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    execFile(engine, ['version'], { timeout: ANSWER_TIMEOUT, signal }, (error) => resolve(error === null));
  });
